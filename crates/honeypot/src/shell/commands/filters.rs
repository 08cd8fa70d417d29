//! Text that is cut, changed and coded on its way.

use std::collections::HashMap;

use super::super::{OUTPUT_BYTES_MAX, Shell};
use super::words::gather;
use super::{Call, Command};

/// Bounds the letters of a set.
const LETTERS_MAX: usize = 4096;

pub(super) const COMMANDS: &[(&str, Command)] = &[
    ("cut", cut),
    ("tr", tr),
    ("sed", sed),
    ("awk", awk),
    ("base64", base64),
    ("hexdump", hexdump),
    ("xxd", hexdump),
    ("od", hexdump),
];

fn cut(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let between = call.value("-d").unwrap_or("\t").chars().next().unwrap_or('\t');
    let field = call
        .value("-f")
        .and_then(|field| field.split([',', '-']).next()?.parse().ok())
        .unwrap_or(1_usize);
    let names: Vec<String> = call
        .operands()
        .into_iter()
        .filter(|word| {
            shell
                .files
                .get(&shell.files.resolve(&shell.cwd, word, super::super::files::Follow::All))
                .is_some()
        })
        .collect();
    let (all, status) = gather(shell, call, &names);
    for line in String::from_utf8_lossy(&all).lines() {
        let found = if line.contains(between) {
            line.split(between).nth(field.saturating_sub(1))
        } else {
            Some(line)
        };
        call.say(&format!("{}\n", found.unwrap_or_default()));
    }
    status
}

fn tr(_: &mut Shell, call: &mut Call<'_>) -> u8 {
    let words = call.operands();
    let text = call.text();
    let of = |set: Option<&String>| -> Vec<char> {
        let set = set
            .map_or("", String::as_str)
            .replace("\\n", "\n")
            .replace("[:upper:]", "A-Z")
            .replace("[:lower:]", "a-z");
        let letters: Vec<char> = set.chars().collect();
        let mut all = Vec::new();
        let mut at = 0;
        while let Some(letter) = letters.get(at).filter(|_| all.len() < LETTERS_MAX) {
            if let (Some('-'), Some(last)) = (letters.get(at + 1), letters.get(at + 2)) {
                all.extend((*letter..=*last).take(256));
                at += 3;
            } else {
                all.push(*letter);
                at += 1;
            }
        }
        all
    };
    let (from, to) = (of(words.first()), of(words.get(1)));
    let deletes = call.has('d', "delete");
    let mut table = HashMap::new();
    for (at, letter) in from.iter().enumerate() {
        let other = to.get(at).or(to.last()).copied().unwrap_or(*letter);
        table.entry(*letter).or_insert((!deletes).then_some(other));
    }
    let of = |letter: char| table.get(&letter).copied().unwrap_or(Some(letter));
    let changed: String = text.chars().filter_map(of).collect();
    call.say(&changed);
    0
}

/// Plays `s/one/two/g`; whatever else is asked leaves the text as it is.
fn sed(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let mut words = call.operands();
    if words.is_empty() {
        call.err.extend_from_slice(
            b"Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...\n",
        );
        return 1;
    }
    let script = words.remove(0);
    let (all, status) = gather(shell, call, &words);
    let text = String::from_utf8_lossy(&all).into_owned();
    let mark = script.chars().nth(1).unwrap_or('/');
    let parts: Vec<&str> = script.split(mark).collect();
    let changed = match parts.as_slice() {
        ["s", one, two, how] if !one.is_empty() => replaced(&text, one, two, how.contains('g')),
        _ => text,
    };
    if call.has('i', "in-place") {
        for name in words {
            let _ = shell.keep(&name, changed.clone().into_bytes(), false);
        }
    } else {
        call.say(&changed);
    }
    status
}

/// Gives a text with one word put for another in each line, once or everywhere, up to the bound.
fn replaced(text: &str, one: &str, two: &str, everywhere: bool) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once(one) {
            out.push_str(before);
            out.push_str(two);
            rest = after;
            if !everywhere || out.len() > OUTPUT_BYTES_MAX {
                break;
            }
        }
        out.push_str(rest);
        out.push('\n');
        if out.len() > OUTPUT_BYTES_MAX {
            break;
        }
    }
    out
}

/// Plays `{print $2}` and `-F:`.
fn awk(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let between = call.value("-F").map(str::to_owned);
    let mut words: Vec<String> = call.operands();
    words.retain(|word| Some(word.as_str()) != between.as_deref());
    if words.is_empty() {
        return 2;
    }
    let script = words.remove(0);
    let (all, status) = gather(shell, call, &words);
    let number = script
        .split('$')
        .nth(1)
        .map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    let number: usize = number.and_then(|text| text.parse().ok()).unwrap_or(0);
    for line in String::from_utf8_lossy(&all).lines() {
        let found = match (number, between.as_deref().filter(|text| !text.is_empty())) {
            (0, _) => Some(line),
            (number, Some(between)) => line.split(between).nth(number - 1),
            (number, None) => line.split_whitespace().nth(number - 1),
        };
        call.say(&format!("{}\n", found.unwrap_or_default()));
    }
    status
}

fn base64(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    use ::base64::Engine as _;
    use ::base64::engine::general_purpose::STANDARD;
    let names = call.operands();
    let (all, status) = gather(shell, call, &names);
    if call.has('d', "decode") {
        let clean: Vec<u8> = all.into_iter().filter(|byte| !byte.is_ascii_whitespace()).collect();
        if let Ok(bytes) = STANDARD.decode(clean) {
            call.bytes(&bytes);
            return status;
        }
        call.complain("invalid input");
        return 1;
    }
    let text = STANDARD.encode(all);
    for piece in text.as_bytes().chunks(76) {
        call.bytes(piece);
        call.say("\n");
    }
    status
}

fn hexdump(shell: &mut Shell, call: &mut Call<'_>) -> u8 {
    let names = call.operands();
    let (all, status) = gather(shell, call, &names);
    for (at, line) in all.chunks(16).enumerate().take(4096) {
        let words: Vec<String> = line
            .chunks(2)
            .map(|pair| {
                let (low, high) =
                    (pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0));
                format!("{high:02x}{low:02x}")
            })
            .collect();
        call.say(&format!("{:07x} {}\n", at * 16, words.join(" ")));
    }
    call.say(&format!("{:07x}\n", all.len()));
    status
}
