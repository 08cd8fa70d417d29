//! What name servers' logs say of one question.

use model::{Event, Field};

/// Labels below which some countries sell names: `example.co.uk` is a registered name, `co.uk` is not.
const SECOND_LEVEL: [&str; 17] = [
    "ac", "co", "com", "edu", "go", "gob", "gov", "gv", "ltd", "mil", "ne", "net", "nom", "or",
    "org", "plc", "sch",
];

/// Writes the name and the type that were asked for. The name loses the dot of the root; the domain
/// below which somebody registered it stands beside it, so that questions can be counted by it.
pub(crate) fn question(event: &mut Event, name: &str, kind: &str) {
    let name = if name.len() > 1 { name.trim_end_matches('.') } else { name };
    event.set(Field::DnsQuestionName, name);
    if !kind.is_empty() {
        event.set(Field::DnsQuestionType, kind);
    }
    registered_domain(event, name);
}

/// Writes the domain below which somebody registered a name.
pub(crate) fn registered_domain(event: &mut Event, name: &str) {
    let Some(domain) = registered(name) else { return };
    if domain.bytes().any(|byte| byte.is_ascii_uppercase()) {
        event.set_extra("dns.question.registered_domain", &*domain.to_ascii_lowercase());
    } else {
        event.set_extra("dns.question.registered_domain", domain);
    }
}

/// Gives the last two labels of a name, or the last three where the country sells names below the
/// second. That is right for nearly all names without the public suffix list, whose private part
/// (`github.io`) is passed over on purpose: who runs it answers for it.
fn registered(name: &str) -> Option<&str> {
    let mut dots = name.rmatch_indices('.').map(|(at, _)| at);
    let last = dots.next()?;
    let top = name.get(last + 1..)?;
    // A reverse name tells of an address, and nobody registered it.
    if top.is_empty() || top.eq_ignore_ascii_case("arpa") {
        return None;
    }
    let Some(second) = dots.next() else { return Some(name) };
    let label = name.get(second + 1..last)?;
    let sold_below =
        top.len() == 2 && SECOND_LEVEL.iter().any(|known| known.eq_ignore_ascii_case(label));
    if !sold_below {
        return name.get(second + 1..);
    }
    match dots.next() {
        Some(third) => name.get(third + 1..),
        None => Some(name),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn registered_domains() {
        assert_eq!(registered("a.b.example.org"), Some("example.org"));
        assert_eq!(registered("example.org"), Some("example.org"));
        assert_eq!(registered("a.b.example.co.uk"), Some("example.co.uk"));
        assert_eq!(registered("example.co.uk"), Some("example.co.uk"));
        assert_eq!(registered("co.uk"), Some("co.uk"));
        assert_eq!(registered("a.example.uk"), Some("example.uk"));
        assert_eq!(registered("localhost"), None);
        assert_eq!(registered("1.2.0.192.in-addr.ARPA"), None);
        assert_eq!(registered(""), None);
        assert_eq!(registered("."), None);
    }

    proptest! {
        #[test]
        fn it_ends_the_name(name in "[a-z.é]{0,40}") {
            if let Some(domain) = registered(&name) {
                prop_assert!(name.ends_with(domain));
            }
        }
    }
}
