//! The request target and everything that looks like one: `/path?name=value&name=value`.

use memchr::{memchr, memchr_iter};

use super::{Coding, Kind, Part, PlaceRef, Visitor};

/// Most parameters compared to find the ones sent twice.
const REPEATS_MAX: usize = 64;
/// Most names whose values are joined.
const JOINED_MAX: usize = 8;

/// Visits the path and the parameters of a request target.
pub(super) fn target(target: &[u8], visitor: &mut impl Visitor) {
    let target = without_authority(target);
    let (path, query) = match memchr(b'?', target) {
        Some(at) => target.split_at(at),
        None => (target, &b""[..]),
    };
    let (place, coding) = (PlaceRef::Path, Coding::Plain);
    visitor.part(&Part { place, kind: Kind::Path, coding, text: path });
    if let Some(query) = query.get(1..) {
        pairs(query, Owner::Query, visitor);
    }
}

/// Whose parameters they are.
#[derive(Clone, Copy)]
pub(super) enum Owner<'a> {
    Query,
    Form,
    Header(&'a str),
}

impl<'a> Owner<'a> {
    fn name(self, name: &'a [u8]) -> PlaceRef<'a> {
        match self {
            Self::Query => PlaceRef::QueryName(name),
            Self::Form => PlaceRef::BodyName(name),
            Self::Header(header) => PlaceRef::Header(header),
        }
    }

    fn value(self, name: &'a [u8]) -> PlaceRef<'a> {
        match self {
            Self::Query => PlaceRef::QueryValue(name),
            Self::Form => PlaceRef::BodyValue(name),
            Self::Header(header) => PlaceRef::Header(header),
        }
    }
}

/// Visits `name=value` pairs joined by `&`.
pub(super) fn pairs(text: &[u8], owner: Owner<'_>, visitor: &mut impl Visitor) {
    let mut start = 0;
    for end in memchr_iter(b'&', text).chain([text.len()]) {
        let pair = text.get(start..end).unwrap_or_default();
        start = end + 1;
        if pair.is_empty() {
            continue;
        }
        let (name, value) = split_pair(pair);
        let place = owner.name(name);
        visitor.part(&Part { place, kind: Kind::Name, coding: Coding::Form, text: name });
        if !value.is_empty() {
            let place = owner.value(name);
            visitor.part(&Part { place, kind: Kind::Value, coding: Coding::Form, text: value });
        }
    }
    repeated(text, owner, visitor);
}

/// Visits the values of a parameter sent more than once as some servers join them, with commas, and as
/// some programs do, with nothing; the case of the name is not looked at, as those servers do not.
/// A payload cut in two is harmless in each half.
fn repeated(text: &[u8], owner: Owner<'_>, visitor: &mut impl Visitor) {
    if memchr(b'&', text).is_none() {
        return;
    }
    let mut names: [&[u8]; REPEATS_MAX] = [b""; REPEATS_MAX];
    let mut joined_names = 0;
    for (pair, slot) in text.split(|byte| *byte == b'&').zip(0..REPEATS_MAX) {
        let (name, _) = split_pair(pair);
        let Some(known) = names.get(..slot) else { break };
        let seen = !name.is_empty() && known.iter().any(|known| known.eq_ignore_ascii_case(name));
        if let Some(place) = names.get_mut(slot) {
            *place = name;
        }
        // The second one starts the joining; a third finds it done.
        if seen && known_once(&names, slot, name) && joined_names < JOINED_MAX {
            joined_names += 1;
            for between in [&b","[..], b""] {
                let joined = join(text, name, between);
                let (place, coding) = (owner.value(name), Coding::Form);
                visitor.part(&Part { place, kind: Kind::Value, coding, text: &joined });
            }
        }
    }
}

fn known_once(names: &[&[u8]], slot: usize, name: &[u8]) -> bool {
    names.iter().take(slot).filter(|known| known.eq_ignore_ascii_case(name)).count() == 1
}

fn join(text: &[u8], name: &[u8], between: &[u8]) -> Vec<u8> {
    let mut joined = Vec::new();
    for pair in text.split(|byte| *byte == b'&').take(REPEATS_MAX) {
        let (other, value) = split_pair(pair);
        if other.eq_ignore_ascii_case(name) {
            if !joined.is_empty() {
                joined.extend_from_slice(between);
            }
            joined.extend_from_slice(value);
        }
    }
    joined
}

/// Splits at the first `=`; without one, all of it is the name.
pub(super) fn split_pair(pair: &[u8]) -> (&[u8], &[u8]) {
    match memchr(b'=', pair) {
        Some(at) => (pair.get(..at).unwrap_or_default(), pair.get(at + 1..).unwrap_or_default()),
        None => (pair, b""),
    }
}

/// Removes `http://host` from an absolute target.
fn without_authority(target: &[u8]) -> &[u8] {
    let scheme = [&b"http://"[..], b"https://"]
        .into_iter()
        .find(|scheme| target.get(..scheme.len()).is_some_and(|t| t.eq_ignore_ascii_case(scheme)));
    let Some(rest) = scheme.and_then(|scheme| target.get(scheme.len()..)) else {
        return target;
    };
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#'));
    end.and_then(|end| rest.get(end..)).unwrap_or_default()
}
