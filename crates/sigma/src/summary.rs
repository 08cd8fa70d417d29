//! One sentence about what happened, from a template in the rule.
//!
//! ```text
//! {source.ip} failed {count} SSH log-ins within {timespan}[ on {host.name}]
//! ```
//!
//! A part in square brackets is left out where the event lacks one of its fields.

use std::fmt::Write;
use std::time::Duration;

use model::Event;

/// Bounds each value in a sentence; it may be an attacker's own text.
const VALUE_CHARACTERS_MAX: usize = 120;

/// A template, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    /// The pieces of each part, and whether the part may be left out.
    parts: Vec<(bool, Vec<Piece>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Count,
    Value,
    Timespan,
    Field(String),
}

/// What a sentence is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'e> {
    pub(crate) event: &'e Event,
    pub(crate) count: u64,
    /// What was measured, where it is more than the count.
    pub(crate) value: Option<f64>,
    pub(crate) timespan: Option<Duration>,
}

impl Summary {
    /// Takes a template apart, or says what is wrong with it.
    pub(crate) fn parse(template: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = template;
        while !rest.is_empty() {
            let (part, optional, tail) = if let Some(inner) = rest.strip_prefix('[') {
                let (part, tail) = inner.split_once(']').ok_or("`[` is never closed")?;
                (part, true, tail)
            } else {
                let (part, tail) = rest.split_at(rest.find('[').unwrap_or(rest.len()));
                (part, false, tail)
            };
            parts.push((optional, pieces(part)?));
            rest = tail;
        }
        Ok(Self { parts })
    }

    pub(crate) fn write(&self, subject: Subject<'_>) -> String {
        let mut out = String::new();
        for (optional, pieces) in &self.parts {
            let before = out.len();
            let whole = pieces.iter().all(|piece| piece.write(subject, &mut out));
            if *optional && !whole {
                out.truncate(before);
            }
        }
        out
    }
}

fn pieces(part: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = part;
    while let Some((text, tail)) = rest.split_once('{') {
        let (name, tail) = tail.split_once('}').ok_or("`{` is never closed")?;
        pieces.push(Piece::Text(text.to_owned()));
        pieces.push(match name {
            "count" => Piece::Count,
            "value" => Piece::Value,
            "timespan" => Piece::Timespan,
            name => Piece::Field(name.to_owned()),
        });
        rest = tail;
    }
    pieces.push(Piece::Text(rest.to_owned()));
    Ok(pieces)
}

impl Piece {
    /// Appends the piece; tells whether there was something to append.
    fn write(&self, subject: Subject<'_>, out: &mut String) -> bool {
        // Writing to a String cannot fail, here and below.
        match self {
            Self::Text(text) => out.push_str(text),
            Self::Count => {
                let _ = write!(out, "{}", subject.count);
            }
            Self::Value => {
                // A part in brackets is left out where nothing was measured.
                let Some(value) = subject.value else { return false };
                let _ = write!(out, "{}", (value * 100.0).round() / 100.0);
            }
            Self::Timespan => out.push_str(&in_words(subject.timespan.unwrap_or_default())),
            Self::Field(name) => {
                let Some(value) = subject.event.get_path(name) else {
                    out.push_str("somebody");
                    return false;
                };
                out.push_str(&shown(&value.to_string()));
            }
        }
        true
    }
}

/// Gives a value as it can stand in one line.
fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(VALUE_CHARACTERS_MAX)
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    if text.chars().nth(VALUE_CHARACTERS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// Gives a duration as people say it: `1 minute`, `90 seconds`.
pub(crate) fn in_words(duration: Duration) -> String {
    const UNITS: [(u64, &str); 4] =
        [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let seconds = duration.as_secs();
    let (size, unit) = UNITS
        .into_iter()
        .find(|(size, _)| seconds >= *size && seconds.is_multiple_of(*size))
        .unwrap_or((1, "second"));
    let number = seconds / size;
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use model::Field;

    use super::*;

    #[test]
    fn templates() {
        check(
            "{source.ip} failed {count} log-ins within {timespan}[ on {host.name}]",
            expect!["203.0.113.9 failed 6 log-ins within 1 minute on web1"],
        );
        check("{source.ip}[ as {user.name}] here", expect!["203.0.113.9 here"]);
        check("{user.name} went", expect!["somebody"]);
        check(
            "{message}",
            expect![
                "  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x  x…"
            ],
        );
        check("[{a]", expect!["`{` is never closed"]);
        check("[a", expect!["`[` is never closed"]);
    }

    #[track_caller]
    fn check(template: &str, expect: Expect) {
        let mut event = Event::default();
        event.set(Field::SourceIp, "203.0.113.9");
        event.set(Field::HostName, "web1");
        event.set(Field::Message, "\n\u{1b}x".repeat(99).as_str());
        let timespan = Some(Duration::from_mins(1));
        let said = match Summary::parse(template) {
            Ok(summary) => {
                summary.write(Subject { event: &event, count: 6, value: None, timespan })
            }
            Err(error) => error,
        };
        expect.assert_eq(&said);
    }
}
