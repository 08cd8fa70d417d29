//! Cross-site request forgery: a page of another site makes a browser change something here, in its
//! user's name.
//!
//! A browser tells the origin of what changes things (`Origin`, `Sec-Fetch-Site`, else `Referer`).
//! It convicts when it is foreign, the request carries its user's authority (a cookie), and a plain
//! form could have sent it. Log-ins by a third party and payments come back as foreign forms by
//! design. Where the request is not whole nothing is said: what is missing could clear it.

use memchr::memmem;

use super::{RequestClassRow, Sign, Tell};
use crate::parts::PlaceRef;
use crate::{Class, Request, site};

pub(super) const REQUEST_CLASS: RequestClassRow = RequestClassRow {
    class: Class::CrossSiteRequestForgery,
    summary: "a request that changes something, sent by a page of another site",
    confirm,
};

const CHANGING: &[&str] = &["POST", "PUT", "PATCH", "DELETE"];

/// Fields of protocols whose answers come as forms from another site: SAML, OpenID Connect,
/// WS-Federation, 3-D Secure, LTI, payment notifications.
const RETURNS: &[&[u8]] = &[
    b"SAMLResponse=",
    b"SAMLRequest=",
    b"RelayState=",
    b"id_token=",
    b"code=",
    b"wresult=",
    b"PaRes=",
    b"cres=",
    b"threeDSMethodData=",
    b"oauth_signature=",
    b"lti_message_type=",
    b"txn_type=",
];
/// Longest body searched for these, in bytes.
const RETURN_BYTES_MAX: usize = 16 * 1024;

/// A cookie and the header that must repeat it: a page of another site can send the first only.
const DOUBLED: &[(&str, &str)] =
    &[("xsrf-token", "x-xsrf-token"), ("csrf-token", "x-csrf-token"), ("_csrf", "x-csrf")];

fn confirm(request: &Request<'_>, tell: &mut Tell<'_>) {
    let changing = CHANGING.iter().any(|method| request.method.eq_ignore_ascii_case(method));
    if !request.whole || !changing {
        return;
    }
    if let Some(text) = token_differs(request) {
        let place = PlaceRef::Header("cookie");
        tell(Sign { score: 0.55, place, text: text.as_bytes(), layers: &[] });
    }
    let Some(host) = site::host(request) else { return };
    let Some((header, sender, certain)) = sender(request, host) else { return };
    let authority = ["cookie", "authorization"].into_iter().any(|name| is_ambient(request, name));
    let score = match (authority, is_form(request), returns(request)) {
        (_, _, true) => 0.2,
        (true, true, _) if certain => 0.7,
        (true, true, _) => 0.55,
        // Other types are sent across sites only where the server has said that they may be.
        (true, false, _) => 0.35,
        // Nobody's name is used; a forged log-in would look so.
        (false, _, _) => 0.25,
    };
    let text = format!("{} to {host}, {header}: {sender}", request.method);
    tell(Sign { score, place: PlaceRef::Header(header), text: text.as_bytes(), layers: &[] });
}

/// Gives the foreign page that sent the request, by the header that tells of it, and whether that
/// is certain.
fn sender<'a>(request: &Request<'a>, host: &str) -> Option<(&'static str, &'a str, bool)> {
    let forwarded = site::header(request, "x-forwarded-host").unwrap_or(host);
    let own = |other: &str| site::same_site(host, other) || site::same_site(forwarded, other);
    let origin = site::header(request, "origin");
    let fetched = site::header(request, "sec-fetch-site");
    match (fetched, origin) {
        // Two headers of one browser do not contradict each other.
        (Some(fetched), Some(origin)) if fetched.eq_ignore_ascii_case("same-origin") => {
            let foreign = site::authority(origin).is_some_and(|other| !own(other));
            foreign.then_some(("origin", origin, true))
        }
        (Some(fetched), _) => {
            let cross = fetched.eq_ignore_ascii_case("cross-site");
            // Who asks across sites for what the origin calls its own is an odd client, no page.
            let known = origin.and_then(site::authority).is_some_and(own);
            (cross && !known).then_some(match origin {
                Some(origin) => ("origin", origin, true),
                None => ("sec-fetch-site", fetched, true),
            })
        }
        // Pages without an origin of their own: sandboxed frames, `data:` addresses, redirects.
        (None, Some(origin)) if origin.eq_ignore_ascii_case("null") => {
            Some(("origin", origin, false))
        }
        (None, Some(origin)) => {
            let foreign = site::authority(origin).is_some_and(|other| !own(other));
            foreign.then_some(("origin", origin, true))
        }
        (None, None) => {
            let referrer = site::header(request, "referer")?;
            let foreign = site::authority(referrer).is_some_and(|other| !own(other));
            foreign.then_some(("referer", referrer, false))
        }
    }
}

/// Tells whether the browser adds this header by itself, whoever's page asks.
fn is_ambient(request: &Request<'_>, name: &str) -> bool {
    let Some(value) = site::header(request, name) else { return false };
    let scheme = value.split(' ').next().unwrap_or_default();
    name == "cookie"
        || ["basic", "digest", "negotiate", "ntlm"]
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known))
}

/// Tells whether a plain form could have sent it: method, type, and no header of a script's own.
fn is_form(request: &Request<'_>) -> bool {
    let media = site::header(request, "content-type").unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    let plain = ["", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]
        .iter()
        .any(|known| media.eq_ignore_ascii_case(known));
    let scripted = ["x-requested-with", "x-csrf-token", "x-xsrf-token", "x-csrftoken"]
        .iter()
        .any(|name| site::header(request, name).is_some());
    request.method.eq_ignore_ascii_case("POST") && plain && !scripted
}

fn returns(request: &Request<'_>) -> bool {
    let body = request.body.get(..RETURN_BYTES_MAX).unwrap_or(request.body);
    let begins = |at: usize| at == 0 || body.get(at - 1) == Some(&b'&');
    RETURNS.iter().any(|field| memmem::find_iter(body, field).any(begins))
}

/// Compares the token in the cookie with the one that the page sent.
fn token_differs(request: &Request<'_>) -> Option<String> {
    DOUBLED.iter().find_map(|(cookie, header)| {
        let sent = site::header(request, header)?;
        let kept = self::cookie(request, cookie)?;
        (!same_token(kept, sent)).then(|| format!("cookie {cookie} and header {header} differ"))
    })
}

fn cookie<'a>(request: &Request<'a>, name: &str) -> Option<&'a str> {
    site::header(request, "cookie")?.split(';').find_map(|pair| {
        let (known, value) = pair.trim().split_once('=')?;
        known.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// Tokens are compared without their percent-encoding, which only one of the two may have, and
/// those of unlike form not at all: the one may be a hash of the other.
fn same_token(kept: &str, sent: &str) -> bool {
    let plain = |text: &str| -> Vec<u8> {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let Some((first, tail)) = rest.split_first() {
            let decoded = (*first == b'%')
                .then(|| std::str::from_utf8(tail.get(..2)?).ok())
                .flatten()
                .and_then(|digits| u8::from_str_radix(digits, 16).ok());
            bytes.push(decoded.unwrap_or(*first));
            rest = if decoded.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
        }
        bytes
    };
    let (kept, sent) = (plain(kept), plain(sent));
    kept.len() != sent.len() || kept == sent
}

#[cfg(test)]
mod tests {
    use super::super::testing::{quiet, request, said};
    use super::*;
    use crate::{AccessLog, inspect_access_log};

    const CLASS: Class = Class::CrossSiteRequestForgery;
    const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
    const COOKIE: (&str, &str) = ("Cookie", "session=1");

    #[test]
    fn forged() {
        for own in [
            &[("Origin", "https://evil.test")][..],
            &[("origin", "null")],
            &[("Referer", "https://evil.test/a?shop.example")],
            &[("Sec-Fetch-Site", "cross-site")],
            &[("Sec-Fetch-Site", "same-origin"), ("Origin", "https://shop.example.evil.test")],
            &[("Origin", "https://shop.example@evil.test")],
        ] {
            let headers: Vec<_> = [FORM, COOKIE].iter().chain(own).copied().collect();
            said(CLASS, &request("POST", "/transfer", &headers, "to=eve&amount=1000"));
        }
        let tokens = [("Cookie", "s=1; XSRF-TOKEN=abcd"), ("X-XSRF-TOKEN", "abce")];
        said(CLASS, &request("DELETE", "/items/4", &tokens, ""));
    }

    #[test]
    fn honest() {
        let evil = ("Origin", "https://evil.test");
        for (method, headers, body) in [
            ("POST", &[FORM, COOKIE, ("Origin", "https://shop.example")][..], "a=1"),
            ("POST", &[FORM, COOKIE, ("Origin", "https://www.shop.example:8443")], "a=1"),
            ("POST", &[FORM, COOKIE, ("Referer", "https://shop.example/form")], "a=1"),
            ("POST", &[FORM, COOKIE], "a=1"),
            ("POST", &[FORM, COOKIE, ("Sec-Fetch-Site", "none")], "a=1"),
            ("POST", &[FORM, COOKIE, ("Sec-Fetch-Site", "same-site"), evil], "a=1"),
            ("GET", &[COOKIE, evil], ""),
            ("POST", &[FORM, evil], "a=1"),
            ("POST", &[COOKIE, evil, ("Content-Type", "application/json")], "{}"),
            ("POST", &[FORM, COOKIE, evil], "SAMLResponse=PHNhbWxwO&RelayState=x"),
            ("POST", &[FORM, COOKIE, evil], "state=1&code=abc"),
            ("POST", &[FORM, COOKIE, evil, ("X-Forwarded-Host", "www.evil.test")], "a=1"),
            ("POST", &[("Cookie", "XSRF-TOKEN=a%3Db"), ("X-XSRF-TOKEN", "a=b")], ""),
            ("POST", &[("Cookie", "XSRF-TOKEN=hash"), ("X-XSRF-TOKEN", "longer")], ""),
            ("POST", &[FORM, ("Authorization", "Bearer abc"), evil], "a=1"),
        ] {
            quiet(CLASS, &request(method, "/transfer", headers, body));
        }
    }

    #[test]
    fn logs_cannot_tell() {
        let verdict = inspect_access_log(&AccessLog {
            method: "POST",
            target: "/transfer",
            referrer: Some("https://evil.test/"),
            user_agent: None,
        });
        assert!(verdict.findings.is_empty());
        assert!(verdict.not_observable.contains(&CLASS));
    }
}
