// Text for a person to compare; how it is put together does not matter.
#![allow(clippy::format_push_string, reason = "a test writes what it compares")]

use etherparse::{LaxNetSlice, LaxSlicedPacket, PacketBuilder, TransportSlice, VlanSlice};
use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::packet::address;

fn frame(bytes: &[u8], link: u32) -> Raw<'_> {
    let wire_length = u32::try_from(bytes.len()).unwrap();
    Raw { time_ns: 0, wire_length, interface: 0, link, bytes }
}

/// Writes a packet's essence.
fn short(decoded: &Decoded<'_>) -> String {
    let packet = match decoded {
        Decoded::Packet(packet) => packet,
        Decoded::Fragment(fragment) => {
            let Fragment { packet, id, offset, more } = fragment;
            let (from, to) = (packet.source(), packet.destination());
            let length = packet.payload.len();
            return format!("fragment {from} {to} id {id} at {offset} more {more} {length}");
        }
        Decoded::Other => return "other".to_owned(),
        Decoded::Malformed => return "malformed".to_owned(),
    };
    let mut text = format!(
        "{:?} {} {} > {} {} flags {:#x} seq {} payload {}/{}",
        packet.transport,
        packet.source(),
        packet.source_port,
        packet.destination(),
        packet.destination_port,
        packet.tcp.flags,
        packet.tcp.sequence,
        packet.payload.len(),
        packet.payload_length,
    );
    if packet.vlans != [None, None] {
        text += &format!(" vlans {:?}", packet.vlans);
    }
    if let Some(tunnel) = packet.tunnel {
        text += &format!(" in {} {}", tunnel.kind, tunnel.id);
        if let Some((from, to)) = tunnel.outer {
            text += &format!(" {from} > {to}");
        }
    }
    text
}

#[track_caller]
fn check(bytes: &[u8], link: u32, expected: Expect) {
    expected.assert_eq(&short(&decode(&frame(bytes, link))));
    // Cut anywhere it is another thing, and never a failure.
    for length in 0..bytes.len() {
        let _ = decode(&frame(&bytes[..length], link));
    }
}

/// An IPv4 packet with UDP from 192.0.2.1:5000 to 192.0.2.2:53.
fn udp(payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64).udp(5000, 53);
    let mut bytes = Vec::new();
    builder.write(&mut bytes, payload).unwrap();
    bytes
}

fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 0x5e, 0, 0x53, 2, 0, 0, 0x5e, 0, 0x53, 1];
    bytes.extend(kind.to_be_bytes());
    bytes.extend(payload);
    bytes
}

fn behind(header: &[u8], payload: &[u8]) -> Vec<u8> {
    [header, payload].concat()
}

#[test]
fn vlan_in_vlan() {
    let inner = behind(&[0x20, 9, 8, 0], &udp(b"x"));
    let bytes = ethernet(0x88a8, &behind(&[0, 7, 0x81, 0], &inner));
    check(
        &bytes,
        link::ETHERNET,
        expect![
            "Udp 192.0.2.1 5000 > 192.0.2.2 53 flags 0x0 seq 0 payload 1/1 vlans [Some(7), Some(9)]"
        ],
    );
}

#[test]
fn labels_and_a_pseudowire() {
    let bytes = ethernet(0x8847, &behind(&[0, 1, 0, 64, 0, 2, 1, 64], &udp(b"x")));
    check(
        &bytes,
        link::ETHERNET,
        expect!["Udp 192.0.2.1 5000 > 192.0.2.2 53 flags 0x0 seq 0 payload 1/1 in mpls 16"],
    );
    let inner = ethernet(0x0800, &udp(b"x"));
    let bytes = ethernet(0x8847, &behind(&[0, 2, 1, 64, 0, 0, 0, 0], &inner));
    check(
        &bytes,
        link::ETHERNET,
        expect!["Udp 192.0.2.1 5000 > 192.0.2.2 53 flags 0x0 seq 0 payload 1/1 in mpls 32"],
    );
}

#[test]
fn a_session_of_pppoe() {
    let bytes = ethernet(0x8864, &behind(&[0x11, 0, 0, 5, 0, 31, 0, 0x21], &udp(b"x")));
    check(
        &bytes,
        link::ETHERNET,
        expect!["Udp 192.0.2.1 5000 > 192.0.2.2 53 flags 0x0 seq 0 payload 1/1 in pppoe 5"],
    );
}

/// Wraps what a header announces, and gives which tunnel the inner packet came in.
fn tunnel_of(bytes: &[u8], link: u32) -> String {
    for length in 0..bytes.len() {
        let _ = decode(&frame(&bytes[..length], link));
    }
    match decode(&frame(bytes, link)) {
        Decoded::Packet(packet) if packet.destination_port == 53 => packet
            .tunnel
            .map_or("none".to_owned(), |tunnel| format!("{} {}", tunnel.kind, tunnel.id)),
        other => short(&other),
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "one table of what each header announces")]
fn what_tunnels_carry() {
    let udp_to = |port: u16, payload: &[u8]| {
        let mut bytes = Vec::new();
        let builder = PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).udp(9999, port);
        builder.write(&mut bytes, payload).unwrap();
        bytes
    };
    let gre = |header: &[u8], inner: &[u8]| {
        let mut bytes = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 47, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        bytes.extend([header, inner].concat());
        let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
        bytes[2..4].copy_from_slice(&length);
        bytes
    };
    let (packet, framed) = (udp(b"x"), ethernet(0x0800, &udp(b"x")));
    let length = u16::try_from(packet.len()).unwrap();
    let gtp = |flags: u8, more: &[u8]| {
        let [high, low] = (length + u16::try_from(more.len()).unwrap()).to_be_bytes();
        udp_to(2152, &[&[flags, 255, high, low, 0, 0, 0, 9], more, &packet].concat())
    };
    let wireless = [&[0x88, 0x41][..], &[0; 22], &[0, 0], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &packet];
    let mut clear = wireless.concat();
    clear[1] = 0x01;
    let told = [
        udp_to(6081, &behind(&[1, 0, 0x65, 0x58, 0, 0, 7, 0, 1, 1, 1, 0], &framed)),
        udp_to(6081, &behind(&[0, 0, 0x08, 0x00, 0, 0, 7, 0], &packet)),
        udp_to(6081, &behind(&[0x40, 0, 0x08, 0x00, 0, 0, 7, 0], &packet)),
        gtp(0x30, &[]),
        gtp(0x32, &[0, 1, 0, 0]),
        gtp(0x34, &[0, 0, 0, 0x85, 1, 0, 0, 0x85, 1, 0, 0, 0]),
        gtp(0x34, &[0, 0, 0, 0x85, 0, 0, 0, 0]),
        gre(&[0, 0, 0x88, 0xbe], &framed),
        gre(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 5, 0, 0, 0, 0], &framed),
        gre(&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0], &framed),
        gre(
            &[
                0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0,
                0, 0, 0, 0,
            ],
            &framed,
        ),
        gre(&[0, 0, 0x82, 0], &clear),
        gre(&[0, 0, 0x82, 0], &wireless.concat()),
        gre(&[0, 0, 0x88, 0x3e, 0, 0, 0, 0], &packet),
        gre(&[0x30, 0x01, 0x88, 0x0b, 0, 0, 0, 7, 0, 0, 0, 1, 0xff, 3, 0x21], &packet),
        gre(&[0x30, 0x01, 0x88, 0x0b, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0x21], &packet),
        gre(&[0, 0, 0x88, 0x64, 0x11, 0, 0, 9, 0, 40, 0x21], &packet),
    ]
    .map(|bytes| tunnel_of(&bytes, link::RAW))
    .join("\n");
    expect![[r"
        geneve 7
        geneve 7
        Udp 10.0.0.1 9999 > 10.0.0.2 6081 flags 0x0 seq 0 payload 37/37
        gtp 9
        gtp 9
        gtp 9
        Udp 10.0.0.1 9999 > 10.0.0.2 2152 flags 0x0 seq 0 payload 45/45
        erspan 0
        erspan 5
        erspan 5
        erspan 5
        gre 0
        Other 10.0.0.1 0 > 10.0.0.2 0 flags 0x0 seq 0 payload 67/67
        gre 0
        gre 7
        gre 7
        pppoe 9"]]
    .assert_eq(&told);
    let by_link = [
        (link::PPP, behind(&[0x21], &packet)),
        (link::PPP_SERIAL, behind(&[0xff, 3, 0, 0x21], &packet)),
        (link::PPP_SERIAL, behind(&[0x0f, 0, 8, 0], &packet)),
        (link::PPP_ETHER, behind(&[0x11, 0, 0, 9, 0, 40, 0x21], &packet)),
        (link::WIRELESS, clear.clone()),
        (link::RADIOTAP, behind(&[0, 0, 8, 0, 0, 0, 0, 0], &clear)),
    ]
    .map(|(link, bytes)| tunnel_of(&bytes, link));
    assert_eq!(by_link, ["none", "none", "none", "pppoe 9", "none", "none"]);
}

#[test]
fn tunnels_in_tunnels_have_a_bound() {
    let mut bytes = udp(b"x");
    for _ in 0..100 {
        let length = u16::try_from(bytes.len() + 20).unwrap().to_be_bytes();
        let header =
            [0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, 4, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        bytes = behind(&header, &bytes);
    }
    let Decoded::Packet(packet) = decode(&frame(&bytes, link::RAW)) else { panic!() };
    assert_eq!((packet.protocol, packet.destination_port), (4, 0));
}

#[test]
fn tunnels_count_the_inner_flow() {
    let outer = |protocol, payload: &[u8]| {
        let mut bytes =
            vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        bytes.extend(payload);
        let length = u16::try_from(bytes.len()).unwrap();
        bytes[2..4].copy_from_slice(&length.to_be_bytes());
        bytes
    };
    let gre = behind(&[0x20, 0, 8, 0, 0, 0, 0, 9], &udp(b"x"));
    check(
        &outer(47, &gre),
        link::RAW,
        expect![
            "Udp 192.0.2.1 5000 > 192.0.2.2 53 flags 0x0 seq 0 payload 1/1 in gre 9 10.0.0.1 > 10.0.0.2"
        ],
    );
    check(
        &outer(4, &udp(b"x")),
        link::RAW,
        expect![
            "Udp 192.0.2.1 5000 > 192.0.2.2 53 flags 0x0 seq 0 payload 1/1 in ipip 0 10.0.0.1 > 10.0.0.2"
        ],
    );
    let mut vxlan = behind(&[8, 0, 0, 0, 0, 0, 42, 0], &ethernet(0x0800, &udp(b"x")));
    let builder = || PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64).udp(9999, 4789);
    let mut bytes = Vec::new();
    builder().write(&mut bytes, &vxlan).unwrap();
    check(
        &bytes,
        link::RAW,
        expect![
            "Udp 192.0.2.1 5000 > 192.0.2.2 53 flags 0x0 seq 0 payload 1/1 in vxlan 42 10.0.0.1 > 10.0.0.2"
        ],
    );
    // What is no frame inside leaves the tunnel itself.
    vxlan.truncate(12);
    let mut bytes = Vec::new();
    builder().write(&mut bytes, &vxlan).unwrap();
    check(
        &bytes,
        link::RAW,
        expect!["Udp 10.0.0.1 9999 > 10.0.0.2 4789 flags 0x0 seq 0 payload 12/12"],
    );
}

#[test]
fn a_tunnel_in_a_tunnel_has_a_bottom() {
    let mut bytes = udp(b"x");
    for _ in 0..60 {
        let length = u16::try_from(bytes.len() + 20).unwrap().to_be_bytes();
        let header =
            [0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, 4, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        bytes = behind(&header, &bytes);
    }
    check(
        &bytes,
        link::RAW,
        expect![
            "Other 10.0.0.1 0 > 10.0.0.2 0 flags 0x0 seq 0 payload 909/909 in ipip 0 10.0.0.1 > 10.0.0.2"
        ],
    );
}

#[test]
fn extension_headers_and_a_fragment() {
    let header = |next: u8, length: u8| {
        let mut bytes = vec![0x60, 0, 0, 0, 0, length, next, 64];
        bytes.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        bytes.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        bytes
    };
    let payload = [
        &[60, 0, 0, 0, 0, 0, 0, 0][..],
        &[17, 0, 0, 0, 0, 0, 0, 0],
        &[0x13, 0x88, 0, 53, 0, 9, 0, 0, b'x'],
    ]
    .concat();
    check(
        &behind(&header(0, 25), &payload),
        link::RAW,
        expect!["Udp 2001:db8::1 5000 > 2001:db8::2 53 flags 0x0 seq 0 payload 1/1"],
    );
    let fragment = [17, 0, 0, 9, 0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8];
    check(
        &behind(&header(44, 16), &fragment),
        link::RAW,
        expect!["fragment 2001:db8::1 2001:db8::2 id 7 at 8 more true 8"],
    );
}

#[test]
fn links_without_ethernet() {
    let packet = udp(b"x");
    let expected = || expect!["Udp 192.0.2.1 5000 > 192.0.2.2 53 flags 0x0 seq 0 payload 1/1"];
    check(&behind(&[2, 0, 0, 0], &packet), link::NULL, expected());
    check(&behind(&[0, 0, 0, 2], &packet), link::LOOP, expected());
    let cooked = [0, 0, 0, 1, 0, 6, 0, 0, 0x5e, 0, 0x53, 1, 0, 0, 8, 0];
    check(&behind(&cooked, &packet), link::LINUX_SLL, expected());
    let cooked = [8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 0, 0, 0x5e, 0, 0x53, 1, 0, 0];
    check(&behind(&cooked, &packet), link::LINUX_SLL2, expected());
    check(&packet, 147, expect!["other"]);
}

#[test]
fn arp() {
    let message = [
        0, 1, 8, 0, 6, 4, 0, 1, 0, 0, 0x5e, 0, 0x53, 1, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 192, 0, 2,
        2,
    ];
    check(
        &ethernet(0x0806, &message),
        link::ETHERNET,
        expect!["Arp 192.0.2.1 1 > 192.0.2.2 0 flags 0x0 seq 0 payload 28/28"],
    );
}

/// Compares with etherparse where both can read a packet; tells how many did not agree on that.
fn compare(raw: &Raw<'_>) -> Result<bool, String> {
    if raw.link != link::ETHERNET {
        return Ok(false);
    }
    let decoded = decode(raw);
    let Ok(theirs) = LaxSlicedPacket::from_ethernet(raw.bytes) else { return Ok(false) };
    let Decoded::Packet(ours) = decoded else { return Ok(false) };
    if ours.tunnel.is_some() || theirs.stop_err.is_some() {
        return Ok(false);
    }
    let ends = match &theirs.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            (ip.header().source_addr().into(), ip.header().destination_addr().into())
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            (ip.header().source_addr().into(), ip.header().destination_addr().into())
        }
        _ => return Ok(false),
    };
    let transport = match &theirs.transport {
        Some(TransportSlice::Tcp(tcp)) => {
            let flags = [tcp.fin(), tcp.syn(), tcp.rst(), tcp.psh(), tcp.ack(), tcp.urg()];
            let flags = (0..).zip(flags).fold(0_u8, |sum, (bit, flag)| sum | u8::from(flag) << bit);
            let tcp_ours = ours.tcp;
            if (tcp_ours.flags & 0x3f, tcp_ours.sequence, tcp_ours.acknowledged, tcp_ours.window)
                != (flags, tcp.sequence_number(), tcp.acknowledgment_number(), tcp.window_size())
            {
                return Err(format!("tcp: {tcp_ours:?} against {tcp:?}"));
            }
            (tcp.source_port(), tcp.destination_port(), tcp.payload())
        }
        Some(TransportSlice::Udp(udp)) => {
            (udp.source_port(), udp.destination_port(), udp.payload())
        }
        _ => return Ok(false),
    };
    let vlans: Vec<u16> = theirs
        .vlan()
        .iter()
        .flat_map(|vlan| match vlan {
            VlanSlice::SingleVlan(one) => vec![one.vlan_identifier().value()],
            VlanSlice::DoubleVlan(two) => {
                vec![two.outer.vlan_identifier().value(), two.inner.vlan_identifier().value()]
            }
        })
        .collect();
    let ours_ends = (
        address(ours.ip_version, ours.source_bits),
        address(ours.ip_version, ours.destination_bits),
    );
    let ours_transport = (ours.source_port, ours.destination_port, ours.payload);
    let ours_vlans: Vec<u16> = ours.vlans.into_iter().flatten().collect();
    if ours_ends != ends || ours_transport != transport || ours_vlans != vlans {
        return Err(format!(
            "{ours_ends:?} {ours_transport:?} {ours_vlans:?}\nagainst {ends:?} {transport:?} {vlans:?}"
        ));
    }
    Ok(true)
}

#[test]
fn real_packets_are_read_as_etherparse_reads_them() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpora/pcap/zeek");
    let Ok(entries) = std::fs::read_dir(folder) else {
        eprintln!("skipped: no captures in {folder}");
        return;
    };
    let mut same = 0_u64;
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()) {
        let mut reader = crate::file::PcapReader::new();
        let _ = reader.feed(&std::fs::read(&path).unwrap(), &mut |raws| {
            for raw in raws {
                match compare(raw) {
                    Ok(compared) => same += u64::from(compared),
                    Err(difference) => panic!("{}: {difference}", path.display()),
                }
            }
        });
    }
    assert!(same > 2_000, "only {same} packets were compared");
}

proptest! {
    #[test]
    fn made_packets_are_read_as_etherparse_reads_them(
        v6 in any::<bool>(),
        tcp in any::<bool>(),
        vlans in 0_u16..3,
        source in any::<[u8; 16]>(),
        destination in any::<[u8; 16]>(),
        ports in any::<(u16, u16)>(),
        payload in prop::collection::vec(any::<u8>(), 0..50),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let mut bytes = match (v6, tcp) {
            (false, tcp) => {
                let [s, d] = [source, destination].map(|bits| [bits[0], bits[1], bits[2], bits[3]]);
                let builder = PacketBuilder::ipv4(s, d, 64);
                let mut bytes = Vec::new();
                if tcp {
                    builder.tcp(ports.0, ports.1, 7, 512).syn().write(&mut bytes, &payload).unwrap();
                } else {
                    builder.udp(ports.0, ports.1).write(&mut bytes, &payload).unwrap();
                }
                bytes
            }
            (true, tcp) => {
                let builder = PacketBuilder::ipv6(source, destination, 64);
                let mut bytes = Vec::new();
                if tcp {
                    builder.tcp(ports.0, ports.1, 7, 512).ack(9).write(&mut bytes, &payload).unwrap();
                } else {
                    builder.udp(ports.0, ports.1).write(&mut bytes, &payload).unwrap();
                }
                bytes
            }
        };
        let mut kind = if v6 { 0x86dd_u16 } else { 0x0800 };
        for number in 0..vlans {
            let [high, low] = kind.to_be_bytes();
            bytes = behind(&[0, u8::try_from(number).unwrap() + 1, high, low], &bytes);
            kind = 0x8100;
        }
        let mut bytes = ethernet(kind, &bytes);
        let whole = compare(&frame(&bytes, link::ETHERNET));
        let tunnelled = !tcp && matches!(ports.1, 4789 | 8472);
        prop_assert_eq!(whole, Ok(!tunnelled));
        // Damaged, they agree or one of them does not read it.
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let damaged = compare(&frame(&bytes, link::ETHERNET));
        prop_assert!(damaged.is_ok(), "{:?}", damaged);
    }

    #[test]
    fn no_bytes_make_the_decoder_fail(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        link in prop::sample::select(vec![0_u32, 1, 12, 101, 108, 113, 276, 5000]),
    ) {
        let _ = decode(&frame(&bytes, link));
    }
}
