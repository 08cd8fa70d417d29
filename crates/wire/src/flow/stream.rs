//! One direction of a connection in order, only as far as its protocol needs it.
//!
//! What came first counts where segments overlap. What comes before its turn waits; there is a bound on
//! that, and what is missing beyond it is told as a gap.

use super::state::before;

/// Segments that wait for their turn.
const SEGMENTS_MAX: usize = 64;
/// Their bytes.
const SEGMENT_BYTES_MAX: usize = 128 * 1024;

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The number of the next byte; nothing before the first.
    next: Option<u32>,
    /// Bytes in order that the protocol has not taken.
    pub(super) held: Vec<u8>,
    /// Bytes to be dropped before any are held: the protocol has taken them in advance.
    pub(super) skip: u64,
    waiting: Vec<Segment>,
    waiting_bytes: usize,
    /// How many segments have come; tells which was first.
    came: u32,
}

#[derive(Debug)]
struct Segment {
    /// Its number among those that came.
    came: u32,
    sequence: u32,
    bytes: Vec<u8>,
    /// How long it was before the capture cut it.
    length: u32,
}

/// What came of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Placed<'b> {
    /// The next bytes, and how many behind them the capture cut.
    Next(&'b [u8], u32),
    /// It waits, or was there already.
    Later,
    /// No room: what is missing before those that wait is to be given up.
    Full,
}

/// What the counters hear of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Noticed {
    pub(super) overlaps: u64,
    pub(super) dropped: u64,
}

impl Stream {
    /// Sets where the direction begins, unless it has begun.
    pub(super) fn begin(&mut self, sequence: u32) {
        self.next.get_or_insert(sequence);
    }

    /// Counts the bytes that are kept.
    pub(super) fn bytes(&self) -> usize {
        self.held.capacity() + self.waiting_bytes + self.waiting.capacity() * size_of::<Segment>()
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Places a segment; `length` is its own, of which `bytes` were captured.
    pub(super) fn place<'b>(
        &mut self,
        sequence: u32,
        bytes: &'b [u8],
        length: u32,
        noticed: &mut Noticed,
    ) -> Placed<'b> {
        self.came = self.came.wrapping_add(1);
        self.put(self.came, (sequence, length), bytes, noticed)
    }

    fn put<'b>(
        &mut self,
        came: u32,
        (sequence, length): (u32, u32),
        bytes: &'b [u8],
        noticed: &mut Noticed,
    ) -> Placed<'b> {
        let next = *self.next.get_or_insert(sequence);
        if before(next, sequence) {
            return self.keep(came, (sequence, length), bytes, noticed);
        }
        let known = next.wrapping_sub(sequence);
        if known >= length {
            noticed.overlaps += 1;
            return Placed::Later;
        }
        noticed.overlaps += u64::from(known > 0);
        let end = sequence.wrapping_add(length);
        let mut until = end;
        if let Some(first) = self.earlier(came, end) {
            // Only up to what came before it; the rest waits behind that.
            until = if before(first, next) { next } else { first };
            let offset = until.wrapping_sub(sequence);
            let rest = behind(bytes, offset);
            self.keep(came, (until, length - offset), rest, noticed);
            noticed.overlaps += 1;
        }
        self.next = Some(until);
        let wanted = until.wrapping_sub(next);
        let bytes = behind(bytes, known);
        let bytes =
            usize::try_from(wanted).ok().and_then(|wanted| bytes.get(..wanted)).unwrap_or(bytes);
        let there = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Placed::Next(bytes, wanted.saturating_sub(there))
    }

    /// Gives where the first segment begins that waits, came before this one, and overlaps it.
    fn earlier(&self, came: u32, end: u32) -> Option<u32> {
        let overlaps = |one: &&Segment| before(one.came, came) && before(one.sequence, end);
        self.waiting.iter().find(overlaps).map(|first| first.sequence)
    }

    fn keep<'b>(
        &mut self,
        came: u32,
        (sequence, length): (u32, u32),
        bytes: &[u8],
        noticed: &mut Noticed,
    ) -> Placed<'b> {
        let full = self.waiting.len() >= SEGMENTS_MAX
            || self.waiting_bytes + bytes.len() > SEGMENT_BYTES_MAX;
        if full {
            noticed.dropped += 1;
            return Placed::Full;
        }
        let later = |segment: &Segment| before(sequence, segment.sequence);
        let at = self.waiting.iter().position(later).unwrap_or(self.waiting.len());
        self.waiting_bytes += bytes.len();
        self.waiting.insert(at, Segment { came, sequence, bytes: bytes.to_vec(), length });
        Placed::Later
    }

    /// Gives the next bytes of those that waited, if it is their turn, and how many the capture cut.
    pub(super) fn turn(&mut self, noticed: &mut Noticed) -> Option<(Vec<u8>, u32)> {
        loop {
            let next = self.next?;
            let due = |segment: &Segment| !before(next, segment.sequence);
            // Of those whose turn it is, the one that came first.
            let (at, _) = (self.waiting.iter().enumerate())
                .filter(|(_, segment)| due(segment))
                .min_by_key(|(_, segment)| segment.came)?;
            let segment = self.waiting.remove(at);
            self.waiting_bytes -= segment.bytes.len();
            let Segment { came, sequence, bytes, length } = segment;
            if let Placed::Next(bytes, cut) = self.put(came, (sequence, length), &bytes, noticed)
                && (!bytes.is_empty() || cut > 0)
            {
                return Some((bytes.to_vec(), cut));
            }
        }
    }

    /// Gives up what is missing before those that wait; tells how much that was.
    pub(super) fn jump(&mut self) -> Option<u32> {
        let next = self.next?;
        let first = self.waiting.first()?.sequence;
        self.next = Some(first);
        Some(first.wrapping_sub(next))
    }

    /// Tells whether the other side has confirmed bytes that are missing here: they will not come.
    pub(super) fn is_missed(&self, acknowledged: u32) -> bool {
        let first = self.waiting.first();
        first.is_some_and(|first| before(first.sequence, acknowledged))
    }

    /// Forgets all that is kept.
    pub(super) fn clear(&mut self) {
        self.held = Vec::new();
        self.waiting = Vec::new();
        self.waiting_bytes = 0;
    }
}

/// Gives what lies behind the first bytes; nothing where there are fewer.
fn behind(bytes: &[u8], first: u32) -> &[u8] {
    usize::try_from(first).ok().and_then(|first| bytes.get(first..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a stream as it comes out.
    fn read(stream: &mut Stream, sequence: u32, bytes: &[u8], out: &mut Vec<u8>) {
        let mut noticed = Noticed::default();
        let length = u32::try_from(bytes.len()).unwrap();
        match stream.place(sequence, bytes, length, &mut noticed) {
            Placed::Next(bytes, _) => out.extend_from_slice(bytes),
            Placed::Later => {}
            Placed::Full => panic!("no room"),
        }
        while let Some((bytes, _)) = stream.turn(&mut noticed) {
            out.extend_from_slice(&bytes);
        }
    }

    #[test]
    fn what_came_first_counts_where_segments_overlap() {
        let mut stream = Stream::default();
        let mut out = Vec::new();
        stream.begin(u32::MAX - 1);
        read(&mut stream, 6, b"LATE", &mut out);
        read(&mut stream, u32::MAX - 1, b"GET /", &mut out);
        read(&mut stream, u32::MAX - 1, b"PUT /evil", &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "GET /eviLATE");
    }

    #[test]
    fn what_waits_has_a_bound() {
        let mut stream = Stream::default();
        let mut noticed = Noticed::default();
        stream.begin(0);
        for number in 0..1000_u32 {
            stream.place(10_000 + number * 2000, &[0; 1400], 1400, &mut noticed);
            assert!(stream.waiting_bytes <= SEGMENT_BYTES_MAX);
        }
        assert!(noticed.dropped > 900);
        assert_eq!(stream.jump(), Some(10_000));
        assert_eq!(stream.turn(&mut noticed).unwrap().0.len(), 1400);
    }

    proptest! {
        #[test]
        fn in_any_order_a_stream_is_what_was_sent(
            bytes in prop::collection::vec(any::<u8>(), 1..300),
            start in any::<u32>(),
            cuts in prop::collection::vec((any::<prop::sample::Index>(), 1_usize..20), 0..40),
        ) {
            let mut stream = Stream::default();
            stream.begin(start);
            let mut out = Vec::new();
            let mut send = |at: usize, length: usize| {
                let part = &bytes[at..(at + length).min(bytes.len())];
                let sequence = start.wrapping_add(u32::try_from(at).unwrap());
                read(&mut stream, sequence, part, &mut out);
            };
            for (index, length) in cuts {
                send(index.index(bytes.len()), length);
            }
            for at in (0..bytes.len()).step_by(7) {
                send(at, 7);
            }
            prop_assert_eq!(out, bytes);
        }
    }
}
