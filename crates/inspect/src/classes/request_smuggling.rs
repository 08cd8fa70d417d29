//! Request smuggling: a message whose end two readers see in different places, so that what one
//! takes for the body the other takes for the next request (RFC 9112, sections 6 and 7).
//!
//! Only whole requests can be judged. Of the signs, most are words about lengths that no client
//! writes: two of them that disagree, a coding spelled so that only one reader knows it, a line
//! break that only one reader sees. The rest is in the body: chunks whose sizes are no sizes, and a
//! request that begins where the body was told to end.

use memchr::{memchr, memchr2, memmem};

use super::{RequestClassRow, Sign, Tell};
use crate::parts::PlaceRef;
use crate::{Class, Request};

pub(super) const REQUEST_CLASS: RequestClassRow = RequestClassRow {
    class: Class::RequestSmuggling,
    summary: "a message whose end two readers see in different places",
    confirm,
};

/// The lengths that the name of one of the two headers may have when it is spelled oddly.
const NAME_BYTES_MIN: usize = 14;
const NAME_BYTES_MAX: usize = 32;
/// Longest line that tells a chunk's size, in bytes.
const SIZE_LINE_BYTES_MAX: usize = 256;
/// The codings that are registered (RFC 9112, section 7) and the one that older clients name.
const CODINGS: &[&str] =
    &["chunked", "gzip", "x-gzip", "deflate", "compress", "x-compress", "identity"];

fn confirm(request: &Request<'_>, tell: &mut Tell<'_>) {
    if !request.whole {
        return;
    }
    let (mut lengths, mut codings) = (Lengths::default(), 0_u32);
    for (name, value) in request.headers {
        let score = match spelled(name) {
            Spelled::Length => lengths.add(value),
            Spelled::Coding => {
                codings += 1;
                coding(value)
            }
            Spelled::Oddly => 0.85,
            Spelled::Otherwise => 0.0,
        };
        let score = if breaks(value) { 0.8_f64.max(score) } else { score };
        if score > 0.0 {
            say(tell, name, score, &format!("{name}: {value}"));
        }
    }
    if codings > 1 {
        say(tell, "transfer-encoding", 0.75, "Transfer-Encoding is given twice");
    }
    if codings > 0 && lengths.told > 0 {
        say(tell, "content-length", 0.7, "both Content-Length and Transfer-Encoding");
    }
    if codings > 0
        && matches!(request.version.trim_start_matches("HTTP/"), "1.0" | "2" | "2.0" | "3")
    {
        let text =
            format!("Transfer-Encoding in HTTP/{}", request.version.trim_start_matches("HTTP/"));
        say(tell, "transfer-encoding", 0.6, &text);
    }
    body(request, codings > 0, &lengths, tell);
}

fn say(tell: &mut Tell<'_>, header: &str, score: f64, text: &str) {
    tell(Sign { score, place: PlaceRef::Header(header), text: text.as_bytes(), layers: &[] });
}

/// What a header's name says, once as written and once as a lenient reader takes it.
enum Spelled {
    Length,
    Coding,
    /// A reader may take it for one of the two, or not.
    Oddly,
    Otherwise,
}

fn spelled(name: &str) -> Spelled {
    if name.eq_ignore_ascii_case("content-length") {
        return Spelled::Length;
    }
    if name.eq_ignore_ascii_case("transfer-encoding") {
        return Spelled::Coding;
    }
    // A name with a line break in it is two lines to some.
    if let Some((_, last)) = name.rsplit_once(['\r', '\n']) {
        return match spelled(last) {
            Spelled::Otherwise => Spelled::Otherwise,
            _ => Spelled::Oddly,
        };
    }
    // Blanks, control characters and underscores: some readers drop or replace them.
    if !(NAME_BYTES_MIN..=NAME_BYTES_MAX).contains(&name.len()) {
        return Spelled::Otherwise;
    }
    let fold = |byte: u8| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    let bare = name.bytes().filter(u8::is_ascii_graphic).map(fold);
    let around = |byte: &u8| matches!(byte, b':' | b'-');
    let bare = bare.skip_while(around);
    let oddly = ["content-length", "transfer-encoding"].into_iter().any(|known| {
        let mut bare = bare.clone();
        known.bytes().all(|byte| bare.next() == Some(byte)) && bare.all(|byte| around(&byte))
    });
    if oddly { Spelled::Oddly } else { Spelled::Otherwise }
}

/// What the `Content-Length` headers say together.
#[derive(Default)]
struct Lengths {
    told: u32,
    first: Option<u64>,
}

impl Lengths {
    fn add(&mut self, value: &str) -> f64 {
        let value = value.trim_matches([' ', '\t']);
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        let length = value.parse::<u64>().ok().filter(|_| digits);
        let known = self.first;
        let repeated = self.told > 0;
        self.told += 1;
        if !repeated {
            self.first = length;
        }
        match (repeated, length) {
            // `5, 5` is what a proxy makes of two; signs, blanks and prefixes nobody makes.
            (_, None) if value.is_empty() => 0.3,
            (_, None) => 0.75,
            (true, length) if length == known => 0.4,
            (true, _) => 0.85,
            (false, _) => 0.0,
        }
    }
}

/// Scores the value of a `Transfer-Encoding`.
fn coding(value: &str) -> f64 {
    let odd = value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t');
    let mut last = "";
    for word in value.split(',') {
        let word = word.split(';').next().unwrap_or_default().trim_matches([' ', '\t']);
        if !CODINGS.iter().any(|known| word.eq_ignore_ascii_case(known)) {
            let meant = word.to_ascii_lowercase().contains("chunk");
            return if meant || odd { 0.85 } else { 0.6 };
        }
        last = word;
    }
    // Where something else is the last, the body has no end (RFC 9112, section 6.3).
    let chunked = value.to_ascii_lowercase().matches("chunked").count();
    match (odd, chunked, last.eq_ignore_ascii_case("chunked")) {
        (true, _, _) => 0.85,
        (_, 2.., _) => 0.75,
        (_, 1, false) => 0.7,
        _ => 0.0,
    }
}

/// Tells whether a header's value holds a line of its own that is about lengths, or a request.
fn breaks(value: &str) -> bool {
    if memchr2(b'\r', b'\n', value.as_bytes()).is_none() {
        return false;
    }
    let mut lines = value.split(['\r', '\n']).map(str::trim_start).skip(1);
    lines.any(|line| {
        let name = line.split(':').next().unwrap_or_default();
        (line.len() > name.len()
            && matches!(spelled(name.trim_end()), Spelled::Length | Spelled::Coding))
            || begins_request(line.as_bytes())
    })
}

fn body(request: &Request<'_>, coded: bool, lengths: &Lengths, tell: &mut Tell<'_>) {
    let body = request.body;
    let mut say = |score: f64, text: &[u8]| {
        tell(Sign { score, place: PlaceRef::Body, text, layers: &[] });
    };
    // What is left of the chunks when another reader counted them.
    if let Some(rest) = body.strip_prefix(b"0\r\n\r\n").filter(|rest| begins_request(rest)) {
        return say(if coded || lengths.told > 0 { 0.9 } else { 0.6 }, rest);
    }
    if let Some(rest) = lengths
        .first
        .and_then(|length| usize::try_from(length).ok())
        .and_then(|length| body.get(length..))
        && begins_request(rest.trim_ascii_start())
    {
        return say(0.85, rest);
    }
    if coded && let Some((score, at)) = chunks(body) {
        say(score, body.get(at..).unwrap_or_default());
    }
}

/// Follows the chunks of a body that is still in chunks; gives where they go wrong.
fn chunks(body: &[u8]) -> Option<(f64, usize)> {
    let mut at = 0;
    let mut count = 0_usize;
    loop {
        let rest = body.get(at..).filter(|rest| !rest.is_empty())?;
        let line = rest.get(..memchr(b'\n', rest)?)?;
        if line.len() > SIZE_LINE_BYTES_MAX {
            return (count > 0).then_some((0.6, at));
        }
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
        let strict = digits.strip_suffix(b"\r").unwrap_or(digits);
        let Some(size) = size(strict) else {
            // A body whose first line is no size is one that was put together already, unless it
            // is a size in disguise.
            return (count > 0 || disguised(strict)).then_some((0.7, at));
        };
        let bare = !line.ends_with(b"\r");
        let data = at + line.len() + 1;
        if size == 0 {
            let end = body.get(data..).unwrap_or_default();
            let left = memmem::find(end, b"\r\n\r\n").map(|gap| gap + 4);
            let left = if end.starts_with(b"\r\n") { Some(2) } else { left };
            let left = data + left?;
            let rest = body.get(left..)?;
            return begins_request(rest).then_some((0.9, left));
        }
        let end = data.checked_add(size)?;
        // Cut short: what is not here cannot be judged.
        let tail = body.get(end..).filter(|tail| tail.len() >= 2)?;
        if !tail.starts_with(b"\r\n") {
            let bare_end = tail.starts_with(b"\n");
            return (count > 0 || bare_end).then_some((0.65, at));
        }
        // A line break that a strict reader does not take for one.
        if bare {
            return Some((0.65, at));
        }
        at = end + 2;
        count += 1;
    }
}

fn size(digits: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(digits).ok()?.trim_end_matches([' ', '\t']);
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    plain.then(|| usize::from_str_radix(text, 16).ok())?
}

/// `0x1a`, `+1a`, `-1`, `1_0`: what some number readers take and others do not.
fn disguised(digits: &[u8]) -> bool {
    let text = String::from_utf8_lossy(digits).trim().to_ascii_lowercase();
    let bare = text.strip_prefix(['+', '-']).unwrap_or(&text);
    let bare = bare.strip_prefix("0x").unwrap_or(bare).replace('_', "");
    bare.len() <= 16 && size(bare.as_bytes()).is_some()
}

/// Tells whether a request begins here: `GET /admin HTTP/1.1`.
fn begins_request(text: &[u8]) -> bool {
    let line = text.get(..SIZE_LINE_BYTES_MAX * 8).unwrap_or(text);
    let line = line.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let (Some(method), Some(target), version) = (words.next(), words.next(), words.next_back())
    else {
        return false;
    };
    let method = (3..=16).contains(&method.len()) && method.iter().all(u8::is_ascii_uppercase);
    let target = target.starts_with(b"/") || target.starts_with(b"http") || target == b"*";
    method && target && version.is_some_and(|version| version.starts_with(b"HTTP/"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{quiet, request, said};
    use super::*;
    use crate::{AccessLog, inspect_access_log};

    const CLASS: Class = Class::RequestSmuggling;
    const CHUNKED: (&str, &str) = ("Transfer-Encoding", "chunked");

    #[test]
    fn two_lengths() {
        for headers in [
            &[CHUNKED, ("Content-Length", "4")][..],
            &[("content-length", "4"), ("CONTENT-LENGTH", "11")],
            &[("Content-Length", "4, 11")],
            &[("Content-Length", "+4")],
            &[("Content-Length", "0x4")],
            &[CHUNKED, CHUNKED],
            &[("Transfer-Encoding", "xchunked")],
            &[("Transfer-Encoding", "chunked, identity")],
            &[("Transfer-Encoding", "\u{b}chunked")],
            &[("Transfer-Encoding", "chunked, cow")],
            &[("Transfer-Encoding ", "chunked")],
            &[("Transfer_Encoding", "chunked")],
            &[("Transfer-Encoding\t", "chunked")],
            &[("X", "a\nTransfer-Encoding: chunked")],
            &[("X", "a\rContent-Length: 4")],
            &[("X", "a\r\n\r\nGET /admin HTTP/1.1")],
        ] {
            said(CLASS, &request("POST", "/", headers, "a=b"));
        }
    }

    #[test]
    fn bodies_that_end_twice() {
        for (headers, body) in [
            (&[CHUNKED][..], "3\r\na=b\r\n0\r\n\r\nGET /admin HTTP/1.1\r\nX: "),
            (&[("Content-Length", "3")], "a=bGET /admin HTTP/1.1\r\n\r\n"),
            (&[("Content-Length", "40")], "0\r\n\r\nPOST /admin HTTP/1.1\r\n\r\n"),
            (&[CHUNKED], "0x3\r\na=b\r\n0\r\n\r\n"),
            (&[CHUNKED], "3\na=b\r\n0\r\n\r\n"),
            (&[CHUNKED], "3\r\na=b\r\n+2\r\ncd\r\n0\r\n\r\n"),
            (&[CHUNKED], "3\r\na=b\r\n2\r\ncdef\r\n0\r\n\r\n"),
        ] {
            said(CLASS, &request("POST", "/", headers, body));
        }
    }

    #[test]
    fn honest_lengths() {
        for (headers, body) in [
            (&[("Content-Length", "3")][..], "a=b"),
            (&[CHUNKED], "3\r\na=b\r\n0\r\n\r\n"),
            (&[CHUNKED], "3;x=y\r\na=b\r\n0\r\nTrailer: 1\r\n\r\n"),
            (&[CHUNKED], "already put together"),
            (&[CHUNKED], "12\r\nis a number in a text\r\n"),
            (&[("Transfer-Encoding", "gzip, chunked")], ""),
            (&[("Transfer-Encoding", "Chunked")], ""),
            (&[("TE", "trailers, deflate;q=0.5")], ""),
            (&[("Content-Length", "3"), ("Content-Encoding", "gzip")], "a=b"),
            (&[("Content-Length", "300")], "a=b"),
            (&[], "log line: GET /admin HTTP/1.1\r\n"),
            (&[("X-Content-Length", "abc")], ""),
            (&[("X-Note", "folded\r\n over two lines")], ""),
        ] {
            quiet(CLASS, &request("POST", "/", headers, body));
        }
    }

    #[test]
    fn logs_cannot_tell() {
        let verdict = inspect_access_log(&AccessLog { target: "/", ..AccessLog::default() });
        assert!(verdict.not_observable.contains(&CLASS));
    }
}
