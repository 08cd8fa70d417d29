//! What a server says first, and its words about plugins.

use bytes::BufMut;

use super::login::{CACHING, NATIVE, QUERY_ATTRIBUTES};
use super::packet::number;
use crate::octets::Octets;

/// Query attributes that are passed over.
const ATTRIBUTES_MAX: u64 = 16;

/// Tells whether a version is MariaDB's.
pub(super) fn is_mariadb(version: &str) -> bool {
    version.contains("MariaDB")
}

/// The greeting, version 10. No compression is offered, nor what a client need not be told of columns.
pub(super) fn greeting(version: &str, number: u32, salt: &[u8; 20]) -> Vec<u8> {
    let maria = is_mariadb(version);
    let (flags, charset, plugin): (u32, u8, &str) =
        if maria { (0x81bf_ffde, 45, NATIVE) } else { (0xd9ff_ffdf, 255, CACHING) };
    let (low, high) = salt.split_at(8);
    let mut out = vec![10];
    out.put_slice(version.as_bytes());
    out.put_u8(0);
    out.put_u32_le(number);
    out.put_slice(low);
    out.put_u8(0);
    let [first, second, third, fourth] = flags.to_le_bytes();
    out.put_slice(&[first, second]);
    out.put_u8(charset);
    out.put_u16_le(2);
    out.put_slice(&[third, fourth]);
    out.put_u8(21);
    out.put_bytes(0, 6);
    // MariaDB's own abilities stand where MySQL has zeros.
    out.put_u32_le(if maria { 0x07 } else { 0 });
    out.put_slice(high);
    out.put_u8(0);
    out.put_slice(plugin.as_bytes());
    out.put_u8(0);
    out
}

/// Asks for an answer of the native plugin to another salt.
pub(super) fn switch(salt: &[u8; 20]) -> Vec<u8> {
    let mut out = vec![0xfe];
    out.put_slice(NATIVE.as_bytes());
    out.put_u8(0);
    out.put_slice(salt);
    out.put_u8(0);
    out
}

/// The text of a query, after the attributes that newer clients put before it.
pub(super) fn query_text(body: &[u8], flags: u32) -> &[u8] {
    if flags & QUERY_ATTRIBUTES == 0 {
        return body;
    }
    let mut octets = Octets::new(body);
    let (count, _sets) = (number(&mut octets), number(&mut octets));
    // With attributes the text stands at the end; what stands before it is shown with it.
    if count.is_some_and(|count| count <= ATTRIBUTES_MAX) { octets.rest() } else { body }
}
