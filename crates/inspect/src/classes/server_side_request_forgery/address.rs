//! Addresses as the libraries that fetch read them: an IPv4 address of one to four numbers, each
//! decimal, octal or hexadecimal; an IPv6 address with an IPv4 address inside; a name.

use super::super::shared::run;

/// Whom an address reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The cloud's own service that hands out credentials.
    Metadata,
    /// The machine itself.
    Own,
    /// The net that the machine stands in.
    Private,
    /// Anybody, but written as only those write it who hide an address.
    Disguised,
    /// Anybody.
    Anybody,
}

/// Services that hand out credentials, by address.
const METADATA: &[u32] = &[
    0xA9FE_A9FE, // 169.254.169.254
    0xA9FE_AA02, // 169.254.170.2
    0xA9FE_AA17, // 169.254.170.23
    0x6464_64C8, // 100.100.100.200
    0xC000_00C0, // 192.0.0.192
];
/// The same by name.
const METADATA_NAMES: &[&[u8]] =
    &[b"metadata", b"metadata.google.internal", b"metadata.goog", b"instance-data"];
/// Names that mean the machine itself, or the one around it.
const OWN_NAMES: &[&[u8]] = &[
    b"localhost",
    b"localhost.localdomain",
    b"ip6-localhost",
    b"localtest.me",
    b"lvh.me",
    b"vcap.me",
    b"lacolhost.com",
    b"host.docker.internal",
    b"gateway.docker.internal",
    b"kubernetes.docker.internal",
    b"kubernetes",
    b"kubernetes.default",
    b"kubernetes.default.svc",
    b"kubernetes.default.svc.cluster.local",
];
/// Domains whose names resolve to the address that stands in them.
const ECHOES: &[&[u8]] = &[b".nip.io", b".sslip.io", b".xip.io", b".localtest.me", b".lvh.me"];
/// Ports of services that no page links to.
const SERVICES: &[&[u8]] = &[
    b"21", b"22", b"23", b"25", b"111", b"389", b"445", b"2375", b"2376", b"2379", b"3306",
    b"5432", b"5984", b"6379", b"8500", b"9200", b"10250", b"10255", b"11211", b"27017",
];

/// Gives what the authority of an address (`user@host:port`, in lower case) reaches.
pub(super) fn reach(authority: &[u8]) -> Reach {
    let host = authority.rsplit(|byte| *byte == b'@').next().unwrap_or_default();
    if let Some(bracketed) = host.strip_prefix(b"[") {
        let end = run(bracketed, 0, |byte| byte != b']' && byte != b'%');
        return six(bracketed.get(..end).unwrap_or_default());
    }
    let (name, port) = match memchr::memchr(b':', host) {
        Some(at) => (host.get(..at).unwrap_or_default(), host.get(at + 1..).unwrap_or_default()),
        None => (host, &b""[..]),
    };
    let name = name.strip_suffix(b".").unwrap_or(name);
    if METADATA_NAMES.contains(&name) {
        return Reach::Metadata;
    }
    if OWN_NAMES.contains(&name) || name.ends_with(b".localhost") {
        return Reach::Own;
    }
    if let Some(inner) = ECHOES.iter().find_map(|domain| name.strip_suffix(*domain)) {
        return echoed(inner);
    }
    match four(name) {
        Some((_, true)) if port_of_service(port) => Reach::Disguised,
        Some((address, odd)) => match classify(address) {
            Reach::Private if port_of_service(port) => Reach::Own,
            Reach::Anybody if odd => Reach::Disguised,
            reach => reach,
        },
        None => Reach::Anybody,
    }
}

fn port_of_service(port: &[u8]) -> bool {
    SERVICES.contains(&port)
}

/// `127-0-0-1.sslip.io`, `a.169.254.169.254.nip.io`: the address in the name.
fn echoed(inner: &[u8]) -> Reach {
    let dotted: Vec<u8> =
        inner.iter().map(|byte| if *byte == b'-' { b'.' } else { *byte }).collect();
    let start = dotted.iter().rposition(|byte| !byte.is_ascii_digit() && *byte != b'.');
    let numbers = dotted.get(start.map_or(0, |at| at + 1)..).unwrap_or_default();
    let numbers = numbers.strip_prefix(b".").unwrap_or(numbers);
    match four(numbers).map(|(address, _)| classify(address)) {
        Some(Reach::Anybody) | None => Reach::Anybody,
        Some(Reach::Private) => Reach::Own,
        Some(reach) => reach,
    }
}

fn classify(address: u32) -> Reach {
    let [first, second, ..] = address.to_be_bytes();
    match (first, second) {
        _ if METADATA.contains(&address) => Reach::Metadata,
        (127 | 0, _) | (169, 254) => Reach::Own,
        (10, _) | (192, 168) | (172, 16..=31) => Reach::Private,
        _ => Reach::Anybody,
    }
}

/// Reads an IPv4 address as `inet_aton` does; also gives whether it is not written in four decimals.
fn four(name: &[u8]) -> Option<(u32, bool)> {
    if name.is_empty() || name.len() > ADDRESS_BYTES_MAX {
        return None;
    }
    let mut numbers = [0_u64; 4];
    let mut count = 0;
    let mut odd = false;
    for text in name.split(|byte| *byte == b'.') {
        let (value, plain) = number(text)?;
        *numbers.get_mut(count)? = value;
        count += 1;
        odd |= !plain;
    }
    let (last, leading) = numbers.get(..count)?.split_last()?;
    let mut address = 0_u64;
    for value in leading {
        // Some readers cut each number to its low byte.
        odd |= *value > 255;
        address = address << 8 | (value & 255);
    }
    let bits = 8 * (4 - u32::try_from(leading.len()).ok()?);
    let mask = (1_u64 << bits) - 1;
    odd |= *last > mask || count != 4;
    let address = address << bits | (last & mask);
    u32::try_from(address).ok().map(|address| (address, odd))
}

/// Longest text read as an address, in bytes.
const ADDRESS_BYTES_MAX: usize = 64;

/// Reads one number of an address; also gives whether it is a plain decimal.
fn number(text: &[u8]) -> Option<(u64, bool)> {
    let text = std::str::from_utf8(text).ok()?;
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(if digits.is_empty() { "0" } else { digits }, 16)
            .ok()
            .map(|value| (value, false));
    }
    if text.len() > 1 && text.starts_with('0') {
        return u64::from_str_radix(text, 8).ok().map(|value| (value, false));
    }
    text.parse().ok().map(|value| (value, true))
}

/// Judges an IPv6 address, brackets and zone removed.
fn six(text: &[u8]) -> Reach {
    let Some(groups) = groups(text) else { return Reach::Anybody };
    let (net, host) = groups.split_at(6);
    let inside = host.iter().fold(0, |inside, group| inside << 16 | u32::from(*group));
    match net {
        [0, 0, 0, 0, 0, 0] if inside <= 1 => Reach::Own,
        // Compatible, mapped, translated: an IPv4 address in IPv6 (RFC 4291, RFC 6052).
        [0, 0, 0, 0, 0, 0xFFFF | 0] | [0, 0, 0, 0, 0xFFFF, 0] | [0x64, 0xFF9B, 0, 0, 0, 0] => {
            match classify(inside) {
                Reach::Anybody => Reach::Disguised,
                Reach::Private => Reach::Own,
                reach => reach,
            }
        }
        [0xFD00, 0xEC2, ..] => Reach::Metadata,
        [0xFE80..=0xFEBF, ..] => Reach::Own,
        [0xFC00..=0xFDFF, ..] => Reach::Private,
        _ => Reach::Anybody,
    }
}

/// Reads the eight groups of an IPv6 address, a last part in IPv4 notation included.
fn groups(text: &[u8]) -> Option<[u16; 8]> {
    if text.len() > ADDRESS_BYTES_MAX {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    // Zeroes that pad a group to more than four digits are let pass: some readers do.
    text.parse::<std::net::Ipv6Addr>().ok().map(|address| address.segments())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_every_notation() {
        for (authority, expected) in [
            ("127.0.0.1", Reach::Own),
            ("127.1", Reach::Own),
            ("2130706433", Reach::Own),
            ("0x7f.1", Reach::Own),
            ("00000177.0.0.1", Reach::Own),
            ("a:b@0:80", Reach::Own),
            ("[0000::1]:80", Reach::Own),
            ("[::ffff:7f00:1]", Reach::Own),
            ("[::ffff:10.0.0.1]", Reach::Own),
            ("[fe80::1%25eth0]", Reach::Own),
            ("x.127-0-0-1.sslip.io", Reach::Own),
            ("10.0.0.1:6379", Reach::Own),
            ("10.0.0.1:8080", Reach::Private),
            ("[fd12::1]", Reach::Private),
            ("169.16689662", Reach::Metadata),
            ("425.510.425.510", Reach::Metadata),
            ("[fd00:ec2::254]", Reach::Metadata),
            ("metadata.", Reach::Metadata),
            ("134744072", Reach::Disguised),
            ("8.8.8.8", Reach::Anybody),
            ("[2001:db8::1]", Reach::Anybody),
            ("127.example.org", Reach::Anybody),
            ("0xcafe.example", Reach::Anybody),
            ("1.2.3.4.5", Reach::Anybody),
            ("99999999999999999999999", Reach::Anybody),
            ("", Reach::Anybody),
            ("[::", Reach::Own),
            ("[", Reach::Anybody),
        ] {
            assert_eq!(reach(authority.as_bytes()), expected, "{authority}");
        }
    }
}
