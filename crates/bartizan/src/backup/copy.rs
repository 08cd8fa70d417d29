//! Copies files with their digests, durably, and can be interrupted.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use indicatif::ProgressBar;
use sha2::{Digest as _, Sha256};

use crate::failure::{Outcome, ending};
use crate::interrupt::Interrupt;

const CHUNK_BYTES: usize = 1 << 20;

/// The work of one command: what has been read is shown, and Ctrl-C ends it.
pub(super) struct Work<'w> {
    pub(super) bar: ProgressBar,
    pub(super) interrupt: &'w Interrupt,
    buffer: Vec<u8>,
}

/// A file that was read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Copied {
    pub(super) bytes: u64,
    pub(super) sha256: [u8; 32],
}

impl<'w> Work<'w> {
    pub(super) fn new(bar: ProgressBar, interrupt: &'w Interrupt) -> Self {
        Self { bar, interrupt, buffer: vec![0; CHUNK_BYTES] }
    }

    /// Fails where the person wants the command to end.
    pub(super) fn go_on(&self) -> anyhow::Result<()> {
        if self.interrupt.is_asked() {
            self.bar.finish_and_clear();
            return Err(ending(Outcome::Interrupted, "interrupted; nothing was changed"));
        }
        Ok(())
    }

    /// Reads to the end and hands on what comes; `shown` is what is read.
    fn each(
        &mut self,
        from: &mut dyn Read,
        shown: &Path,
        each: &mut dyn FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<Copied> {
        let mut hasher = Sha256::new();
        let mut bytes = 0_u64;
        loop {
            self.go_on()?;
            let read = match from.read(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.with_context(|| format!("cannot read {}", shown.display()))?,
            };
            let chunk = self.buffer.get(..read).unwrap_or_default();
            if chunk.is_empty() {
                return Ok(Copied { bytes, sha256: hasher.finalize().into() });
            }
            hasher.update(chunk);
            each(chunk)?;
            let read = u64::try_from(read).unwrap_or_default();
            bytes = bytes.saturating_add(read);
            self.bar.inc(read);
        }
    }

    /// Copies what is read from `shown` into a new file, for its owner alone, and makes it durable.
    pub(super) fn copy(
        &mut self,
        from: &mut dyn Read,
        shown: &Path,
        to: &Path,
    ) -> anyhow::Result<Copied> {
        let what = || format!("cannot write {}", to.display());
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(to).with_context(what)?;
        let copied =
            self.each(from, shown, &mut |chunk| file.write_all(chunk).with_context(what))?;
        file.sync_all().with_context(what)?;
        Ok(copied)
    }

    /// Reads a file for its digest alone.
    pub(super) fn digest(&mut self, path: &Path) -> anyhow::Result<Copied> {
        let file = File::open(path);
        let mut file = file.with_context(|| format!("cannot read {}", path.display()))?;
        self.each(&mut file, path, &mut |_| Ok(()))
    }
}

/// Makes a folder and those above it, for their owner alone.
pub(super) fn make_folder(folder: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes the names in all folders below one durable.
pub(super) fn sync_tree(folder: &Path) -> anyhow::Result<()> {
    let what = || format!("cannot sync {}", folder.display());
    for entry in fs::read_dir(folder).with_context(what)? {
        let entry = entry.with_context(what)?;
        if entry.file_type().with_context(what)?.is_dir() {
            sync_tree(&entry.path())?;
        }
    }
    sync_folder(folder).with_context(what)
}

/// Bounds the files of one folder, and its depth: what lies there may be anything.
const FILES_MAX: usize = 1_000_000;
const DEPTH_MAX: usize = 32;

/// Lists the files below a folder, those in folders too, in order; `skip` tells of a path below it
/// whether it is passed over. What is neither file nor folder is given to `odd`.
pub(super) fn files_below(
    folder: &Path,
    skip: &dyn Fn(&Path) -> bool,
    odd: &mut dyn FnMut(&Path),
) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![(PathBuf::new(), 0)];
    while let Some((below, depth)) = waiting.pop() {
        let here = folder.join(&below);
        let what = || format!("cannot list {}", here.display());
        for entry in fs::read_dir(&here).with_context(what)? {
            let entry = entry.with_context(what)?;
            let path = below.join(entry.file_name());
            let kind = entry.file_type().with_context(what)?;
            if skip(&path) {
                continue;
            }
            if kind.is_dir() && depth < DEPTH_MAX {
                waiting.push((path, depth + 1));
            } else if kind.is_file() && found.len() < FILES_MAX {
                found.push(path);
            } else {
                odd(&folder.join(&path));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Writes bytes in hexadecimal.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
