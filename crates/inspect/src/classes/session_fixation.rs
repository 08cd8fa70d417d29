//! Session fixation: a session that somebody else chose is put upon a user.
//!
//! Three ways: a link on another site that carries the session's id, a line break that adds a
//! `Set-Cookie` header, and markup or script that sets the cookie. A link within the site is how
//! applications without cookies work, and a search engine only repeats what it was shown.

use memchr::{memchr, memmem};

use super::shared::{find, from};
use super::{ClassRow, Evidence, RequestClassRow, Sign, Tell, View};
use crate::parts::{Kind, PlaceRef};
use crate::{Class, Request, site};

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::SessionFixation,
    summary: "a session chosen by somebody else: by a link, a header or a script",
    literals: &["set-cookie", "document.cookie"],
    kinds: 0,
    path_kinds: 0,
    header_kinds: 0,
    deaf: &[Kind::Header, Kind::Agent, Kind::Document],
    confirm,
};

pub(super) const REQUEST_CLASS: RequestClassRow = RequestClassRow {
    class: Class::SessionFixation,
    summary: "a session's id that a page of another site put into the address",
    confirm: linked,
};

/// What applications and frameworks call the id of a session, in lower case.
const NAMES: &[&str] = &[
    "phpsessid",
    "phpsession",
    "jsessionid",
    "jservsession",
    "jwsession",
    "jsession",
    "session-id",
    "session_id",
    "sessionid",
    "_session_id",
    "_flask_session",
    "flask_session",
    "laravel_session",
    "ci_session",
    "connect.sid",
    "koa.sess",
    "koa:sess",
    "rack.session",
    "cfid",
    "cftoken",
    "cfsid",
    "zend_session_id",
    "zenid",
    "oscsid",
    "weblogicsession",
    "wlsession",
    "sails.sid",
    "viewstatesession",
    "next-auth.session-token",
    "__host-next-auth.session-token",
    "__secure-next-auth.session-token",
    "asp.net_sessionid",
];
/// A name that begins so goes on with letters of its own for each installation.
const PREFIX: &[u8] = b"aspsessionid";
/// Longest name compared, in bytes.
const NAME_BYTES_MAX: usize = 48;

/// Search engines show what they were given once.
const SEARCHES: &[&str] =
    &["google", "bing", "duckduckgo", "yahoo", "baidu", "yandex", "ecosia", "startpage", "qwant"];

fn confirm(view: &View<'_>) -> Option<Evidence> {
    let text = view.lower;
    for (sign, score) in [(&b"\nset-cookie:"[..], 0.85), (b"\rset-cookie:", 0.85)] {
        if let Some(at) = find(text, sign) {
            return names_session(text, at).then(|| from(view, at, score));
        }
    }
    if let Some(at) = find(text, b"<meta")
        && let Some(equiv) = find(text.get(at..)?, b"http-equiv")
    {
        let rest = text.get(at + equiv + 10..)?.trim_ascii_start();
        let rest = rest.strip_prefix(b"=")?.trim_ascii_start();
        let rest = rest.strip_prefix(b"\"").or(rest.strip_prefix(b"'")).unwrap_or(rest);
        return rest.starts_with(b"set-cookie").then(|| from(view, at, 0.8));
    }
    let at = find(text, b"document.cookie")?;
    let rest = text.get(at + 15..)?.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    // Compared, or read into something else, it sets nothing.
    let quoted = matches!(rest.first(), Some(b'"' | b'\'' | b'`'));
    (quoted && names_session(rest, 0)).then(|| from(view, at, 0.7))
}

/// Tells whether a session's name stands in the line behind `at`.
fn names_session(text: &[u8], at: usize) -> bool {
    let line = text.get(at..).unwrap_or_default();
    let line = line.get(..NAME_BYTES_MAX * 2).unwrap_or(line);
    memmem::find(line, PREFIX).is_some()
        || memmem::find(line, b"sess").is_some()
        || NAMES.iter().any(|name| memmem::find(line, name.as_bytes()).is_some())
}

/// Compares the address with the page that led to it.
fn linked(request: &Request<'_>, tell: &mut Tell<'_>) {
    let Some(referrer) = site::header(request, "referer") else { return };
    let Some((name, value)) = session_id(request.target.as_bytes()) else { return };
    let (Some(host), Some(linker)) = (site::host(request), site::authority(referrer)) else {
        return;
    };
    if site::same_site(host, linker) {
        return;
    }
    let searched = linker.split('.').any(|label| SEARCHES.contains(&label));
    let name_text = String::from_utf8_lossy(name);
    let value = String::from_utf8_lossy(value);
    let text = format!("{name_text}={value} on {host}, linked from {linker}");
    tell(Sign {
        score: if searched { 0.3 } else { 0.65 },
        place: PlaceRef::QueryValue(name),
        text: text.as_bytes(),
        layers: &[],
    });
}

/// Gives the name and value of a session's id in the query, or behind `;` in the path.
fn session_id(target: &[u8]) -> Option<(&[u8], &[u8])> {
    let query = memchr(b'?', target);
    let path = query.and_then(|at| target.get(..at)).unwrap_or(target);
    let in_path = path.split(|byte| *byte == b';').skip(1);
    let query = query.and_then(|at| target.get(at + 1..)).unwrap_or_default();
    let in_query = query.split(|byte| *byte == b'&');
    in_path.chain(in_query).find_map(|pair| {
        let equals = memchr(b'=', pair)?;
        let (name, value) = (pair.get(..equals)?, pair.get(equals + 1..)?);
        (!value.is_empty() && is_session(name)).then_some((name, value))
    })
}

fn is_session(name: &[u8]) -> bool {
    let starts = name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX));
    name.len() <= NAME_BYTES_MAX
        && (starts || NAMES.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{quiet, request, said};
    use super::*;

    const CLASS: Class = Class::SessionFixation;

    #[test]
    fn chosen_sessions() {
        for (target, referrer) in [
            ("/login?PHPSESSID=abc123", "https://evil.test/"),
            ("/auth;jsessionid=74B0CB41?x=1", "http://shop.example.evil.test/a"),
            ("/a?x=1&ASPSESSIONIDQQ=GKFPM", "http://evil.test"),
        ] {
            said(CLASS, &request("GET", target, &[("Referer", referrer)], ""));
        }
        for value in [
            "a%0d%0aSet-Cookie:%20PHPSESSID=1",
            "a%250aSet-Cookie:sessionid=1",
            "%3Cmeta%20HTTP-EQUIV=%22Set-Cookie%22%20content=%22x=1%22%3E",
            "%3Cscript%3Edocument.cookie=%22sessionid=1234%22%3C/script%3E",
        ] {
            said(CLASS, &request("GET", &format!("/?q={value}"), &[], ""));
        }
    }

    #[test]
    fn own_links_and_lookalikes() {
        for (target, referrer) in [
            ("/login?PHPSESSID=abc123", "https://www.shop.example/list"),
            ("/login?PHPSESSID=abc123", ""),
            ("/login?PHPSESSID=abc123", "android-app://com.example"),
            ("/login?PHPSESSID=abc123", "https://www.google.com/"),
            ("/login?PHPSESSID=", "https://evil.test/"),
            ("/talks?session=opening&id=4", "https://elsewhere.test/"),
            ("/a?page_id=4", "https://elsewhere.test/"),
        ] {
            quiet(CLASS, &request("GET", target, &[("Referer", referrer)], ""));
        }
        for value in [
            "what+does+document.cookie+do",
            "if+(document.cookie+==+%22a%22)",
            "Dear+Sir,%0aSet-Cookie:+is+a+header",
            "%3Cmeta+http-equiv=%22refresh%22%3E",
        ] {
            quiet(CLASS, &request("GET", &format!("/?q={value}"), &[], ""));
        }
    }
}
