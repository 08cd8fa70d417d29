// Text for a person to compare; how it is put together does not matter.
#![allow(clippy::format_push_string, reason = "a test writes what it compares")]

use std::collections::HashMap;

use etherparse::PacketBuilder;
use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::json::Lines;
use crate::packet::{Raw, link};

const SECOND: u64 = 1_000_000_000;
const CLIENT: [u8; 4] = [10, 0, 0, 1];
const SERVER: [u8; 4] = [198, 51, 100, 2];

/// A segment: `>` from the client or `<` from the server, its flags, its number, its payload.
#[derive(Clone, Copy)]
struct Segment<'s>(&'s str, u32, &'s [u8]);

fn tcp(segment: Segment<'_>) -> Vec<u8> {
    let Segment(words, sequence, payload) = segment;
    let (from, to, ports) = if words.starts_with('>') {
        (CLIENT, SERVER, (50_000, 80))
    } else {
        (SERVER, CLIENT, (80, 50_000))
    };
    let mut builder = PacketBuilder::ipv4(from, to, 64).tcp(ports.0, ports.1, sequence, 512);
    for word in words.chars().skip(1) {
        builder = match word {
            'S' => builder.syn(),
            'F' => builder.fin(),
            'R' => builder.rst(),
            'A' => builder.ack(0),
            _ => panic!("{word}"),
        };
    }
    let mut bytes = Vec::new();
    builder.write(&mut bytes, payload).unwrap();
    bytes
}

fn udp(source_port: u16, destination_port: u16, payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ipv4(CLIENT, SERVER, 64).udp(source_port, destination_port);
    let mut bytes = Vec::new();
    builder.write(&mut bytes, payload).unwrap();
    bytes
}

fn read(flows: &mut Flows, lines: &mut Lines, frames: &[(u64, Vec<u8>)]) {
    for (time_ns, bytes) in frames {
        let wire_length = u32::try_from(bytes.len()).unwrap();
        let raw = Raw { time_ns: *time_ns, wire_length, interface: 0, link: link::RAW, bytes };
        flows.read_all(&[raw], lines);
    }
}

/// Writes lines' essence.
fn short(lines: &Lines) -> String {
    let mut text = String::new();
    for line in lines.iter() {
        let value: Value = serde_json::from_str(line).unwrap();
        let dataset = value["event"]["dataset"].as_str().unwrap();
        if dataset == "flow.connection" {
            let flow = &value["bartizan"]["flow"];
            text += &format!(
                "{} {} {}/{} {} {} {}{}\n",
                value["source"]["ip"].as_str().unwrap(),
                value["network"]["direction"].as_str().unwrap(),
                value["source"]["packets"],
                value["destination"]["packets"],
                flow["state"].as_str().unwrap(),
                flow["history"].as_str().unwrap(),
                flow["reason"].as_str().unwrap(),
                value["network"]["protocol"].as_str().map_or(String::new(), |it| format!(" {it}")),
            );
        } else {
            text += &format!("{dataset} {}\n", value["url"]["original"]);
        }
    }
    text
}

#[track_caller]
fn check(segments: &[Segment<'_>], expected: Expect) {
    let mut flows = Flows::new(FlowConfig::default());
    let mut lines = Lines::default();
    let frames: Vec<_> =
        (0..).zip(segments).map(|(at, segment)| (SECOND + at * 1000, tcp(*segment))).collect();
    read(&mut flows, &mut lines, &frames);
    flows.advance(1000 * SECOND, &mut lines);
    assert_eq!(flows.open(), 0);
    expected.assert_eq(&short(&lines));
}

#[test]
fn headers_behind_the_fragments_of_ipv6_are_read_through() {
    // Options for the destination, then UDP, both in the part that is cut.
    let mut inner = vec![17, 0, 1, 4, 0, 0, 0, 0];
    inner.extend([0xc3, 0x50, 0, 53, 0, 24, 0, 0]);
    inner.extend([9; 16]);
    let part = |offset: u16, more: u8, bytes: &[u8]| {
        let length = u16::try_from(bytes.len() + 8).unwrap().to_be_bytes();
        let mut frame = vec![0x60, 0, 0, 0, length[0], length[1], 44, 64];
        frame.extend([0xfd; 32]);
        let [high, low] = offset.to_be_bytes();
        frame.extend([60, 0, high, low | more, 0, 0, 0, 7]);
        frame.extend(bytes);
        frame
    };
    let mut flows = Flows::new(FlowConfig::default());
    let mut lines = Lines::default();
    read(
        &mut flows,
        &mut lines,
        &[(SECOND, part(0, 1, &inner[..16])), (SECOND, part(16, 0, &inner[16..]))],
    );
    while flows.finish_file(&mut lines) {}
    let value: Value = serde_json::from_str(lines.iter().last().unwrap()).unwrap();
    assert_eq!(
        (&value["network"]["transport"], &value["destination"]["port"]),
        (&"udp".into(), &53.into())
    );
}

#[test]
fn what_readers_keep_counts_against_the_bound() {
    let config = FlowConfig { held_bytes_max: 1 << 20, ..FlowConfig::default() };
    let mut flows = Flows::new(config);
    let mut lines = Lines::default();
    // Requests that nobody answers, each with a target as long as is kept.
    let head = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(8000));
    for client in 0..50_u32 {
        for number in 0..8_u32 {
            let builder = PacketBuilder::ipv4(CLIENT, SERVER, 64)
                .tcp(
                    10_000 + u16::try_from(client).unwrap(),
                    80,
                    1 + number * u32::try_from(head.len()).unwrap(),
                    512,
                )
                .ack(1);
            let mut bytes = Vec::new();
            builder.write(&mut bytes, head.as_bytes()).unwrap();
            read(&mut flows, &mut lines, &[(SECOND, bytes)]);
            let (_, kept) = flows.bytes();
            assert!(kept < (1 << 20) + (64 << 10), "{kept}");
        }
    }
    assert!(flows.counters().undissected > 30, "{:?}", flows.counters());
}

#[test]
// One row a state.
#[allow(clippy::too_many_lines, reason = "one conversation from end to end")]
fn states_in_zeeks_words() {
    let syn = [Segment(">S", 0, b""), Segment("<SA", 0, b""), Segment(">A", 1, b"")];
    let with = |more: &[Segment<'static>]| [&syn[..], more].concat();
    check(
        &syn[..1],
        expect![[r"
        10.0.0.1 outbound 1/0 S0 S idle
    "]],
    );
    check(
        &syn,
        expect![[r"
        10.0.0.1 outbound 2/1 S1 ShA idle
    "]],
    );
    check(
        &with(&[Segment(">A", 1, b"x"), Segment(">FA", 2, b""), Segment("<FA", 1, b"")]),
        expect![[r"
            10.0.0.1 outbound 4/2 SF ShADFf end
        "]],
    );
    check(
        &with(&[Segment(">FA", 1, b"")]),
        expect![[r"
        10.0.0.1 outbound 3/1 S2 ShAF idle
    "]],
    );
    check(
        &with(&[Segment("<FA", 1, b"")]),
        expect![[r"
        10.0.0.1 outbound 2/2 S3 ShAf idle
    "]],
    );
    check(
        &with(&[Segment(">RA", 1, b"")]),
        expect![[r"
        10.0.0.1 outbound 3/1 RSTO ShAR end
    "]],
    );
    check(
        &with(&[Segment("<RA", 1, b"")]),
        expect![[r"
        10.0.0.1 outbound 2/2 RSTR ShAr end
    "]],
    );
    check(
        &[Segment(">S", 0, b""), Segment("<RA", 0, b"")],
        expect![[r"
        10.0.0.1 outbound 1/1 REJ Sr end
    "]],
    );
    check(
        &[Segment(">S", 0, b""), Segment(">R", 1, b"")],
        expect![[r"
        10.0.0.1 outbound 2/0 RSTOS0 SR end
    "]],
    );
    check(
        &[Segment(">S", 0, b""), Segment(">F", 1, b"")],
        expect![[r"
        10.0.0.1 outbound 2/0 SH SF idle
    "]],
    );
    check(
        &[Segment("<SA", 0, b""), Segment("<RA", 1, b"")],
        expect![[r"
        10.0.0.1 outbound 0/2 RSTRH ^hr end
    "]],
    );
    check(
        &[Segment("<SA", 0, b""), Segment("<FA", 1, b"")],
        expect![[r"
        10.0.0.1 outbound 0/2 SHR ^hf idle
    "]],
    );
    check(
        &[Segment("<A", 1, b"y"), Segment(">A", 1, b"x")],
        expect![[r"
            10.0.0.1 outbound 1/1 OTH ^adAD idle
        "]],
    );
    check(
        &[Segment(">A", 1, b"x"), Segment("<A", 1, b"y")],
        expect![[r"
        10.0.0.1 outbound 1/1 OTH ADad idle
    "]],
    );
}

#[test]
fn a_connection_begun_anew_is_another_flow() {
    check(
        &[
            Segment(">S", 0, b""),
            Segment("<RA", 0, b""),
            Segment(">S", 900, b""),
            Segment("<SA", 0, b""),
        ],
        expect![[r"
            10.0.0.1 outbound 1/1 REJ Sr end
            10.0.0.1 outbound 1/1 S1 Sh idle
        "]],
    );
}

#[test]
fn a_request_out_of_order_and_said_twice_is_read_once() {
    check(
        &[
            Segment(">S", 0, b""),
            Segment("<SA", 0, b""),
            Segment(">A", 9, b"th?q=1 HTTP/1.1\r\nHost: a\r\n\r\n"),
            Segment(">A", 1, b"GET /pa"),
            Segment(">A", 1, b"GET /EVIL"),
            Segment(">A", 8, b"_"),
            Segment("<A", 1, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ],
        expect![[r#"
            flow.http "/paIth?q=1"
            10.0.0.1 outbound 5/2 S1 ShADTd idle http
        "#]],
    );
}

#[test]
fn a_long_flow_is_told_in_parts_that_add_up() {
    let mut flows = Flows::new(FlowConfig { long_ns: 60 * SECOND, ..FlowConfig::default() });
    let mut lines = Lines::default();
    let frames: Vec<_> =
        (0..200).map(|at| ((at + 1) * SECOND, udp(5000, 6000, b"nothing known"))).collect();
    read(&mut flows, &mut lines, &frames);
    while flows.finish(&mut lines) {}
    let mut packets = 0;
    let mut reasons = Vec::new();
    for line in lines.iter() {
        let value: Value = serde_json::from_str(line).unwrap();
        packets += value["network"]["packets"].as_u64().unwrap();
        reasons.push(value["bartizan"]["flow"]["reason"].as_str().unwrap().to_owned());
    }
    assert_eq!(packets, 200);
    assert_eq!(reasons, ["long", "long", "long", "shutdown"]);
}

#[test]
fn silence_ends_a_flow_of_any_kind_without_further_packets() {
    let mut flows = Flows::new(FlowConfig::default());
    let mut lines = Lines::default();
    let arp = [
        0, 1, 8, 0, 6, 4, 0, 1, 0, 0, 0x5e, 0, 0x53, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2,
    ];
    let mut frame = vec![0xff; 6];
    frame.extend([0, 0, 0x5e, 0, 0x53, 1, 8, 6]);
    frame.extend(arp);
    let raw =
        Raw { time_ns: SECOND, wire_length: 42, interface: 0, link: link::ETHERNET, bytes: &frame };
    flows.read_all(&[raw], &mut lines);
    read(&mut flows, &mut lines, &[(SECOND, udp(1, 2, b"x"))]);
    flows.advance(59 * SECOND, &mut lines);
    assert_eq!(flows.open(), 2);
    flows.advance(63 * SECOND, &mut lines);
    assert_eq!(flows.open(), 0);
    expect![[r"
        flow.arp null
        10.0.0.1 outbound 1/0 S0 D idle
        10.0.0.1 internal 1/0 S0 D idle arp
    "]]
    .assert_eq(&short(&lines));
}

#[test]
fn a_full_table_tells_and_drops_who_was_silent_longest() {
    let mut flows = Flows::new(FlowConfig { flows_max: 100, ..FlowConfig::default() });
    let mut lines = Lines::default();
    let frames: Vec<_> = (0..1000_u16)
        .map(|port| (SECOND + u64::from(port) * SECOND / 100, udp(port, 9, b"x")))
        .collect();
    read(&mut flows, &mut lines, &frames);
    assert_eq!((flows.open(), flows.counters().evicted), (100, 900));
    assert_eq!(lines.len(), 900);
    // Nearly in the order in which they came.
    let first: Value = serde_json::from_str(lines.iter().next().unwrap()).unwrap();
    assert!(first["source"]["port"].as_u64().unwrap() < 100);
    while flows.finish(&mut lines) {}
    assert_eq!((lines.len(), flows.open()), (1000, 0));
}

#[test]
fn a_clock_that_was_far_ahead_leaves_nothing_behind() {
    let mut flows = Flows::new(FlowConfig::default());
    let mut lines = Lines::default();
    let ahead = 9_000_000_000 * SECOND;
    read(&mut flows, &mut lines, &[(SECOND, udp(1, 2, b"x")), (ahead, udp(3, 4, b"x"))]);
    read(
        &mut flows,
        &mut lines,
        &[(2 * SECOND, udp(5, 6, b"x")), (ahead + 90 * SECOND, udp(7, 8, b"x"))],
    );
    assert_eq!(flows.open(), 1);
    while flows.finish(&mut lines) {}
    assert_eq!(lines.len(), 4);
}

#[test]
fn those_who_begin_to_speak_and_stop_cannot_hold_all_ears() {
    let config = FlowConfig { dissected_max: 10, ..FlowConfig::default() };
    let mut flows = Flows::new(config);
    let mut lines = Lines::default();
    for port in 0..200_u16 {
        let builder = PacketBuilder::ipv4(CLIENT, SERVER, 64).tcp(1000 + port, 80, 1, 512);
        let mut bytes = Vec::new();
        builder.write(&mut bytes, b"GET /unfinished HTTP/1.1\r\nHost: ").unwrap();
        read(&mut flows, &mut lines, &[(SECOND, bytes)]);
        assert!(flows.bytes().1 < 100_000);
    }
    assert_eq!(flows.counters().undissected, 190);
}

proptest! {
    /// The naive twin: a map of all flows, without bounds and time.
    #[test]
    fn packets_and_bytes_are_counted_as_a_plain_map_counts_them(
        packets in prop::collection::vec((0_u16..12, 0_u16..12, any::<bool>(), 1_usize..40), 0..300),
    ) {
        let mut flows = Flows::new(FlowConfig::default());
        let mut lines = Lines::default();
        let mut twin: HashMap<(u16, u16), (u64, u64)> = HashMap::new();
        let mut time = SECOND;
        let mut raws = Vec::new();
        for (one, other, back, length) in packets {
            time += 1000;
            let payload = vec![0xee; length];
            let (from, to) = if back { (SERVER, CLIENT) } else { (CLIENT, SERVER) };
            let ports = if back { (other + 100, one) } else { (one, other + 100) };
            let mut bytes = Vec::new();
            PacketBuilder::ipv4(from, to, 64).udp(ports.0, ports.1).write(&mut bytes, &payload).unwrap();
            let counted = twin.entry((one, other + 100)).or_default();
            counted.0 += 1;
            counted.1 += u64::try_from(bytes.len()).unwrap();
            raws.push((time, bytes));
        }
        let frames: Vec<Raw<'_>> = raws.iter().map(|(time_ns, bytes)| {
            let wire_length = u32::try_from(bytes.len()).unwrap();
            Raw { time_ns: *time_ns, wire_length, interface: 0, link: link::RAW, bytes }
        }).collect();
        flows.read_all(&frames, &mut lines);
        while flows.finish(&mut lines) {}
        prop_assert_eq!(lines.len(), twin.len());
        for line in lines.iter() {
            let value: Value = serde_json::from_str(line).unwrap();
            let port = |side: &str| u16::try_from(value[side]["port"].as_u64().unwrap()).unwrap();
            let (low, high) = (port("source").min(port("destination")), port("source").max(port("destination")));
            let counted = (value["network"]["packets"].as_u64().unwrap(), value["network"]["bytes"].as_u64().unwrap());
            prop_assert_eq!(Some(&counted), twin.get(&(low, high)));
        }
    }

    #[test]
    fn no_frames_make_the_table_fail(
        frames in prop::collection::vec(
            (any::<u32>(), prop::collection::vec(any::<u8>(), 0..80), 0_u8..6, any::<u8>()), 0..60),
    ) {
        let config = FlowConfig { flows_max: 7, dissected_max: 3, ..FlowConfig::default() };
        let mut flows = Flows::new(config);
        let mut lines = Lines::default();
        for (time, bytes, kind, flags) in frames {
            // Half of them are almost packets.
            let bytes = match kind {
                0 => bytes,
                1 => udp(u16::from(flags), 53, &bytes),
                2 => udp(u16::from(flags % 4), 6000, &bytes),
                _ => {
                    let mut segment = tcp(Segment(if kind == 3 { ">A" } else { "<A" }, u32::from(flags), &bytes));
                    segment[33] = flags;
                    segment
                }
            };
            read(&mut flows, &mut lines, &[(u64::from(time) * SECOND / 1000, bytes)]);
            prop_assert!(flows.open() <= 7);
        }
        while flows.finish(&mut lines) {}
        prop_assert_eq!(flows.open(), 0);
        for line in lines.iter() {
            prop_assert!(serde_json::from_str::<Value>(line).is_ok(), "{}", line);
        }
    }
}
