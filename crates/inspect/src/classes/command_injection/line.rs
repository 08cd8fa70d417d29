//! Command lines without a separator: all of a value, or a parameter's name.

use super::super::View;
use super::super::shared::{is_space, run};
use super::commands::{Command, command};
use super::{Arguments, arguments};
use crate::parts::Kind;

/// A value that is a command line and nothing else, and a parameter's name that is one: `&` ends
/// commands to the shell and pairs to the form, so `x=1&sleep 9` comes in two.
pub(super) fn whole(view: &View<'_>) -> Option<f64> {
    let text = view.lower;
    let start = run(text, 0, |byte| matches!(byte, b'"' | b'\'' | b' '));
    let length = run(text, start, |byte| !is_space(byte));
    let name = text.get(start..start + length)?;
    let name = name.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let known = command(name.strip_suffix(b".exe").unwrap_or(name))?;
    let mut words = text.get(start + length..)?.split(|byte| is_space(*byte));
    let mut words = words.by_ref().filter(|word| !word.is_empty()).take(ARGUMENTS_MAX).peekable();
    if view.kind == Kind::Name {
        let shaped = arguments(text, start + length) == Arguments::Shaped
            || text.get(start + length..)?.contains(&b'>');
        return (words.peek().is_some() && shaped
            || known == Command::Plain && text.len() > length)
            .then_some(0.6);
    }
    let (mut option, mut target) = (false, false);
    for word in words {
        option |= word.starts_with(b"-") || word.len() <= 3 && word.starts_with(b"/");
        target |= SYSTEM.iter().any(|folder| word.starts_with(folder)) || is_address(word);
        if !word.iter().all(u8::is_ascii_graphic) || plain_word(word) {
            return None;
        }
    }
    let targeted = target && (option || known == Command::Word);
    (view.kind == Kind::Value && targeted).then_some(0.55)
}

/// Options by which honest programs are told to run another, with what stands behind them.
const OPTIONS: &[&[u8]] = &[
    b"-oproxycommand=",
    b"proxycommand=",
    b"--use-compress-program=",
    b"--checkpoint-action=exec=",
    b"--upload-pack=",
    b"--receive-pack=",
    b"--to-command=",
    b"core.sshcommand=",
    b"--config=alias.",
];
/// Shells that take a command as an argument.
const SHELLS: &[&[u8]] = &[
    b"sh",
    b"bash",
    b"dash",
    b"zsh",
    b"ksh",
    b"/bin/sh",
    b"/bin/bash",
    b"$shell",
    b"$0",
    b"ext::sh",
];

/// `--upload-pack=id`, `bash -c id`: a value that the command line it ends up in takes for an option, or
/// that is a shell with a command.
pub(super) fn option(text: &[u8]) -> Option<(f64, usize)> {
    if OPTIONS.iter().any(|option| text.starts_with(option) && text.len() > option.len()) {
        return Some((0.7, 0));
    }
    let length = run(text, 0, |byte| !is_space(byte) && byte != b'<');
    let rest = text.get(length..)?.trim_ascii_start();
    let told = rest.starts_with(b"-c ") || rest.starts_with(b"<<<");
    (SHELLS.contains(&text.get(..length)?) && told && rest.len() > 3).then_some((0.6, 0))
}

/// Most arguments of a command line looked at.
const ARGUMENTS_MAX: usize = 16;
/// Where the files lie that commands are run on by those who should not.
const SYSTEM: &[&[u8]] = &[b"/etc/", b"/bin/", b"/dev/", b"/proc/", b"/root/", b"/usr/bin/"];

fn plain_word(word: &[u8]) -> bool {
    word.len() > 1 && word.iter().all(u8::is_ascii_alphabetic)
}

fn is_address(word: &[u8]) -> bool {
    word.split(|byte| *byte == b'.').count() == 4
        && word.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}
