//! Command injection: shell syntax that leaves a value, followed by a command.
//!
//! A separator alone is punctuation and a command alone is a word. Together they convince when what
//! follows looks like an argument, or when nothing follows at all.

mod commands;
mod expansion;
mod line;
mod markdown;
mod spelling;

use std::sync::LazyLock;

use super::shared::{Literals, find, from, is_space, prose_words, run};
use super::{ClassRow, Evidence, View};
use crate::Class;
use crate::bytes::{AMPERSAND, BACKTICK, CONTROL, DOLLAR, PIPE, SEMICOLON};
use crate::parts::Kind;
use commands::{Command, command, goes_on};
use line::whole;
use markdown::is_code_span;
use spelling::{cmdlet, is_glob, name_length, unquoted};

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::CommandInjection,
    summary: "shell syntax that leaves a value, followed by a command",
    literals: &[
        "$ifs",
        "${ifs",
        "/bin/",
        "cmd.exe",
        "/dev/tcp",
        "() {",
        "(){",
        "$(",
        "powershell",
        "xp_cmd",
        // What a command line by itself is about.
        "/etc/",
        "/dev/",
        "/proc/",
        "/root/",
        "ping",
        "nslookup",
        "tracer",
        "telnet",
        "nmap",
        "wget",
        "curl",
        "<(",
        ">(",
        // Options that name a program.
        "proxycommand",
        "use-compress-program",
        "checkpoint-action",
        "upload-pack",
        "receive-pack",
        "to-command=",
        "sshcommand",
        "alias.",
        "ext::",
        "sh -c ",
    ],
    kinds: SEMICOLON | PIPE | AMPERSAND | BACKTICK | DOLLAR | CONTROL,
    path_kinds: SEMICOLON | PIPE | BACKTICK | DOLLAR | AMPERSAND,
    header_kinds: BACKTICK | PIPE | AMPERSAND,
    deaf: &[],
    confirm,
};

/// Most separators followed in one text.
const SEPARATORS_MAX: usize = 256;
/// Longest argument looked at, in bytes.
const ARGUMENT_BYTES_MAX: usize = 256;

fn confirm(view: &View<'_>) -> Option<Evidence> {
    let text = view.lower;
    if view.kind == Kind::Value && (text.starts_with(b"/bin/") || text.starts_with(b"/usr/bin/")) {
        return Some(from(view, 0, 0.7));
    }
    if view.kind == Kind::Value && piped(text) {
        return Some(from(view, 0, 0.5));
    }
    if let Some((score, at)) =
        sign(text).or_else(|| line::option(text)).or_else(|| expansion::expanded(text))
    {
        return Some(from(view, at, score));
    }
    if is_table(text) || view.kind == Kind::Agent {
        return None;
    }
    let mut best = whole(view).map(|score| (score, 0));
    let starts = (0..text.len()).filter_map(|at| separator(text, at).map(|after| (at, after)));
    for (at, after) in starts.take(SEPARATORS_MAX) {
        let score = behind(text, at, after);
        if score > 0.0 && best.is_none_or(|(known, _)| known < score) {
            best = Some((score, at));
        }
    }
    best.map(|(score, at)| from(view, at, score))
}

const SIGN_SCORES: &[(&[u8], f64)] = &[
    (b"$ifs", 0.9),
    (b"${ifs", 0.9),
    (b"/dev/tcp/", 0.9),
    (b"() { :", 0.95),
    (b"(){:", 0.95),
    (b"() { _", 0.95),
    (b"cmd.exe /c", 0.9),
    (b"cmd.exe?/c", 0.9),
    (b"cmd /c ", 0.8),
    (b"/bin/sh -c", 0.9),
    (b"/bin/bash -", 0.9),
    (b"powershell -", 0.8),
    (b"powershell.exe -", 0.8),
];
static SIGNS: LazyLock<Literals> =
    LazyLock::new(|| Literals::of(SIGN_SCORES.iter().map(|row| row.0)));

/// Signs that need no command: nobody writes them by accident.
fn sign(text: &[u8]) -> Option<(f64, usize)> {
    SIGNS.firsts(text).find_map(|(row, at)| {
        let (_, score) = SIGN_SCORES.get(row)?;
        (prose_words(text, at) < 3).then_some((*score, at))
    })
}

/// `name|`: Perl's `open` runs a name that ends so.
fn piped(text: &[u8]) -> bool {
    memchr::memchr(b'|', text).is_some_and(|at| at + 1 == text.len())
}

/// A row of a Markdown table is all pipes and means none of them.
fn is_table(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    text.starts_with(b"| ") && text.ends_with(b" |")
}

/// Gives the offset behind the separator at `at`.
fn separator(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    match rest {
        [b'$', b'(', ..] | [b'|', b'|', ..] | [b'&', b'&', ..] => Some(at + 2),
        // The output of a command as a file; markup and comparisons have the two signs as well.
        [b'<' | b'>', b'(', ..] => {
            let before = text.get(..at).unwrap_or_default().trim_ascii_end().last();
            let begins = before.is_none_or(|byte| matches!(byte, b';' | b'|' | b'&'));
            begins.then_some(at + 2)
        }
        [b';' | b'|' | b'&' | b'`' | b'\n' | b'\r', ..] => Some(at + 1),
        _ => None,
    }
}

/// Scores the command behind the separator at `at`.
fn behind(text: &[u8], at: usize, after: usize) -> f64 {
    let start = after
        + run(text, after, |byte| {
            is_space(byte) || matches!(byte, b'"' | b'\'' | b'(' | b'{' | b'+' | b'@')
        });
    let length = name_length(text, start);
    let word = text.get(start..start + length).unwrap_or_default();
    let plain = unquoted(word);
    let name = plain.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let name = name.strip_suffix(b".exe").unwrap_or(name);
    let globbed = plain.first() == Some(&b'/') && is_glob(&plain);
    let Some(known) = command(name).or_else(|| cmdlet(name)).or(globbed.then_some(Command::Plain))
    else {
        return 0.0;
    };
    let end = start + length;
    // `data:image/png;base64,…`, `&copy;` and the `&type=` of an address.
    let separator = text.get(at).copied().unwrap_or_default();
    let glued = after == at + 1 && start == after;
    let next = text.get(end).copied().unwrap_or_default();
    let listed = next == b',' && !text.get(after..start).unwrap_or_default().contains(&b'{');
    let entity = separator == b'&' && glued && next == b';';
    let pair = matches!(separator, b'&' | b';') && glued && next == b'=';
    let substituted = separator == b'$';
    // `$($x)*` repeats in a macro, `$(for<'a>` is one's argument.
    let fed = text.get(end..).is_some_and(|rest| rest.starts_with(b"<<<"));
    let repeated = substituted && (word.first() == Some(&b'$') || next == b'<' && !fed);
    // `|"true"|`, `|x| {`, `(&id)`, `<&w>`: strings, closures and references of a program.
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    let program = separator == b'|' && is_string(text, start, end)
        || separator == b'&'
            && glued
            && next == b')'
            && !before.is_some_and(u8::is_ascii_alphanumeric)
        || separator == b'&' && glued && next == b'>' && before == Some(&b'<')
        || separator == b'|' && glued && next == b'|' && closure(text, end)
        // `true && false`: what is true or false to a program.
        || matches!(separator, b'&' | b'|') && matches!(name, b"true" | b"false");
    // `;if(a)`, `&&print(b)`: a call in some language, not a command line.
    let code = next == b'(' && !substituted;
    if listed || entity || pair || code || repeated || program || is_code_span(text, at) {
        return 0.0;
    }
    let follows =
        if goes_on(name, next_word(text, end)) { Arguments::Shaped } else { arguments(text, end) };
    let prose = prose_words(text, at) >= 2;
    let newline = matches!(separator, b'\n' | b'\r');
    let score: f64 = match (known, follows) {
        // `$(host)` is how `make` writes a variable.
        (Command::Word, Arguments::None)
            if substituted && name.len() > 3 && !NO_VARIABLES.contains(&name) =>
        {
            0.45
        }
        _ if plain.contains(&b'/') || substituted => 0.85,
        (Command::Plain, Arguments::Shaped) => 0.85,
        (Command::Plain, Arguments::None) | (Command::Word, Arguments::Shaped) => 0.75,
        // "python & ruby developers"
        (Command::Plain, Arguments::Words) if separator == b'&' => 0.4,
        (Command::Plain, Arguments::Words) => 0.5,
        // "cat | dog | bird": tags, genres, columns.
        (Command::Word, Arguments::None) if listed_words(text, at) => 0.4,
        (Command::Word, Arguments::None) if !newline => 0.6,
        (Command::Word, Arguments::None) if alone(text, at, end) => return 0.55,
        _ => 0.0,
    };
    if prose || newline && !second_line(text, at) { score - 0.4 } else { score }
}

/// Tells whether the command is a line of its own behind an address or a number, or behind nothing: the
/// words of a list are words.
fn alone(text: &[u8], at: usize, end: usize) -> bool {
    let first = text.get(..at).unwrap_or_default();
    let addressed = first.iter().any(|byte| matches!(byte, b'.' | b':') || byte.is_ascii_digit())
        && !first.iter().any(|byte| is_space(*byte));
    let ends = text.get(end..).unwrap_or_default().trim_ascii().is_empty();
    ends && (first.is_empty() || addressed && at <= LIST_BYTES_MAX)
}

/// Names in `$(…)` that are commands, and hardly ever a variable of `make`.
const NO_VARIABLES: &[&[u8]] = &[b"halt", b"history", b"reboot", b"shutdown", b"uptime"];

/// Tells whether the word between `start` and `end` is a string of a program, one of several that
/// bars part: `"true"|"false"`. A shell runs a word in quotes as well, so the one before it must be
/// in quotes, too, or what follows the bar no command.
fn is_string(text: &[u8], start: usize, end: usize) -> bool {
    let quote = start.checked_sub(1).and_then(|at| text.get(at));
    let quoted = |byte: &u8| matches!(byte, b'"' | b'\'');
    if !quote.is_some_and(quoted) || end.checked_sub(1).and_then(|at| text.get(at)) != quote {
        return false;
    }
    let rest = text.get(end + run(text, end, is_space)..).unwrap_or_default();
    let [b'|', rest @ ..] = rest else {
        let lead = text.get(..start.saturating_sub(1)).unwrap_or_default().trim_ascii_end();
        let lead = lead.strip_suffix(b"|").unwrap_or(lead).trim_ascii_end();
        return lead.len() > 1 && lead.last() == quote;
    };
    let word = rest.trim_ascii_start();
    command(word.get(..name_length(word, 0)).unwrap_or_default()).is_none()
}

/// Tells whether what stands behind the second bar of `|x|` is a program's text.
fn closure(text: &[u8], bar: usize) -> bool {
    let body = text.get(bar + 1..).unwrap_or_default();
    // `x"|id|"x` closes a string in front of the bar and opens it behind.
    let mut quotes = text.iter().filter(|byte| matches!(byte, b'\'' | b'"'));
    if quotes.clone().count() == 2
        && body.first() == quotes.next()
        && text
            .get(..bar)
            .is_some_and(|before| find(before, b"\"|").or(find(before, b"'|")).is_some())
    {
        return false;
    }
    let body = body.get(..ARGUMENT_BYTES_MAX).unwrap_or(body);
    body.iter().any(|byte| matches!(byte, b'(' | b'{' | b'"'))
}

/// Longest list of words read, in bytes.
const LIST_BYTES_MAX: usize = 512;

/// Tells whether what stands before the separator at `at` is words, and words follow: a list.
fn listed_words(text: &[u8], at: usize) -> bool {
    let sign = text.get(at);
    let single = text.get(at + 1) != sign;
    let wordy = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b' ' || Some(byte) == sign;
    let before = text.get(..at).unwrap_or_default();
    // `|id|` is one word between two signs, `|start|end|` a list.
    let signs = text.iter().filter(|byte| Some(*byte) == sign).count();
    let ended = text.last() == sign && !(text.starts_with(b"|") && signs > 2);
    text.len() <= LIST_BYTES_MAX
        && single
        && !ended
        && (before.iter().any(u8::is_ascii_alphabetic) || signs > 2)
        && text.iter().all(wordy)
}

fn next_word(text: &[u8], at: usize) -> &[u8] {
    let start = at + run(text, at, |byte| byte == b' ');
    text.get(start..start + run(text, start, |byte| byte.is_ascii_alphabetic())).unwrap_or_default()
}

/// Tells whether the break at `at` ends the first line, and that one is no sentence: a host name
/// with a command behind it has the look that a letter has not.
fn second_line(text: &[u8], at: usize) -> bool {
    let first = text.get(..at).unwrap_or_default().trim_ascii();
    let rest = text.get(at..).unwrap_or_default().trim_ascii();
    at <= LIST_BYTES_MAX
        && !first.iter().any(|byte| is_space(*byte))
        && memchr::memchr(b'\n', rest).is_none()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Arguments {
    None,
    /// An option, a path, a number, a variable, an address.
    Shaped,
    /// Plain words, as a sentence goes on.
    Words,
}

fn arguments(text: &[u8], at: usize) -> Arguments {
    let at = at + run(text, at, |byte| is_space(byte) || matches!(byte, b'"' | b'\'' | b'+'));
    let rest = text.get(at..).unwrap_or_default();
    let rest = rest.get(..ARGUMENT_BYTES_MAX).unwrap_or(rest);
    let length = run(rest, 0, |byte| !is_space(byte));
    let word = rest.get(..length).unwrap_or_default();
    match word.first() {
        None | Some(b';' | b'|' | b'&' | b'`' | b')' | b'}' | b'#' | b'<' | b'>') => {
            Arguments::None
        }
        Some(
            b'-'
            | b'/'
            | b'$'
            | b'.'
            | b'~'
            | b'%'
            | b'{'
            | b'*'
            | b'('
            | b'='
            | b'['
            | b'0'..=b'9',
        ) => Arguments::Shaped,
        _ if word
            .iter()
            .any(|byte| matches!(byte, b'/' | b'.' | b'\\' | b':' | b'$' | b'=' | b'`' | b'@'))
            && !word.ends_with(b".") =>
        {
            Arguments::Shaped
        }
        _ => Arguments::Words,
    }
}
