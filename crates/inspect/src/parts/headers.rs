//! Headers: the referrer is a target of its own, cookies are pairs, the rest are values.

use super::query::{Owner, pairs, split_pair};
use super::{Coding, Kind, Part, PlaceRef, Visitor};

/// Visits all headers.
pub(super) fn all(headers: &[(&str, &str)], visitor: &mut impl Visitor) {
    for (name, value) in headers {
        if value.is_empty() {
            continue;
        }
        if name.eq_ignore_ascii_case("referer") {
            referrer(name, value.as_bytes(), visitor);
        } else if name.eq_ignore_ascii_case("cookie") {
            cookies(value.as_bytes(), visitor);
        } else {
            let kind =
                if name.eq_ignore_ascii_case("user-agent") { Kind::Agent } else { Kind::Header };
            let (place, coding) = (PlaceRef::Header(name), Coding::Plain);
            visitor.part(&Part { place, kind, coding, text: value.as_bytes() });
        }
    }
}

/// A referrer's parameters are those of another site's search box as often as an attack: each is
/// judged as a value, the address before them as a header.
fn referrer(name: &str, value: &[u8], visitor: &mut impl Visitor) {
    let mut halves = value.splitn(2, |byte| *byte == b'?');
    let address = halves.next().unwrap_or_default();
    let (place, coding) = (PlaceRef::Header(name), Coding::Plain);
    visitor.part(&Part { place, kind: Kind::Header, coding, text: address });
    if let Some(query) = halves.next() {
        pairs(query, Owner::Header(name), visitor);
    }
}

fn cookies(value: &[u8], visitor: &mut impl Visitor) {
    for cookie in value.split(|byte| *byte == b';') {
        let (name, value) = split_pair(cookie.trim_ascii());
        let place = PlaceRef::Cookie(name);
        visitor.part(&Part { place, kind: Kind::Name, coding: Coding::Plain, text: name });
        if !value.is_empty() {
            visitor.part(&Part { place, kind: Kind::Value, coding: Coding::Plain, text: value });
        }
    }
}
