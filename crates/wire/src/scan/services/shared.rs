//! What readers of answers have in common.

use std::fmt::Write as _;

use super::Service;

/// Bounds what is kept of a text that a server sent.
const TEXT_MAX: usize = 160;
const BANNER_MAX: usize = 256;

/// Gives a service of a name.
pub(crate) fn named(name: &str) -> Service {
    Service { name: name.to_owned(), ..Service::default() }
}

/// Gives the first line of an answer as text, without its end.
pub(crate) fn first_line(answer: &[u8]) -> String {
    let line = answer.split(|byte| *byte == b'\n').next().unwrap_or_default();
    text(line)
}

/// Gives bytes as text on one line: what is no printable character becomes a blank, and it is cut.
pub(crate) fn text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.get(..BANNER_MAX * 4).unwrap_or(bytes));
    let plain: String =
        text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    cut(plain.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn cut(text: String) -> String {
    text.chars().take(TEXT_MAX).collect()
}

/// Gives the begin of what was said, with what is not printable spelt out.
pub(crate) fn harmless(bytes: &[u8]) -> String {
    let mut shown = String::new();
    for byte in bytes.iter().take(BANNER_MAX) {
        match byte {
            b'\r' => shown.push_str("\\r"),
            b'\n' => shown.push_str("\\n"),
            b'\\' => shown.push_str("\\\\"),
            b' '..=b'~' => shown.push(char::from(*byte)),
            other => {
                // Writing to a string cannot fail.
                let _ = write!(shown, "\\x{other:02x}");
            }
        }
    }
    shown
}

/// Splits `Name/1.2.3 (more)` or `Name 1.2.3` into name and version.
pub(crate) fn split_version(text: &str) -> (Option<String>, Option<String>) {
    let text = text.trim();
    let (name, rest) = match text.split_once('/') {
        Some((name, rest)) => (name, rest),
        None => match text.find(|letter: char| letter.is_ascii_digit()) {
            Some(at) => text.split_at(at),
            None => (text, ""),
        },
    };
    let version = rest.split([' ', ';', '(', ',']).next().unwrap_or_default();
    (some(name), some(version).filter(|version| version.starts_with(|c: char| c.is_ascii_digit())))
}

/// Gives the word that follows another, up to a blank or a bracket.
pub(crate) fn version_after(text: &str, word: &str) -> Option<String> {
    let rest = text.get(text.find(word)?.checked_add(word.len())?..)?;
    let rest = rest.trim_start_matches([' ', '/', 'v', '-']);
    let end =
        rest.find(|letter: char| !(letter.is_ascii_alphanumeric() || "._-+~".contains(letter)));
    some(rest.get(..end.unwrap_or(rest.len()))?)
        .filter(|version| version.starts_with(|c: char| c.is_ascii_digit()))
}

/// Names a product by a word in what was said, with the version that follows the word.
pub(crate) fn find_product(said: &str, known: &[(&str, &str)], service: &mut Service) {
    let lower = said.to_ascii_lowercase();
    for (word, product) in known {
        if lower.contains(&word.to_ascii_lowercase()) {
            service.product = Some((*product).to_owned());
            let at =
                lower.find(&word.to_ascii_lowercase()).and_then(|at| said.get(at..at + word.len()));
            service.version = at.and_then(|word| version_after(said, word));
            return;
        }
    }
}

/// Gives a text, if there is one.
pub(crate) fn some(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| cut(text.to_owned()))
}

/// Gives a text between two marks.
pub(crate) fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    let rest = text.get(text.find(begin)? + begin.len()..)?;
    rest.get(..rest.find(end)?)
}

/// Gives the bytes after the first few.
pub(crate) fn without(bytes: Vec<u8>, first: usize) -> Vec<u8> {
    bytes.get(first..).map(<[u8]>::to_vec).unwrap_or_default()
}

/// Gives the word of two bytes at a place, the high one first.
pub(crate) fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_be_bytes)
}

/// Gives bytes up to the first zero as text.
pub(crate) fn until_zero(bytes: &[u8]) -> String {
    text(bytes.split(|byte| *byte == 0).next().unwrap_or_default())
}
