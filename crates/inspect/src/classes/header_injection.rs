//! Header injection: a line break in a value, and behind it a line of the protocol spoken there.
//!
//! Letters and lists have lines of the same look (`To:`, `Location:`), so a common name convicts only
//! where what stands before the break is one word or address and what stands behind the colon is what
//! the protocol wants there. Some readers make a line break of two characters (`\\r`), or of one whose
//! low byte is one; then it takes a header that is nothing else.

use super::shared::{find, from, run, starts_at};
use super::{ClassRow, Evidence, View};
use crate::Class;
use crate::bytes::CONTROL;
use crate::parts::Kind;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::HeaderInjection,
    summary: "line breaks that add headers, or commands to mail and stores",
    literals: &[
        "\\r\\n",
        "\\nset-",
        "\\rset-",
        "\u{10d}\u{10a}",
        "\u{10a}set-",
        "\u{560a}",
        "\u{560d}",
        "\u{2028}",
        "\u{2029}",
        "\u{85}",
    ],
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
/// Headers of answers whose names are no words of a letter: with one of these beginnings.
const HEADER_BEGINNINGS: &[&[u8]] =
    &[b"access-control-", b"content-security-", b"x-forwarded-", b"x-original-", b"cross-origin-"];
/// Spellings of a break that only some readers take for one.
const SPELT_BREAKS: &[&[u8]] = &[
    b"\\r\\n",
    b"\\n",
    b"\\r",
    b"\xc4\x8a",
    b"\xc4\x8d",
    b"\xe5\x98\x8a",
    b"\xe5\x98\x8d",
    b"\xe2\x80\xa8",
    b"\xe2\x80\xa9",
    b"\xc2\x85",
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
/// Commands of IMAP, behind a tag.
const TAGGED: &[&[u8]] = &[
    b"CAPABILITY",
    b"FETCH ",
    b"LOGIN ",
    b"LOGOUT",
    b"SELECT ",
    b"EXAMINE ",
    b"LSUB ",
    b"STATUS ",
    b"NOOP",
    b"STORE ",
    b"APPEND ",
];
/// Commands of stores that speak in lines (Redis, memcached), in lower case.
const STORE: &[&[u8]] = &[
    b"flushall",
    b"flush_all",
    b"flushdb",
    b"config set ",
    b"slaveof ",
    b"replicaof ",
    b"script load ",
    b"module load ",
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
    let found = breaks.take(LINES_MAX).find_map(|at| {
        let score = line(view, at, at <= first);
        (score > 0.0).then(|| from(view, at, score))
    });
    found.or_else(|| spelt(view))
}

/// Finds a header behind a break that is spelt out.
fn spelt(view: &View<'_>) -> Option<Evidence> {
    let text = view.lower;
    let header = find(text, b"set-cookie:").or_else(|| find(text, b"content-type:"))?;
    let before = text.get(..header)?.trim_ascii_end();
    let spelt = SPELT_BREAKS.iter().find(|spelling| before.ends_with(spelling))?;
    // A program's text, a log line: words stand before it.
    let one_word = !before.iter().any(|byte| byte.is_ascii_whitespace() || *byte == b'"');
    one_word.then(|| from(view, before.len() - spelt.len(), 0.65))
}

/// Scores the line that begins behind the break at `at`.
fn line(view: &View<'_>, at: usize, begins: bool) -> f64 {
    let text = view.lower;
    let start = at + run(text, at, |byte| byte.is_ascii_whitespace());
    let length = run(text, start, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let name = text.get(start..start + length).unwrap_or_default();
    let colon = text.get(start + length) == Some(&b':');
    let lead = text.get(..at.min(LEAD_BYTES_MAX)).unwrap_or_default();
    let one_word = at <= LEAD_BYTES_MAX
        && !lead.is_empty()
        && (!lead.iter().any(u8::is_ascii_whitespace) || lead.ends_with(b" http/1.1"))
        && !lead.ends_with(b":");
    if colon {
        let value = rest_of_line(text, start + length + 1);
        return header(name, value, lead, one_word);
    }
    let spoken = command(view, start, length, begins, one_word);
    if spoken == 0.0 && one_word && begins_request(rest_of_line(text, start)) {
        return 0.8;
    }
    // An answer's body behind the blank line that ends its head.
    let page = [&b"<html"[..], b"<!doctype html"].iter().any(|tag| starts_at(text, start, tag));
    if page && begins && start >= at + 4 { 0.55 } else { spoken }
}

/// Longest text before a break that is looked at as one word, in bytes.
const LEAD_BYTES_MAX: usize = 256;
/// Longest line read, in bytes.
const LINE_BYTES_MAX: usize = 512;

fn rest_of_line(text: &[u8], at: usize) -> &[u8] {
    let rest = text.get(at..).unwrap_or_default();
    let rest = rest.get(..LINE_BYTES_MAX).unwrap_or(rest);
    rest.get(..run(rest, 0, |byte| !matches!(byte, b'\r' | b'\n'))).unwrap_or_default().trim_ascii()
}

/// Scores a header by its name and its value, behind a text that may be one word.
fn header(name: &[u8], value: &[u8], lead: &[u8], one_word: bool) -> f64 {
    if HEADER_BEGINNINGS.iter().any(|beginning| name.starts_with(beginning)) {
        return if one_word { 0.8 } else { 0.45 };
    }
    if !HEADERS.contains(&name) {
        return 0.0;
    }
    let address = [&b"http://"[..], b"https://", b"//"].iter().any(|s| value.starts_with(s));
    let host = value.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b':' | b'-'));
    let fits = match name {
        b"location" | b"link" => address,
        b"refresh" => {
            value.first().is_some_and(u8::is_ascii_digit) && find(value, b"url").is_some()
        }
        b"host" => host && (value.contains(&b'.') || value == b"localhost"),
        // Mail is told whom to go to by an address; a form's field holds one before the break.
        b"to" | b"from" | b"cc" => value.contains(&b'@') && lead.contains(&b'@'),
        b"subject" => lead.contains(&b'@'),
        // Letters have lines that begin so, too.
        b"status" | b"cookie" => false,
        _ => return 0.85,
    };
    if fits && one_word { 0.7 } else { 0.45 }
}

/// Scores the command that begins at `start`, its first word `length` bytes long.
fn command(view: &View<'_>, start: usize, length: usize, begins: bool, one_word: bool) -> f64 {
    let text = view.lower;
    let tag = text.get(start..start + length).unwrap_or_default();
    let digits = run(tag, 0, |byte| byte.is_ascii_alphabetic());
    let tag = (1..=2).contains(&digits)
        && (digits + 1..=digits + 4).contains(&length)
        && tag.iter().skip(digits).all(u8::is_ascii_digit);
    if tag && TAGGED.iter().any(|known| starts_at(view.text, start + length + 1, known)) {
        return 0.8;
    }
    let whole = rest_of_line(text, start);
    let numbers = || {
        let mut words = whole.split(|byte| *byte == b' ').skip(2);
        whole.starts_with(b"set ")
            && words.by_ref().take(3).all(|word| word.iter().all(u8::is_ascii_digit))
            && whole.split(|byte| *byte == b' ').count() == 5
    };
    // `*1`, `$8`: the lengths with which a store's client begins (RESP).
    let counted = whole.starts_with(b"$")
        && whole.len() > 1
        && text.starts_with(b"*")
        && whole.iter().skip(1).all(u8::is_ascii_digit);
    let stored = STORE.iter().any(|known| whole.starts_with(known))
        && (whole.contains(&b' ') || STORE.contains(&whole));
    if (stored || numbers() || counted) && (begins || one_word) {
        return 0.75;
    }
    // `QUIT` and `DATA` as lines of their own, as no letter has them.
    let shouted = [&b"QUIT\r"[..], b"DATA\r", b"RSET\r"];
    if one_word && shouted.iter().any(|known| starts_at(view.text, start, known)) {
        return 0.6;
    }
    if COMMANDS.iter().any(|known| starts_at(text, start, known)) && length != 5 {
        let mail = starts_at(text, start, b"rcpt to:")
            || starts_at(text, start, b"mail from:")
            || starts_at(text, start, b"http/1.");
        // A value that begins so is nothing else.
        return if mail || begins { 0.8 } else { 0.3 };
    }
    0.0
}

/// Tells whether a line (in lower case) begins a request: `get /admin http/1.1`.
fn begins_request(line: &[u8]) -> bool {
    let mut words = line.split(|byte| *byte == b' ');
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    let version = words.next().unwrap_or_default();
    (3..=8).contains(&method.len())
        && method.iter().all(u8::is_ascii_lowercase)
        && (target.starts_with(b"/") || target.starts_with(b"http"))
        && version.starts_with(b"http/")
}
