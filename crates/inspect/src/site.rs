//! Whose request is it: the site asked, and whether another name belongs to the same one.

use crate::Request;

/// Gives the first header of that name which holds anything.
pub(crate) fn header<'a>(request: &Request<'a>, name: &str) -> Option<&'a str> {
    request
        .headers
        .iter()
        .find(|(known, value)| known.eq_ignore_ascii_case(name) && !value.trim().is_empty())
        .map(|(_, value)| value.trim())
}

/// Gives the host that was asked, with its port if it was told.
pub(crate) fn host<'a>(request: &Request<'a>) -> Option<&'a str> {
    authority(request.target).or_else(|| header(request, "host"))
}

/// Gives the host and port of an absolute address.
pub(crate) fn authority(address: &str) -> Option<&str> {
    let scheme = address.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let rest = address.get(scheme..)?.strip_prefix("://").filter(|_| scheme > 0)?;
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let authority = rest.get(..end)?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    (!host.is_empty()).then_some(host)
}

/// Tells whether two hosts belong to one site: the same name, or names under one domain that
/// somebody may register. Which endings are open to everybody is guessed from their form, so that
/// in doubt two names count as one site.
pub(crate) fn same_site(one: &str, other: &str) -> bool {
    let (one, other) = (name(one), name(other));
    if one.eq_ignore_ascii_case(other) {
        return true;
    }
    let numeric = |host: &str| {
        host.contains(':') || host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    if numeric(one) || numeric(other) {
        return false;
    }
    registered(one).eq_ignore_ascii_case(registered(other))
}

/// The host without port, brackets and the dot that may end it.
fn name(host: &str) -> &str {
    if let Some(address) = host.strip_prefix('[') {
        return address.split(']').next().unwrap_or_default();
    }
    host.split(':').next().unwrap_or_default().trim_end_matches('.')
}

/// The last two labels, three under endings such as `co.uk`.
fn registered(host: &str) -> &str {
    let mut dots = host.rmatch_indices('.').map(|(at, _)| at);
    let (Some(last), second, third) = (dots.next(), dots.next(), dots.next()) else { return host };
    let country = host.len() - last == 3;
    let short = second.is_some_and(|second| last - second <= 4);
    let start = if country && short { third } else { second };
    start.and_then(|at| host.get(at + 1..)).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_site() {
        for (one, other, same) in [
            ("shop.example", "SHOP.example:8443", true),
            ("www.example.org", "api.example.org.", true),
            ("a.example.co.uk", "b.example.co.uk", true),
            ("a.co.uk", "b.co.uk", false),
            ("example.org", "example.org.evil.test", false),
            ("localhost", "localhost.evil.test", false),
            ("192.0.2.1", "192.0.2.1:8080", true),
            ("192.0.2.1", "198.51.2.1", false),
            ("[2001:db8::1]:80", "[2001:db8::1]", true),
            ("[2001:db8::1]", "[2001:db8::2]", false),
        ] {
            assert_eq!(same_site(one, other), same, "{one} {other}");
        }
    }

    #[test]
    fn authorities() {
        assert_eq!(authority("https://shop.example:8443/a?b"), Some("shop.example:8443"));
        assert_eq!(authority("https://shop.example@evil.test\\x"), Some("evil.test"));
        for address in ["/a?u=http://b", "https:///", "null", "a b://c", ""] {
            assert_eq!(authority(address), None, "{address}");
        }
    }
}
