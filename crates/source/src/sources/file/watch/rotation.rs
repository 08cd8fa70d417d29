//! What became of a file: renamed, copied and truncated, or gone.

use std::path::{Path, PathBuf};

use super::{Watch, remember};
use crate::sources::file::From;
use crate::sources::file::position::{FileId, Position};
use crate::sources::file::tail::{Begin, Opened, Tail};

const COMPRESSED: &[&str] =
    &["gz", "bz2", "xz", "zst", "zip", "lz4", "lzma", "br", "Z", "7z", "tgz", "sz"];

/// Whether a file is the copy of another.
pub(super) enum Copied {
    No,
    /// Its original can be read: there is nothing in the copy that is not in the original.
    FromOpen,
    /// Its original was truncated; the copy is to be read on from here.
    From(u64),
}

impl Watch {
    pub(super) fn offset_of_new(&mut self, path: &Path, opened: &Opened, group: usize) -> u64 {
        // Whatever had this name before was rotated away while we did not look.
        let name = path.to_string_lossy();
        let before: Vec<(FileId, Position)> = self
            .known
            .iter()
            .filter(|(_, position)| position.path == name)
            .map(|(id, position)| (*id, position.clone()))
            .collect();
        for (id, mut position) in before {
            self.known.remove(&id);
            if !self.recover(&position, id, group) {
                position.path.clear();
                remember(&mut self.known, (id, position));
            }
        }
        let at_end = self.groups.get(group).is_some_and(|group| group.from == From::End);
        if self.first_scan && at_end { opened.end() } else { 0 }
    }

    /// Looks beside its old name for a file that was renamed, or for the copy that was made before a
    /// file was truncated, and reads it on from there; tells whether it was found.
    pub(super) fn recover(&mut self, position: &Position, id: FileId, group: usize) -> bool {
        let old = Path::new(&position.path);
        for path in beside(old) {
            let Ok(Some(opened)) = Opened::open(&path) else { continue };
            let taken = self.known.contains_key(&opened.id())
                || self.tails.iter().any(|tail| tail.id == opened.id());
            let same = opened.id() == id || position.is_telling();
            if taken || !same || !position.fits(&opened.head, opened.length()) {
                continue;
            }
            let backlog_end = if self.first_scan { opened.length() } else { 0 };
            let begin = Begin { offset: position.offset, backlog_end };
            self.open(opened, &path, (group, begin));
            return true;
        }
        false
    }

    /// Tells whether an unknown file is the copy of one that we have been reading.
    pub(super) fn copied(&self, path: &Path, opened: &Opened) -> Copied {
        let related = |tail: &&Tail| is_related(&tail.path, path);
        // The copy may still be under way: what there is of it is compared. Once its original is
        // truncated, the copy is looked for.
        if self.tails.iter().filter(related).any(|tail| tail.begins_like(&opened.head)) {
            return Copied::FromOpen;
        }
        for (id, position) in &self.known {
            let original = Path::new(&position.path);
            if !position.is_telling()
                || !is_related(original, path)
                || !position.fits(&opened.head, opened.length())
            {
                continue;
            }
            match original_of(*id, position) {
                Some(it) if position.fits(&it.head, it.length()) => return Copied::FromOpen,
                // Truncated since: what is in the copy past our place is nowhere else.
                Some(_) => return Copied::From(position.offset),
                // Deleted: whether this is its copy cannot be known, and twice is better than never.
                None => {}
            }
        }
        Copied::No
    }
}

pub(super) fn is_compressed(path: &Path) -> bool {
    path.extension().and_then(|it| it.to_str()).is_some_and(|it| COMPRESSED.contains(&it))
}

/// Finds the file of a position again: under its name, or under another beside that.
fn original_of(id: FileId, position: &Position) -> Option<Opened> {
    let path = PathBuf::from(&position.path);
    let others = beside(&path);
    let open = |path: PathBuf| Opened::open(&path).ok().flatten();
    std::iter::once(path).chain(others).filter_map(open).find(|opened| opened.id() == id)
}

/// Gives the files beside one that may be what became of it, or its copy.
fn beside(path: &Path) -> Vec<PathBuf> {
    let entries = path.parent().and_then(|folder| std::fs::read_dir(folder).ok());
    let paths = entries.into_iter().flatten().flatten().map(|entry| entry.path());
    paths.filter(|other| is_related(path, other) && !is_compressed(other)).collect()
}

/// Tells whether two names are beside one another and begin alike, as `web.log` and `web-2026.log.1` do.
fn is_related(original: &Path, path: &Path) -> bool {
    let name = |path: &Path| path.file_name().map(|it| it.to_string_lossy().into_owned());
    let (Some(one), Some(other)) = (name(original), name(path)) else { return false };
    let stem = one.split('.').find(|part| !part.is_empty()).unwrap_or_default();
    path != original
        && path.parent() == original.parent()
        && other.trim_start_matches('.').starts_with(stem)
}
