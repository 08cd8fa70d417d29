//! Real captures, interleaved by the time since each began, and replicated.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use wire::{Decoded, PcapReader, PcapWriter, Raw, decode, link};

use crate::rewrite::replica;

/// Packets that the mix has at least.
const PACKETS_MIN: usize = 2_400_000;
/// What comes later in a capture is left out: it would only pull the mix apart.
const LONG_NS: u64 = 300_000_000_000;
/// How long after one replica the next begins.
const APART_NS: u64 = 7_000_000_000;
const START_NS: u64 = 1_795_244_280_000_000_000;
/// Packets of one capture; the largest would drown the others.
const EACH_MAX: usize = 20_000;

struct Frame {
    time_ns: u64,
    wire_length: u32,
    bytes: Vec<u8>,
}

pub(crate) fn mix(folder: &Path, path: &Path) -> anyhow::Result<()> {
    let mut files = Vec::new();
    find(folder, &mut files)?;
    files.sort();
    let (mut frames, mut captures) = (Vec::new(), 0);
    for file in files {
        let bytes = std::fs::read(&file)?;
        let found = read(&bytes);
        captures += usize::from(!found.is_empty());
        frames.extend(found);
    }
    frames.sort_by_key(|frame: &Frame| frame.time_ns);
    let replicas = PACKETS_MIN.div_ceil(frames.len().max(1)).min(255);
    println!("{captures} captures, {} packets, {replicas} replicas", frames.len());
    let mut order: Vec<(u64, u8, u32)> = Vec::new();
    for number in 0..replicas {
        let after = START_NS + APART_NS * number as u64;
        let placed = frames.iter().enumerate();
        order.extend(
            placed.map(|(place, frame)| (after + frame.time_ns, number as u8, place as u32)),
        );
    }
    order.sort_unstable();
    let mut writer = PcapWriter::new(BufWriter::new(File::create(path)?));
    let mut changed = Vec::new();
    for (time_ns, number, place) in order {
        let Some(frame) = frames.get(place as usize) else { continue };
        changed.clone_from(&frame.bytes);
        replica(&mut changed, number);
        let wire_length = frame.wire_length;
        writer.write(&Raw {
            time_ns,
            wire_length,
            interface: 0,
            link: link::ETHERNET,
            bytes: &changed,
        })?;
    }
    writer.finish()?;
    Ok(())
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// Gives the frames of a capture of Ethernet; none where any is wrapped in a tunnel, whose inner
/// addresses are not rewritten.
fn read(bytes: &[u8]) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut fits = true;
    let mut each = |raws: &[Raw<'_>]| {
        for raw in raws {
            let tunnel = match decode(raw) {
                Decoded::Packet(packet) => packet.tunnel.is_some(),
                Decoded::Fragment(fragment) => fragment.packet.tunnel.is_some(),
                _ => false,
            };
            fits &= raw.link == link::ETHERNET && !tunnel;
            if frames.len() < EACH_MAX {
                let bytes = raw.bytes.to_vec();
                frames.push(Frame { time_ns: raw.time_ns, wire_length: raw.wire_length, bytes });
            }
        }
    };
    let mut reader = PcapReader::new();
    if reader.feed(bytes, &mut each).is_err() || !fits {
        return Vec::new();
    }
    let start = frames.iter().map(|frame| frame.time_ns).min().unwrap_or(0);
    for frame in &mut frames {
        frame.time_ns -= start;
    }
    frames.retain(|frame| frame.time_ns <= LONG_NS);
    frames
}
