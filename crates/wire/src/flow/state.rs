//! How a connection went: its state and its history in Zeek's words.
//!
//! The history has a letter for what was seen first in each direction, the opener's in capitals: `s` a
//! SYN, `h` a SYN with ACK, `a` an ACK, `d` a payload, `f` a FIN, `r` a RST, `t` a payload sent again,
//! `w` a window of zero, `i` flags that contradict each other; `^` that the direction was turned, since the
//! first packet seen was an answer.

use super::record::{Flow, mark, seen};
use crate::json::Object;
use crate::packet::{Packet, Transport, flags};
use crate::tell::Direction;

const LETTERS: &[u8] = b"^shadfrtwi";

/// The place of each letter in [`LETTERS`].
mod letter {
    pub(super) const TURNED: u32 = 0;
    pub(super) const SYN: u32 = 1;
    pub(super) const SYN_ACK: u32 = 2;
    pub(super) const ACK: u32 = 3;
    pub(super) const DATA: u32 = 4;
    pub(super) const FIN: u32 = 5;
    pub(super) const RST: u32 = 6;
    pub(super) const AGAIN: u32 = 7;
    pub(super) const WINDOW: u32 = 8;
    pub(super) const INCONSISTENT: u32 = 9;
}

impl Flow {
    /// Notes what a packet says of the state; tells whether the connection is over by it.
    pub(super) fn note(&mut self, direction: Direction, packet: &Packet<'_>) -> bool {
        if self.transport() == Transport::Tcp {
            return self.note_tcp(direction, packet);
        }
        let side = self.side(direction);
        side.seen |= seen::DATA;
        if packet.payload_length > 0 {
            self.write(letter::DATA, direction);
        }
        false
    }

    fn note_tcp(&mut self, direction: Direction, packet: &Packet<'_>) -> bool {
        let tcp = packet.tcp;
        let length = packet.payload_length;
        let (syn, fin, rst, ack) = (
            tcp.flags & flags::SYN != 0,
            tcp.flags & flags::FIN != 0,
            tcp.flags & flags::RST != 0,
            tcp.flags & flags::ACK != 0,
        );
        let other_closed = self.other(direction).seen & (seen::FIN | seen::RST) != 0;
        let side = self.side(direction);
        let fresh = side.seen == 0;
        let end = tcp.sequence.wrapping_add(length).wrapping_add(u32::from(syn) + u32::from(fin));
        let again = !fresh && length > 0 && before(end, side.expected.wrapping_add(1));
        if fresh || !before(end, side.expected) {
            side.expected = end;
        }
        let mut now = 0;
        if syn {
            now |= if ack { seen::SYN_ACK } else { seen::SYN };
        }
        if ack {
            now |= seen::ACK;
        }
        if length > 0 {
            now |= seen::DATA;
        }
        if fin {
            now |= seen::FIN;
        }
        if rst {
            now |= seen::RST;
            if !other_closed && side.seen & seen::FIN == 0 {
                now |= seen::RST_FIRST;
            }
        }
        let new = now & !side.seen;
        side.seen |= now;
        if new != 0 || again || tcp.window == 0 {
            self.write_history(direction, packet, new, again);
        }
        if new & (seen::FIN | seen::RST) == 0 {
            return false;
        }
        let both = self.client.seen & self.server.seen & seen::FIN != 0;
        both || rst
    }

    fn write_history(&mut self, direction: Direction, packet: &Packet<'_>, new: u8, again: bool) {
        let tcp = packet.tcp;
        if self.history == 0 && direction == Direction::Server {
            self.write(letter::TURNED, Direction::Server);
        }
        if new & seen::SYN_ACK != 0 {
            self.write(letter::SYN_ACK, direction);
        }
        if new & seen::SYN != 0 {
            self.write(letter::SYN, direction);
        }
        if tcp.flags & flags::SYN != 0 && tcp.flags & (flags::FIN | flags::RST) != 0 {
            self.write(letter::INCONSISTENT, direction);
        }
        // An ACK that only goes along with a SYN, a payload or the end is no letter of its own, unless
        // it is the first.
        if new & seen::ACK != 0 && tcp.flags & (flags::SYN | flags::RST) == 0 {
            self.write(letter::ACK, direction);
        }
        if new & seen::DATA != 0 {
            self.write(letter::DATA, direction);
        }
        if again {
            self.write(letter::AGAIN, direction);
        }
        if tcp.window == 0 && tcp.flags & (flags::RST | flags::SYN) == 0 {
            self.write(letter::WINDOW, direction);
        }
        if new & seen::FIN != 0 {
            self.write(letter::FIN, direction);
        }
        if new & seen::RST != 0 {
            self.write(letter::RST, direction);
        }
    }

    fn write(&mut self, letter: u32, direction: Direction) {
        let code = letter * 2 + u32::from(direction == Direction::Server) + 1;
        if self.letters & (1 << code) == 0 {
            self.letters |= 1 << code;
            self.history = self.history << 5 | u128::from(code);
        }
    }

    /// Writes the history.
    pub(super) fn write_history_to(&self, object: &mut Object<'_>) {
        let mut text = [0_u8; 26];
        let mut first = text.len();
        let mut rest = self.history;
        for place in text.iter_mut().rev() {
            if rest == 0 {
                break;
            }
            let code = usize::try_from(rest & 31).unwrap_or(0).saturating_sub(1);
            let letter = LETTERS.get(code / 2).copied().unwrap_or(b'?');
            *place = if code.is_multiple_of(2) { letter.to_ascii_uppercase() } else { letter };
            first -= 1;
            rest >>= 5;
        }
        object.text("history", text.get(first..).unwrap_or_default());
    }

    fn other(&self, direction: Direction) -> &super::record::Side {
        match direction {
            Direction::Client => &self.server,
            Direction::Server => &self.client,
        }
    }

    /// Tells whether a connection was opened by both sides, as far as was seen.
    pub(super) fn is_open(&self) -> bool {
        self.client.seen & seen::SYN != 0 && self.server.seen & seen::SYN_ACK != 0
            // Begun before the capture: both have spoken, and no SYN was seen.
            || (self.client.seen | self.server.seen) & (seen::SYN | seen::SYN_ACK) == 0
                && self.client.seen & self.server.seen & seen::ACK != 0
    }

    /// Gives the state.
    pub(super) fn state(&self) -> &'static str {
        let (client, server) = (self.client.seen, self.server.seen);
        if self.transport() != Transport::Tcp {
            return match (self.transport(), client != 0, server != 0) {
                (Transport::Udp | Transport::Arp, true, true) => "SF",
                (Transport::Udp | Transport::Arp, true, false) => "S0",
                (Transport::Udp | Transport::Arp, false, true) => "SHR",
                _ => "OTH",
            };
        }
        let opened = client & seen::SYN != 0;
        let answered = server & seen::SYN_ACK != 0;
        let both = client & server & seen::FIN != 0;
        let reset = |side: u8| side & seen::RST != 0;
        let first = |side: u8| side & seen::RST_FIRST != 0;
        let by_client = reset(client) && (first(client) || !first(server));
        match (opened, answered) {
            (true, true) if both && !first(client) && !first(server) => "SF",
            (true, true) if by_client => "RSTO",
            (true, true) if reset(server) => "RSTR",
            (true, true) if client & seen::FIN != 0 => "S2",
            (true, true) if server & seen::FIN != 0 => "S3",
            (true, true) => "S1",
            (true, false) if reset(server) && !by_client => "REJ",
            (true, false) if reset(client) => "RSTOS0",
            (true, false) if client & seen::FIN != 0 => "SH",
            (true, false) if server == 0 => "S0",
            (false, true) if reset(server) => "RSTRH",
            (false, true) if server & seen::FIN != 0 && client == 0 => "SHR",
            _ => "OTH",
        }
    }

    /// Tells whether a packet begins another connection between the same ends.
    pub(super) fn is_begun_anew(&self, packet: &Packet<'_>) -> bool {
        self.has(mark::CLOSED)
            && self.transport() == Transport::Tcp
            && packet.tcp.flags & (flags::SYN | flags::ACK | flags::RST | flags::FIN) == flags::SYN
    }
}

/// Tells whether one number of a stream comes before another; they go in circles.
pub(super) fn before(one: u32, other: u32) -> bool {
    one.wrapping_sub(other) > u32::MAX / 2
}
