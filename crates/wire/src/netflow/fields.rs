//! What the columns of a template hold, by the numbers of NetFlow 9 and of IANA's register, which agree.

/// A column that is read; all others are skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Skip,
    Bytes,
    BytesTotal,
    BytesAfter,
    Packets,
    PacketsTotal,
    PacketsAfter,
    ReturnedBytes,
    ReturnedPackets,
    Protocol,
    TcpFlags,
    SourcePort,
    DestinationPort,
    Source,
    Destination,
    SourceMac,
    DestinationMac,
    Ingress,
    Egress,
    Vlan,
    InnerVlan,
    IcmpKind,
    SourceAs,
    DestinationAs,
    StartUptime,
    EndUptime,
    BootMillis,
    Start(Unit),
    End(Unit),
    DurationMillis,
    /// One of so many packets.
    Sampling,
    /// So many packets in a row are taken …
    SampledInRow,
    /// … and then so many are not.
    SampledSpace,
    Sampler,
}

/// How a moment is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Millis,
    /// Seconds since 1900 and their fraction, in 64 bits.
    Ntp,
    /// Microseconds before the message was sent.
    MicrosBefore,
}

/// The enterprise under which IPFIX puts the answering direction (RFC 5103).
const REVERSE: u32 = 29_305;

/// Gives what a column holds; `enterprise` is 0 for the common ones.
pub(super) fn what(enterprise: u32, number: u16) -> What {
    match enterprise {
        0 => common(number),
        REVERSE => match number {
            1 | 85 => What::ReturnedBytes,
            2 | 86 => What::ReturnedPackets,
            _ => What::Skip,
        },
        _ => What::Skip,
    }
}

fn common(number: u16) -> What {
    match number {
        1 | 231 => What::Bytes,
        2 | 298 => What::Packets,
        4 => What::Protocol,
        6 => What::TcpFlags,
        7 => What::SourcePort,
        8 | 27 => What::Source,
        10 => What::Ingress,
        11 => What::DestinationPort,
        12 | 28 => What::Destination,
        14 => What::Egress,
        16 => What::SourceAs,
        17 => What::DestinationAs,
        21 => What::EndUptime,
        22 => What::StartUptime,
        23 => What::BytesAfter,
        24 => What::PacketsAfter,
        32 | 139 => What::IcmpKind,
        34 | 50 => What::Sampling,
        48 | 302 => What::Sampler,
        56 => What::SourceMac,
        58 | 243 => What::Vlan,
        80 => What::DestinationMac,
        85 => What::BytesTotal,
        86 => What::PacketsTotal,
        150 => What::Start(Unit::Seconds),
        151 => What::End(Unit::Seconds),
        152 => What::Start(Unit::Millis),
        153 => What::End(Unit::Millis),
        154 | 156 => What::Start(Unit::Ntp),
        155 | 157 => What::End(Unit::Ntp),
        158 => What::Start(Unit::MicrosBefore),
        159 => What::End(Unit::MicrosBefore),
        160 => What::BootMillis,
        161 => What::DurationMillis,
        232 => What::ReturnedBytes,
        245 => What::InnerVlan,
        299 => What::ReturnedPackets,
        305 => What::SampledInRow,
        306 => What::SampledSpace,
        _ => What::Skip,
    }
}
