//! Finds the files below folders.

use std::fs;
use std::path::{Path, PathBuf};

use super::ImportFault;
use crate::running::SourceError;

/// A folder deeper than that is a loop or a trap.
const DEPTH_MAX: usize = 64;
const FILES_MAX: usize = 1_000_000;

/// A file that is to be read.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

/// All files, in order, and what could not be walked.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) files: Vec<Found>,
    pub(super) faults: Vec<ImportFault>,
}

/// Tells whether a path stands for standard input.
pub(super) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Finds all files; a path that was named and is not there is an error.
pub(super) fn walk(paths: &[PathBuf]) -> Result<Walk, SourceError> {
    let mut walk = Walk::default();
    for path in paths {
        if is_stdin(path) {
            walk.files.push(Found { path: path.clone(), bytes: 0 });
            continue;
        }
        let failed = |error| SourceError::Read { path: path.display().to_string(), error };
        let metadata = fs::metadata(path).map_err(failed)?;
        if metadata.is_dir() {
            fs::read_dir(path).map_err(failed)?;
            walk.folder(path, DEPTH_MAX);
        } else {
            walk.files.push(Found { path: path.clone(), bytes: metadata.len() });
        }
    }
    Ok(walk)
}

impl Walk {
    /// Adds what is in a folder. Links are not followed, for they may lead back.
    fn folder(&mut self, folder: &Path, depth_left: usize) {
        if depth_left == 0 {
            return self.fault(folder, format!("is more than {DEPTH_MAX} folders deep"));
        }
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.fault(folder, error.to_string()),
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() => self.folder(&path, depth_left - 1),
                Ok(metadata) if metadata.is_file() => {
                    if self.files.len() >= FILES_MAX {
                        return self.fault(&path, format!("is past the first {FILES_MAX} files"));
                    }
                    self.files.push(Found { path, bytes: metadata.len() });
                }
                Ok(_) => {}
                Err(error) => self.fault(&path, error.to_string()),
            }
        }
    }

    fn fault(&mut self, path: &Path, message: String) {
        self.faults.push(ImportFault { path: path.to_owned(), message });
    }
}
