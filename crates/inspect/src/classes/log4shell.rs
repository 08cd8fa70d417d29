//! Log4Shell (CVE-2021-44228): a lookup that makes a Java logger load code, however it is spelt.
//!
//! The logger resolves lookups from the inside out, so `${${lower:j}ndi:…}` is `${jndi:…}`. We
//! resolve them the same way.

use super::shared::{find, from};
use super::{ClassRow, Evidence, View};
use crate::Class;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::Log4shell,
    summary: "a Java logging lookup that loads code (CVE-2021-44228 and kin)",
    literals: &["${", "jndi:"],
    kinds: 0,
    path_kinds: 0,
    header_kinds: 0,
    deaf: &[],
    confirm,
};

/// Deepest nesting of lookups followed.
const DEPTH_MAX: usize = 32;

fn confirm(view: &View<'_>) -> Option<Evidence> {
    let start = find(view.lower, b"${").or_else(|| find(view.lower, b"jndi:"))?;
    let resolved = resolve(view.lower);
    if find(&resolved, b"${jndi:").is_some() {
        return Some(from(view, start, 0.98));
    }
    let protocols = [
        &b"jndi:ldap"[..],
        b"jndi:rmi",
        b"jndi:dns",
        b"jndi:iiop",
        b"jndi:corba",
        b"jndi:nis",
        b"jndi:http",
    ];
    if protocols.iter().any(|protocol| find(&resolved, protocol).is_some()) {
        return Some(from(view, start, 0.85));
    }
    // Lookups that only leak: `${env:AWS_SECRET}` sent to where it will be logged.
    let nested = find(view.lower, b"${lower:")
        .or_else(|| find(view.lower, b"${::-"))
        .or_else(|| find(view.lower, b"${upper:"));
    nested.map(|at| from(view, at, 0.7))
}

/// Replaces every lookup that yields plain characters by what it yields, innermost first.
fn resolve(text: &[u8]) -> Vec<u8> {
    let mut resolved: Vec<u8> = Vec::with_capacity(text.len());
    let mut open: Vec<usize> = Vec::new();
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte == b'$' && after.first() == Some(&b'{') && open.len() < DEPTH_MAX {
            open.push(resolved.len());
            resolved.extend_from_slice(b"${");
            rest = after.get(1..).unwrap_or_default();
        } else if *byte == b'}'
            && let Some(start) = open.pop()
        {
            let lookup = resolved.get(start + 2..).unwrap_or_default();
            match yielded(lookup).map(<[u8]>::to_vec) {
                Some(characters) => {
                    resolved.truncate(start);
                    resolved.extend_from_slice(&characters);
                }
                None => resolved.push(b'}'),
            }
        } else {
            resolved.push(*byte);
        }
    }
    resolved
}

/// Gives what a lookup without lookups in it yields, if that can be known.
fn yielded(lookup: &[u8]) -> Option<&[u8]> {
    for case in [&b"lower:"[..], b"upper:"] {
        if let Some(characters) = lookup.strip_prefix(case) {
            return Some(characters);
        }
    }
    if let Some(format) = lookup.strip_prefix(b"date:") {
        return Some(
            format.strip_prefix(b"'").and_then(|f| f.strip_suffix(b"'")).unwrap_or(format),
        );
    }
    if lookup.starts_with(b"jndi:") {
        return None;
    }
    memchr::memmem::rfind(lookup, b":-").and_then(|at| lookup.get(at + 2..))
}
