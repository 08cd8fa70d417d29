//! What correlations remember, as bytes, so that it outlives the process.
//!
//! A snapshot is its magic, its version, the states in the order of their rules' ids, and a checksum
//! over all that. The same memory gives the same bytes.

use std::collections::HashMap;

use model::Timestamp;

use crate::codec::{Reader, Writer};
use crate::memory::{Memory, MemoryCounters, State};
use crate::window::Window;

const MAGIC: &[u8; 8] = b"bartcorr";
const VERSION: u64 = 1;
/// Bounds a snapshot that is read; what a memory may hold fits with room to spare.
const BYTES_MAX: usize = 1 << 30;

/// Why a snapshot is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// It is none, or one of another version.
    #[error("this is no snapshot of this version")]
    Version,
    /// It was cut short or changed.
    #[error("the snapshot's checksum is wrong")]
    Checksum,
    /// It does not hold what its version says.
    #[error("the snapshot is malformed")]
    Malformed,
    /// It is larger than any memory.
    #[error("the snapshot is too large")]
    TooLarge,
}

impl Memory {
    /// Gives what is remembered as bytes; the same memory gives the same bytes.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.raw(MAGIC);
        writer.number(VERSION);
        write_counters(&mut writer, self.counters);
        let mut states: Vec<(&String, &State)> = self.states.iter().collect();
        states.sort_unstable_by_key(|(id, _)| *id);
        writer.length(states.len());
        for (id, state) in states {
            writer.text(id);
            write_state(&mut writer, state);
        }
        let checksum = crc32fast::hash(writer.written());
        writer.raw(&checksum.to_le_bytes());
        writer.finish()
    }

    /// Gives the memory that a snapshot was made of. What belongs to a rule that has changed since is
    /// let go, and counted, when the rule is next looked at.
    pub fn restore(bytes: &[u8]) -> Result<Self, SnapshotError> {
        if bytes.len() > BYTES_MAX {
            return Err(SnapshotError::TooLarge);
        }
        let body = bytes.strip_prefix(MAGIC).ok_or(SnapshotError::Version)?;
        let (body, checksum) = body.split_last_chunk().ok_or(SnapshotError::Checksum)?;
        let checked = bytes.get(..MAGIC.len() + body.len()).unwrap_or_default();
        if crc32fast::hash(checked) != u32::from_le_bytes(*checksum) {
            return Err(SnapshotError::Checksum);
        }
        let mut reader = Reader::new(body);
        if reader.number()? != VERSION {
            return Err(SnapshotError::Version);
        }
        let counters = read_counters(&mut reader)?;
        let mut states = HashMap::new();
        for _ in 0..reader.length()? {
            let id = reader.text()?.to_owned();
            states.insert(id, read_state(&mut reader)?);
        }
        if !reader.is_empty() {
            return Err(SnapshotError::Malformed);
        }
        Ok(Self::from_parts(states, counters))
    }
}

fn write_counters(writer: &mut Writer, counters: MemoryCounters) {
    let MemoryCounters { groups_evicted, entries_evicted, late, changed } = counters;
    for count in [groups_evicted, entries_evicted, late, changed] {
        writer.number(count);
    }
}

fn read_counters(reader: &mut Reader<'_>) -> Result<MemoryCounters, SnapshotError> {
    Ok(MemoryCounters {
        groups_evicted: reader.number()?,
        entries_evicted: reader.number()?,
        late: reader.number()?,
        changed: reader.number()?,
    })
}

fn write_state(writer: &mut Writer, state: &State) {
    writer.whole(state.definition);
    writer.length(state.taken);
    for groups in [&state.young, &state.old] {
        let mut groups: Vec<(&Box<str>, &Window)> = groups.iter().collect();
        groups.sort_unstable_by_key(|(key, _)| *key);
        writer.length(groups.len());
        for (key, window) in groups {
            writer.text(key);
            window.write(writer);
        }
    }
}

fn read_state(reader: &mut Reader<'_>) -> Result<State, SnapshotError> {
    let definition = reader.whole()?;
    let taken = usize::try_from(reader.number()?).map_err(|_| SnapshotError::Malformed)?;
    let mut generations = [HashMap::new(), HashMap::new()];
    for groups in &mut generations {
        for _ in 0..reader.length()? {
            let key = Box::from(reader.text()?);
            groups.insert(key, Window::read(reader)?);
        }
    }
    let [young, old] = generations;
    Ok(State { definition, young, old, taken })
}

/// Writes a moment after an earlier one: within a window that takes few bytes.
pub(crate) fn write_time(writer: &mut Writer, time: Timestamp, before: Timestamp) {
    writer.signed(time.nanos().wrapping_sub(before.nanos()));
}

pub(crate) fn read_time(
    reader: &mut Reader<'_>,
    before: Timestamp,
) -> Result<Timestamp, SnapshotError> {
    Ok(Timestamp::from_nanos(before.nanos().wrapping_add(reader.signed()?)))
}
