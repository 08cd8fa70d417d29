//! Splits text as SQL servers do, from outside a string or from within one.
//!
//! The dialects are read together: `#` and `--` and `/* */` are comments, a versioned comment
//! `/*!50000 … */` is its content, `||` and `&&` are operators, a missing closing quote is an end.

use super::super::shared::spend;
use super::words::{Word, word};

/// Most tokens read of one text.
pub(super) const TOKENS_MAX: usize = 2048;
/// Tokens for which memory is asked at once: a few, and one for so many bytes.
const TOKENS_MIN: usize = 8;
const TOKEN_BYTES: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    /// A closed string.
    Text,
    /// A string that the text does not close.
    OpenText,
    /// A quote that is never closed, and behind it more words of a sentence: no string at all.
    OpenProse,
    Word(Word),
    /// `@x`, `@@version`, `:x`.
    Variable,
    /// `=`, `<>`, `>=` …
    Compare,
    /// `and` and `or` as signs: `&&`, `||`.
    Logic,
    /// `+ - * / % | & ^ ~`.
    Arithmetic,
    Not,
    Open,
    Close,
    Comma,
    Dot,
    Semicolon,
    /// To the end of the line, `--` or `#`.
    LineComment,
    /// `/* */`, or one that is never closed.
    BlockComment,
    Other,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: usize,
}

/// Splits `text` (in lower case) from `start` on, blocks of comment left out.
pub(super) fn tokens(text: &[u8], start: usize) -> Vec<Token> {
    let bytes = text.len().saturating_sub(start);
    let mut tokens = Vec::with_capacity((bytes / TOKEN_BYTES + TOKENS_MIN).min(TOKENS_MAX));
    let mut at = start;
    while tokens.len() < TOKENS_MAX {
        let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) else { break };
        let (kind, length) = next(rest);
        if let Some(kind) = kind {
            tokens.push(Token { kind, start: at });
        }
        spend(length.max(1));
        at += length.max(1);
    }
    tokens
}

/// Reads one token; no kind for what SQL skips.
fn next(rest: &[u8]) -> (Option<Kind>, usize) {
    match rest {
        // A space, and one that does not break, outside of UTF-8.
        [b' ' | 0xA0, ..] => (None, 1),
        // Most of any text; the letters left out may begin a string.
        [b'a' | b'c' | b'd' | b'f'..=b'm' | b'o' | b'p' | b'r'..=b'w' | b'y' | b'z' | b'_', ..] => {
            named(rest)
        }
        _ => match literal(rest) {
            Some((kind, length)) => (Some(kind), length),
            None => sign(rest),
        },
    }
}

/// Reads a token that is no plain word.
fn sign(rest: &[u8]) -> (Option<Kind>, usize) {
    match rest {
        [b'/', b'*', b'!', ..] => (None, 3 + digits(rest.get(3..))),
        [b'/', b'*', ..] => match memchr::memmem::find(rest.get(2..).unwrap_or_default(), b"*/") {
            // Between words a comment is a space, and only that.
            Some(length) => (None, length + 4),
            None => (Some(Kind::BlockComment), rest.len()),
        },
        [b'*', b'/', ..] => (None, 2),
        [b'-', b'-', ..] | [b'#', ..] => {
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            (Some(Kind::LineComment), end)
        }
        [b'\'' | b'"', ..] => string(rest),
        [b'[', after @ ..] if bracketed(after).is_some() => {
            (Some(Kind::Word(Word::Name)), 2 + bracketed(after).unwrap_or(0))
        }
        // A cast: `version()::int`.
        [b':', b':', after @ ..] => {
            (None, 2 + after.iter().take_while(|byte| name_byte(**byte)).count())
        }
        [b'`', after @ ..] => match memchr::memchr(b'`', after) {
            Some(length) => (Some(Kind::Word(Word::Name)), length + 2),
            None => (Some(Kind::Other), 1),
        },
        [b'0', b'x', ..] if rest.get(2).is_some_and(u8::is_ascii_hexdigit) => (
            Some(Kind::Number),
            2 + rest.iter().skip(2).take_while(|b| b.is_ascii_hexdigit()).count(),
        ),
        [b'0'..=b'9', ..] | [b'.', b'0'..=b'9', ..] => number(rest),
        [b'|', b'|', ..] | [b'&', b'&', ..] => (Some(Kind::Logic), 2),
        [b'<', b'@', ..] if !rest.get(2).copied().is_some_and(name_byte) => {
            (Some(Kind::Compare), 2)
        }
        [b'<' | b'>' | b'=' | b'!' | b'^', b'=' | b'>' | b'<', ..] => {
            (Some(Kind::Compare), if rest.get(2) == Some(&b'>') { 3 } else { 2 })
        }
        // Of JSON and arrays: holds, is held by, the element of.
        [b'@', b'>' | b'?', ..] => (Some(Kind::Compare), 2),
        [b'-', b'>', b'>', b'\'', next, ..] if *next == b'$' || name_byte(*next) => {
            (Some(Kind::Arithmetic), 3)
        }
        [b'-', b'>', b'\'', next, ..] if *next == b'$' || name_byte(*next) => {
            (Some(Kind::Arithmetic), 2)
        }
        [b'<' | b'>' | b'=', ..] => (Some(Kind::Compare), 1),
        [b'!', ..] => (Some(Kind::Not), 1),
        [b'+' | b'-' | b'*' | b'/' | b'%' | b'|' | b'&' | b'^' | b'~', ..] => {
            (Some(Kind::Arithmetic), 1)
        }
        [b'(', ..] => (Some(Kind::Open), 1),
        [b')', ..] => (Some(Kind::Close), 1),
        [b',', ..] => (Some(Kind::Comma), 1),
        [b'.', ..] => (Some(Kind::Dot), 1),
        [b';', ..] => (Some(Kind::Semicolon), 1),
        [b'@' | b':', next, ..] if name_byte(*next) || *next == b'@' => (
            Some(Kind::Variable),
            1 + rest.iter().skip(1).take_while(|b| name_byte(**b) || **b == b'@').count(),
        ),
        // Variables need no name: `@:=1`.
        [b'@', b':', b'=', ..] => (Some(Kind::Variable), 1),
        [b'a'..=b'z' | b'$' | 128.., ..] => named(rest),
        [byte, ..] if byte.is_ascii_whitespace() || *byte < 32 => (None, 1),
        _ => (Some(Kind::Other), 1),
    }
}

/// Reads a literal that begins with no quote of its own.
fn literal(rest: &[u8]) -> Option<(Kind, usize)> {
    match rest {
        // `n'…'`, `x'…'`: strings with a prefix, when they are closed.
        [b'n' | b'x' | b'b' | b'e', after @ ..] => Some((Kind::Text, 1 + prefixed(after)?)),
        // `q'[…]'`: a string in brackets of one's choice.
        [b'q', after @ ..] => Some((Kind::Text, 1 + bracket_quoted(after)?)),
        // `\N` is no value to MySQL, in front of a word of its own or of none.
        [b'\\', b'n', after @ ..] => stands_alone(after).then_some((Kind::Word(Word::Literal), 2)),
        [b'$', b'$', after @ ..] => Some((Kind::Text, 4 + memchr::memmem::find(after, b"$$")?)),
        _ => None,
    }
}

/// Reads a word.
fn named(rest: &[u8]) -> (Option<Kind>, usize) {
    let length = rest.iter().take_while(|byte| name_byte(**byte)).count();
    (Some(Kind::Word(word(rest, length))), length)
}

/// Tells whether `byte` may stand in a name.
pub(super) fn name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 128..) && byte != 0xA0
}

fn digits(text: Option<&[u8]>) -> usize {
    text.unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// A number, or a word that begins with digits (`1st`).
fn number(rest: &[u8]) -> (Option<Kind>, usize) {
    let plain = rest.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    let after = rest.get(plain..).unwrap_or_default();
    if let [b'e', sign, ..] = after
        && (sign.is_ascii_digit()
            || matches!(sign, b'+' | b'-') && after.get(2).is_some_and(u8::is_ascii_digit))
    {
        return (Some(Kind::Number), plain + 2 + digits(after.get(2..)));
    }
    let tail = after.iter().take_while(|byte| name_byte(**byte)).count();
    // `1d` and `1f` are numbers to some, and what follows is a word: `1dunion`.
    if matches!(after.first(), Some(b'd' | b'f'))
        && tail > 1
        && word(after.get(1..).unwrap_or_default(), tail - 1) != Word::Name
    {
        return (Some(Kind::Number), plain + 1);
    }
    let tail_word = word(after, tail);
    // `1union` and `1or` are two tokens to a server.
    if tail == 0 || tail_word != Word::Name {
        return (Some(Kind::Number), plain);
    }
    (Some(Kind::Word(Word::Name)), plain + tail)
}

fn string(rest: &[u8]) -> (Option<Kind>, usize) {
    let quote = rest.first().copied().unwrap_or_default();
    let mut at = 1;
    while let Some(found) = memchr::memchr2(quote, b'\\', rest.get(at..).unwrap_or_default()) {
        at += found;
        match (rest.get(at), rest.get(at + 1)) {
            (Some(b'\\'), _) => at += 2,
            (_, Some(next)) if *next == quote => at += 2,
            _ => return (Some(Kind::Text), at + 1),
        }
    }
    (Some(if goes_on(rest) { Kind::OpenProse } else { Kind::OpenText }), rest.len())
}

/// Tells whether a quote that nothing closes ends a sentence's quotation: words follow at a distance.
fn goes_on(rest: &[u8]) -> bool {
    matches!(rest, [_, b' ' | b'&', b'a'..=b'z', ..])
}

/// Gives the length of the closed string that `text` begins with.
fn prefixed(text: &[u8]) -> Option<usize> {
    if text.first() != Some(&b'\'') {
        return None;
    }
    match string(text) {
        (Some(Kind::Text), length) => Some(length),
        _ => None,
    }
}

/// Gives the length of `'[…]'`, a string between quotes and brackets.
fn bracket_quoted(text: &[u8]) -> Option<usize> {
    let [b'\'', open, rest @ ..] = text else { return None };
    let close = match open {
        b'[' => b']',
        b'(' => b')',
        b'{' => b'}',
        b'<' => b'>',
        b'!' | b'|' | b'~' | b'#' => *open,
        _ => return None,
    };
    let rest = rest.get(..STRING_BYTES_MAX).unwrap_or(rest);
    memchr::memmem::find(rest, &[close, b'\'']).map(|length| length + 4)
}

/// Longest string in brackets, in bytes.
const STRING_BYTES_MAX: usize = 256;

/// Tells whether no letter follows, or a word that SQL knows.
fn stands_alone(after: &[u8]) -> bool {
    let length = after.iter().take(WORD_BYTES_MAX).take_while(|byte| name_byte(**byte)).count();
    let bare = length == 0 && after.first().is_none_or(|byte| matches!(byte, b' ' | b'-' | b')'));
    bare || word(after, length) == Word::Union
}

/// Longest word looked at behind a literal, in bytes.
const WORD_BYTES_MAX: usize = 16;

/// Longest name in brackets, in bytes.
const BRACKETED_BYTES_MAX: usize = 64;

/// Gives the length of a name in brackets, `[order details]`, without them.
fn bracketed(after: &[u8]) -> Option<usize> {
    let name = after.get(..after.len().min(BRACKETED_BYTES_MAX))?;
    let length = name.iter().position(|byte| *byte == b']')?;
    let plain = name.iter().take(length).all(|byte| name_byte(*byte) || *byte == b' ');
    (plain && name.first().is_some_and(u8::is_ascii_alphabetic)).then_some(length)
}
