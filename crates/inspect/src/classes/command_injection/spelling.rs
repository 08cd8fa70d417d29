//! How a command's name is spelt: what a shell removes from it, and what it finds by a pattern.

use super::super::shared::{is_space, more_than, run};
use super::commands::Command;

/// Longest command name read, quotes and all.
const NAME_BYTES_MAX: usize = 64;

/// Gives the length of the word that begins at `start`, variables without content included.
pub(super) fn name_length(text: &[u8], start: usize) -> usize {
    let mut inside = false;
    let text = text.get(..text.len().min(start + NAME_BYTES_MAX)).unwrap_or_default();
    let braced = text.get(start..).is_some_and(|word| word.contains(&b'{'));
    run(text, start, |byte| {
        inside = (inside || byte == b'{') && byte != b'}';
        !is_space(byte)
            && (inside
                || byte == b'}' && braced
                || !matches!(
                    byte,
                    b';' | b'|'
                        | b'&'
                        | b'`'
                        | b')'
                        | b'<'
                        | b'>'
                        | b','
                        | b'}'
                        | b'='
                        | b'+'
                        | b'('
                ))
    })
}

/// Removes what a shell removes from a word before it looks for the command: quotes, backslashes,
/// carets, and variables that are empty.
pub(super) fn unquoted(word: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((byte, after)) = rest.split_first() {
        rest = match (byte, after.first()) {
            (b'$', Some(b'{')) => {
                let end = after.iter().position(|byte| *byte == b'}').map_or(0, |end| end + 1);
                after.get(end..).unwrap_or_default()
            }
            (b'$', Some(b'@' | b'*' | b'0'..=b'9' | b'!')) => after.get(1..).unwrap_or_default(),
            (b'\'' | b'"' | b'\\' | b'^' | b'@' | b'$', _) => after,
            _ => {
                plain.push(*byte);
                after
            }
        };
    }
    plain
}

/// `/???/c?t`: a path that the shell is to find by its pattern.
pub(super) fn is_glob(word: &[u8]) -> bool {
    let wild = word.iter().filter(|byte| matches!(byte, b'?' | b'*' | b'[')).count();
    wild >= 1 && more_than(word, b'/', 1) && word.len() <= NAME_BYTES_MAX
}

/// `invoke-expression`: a verb of PowerShell and a noun.
pub(super) fn cmdlet(name: &[u8]) -> Option<Command> {
    const VERBS: &[&[u8]] = &[
        b"get",
        b"set",
        b"new",
        b"invoke",
        b"start",
        b"stop",
        b"out",
        b"write",
        b"remove",
        b"add",
        b"import",
        b"test",
        b"copy",
        b"select",
        b"foreach",
        b"convertto",
        b"resolve",
        b"restart",
    ];
    let dash = memchr::memchr(b'-', name)?;
    let (verb, noun) = (name.get(..dash)?, name.get(dash + 1..)?);
    let named = noun.len() > 3 && noun.iter().all(u8::is_ascii_alphabetic);
    (named && VERBS.contains(&verb)).then_some(Command::Plain)
}
