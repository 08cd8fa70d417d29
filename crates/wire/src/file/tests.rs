use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::packet::link;

const FRAMES: [&[u8]; 3] = [b"first", b"", b"the third frame"];

fn pcap() -> Vec<u8> {
    let mut writer = PcapWriter::new(Vec::new());
    for (number, bytes) in (0_u64..).zip(FRAMES) {
        let time_ns = 1_795_244_280_000_000_123 + number;
        let raw = Raw { time_ns, wire_length: 99, interface: 0, link: link::ETHERNET, bytes };
        writer.write(&raw).unwrap();
    }
    writer.finish().unwrap()
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let body_length = body.len().next_multiple_of(4);
    let length = u32::try_from(body_length + 12).unwrap().to_be_bytes();
    let mut block = kind.to_be_bytes().to_vec();
    block.extend(length);
    block.extend(body);
    block.resize(8 + body_length, 0);
    block.extend(length);
    block
}

/// A file in network byte order with two interfaces: microseconds, and units of 2^-10 s after an offset.
fn pcapng() -> Vec<u8> {
    let mut section = 0x1a2b_3c4d_u32.to_be_bytes().to_vec();
    section.extend([0, 1, 0, 0]);
    section.extend([0xff; 8]);
    let mut file = block(0x0a0d_0d0a, &section);
    file.extend(block(1, &[0, 1, 0, 0, 0, 0, 0, 0]));
    let mut odd = vec![0, 101, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0x8a, 0, 0, 0, 0, 14, 0, 8];
    odd.extend(100_i64.to_be_bytes());
    odd.extend([0, 0, 0, 0]);
    file.extend(block(1, &odd));
    for interface in [0_u32, 1] {
        let mut packet = Vec::new();
        for word in [interface, 0, 1536, 5, 60] {
            packet.extend(u32::to_be_bytes(word));
        }
        packet.extend(b"hello");
        file.extend(block(6, &packet));
    }
    file.extend(block(0x0bad, b"whatever"));
    file.extend(block(3, b"\0\0\0\x05hello"));
    file
}

fn read(file: &[u8], size: usize) -> (Vec<String>, Result<(), FileFault>) {
    let mut reader = PcapReader::new();
    let mut frames = Vec::new();
    let mut each = |raws: &[Raw<'_>]| {
        for raw in raws {
            let text = String::from_utf8_lossy(raw.bytes).into_owned();
            let Raw { time_ns, wire_length, interface, link, .. } = raw;
            frames.push(format!("{time_ns} {wire_length} {interface} {link} {text}"));
        }
    };
    for part in file.chunks(size) {
        if reader.feed(part, &mut each).is_err() {
            break;
        }
    }
    let end = reader.finish();
    (frames, end)
}

#[track_caller]
fn check(file: &[u8], expected: Expect) {
    let (frames, end) = read(file, file.len().max(1));
    let end = end.map_or_else(|fault| fault.to_string(), |()| "end".to_owned());
    expected.assert_eq(&format!("{}\n{end}", frames.join("\n")));
    for size in 1..40 {
        assert_eq!(read(file, size).0, frames, "in pieces of {size}");
    }
}

#[test]
fn what_is_written_is_read() {
    check(
        &pcap(),
        expect![[r"
        1795244280000000123 99 0 1 first
        1795244280000000124 99 0 1 
        1795244280000000125 99 0 1 the third frame
        end"]],
    );
}

#[test]
fn sections_interfaces_and_units() {
    check(
        &pcapng(),
        expect![[r"
        1536000 60 0 1 hello
        101500000000 60 1 101 hello
        101500000000 5 0 1 hello
        end"]],
    );
}

#[test]
fn a_file_that_ends_early_says_so_and_keeps_what_was_read() {
    let file = pcap();
    check(
        &file[..file.len() - 4],
        expect![[r"
        1795244280000000123 99 0 1 first
        1795244280000000124 99 0 1 
        ends within a record, 27 bytes into it; what came before was read"]],
    );
    let file = pcapng();
    check(
        &file[..file.len() - 30],
        expect![[r"
        1536000 60 0 1 hello
        101500000000 60 1 101 hello
        ends within a record, 14 bytes into it; what came before was read"]],
    );
}

#[test]
fn damage_is_told_by_its_place() {
    let mut file = pcap();
    file[24 + 16 + 5 + 8 + 3] = 0xff;
    check(
        &file,
        expect![[r"
        1795244280000000123 99 0 1 first
        damaged at byte 45: a frame longer than any; what came before was read"]],
    );
}

#[test]
fn what_is_no_capture() {
    check(
        b"GET / HTTP/1.1",
        expect![[r"

        is no pcap or pcapng file"]],
    );
    check(
        b"",
        expect![[r"

        is no pcap or pcapng file"]],
    );
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_fail(
        mut file in prop_oneof![Just(pcap()), Just(pcapng())],
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        size in 1_usize..100,
    ) {
        for (place, byte) in changes {
            let place = place.index(file.len());
            file[place] = byte;
        }
        let whole = read(&file, file.len());
        prop_assert_eq!(read(&file, size), whole);
    }
}
