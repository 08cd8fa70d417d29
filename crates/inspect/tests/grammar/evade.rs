//! Ways to write the same payload so that a filter does not know it.

use std::fmt::Write as _;

use inspect::Class;

/// One way: its name, how many layers it adds that must be peeled, whom it suits, the rewriting.
pub(crate) struct Evasion {
    /// For messages.
    pub(crate) name: &'static str,
    /// Layers of encoding that it adds.
    pub(crate) layers: u32,
    /// Tells whether the payload still does its work for this class, written so.
    pub(crate) suits: fn(Class, &str) -> bool,
    /// Rewrites the payload.
    pub(crate) rewrite: fn(&str) -> String,
}

/// All ways.
pub(crate) const EVASIONS: &[Evasion] = &[
    Evasion { name: "plain", layers: 0, suits: any, rewrite: str::to_owned },
    Evasion { name: "url", layers: 1, suits: any, rewrite: url },
    Evasion { name: "double url", layers: 2, suits: any, rewrite: |text| url(&url(text)) },
    Evasion { name: "triple url", layers: 3, suits: any, rewrite: |text| url(&url(&url(text))) },
    Evasion { name: "full hex", layers: 1, suits: any, rewrite: full_hex },
    Evasion { name: "unicode escapes", layers: 1, suits: any, rewrite: percent_u },
    Evasion { name: "overlong", layers: 1, suits: any, rewrite: overlong },
    Evasion { name: "full width", layers: 1, suits: any, rewrite: full_width },
    Evasion { name: "entities", layers: 1, suits: any, rewrite: entities },
    Evasion { name: "backslash x", layers: 1, suits: no_backslash, rewrite: backslash_x },
    Evasion { name: "backslash u", layers: 1, suits: no_backslash, rewrite: backslash_u },
    Evasion { name: "inner nul", layers: 1, suits: any, rewrite: inner_nul },
    Evasion { name: "base64", layers: 1, suits: long, rewrite: base64 },
    Evasion { name: "mixed case", layers: 0, suits: any_case, rewrite: mixed_case },
    Evasion {
        name: "comment for space",
        layers: 0,
        suits: sql,
        rewrite: |text| text.replace(' ', "/**/"),
    },
    Evasion { name: "odd spaces", layers: 0, suits: spaced, rewrite: odd_spaces },
    Evasion {
        name: "space that does not break",
        layers: 1,
        suits: sql,
        rewrite: |text| text.replace(' ', "\u{a0}"),
    },
    Evasion { name: "versioned comment", layers: 0, suits: sql_word, rewrite: versioned },
];

fn any(_: Class, _: &str) -> bool {
    true
}

/// Shorter texts are words in base64, too.
fn long(_: Class, text: &str) -> bool {
    text.len() >= 12
}

fn no_backslash(_: Class, text: &str) -> bool {
    !text.contains('\\')
}

/// Log lookups, templates and code are names, and names have their case.
fn any_case(class: Class, _: &str) -> bool {
    matches!(class, Class::SqlInjection | Class::CrossSiteScripting)
}

fn sql(class: Class, text: &str) -> bool {
    class == Class::SqlInjection && !text.contains("-- ")
}

fn sql_word(class: Class, text: &str) -> bool {
    sql(class, text) && text.contains(" union ")
}

fn spaced(class: Class, text: &str) -> bool {
    sql(class, text)
}

fn url(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

fn full_hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "%{byte:02x}");
        out
    })
}

fn percent_u(text: &str) -> String {
    signs(text, |byte| format!("%u{byte:04x}"))
}

fn overlong(text: &str) -> String {
    signs(text, |byte| format!("%{:02x}%{:02x}", 0xC0 | byte >> 6, 0x80 | byte & 0x3F))
}

fn full_width(text: &str) -> String {
    text.chars()
        .map(|sign| match u32::from(sign) {
            code @ 0x21..=0x7E if !sign.is_ascii_alphanumeric() => {
                char::from_u32(code - 0x21 + 0xFF01).expect("a full-width form")
            }
            _ => sign,
        })
        .collect()
}

fn entities(text: &str) -> String {
    signs(text, |byte| format!("&#x{byte:x};"))
}

fn backslash_x(text: &str) -> String {
    signs(text, |byte| format!("\\x{byte:02x}"))
}

fn backslash_u(text: &str) -> String {
    signs(text, |byte| format!("\\u{byte:04x}"))
}

fn inner_nul(text: &str) -> String {
    let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
    format!("{}\0{}", &text[..middle], &text[middle..])
}

fn mixed_case(text: &str) -> String {
    text.chars()
        .enumerate()
        .map(|(at, c)| if at % 2 == 0 { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect()
}

fn odd_spaces(text: &str) -> String {
    let mut spaces = ["\t", "\n", "\x0b", "\x0c", "\r"].into_iter().cycle();
    text.chars()
        .map(|c| if c == ' ' { spaces.next().expect("a cycle").to_owned() } else { c.to_string() })
        .collect()
}

fn versioned(text: &str) -> String {
    text.replace(" union ", " /*!50000union*/ ")
}

fn base64(text: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for group in text.as_bytes().chunks(3) {
        let bits = group.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte))
            << (8 * (3 - group.len()));
        for at in 0..4 {
            out.push(if at <= group.len() {
                char::from(ALPHABET[bits >> (18 - 6 * at) & 63])
            } else {
                '='
            });
        }
    }
    out
}

/// Rewrites every sign and space; letters, digits and what is not ASCII stay.
fn signs(text: &str, spell: impl Fn(u8) -> String) -> String {
    text.chars()
        .map(|sign| match u8::try_from(sign) {
            Ok(byte) if byte.is_ascii() && !byte.is_ascii_alphanumeric() => spell(byte),
            _ => sign.to_string(),
        })
        .collect()
}
