//! A stream of bytes, cut into lines of bounded length.
//!
//! However the stream was chopped into reads, the lines are the same. A line longer than the bound is
//! cut there and the rest is counted. Empty lines are no records.

use memchr::memchr;

/// One line, without what ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// What is kept of it.
    pub(crate) bytes: &'a [u8],
    /// How many bytes past the bound were cut off.
    pub(crate) truncated_bytes: u64,
}

/// What is taken off a line's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trim {
    /// The carriage return of a CRLF.
    Cr,
    /// Carriage returns and NULs, with which syslog senders end their frames.
    CrNul,
}

impl Trim {
    fn apply(self, line: &[u8]) -> &[u8] {
        match self {
            Self::Cr => line.strip_suffix(b"\r").unwrap_or(line),
            Self::CrNul => {
                let mut line = line;
                while let [rest @ .., b'\r' | 0] = line {
                    line = rest;
                }
                line
            }
        }
    }
}

/// The piece of a line that has been seen so far.
#[derive(Debug)]
pub(crate) struct Partial {
    kept: Vec<u8>,
    /// All bytes of the line, kept or not.
    total: u64,
    bytes_max: usize,
    trim: Trim,
}

impl Partial {
    pub(crate) fn new(bytes_max: usize, trim: Trim) -> Self {
        Self { kept: Vec::new(), total: 0, bytes_max, trim }
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        // One byte more than the bound, so that a line of just that length may still end in CRLF.
        let room = (self.bytes_max + 1).saturating_sub(self.kept.len());
        self.kept.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        self.total = self.total.saturating_add(length(bytes));
    }

    /// Ends the line with `rest`, hands it on unless it is empty, and is ready for the next.
    pub(crate) fn end(&mut self, rest: &[u8], each: &mut impl FnMut(Line<'_>)) {
        if self.total == 0 {
            hand_on(&Cut { bytes: rest, total: length(rest), partial: self }, each);
            return;
        }
        self.push(rest);
        hand_on(&Cut { bytes: &self.kept, total: self.total, partial: self }, each);
        self.kept.clear();
        // A long line must not hold its memory for the connection's life.
        self.kept.shrink_to(KEPT_IDLE_BYTES_MAX);
        self.total = 0;
    }
}

/// What a line's buffer keeps between two lines.
const KEPT_IDLE_BYTES_MAX: usize = 4096;

struct Cut<'a> {
    bytes: &'a [u8],
    total: u64,
    partial: &'a Partial,
}

fn hand_on(cut: &Cut<'_>, each: &mut impl FnMut(Line<'_>)) {
    let bytes_max = cut.partial.bytes_max;
    let whole = cut.total <= length_of(bytes_max + 1);
    let bytes = if whole { cut.partial.trim.apply(cut.bytes) } else { cut.bytes };
    let kept = bytes.get(..bytes_max).unwrap_or(bytes);
    let past = if whole { length(bytes) } else { cut.total };
    if !kept.is_empty() {
        each(Line { bytes: kept, truncated_bytes: past - length(kept) });
    }
}

/// Cuts a stream at its line feeds.
#[derive(Debug)]
pub(crate) struct Splitter {
    partial: Partial,
    skipped: u64,
}

impl Splitter {
    pub(crate) fn new(bytes_max: usize, trim: Trim) -> Self {
        Self { partial: Partial::new(bytes_max, trim), skipped: 0 }
    }

    /// Gives how many bytes of an unfinished line have been fed.
    pub(crate) fn pending(&self) -> u64 {
        self.partial.total().saturating_add(self.skipped)
    }

    /// Takes the next bytes, and hands on each line that they end.
    pub(crate) fn feed(&mut self, bytes: &[u8], each: &mut impl FnMut(Line<'_>)) {
        let mut rest = bytes;
        while let Some((line, after)) = split_line(rest) {
            let line = self.without_hole(line);
            self.partial.end(line, each);
            self.skipped = 0;
            rest = after;
        }
        let rest = self.without_hole(rest);
        self.partial.push(rest);
    }

    /// Hands on what is left of a stream that is over.
    pub(crate) fn finish(&mut self, each: &mut impl FnMut(Line<'_>)) {
        self.partial.end(&[], each);
        self.skipped = 0;
    }

    /// Leaves out NULs before a line: a writer that does not append leaves a hole of them, gigabytes
    /// long, when its file is truncated beneath it.
    fn without_hole<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if self.partial.total() > 0 || bytes.first() != Some(&0) {
            return bytes;
        }
        let nuls = bytes.iter().take_while(|byte| **byte == 0).count();
        self.skipped = self.skipped.saturating_add(length_of(nuls));
        bytes.get(nuls..).unwrap_or_default()
    }
}

/// Gives the bytes before the first line feed and those after it.
pub(crate) fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr(b'\n', bytes)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

/// Gives a length as the counters have it.
pub(crate) fn length(bytes: &[u8]) -> u64 {
    length_of(bytes.len())
}

/// Widens a length; no platform has one past 64 bits.
pub(crate) fn length_of(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn crlf_is_not_part_of_a_line() {
        assert_eq!(split(&[b"one\r\n", b"two\n\n", b"three"], 9), lines(&["one", "two", "three"]));
    }

    #[test]
    fn a_line_of_just_the_bound_may_end_in_crlf() {
        assert_eq!(split(&[b"abc\r\nabcd\n"], 3), [(b"abc".to_vec(), 0), (b"abc".to_vec(), 1)]);
    }

    #[test]
    fn ten_megabytes_are_cut_and_counted() {
        let long = vec![b'a'; 10_000_000];
        let cut = split(&[&long, b"\nnext\n"], 65_536);
        assert_eq!(cut[0].0.len(), 65_536);
        assert_eq!(cut[0].1, 10_000_000 - 65_536);
        assert_eq!(cut[1].0, b"next");
    }

    #[test]
    fn a_hole_of_nuls_before_a_line_is_left_out() {
        assert_eq!(split(&[&[0; 500], &[0; 500], b"one\0\n"], 8), lines(&["one\0"]));
    }

    fn lines(lines: &[&str]) -> Vec<(Vec<u8>, u64)> {
        lines.iter().map(|line| (line.as_bytes().to_vec(), 0)).collect()
    }

    fn split(chunks: &[&[u8]], bytes_max: usize) -> Vec<(Vec<u8>, u64)> {
        let mut found = Vec::new();
        let mut each = |line: Line<'_>| found.push((line.bytes.to_vec(), line.truncated_bytes));
        let mut splitter = Splitter::new(bytes_max, Trim::Cr);
        for chunk in chunks {
            splitter.feed(chunk, &mut each);
        }
        splitter.finish(&mut each);
        found
    }

    /// The twin: it has the whole stream in its hands.
    fn naive(stream: &[u8], bytes_max: usize) -> Vec<(Vec<u8>, u64)> {
        stream
            .split(|byte| *byte == b'\n')
            .map(|line| {
                let hole = line.iter().take_while(|byte| **byte == 0).count();
                let line = &line[hole..];
                let line = match line {
                    [rest @ .., b'\r'] if rest.len() <= bytes_max => rest,
                    _ => line,
                };
                let kept = &line[..line.len().min(bytes_max)];
                (kept.to_vec(), length(line) - length(kept))
            })
            .filter(|(kept, _)| !kept.is_empty())
            .collect()
    }

    proptest! {
        #[test]
        fn any_chopping_gives_the_same_lines(
            chunks in prop::collection::vec(
                prop::collection::vec(prop::sample::select(b"ab\r\n\0\n".to_vec()), 0..12), 0..12),
            bytes_max in 1_usize..6,
        ) {
            let chunks: Vec<&[u8]> = chunks.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(split(&chunks, bytes_max), naive(&chunks.concat(), bytes_max));
        }

        #[test]
        fn pending_is_what_follows_the_last_line_feed(
            chunks in prop::collection::vec(
                prop::collection::vec(prop::sample::select(b"a\r\n\0".to_vec()), 0..12), 0..6),
        ) {
            let mut splitter = Splitter::new(4, Trim::Cr);
            for chunk in &chunks {
                splitter.feed(chunk, &mut |_| ());
            }
            let stream = chunks.concat();
            let rest = stream.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
            prop_assert_eq!(splitter.pending(), length(rest));
        }
    }
}
