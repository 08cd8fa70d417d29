//! Prototype pollution: a key that JavaScript follows up to the prototype of all objects.
//!
//! As a key it means one thing only; as a value it is a word that articles on JavaScript use. So a
//! name convicts by itself (of a field, a parameter, a JSON key), and a value only where it is
//! written as a path of keys or holds a key of JSON.

use super::shared::{find, find_all, from, prose_words, run, word_begins};
use super::{ClassRow, Evidence, View};
use crate::Class;
use crate::parts::Kind;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::PrototypePollution,
    summary: "keys that reach the prototype of all objects (JavaScript)",
    literals: &["__proto__", "prototype", "constructor"],
    kinds: 0,
    path_kinds: 0,
    header_kinds: 0,
    deaf: &[Kind::Header, Kind::Agent],
    confirm,
};

const PROTO: &[u8] = b"__proto__";
/// Most places looked at in one text.
const PLACES_MAX: usize = 64;

fn confirm(view: &View<'_>) -> Option<Evidence> {
    let text = view.lower;
    if view.kind == Kind::Name {
        let at = find(text, PROTO).filter(|at| is_key(text, *at, PROTO.len()));
        return at.or_else(|| constructor(text)).map(|at| from(view, at, 0.85));
    }
    let found = find_all(text, PROTO)
        .take(PLACES_MAX)
        .find(|at| quoted_key(text, *at, PROTO.len()) || path_key(text, *at, PROTO.len()));
    let at = found.or_else(|| constructor(text).filter(|at| assigned(text, *at)))?;
    let score = if prose_words(text, at) >= 3 { 0.3 } else { 0.75 };
    Some(from(view, at, score))
}

/// Tells whether the word is a whole key of a name: `a[__proto__][b]`, `__proto__.b`.
fn is_key(text: &[u8], at: usize, length: usize) -> bool {
    word_begins(text, at)
        && text.get(at + length).is_none_or(|byte| {
            matches!(byte, b'[' | b']' | b'.' | b'"' | b'\'' | b'=' | b':' | b'/')
        })
}

/// `"__proto__":`, in either quote.
fn quoted_key(text: &[u8], at: usize, length: usize) -> bool {
    let open = at.checked_sub(1).and_then(|before| text.get(before));
    let rest = text.get(at + length..).unwrap_or_default();
    matches!(open, Some(b'"' | b'\''))
        && rest.split_first().is_some_and(|(close, rest)| {
            Some(close) == open && rest.trim_ascii_start().starts_with(b":")
        })
}

/// `__proto__[x]`, `__proto__.x=`, `a[__proto__]`: a path of keys, and a value for it.
fn path_key(text: &[u8], at: usize, length: usize) -> bool {
    if !word_begins(text, at) {
        return false;
    }
    let bracketed = at.checked_sub(1).and_then(|before| text.get(before)) == Some(&b'[')
        && text.get(at + length) == Some(&b']');
    let begins = at == 0 || matches!(text.get(at - 1), Some(b'?' | b'&' | b'#' | b'.' | b'/'));
    let leads = matches!(text.get(at + length), Some(b'[' | b'.'));
    bracketed || (begins && leads && assigned(text, at))
}

/// `constructor.prototype`, `constructor[prototype]`, and the same as JSON.
fn constructor(text: &[u8]) -> Option<usize> {
    const WORD: &[u8] = b"constructor";
    find_all(text, WORD).take(PLACES_MAX).find(|at| {
        let after = at + WORD.len();
        let joint = run(text, after, |byte| {
            matches!(byte, b'.' | b'[' | b']' | b'"' | b'\'' | b':' | b'{' | b' ')
        });
        word_begins(text, *at)
            && (1..=8).contains(&joint)
            && text.get(after) != Some(&b' ')
            && text.get(after + joint..).is_some_and(|rest| {
                rest.strip_prefix(b"prototype").is_some_and(|rest| {
                    rest.first()
                        .is_none_or(|byte| matches!(byte, b'[' | b']' | b'.' | b'"' | b'\'' | b'='))
                })
            })
    })
}

/// Tells whether the path of keys at `at` ends in something that is given to it.
fn assigned(text: &[u8], at: usize) -> bool {
    let path = run(text, at, |byte| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'.' | b'[' | b']' | b'-' | b'"' | b'\'' | b':' | b'{')
    });
    // A path alone, as the name of what is to be set, or one with a value behind it.
    let whole = at == 0 && path == text.len();
    whole
        || text.get(at + path) == Some(&b'=')
        || text.get(at..at + path).is_some_and(|path| find(path, b"\":").is_some())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{quiet, request, said};
    use super::*;

    const CLASS: Class = Class::PrototypePollution;
    const JSON: (&str, &str) = ("Content-Type", "application/json");

    #[test]
    fn keys() {
        for target in [
            "/?__proto__[admin]=1",
            "/?__proto__.admin=1",
            "/?a[__proto__][b]=1",
            "/?constructor[prototype][admin]=1",
            "/?constructor.prototype.admin=1",
            "/?x=__proto__[admin]=1",
            "/?x=%7B%22__proto__%22:%7B%22a%22:1%7D%7D",
            "/?path=__proto__.polluted",
            "/?%5f%5fproto%5f%5f%5ba%5d=1",
            "/?__PROTO__[a]=1",
        ] {
            said(CLASS, &request("GET", target, &[], ""));
        }
        for body in [
            r#"{"a": {"__proto__": {"admin": true}}}"#,
            r#"{"\u005f_proto__": {"admin": true}}"#,
            r#"{"constructor": {"prototype": {"admin": true}}}"#,
            r#"{"constr\u0075ctor":{"prototype":{"admin":true}}}"#,
        ] {
            said(CLASS, &request("POST", "/api", &[JSON], body));
        }
        said(CLASS, &request("POST", "/form", &[], "user[__proto__][admin]=1"));
    }

    #[test]
    fn words() {
        for target in [
            "/?q=what+is+__proto__+in+JavaScript",
            "/?q=obj.__proto__+is+old",
            "/?q=Array.prototype.map",
            "/?text=Foo.prototype.bar+%3D+function",
            "/?text=Foo.constructor.prototype.bar+%3D+function",
            "/?constructor=Ferrari&prototype=yes",
            "/?q=constructor+prototype",
            "/docs/__proto__.html",
            "/?proto=tcp",
        ] {
            quiet(CLASS, &request("GET", target, &[], ""));
        }
        for body in [
            r#"{"constructor": {"name": "Ferrari"}, "prototype": true}"#,
            r#"{"constructor": "prototype"}"#,
            r#"{"text": "the __proto__ of an object"}"#,
        ] {
            quiet(CLASS, &request("POST", "/api", &[JSON], body));
        }
    }
}
