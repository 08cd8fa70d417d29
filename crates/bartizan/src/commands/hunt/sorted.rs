//! Things in the order of time, however many: what does not fit into memory waits in unnamed files.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};

use model::Timestamp;

/// How many bytes wait in memory.
const HELD_BYTES_MAX: usize = 32 * 1024 * 1024;
/// What one thing costs beside its bytes.
const ENTRY_BYTES: usize = size_of::<Entry>();
const RUN_BUFFER_BYTES: usize = 16 * 1024;

/// When, and which of several at that moment.
type Key = (Timestamp, u64);

/// Where a thing stands in the bytes that are held.
#[derive(Debug)]
struct Entry {
    key: Key,
    start: usize,
    end: usize,
}

/// Takes things in any order.
#[derive(Debug)]
pub(super) struct Sorter {
    bytes_max: usize,
    entries: Vec<Entry>,
    bytes: Vec<u8>,
    runs: Vec<File>,
    pushed: u64,
}

impl Default for Sorter {
    fn default() -> Self {
        Self::holding(HELD_BYTES_MAX)
    }
}

impl Sorter {
    fn holding(bytes_max: usize) -> Self {
        Self { bytes_max, entries: Vec::new(), bytes: Vec::new(), runs: Vec::new(), pushed: 0 }
    }

    /// Takes a thing that happened at `time`, written by `write`; of several at one moment, the one
    /// that came first stays first.
    pub(super) fn push(
        &mut self,
        time: Timestamp,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> io::Result<()> {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.entries.push(Entry { key: (time, self.pushed), start, end: self.bytes.len() });
        self.pushed += 1;
        if self.bytes.len() + self.entries.len() * ENTRY_BYTES > self.bytes_max {
            self.put_aside()?;
        }
        Ok(())
    }

    /// Writes what is held to a file of its own, sorted.
    fn put_aside(&mut self) -> io::Result<()> {
        let mut file = tempfile::tempfile()?;
        let mut out = BufWriter::new(&mut file);
        self.entries.sort_unstable_by_key(|entry| entry.key);
        for entry in &self.entries {
            let bytes = self.bytes.get(entry.start..entry.end).unwrap_or_default();
            let (time, place) = entry.key;
            out.write_all(&time.nanos().to_le_bytes())?;
            out.write_all(&place.to_le_bytes())?;
            out.write_all(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes())?;
            out.write_all(bytes)?;
        }
        out.flush()?;
        drop(out);
        self.runs.push(file);
        self.entries.clear();
        self.bytes.clear();
        Ok(())
    }

    /// Gives everything in the order of time.
    pub(super) fn finish(mut self) -> io::Result<Sorted> {
        self.entries.sort_unstable_by_key(|entry| entry.key);
        let mut runs = Vec::new();
        let mut heads = BinaryHeap::new();
        for (index, mut file) in self.runs.into_iter().enumerate() {
            file.seek(SeekFrom::Start(0))?;
            let mut run =
                Run { input: BufReader::with_capacity(RUN_BUFFER_BYTES, file), bytes: Vec::new() };
            if let Some(key) = run.advance()? {
                heads.push(Reverse((key, index)));
            }
            runs.push(run);
        }
        Ok(Sorted { entries: self.entries.into_iter().peekable(), bytes: self.bytes, runs, heads })
    }
}

/// A file of sorted things.
struct Run {
    input: BufReader<File>,
    /// The thing at its head.
    bytes: Vec<u8>,
}

impl Run {
    /// Reads the next thing and gives its key, or `None` at the end.
    fn advance(&mut self) -> io::Result<Option<Key>> {
        let mut time = [0; 8];
        match self.input.read_exact(&mut time) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let (mut place, mut length) = ([0; 8], [0; 4]);
        self.input.read_exact(&mut place)?;
        self.input.read_exact(&mut length)?;
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        self.bytes.resize(length, 0);
        self.input.read_exact(&mut self.bytes)?;
        Ok(Some((Timestamp::from_nanos(i64::from_le_bytes(time)), u64::from_le_bytes(place))))
    }
}

/// Gives things in the order of time.
pub(super) struct Sorted {
    entries: std::iter::Peekable<std::vec::IntoIter<Entry>>,
    bytes: Vec<u8>,
    runs: Vec<Run>,
    heads: BinaryHeap<Reverse<(Key, usize)>>,
}

impl Sorted {
    /// Hands the bytes of the next thing to `each`; tells whether there was one.
    pub(super) fn next(&mut self, each: impl FnOnce(&[u8])) -> io::Result<bool> {
        let held = self.entries.peek().map(|entry| entry.key);
        let aside = self.heads.peek().map(|Reverse((key, _))| *key);
        if held.is_some_and(|held| aside.is_none_or(|aside| held < aside)) {
            let entry = self.entries.next();
            let range = entry.map_or(0..0, |entry| entry.start..entry.end);
            each(self.bytes.get(range).unwrap_or_default());
            return Ok(true);
        }
        let Some(Reverse((_, index))) = self.heads.pop() else { return Ok(false) };
        let Some(run) = self.runs.get_mut(index) else { return Ok(false) };
        each(&run.bytes);
        if let Some(key) = run.advance()? {
            self.heads.push(Reverse((key, index)));
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_room_gives_the_same_order() {
        for bytes_max in [0, 100, 1_000, 1_000_000] {
            let mut sorter = Sorter::holding(bytes_max);
            let mut expected = Vec::new();
            for place in 0..200_i64 {
                let second = place * 37 % 50;
                let thing = format!("{second} {place}");
                expected.push((second, place, thing.clone()));
                let time = Timestamp::from_seconds(second);
                sorter.push(time, |out| out.extend_from_slice(thing.as_bytes())).unwrap();
            }
            expected.sort();
            let mut things = sorter.finish().unwrap();
            for (_, _, thing) in expected {
                let mut told = String::new();
                assert!(
                    things.next(|bytes| told = String::from_utf8(bytes.to_vec()).unwrap()).unwrap()
                );
                assert_eq!(told, thing);
            }
            assert!(!things.next(|_| ()).unwrap());
        }
    }
}
