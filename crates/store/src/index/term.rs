//! Values as hashes, of which a field's name and the value itself are part.

use std::net::IpAddr;

/// The hash of a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Term {
    /// The hash of the field's name.
    pub(super) field: u64,
    pub(super) hash: u64,
}

/// Gives the hash of bytes; part of the file's format.
pub(super) fn hash(seed: u64, bytes: &[u8]) -> u64 {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = seed ^ u64::try_from(bytes.len()).unwrap_or_default().wrapping_mul(STEP);
    let mut rest = bytes;
    while let Some((eight, tail)) = rest.split_first_chunk::<8>() {
        state = mix(state ^ u64::from_le_bytes(*eight));
        rest = tail;
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    mix(mix(state ^ u64::from_le_bytes(last)))
}

fn mix(number: u64) -> u64 {
    let product =
        u128::from(number ^ 0xa076_1d64_78bd_642f) * u128::from(0xe703_7ed1_a0b4_28db_u64);
    let [low, high] = [product, product >> 64].map(|half| half & u128::from(u64::MAX));
    u64::try_from(low ^ high).unwrap_or_default()
}

/// Gives the hash of a field's name.
pub(super) fn field(name: &str) -> u64 {
    hash(0, name.as_bytes())
}

/// What a text of a field is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextTerms {
    /// The hash of the text, folded.
    pub(super) text: u64,
    /// The hash of the address that it is.
    pub(super) address: Option<u64>,
}

impl Term {
    fn of(field: u64, kind: u64, bytes: &[u8]) -> Self {
        Self { field, hash: hash(field ^ mix(kind), bytes) }
    }

    /// A folded text.
    pub(super) fn text(field: u64, folded: &str) -> Self {
        Self::of(field, 1, folded.as_bytes())
    }

    /// An address, however it is written.
    pub(super) fn address(field: u64, address: IpAddr) -> Self {
        let wide = match address {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        Self::of(field, 2, &wide.octets())
    }

    /// A number, whole or not.
    pub(super) fn number(field: u64, number: f64) -> Self {
        let plain = if number == 0.0 { 0.0 } else { number };
        Self::of(field, 3, &plain.to_bits().to_le_bytes())
    }

    /// Something that has a number of so many bits, and no field.
    pub(super) fn numbered(number: u64, bits: u32) -> Self {
        Self { field: 0, hash: number << (64 - bits) }
    }

    /// Any value.
    pub(super) fn any(field: u64) -> Self {
        Self::of(field, 4, &[])
    }
}
