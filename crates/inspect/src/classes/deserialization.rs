//! Deserialisation: objects that run code when they are read back.

use super::shared::{find, from, run};
use super::{ClassRow, Evidence, View};
use crate::Class;
use crate::parts::Kind;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::Deserialization,
    summary: "a serialised object that runs code when read",
    literals: &[
        "ro0ab",
        "aced0005",
        "o:",
        "rememberme",
        "@type",
        "ysoserial",
        "aaeaaad",
        "gadget",
        "commons.collections",
        "c__builtin__",
        "csubprocess",
        "cposix",
        "_$$nd_func$$_",
    ],
    kinds: 0,
    path_kinds: 0,
    header_kinds: 0,
    deaf: &[Kind::Agent],
    confirm,
};

fn confirm(view: &View<'_>) -> Option<Evidence> {
    let text = view.lower;
    let signs: [(&[u8], f64); 9] = [
        (b"ro0abx", 0.9),
        (b"ro0abq", 0.8),
        (b"aced0005", 0.8),
        (b"aaeaaad/////", 0.8),
        (b"_$$nd_func$$_", 0.95),
        (b"ysoserial", 0.9),
        (b"commons.collections", 0.8),
        (b"csubprocess\n", 0.9),
        (b"cposix\nsystem", 0.95),
    ];
    if let Some((at, score)) =
        signs.iter().find_map(|(sign, score)| Some((find(text, sign)?, *score)))
    {
        return Some(from(view, at, score));
    }
    php_object(text).map(|at| from(view, at, 0.8))
}

/// `O:8:"Exploit":1:{…` as PHP writes an object.
fn php_object(text: &[u8]) -> Option<usize> {
    let at = find(text, b"o:")?;
    let digits = run(text, at + 2, |byte| byte.is_ascii_digit());
    let name = at + 2 + digits;
    let quoted = text.get(name..)?.starts_with(b":\"");
    (digits > 0 && quoted && find(text.get(name..)?, b":{").is_some()).then_some(at)
}
