//! Text: what is shown, cut, counted and changed.

use super::super::Shell;
use super::{Call, Command};

pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("echo", echo),
    ("printf", printf),
    ("cat", cat),
    ("head", head),
    ("tail", tail),
    ("more", cat),
    ("less", cat),
    ("grep", grep),
    ("egrep", grep),
    ("fgrep", grep),
    ("wc", wc),
    ("sort", sort),
    ("uniq", uniq),
    ("tee", tee),
    ("rev", rev),
    ("seq", seq),
    ("basename", basename),
    ("dirname", dirname),
    ("yes", yes),
    ("vi", editor),
    ("vim", editor),
    ("nano", editor),
];

fn echo(_: &mut Shell, call: &mut Call<'_>) -> u8 {
    let mut words = call.arguments;
    let (mut line, mut escapes) = (true, false);
    while let Some((first, rest)) = words.split_first() {
        let Some(letters) = first
            .strip_prefix('-')
            .filter(|l| !l.is_empty() && l.chars().all(|c| "neE".contains(c)))
        else {
            break;
        };
        line &= !letters.contains('n');
        escapes |= letters.contains('e');
        words = rest;
    }
    let text = words.join(" ");
    if escapes {
        call.bytes(&unescaped(&text));
    } else {
        call.say(&text);
    }
    if line {
        call.say("\n");
    }
    0
}

/// Undoes `\n`, `\x41`, `\0101`.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let Some((letter, after)) = rest.split_first() else {
            bytes.push(b'\\');
            break;
        };
        rest = after;
        match letter {
            b'n' => bytes.push(b'\n'),
            b't' => bytes.push(b'\t'),
            b'r' => bytes.push(b'\r'),
            b'a' => bytes.push(7),
            b'e' => bytes.push(27),
            b'\\' => bytes.push(b'\\'),
            b'x' => bytes.push(number(&mut rest, 16, 2)),
            b'0'..=b'7' => {
                rest = if *letter == b'0' {
                    rest
                } else {
                    text.as_bytes().get(text.len() - rest.len() - 1..).unwrap_or(rest)
                };
                bytes.push(number(&mut rest, 8, 3));
            }
            other => bytes.extend_from_slice(&[b'\\', *other]),
        }
    }
    bytes
}

fn number(rest: &mut &[u8], base: u32, digits: usize) -> u8 {
    let mut value = 0_u32;
    for _ in 0..digits {
        let Some(digit) = rest.first().and_then(|byte| char::from(*byte).to_digit(base)) else {
            break;
        };
        value = value * base + digit;
        *rest = rest.get(1..).unwrap_or_default();
    }
    u8::try_from(value & 0xff).unwrap_or(0)
}

fn printf(_: &mut Shell, call: &mut Call<'_>) -> u8 {
    let Some((format, values)) = call.arguments.split_first() else { return 2 };
    let mut text = String::new();
    let mut values = values.iter();
    let mut pieces = format.split('%');
    text.push_str(pieces.next().unwrap_or_default());
    while let Some(piece) = pieces.next() {
        let mut letters = piece.chars();
        if letters.next().is_none() {
            text.push('%');
            text.push_str(pieces.next().unwrap_or_default());
        } else {
            text.push_str(values.next().map_or("", String::as_str));
            text.push_str(letters.as_str());
        }
    }
    call.bytes(&unescaped(&text));
    0
}

/// Gives what the files hold that are named, or the input; tells of those that cannot be read.
pub(super) fn gather(shell: &mut Shell, call: &mut Call<'_>, names: &[String]) -> (Vec<u8>, u8) {
    if names.is_empty() {
        return (call.input.to_vec(), 0);
    }
    let (mut all, mut status) = (Vec::new(), 0);
    for name in names {
        let bytes = if name == "-" { Ok(call.input.to_vec()) } else { shell.read(name) };
        match bytes {
            Ok(bytes) if all.len() < super::OUTPUT_BYTES_MAX => all.extend_from_slice(&bytes),
            Ok(_) => {}
            Err(refusal) => {
                call.complain(&format!("{name}: {refusal}"));
                status = 1;
            }
        }
    }
    (all, status)
}

fn cat(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let names = call.operands();
    let (bytes, status) = gather(shell, call, &names);
    call.bytes(&bytes);
    status
}

/// Gives how many lines or bytes are asked for, and the files.
fn amount(call: &Call<'_>) -> (Option<usize>, usize, Vec<String>) {
    let (mut bytes, mut lines, mut names) = (None, 10, Vec::new());
    let mut words = call.arguments.iter();
    while let Some(word) = words.next() {
        let mut value = |rest: &str| {
            let text = if rest.is_empty() {
                words.next().cloned().unwrap_or_default()
            } else {
                rest.to_owned()
            };
            text.trim_start_matches('+').parse().unwrap_or(10)
        };
        if let Some(rest) = word.strip_prefix("-c") {
            bytes = Some(value(rest));
        } else if let Some(rest) = word.strip_prefix("-n") {
            lines = value(rest);
        } else if let Some(rest) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
            lines = rest.parse().unwrap_or(lines);
        } else {
            names.push(word.clone());
        }
    }
    (bytes, lines, names)
}

fn head(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let (bytes, lines, names) = amount(call);
    let (all, status) = gather(shell, call, &names);
    if let Some(bytes) = bytes {
        call.bytes(all.get(..bytes).unwrap_or(&all));
    } else {
        for line in all.split_inclusive(|byte| *byte == b'\n').take(lines) {
            call.bytes(line);
        }
    }
    status
}

fn tail(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let (bytes, lines, names) = amount(call);
    let (all, status) = gather(shell, call, &names);
    if let Some(bytes) = bytes {
        call.bytes(all.get(all.len().saturating_sub(bytes)..).unwrap_or_default());
    } else {
        let split: Vec<&[u8]> = all.split_inclusive(|byte| *byte == b'\n').collect();
        for line in split.iter().skip(split.len().saturating_sub(lines)) {
            call.bytes(line);
        }
    }
    status
}

fn grep(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let mut words = call.operands();
    let pattern = match call.value("-e") {
        Some(pattern) => pattern.to_owned(),
        None if words.is_empty() => {
            call.err.extend_from_slice(b"Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n");
            return 2;
        }
        None => words.remove(0),
    };
    words.retain(|word| *word != pattern);
    let (all, fault) = gather(shell, call, &words);
    let blind = call.has('i', "ignore-case");
    let fold = |text: &str| if blind { text.to_lowercase() } else { text.to_owned() };
    // Alternatives and anchors are what is asked for in practice; the rest is taken as it stands.
    let pattern = fold(&pattern).replace("\\|", "|");
    // Each line is compared with each alternative, and with a star in time of their product.
    let ways = pattern.split('|').count();
    let product = if pattern.contains('*') { pattern.len() / 8 } else { 0 };
    if !shell.spend(all.len().saturating_mul(ways + product)) {
        return 137;
    }
    let fits = |line: &str| {
        let line = fold(line);
        pattern.split('|').any(|one| {
            let (begins, ends) = (one.starts_with('^'), one.ends_with('$') && one.len() > 1);
            let one = one
                .trim_start_matches('^')
                .trim_end_matches('$')
                .replace('\\', "")
                .replace(".*", "*");
            match (begins, ends) {
                _ if one.contains('*') => {
                    let (before, after) =
                        (if begins { "" } else { "*" }, if ends { "" } else { "*" });
                    super::super::expand::fits(&format!("{before}{one}{after}"), &line)
                }
                (true, true) => line == one,
                (true, false) => line.starts_with(&one),
                (false, true) => line.ends_with(&one),
                (false, false) => line.contains(&one),
            }
        })
    };
    let text = String::from_utf8_lossy(&all).into_owned();
    let turned = call.has('v', "invert-match");
    let found: Vec<&str> = text.lines().filter(|line| fits(line) != turned).collect();
    if call.has('c', "count") {
        call.say(&format!("{}\n", found.len()));
    } else if !call.has('q', "quiet") {
        for line in &found {
            call.say(&format!("{line}\n"));
        }
    }
    if fault != 0 { 2 } else { u8::from(found.is_empty()) }
}

fn wc(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let names = call.operands();
    let (all, status) = gather(shell, call, &names);
    let lines = memchr::memchr_iter(b'\n', &all).count();
    let words = String::from_utf8_lossy(&all).split_whitespace().count();
    let name = names.first().map_or(String::new(), |name| format!(" {name}"));
    let text = match (call.has('l', "lines"), call.has('w', "words"), call.has('c', "bytes")) {
        (true, ..) => format!("{lines}{name}\n"),
        (_, true, _) => format!("{words}{name}\n"),
        (_, _, true) => format!("{}{name}\n", all.len()),
        _ => format!("{lines:7} {words:7} {:7}{name}\n", all.len()),
    };
    call.say(&text);
    status
}

fn sort(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let names = call.operands();
    let (all, status) = gather(shell, call, &names);
    let text = String::from_utf8_lossy(&all).into_owned();
    let mut lines: Vec<&str> = text.lines().collect();
    if call.has('n', "numeric-sort") {
        let number =
            |line: &&str| line.split_whitespace().next().and_then(|word| word.parse::<i64>().ok());
        lines.sort_by_key(number);
    } else {
        lines.sort_unstable();
    }
    if call.has('r', "reverse") {
        lines.reverse();
    }
    if call.has('u', "unique") {
        lines.dedup();
    }
    for line in lines {
        call.say(&format!("{line}\n"));
    }
    status
}

fn uniq(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let names = call.operands();
    let (all, status) = gather(shell, call, &names);
    let text = String::from_utf8_lossy(&all).into_owned();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let mut count = 1;
        while lines.next_if(|next| *next == line).is_some() {
            count += 1;
        }
        call.say(&if call.has('c', "count") {
            format!("{count:7} {line}\n")
        } else {
            format!("{line}\n")
        });
    }
    status
}

fn tee(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let append = call.has('a', "append");
    let mut status = 0;
    for name in call.operands() {
        if let Err(refusal) = shell.keep(&name, call.input.to_vec(), append) {
            call.complain(&format!("{name}: {refusal}"));
            status = 1;
        }
    }
    call.bytes(call.input);
    status
}

fn rev(_: &mut Shell, call: &mut Call<'_>) -> u8 {
    for line in call.text().lines() {
        let line: String = line.chars().rev().collect();
        call.say(&format!("{line}\n"));
    }
    0
}

fn seq(_: &mut Shell, call: &mut Call<'_>) -> u8 {
    let numbers: Vec<i64> = call.arguments.iter().filter_map(|word| word.parse().ok()).collect();
    let (from, to) = match numbers.as_slice() {
        [to] => (1, *to),
        [from, .., to] => (*from, *to),
        [] => return 1,
    };
    for number in (from..=to).take(10_000) {
        call.say(&format!("{number}\n"));
    }
    0
}

fn basename(_: &mut Shell, call: &mut Call<'_>) -> u8 {
    let name = call.operands().into_iter().next().unwrap_or_default();
    call.say(&format!("{}\n", name.trim_end_matches('/').rsplit('/').next().unwrap_or_default()));
    0
}

fn dirname(_: &mut Shell, call: &mut Call<'_>) -> u8 {
    let name = call.operands().into_iter().next().unwrap_or_default();
    let above =
        name.rsplit_once('/').map_or(".", |(above, _)| if above.is_empty() { "/" } else { above });
    call.say(&format!("{above}\n"));
    0
}

fn yes(_: &mut Shell, call: &mut Call<'_>) -> u8 {
    let word = call.operands().into_iter().next().unwrap_or_else(|| "y".to_owned());
    for _ in 0..512 {
        call.say(&format!("{word}\n"));
    }
    0
}

fn editor(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let text = if shell.terminal {
        "Error opening terminal: unknown.\n"
    } else {
        "Vim: Warning: Output is not to a terminal\nVim: Warning: Input is not from a terminal\n"
    };
    call.err.extend_from_slice(text.as_bytes());
    1
}
