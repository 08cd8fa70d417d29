//! Tokens made here open in Python's `cryptography`, and the other way round.
//!
//! `PYTHON` may name the interpreter, such as that of a virtual environment that has the package.

use std::io::Write as _;
use std::process::{Command, Stdio};

use seal::Fernet;

/// Reads keys, then lines that each hold a token of the first key, and a token of ours; prints the
/// texts in hexadecimal and, of each, a token of its own: by the last key alone, and by all.
const SCRIPT: &str = r"
import sys
from cryptography.fernet import Fernet, MultiFernet
keys, *tokens = sys.stdin.read().splitlines()
keys = [Fernet(key) for key in keys.split(',')]
for token in tokens:
    text = MultiFernet(keys).decrypt(token)
    assert text == keys[0].decrypt(token)
    print(text.hex(), keys[-1].encrypt(text).decode(), MultiFernet(keys).encrypt(text).decode())
";

#[test]
fn both_read_what_the_other_wrote() {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = Command::new(&python).args(["-c", "import cryptography"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        // The clone that has no Python, or no such package, is told so.
        println!("skipped: `{python}` cannot import cryptography (set PYTHON to one that can)");
        return;
    }
    let keys =
        [Fernet::generate().unwrap(), Fernet::generate().unwrap()].map(|key| key.to_string());
    let keys = keys.join(",");
    let fernet = Fernet::from_text(&keys).unwrap();
    let texts: Vec<Vec<u8>> = (0..200_usize)
        .map(|length| {
            (0..length * length % 1000)
                .map(|at| u8::try_from((at * 31 + length) % 256).unwrap())
                .collect()
        })
        .collect();
    let mut input = format!("{keys}\n");
    for text in &texts {
        input.push_str(&fernet.seal(text, 1_780_000_000).unwrap());
        input.push('\n');
    }

    let mut child = Command::new(&python)
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());

    let printed = String::from_utf8(output.stdout).unwrap();
    let mut room = Vec::new();
    assert_eq!(printed.lines().count(), texts.len());
    for (line, text) in printed.lines().zip(&texts) {
        let mut words = line.split(' ');
        assert_eq!(words.next().unwrap(), hex(text));
        for token in words {
            assert_eq!(fernet.open(token.as_bytes(), 0, &mut room), Ok(&text[..]));
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
