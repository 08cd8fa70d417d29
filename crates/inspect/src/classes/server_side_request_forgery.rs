//! Request forgery: an address that the server is meant to fetch from inside.
//!
//! Redirect parameters hold addresses all day long. An address convicts when it points inside (the
//! machine itself, the cloud's metadata), or uses a scheme no page links to.

mod address;

use std::borrow::Cow;

use super::shared::{find, from, run};
use super::{ClassRow, Evidence, View};
use crate::Class;
use crate::parts::Kind;
use address::Reach;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::ServerSideRequestForgery,
    summary: "an address that makes the server fetch from inside",
    literals: &[
        "http:",
        "https:",
        "ftp:",
        "unix:",
        "gopher:",
        "dict:",
        "ldap:",
        "tftp:",
        "169.254.169.254",
        "netdoc:",
        "jar:http",
        "//metadata",
        "//127",
        "//localhost",
        "//[::",
        "//0",
        "//169.",
        "sftp://",
        "metadata.google",
    ],
    kinds: 0,
    path_kinds: 0,
    header_kinds: 0,
    deaf: &[Kind::Header, Kind::Agent, Kind::Document],
    confirm,
};

/// Where the cloud's metadata is, wherever it stands in a text.
const METADATA: &[&[u8]] = &[b"169.254.169.254", b"metadata.google.internal"];
/// Schemes that no page links to.
const SCHEMES: &[&[u8]] = &[
    b"gopher://",
    b"dict://",
    b"tftp://",
    b"netdoc:",
    b"jar:http",
    b"sftp://",
    b"unix:/",
    b"http+unix:",
    b"ldap://",
    b"ldaps://",
];
/// Schemes of addresses that a server fetches.
const FETCHED: &[&[u8]] = &[b"http:", b"https:", b"ftp:"];

fn confirm(view: &View<'_>) -> Option<Evidence> {
    let text = view.lower;
    if let Some(at) = METADATA.iter().find_map(|host| find(text, host)) {
        return Some(from(view, at, 0.85));
    }
    // Java takes `url:` in front of any address for nothing.
    let nested = text.strip_prefix(b"url:");
    let text = nested.unwrap_or(text);
    if SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
        // A directory's address stands in settings; in front of an attacker's it has a path or port.
        return Some(from(view, 0, 0.7));
    }
    let (slashes, authority) = authority(text)?;
    // `http:8080`: the name of a service and its port. As an address no such number reaches anything.
    let port =
        (2..=PORT_BYTES_MAX).contains(&authority.len()) && authority.iter().all(u8::is_ascii_digit);
    if slashes.is_empty() && port {
        return None;
    }
    let odd = nested.is_some() || !(slashes.is_empty() || slashes == b"//");
    let score = match address::reach(&unified(authority)) {
        Reach::Metadata => 0.85,
        Reach::Own | Reach::Disguised => 0.6,
        // `http:/10.0.0.1` is an address to a lenient reader alone.
        Reach::Private if odd => 0.55,
        Reach::Private => 0.4,
        Reach::Anybody => return hidden(text, authority).then(|| from(view, 0, 0.6)),
    };
    Some(from(view, 0, score))
}

/// Gives the separator behind the scheme and the authority; readers that are lenient take one slash,
/// three, backslashes or none.
fn authority(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let scheme = FETCHED.iter().find_map(|scheme| text.strip_prefix(*scheme));
    let rest = scheme.unwrap_or(text);
    let slashes = run(rest, 0, |byte| matches!(byte, b'/' | b'\\'));
    // Without a scheme it takes two: `//host`.
    if scheme.is_none() && slashes < 2 || slashes > SLASHES_MAX {
        return None;
    }
    let separator = rest.get(..slashes)?;
    let rest = rest.get(slashes..)?;
    let length = run(rest, 0, |byte| !matches!(byte, b'/' | b'\\' | b'?' | b'#'));
    Some((separator, rest.get(..length.min(AUTHORITY_BYTES_MAX))?))
}

/// Longest port, in bytes.
const PORT_BYTES_MAX: usize = 5;
/// Most slashes that a lenient reader skips.
const SLASHES_MAX: usize = 8;
/// Longest authority read, in bytes.
const AUTHORITY_BYTES_MAX: usize = 512;

/// `http://a#@127.0.0.1/`, `http://a\@127.0.0.1/`: two readers see two hosts in it.
fn hidden(text: &[u8], authority: &[u8]) -> bool {
    let Some(start) = find(text, authority).filter(|_| !authority.is_empty()) else {
        return false;
    };
    let after = text.get(start + authority.len()..).unwrap_or_default();
    let [b'#' | b'\\', b'@', rest @ ..] = after else { return false };
    let length = run(rest, 0, |byte| !matches!(byte, b'/' | b'\\' | b'?' | b'#'));
    let other = rest.get(..length.min(AUTHORITY_BYTES_MAX)).unwrap_or_default();
    matches!(address::reach(other), Reach::Own | Reach::Metadata | Reach::Disguised)
}

/// Replaces the full stops and digits of other scripts by those of ASCII, as name lookup does
/// (UTS 46): `127。0。0。1`, `①②⑦.⓪.⓪.①`.
fn unified(authority: &[u8]) -> Cow<'_, [u8]> {
    if authority.is_ascii() {
        return Cow::Borrowed(authority);
    }
    let text = String::from_utf8_lossy(authority);
    let unify = |character: char| match character {
        '\u{3002}' | '\u{ff0e}' | '\u{ff61}' => '.',
        '\u{24ea}' => '0',
        // The first nine circled numbers follow each other, and so do the bold ones.
        '\u{2460}'..='\u{2468}' => shifted(character, '\u{2460}', '1'),
        '\u{2776}'..='\u{277e}' => shifted(character, '\u{2776}', '1'),
        '\u{ff10}'..='\u{ff19}' => shifted(character, '\u{ff10}', '0'),
        '\u{ff41}'..='\u{ff5a}' => shifted(character, '\u{ff41}', 'a'),
        '\u{24d0}'..='\u{24e9}' => shifted(character, '\u{24d0}', 'a'),
        other => other,
    };
    Cow::Owned(text.chars().map(unify).collect::<String>().into_bytes())
}

/// Gives the character that is as far from `to` as `character` from `from`.
fn shifted(character: char, from: char, to: char) -> char {
    char::from_u32(u32::from(to) + (u32::from(character) - u32::from(from))).unwrap_or(character)
}
