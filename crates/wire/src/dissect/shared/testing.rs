//! Samples written as digits, and flows to feed them in.

use crate::packet::Transport;
use crate::tell::About;

pub(crate) use super::super::testing::feed_about;

/// Gives the bytes of hexadecimal digits; what is between them does not count.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|letter| letter.to_digit(16))
        .map(|digit| u8::try_from(digit).unwrap())
        .collect();
    assert!(digits.len().is_multiple_of(2));
    digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect()
}

/// Gives a connection over TCP to this port.
pub(crate) fn tcp(port: u16) -> About<'static> {
    About {
        transport: Transport::Tcp,
        protocol_number: 6,
        destination_port: port,
        ..About::example()
    }
}

/// Gives datagrams to this port.
pub(crate) fn udp(port: u16) -> About<'static> {
    About { destination_port: port, ..About::example() }
}
