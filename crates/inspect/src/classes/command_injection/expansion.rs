//! What a shell puts together before it looks for the command.

use super::super::shared::{find, run};

/// Most variables looked at in one text.
const VARIABLES_MAX: usize = 64;

/// `${PATH:0:1}bin`, `;$'\\151\\144'`, `a=i;b=d;$a$b`: what a shell puts together before it looks for
/// the command.
pub(super) fn expanded(text: &[u8]) -> Option<(f64, usize)> {
    memchr::memchr_iter(b'$', text).take(VARIABLES_MAX).find_map(|at| {
        let rest = text.get(at + 1..)?;
        let before = text.get(..at)?.trim_ascii_end();
        let separated =
            before.last().is_some_and(|byte| matches!(byte, b';' | b'|' | b'&' | b'\n' | b'`'));
        let cut = rest.strip_prefix(b"{").is_some_and(|rest| {
            let name = run(rest, 0, |byte| byte.is_ascii_alphabetic() || byte == b'_');
            let first = run(rest, name + 1, |byte| byte.is_ascii_digit());
            let colon = name + 1 + first;
            name > 1
                && rest.get(name) == Some(&b':')
                && first > 0
                && rest.get(colon) == Some(&b':')
                && rest.get(colon + 1).is_some_and(u8::is_ascii_digit)
        });
        let spelt = separated && rest.starts_with(b"'\\");
        let name = run(rest, 0, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let assigned = || {
            let name = rest.get(..name).unwrap_or_default();
            let set = [name, &b"="[..]].concat();
            find(before, &set).is_some_and(|set| {
                set == 0 || before.get(set - 1).is_some_and(|b| matches!(b, b';' | b'&' | b'|'))
            })
        };
        let ran = separated && (1..=NAME_BYTES_MAX).contains(&name) && assigned();
        (cut || spelt || ran).then_some((0.7, at))
    })
}

/// Longest name of a variable, in bytes.
const NAME_BYTES_MAX: usize = 32;
