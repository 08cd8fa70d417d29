//! Whatever two sides say to each other, no reader of a protocol panics, and what it tells is JSON.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::dissect::{First, Progress};
use wire::{About, DISSECTORS, Direction, Lines, Told};

fuzz_target!(|bytes: &[u8]| {
    // The first byte names the protocol; of the rest, pieces: who speaks and how long, then what.
    let Some((row, mut rest)) = bytes.split_first() else { return };
    let row = &DISSECTORS[usize::from(*row) % DISSECTORS.len()];
    let about = About {
        time_ns: 0,
        source: [192, 0, 2, 1].into(),
        destination: [192, 0, 2, 2].into(),
        source_port: 50_000,
        destination_port: row.ports.first().copied().unwrap_or(0),
        source_mac: None,
        destination_mac: None,
        transport: row.over[0],
        protocol_number: 0,
        vlans: [None, None],
        community_id: None,
        interface: "",
    };
    let mut lines = Lines::default();
    let mut told = Told::new(&mut lines, &about, row.name, 64);
    let mut reader = (row.open)(&about);
    let mut held = [Vec::new(), Vec::new()];
    while let Some((head, after)) = rest.split_first() {
        let side = usize::from(head & 1);
        let (piece, after) = after.split_at(after.len().min(usize::from(head >> 1) * 4));
        rest = after;
        held[side].extend_from_slice(piece);
        if held[side].is_empty() {
            continue;
        }
        let direction = if side == 1 { Direction::Server } else { Direction::Client };
        match reader.feed(direction, &held[side], &mut told) {
            Progress::Taken(count) => {
                let count = usize::try_from(count).unwrap_or(usize::MAX).min(held[side].len());
                held[side].drain(..count);
            }
            Progress::Done | Progress::Become(..) => break,
        }
        if head & 0x80 != 0 && reader.gap(direction, &mut told) == Progress::Done {
            break;
        }
    }
    reader.end(&mut told);
    let first = First {
        client: &held[0],
        server: &held[1],
        port: about.destination_port,
        client_port: about.source_port,
        transport: about.transport,
    };
    for row in DISSECTORS {
        let _ = (row.recognises)(&first);
    }
    for line in lines.iter() {
        serde_json::from_str::<serde_json::Value>(line).expect("what is told is JSON");
    }
});
