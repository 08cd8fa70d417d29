//! Frames in, events out.

mod listen;

use super::record::{Flow, Key, NONE, Seeds, mark};
use super::report::{Reason, report};
use super::rows::Rows;
use super::table::Table;
use super::talks::Talks;
use super::wheel::Wheel;
use super::{Counters, FlowConfig, NoWatch, Seen, Watch};
use crate::decode::{Decoded, Fragment, Fragments, Read, blank, decode_into, decode_whole};
use crate::dissect::{DISSECTORS, Protocol};
use crate::json::Lines;
use crate::packet::{Packet, Raw, Transport};

/// Packets that are looked up together.
const BATCH: usize = 32;
const SECOND_NS: u64 = 1_000_000_000;
/// How much is told at once when all flows end: there may be very many.
const PART_BYTES: usize = 1 << 20;
/// How long a connection is kept once it is over, for what comes late.
const LINGER_S: u64 = 5;
/// Datagrams of a flow that are shown to those who recognise.
const TRIES_MAX: u8 = 2;
/// A flow whose last packet lies so far ahead was told by a clock that was wrong.
const AHEAD_NS: u64 = 3600 * SECOND_NS;

/// The flows of one stream of frames. One thread's: several streams are several of these.
#[derive(Debug)]
pub struct Flows {
    config: FlowConfig,
    seeds: Seeds,
    table: Table,
    wheel: Wheel,
    talks: Talks,
    rows: Rows,
    fragments: Fragments,
    counters: Counters,
    now_ns: u64,
}

/// A packet on its way through a batch.
#[derive(Clone, Copy, Debug)]
struct Pending<'b> {
    packet: Packet<'b>,
    key: Key,
    hash: u32,
    upwards: bool,
    likely: u32,
}

impl<'b> Pending<'b> {
    fn blank(packet: Packet<'b>) -> Self {
        Self { packet, key: Key::default(), hash: 0, upwards: false, likely: NONE }
    }

    /// Tells which flow it belongs to.
    fn identify(&mut self, seeds: &Seeds) {
        (self.key, self.upwards) = Key::of(&self.packet);
        self.hash = self.key.hash(seeds);
    }
}

impl Flows {
    /// Gives an empty table.
    pub fn new(config: FlowConfig) -> Self {
        Self::with_rows(config, DISSECTORS)
    }

    /// The same with protocols of one's own.
    pub fn with_rows(config: FlowConfig, rows: &'static [Protocol]) -> Self {
        Self {
            seeds: Seeds::random(),
            table: Table::new(config.flows_max),
            wheel: Wheel::new(),
            talks: Talks::new(config.dissected_max, config.held_bytes_max),
            rows: Rows::new(rows),
            fragments: Fragments::default(),
            counters: Counters::default(),
            now_ns: 0,
            config,
        }
    }

    /// Reads frames in the order of their capture, and tells what is to be told by now.
    pub fn read<W: Watch>(&mut self, raws: &[Raw<'_>], lines: &mut Lines, watch: &mut W) {
        let mut batch = Vec::with_capacity(BATCH);
        for part in raws.chunks(BATCH) {
            for raw in part {
                self.counters.packets += 1;
                self.counters.bytes += u64::from(raw.wire_length);
                let there = u32::try_from(raw.bytes.len()).unwrap_or(u32::MAX);
                self.counters.cut += u64::from(there < raw.wire_length);
                batch.push(Pending::blank(blank(raw)));
                let Some(pending) = batch.last_mut() else { continue };
                match decode_into(raw, &mut pending.packet) {
                    Read::Packet => {
                        pending.identify(&self.seeds);
                        continue;
                    }
                    Read::Other => self.counters.other += 1,
                    Read::Malformed => self.counters.malformed += 1,
                    Read::Fragment { id, offset, more } => {
                        let fragment = Fragment { packet: pending.packet, id, offset, more };
                        batch.pop();
                        // What came before it goes first.
                        self.flush(&mut batch, lines, watch);
                        self.fragment(&fragment, lines, watch);
                        continue;
                    }
                }
                batch.pop();
            }
            self.flush(&mut batch, lines, watch);
        }
    }

    /// Tells what is over by a moment, where no frames come that would say how late it is.
    pub fn advance(&mut self, now_ns: u64, lines: &mut Lines) {
        if self.now_ns == 0 {
            self.wheel.start(now_ns / SECOND_NS);
        }
        self.now_ns = self.now_ns.max(now_ns);
        self.turn(self.now_ns / SECOND_NS, lines);
    }

    /// Tells flows as whoever captures stops, about [`PART_BYTES`] of lines at once; tells whether
    /// there are more. After the last the next frames may be of any time.
    #[must_use = "there may be more to tell"]
    pub fn finish(&mut self, lines: &mut Lines) -> bool {
        self.finish_as(Reason::Shutdown, lines)
    }

    /// The same at the end of a file.
    #[must_use = "there may be more to tell"]
    pub fn finish_file(&mut self, lines: &mut Lines) -> bool {
        self.finish_as(Reason::End, lines)
    }

    fn finish_as(&mut self, reason: Reason, lines: &mut Lines) -> bool {
        let until = lines.as_str().len() + PART_BYTES;
        while let Some(index) = self.wheel.soonest() {
            if lines.as_str().len() >= until {
                return true;
            }
            let closed = self.table.get(index).is_some_and(|flow| flow.has(mark::CLOSED));
            self.drop_flow(index, if closed { Reason::End } else { reason }, lines);
        }
        self.wheel = Wheel::new();
        self.now_ns = 0;
        false
    }

    /// Gives what was counted so far.
    pub fn counters(&self) -> Counters {
        Counters {
            fragments_dropped: self.fragments.dropped,
            overlaps: self.counters.overlaps + self.fragments.overlaps,
            ..self.counters
        }
    }

    /// Counts the flows that are kept now.
    pub fn open(&self) -> usize {
        self.table.len
    }

    /// Counts the bytes taken for flows themselves, and beside them for what they say.
    pub fn bytes(&self) -> (usize, usize) {
        (self.table.bytes(), self.talks.bytes())
    }

    /// Looks the batch up in rounds, each of loads that do not wait for each other; then counts.
    fn flush<W: Watch>(&mut self, batch: &mut Vec<Pending<'_>>, lines: &mut Lines, watch: &mut W) {
        for pending in batch.iter_mut() {
            pending.likely = self.table.likely(pending.hash);
        }
        let touched = batch.iter().fold(0, |sum, one| sum ^ self.table.touch(one.likely));
        std::hint::black_box(touched);
        for pending in batch.iter() {
            self.count(pending, lines, watch);
        }
        batch.clear();
    }

    /// Sets the clock by a packet.
    fn clock(&mut self, time_ns: u64, lines: &mut Lines) {
        if time_ns > self.now_ns {
            if self.now_ns == 0 {
                self.wheel.start(time_ns / SECOND_NS);
            }
            let before = self.now_ns / SECOND_NS;
            self.now_ns = time_ns;
            if time_ns / SECOND_NS > before {
                self.turn(time_ns / SECOND_NS, lines);
            }
        }
    }

    fn fragment<W: Watch>(&mut self, fragment: &Fragment<'_>, lines: &mut Lines, watch: &mut W) {
        self.counters.fragments += 1;
        let Some(whole) = self.fragments.take(fragment) else { return };
        self.counters.reassembled += 1;
        match decode_whole(whole.packet(&fragment.packet), &whole.bytes) {
            Decoded::Packet(packet) => {
                let mut pending = Pending::blank(packet);
                pending.identify(&self.seeds);
                let mut batch = vec![pending];
                self.flush(&mut batch, lines, watch);
            }
            // Fragments within what came in fragments are not followed.
            Decoded::Fragment(_) | Decoded::Other => self.counters.other += 1,
            Decoded::Malformed => self.counters.malformed += 1,
        }
    }

    /// Counts a packet to its flow, and lets what listens hear it.
    fn count<W: Watch>(&mut self, pending: &Pending<'_>, lines: &mut Lines, watch: &mut W) {
        let packet = &pending.packet;
        self.clock(packet.time_ns, lines);
        let mut found = self.table.find(&pending.key, pending.hash, pending.likely);
        if let Some(index) = found
            && self.table.get(index).is_some_and(|flow| flow.is_begun_anew(packet))
        {
            self.drop_flow(index, Reason::End, lines);
            found = None;
        }
        let index = found.unwrap_or_else(|| self.begin(pending, lines));
        let Some(flow) = self.table.get_mut(index) else { return };
        let direction = flow.direction(pending.upwards);
        flow.last_ns = flow.last_ns.max(packet.time_ns);
        let side = flow.side(direction);
        let expected = (side.seen != 0).then_some(side.expected);
        side.bytes += u64::from(packet.wire_length);
        side.packets += u64::from(packet.frames);
        let closes = flow.note(direction, packet);
        let spoken = packet.payload_length > 0 && !packet.payload.is_empty();
        let listens = !flow.has(mark::QUIET) && (spoken || flow.talk != NONE);
        if listens {
            self.listen(index, direction, packet, expected, lines);
        }
        if closes {
            self.close(index);
        }
        let protocol = self.table.get(index).map_or(0, |flow| flow.protocol);
        let protocol = self.rows.name(protocol);
        watch.packet(packet, Seen { flow: index, first: found.is_none(), direction, protocol });
    }

    /// Begins a flow with a packet; where there is no room, the one silent longest goes.
    fn begin(&mut self, pending: &Pending<'_>, lines: &mut Lines) -> u32 {
        while self.table.is_full() {
            let Some(quietest) = self.wheel.quietest(&self.table) else { break };
            self.counters.evicted += 1;
            self.drop_flow(quietest, Reason::Evicted, lines);
        }
        self.counters.flows += 1;
        let mut flow = Flow::new(pending.key, pending.upwards, pending.hash, &pending.packet);
        if self.rows.candidates(flow.transport()) == 0 {
            flow.marks |= mark::QUIET;
        }
        let due = self.due_s(&flow);
        let index = self.table.insert(flow);
        self.wheel.put(&mut self.table, index, due);
        index
    }

    /// Gives the second in which a flow is to be looked at.
    fn due_s(&self, flow: &Flow) -> u64 {
        let idle = flow.last_ns.saturating_add(self.idle_ns(flow));
        idle.min(flow.start_ns.saturating_add(self.config.long_ns)) / SECOND_NS + 1
    }

    /// Gives how long a flow may be silent.
    fn idle_ns(&self, flow: &Flow) -> u64 {
        match flow.transport() {
            Transport::Tcp if flow.has(mark::CLOSED) => LINGER_S * SECOND_NS,
            Transport::Tcp if flow.is_open() => self.config.idle_ns,
            Transport::Tcp => self.config.half_open_ns,
            _ => self.config.datagram_idle_ns,
        }
    }

    /// Notes that a connection is over: it lingers for what comes late.
    fn close(&mut self, index: u32) {
        let Some(flow) = self.table.get_mut(index) else { return };
        flow.marks |= mark::CLOSED;
        let flow = *flow;
        self.wheel.take(&mut self.table, &flow);
        let due = self.due_s(&flow);
        self.wheel.put(&mut self.table, index, due);
    }

    /// Looks at the flows whose second has come by `now`.
    fn turn(&mut self, now: u64, lines: &mut Lines) {
        while let Some(head) = self.wheel.turn(now) {
            let mut at = head;
            while let Some(flow) = self.table.get(at) {
                let index = std::mem::replace(&mut at, flow.next);
                let silent = self.now_ns.saturating_sub(flow.last_ns);
                let over = silent >= self.idle_ns(flow)
                    || flow.last_ns.saturating_sub(self.now_ns) > AHEAD_NS;
                let closed = flow.has(mark::CLOSED);
                match (over, closed) {
                    (true, true) => self.end(index, Reason::End, lines),
                    (true, false) => self.end(index, Reason::Idle, lines),
                    (false, _) => self.put_off(index, lines),
                }
            }
        }
    }

    /// Puts a flow down for later; tells a part of it where it lasts long.
    fn put_off(&mut self, index: u32, lines: &mut Lines) {
        let Some(flow) = self.table.get(index).copied() else { return };
        if self.now_ns.saturating_sub(flow.start_ns) >= self.config.long_ns {
            self.tell(&flow, Reason::Long, lines);
            if let Some(kept) = self.table.get_mut(index) {
                // The next part begins where this one ended.
                kept.start_ns = self.now_ns;
                kept.part = kept.part.saturating_add(1);
                for side in [&mut kept.client, &mut kept.server] {
                    (side.bytes, side.packets) = (0, 0);
                }
            }
        }
        if let Some(flow) = self.table.get(index).copied() {
            let due = self.due_s(&flow);
            self.wheel.put(&mut self.table, index, due);
        }
    }

    /// Takes a flow off the wheel and ends it.
    fn drop_flow(&mut self, index: u32, reason: Reason, lines: &mut Lines) {
        if let Some(flow) = self.table.get(index).copied() {
            self.wheel.take(&mut self.table, &flow);
            self.end(index, reason, lines);
        }
    }

    /// Ends a flow that is off the wheel: what it said, then the flow itself.
    fn end(&mut self, index: u32, reason: Reason, lines: &mut Lines) {
        let Some(mut flow) = self.table.remove(index) else { return };
        if flow.talk != NONE {
            self.hush(&mut flow, lines);
        }
        self.tell(&flow, reason, lines);
    }

    fn tell(&mut self, flow: &Flow, reason: Reason, lines: &mut Lines) {
        // A part in which nothing was said is not worth a line.
        if flow.client.packets + flow.server.packets == 0 && flow.part > 0 {
            return;
        }
        let interface = interface(&self.config, flow);
        let protocol = self.rows.name(flow.protocol);
        report(flow, protocol, reason, &self.config.home, interface, lines);
        self.counters.events += 1;
    }
}

fn interface<'c>(config: &'c FlowConfig, flow: &Flow) -> &'c str {
    config.interfaces.get(usize::from(flow.interface)).map_or("", String::as_str)
}

impl Flows {
    /// Reads frames that nobody watches.
    pub fn read_all(&mut self, raws: &[Raw<'_>], lines: &mut Lines) {
        self.read(raws, lines, &mut NoWatch);
    }
}
