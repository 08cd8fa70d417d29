//! Request forgery: an address that the server is meant to fetch from inside.
//!
//! Redirect parameters hold addresses all day long. An address convicts when it points inside (the
//! machine itself, the cloud's metadata), or uses a scheme no page links to.

use super::shared::{find, from, run};
use super::{ClassRow, Evidence, View};
use crate::Class;
use crate::parts::Kind;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::ServerSideRequestForgery,
    summary: "an address that makes the server fetch from inside",
    literals: &[
        "http://",
        "https://",
        "ftp://",
        "gopher:",
        "dict:",
        "ldap:",
        "tftp:",
        "169.254.169.254",
        "netdoc:",
        "jar:http",
        "//metadata",
        "sftp://",
        "metadata.google",
    ],
    kinds: 0,
    path_kinds: 0,
    header_kinds: 0,
    deaf: &[Kind::Header, Kind::Agent, Kind::Document],
    confirm,
};

const INSIDE: &[&[u8]] = &[
    b"169.254.169.254",
    b"metadata.google.internal",
    b"[::ffff:a9fe:a9fe]",
    b"100.100.100.200",
    b"2852039166",
    b"0xa9fea9fe",
    b"instance-data/",
];
const SCHEMES: &[&[u8]] = &[
    b"gopher://",
    b"dict://",
    b"ldap://",
    b"ldaps://",
    b"tftp://",
    b"netdoc:",
    b"jar:http",
    b"sftp://",
];
fn confirm(view: &View<'_>) -> Option<Evidence> {
    let text = view.lower;
    if let Some(at) = INSIDE.iter().find_map(|host| find(text, host)) {
        return Some(from(view, at, 0.85));
    }
    if SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
        return Some(from(view, 0, 0.7));
    }
    let rest = ["http://", "https://", "ftp://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme.as_bytes()))?;
    let length = run(rest, 0, |byte| !matches!(byte, b'/' | b'?' | b'#'));
    let host = rest.get(..length)?;
    // `user:password@host`
    let host = host.rsplit(|byte| *byte == b'@').next().unwrap_or_default();
    is_local(host).then(|| from(view, 0, 0.6))
}

/// Tells whether a host is this machine, or is written as only those write it who hide an address:
/// as one number, or in hexadecimal.
fn is_local(host: &[u8]) -> bool {
    let name = host.split(|byte| *byte == b':').next().unwrap_or_default();
    let name = name.strip_suffix(b".").unwrap_or(name);
    let one_number = !name.is_empty() && name.iter().all(u8::is_ascii_digit);
    let hexadecimal = name.starts_with(b"0x")
        && name.iter().all(|b| b.is_ascii_hexdigit() || matches!(b, b'x' | b'.'));
    name.starts_with(b"127.")
        || name == b"localhost"
        || name.starts_with(b"localhost.")
        || name.starts_with(b"0.0.0.0")
        || name.starts_with(b"0177.")
        || one_number
        || hexadecimal
        || host.starts_with(b"[::1]")
        || host.starts_with(b"[::]")
        || host.starts_with(b"[::ffff:127.")
        || host.starts_with(b"[0:0:0:0:")
}
