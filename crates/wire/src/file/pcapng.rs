//! The newer format: blocks, among them sections, interfaces and frames
//! (draft-ietf-opsawg-pcapng).

use super::{FRAME_BYTES_MAX, Found};
use crate::packet::Raw;

/// The type of the block that begins a section; the same in both byte orders.
pub(super) const MAGIC: &[u8] = &[0x0a, 0x0d, 0x0d, 0x0a];
const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET_OLD: u32 = 2;
const SIMPLE: u32 = 3;
const PACKET: u32 = 6;
/// Interfaces of one section; frames of further ones are read with the last one's units.
const INTERFACES_MAX: usize = 4096;
/// Options of an interface that are looked through.
const OPTIONS_MAX: usize = 64;
/// Room for options around a frame.
const BLOCK_BYTES_MAX: usize = FRAME_BYTES_MAX + 64 * 1024;

/// The section at hand.
#[derive(Debug, Default)]
pub(super) struct Sections {
    big: bool,
    interfaces: Vec<Interface>,
    /// The time of the frame before, for frames that have none.
    time_ns: u64,
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    link: u32,
    snap_length: u32,
    /// The unit of times: a power of ten, or of two with the top bit set.
    resolution: u8,
    offset_s: i64,
}

impl Sections {
    fn word(&self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = *bytes.get(at..)?.first_chunk::<4>()?;
        Some(if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn half(&self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = *bytes.get(at..)?.first_chunk::<2>()?;
        Some(if self.big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    /// Gives how long the block is that begins so, as far as it is believed.
    pub(super) fn block_length(&self, bytes: &[u8]) -> usize {
        // A section's own byte order is known only with its first twelve bytes.
        if bytes.len() < 12 {
            return 12;
        }
        let big = if bytes.starts_with(MAGIC) { is_big(bytes) } else { self.big };
        let length = bytes.get(4..8).and_then(<[u8]>::first_chunk::<4>).map_or(0, |length| {
            if big { u32::from_be_bytes(*length) } else { u32::from_le_bytes(*length) }
        });
        usize::try_from(length).unwrap_or(usize::MAX).clamp(12, BLOCK_BYTES_MAX)
    }

    pub(super) fn block<'b>(&mut self, bytes: &'b [u8]) -> Found<'b> {
        if bytes.len() < 12 {
            return Found::More;
        }
        if bytes.starts_with(MAGIC) {
            self.big = is_big(bytes);
        }
        let (Some(kind), Some(length)) = (self.word(bytes, 0), self.word(bytes, 4)) else {
            return Found::More;
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length < 12 || !length.is_multiple_of(4) {
            return Found::Damaged("a block of impossible length");
        }
        if length > BLOCK_BYTES_MAX {
            return Found::Damaged("a block longer than any");
        }
        let Some(body) = bytes.get(8..length - 4) else { return Found::More };
        if bytes.len() < length {
            return Found::More;
        }
        match kind {
            SECTION => self.interfaces.clear(),
            INTERFACE => self.interface(body),
            PACKET => return self.enhanced(body, length),
            PACKET_OLD => return self.old(body, length),
            SIMPLE => return self.simple(body, length),
            _ => {}
        }
        Found::Other(length)
    }

    fn interface(&mut self, body: &[u8]) {
        let (Some(link), Some(snap_length)) = (self.half(body, 0), self.word(body, 4)) else {
            return;
        };
        let mut interface =
            Interface { link: link.into(), snap_length, resolution: 6, offset_s: 0 };
        let mut rest = body.get(8..).unwrap_or_default();
        for _ in 0..OPTIONS_MAX {
            let (Some(code), Some(length)) = (self.half(rest, 0), self.half(rest, 2)) else {
                break;
            };
            let Some(value) = rest.get(4..4 + usize::from(length)) else { break };
            match (code, value) {
                (0, _) => break,
                (9, [resolution]) => interface.resolution = *resolution,
                (14, value) => {
                    let value = value.first_chunk::<8>().copied().unwrap_or_default();
                    interface.offset_s = if self.big {
                        i64::from_be_bytes(value)
                    } else {
                        i64::from_le_bytes(value)
                    };
                }
                _ => {}
            }
            rest = rest.get(4 + usize::from(length).next_multiple_of(4)..).unwrap_or_default();
        }
        if self.interfaces.len() < INTERFACES_MAX {
            self.interfaces.push(interface);
        }
    }

    fn enhanced<'b>(&mut self, body: &'b [u8], length: usize) -> Found<'b> {
        let number = self.word(body, 0);
        self.timed(number, body, length)
    }

    fn old<'b>(&mut self, body: &'b [u8], length: usize) -> Found<'b> {
        let number = self.half(body, 0).map(u32::from);
        self.timed(number, body, length)
    }

    fn timed<'b>(&mut self, number: Option<u32>, body: &'b [u8], length: usize) -> Found<'b> {
        let fields = [4, 8, 12, 16].map(|at| self.word(body, at));
        let (Some(number), [Some(high), Some(low), Some(captured), Some(wire)]) = (number, fields)
        else {
            return Found::Damaged("a frame's block is too short");
        };
        let Some(interface) = self.interface_of(number) else {
            return Found::Damaged("a frame of no interface");
        };
        let captured = usize::try_from(captured).unwrap_or(usize::MAX);
        let frame = body.get(20..).and_then(|body| body.get(..captured));
        let Some(frame) = frame else { return Found::Damaged("a frame longer than its block") };
        let units = u64::from(high) << 32 | u64::from(low);
        self.time_ns = interface.time_ns(units);
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        Found::Frame(self.raw(number, interface, wire, frame), length)
    }

    fn simple<'b>(&mut self, body: &'b [u8], length: usize) -> Found<'b> {
        let (Some(wire), Some(interface)) = (self.word(body, 0), self.interface_of(0)) else {
            return Found::Damaged("a frame of no interface");
        };
        let there = body.get(4..).unwrap_or_default();
        let mut captured = usize::try_from(wire).unwrap_or(usize::MAX);
        if interface.snap_length > 0 {
            captured = captured.min(usize::try_from(interface.snap_length).unwrap_or(usize::MAX));
        }
        let frame = there.get(..captured).unwrap_or(there);
        Found::Frame(self.raw(0, interface, wire, frame), length)
    }

    fn interface_of(&self, number: u32) -> Option<Interface> {
        let number = usize::try_from(number).ok()?;
        self.interfaces.get(number.min(INTERFACES_MAX - 1)).copied()
    }

    fn raw<'b>(&self, number: u16, interface: Interface, wire: u32, frame: &'b [u8]) -> Raw<'b> {
        let there = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        Raw {
            time_ns: self.time_ns,
            wire_length: wire.max(there),
            interface: number,
            link: interface.link,
            bytes: frame,
        }
    }
}

impl Interface {
    /// Gives a time in nanoseconds; what lies before 1970 or beyond the range is held within it.
    fn time_ns(self, units: u64) -> u64 {
        let units = u128::from(units);
        let exponent = u32::from(self.resolution & 0x7f);
        let nanos = if self.resolution & 0x80 == 0 {
            match exponent {
                0..=9 => units * 10_u128.pow(9 - exponent),
                10..=38 => units / 10_u128.pow(exponent - 9),
                _ => 0,
            }
        } else {
            (units * 1_000_000_000).checked_shr(exponent).unwrap_or(0)
        };
        let nanos = i128::try_from(nanos).unwrap_or(i128::MAX);
        let offset = i128::from(self.offset_s) * 1_000_000_000;
        let held = nanos.saturating_add(offset).clamp(0, i128::from(i64::MAX));
        u64::try_from(held).unwrap_or(0)
    }
}

/// Tells a section's byte order.
fn is_big(bytes: &[u8]) -> bool {
    bytes.get(8..12) == Some(&[0x1a, 0x2b, 0x3c, 0x4d])
}
