//! Reads the configuration and finds every fault of it at once.
//!
//! Deserialising the whole file would stop at the first fault. So each key is tried alone over the
//! defaults: what the structs say of one key is then the truth about that key.

use std::fmt;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize as _;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::Config;

/// Settings that hold nothing by default, and so are not among the defaults' keys.
const UNSET_BY_DEFAULT: [&str; 11] = [
    "decoys.persona.domain",
    "decoys.persona.host_name",
    "inputs.http.token",
    "inputs.http.token_file",
    "inputs.stdin.key_file",
    "inputs.stdin.key_env",
    "capture.ring.dir",
    "scan.probes",
    "store.key.file",
    "store.key.env",
    "store.key.passphrase_env",
];

/// One thing that is wrong with the configuration.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Where it stands, such as `bartizan.toml:3:1: inputs.syslog.lisen`.
    pub(crate) place: String,
    /// What is wrong.
    pub(crate) message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// A key of the file, by itself.
struct Leaf {
    path: Vec<String>,
    value: Value,
    offset: usize,
}

/// Gives the configuration, or everything that is wrong with it. `variables` are the environment's.
pub(crate) fn load(
    file: Option<&Path>,
    variables: &[(String, String)],
) -> anyhow::Result<Result<Config, Vec<Fault>>> {
    let Some(file) = file else { return Ok(build("", "configuration", variables)) };
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the configuration {}", file.display()))?;
    Ok(build(&text, &file.display().to_string(), variables))
}

/// Gives the defaults as a file that could be read again.
pub(crate) fn example() -> anyhow::Result<String> {
    Ok(toml::to_string_pretty(&Config::default())?)
}

fn build(text: &str, name: &str, variables: &[(String, String)]) -> Result<Config, Vec<Fault>> {
    let place = |offset: usize| {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("{name}:{line}:{column}")
    };
    let table = DeTable::parse(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        vec![Fault { place: place(offset), message: error.message().to_owned() }]
    })?;
    let mut leaves = Vec::new();
    collect(table.get_ref(), &mut Vec::new(), &mut leaves);
    leaves.sort_by_key(|leaf| leaf.offset);

    let mut faults: Vec<Fault> = Vec::new();
    let mut whole = Table::new();
    for leaf in &leaves {
        let path = leaf.path.join(".");
        match alone(&leaf.path, leaf.value.clone()) {
            Ok(()) => put(&mut whole, &leaf.path, leaf.value.clone()),
            Err(message) => {
                let fault = Fault { place: format!("{}: {path}", place(leaf.offset)), message };
                faults.push(fault);
            }
        }
    }
    for (variable, path, value) in overrides(variables) {
        match alone(&path, value.clone()) {
            Ok(()) => put(&mut whole, &path, value),
            Err(message) => faults.push(Fault { place: variable, message }),
        }
    }
    let config = match Config::deserialize(Value::Table(whole)) {
        Ok(config) => config,
        Err(error) => {
            faults.push(Fault { place: name.to_owned(), message: error.message().to_owned() });
            return Err(faults);
        }
    };
    for (path, message) in config.faults() {
        let key = path.split('[').next().unwrap_or_default();
        let found = leaves.iter().find(|leaf| leaf.path.join(".") == key);
        let place = found.map_or_else(|| name.to_owned(), |leaf| place(leaf.offset));
        faults.push(Fault { place: format!("{place}: {path}"), message });
    }
    if faults.is_empty() { Ok(config) } else { Err(faults) }
}

/// Lists the keys that hold something else than a table.
fn collect(table: &DeTable<'_>, path: &mut Vec<String>, leaves: &mut Vec<Leaf>) {
    for (key, value) in table {
        path.push(key.get_ref().to_string());
        match value.get_ref() {
            DeValue::Table(inner) => collect(inner, path, leaves),
            _ => {
                if let Some(value) = plain(value) {
                    leaves.push(Leaf { path: path.clone(), value, offset: key.span().start });
                }
            }
        }
        path.pop();
    }
}

fn plain(value: &Spanned<DeValue<'_>>) -> Option<Value> {
    Value::deserialize(toml::de::ValueDeserializer::from(value.clone())).ok()
}

/// Tells what is wrong with one key over the defaults.
fn alone(path: &[String], value: Value) -> Result<(), String> {
    let mut table = Table::new();
    put(&mut table, path, value);
    Config::deserialize(Value::Table(table)).map(|_| ()).map_err(|error| explain(error.message()))
}

/// Sets a nested key.
fn put(table: &mut Table, path: &[String], value: Value) {
    match path {
        [] => {}
        [key] => {
            table.insert(key.clone(), value);
        }
        [key, rest @ ..] => {
            let inner = table.entry(key.clone()).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// Names the nearest known key where the key is unknown.
fn explain(message: &str) -> String {
    let mut words = message.split('`').skip(1).step_by(2);
    let (Some(unknown), true) = (words.next(), message.starts_with("unknown field")) else {
        return message.to_owned();
    };
    let known: Vec<&str> = words.collect();
    let nearest = known.iter().min_by_key(|name| distance(unknown, name));
    match nearest {
        Some(name) if distance(unknown, name) <= name.len().div_ceil(2) => {
            format!("unknown key `{unknown}`; did you mean `{name}`?")
        }
        _ => format!("unknown key `{unknown}`; known here: {}", known.join(", ")),
    }
}

/// Gives the Levenshtein distance of two short words.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (line, left) in one.chars().enumerate() {
        let mut diagonal = line;
        let mut before = line + 1;
        let mut next = vec![before];
        for (above, right) in row.iter().skip(1).zip(other.chars()) {
            before = (diagonal + usize::from(left != right)).min(before + 1).min(above + 1);
            diagonal = *above;
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

/// Finds the variables that stand for a setting: `BARTIZAN_API_LISTEN` for `api.listen`.
fn overrides(variables: &[(String, String)]) -> Vec<(String, Vec<String>, Value)> {
    let Ok(Value::Table(defaults)) = Value::try_from(Config::default()) else { return Vec::new() };
    let mut known = Vec::new();
    name_settings(&defaults, &mut Vec::new(), &mut known);
    for path in UNSET_BY_DEFAULT {
        let path = path.split('.').map(str::to_owned).collect();
        known.push((path, Value::String(String::new())));
    }
    let mut found = Vec::new();
    for (path, default) in known {
        let name = format!("BARTIZAN_{}", path.join("_").to_uppercase());
        let Some((_, text)) = variables.iter().find(|(variable, _)| *variable == name) else {
            continue;
        };
        // Text needs no quotes in a variable; everything else is written as in the file.
        let value = match default {
            Value::String(_) => Value::String(text.clone()),
            _ => format!("value = {text}")
                .parse::<Table>()
                .ok()
                .and_then(|table| table.get("value").cloned())
                .unwrap_or_else(|| Value::String(text.clone())),
        };
        found.push((name, path, value));
    }
    found
}

fn name_settings(table: &Table, path: &mut Vec<String>, known: &mut Vec<(Vec<String>, Value)>) {
    for (key, value) in table {
        path.push(key.clone());
        match value {
            Value::Table(inner) => name_settings(inner, path, known),
            other => known.push((path.clone(), other.clone())),
        }
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn nothing_set() {
        check("", &[], expect!["fine"]);
    }

    #[test]
    fn the_example_is_the_default() {
        check(&example().unwrap(), &[], expect!["fine"]);
    }

    #[test]
    fn three_faults_at_once() {
        check(
            "dta = 'x'\n\n[api]\nlisten = 8440\n[parse]\nutc_offset_minutes = 5000\n",
            &[],
            expect![[r"
                b.toml:1:1: dta: unknown key `dta`; did you mean `data`?
                b.toml:4:1: api.listen: invalid type: integer `8440`, expected a string
                b.toml:6:1: parse.utc_offset_minutes: is at most 840 minutes (14 hours) either way"]],
        );
    }

    #[test]
    fn not_toml() {
        check("[api\n", &[], expect!["b.toml:1:5: unclosed table, expected `]`"]);
    }

    #[test]
    fn variables_lie_over_the_file() {
        let variables = [("BARTIZAN_API_LISTEN".to_owned(), "nowhere".to_owned())];
        check(
            "[api]\nlisten = '127.0.0.1:1'\n",
            &variables,
            expect![[r"
                b.toml:2:1: api.listen: `nowhere` is not an address with a port, such as 127.0.0.1:8440"]],
        );
        let variables = [("BARTIZAN_PARSE_UTC_OFFSET_MINUTES".to_owned(), "60".to_owned())];
        let config = build("", "b.toml", &variables).unwrap();
        assert_eq!(config.parse.utc_offset_minutes, 60);
    }

    #[track_caller]
    fn check(text: &str, variables: &[(String, String)], expect: Expect) {
        let told = match build(text, "b.toml", variables) {
            Ok(_) => "fine".to_owned(),
            Err(faults) => faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        };
        expect.assert_eq(&told);
    }
}
