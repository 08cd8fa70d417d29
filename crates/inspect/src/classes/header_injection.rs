//! Header injection: a line break in a value, and behind it a line of the protocol spoken there.

use super::shared::{from, run, starts_at};
use super::{ClassRow, Evidence, View};
use crate::Class;
use crate::bytes::CONTROL;
use crate::parts::Kind;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::HeaderInjection,
    summary: "line breaks that add headers or mail commands",
    literals: &[],
    kinds: CONTROL,
    path_kinds: CONTROL,
    header_kinds: CONTROL,
    deaf: &[Kind::Document],
    confirm,
};

/// Most lines looked at.
const LINES_MAX: usize = 256;

/// Headers that change what a browser or a proxy does.
const HEADERS: &[&[u8]] = &[
    b"set-cookie",
    b"location",
    b"content-type",
    b"content-length",
    b"transfer-encoding",
    b"refresh",
    b"x-forwarded-for",
    b"host",
    b"cookie",
    b"bcc",
    b"cc",
    b"to",
    b"from",
    b"subject",
    b"mime-version",
    b"content-transfer-encoding",
    b"last-modified",
    b"status",
    b"access-control-allow-origin",
    b"link",
    b"x-xss-protection",
    b"www-authenticate",
    b"reply-to",
];
/// The first words of mail commands (SMTP, POP3, IMAP), with what follows them.
const COMMANDS: &[&[u8]] = &[
    b"rcpt to:",
    b"mail from:",
    b"data\r",
    b"capability",
    b"fetch ",
    b"quit",
    b"helo ",
    b"ehlo ",
    b"vrfy ",
    b"expn ",
    b"http/1.",
];

fn confirm(view: &View<'_>) -> Option<Evidence> {
    // Breaks with nothing but space between them lead to one line: reading it once for each of them would
    // take the square of their number.
    let mut next = 0;
    let breaks = memchr::memchr2_iter(b'\r', b'\n', view.lower).filter(|at| {
        let fresh = *at >= next;
        if fresh {
            next = at + run(view.lower, *at, |byte| byte.is_ascii_whitespace());
        }
        fresh
    });
    let first = usize::from(view.kind == Kind::Path);
    breaks.take(LINES_MAX).find_map(|at| {
        let score = line(view.lower, at, at <= first);
        (score > 0.0).then(|| from(view, at, score))
    })
}

/// Scores the line that begins behind the break at `at`.
fn line(text: &[u8], at: usize, begins: bool) -> f64 {
    let start = at + run(text, at, |byte| byte.is_ascii_whitespace());
    let length = run(text, start, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let name = text.get(start..start + length).unwrap_or_default();
    let colon = text.get(start + length) == Some(&b':');
    // Letters have lines that begin `To:` and `From:` too; those need the break to be bare.
    let short = matches!(
        name,
        b"to"
            | b"from"
            | b"cc"
            | b"subject"
            | b"host"
            | b"link"
            | b"status"
            | b"location"
            | b"refresh"
            | b"cookie"
    );
    if colon && HEADERS.contains(&name) {
        return if short { 0.45 } else { 0.85 };
    }
    let tagged = starts_at(text, start, b"v100 ") || starts_at(text, start, b"a001 ");
    let command = start + if tagged { 5 } else { 0 };
    if COMMANDS.iter().any(|known| starts_at(text, command, known)) && (tagged || length != 5) {
        let mail = tagged
            || starts_at(text, start, b"rcpt to:")
            || starts_at(text, start, b"mail from:")
            || starts_at(text, start, b"http/1.");
        // A value that begins so is nothing else.
        return if mail || begins { 0.8 } else { 0.3 };
    }
    0.0
}
