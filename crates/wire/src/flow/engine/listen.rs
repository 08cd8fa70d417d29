//! Who hears what a flow says: conversations are begun, fed, and ended where there is no room.

use super::{Flows, TRIES_MAX, interface};
use crate::dissect::First;
use crate::flow::record::{Flow, NONE, mark};
use crate::flow::rows::Rows;
use crate::flow::talk::{Listening, Talk};
use crate::json::Lines;
use crate::packet::{Packet, Transport, flags};
use crate::tell::Direction;

impl Flows {
    /// Ends a flow's conversation.
    pub(super) fn hush(&mut self, flow: &mut Flow, lines: &mut Lines) {
        let talk = self.talks.take(flow.talk);
        flow.talk = NONE;
        flow.marks |= mark::QUIET;
        if let Some(mut talk) = talk {
            let about = flow.about(flow.last_ns, interface(&self.config, flow));
            let mut listening =
                Listening { rows: &self.rows, about: &about, lines, counters: &mut self.counters };
            talk.end(&mut listening);
        }
    }

    /// Lets a flow's conversation hear a packet. `expected` is where its direction had come to.
    pub(super) fn listen(
        &mut self,
        index: u32,
        direction: Direction,
        packet: &Packet<'_>,
        expected: Option<u32>,
        lines: &mut Lines,
    ) {
        let tcp = packet.transport == Transport::Tcp;
        let Some(kept) = self.table.get_mut(index) else { return };
        if kept.talk == NONE {
            // Where the stream begins elsewhere, what comes before its turn tells nothing.
            let in_turn = !tcp || expected.is_none_or(|expected| expected == packet.tcp.sequence);
            let begun = if in_turn {
                begin_talk(kept, index, direction, packet, &self.rows)
            } else {
                Some(Talk::new(index, self.rows.candidates(Transport::Tcp), None).after(kept))
            };
            let Some(talk) = begun else { return };
            kept.talk = self.talks.put(talk);
            self.make_room(index, lines);
        } else if packet.payload_length == 0
            && !self.talks.get_mut(kept.talk).is_some_and(|talk| talk.is_waiting())
        {
            // An ACK alone matters only where something waits for its turn.
            return;
        }
        let Some(mut flow) = self.table.get(index).copied() else { return };
        let about = flow.about(packet.time_ns, interface(&self.config, &flow));
        let mut listening =
            Listening { rows: &self.rows, about: &about, lines, counters: &mut self.counters };
        let Some(talk) = self.talks.get_mut(flow.talk) else { return };
        if tcp {
            hear(talk, &mut listening, direction, packet, expected);
        } else if !packet.payload.is_empty() {
            talk.message(&mut listening, direction, packet.payload);
        }
        let (over, protocol) = (talk.is_over(), talk.protocol);
        self.talks.recount(flow.talk);
        if protocol != 0 && flow.protocol == 0 {
            flow.protocol = protocol;
        }
        if over {
            self.talks.take(flow.talk);
            flow.talk = NONE;
            flow.marks |= mark::QUIET;
        }
        self.store(index, &flow);
        if self.talks.is_over_budget() {
            self.make_room(index, lines);
        }
    }

    /// Keeps what listening changed of a flow.
    pub(super) fn store(&mut self, index: u32, flow: &Flow) {
        if let Some(kept) = self.table.get_mut(index) {
            (kept.talk, kept.marks, kept.tried) = (flow.talk, flow.marks, flow.tried);
            kept.protocol = flow.protocol;
        }
    }

    /// Ends conversations until there is room: not the one of `index`, whose turn it is.
    pub(super) fn make_room(&mut self, index: u32, lines: &mut Lines) {
        while self.talks.is_over_budget() {
            let Some(victim) = self.talks.victim(index) else { return };
            let Some(mut flow) = self.table.get(victim).copied() else { return };
            self.counters.undissected += 1;
            self.hush(&mut flow, lines);
            self.store(victim, &flow);
        }
    }
}

/// Begins to listen to a flow at a payload, where somebody may know it. Most flows that nobody knows
/// end here, before anything is kept of them.
fn begin_talk(
    flow: &mut Flow,
    index: u32,
    direction: Direction,
    packet: &Packet<'_>,
    rows: &Rows,
) -> Option<Talk> {
    let tcp = flow.transport() == Transport::Tcp;
    let mut candidates = rows.candidates(flow.transport());
    let first = first_of(direction, packet, flow.has_ports());
    let known = rows.recognise(&mut candidates, &first);
    if known.is_none() {
        // What a stream begins with may come in pieces; a datagram is whole.
        flow.tried += 1;
        if tcp && candidates == 0 || !tcp && flow.tried >= TRIES_MAX {
            flow.marks |= mark::QUIET;
        }
        if !tcp || candidates == 0 {
            return None;
        }
    }
    Some(Talk::new(index, candidates, known).after(flow))
}

/// Lets a conversation over TCP hear a packet.
fn hear(
    talk: &mut Talk,
    listening: &mut Listening<'_>,
    direction: Direction,
    packet: &Packet<'_>,
    expected: Option<u32>,
) {
    let tcp = packet.tcp;
    let syn = u32::from(tcp.flags & flags::SYN != 0);
    if let Some(expected) = expected {
        talk.stream(direction).begin(expected);
    }
    if packet.payload_length > 0 {
        let place = (tcp.sequence.wrapping_add(syn), packet.payload_length);
        talk.segment(listening, direction, place, packet.payload);
    }
    if tcp.flags & flags::ACK != 0 && !talk.is_over() {
        let other = match direction {
            Direction::Client => Direction::Server,
            Direction::Server => Direction::Client,
        };
        talk.confirmed(listening, other, tcp.acknowledged);
    }
}

fn first_of<'b>(direction: Direction, packet: &Packet<'b>, has_ports: bool) -> First<'b> {
    let bytes = packet.payload;
    let bytes = bytes.get(..crate::dissect::FIRST_BYTES_MAX).unwrap_or(bytes);
    let ports = if has_ports { (packet.source_port, packet.destination_port) } else { (0, 0) };
    let (client, server, (client_port, port)): (&[u8], &[u8], _) = match direction {
        Direction::Client => (bytes, &[], ports),
        Direction::Server => (&[], bytes, (ports.1, ports.0)),
    };
    First { client, server, port, client_port, transport: packet.transport }
}
