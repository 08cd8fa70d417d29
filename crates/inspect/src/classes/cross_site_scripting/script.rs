//! Script outside of tags: breaks out of attributes and strings, script addresses, bare calls.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::super::shared::{Literals, find, prose_words, run, starts_at, word_begins};

/// Most places looked at for each sign.
const PLACES_MAX: usize = 64;
/// So many plain words before a call make it a sentence about script.
const PROSE_WORDS_MIN: usize = 3;

/// What a payload calls to show that it runs.
const CALLED: &[&[u8]] = &[
    b"alert",
    b"prompt",
    b"confirm",
    b"eval",
    b"msgbox",
    b"settimeout",
    b"setinterval",
    b"string.fromcharcode",
    b"document.write",
    b"document.writeln",
    b"window.open",
    b"importscripts",
    b"setimmediate",
    b"execscript",
];
/// What it reads or sets.
const TOUCHED: &[&[u8]] = &[
    b"document.cookie",
    b"document.domain",
    b"document.location",
    b"window.location",
    b"document[",
    b"window[",
    b"self[",
    b"top[",
    b"this[",
    b"frames[",
    b"parent[",
    b"globalthis[",
    b"constructor.constructor",
    b".innerhtml",
    b"location.href=",
    b"location=",
    b"onerror=eval",
    b"document?.cookie",
    b"[constructor]",
    b"document.body",
];

/// Addresses that are script.
const SCHEMES: &[&[u8]] = &[b"javascript:", b"vbscript:", b"data:text/html"];
const STYLES: &[&[u8]] = &[b"style="];

/// Judges a sign by the first place where it stands.
type Judge = fn(&[u8], &[u8], usize) -> Option<(f64, usize)>;

/// All signs, looked for at once. Of each group the first one counts that convinces.
const GROUPS: [(&[&[u8]], Judge); 4] =
    [(SCHEMES, scheme), (STYLES, style), (CALLED, call), (TOUCHED, touch)];
static SIGNS: LazyLock<Literals> =
    LazyLock::new(|| Literals::of(GROUPS.iter().flat_map(|(signs, _)| *signs).copied()));

/// Gives the most convincing sign: its score and offset.
pub(super) fn search(text: &[u8]) -> Option<(f64, usize)> {
    let mut found = [None; GROUPS.len()];
    for (mut row, at) in SIGNS.firsts(text) {
        for ((signs, judge), found) in GROUPS.iter().zip(&mut found) {
            if let Some(sign) = signs.get(row) {
                *found = found.or_else(|| judge(text, sign, at));
                break;
            }
            row -= signs.len();
        }
    }
    let [scheme, style, call, touch] = found;
    [scheme, handler(text), style, call, touch, imported(text)]
        .into_iter()
        .flatten()
        .max_by(|a, b| a.0.total_cmp(&b.0))
}

/// `javascript:…` as an address; with a space behind it, it is a title.
fn scheme(text: &[u8], literal: &[u8], at: usize) -> Option<(f64, usize)> {
    let after = at + literal.len();
    let code = text
        .get(after..)
        .unwrap_or_default()
        .iter()
        .any(|byte| matches!(byte, b'(' | b'`' | b'<' | b'=' | b','));
    let spaced = text.get(after).is_none_or(|byte| *byte == b' ');
    let score = if prose_words(text, at) < PROSE_WORDS_MIN { 0.85 } else { 0.4 };
    (word_begins(text, at) && code && !spaced).then_some((score, at))
}

/// `style=x:expression(…)` outside of a tag: old browsers compute it.
fn style(text: &[u8], _: &[u8], at: usize) -> Option<(f64, usize)> {
    let value = text.get(at..).filter(|_| word_begins(text, at))?;
    let computes = [&b"expression("[..], b"-moz-binding", b"behavior:"];
    computes.iter().any(|sign| find(value, sign).is_some()).then_some((0.7, at))
}

/// What the name of every handler begins with.
static HANDLERS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"on"));

/// `" onfocus=…` outside of a tag: the value has left an attribute.
fn handler(text: &[u8]) -> Option<(f64, usize)> {
    let mut best: Option<(f64, usize)> = None;
    memchr::memchr(b'=', text)?;
    for at in HANDLERS.find_iter(text).take(PLACES_MAX) {
        let length = run(text, at, |byte| byte.is_ascii_alphabetic());
        let equals = at + length + run(text, at + length, |byte| byte.is_ascii_whitespace());
        let long = (5..=40).contains(&length);
        if !long
            || text.get(equals) != Some(&b'=')
            || starts_at(text, equals, b"==")
            || !word_begins(text, at)
        {
            continue;
        }
        let value = text.get(equals + 1..).unwrap_or_default();
        // `onerror=alert;throw 1` runs without a bracket.
        let runs = value.iter().any(|byte| matches!(byte, b'(' | b'`'))
            || find(value, b"location").is_some()
            || find(value, b";throw").is_some();
        let quoted = at.checked_sub(1).is_some_and(|at| {
            text.get(..=at)
                .unwrap_or_default()
                .iter()
                .any(|byte| matches!(byte, b'"' | b'\'' | b'`' | b'<'))
        });
        let score = match (runs, quoted || at == 0) {
            (true, true) => 0.85,
            (true, false) if equals == at + length && prose_words(text, at) < PROSE_WORDS_MIN => {
                0.55
            }
            (false, true) if value.len() > 2 && prose_words(text, at) < PROSE_WORDS_MIN => 0.4,
            _ => 0.0,
        };
        if score > 0.0 && best.is_none_or(|(known, _)| known < score) {
            best = Some((score, at));
        }
    }
    best
}

/// `'-import('//10.0.0.9/x.js')-'`: a module from elsewhere, loaded in the middle of an expression.
fn imported(text: &[u8]) -> Option<(f64, usize)> {
    let at = find(text, b"import(")?;
    let address = text.get(at + 7..)?;
    let address = address.strip_prefix(b"'").or_else(|| address.strip_prefix(b"\""))?;
    let elsewhere = [&b"//"[..], b"http", b"data:"].iter().any(|start| address.starts_with(start));
    let before = text.get(at.checked_sub(1)?)?;
    let breaks = matches!(before, b'-' | b'+' | b'*' | b'^' | b'|' | b'&' | b';' | b'\'' | b'"');
    (elsewhere && breaks && prose_words(text, at) < PROSE_WORDS_MIN).then_some((0.7, at))
}

/// `alert(1)`, `(alert)(1)`, `` alert`1` ``, `[1].map(alert)`.
fn call(text: &[u8], name: &[u8], first: usize) -> Option<(f64, usize)> {
    let rest = text.get(first..).unwrap_or_default();
    for at in memchr::memmem::find_iter(rest, name).take(PLACES_MAX).map(|at| first + at) {
        let after = at + name.len();
        let before = at.checked_sub(1).and_then(|at| text.get(at)).copied().unwrap_or(b';');
        let after = after + run(text, after, |byte| byte == b' ' || byte == b')');
        let called = matches!(text.get(after), Some(b'(' | b'`'))
            || starts_at(text, after, b"?.(")
            || starts_at(text, after, b".call")
            || starts_at(text, after, b".apply")
            || matches!(before, b'(' | b'=' | b',')
                && matches!(text.get(after), Some(b',' | b';') | None)
                && text.get(after.wrapping_sub(1)) == Some(&b')');
        // Markdown's `eval` is no tagged template.
        let called = called && !(before == b'`' && text.get(after) == Some(&b'`'));
        let spaced = text.get(at + name.len()) == Some(&b' ');
        let sentence = spaced && prose_words(text, text.len()) >= PROSE_WORDS_MIN;
        if !called || sentence || !word_begins(text, at) {
            continue;
        }
        let prose = prose_words(text, at);
        let breaks = matches!(
            before,
            b'"' | b'\''
                | b';'
                | b')'
                | b'}'
                | b'-'
                | b'+'
                | b'*'
                | b'/'
                | b'('
                | b'='
                | b'|'
                | b'&'
                | b','
                | b'{'
                | b'['
                | b'?'
                | b':'
                | b'!'
                | b'^'
                | b'~'
                | b'`'
                | b'\\'
                | b'.'
                | b'>'
        );
        let arguments = text.get(after + 1).is_some_and(|byte| *byte != b')' || name != b"eval");
        if prose < PROSE_WORDS_MIN && breaks && arguments {
            return Some((0.7, at));
        }
        if prose < 2 {
            return Some((0.55, at));
        }
    }
    None
}

/// Tells whether a name put together stands at `at`: `al+ert]`.
fn computed(text: &[u8], at: usize) -> bool {
    let length = run(text, at, |byte| byte.is_ascii_alphanumeric() || byte == b'+');
    text.get(at..at + length).is_some_and(|name| name.contains(&b'+'))
}

fn touch(text: &[u8], name: &[u8], at: usize) -> Option<(f64, usize)> {
    if word_begins(text, at) | !name.first().is_some_and(u8::is_ascii_alphabetic) {
        let prose = prose_words(text, at) >= PROSE_WORDS_MIN;
        // `self[start..]` indexes, `self['al'+'ert']` looks up a name.
        let inside = text.get(at + name.len()).copied().unwrap_or(b'"');
        let indexes = name.ends_with(b"[")
            && !matches!(inside, b'"' | b'\'' | b'`' | b'/' | b'(' | b'0'..=b'9' | 128..)
            && !computed(text, at + name.len());
        if indexes {
            return None;
        }
        let quoted =
            text.iter().any(|byte| matches!(byte, b'"' | b'\'' | b'(' | b'<' | b'`' | b'{' | b';'));
        if quoted && !prose {
            return Some((0.55, at));
        }
    }
    None
}
