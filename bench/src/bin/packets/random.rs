//! Three million small packets of three hundred thousand flows, each packet of a flow picked at random:
//! hostile to every cache.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use wire::{PcapWriter, Raw, link};

use crate::rewrite::{checksum, put16, put32};

const PACKETS: u64 = 3_000_000;
const FLOWS: u64 = 300_000;
const START_NS: u64 = 1_795_244_280_000_000_000;
const STEP_NS: u64 = 5_000;

/// A random number, each from the one before (SplitMix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let one = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let other = (one ^ (one >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        other ^ (other >> 31)
    }
}

#[derive(Clone, Copy, Default)]
struct Flow {
    packets: u32,
    sent: [u32; 2],
}

pub(crate) fn random(path: &Path) -> anyhow::Result<()> {
    let mut writer = PcapWriter::new(BufWriter::new(File::create(path)?));
    let mut dice = Dice(1);
    let mut flows = vec![Flow::default(); usize::try_from(FLOWS)?];
    let mut frame = Vec::new();
    for number in 0..PACKETS {
        let chosen = dice.roll() % FLOWS;
        let Some(flow) = flows.get_mut(usize::try_from(chosen)?) else { continue };
        build(chosen, flow, &mut dice, &mut frame);
        let raw = Raw {
            time_ns: START_NS + number * STEP_NS,
            wire_length: u32::try_from(frame.len())?,
            interface: 0,
            link: link::ETHERNET,
            bytes: &frame,
        };
        writer.write(&raw)?;
    }
    writer.finish()?;
    Ok(())
}

/// Builds the next packet of a flow: half of them TCP with its handshake, half UDP.
fn build(chosen: u64, flow: &mut Flow, dice: &mut Dice, frame: &mut Vec<u8>) {
    let mut own = Dice(chosen);
    let (client, server) =
        (0x0a00_0000 | (own.roll() as u32 & 0x00ff_ffff), own.roll() as u32 >> 3);
    let (client_port, server_port) =
        (1024 + (own.roll() % 60_000) as u16, (own.roll() % 30_000) as u16 + 1024);
    let tcp = chosen.is_multiple_of(2);
    let handshake = tcp && flow.packets < 3;
    let back = if handshake { flow.packets == 1 } else { dice.roll().is_multiple_of(2) };
    let length = if handshake { 0 } else { 16 + dice.roll() as usize % 40 };
    let (source, destination, source_port, destination_port) = if back {
        (server, client, server_port, client_port)
    } else {
        (client, server, client_port, server_port)
    };
    let header = if tcp { 20 } else { 8 };
    let total = 20 + header + length;
    frame.clear();
    frame.extend([2, 0, 0, 0, 0, u8::from(back), 2, 0, 0, 0, 0, u8::from(!back), 8, 0]);
    frame.resize(14 + total, 0);
    put16(frame, 14, 0x4500);
    put16(frame, 16, total as u16);
    put16(frame, 22, 0x4000 >> 8);
    put16(frame, 22, if tcp { 0x4006 } else { 0x4011 });
    put32(frame, 26, source);
    put32(frame, 30, destination);
    put16(frame, 34, source_port);
    put16(frame, 36, destination_port);
    for place in frame.iter_mut().skip(14 + 20 + header) {
        // Text of no protocol.
        *place = b'a' + (dice.roll() % 26) as u8;
    }
    if tcp {
        let ours = usize::from(back);
        let [sent, other] = if back { [flow.sent[1], flow.sent[0]] } else { flow.sent };
        let flags = match (flow.packets, handshake) {
            (0, true) => 0x02,
            (1, true) => 0x12,
            (_, true) => 0x10,
            _ => 0x18,
        };
        put32(frame, 38, 1000 + sent);
        put32(frame, 42, if flow.packets == 0 { 0 } else { 1000 + other });
        put16(frame, 46, 0x5000 | flags);
        put16(frame, 48, 64_000);
        if let Some(sent) = flow.sent.get_mut(ours) {
            *sent += length as u32 + u32::from(flags & 2 != 0);
        }
    } else {
        put16(frame, 38, (8 + length) as u16);
    }
    checksum(frame);
    flow.packets += 1;
}
