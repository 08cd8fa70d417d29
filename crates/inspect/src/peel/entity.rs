//! HTML character references, as browsers read them: the closing `;` may be missing on numbers.

use super::push_char;

/// Most digits of a numeric reference; browsers skip any number of zeros.
const DIGITS_MAX: usize = 10;

/// The references that hide syntax; letters are written as numbers.
const NAMED: &[(&str, u8)] = &[
    ("amp;", b'&'),
    ("apos;", b'\''),
    ("bsol;", b'\\'),
    ("colon;", b':'),
    ("comma;", b','),
    ("dollar;", b'$'),
    ("equals;", b'='),
    ("excl;", b'!'),
    ("grave;", b'`'),
    ("gt;", b'>'),
    ("lbrace;", b'{'),
    ("lcub;", b'{'),
    ("lpar;", b'('),
    ("lt;", b'<'),
    ("newline;", b'\n'),
    ("num;", b'#'),
    ("period;", b'.'),
    ("quot;", b'"'),
    ("rbrace;", b'}'),
    ("rcub;", b'}'),
    ("rpar;", b')'),
    ("semi;", b';'),
    ("sol;", b'/'),
    ("tab;", b'\t'),
];

/// Tells whether any reference may occur.
pub(super) fn present(text: &[u8]) -> bool {
    memchr::memchr_iter(b'&', text)
        .any(|at| reference(text.get(at + 1..).unwrap_or_default()).is_some())
}

/// Decodes one layer of `text` into `decoded`; false when there is none.
pub(super) fn decode(text: &[u8], decoded: &mut Vec<u8>) -> bool {
    decoded.clear();
    let mut copied = 0;
    for at in memchr::memchr_iter(b'&', text) {
        let Some((value, length)) = reference(text.get(at + 1..).unwrap_or_default()) else {
            continue;
        };
        decoded.extend_from_slice(text.get(copied..at).unwrap_or_default());
        push_char(value, decoded);
        copied = at + 1 + length;
    }
    if copied > 0 {
        decoded.extend_from_slice(text.get(copied..).unwrap_or_default());
    }
    copied > 0
}

/// Reads the reference after `&`: the character and how many bytes spell it.
fn reference(after: &[u8]) -> Option<(u32, usize)> {
    let Some(number) = after.strip_prefix(b"#") else {
        return NAMED.iter().find_map(|(name, byte)| {
            let there = after.get(..name.len())?;
            there.eq_ignore_ascii_case(name.as_bytes()).then_some((u32::from(*byte), name.len()))
        });
    };
    let (radix, digits, skipped) = match number.split_first()? {
        (b'x' | b'X', digits) => (16, digits, 2),
        _ => (10, number, 1),
    };
    let count = digits
        .iter()
        .take(DIGITS_MAX)
        .take_while(|byte| char::from(**byte).is_digit(radix))
        .count();
    let value = str::from_utf8(digits.get(..count)?).ok()?;
    let value = u32::from_str_radix(value, radix).ok().filter(|value| *value > 0)?;
    let closing = usize::from(digits.get(count) == Some(&b';'));
    Some((value, skipped + count + closing))
}
