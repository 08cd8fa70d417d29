//! A lazy view over a parsed JSON tape (simd-json): nothing is looked at before somebody asks.
//!
//! It undoes escapes in place, so the record's own text is kept beside. A record that is no JSON has
//! to become JSON first.

use std::fmt::Write;

use model::{Timestamp, write_json_string};
use simd_json::prelude::*;
use simd_json::tape::{Tape, Value};

use crate::columns::Columns;
use crate::shape::{KNOWN, Kind, Shape, UNKNOWN, ssh, write_times};

pub(crate) struct Tapes;

pub(crate) struct Kept<'t> {
    original: &'t str,
    tape: Option<Tape<'t>>,
}

impl Shape for Tapes {
    const NAME: &'static str = "lazy JSON tape";
    type Kept<'t> = Kept<'t>;

    fn with<T>(lines: &[String], kind: Kind, then: impl FnOnce(&[Kept<'_>]) -> T) -> T {
        let originals: Vec<String> = lines.to_vec();
        let mut bytes: Vec<Vec<u8>> = match kind {
            Kind::Json => originals.iter().map(|line| line.as_bytes().to_vec()).collect(),
            Kind::Ssh => originals.iter().map(|line| ssh_json(line).into_bytes()).collect(),
        };
        let pairs = originals.iter().zip(&mut bytes);
        let kept: Vec<Kept<'_>> = pairs
            .map(|(original, bytes)| Kept { original, tape: simd_json::to_tape(bytes).ok() })
            .collect();
        then(&kept)
    }

    fn read(kept: &Kept<'_>) -> usize {
        let Some(tape) = &kept.tape else { return 0 };
        let root = tape.as_value();
        let known = KNOWN.iter().filter(|field| find(root, field.name()).is_some()).count();
        known + UNKNOWN.iter().filter(|name| find(root, name).is_some()).count()
    }

    fn write(kept: &Kept<'_>, out: &mut String) {
        out.push_str("{\"event.original\":");
        write_json_string(kept.original, out);
        write_times(out);
        if let Some(tape) = &kept.tape {
            out.push_str(",\"fields\":");
            write_value(tape.as_value(), out);
        }
        out.push('}');
    }

    fn append(kept: &Kept<'_>, columns: &mut Columns) {
        let root = kept.tape.as_ref().map(Tape::as_value);
        let value = |name: &str| find(root?, name);
        let time = value("@timestamp").and_then(|time| Timestamp::parse(time.as_str()?));
        columns.time(time.unwrap_or_default().nanos());
        columns.address(value("source.ip").and_then(|text| text.as_str()?.parse().ok()));
        columns.texts(|field| {
            let value = value(field.name())?;
            let first = value.as_array().and_then(|array| array.iter().next());
            value.into_string().or_else(|| first?.into_string())
        });
        columns.numbers(|field| {
            let value = value(field.name())?;
            value.as_i64().or_else(|| value.as_str()?.parse().ok())
        });
    }
}

/// Finds a dotted name, whether it is written nested or flat.
fn find<'t, 'v>(value: Value<'v, 't>, name: &str) -> Option<Value<'v, 't>> {
    for (key, inner) in &value.as_object()? {
        let Some(rest) = name.strip_prefix(key) else { continue };
        if rest.is_empty() {
            return Some(inner);
        }
        if let Some(found) = rest.strip_prefix('.').and_then(|rest| find(inner, rest)) {
            return Some(found);
        }
    }
    None
}

fn write_value(value: Value<'_, '_>, out: &mut String) {
    if let Some(object) = value.as_object() {
        let mut mark = '{';
        for (key, inner) in &object {
            out.push(mark);
            write_json_string(key, out);
            out.push(':');
            write_value(inner, out);
            mark = ',';
        }
        out.push_str(if mark == '{' { "{}" } else { "}" });
    } else if let Some(array) = value.as_array() {
        let mut mark = '[';
        for inner in &array {
            out.push(mark);
            write_value(inner, out);
            mark = ',';
        }
        out.push_str(if mark == '[' { "[]" } else { "]" });
    } else if let Some(text) = value.as_str() {
        write_json_string(text, out);
    } else if let Some(number) = value.as_i64() {
        let _ = write!(out, "{number}");
    } else if let Some(number) = value.as_f64() {
        let _ = write!(out, "{number}");
    } else if let Some(flag) = value.as_bool() {
        let _ = write!(out, "{flag}");
    } else {
        out.push_str("null");
    }
}

fn ssh_json(line: &str) -> String {
    let Some(ssh) = ssh(line) else { return "{}".to_owned() };
    let mut out = String::with_capacity(160);
    out.push_str("{\"event\":{\"action\":\"ssh_login\",\"outcome\":\"");
    out.push_str(ssh.outcome);
    out.push_str("\"},\"user\":{\"name\":");
    write_json_string(ssh.user, &mut out);
    out.push_str("},\"source\":{\"ip\":");
    write_json_string(ssh.address, &mut out);
    out.push_str(",\"port\":");
    write_json_string(ssh.port, &mut out);
    out.push_str("}}");
    out
}
