//! Addresses as logs write them.

use std::net::{IpAddr, SocketAddr};

/// Reads an address, in brackets or with a zone too; an IPv4 address in IPv6 form is an IPv4 one, so
/// that one attacker has one address.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text);
    if !bare.starts_with(|c: char| c.is_ascii_hexdigit() || c == ':') {
        return None;
    }
    let ip: IpAddr = match bare.parse() {
        Ok(ip) => ip,
        Err(_) => bare.split_once('%')?.0.parse().ok()?,
    };
    Some(ip.to_canonical())
}

/// Reads `203.0.113.9:51514`, `[2001:db8::9]:51514` or an address alone.
pub(crate) fn address_port(text: &str) -> Option<(IpAddr, Option<u16>)> {
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Some((socket.ip().to_canonical(), Some(socket.port())));
    }
    address(text).map(|ip| (ip, None))
}
