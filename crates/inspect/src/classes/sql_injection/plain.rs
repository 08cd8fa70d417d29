//! Texts that hold nothing of SQL: told by a look at each word, so that they need not be split.

use super::super::shared::{run, spend};
use super::tokens::name_byte;
use super::words::{Word, word};

/// Tells whether `text` (in lower case) is made of such words and signs alone as no shape begins with.
/// False says nothing: it is for the shapes to find out.
pub(super) fn is_plain(text: &[u8]) -> bool {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        spend(1);
        let plain = match byte {
            // Strings, calls, comments, names in brackets, signs that join.
            b'\'' | b'"' | b'`' | b'(' | b')' | b'[' | b'#' | b'|' | b'&' | b'$' => false,
            b'-' => text.get(at + 1) != Some(&b'-'),
            b'/' => text.get(at + 1) != Some(&b'*') || is_any(text, at),
            byte if name_byte(*byte) => {
                let length = run(text, at, name_byte);
                let rest = text.get(at..).unwrap_or_default();
                at += length - 1;
                begins_nothing(rest, length)
            }
            _ => true,
        };
        if !plain {
            return false;
        }
        at += 1;
    }
    true
}

/// Tells whether no shape begins with the word that is the first `length` bytes of `text`. A number
/// that goes on in letters may be two words.
fn begins_nothing(text: &[u8], length: usize) -> bool {
    if text.first().is_some_and(u8::is_ascii_digit) {
        return text.iter().take(length).all(u8::is_ascii_digit);
    }
    matches!(
        word(text, length),
        Word::Name
            | Word::From
            | Word::Compare
            | Word::Not
            | Word::Literal
            | Word::By
            | Word::Modifier
            | Word::Filler
            | Word::Function
    )
}

/// Tells whether the slash at `at` is that of `*/*`, any type at all: its first star stands alone, so
/// no comment begins behind it.
fn is_any(text: &[u8], at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    matches!(before, [b'*'] | [.., b',' | b' ', b'*'])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::vocabulary::WORDS;
    use super::super::{reading::Reading, shapes};
    use super::is_plain;

    #[test]
    fn what_browsers_accept() {
        assert!(is_plain(b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(is_plain(b"pasar por caja") && is_plain(b"utf-8, 1.5") && is_plain(b""));
        for text in ["1 or 1", "1/*", "1union", "a--", "/*/*", "**/*", "1 limit 5"] {
            assert!(!is_plain(text.as_bytes()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_shape_in_what_is_plain(
            pieces in prop::collection::vec(
                prop_oneof![
                    prop::sample::select(WORDS).prop_map(|(word, _)| word),
                    prop::sample::select([" ", ",", "*/*", "/", "*", "-", ";", "=", "<", "1", ".", "e5",
                        "0x", "a", "n", "x", "@", ":", "!", "\\", "{", "%", "+", "^", "~", "\u{a0}"]
                        .as_slice()),
                ],
                0..12,
            ),
        ) {
            let text = pieces.concat();
            if is_plain(text.as_bytes()) {
                let found = shapes::search(text.as_bytes(), &Reading::outside(text.as_bytes()));
                prop_assert_eq!(found, None, "{}", text);
            }
        }
    }
}
