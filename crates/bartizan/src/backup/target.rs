//! The folder that a backup goes to: what it holds, who may write to it, what is left over in it.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use rustix::fs::{FlockOperation, flock};

use super::copy::{files_below, make_folder, sync_folder};
use super::manifest::{Kept, Manifest};
use super::snapshot::{CATALOG, LOG};
use crate::failure::{Outcome, ending};
use crate::output::complain;

pub(super) const SEGMENTS: &str = "segments";
pub(super) const SNAPSHOT: &str = "snapshot-";
const LOCK: &str = "backup.lock";

/// Looks whether the target can take a backup, and gives the one that is there.
pub(super) fn prepare(target: &Path, data: &Path) -> anyhow::Result<Option<Manifest>> {
    let shown = target.display();
    let created = !target.exists();
    make_folder(target)?;
    let real = target.canonicalize().with_context(|| format!("cannot find {shown}"))?;
    let data = data.canonicalize().with_context(|| "cannot find the data folder")?;
    if real.starts_with(&data) || data.starts_with(&real) {
        if created {
            // Nothing of ours is to be left there.
            let _ = fs::remove_dir(target);
        }
        let sentence =
            format!("{shown} and the data folder lie in one another; name another target");
        return Err(ending(Outcome::Usage, sentence));
    }
    let old = match Manifest::read(target) {
        Ok(old) => old,
        Err(error) => {
            complain(&format!("{error:#}; everything is copied anew"));
            return Ok(None);
        }
    };
    if old.is_none() {
        for entry in fs::read_dir(target).with_context(|| format!("cannot list {shown}"))? {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            if ![LOCK, SEGMENTS, "manifest.new"].contains(&&*name) && !name.starts_with(SNAPSHOT) {
                let sentence =
                    format!("{shown} is not empty and holds no backup: name an empty folder");
                return Err(ending(Outcome::Usage, sentence));
            }
        }
    }
    Ok(old)
}

/// Keeps other backups out of the target.
pub(super) fn lock(target: &Path) -> anyhow::Result<File> {
    let path = target.join(LOCK);
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.with_context(|| format!("cannot open {}", path.display()))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let sentence = format!("another backup into {} is under way", target.display());
            Err(ending(Outcome::Fault, sentence))
        }
        Err(error) => Err(std::io::Error::from(error))
            .with_context(|| format!("cannot lock {}", path.display())),
    }
}

/// Lays the files out as a data folder, by links.
pub(super) fn lay_out(target: &Path, folder: &Path, files: &[Kept]) -> anyhow::Result<()> {
    let target = target.canonicalize()?;
    for name in [LOG, SEGMENTS] {
        make_folder(&folder.join(name))?;
    }
    for file in files {
        let to = folder.join(&file.path);
        to.parent().map_or(Ok(()), make_folder)?;
        let from = target.join(&file.stored);
        let outcome = if file.path == CATALOG {
            // It is opened to be written.
            fs::copy(&from, &to).map(drop)
        } else {
            std::os::unix::fs::symlink(&from, &to)
        };
        outcome.with_context(|| format!("cannot write {}", to.display()))?;
    }
    Ok(())
}

/// Deletes what was part of earlier backups alone; where that cannot be done, the next one does it.
pub(super) fn tidy(target: &Path, manifest: &Manifest) {
    let stored: HashSet<&Path> =
        manifest.files.iter().map(|file| Path::new(file.stored.as_str())).collect();
    let segments = target.join(SEGMENTS);
    let files = files_below(&segments, &|_| false, &mut |_| ()).unwrap_or_default();
    for path in files.iter().map(|path| Path::new(SEGMENTS).join(path)) {
        if stored.contains(path.as_path()) {
            continue;
        }
        let _ = fs::remove_file(target.join(&path));
        // A folder that still holds something stays.
        let _ = path.parent().map(|folder| fs::remove_dir(target.join(folder)));
    }
    for entry in fs::read_dir(target).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(SNAPSHOT) && name != manifest.snapshot {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let _ = sync_folder(target);
}
