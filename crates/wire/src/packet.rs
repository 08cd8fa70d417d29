//! A frame as it was captured, and what its headers say.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Link types of captures, as libpcap numbers them.
pub mod link {
    /// BSD loopback: the family in the byte order of the machine.
    pub const NULL: u32 = 0;
    /// Ethernet.
    pub const ETHERNET: u32 = 1;
    /// PPP, with or without its address and control bytes.
    pub const PPP: u32 = 9;
    /// PPP as on serial lines, or Cisco's own framing there.
    pub const PPP_SERIAL: u32 = 50;
    /// A session of PPPoE without the Ethernet around it.
    pub const PPP_ETHER: u32 = 51;
    /// Wireless frames (IEEE 802.11).
    pub const WIRELESS: u32 = 105;
    /// Wireless frames behind what the radio says of them.
    pub const RADIOTAP: u32 = 127;
    /// IP without a link header, as some systems number it in files.
    pub const RAW_BSD: u32 = 12;
    /// The same on OpenBSD.
    pub const RAW_OPENBSD: u32 = 14;
    /// IP without a link header.
    pub const RAW: u32 = 101;
    /// OpenBSD loopback: the family in network byte order.
    pub const LOOP: u32 = 108;
    /// Linux cooked capture.
    pub const LINUX_SLL: u32 = 113;
    /// IPv4 without a link header.
    pub const IPV4: u32 = 228;
    /// IPv6 without a link header.
    pub const IPV6: u32 = 229;
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: u32 = 276;
}

/// The flags of TCP.
pub mod flags {
    /// The sender is done.
    pub const FIN: u8 = 0x01;
    /// The connection begins.
    pub const SYN: u8 = 0x02;
    /// The connection is torn down.
    pub const RST: u8 = 0x04;
    /// The receiver is not to wait for more.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement counts.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer counts.
    pub const URG: u8 = 0x20;
}

/// A frame as it was captured.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'b> {
    /// When, in nanoseconds since 1970-01-01T00:00:00Z.
    pub time_ns: u64,
    /// How long the frame was on the wire; more than `bytes` where the capture cut it.
    pub wire_length: u32,
    /// Which interface; an index into the names that whoever captures keeps.
    pub interface: u16,
    /// How the frame begins; one of [`link`].
    pub link: u32,
    /// What was captured of it.
    pub bytes: &'b [u8],
}

/// What carries the payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Transmission Control Protocol.
    Tcp,
    /// User Datagram Protocol.
    Udp,
    /// Internet Control Message Protocol, of IPv4.
    Icmp,
    /// Internet Control Message Protocol, of IPv6.
    Icmp6,
    /// Address Resolution Protocol: no IP at all.
    Arp,
    /// Another protocol on IP; its number tells which.
    #[default]
    Other,
}

/// The addresses of the frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Macs {
    /// The sender's.
    pub source: [u8; 6],
    /// The receiver's; all zero where the link tells none.
    pub destination: [u8; 6],
}

/// The part of a TCP header that flows need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tcp {
    /// The number of the first byte of the payload (of the SYN, where there is one).
    pub sequence: u32,
    /// The next byte that the sender expects.
    pub acknowledged: u32,
    /// See [`flags`].
    pub flags: u8,
    /// How much the sender takes, unscaled.
    pub window: u16,
}

/// What a packet was wrapped in; the innermost wrapping only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tunnel {
    /// `gre`, `erspan`, `vxlan`, `geneve`, `gtp`, `ipip`, `pppoe`, `mpls`.
    pub kind: &'static str,
    /// The network of VXLAN and Geneve, GTP's tunnel, the session of a mirrored port, GRE's key, PPPoE's session, the outermost MPLS label.
    pub id: u32,
    /// Where the outer packet came from and went to, where it was IP.
    pub outer: Option<(IpAddr, IpAddr)>,
}

/// What the headers of a frame say; the payload stays where it was captured.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'b> {
    /// When, in nanoseconds since 1970-01-01T00:00:00Z.
    pub time_ns: u64,
    /// How long the frame was on the wire.
    pub wire_length: u32,
    /// Which interface.
    pub interface: u16,
    /// The frame's addresses, where the link has any.
    pub macs: Option<Macs>,
    /// The VLAN, and the one within it (QinQ).
    pub vlans: [Option<u16>; 2],
    /// 4 or 6; for ARP 4.
    pub ip_version: u8,
    /// The sender, IPv4 in the low 32 bits.
    pub source_bits: u128,
    /// The receiver, IPv4 in the low 32 bits.
    pub destination_bits: u128,
    /// What carries the payload.
    pub transport: Transport,
    /// IANA's number of it; 0 for ARP.
    pub protocol: u8,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// The port, or the type of an ICMP message, or the operation of ARP.
    pub source_port: u16,
    /// The port, or the code of an ICMP message.
    pub destination_port: u16,
    /// What TCP says; zeros for others.
    pub tcp: Tcp,
    /// The length of the IP packet as its header tells, all fragments together; of ARP the message.
    pub ip_length: u32,
    /// How many frames make up the packet: more than one where it came in fragments.
    pub frames: u16,
    /// The payload of the transport as captured. Of ARP the whole message, of ICMP what follows type,
    /// code and checksum.
    pub payload: &'b [u8],
    /// The length of the payload as the headers tell; more than `payload` where the capture cut it.
    pub payload_length: u32,
    /// What the packet was wrapped in.
    pub tunnel: Option<Tunnel>,
}

impl Packet<'_> {
    /// Gives the sender.
    pub fn source(&self) -> IpAddr {
        address(self.ip_version, self.source_bits)
    }

    /// Gives the receiver.
    pub fn destination(&self) -> IpAddr {
        address(self.ip_version, self.destination_bits)
    }
}

/// Gives the address of an IP version from its bits; IPv4 lies in the low 32.
pub(crate) fn address(ip_version: u8, bits: u128) -> IpAddr {
    let [.., a, b, c, d] = bits.to_be_bytes();
    if ip_version == 6 {
        IpAddr::V6(Ipv6Addr::from_bits(bits))
    } else {
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    }
}

impl Transport {
    /// Gives the transport of IANA's number.
    pub fn of(protocol: u8) -> Self {
        match protocol {
            1 => Self::Icmp,
            6 => Self::Tcp,
            17 => Self::Udp,
            58 => Self::Icmp6,
            _ => Self::Other,
        }
    }

    /// Gives its name as `network.transport` has it; nothing where only the number tells.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Tcp => Some("tcp"),
            Self::Udp => Some("udp"),
            Self::Icmp => Some("icmp"),
            Self::Icmp6 => Some("ipv6-icmp"),
            Self::Arp => Some("arp"),
            Self::Other => None,
        }
    }
}
