//! Whose data folder it is, and whether it is as this machine left it.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use catalog::Catalog;
use model::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::clock::now;
use crate::error::During;
use crate::{StoreError, wal};

/// Clocks are set right by as much all the time.
const CLOCK_SLACK: Duration = Duration::from_secs(5);
/// The setting that tells which machine wrote here last.
const MACHINE: &str = "machine";

/// Refuses a data folder that this process must not write to, or in which the catalog is gone, before
/// anything is made there.
pub fn check_folder(dir: &Path) -> Result<(), StoreError> {
    check_owner(dir)?;
    if dir.join("catalog.db").exists() {
        return Ok(());
    }
    refuse_lost(dir)
}

/// Refuses a folder of another user: what this process would write there, its owner could not read.
pub(crate) fn check_owner(dir: &Path) -> Result<(), StoreError> {
    let metadata = std::fs::metadata(dir).during(|| format!("look at {}", dir.display()))?;
    let (owner, ours) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner == ours {
        return Ok(());
    }
    Err(StoreError::Foreign { folder: dir.to_owned(), owner, ours })
}

/// Refuses an empty catalog beside segments whose events are in no log: it is not theirs.
pub(crate) fn check_catalog(dir: &Path, catalog: &Catalog) -> Result<(), StoreError> {
    let is_new = catalog.committed()? == 0
        && catalog.segments()?.is_empty()
        && catalog.chain_head()?.is_none();
    if is_new { refuse_lost(dir) } else { Ok(()) }
}

fn refuse_lost(dir: &Path) -> Result<(), StoreError> {
    let logs = dir.join("wal");
    let logs = if logs.is_dir() { wal::list(&logs)? } else { Vec::new() };
    let first_log = logs.first().copied().unwrap_or(u64::MAX);
    let files = segment_files(dir)?;
    match files
        .iter()
        .filter(|path| number_of(path).is_none_or(|number| number < first_log))
        .count()
    {
        0 => Ok(()),
        segments => Err(StoreError::CatalogLost { folder: dir.to_owned(), segments }),
    }
}

/// Tells, once at each start, what is odd about the machine and its clock.
pub(crate) fn notices(dir: &Path, catalog: &Catalog) -> Result<Vec<String>, StoreError> {
    let mut told = Vec::new();
    if let Some(here) = machine() {
        let before = catalog.setting(MACHINE)?;
        if before.as_deref() != Some(here.as_str()) {
            catalog.set_setting(MACHINE, &here)?;
        }
        if before.is_some_and(|before| before != here) {
            told.push(format!(
                "{} was last written on another machine: if that one still runs, both give their \
                 events the same numbers, and only one of them may go on",
                dir.display()
            ));
        }
    }
    let (newest, now) = (last_written(dir, catalog)?, now());
    if newest > now.plus(CLOCK_SLACK) {
        told.push(format!(
            "the clock shows {now}, and this store was last written at {newest}: the clock went \
             back by {} s, or was ahead then; times of receipt from now on are the clock's",
            newest.since(now).as_secs()
        ));
    }
    Ok(told)
}

/// Gives when something was written here last, by the clock of that moment.
fn last_written(dir: &Path, catalog: &Catalog) -> Result<Timestamp, StoreError> {
    let chained = catalog.chain_head()?.map_or(Timestamp::MIN, |head| head.at);
    let logs = dir.join("wal");
    let written = wal::list(&logs)?.into_iter().filter_map(|number| {
        let modified = std::fs::metadata(wal::path_of(&logs, number)).ok()?.modified().ok()?;
        let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(Timestamp::default().plus(since))
    });
    Ok(written.fold(chained, Timestamp::max))
}

/// Gives a name for this machine that says nothing else about it.
fn machine() -> Option<String> {
    let id = std::fs::read_to_string("/etc/machine-id").ok()?;
    let id = id.trim();
    if id.is_empty() {
        return None;
    }
    let digest = Sha256::digest(format!("bartizan machine {id}"));
    let mut name = String::with_capacity(16);
    for byte in digest.iter().take(8) {
        // Writing to a String cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    Some(name)
}

/// Gives the number that a segment's file begins with: the last log file that held its events.
pub(crate) fn number_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let digits = name.split(|letter: char| !letter.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// Gives every segment file that lies in the folders of days, listed or not.
pub(crate) fn segment_files(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let root = dir.join("segments");
    let mut files = Vec::new();
    for day in entries(&root)? {
        if day.is_dir() {
            files.extend(entries(&day)?.into_iter().filter(|path| is_segment(path)));
        }
    }
    files.sort();
    Ok(files)
}

pub(crate) fn is_segment(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "parquet")
}

/// Gives what lies in a folder; nothing where there is no such folder.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let what = || format!("list {}", folder.display());
    let read = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.during(what)?,
    };
    read.map(|entry| Ok(entry.during(what)?.path())).collect()
}

/// Moves a file, and its index with it, into `quarantine`; nothing there is written over.
pub(crate) fn set_aside(dir: &Path, path: &Path) -> Result<PathBuf, StoreError> {
    let aside = dir.join("quarantine");
    let what = || format!("set {} aside", path.display());
    std::fs::create_dir_all(&aside).during(what)?;
    let name = path.file_name().unwrap_or_default();
    let mut target = aside.join(name);
    for number in 1_u32.. {
        if !target.exists() {
            break;
        }
        target = aside.join(format!("{number}-{}", name.to_string_lossy()));
    }
    std::fs::rename(path, &target).during(what)?;
    let index = path.with_extension("index");
    if is_segment(path) && index.exists() {
        std::fs::rename(&index, target.with_extension("index")).during(what)?;
    }
    Ok(target)
}
