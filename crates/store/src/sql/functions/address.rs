//! Addresses and networks.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array, StringViewArray, StringViewBuilder};
use datafusion::common::{Result, exec_err};
use query::Network;

use super::{each, with_first};

pub(super) fn cidr_match(values: &StringViewArray, networks: &StringViewArray) -> Result<ArrayRef> {
    let mut last: Option<(&str, Network)> = None;
    let mut found = Vec::with_capacity(values.len());
    for (value, text) in values.iter().zip(networks) {
        let (Some(value), Some(text)) = (value, text) else {
            found.push(None);
            continue;
        };
        let network = match &last {
            Some((known, network)) if *known == text => *network,
            _ => match Network::parse(text) {
                Some(network) => network,
                None => return exec_err!("`{text}` is not a network such as 10.0.0.0/8"),
            },
        };
        let within = |one: &str| one.parse().is_ok_and(|address| network.contains(address));
        found.push(Some(each(value, within)));
        last = Some((text, network));
    }
    Ok(Arc::new(found.into_iter().collect::<BooleanArray>()))
}

pub(super) fn is_private(values: &StringViewArray) -> ArrayRef {
    let of = |one: &str| one.parse().is_ok_and(private);
    Arc::new(values.iter().map(|value| Some(each(value?, of))).collect::<BooleanArray>())
}

/// Tells an address that no one reaches over the public internet.
fn private(address: IpAddr) -> bool {
    match narrow(address) {
        IpAddr::V4(address) => {
            // 100.64.0.0/10 is for carriers' own (RFC 6598).
            let shared = matches!(address.octets(), [100, second, ..] if second & 0xc0 == 64);
            address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
                || shared
        }
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local()
        }
    }
}

/// Gives an IPv4 address that is written as an IPv6 one as what it is.
fn narrow(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(wide) => wide.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

pub(super) fn family(values: &StringViewArray) -> ArrayRef {
    let family = |text: &str| {
        let address: IpAddr = text.parse().ok()?;
        Some(if narrow(address).is_ipv4() { 4 } else { 6 })
    };
    Arc::new(values.iter().map(|value| with_first(value?, family)).collect::<Int64Array>())
}

pub(super) fn order(values: &StringViewArray) -> ArrayRef {
    let order = |text: &str| {
        let wide: Ipv6Addr = match narrow(text.parse().ok()?) {
            IpAddr::V4(address) => return Some(format!("4{:08x}", u32::from(address))),
            IpAddr::V6(address) => address,
        };
        Some(format!("6{:032x}", u128::from(wide)))
    };
    let mut orders = StringViewBuilder::with_capacity(values.len());
    for value in values {
        orders.append_option(value.and_then(|value| with_first(value, order)));
    }
    Arc::new(orders.finish())
}

pub(super) fn network(values: &StringViewArray, lengths: &StringViewArray) -> Result<ArrayRef> {
    let mut networks = StringViewBuilder::with_capacity(values.len());
    for (value, length) in values.iter().zip(lengths) {
        let Some(length) = length else {
            networks.append_null();
            continue;
        };
        if length.parse::<u8>().is_ok_and(|length| length > 128) || length.parse::<u8>().is_err() {
            return exec_err!("`{length}` is no length of a prefix: 0 to 32, or to 128 for IPv6");
        }
        let of = |text: &str| {
            let address = narrow(text.parse().ok()?);
            Network::parse(&format!("{address}/{length}")).map(|network| network.to_string())
        };
        networks.append_option(value.and_then(|value| with_first(value, of)));
    }
    Ok(Arc::new(networks.finish()))
}
