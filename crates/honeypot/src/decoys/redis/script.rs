//! Scripts: kept as they came and never run; the answer is what a patched server would say.

use sha1::{Digest as _, Sha1};

use super::resp::{array, bulk, error, integer, nothing, simple};

/// The names that the sandbox of Redis does not hold.
const OUTSIDE: &[&str] =
    &["package", "os.execute", "io.", "dofile", "loadfile", "require", "luaopen_"];

/// What `EVAL` answers.
pub(super) fn answer(script: &str) -> Vec<u8> {
    let outside = OUTSIDE.iter().find(|name| script.contains(*name));
    if let Some(name) = outside {
        let name = name.split('.').next().unwrap_or(name);
        return error(&format!(
            "ERR Error running script (call to f_{}): @enable_strict_lua:15: user_script:1: Script attempted \
             to access nonexistent global variable '{name}'",
            digest(script)
        ));
    }
    let Some(value) = script.trim().strip_prefix("return ") else { return nothing() };
    let value = value.trim().trim_end_matches(';');
    let quoted = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    match (value.parse::<i64>(), quoted('\'').or_else(|| quoted('"'))) {
        (Ok(number), _) => integer(number),
        (_, Some(text)) => bulk(text),
        _ => nothing(),
    }
}

/// What `SCRIPT` answers.
pub(super) fn command(words: &[String]) -> Vec<u8> {
    let what = words.get(1).map(|word| word.to_ascii_lowercase()).unwrap_or_default();
    match (what.as_str(), words.get(2)) {
        ("load", Some(script)) => bulk(digest(script)),
        ("exists", _) => array(&words.iter().skip(2).map(|_| integer(0)).collect::<Vec<_>>()),
        ("flush", _) => simple("OK"),
        ("kill", _) => error("NOTBUSY No scripts in execution right now."),
        _ => error("ERR unknown subcommand. Try SCRIPT HELP."),
    }
}

fn digest(script: &str) -> String {
    crate::text::hex(&Sha1::digest(script.as_bytes()))
}
