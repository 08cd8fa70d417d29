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
    let leak = LEAKS.iter().find_map(|lookup| find(view.lower, lookup));
    if let Some(at) = leak.or_else(|| leaked_variable(view.lower)) {
        return Some(from(view, at, 0.65));
    }
    let nested = find(view.lower, b"${lower:")
        .or_else(|| find(view.lower, b"${::-"))
        .or_else(|| find(view.lower, b"${upper:"));
    nested.map(|at| from(view, at, 0.7))
}

/// Lookups of this logger and of the library that others share with it, that no settings file of
/// another program has.
const LEAKS: &[&[u8]] = &[
    b"${java:version",
    b"${java:runtime",
    b"${java:vm",
    b"${java:os",
    b"${java:hw",
    b"${ctx:",
    b"${bundle:",
    b"${dns:address|",
    b"${dns:name|",
    b"${url:utf-8:",
    b"${base64:",
    b"${base64decoder:",
    b"${sys:os.",
    b"${sys:java.",
    b"${sys:user.",
    b"${k8s:",
    b"${web:",
    b"${spring:",
];

/// `${env:AWS_SECRET_ACCESS_KEY}`: a variable that holds a secret by its name.
fn leaked_variable(text: &[u8]) -> Option<usize> {
    let at = find(text, b"${env:")?;
    let name = text.get(at..)?;
    let name = name.get(..memchr::memchr(b'}', name)?)?;
    let secret = [&b"secret"[..], b"password", b"access_key", b"token"];
    secret.iter().any(|word| find(name, word).is_some()).then_some(at)
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
