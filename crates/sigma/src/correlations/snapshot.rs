//! What correlations remember, as bytes, so that it outlives the process.
//!
//! A snapshot is its magic, its version, the states in the order of their rules' ids, and a checksum
//! over all that. The same memory gives the same bytes.

use model::{EventId, Timestamp};

use crate::correlations::codec::{Reader, Writer};
use crate::correlations::entry::{Entry, Evidence, Slice};
use crate::correlations::groups::{GroupKey, Secret};
use crate::correlations::memory::{Memory, MemoryCounters, State, States, bytes_of};
use crate::correlations::window::Window;

const MAGIC: &[u8; 8] = b"bartcorr";
const VERSION: u64 = 2;
/// The version whose groups were known by their texts.
const VERSION_OF_TEXTS: u64 = 1;
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
        self.secret.0.iter().for_each(|half| writer.whole(*half));
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
        let (secret, texts) = match reader.number()? {
            VERSION => (Secret([reader.whole()?, reader.whole()?]), false),
            VERSION_OF_TEXTS => (Secret::default(), true),
            _ => return Err(SnapshotError::Version),
        };
        let texts = texts.then_some(secret);
        let counters = read_counters(&mut reader)?;
        let mut states = States::default();
        for _ in 0..reader.length()? {
            let id = reader.text()?.to_owned();
            states.insert(id, read_state(&mut reader, texts)?);
        }
        if !reader.is_empty() {
            return Err(SnapshotError::Malformed);
        }
        Ok(Self::of(states, counters, secret))
    }
}

fn write_counters(writer: &mut Writer, counters: MemoryCounters) {
    for count in counters.counts() {
        writer.number(count);
    }
}

fn read_counters(reader: &mut Reader<'_>) -> Result<MemoryCounters, SnapshotError> {
    let mut counts = MemoryCounters::default().counts();
    for count in &mut counts {
        *count = reader.number()?;
    }
    Ok(MemoryCounters::of(counts))
}

fn write_state(writer: &mut Writer, state: &State) {
    writer.whole(state.definition);
    writer.signed(state.latest.nanos());
    writer.signed(state.turned.nanos());
    write_counters(writer, state.counters);
    for groups in [&state.young, &state.old] {
        let mut groups: Vec<(GroupKey, &Window)> = groups.iter().collect();
        groups.sort_unstable_by_key(|(key, _)| *key);
        writer.length(groups.len());
        for (key, window) in groups {
            writer.wide(key.0.cast_signed());
            write_window(writer, window);
        }
    }
}

/// Reads a state; with a secret, one whose groups stand there by their texts.
fn read_state(reader: &mut Reader<'_>, texts: Option<Secret>) -> Result<State, SnapshotError> {
    let mut state = State {
        definition: reader.whole()?,
        latest: Timestamp::from_nanos(reader.signed()?),
        turned: Timestamp::from_nanos(reader.signed()?),
        counters: read_counters(reader)?,
        ..State::default()
    };
    let generations =
        [(&mut state.young, &mut state.young_bytes), (&mut state.old, &mut state.old_bytes)];
    for (groups, bytes) in generations {
        for _ in 0..reader.length()? {
            let key = match texts {
                Some(secret) => secret.key_of(reader.text()?),
                None => GroupKey(reader.wide()?.cast_unsigned()),
            };
            let window = read_window(reader)?;
            *bytes += bytes_of(&window);
            let _ = groups.window(key, || window);
        }
    }
    Ok(state)
}

fn write_window(writer: &mut Writer, window: &Window) {
    let mut before = Timestamp::default();
    writer.flag(window.fired.is_some());
    if let Some((time, count)) = window.fired {
        write_time(writer, time, before);
        writer.number(count);
    }
    writer.length(window.slices.len());
    for slice in &window.slices {
        write_time(writer, slice.first, before);
        write_time(writer, slice.last, slice.first);
        before = slice.first;
        writer.wide(slice.weight.cast_signed());
        writer.wide(slice.sum);
        writer.flag(slice.simulated);
    }
    writer.length(window.entries.len());
    for entry in &window.entries {
        write_time(writer, entry.time, before);
        before = entry.time;
        writer.number(entry.event.0);
        writer.number(entry.weight);
        writer.whole(entry.value);
        writer.number(u64::from(entry.rule));
        writer.flag(entry.simulated);
        writer.flag(entry.evidence.is_some());
        if let Some(evidence) = &entry.evidence {
            write_time(writer, evidence.first, before);
            writer.number(evidence.fresh);
            writer.length(evidence.events.len());
            evidence.events.iter().for_each(|event| writer.number(event.0));
        }
    }
}

fn read_window(reader: &mut Reader<'_>) -> Result<Window, SnapshotError> {
    let mut window = Window::default();
    let mut before = Timestamp::default();
    if reader.flag()? {
        window.fired = Some((read_time(reader, before)?, reader.number()?));
    }
    for _ in 0..reader.length()? {
        let first = read_time(reader, before)?;
        let last = read_time(reader, first)?;
        before = first;
        let weight = reader.wide()?.cast_unsigned();
        let (sum, simulated) = (reader.wide()?, reader.flag()?);
        window.slices.push_back(Slice { first, last, weight, sum, simulated });
    }
    for _ in 0..reader.length()? {
        before = read_time(reader, before)?;
        let mut entry = Entry {
            time: before,
            event: EventId(reader.number()?),
            weight: reader.number()?,
            value: reader.whole()?,
            rule: u8::try_from(reader.number()?).map_err(|_| SnapshotError::Malformed)?,
            simulated: reader.flag()?,
            evidence: None,
        };
        if reader.flag()? {
            let (first, fresh) = (read_time(reader, before)?, reader.number()?);
            let length = reader.length()?;
            let events = (0..length).map(|_| reader.number().map(EventId));
            let events = events.collect::<Result<Vec<EventId>, SnapshotError>>()?;
            entry.evidence = Some(Box::new(Evidence { first, fresh, events }));
        }
        window.evidence_bytes += entry.evidence_bytes();
        window.entries.push_back(entry);
    }
    Ok(window)
}

/// Writes a moment after an earlier one: within a window that takes few bytes.
fn write_time(writer: &mut Writer, time: Timestamp, before: Timestamp) {
    writer.signed(time.nanos().wrapping_sub(before.nanos()));
}

fn read_time(reader: &mut Reader<'_>, before: Timestamp) -> Result<Timestamp, SnapshotError> {
    Ok(Timestamp::from_nanos(before.nanos().wrapping_add(reader.signed()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_were_known_by_their_texts_are_found_again() {
        let mut writer = Writer::default();
        writer.raw(MAGIC);
        writer.number(VERSION_OF_TEXTS);
        write_counters(&mut writer, MemoryCounters::default());
        writer.length(1);
        writer.text("rule");
        let told = Window { fired: Some((Timestamp::default(), 7)), ..Window::default() };
        writer.whole(0);
        writer.signed(0);
        writer.signed(0);
        write_counters(&mut writer, MemoryCounters::default());
        writer.length(1);
        writer.text("192.0.2.1:9;");
        write_window(&mut writer, &told);
        writer.length(0);
        let checksum = crc32fast::hash(writer.written());
        writer.raw(&checksum.to_le_bytes());
        let memory = Memory::restore(&writer.finish()).unwrap();
        let groups: Vec<_> = memory.states.get("rule").unwrap().young.iter().collect();
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].0, memory.secret.key_of("192.0.2.1:9;"));
        assert_eq!(groups[0].1.fired, told.fired);
        let again = Memory::restore(&memory.snapshot()).unwrap();
        assert_eq!(again.snapshot(), memory.snapshot());
    }
}
