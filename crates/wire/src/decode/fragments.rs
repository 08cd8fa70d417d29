//! Puts fragments of IP packets together again.
//!
//! What came first counts where fragments overlap. Packets, pieces and bytes that wait are bounded, and
//! so is the time; what does not become whole is dropped and counted.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::Fragment;
use crate::packet::Packet;

/// Packets that wait for more.
const PACKETS_MAX: usize = 1024;
/// Bytes of all of them.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of one.
const PACKET_BYTES_MAX: u32 = 65_535;
/// What a piece takes beside its bytes.
const PIECE_COST: usize = 64;
/// How long one waits, by the packets' own clock.
const WAIT_NS: u64 = 30_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    source: u128,
    destination: u128,
    id: u32,
    protocol: u8,
    vlan: Option<u16>,
}

#[derive(Debug)]
struct Waiting {
    started_ns: u64,
    /// Tells it from a later one with the same key.
    number: u64,
    /// What is there, by where it begins; no two overlap.
    pieces: BTreeMap<u32, Box<[u8]>>,
    /// How many bytes that is.
    covered: u32,
    /// The furthest end of a fragment.
    reached: u32,
    /// How long it is, once the last fragment has come.
    length: Option<u32>,
    frames: u16,
    wire_length: u32,
}

/// A packet that is whole.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) bytes: Vec<u8>,
    pub(crate) frames: u16,
    pub(crate) wire_length: u32,
}

impl Whole {
    /// Gives what its headers say, after the fragment that completed it.
    pub(crate) fn packet<'b>(&self, last: &Packet<'_>) -> Packet<'b> {
        let length = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        Packet {
            wire_length: self.wire_length,
            frames: self.frames,
            ip_length: length.saturating_add(if last.ip_version == 6 { 40 } else { 20 }),
            payload: &[],
            payload_length: length,
            ..bare(last)
        }
    }
}

/// The same packet without its payload, so that it outlives the frame.
fn bare<'b>(packet: &Packet<'_>) -> Packet<'b> {
    Packet { payload: &[], ..*packet }
}

/// The packets that wait for more of their fragments.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    waiting: HashMap<Key, Waiting>,
    order: VecDeque<(Key, u64)>,
    bytes: usize,
    number: u64,
    /// Packets that did not become whole, and fragments that can be part of none.
    pub(crate) dropped: u64,
    /// Fragments that came twice, or in other bytes where some were already.
    pub(crate) overlaps: u64,
}

impl Fragments {
    /// Takes a fragment; gives the packet if it is whole now.
    pub(crate) fn take(&mut self, fragment: &Fragment<'_>) -> Option<Whole> {
        let packet = &fragment.packet;
        self.make_room(packet.time_ns);
        let key = Key {
            source: packet.source_bits,
            destination: packet.destination_bits,
            id: fragment.id,
            protocol: packet.protocol,
            vlan: packet.vlans.first().copied().flatten(),
        };
        let there = u32::try_from(packet.payload.len()).unwrap_or(u32::MAX);
        let end = fragment.offset.saturating_add(there);
        // Cut by the capture or short of what it says, of no length, or past the end of any packet: the
        // receiver takes no such fragment, and waits on.
        let impossible = there < packet.payload_length || there == 0 || end > PACKET_BYTES_MAX;
        let waits = self.waiting.get(&key);
        if impossible || waits.is_some_and(|waiting| waiting.contradicts(end, fragment.more)) {
            self.dropped += 1;
            return None;
        }
        if waits.is_none() {
            self.number += 1;
            self.order.push_back((key, self.number));
        }
        let number = self.number;
        let waiting = self.waiting.entry(key).or_insert_with(|| Waiting::new(packet, number));
        waiting.frames = waiting.frames.saturating_add(1);
        waiting.wire_length = waiting.wire_length.saturating_add(packet.wire_length);
        if !fragment.more {
            waiting.length = Some(end);
        }
        let before = waiting.cost();
        let overlaps = waiting.put(fragment.offset, end, packet.payload);
        self.overlaps += u64::from(overlaps);
        self.bytes += waiting.cost() - before;
        if waiting.length != Some(waiting.covered) {
            return None;
        }
        let whole = self.drop_packet(&key)?;
        let mut bytes = Vec::with_capacity(usize::try_from(whole.covered).unwrap_or(0));
        for piece in whole.pieces.values() {
            bytes.extend_from_slice(piece);
        }
        Some(Whole { bytes, frames: whole.frames, wire_length: whole.wire_length })
    }

    fn drop_packet(&mut self, key: &Key) -> Option<Waiting> {
        let waiting = self.waiting.remove(key)?;
        self.bytes -= waiting.cost();
        Some(waiting)
    }

    /// Drops what waited too long, and the oldest where there is no room.
    fn make_room(&mut self, now_ns: u64) {
        while let Some((key, number)) = self.order.front().copied() {
            let current = self.waiting.get(&key).filter(|waiting| waiting.number == number);
            let Some(waiting) = current else {
                self.order.pop_front();
                continue;
            };
            let late = now_ns.saturating_sub(waiting.started_ns) > WAIT_NS;
            let full = self.waiting.len() >= PACKETS_MAX || self.bytes >= BYTES_MAX;
            // Packets that became whole leave their place in the order: it must not grow either.
            if !late && !full && self.order.len() < 4 * PACKETS_MAX {
                return;
            }
            self.order.pop_front();
            self.drop_packet(&key);
            self.dropped += 1;
        }
    }
}

impl Waiting {
    fn new(packet: &Packet<'_>, number: u64) -> Self {
        Self {
            started_ns: packet.time_ns,
            number,
            pieces: BTreeMap::new(),
            covered: 0,
            reached: 0,
            length: None,
            frames: 0,
            wire_length: 0,
        }
    }

    /// Counts what it takes.
    fn cost(&self) -> usize {
        usize::try_from(self.covered).unwrap_or(0) + self.pieces.len() * PIECE_COST
    }

    /// Tells whether a fragment that ends there cannot be of the same packet as those before it.
    fn contradicts(&self, end: u32, more: bool) -> bool {
        match self.length {
            Some(length) if more => end > length,
            Some(length) => end != length,
            None => !more && end < self.reached,
        }
    }

    /// Puts bytes where none are; tells whether some were there already.
    fn put(&mut self, start: u32, end: u32, payload: &[u8]) -> bool {
        let end_of = |first: u32, piece: &[u8]| {
            first.saturating_add(u32::try_from(piece.len()).unwrap_or(u32::MAX))
        };
        let before = self.pieces.range(..start).next_back();
        let before = before.map_or(0, |(first, piece)| end_of(*first, piece));
        let mut overlaps = before > start;
        let mut at = start.max(before);
        let mut gaps = Vec::new();
        for (first, piece) in self.pieces.range(start..end) {
            overlaps = true;
            if *first > at {
                gaps.push((at, *first));
            }
            at = at.max(end_of(*first, piece));
        }
        if at < end {
            gaps.push((at, end));
        }
        let place = |at: u32| usize::try_from(at - start).unwrap_or(usize::MAX);
        for (from, to) in gaps {
            if let Some(part) = payload.get(place(from)..place(to)) {
                self.pieces.insert(from, part.into());
                self.covered += to - from;
            }
        }
        self.reached = self.reached.max(end);
        overlaps
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::packet::{Raw, link};

    fn template() -> Packet<'static> {
        let raw = Raw { time_ns: 0, wire_length: 60, interface: 0, link: link::RAW, bytes: &[] };
        super::super::blank(&raw)
    }

    fn piece(bytes: &[u8], offset: u32, more: bool, time_ns: u64) -> Fragment<'_> {
        let length = u32::try_from(bytes.len()).unwrap();
        let packet = Packet {
            payload: bytes,
            payload_length: length,
            time_ns,
            wire_length: 60,
            ..template()
        };
        Fragment { packet, id: 7, offset, more }
    }

    #[test]
    fn what_came_first_counts_where_fragments_overlap() {
        let mut fragments = Fragments::default();
        assert!(fragments.take(&piece(b"aaaaaaaa", 8, true, 0)).is_none());
        assert!(fragments.take(&piece(b"bbbbbbbbbbbb", 0, true, 0)).is_none());
        let whole = fragments.take(&piece(b"ccccccccc", 12, false, 0)).unwrap();
        assert_eq!(whole.bytes, b"bbbbbbbbaaaaaaaaccccc");
        assert_eq!((whole.frames, whole.wire_length, fragments.overlaps), (3, 180, 2));
        assert_eq!((fragments.bytes, fragments.waiting.len()), (0, 0));
    }

    #[test]
    fn a_fragment_that_no_host_takes_spoils_nothing() {
        let mut fragments = Fragments::default();
        assert!(fragments.take(&piece(b"aaaaaaaa", 0, true, 0)).is_none());
        assert!(fragments.take(&piece(b"", 8, true, 0)).is_none());
        assert!(fragments.take(&piece(&[0; 1400], 65_000, true, 0)).is_none());
        let mut cut = piece(b"xxxx", 8, true, 0);
        cut.packet.payload_length = 1000;
        assert!(fragments.take(&cut).is_none());
        let whole = fragments.take(&piece(b"bb", 8, false, 0)).unwrap();
        assert_eq!(whole.bytes, b"aaaaaaaabb");
        assert_eq!(fragments.dropped, 3);
    }

    #[test]
    fn a_small_fragment_takes_little_wherever_it_lies() {
        let mut fragments = Fragments::default();
        for id in 0..500 {
            let fragment = Fragment { id, ..piece(b"aaaaaaaa", 65_000, true, 0) };
            assert!(fragments.take(&fragment).is_none());
        }
        assert!(fragments.bytes < 100_000, "{}", fragments.bytes);
    }

    #[test]
    fn what_waits_too_long_is_dropped_and_counted() {
        let mut fragments = Fragments::default();
        assert!(fragments.take(&piece(b"aaaaaaaa", 0, true, 0)).is_none());
        assert!(fragments.take(&piece(b"bb", 8, false, WAIT_NS + 1)).is_none());
        assert_eq!(fragments.dropped, 1);
    }

    #[test]
    fn a_flood_of_beginnings_has_a_bound() {
        let mut fragments = Fragments::default();
        for id in 0..3_000 {
            let fragment = Fragment { id, ..piece(&[7; 1400], 64_000, true, 0) };
            assert!(fragments.take(&fragment).is_none());
            assert!(fragments.waiting.len() <= PACKETS_MAX);
            assert!(fragments.bytes <= BYTES_MAX + 65_536 && fragments.order.len() <= PACKETS_MAX);
        }
        assert!(fragments.dropped > 1_900);
    }

    proptest! {
        #[test]
        fn in_any_order_a_packet_becomes_what_it_was(
            bytes in prop::collection::vec(any::<u8>(), 1..600),
            size in 1_usize..9,
            order in prop::collection::vec(any::<prop::sample::Index>(), 80),
        ) {
            let size = size * 8;
            let mut pieces: Vec<(usize, &[u8])> = bytes.chunks(size).enumerate().collect();
            for (at, index) in order.iter().enumerate().take(pieces.len()) {
                let other = index.index(pieces.len());
                pieces.swap(at, other);
            }
            let mut fragments = Fragments::default();
            let count = pieces.len();
            let mut whole = None;
            for (at, (number, part)) in pieces.into_iter().enumerate() {
                let offset = u32::try_from(number * size).unwrap();
                let last = number + 1 == count;
                whole = fragments.take(&piece(part, offset, !last, 0));
                prop_assert_eq!(whole.is_some(), at + 1 == count);
            }
            prop_assert_eq!(whole.unwrap().bytes, bytes);
            prop_assert_eq!(fragments.overlaps, 0);
        }
    }
}
