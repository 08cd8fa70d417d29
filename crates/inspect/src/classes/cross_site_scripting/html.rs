//! Tags and attributes, read as leniently as browsers do.

use super::super::shared::{find, prose_words, run};

/// Longest tag read, in bytes; what is longer is read up to here.
const TAG_BYTES_MAX: usize = 4096;
/// Most tags that another one is taken to hold in its attributes.
const INNER_TAGS_MAX: usize = 16;
/// Most tags read of one text.
const TAGS_MAX: usize = 256;

/// Tags that load or run code by themselves, once something follows their name.
const RUNNING: &[&[u8]] = &[
    b"script",
    b"iframe",
    b"object",
    b"embed",
    b"applet",
    b"frameset",
    b"frame",
    b"bgsound",
    b"layer",
    b"ilayer",
    b"xss",
    b"?import",
    b"!entity",
    b"isindex",
    b"portal",
];

/// Gives the most convincing tag: its score and offset.
pub(super) fn search(text: &[u8]) -> Option<(f64, usize)> {
    let mut best: Option<(f64, usize)> = None;
    for at in memchr::memchr_iter(b'<', text).take(TAGS_MAX) {
        let tag = text.get(at + 1..).unwrap_or_default();
        let tag = tag.get(..TAG_BYTES_MAX).unwrap_or(tag);
        // Values of attributes hold a few tags at most; reading on from every one of many would take the
        // square of their number.
        let end = memchr::memchr_iter(b'<', tag).nth(INNER_TAGS_MAX);
        let tag = end.and_then(|end| tag.get(..end)).unwrap_or(tag);
        let score = if is_mention(text, at, tag) { 0.4 } else { tag_score(tag) };
        if score > 0.0 && best.is_none_or(|(known, _)| known < score) {
            best = Some((score, at));
        }
    }
    best
}

/// Gives the text without its tags; `None` when there are none inside of words.
pub(super) fn without_tags(text: &[u8]) -> Option<Vec<u8>> {
    let split = |at: usize| {
        let letter =
            |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_alphabetic);
        letter(at.checked_sub(1)) && letter(Some(at + 1))
    };
    if !memchr::memchr_iter(b'<', text).take(TAGS_MAX).any(split) {
        return None;
    }
    let mut joined = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'<', rest) {
        let Some(length) = memchr::memchr(b'>', rest.get(at..).unwrap_or_default()) else { break };
        joined.extend_from_slice(rest.get(..at).unwrap_or_default());
        rest = rest.get(at + length + 1..).unwrap_or_default();
    }
    joined.extend_from_slice(rest);
    Some(joined)
}

/// Tells whether a sentence names the tag: words before it, and nothing but words behind it.
fn is_mention(text: &[u8], at: usize, tag: &[u8]) -> bool {
    let Some(behind) = tag.strip_prefix(b"script> ") else { return false };
    let plain = |byte: &u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b',' | b'.' | b'-' | b'?' | b'!')
    };
    behind.iter().all(plain) && prose_words(behind, behind.len()) > 0 && prose_words(text, at) > 0
}

fn tag_score(tag: &[u8]) -> f64 {
    // Browsers take no space after the `<`, but filters remove them, so payloads count on that.
    let skipped = run(tag, 0, |byte| byte.is_ascii_whitespace() || byte == b'/' || byte < 32);
    let tag = tag.get(skipped..).unwrap_or_default();
    let closing = skipped > 0;
    let length = run(tag, 0, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'?' | b'!' | b'-' | b':' | b'_')
    });
    let name = tag.get(..length).unwrap_or_default();
    let rest = tag.get(length..).unwrap_or_default();
    if name.is_empty() {
        return 0.0;
    }
    if closing {
        return if name == b"script" { 0.6 } else { attributes(rest) };
    }
    // `<object>` alone is a placeholder in somebody's manual.
    let bare = name != b"script" && rest.starts_with(b">") && !rest.contains(&b'<');
    if RUNNING.contains(&name) && !bare {
        return 0.9;
    }
    let carries = |literal: &[u8]| find(rest, literal).is_some();
    let by_name = match name {
        b"meta" if carries(b"http-equiv") || carries(b"charset") => 0.8,
        b"base" if carries(b"href") => 0.7,
        b"link" if carries(b"href") && (carries(b"stylesheet") || carries(b"import")) => 0.7,
        b"style"
            if [
                &b"expression"[..],
                b"javascript",
                b"@import",
                b"behavior",
                b"binding",
                b"url(",
            ]
            .iter()
            .any(|literal| carries(literal)) =>
        {
            0.8
        }
        b"?xml" | b"?xml-stylesheet" | b"?xml:namespace"
            if carries(b"namespace") || carries(b"href") || carries(b"prefix") =>
        {
            0.8
        }
        b"import" if carries(b"implementation") => 0.7,
        b"xsl:stylesheet" | b"xsl:script" => 0.7,
        b"xml" if carries(b"src") || carries(b"id") => 0.6,
        b"form" | b"isindex" if carries(b"action=") && carries(b"script") => 0.8,
        b"svg" | b"math"
            if carries(b"<") && (carries(b"script") || carries(b"href") || carries(b"onload")) =>
        {
            0.6
        }
        b"animate" | b"set" | b"animatemotion"
            if carries(b"attributename") || carries(b"values") =>
        {
            0.7
        }
        _ => 0.0,
    };
    attributes(rest).max(by_name)
}

/// Reads attributes up to the tag's end.
fn attributes(tag: &[u8]) -> f64 {
    let mut best: f64 = 0.0;
    let mut at = 0;
    while at < tag.len() {
        at += run(tag, at, |byte| {
            byte.is_ascii_whitespace()
                || matches!(byte, b'/' | b'"' | b'\'' | b'`' | b',')
                || byte < 32
        });
        if tag.get(at) == Some(&b'>') {
            break;
        }
        let length = run(tag, at, |byte| {
            !byte.is_ascii_whitespace() && !matches!(byte, b'=' | b'>' | b'/') && byte >= 32
        });
        let name = tag.get(at..at + length).unwrap_or_default();
        at += length.max(1);
        at += run(tag, at, |byte| byte.is_ascii_whitespace() || byte < 32);
        if tag.get(at) != Some(&b'=') {
            continue;
        }
        at += 1;
        at += run(tag, at, |byte| byte.is_ascii_whitespace() || byte < 32);
        let value = value(tag, at);
        at += value.len();
        best = best.max(attribute(name, value));
    }
    best
}

/// Gives the value that begins at `at`, quotes included.
fn value(tag: &[u8], at: usize) -> &[u8] {
    let rest = tag.get(at..).unwrap_or_default();
    let length = match rest.first() {
        Some(quote @ (b'"' | b'\'' | b'`')) => {
            let closing = rest.iter().skip(1).position(|byte| byte == quote);
            closing.map_or(rest.len(), |closing| closing + 2)
        }
        _ => run(rest, 0, |byte| !byte.is_ascii_whitespace() && byte != b'>'),
    };
    rest.get(..length).unwrap_or_default()
}

fn attribute(name: &[u8], value: &[u8]) -> f64 {
    let unescaped =
        if name == b"style" && value.contains(&b'\\') { css_unescaped(value) } else { None };
    let value = unescaped.as_deref().unwrap_or(value);
    let squeezed: Vec<u8> = value
        .iter()
        .copied()
        .filter(|byte| *byte > 32 && !matches!(byte, b'"' | b'\'' | b'`' | b'\\'))
        .collect();
    let holds = |literal: &[u8]| find(&squeezed, literal).is_some();
    let handler = name.len() > 4
        && name.starts_with(b"on")
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b':');
    if handler {
        return 0.9;
    }
    match name {
        b"srcdoc" => 0.8,
        // Data binding and XML events: what is bound runs.
        b"dataformatas" if holds(b"html") => 0.7,
        b"ev:handler" => 0.7,
        // Expressions of Angular, in attributes of its own.
        _ if name.starts_with(b"ng-")
            && (holds(b"constructor") || holds(b"alert") || holds(b"$event")) =>
        {
            0.7
        }
        b"handler" if holds(b"#") => 0.6,
        b"style"
            if holds(b"expression")
                || holds(b"-moz-binding")
                || holds(b"behavior:")
                || holds(b"script:")
                || holds(b"/**/") =>
        {
            0.8
        }
        b"style" if holds(b"url(") => 0.55,
        _ if script_scheme(&squeezed) => 0.9,
        _ => 0.0,
    }
}

/// Undoes the escapes of style sheets, `\0075\72 l(`; `None` where there are none.
fn css_unescaped(value: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(value.len());
    let mut rest = value;
    let mut found = false;
    while let Some((byte, after)) = rest.split_first() {
        let short = after.get(..after.len().min(CSS_DIGITS_MAX)).unwrap_or_default();
        let digits = if *byte == b'\\' { run(short, 0, |b| b.is_ascii_hexdigit()) } else { 0 };
        if digits == 0 {
            plain.push(*byte);
            rest = after;
            continue;
        }
        let code = std::str::from_utf8(after.get(..digits)?).ok()?;
        let code = u32::from_str_radix(code, 16).ok()?;
        plain.push(u8::try_from(code).unwrap_or(b'?').to_ascii_lowercase());
        rest = after.get(digits..)?;
        rest = rest.strip_prefix(b" ").unwrap_or(rest);
        found = true;
    }
    found.then_some(plain)
}

/// Most digits of an escape in a style sheet.
const CSS_DIGITS_MAX: usize = 6;

/// Tells whether an address, spaces removed, runs script when followed.
fn script_scheme(address: &[u8]) -> bool {
    const SCHEMES: &[&[u8]] = &[
        b"javascript:",
        b"vbscript:",
        b"livescript:",
        b"mocha:",
        b"data:text/html",
        b"data:image/svg",
        b"data:text/xml",
        b"data:application/xhtml",
        b"data:text/javascript",
        b"data:,alert",
        b"data:;base64",
        b"mhtml:",
        b"feed:javascript:",
        b"jar:",
    ];
    SCHEMES.iter().any(|scheme| address.starts_with(scheme))
        || find(address, b"javascript:").is_some()
}
