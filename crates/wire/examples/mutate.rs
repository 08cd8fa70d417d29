//! Throws changed packets at everything that reads them.
//!
//! `cargo run --release -p wire --example mutate -- COUNT FOLDER...` takes the frames of all captures
//! in the folders, changes some bytes of each, and reads them as flows with all protocols; what tells of
//! flow records (UDP to the usual ports) is read as such too. It prints how many were read, and fails
//! where one makes the program fail or memory grow.
#![allow(clippy::print_stdout, reason = "it is a program for a terminal")]

use std::path::{Path, PathBuf};

use wire::netflow::Exporters;
use wire::traffic::{Home, Traffic};
use wire::{Decoded, FlowConfig, Flows, Lines, PcapReader, Raw, decode};

/// Ports to which flow records are sent.
const RECORD_PORTS: [u16; 5] = [2055, 4739, 9995, 9996, 6343];
/// What the flows may hold here: little, so that the bounds are met.
const HELD_BYTES_MAX: usize = 4 << 20;

struct Frame {
    link: u32,
    bytes: Vec<u8>,
}

/// A generator of numbers that need only be many.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or(0) % bound.max(1)
    }
}

fn main() {
    let mut args = std::env::args().skip(1);
    let count: u64 = args.next().and_then(|count| count.parse().ok()).unwrap_or(1_000_000);
    let mut frames = Vec::new();
    for folder in args {
        collect(Path::new(&folder), &mut frames);
    }
    let datagrams: Vec<Vec<u8>> = frames.iter().filter_map(records).collect();
    println!("{} frames, {} of flow records", frames.len(), datagrams.len());
    if frames.is_empty() {
        return;
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    read_frames(&frames, count, &mut random);
    if !datagrams.is_empty() {
        read_records(&datagrams, count / 10, &mut random);
    }
}

fn collect(folder: &Path, frames: &mut Vec<Frame>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, frames);
        } else if let Ok(bytes) = std::fs::read(&path) {
            // What a damaged file holds before its damage counts.
            let _ = PcapReader::new().feed(&bytes, &mut |raws| {
                let kept =
                    raws.iter().map(|raw| Frame { link: raw.link, bytes: raw.bytes.to_vec() });
                frames.extend(kept);
            });
        }
    }
}

fn records(frame: &Frame) -> Option<Vec<u8>> {
    let raw =
        Raw { time_ns: 0, wire_length: 0, interface: 0, link: frame.link, bytes: &frame.bytes };
    let Decoded::Packet(packet) = decode(&raw) else { return None };
    let is_record = packet.protocol == 17 && RECORD_PORTS.contains(&packet.destination_port);
    is_record.then(|| packet.payload.to_vec())
}

/// Changes a few bytes, cuts, or puts a part elsewhere; one in four stays as it is, so that flows live.
fn change(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..random.below(4) {
        if bytes.is_empty() {
            return;
        }
        let place = random.below(bytes.len());
        let byte = random.next().to_le_bytes()[0];
        match random.below(8) {
            0 => bytes.truncate(place),
            1 => bytes.insert(place, byte),
            2 => {
                let end = (place + 1 + random.below(16)).min(bytes.len());
                let part = bytes[place..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, part);
            }
            3 => bytes[place] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
            4 => bytes[place] ^= 1 << (byte & 7),
            _ => bytes[place] = byte,
        }
    }
}

fn read_frames(frames: &[Frame], count: u64, random: &mut Random) {
    let config = FlowConfig {
        flows_max: 20_000,
        dissected_max: 4_000,
        held_bytes_max: HELD_BYTES_MAX,
        ..FlowConfig::default()
    };
    let mut flows = Flows::new(config);
    let (mut lines, mut told) = (Lines::default(), 0);
    let (mut time_ns, mut place, mut held_most) = (1_795_244_280_000_000_000, 0, 0);
    for _ in 0..count {
        // Mostly in order, so that streams go on.
        place = if random.below(64) == 0 { random.below(frames.len()) } else { place + 1 };
        let frame = &frames[place % frames.len()];
        let mut bytes = frame.bytes.clone();
        change(&mut bytes, random);
        time_ns += random.next() >> 44;
        let wire_length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        flows.read_all(
            &[Raw { time_ns, wire_length, interface: 0, link: frame.link, bytes: &bytes }],
            &mut lines,
        );
        if lines.as_str().len() > 1 << 20 {
            told += lines.len();
            for line in lines.iter().step_by(97) {
                assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
            }
            lines.clear();
        }
        held_most = held_most.max(flows.bytes().1);
        assert!(flows.bytes().1 < HELD_BYTES_MAX + (2 << 20), "{:?}", flows.bytes());
    }
    while flows.finish(&mut lines) {
        lines.clear();
    }
    println!(
        "{count} frames, {told} events, at most {held_most} bytes held: {:?}",
        flows.counters()
    );
}

fn read_records(datagrams: &[Vec<u8>], count: u64, random: &mut Random) {
    let mut exporters = Exporters::new(Home::default());
    let mut traffic = Traffic::of_the_past();
    let mut lines = Lines::default();
    for number in 0..count {
        let mut bytes = datagrams[random.below(datagrams.len())].clone();
        change(&mut bytes, random);
        let from = [10, 0, 0, random.next().to_le_bytes()[0]];
        exporters.read(from.into(), &bytes, number, &mut lines, &mut traffic);
        if lines.as_str().len() > 1 << 20 {
            lines.clear();
        }
    }
    println!("{count} datagrams of flow records: {:?}", exporters.standing());
}
