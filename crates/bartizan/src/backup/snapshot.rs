//! The catalog and the log of one moment, beside a process that goes on writing.
//!
//! The catalog is copied in one transaction of its own; then the log files are opened. A generation
//! that becomes segments in between takes its log files with it, and its segments are not in the
//! copy: so where the committed offset or a checkpoint has moved since the copy, both are taken
//! anew. The order of the steps makes alerts of the copy find their events in the log. Files that
//! are open can be read although they were deleted.

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use catalog::{Catalog, SegmentRow};

use super::copy::{Work, hexadecimal, make_folder};
use super::manifest::Kept;
use crate::failure::{Outcome, ending};

pub(super) const CATALOG: &str = "catalog.db";
pub(super) const LOG: &str = "wal";
/// A generation becomes segments once in some seconds at most; several tries in a row that each meet
/// one mean something else is wrong.
const TRIES_MAX: usize = 10;

/// What was taken.
pub(super) struct Snapshot {
    pub(super) segments: Vec<SegmentRow>,
    /// The catalog and the log files.
    pub(super) files: Vec<Kept>,
}

/// A log file and how much of it was there.
type Log = (PathBuf, File, u64);

/// Takes the catalog and the log into the folder `name` of the target.
pub(super) fn snapshot(
    live: &Catalog,
    data: &Path,
    (target, name): (&Path, &str),
    work: &mut Work<'_>,
) -> anyhow::Result<Snapshot> {
    let folder = target.join(name);
    make_folder(&folder.join(LOG))?;
    let path = folder.join(CATALOG);
    for _ in 0..TRIES_MAX {
        work.go_on()?;
        remove_if_there(&path)?;
        live.copy_to(&path)
            .with_context(|| format!("cannot copy the catalog to {}", path.display()))?;
        let Some(logs) = open_logs(&data.join(LOG))? else { continue };
        let segments = {
            let copy = Catalog::open(&path)?;
            let moved = copy.committed()? != live.committed()?
                || copy.checkpoints()? != live.checkpoints()?;
            if moved {
                continue;
            }
            copy.segments()?
        };
        let mut files = Vec::with_capacity(logs.len() + 1);
        let read = work.digest(&path)?;
        files.push(kept(CATALOG.to_owned(), name, &read));
        for (from, file, length) in logs {
            let below = format!("{LOG}/{}", from.file_name().unwrap_or_default().to_string_lossy());
            let read = work.copy(&mut file.take(length), &from, &folder.join(&below))?;
            files.push(kept(below, name, &read));
        }
        return Ok(Snapshot { segments, files });
    }
    let sentence = "the store moves on too quickly to be copied; try again at a quieter moment";
    Err(ending(Outcome::Fault, sentence))
}

/// Gives the entry of a file that lies in the snapshot's folder as it does in the data folder.
pub(super) fn kept(path: String, name: &str, read: &super::copy::Copied) -> Kept {
    let stored = format!("{name}/{path}");
    Kept { path, stored, bytes: read.bytes, sha256: hexadecimal(&read.sha256) }
}

/// Opens all log files in the order of their numbers; `None` where one went meanwhile.
fn open_logs(folder: &Path) -> anyhow::Result<Option<Vec<Log>>> {
    let what = || format!("cannot list {}", folder.display());
    let entries = match fs::read_dir(folder) {
        // A store that was never written to.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Some(Vec::new())),
        entries => entries.with_context(what)?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.with_context(what)?.path();
        if path.extension().is_some_and(|extension| extension == "wal") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut logs = Vec::with_capacity(paths.len());
    for path in paths {
        let opened = File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
        match opened {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => {
                let (length, file) =
                    opened.with_context(|| format!("cannot read {}", path.display()))?;
                logs.push((path, file, length));
            }
        }
    }
    Ok(Some(logs))
}

pub(super) fn remove_if_there(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot delete {}", path.display()))
        }
        _ => Ok(()),
    }
}
