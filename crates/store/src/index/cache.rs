//! The indexes that were opened last, and the sections that were read last.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use catalog::{SegmentId, SegmentRow};
use seal::Keyring;

use super::counts::{Head, MINUTE_NANOS, read_head, read_minutes};
use super::directory::Directory;
use super::file::SectionReader;
use super::path_beside;
use crate::kept::Kept;

/// How many indexes are held open.
const OPEN_MAX: usize = 256;
/// How many bytes of sections are kept in memory.
const SECTION_BYTES_MAX: usize = 32 << 20;

/// The index of one segment.
#[derive(Debug)]
pub(crate) struct Index {
    id: SegmentId,
    reader: SectionReader,
    pub(super) directory: Directory,
}

/// What a section holds, expanded.
type Section = Arc<Vec<u8>>;

/// The indexes of a store.
#[derive(Debug)]
pub(crate) struct Indexes {
    dir: std::path::PathBuf,
    keyring: Option<Keyring>,
    open: Mutex<Kept<SegmentId, Option<Arc<Index>>>>,
    sections: Mutex<Kept<(SegmentId, u32), Section>>,
    failures: AtomicU64,
}

/// Values of one column with their counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    /// The most frequent values, the most frequent first.
    pub(crate) values: Vec<(String, u64)>,
    /// How often a value that is not among them occurs at most.
    pub(crate) cut: u64,
    /// How many values there are in all, each as often as it occurs.
    pub(crate) happenings: u64,
    /// How many rows have none.
    pub(crate) missing: u64,
}

impl Indexes {
    /// Gives the indexes of the store in a folder.
    pub(crate) fn new(dir: &Path, keyring: Option<Keyring>) -> Self {
        Self {
            dir: dir.to_owned(),
            keyring,
            open: Mutex::default(),
            sections: Mutex::default(),
            failures: AtomicU64::new(0),
        }
    }

    /// Gives the index of a segment; `None` where it has none that can be read.
    pub(crate) fn of(&self, row: &SegmentRow) -> Option<Arc<Index>> {
        let kept = self.open.lock().unwrap_or_else(PoisonError::into_inner).get(row.id);
        if let Some(found) = kept {
            return found;
        }
        let index = self.open(row).map(Arc::new);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.put(row.id, index.clone(), 1, OPEN_MAX);
        index
    }

    fn open(&self, row: &SegmentRow) -> Option<Index> {
        let path = path_beside(&self.dir.join(&row.file));
        let (reader, directory) = match SectionReader::open(&path, self.keyring.as_ref()) {
            Ok(opened) => opened,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => return self.fail(&row.file, &error),
        };
        let Some(directory) = Directory::decode(&directory) else {
            return self.fail(&row.file, "its directory is damaged");
        };
        let is_its_own = directory.segment == row.digest
            && u64::try_from(directory.rows).is_ok_and(|rows| rows == row.events);
        if !is_its_own {
            return self.fail(&row.file, "it is that of another segment");
        }
        Some(Index { id: row.id, reader, directory })
    }

    /// Counts and tells once that an index is of no use; the search goes on without it.
    fn fail<T>(&self, file: &str, reason: impl ToString) -> Option<T> {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let reason = reason.to_string();
        tracing::warn!(
            file,
            reason,
            "the index of a segment cannot be read; the segment is searched whole"
        );
        None
    }

    /// Lets go of a segment that is gone.
    pub(crate) fn forget(&self, id: SegmentId) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).forget(|key| *key == id);
        let mut sections = self.sections.lock().unwrap_or_else(PoisonError::into_inner);
        sections.forget(|(key, _)| *key == id);
    }

    /// Gives how many times an index could not be read.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Gives a section of an index, from memory or from the file.
    pub(super) fn section(
        &self,
        index: &Index,
        number: u32,
        offset: u64,
        end: u64,
    ) -> Option<Section> {
        let key = (index.id, number);
        if let Some(section) = self.sections.lock().unwrap_or_else(PoisonError::into_inner).get(key)
        {
            return Some(section);
        }
        let length = end.checked_sub(offset)?;
        let read = match index.reader.read(number, offset, length) {
            Ok(read) => Arc::new(read),
            Err(error) => return self.fail(&format!("of segment {}", index.id), &error),
        };
        let mut sections = self.sections.lock().unwrap_or_else(PoisonError::into_inner);
        sections.put(key, Arc::clone(&read), read.len() + 64, SECTION_BYTES_MAX);
        Some(read)
    }

    /// Gives the values of a column with their counts over the whole segment, if they were counted.
    pub(crate) fn values(&self, index: &Index, column: &str) -> Option<Values> {
        let head: &Head = index.directory.counts.heads.iter().find(|head| head.name == column)?;
        let end = head.offset.checked_add(head.length)?;
        let section = self.section(index, head.section, head.offset, end)?;
        let rows = u64::try_from(index.directory.rows).ok()?;
        Some(Values {
            values: read_head(&section)?,
            cut: head.cut,
            happenings: head.happenings,
            missing: rows.checked_sub(head.present)?,
        })
    }

    /// Gives the begins of the minutes in which events happened, ascending, with how many.
    pub(crate) fn minutes(&self, index: &Index) -> Option<Vec<(i64, u64)>> {
        let (number, offset, length) = index.directory.counts.minutes?;
        let section = self.section(index, number, offset, offset.checked_add(length)?)?;
        let minutes = read_minutes(&section)?.into_iter();
        minutes.map(|(minute, count)| Some((minute.checked_mul(MINUTE_NANOS)?, count))).collect()
    }
}
