//! A record as it is written, with where its fields stand in it.

use std::fmt::{Display, Write};
use std::ops::Range;
use std::time::Duration;

use model::{Civil, Event, Field, Text, Timestamp, Value};

/// What an unknown field holds.
#[derive(Clone, Debug)]
pub(super) enum Made {
    Integer(i64),
    Float(f64),
    Flag(bool),
    Text(String),
}

/// A record on the way.
#[derive(Debug, Default)]
pub(super) struct Draft {
    line: String,
    received: Timestamp,
    time: Timestamp,
    said: Vec<(Field, Range<usize>)>,
    meant: Vec<(Field, &'static str)>,
    numbers: Vec<(Field, i64)>,
    owned: Vec<(Field, String)>,
    extras: Vec<(&'static str, Made)>,
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Draft {
    /// Begins a record that is received at that moment.
    pub(super) fn begin(&mut self, received: Timestamp) {
        self.line.clear();
        self.said.clear();
        self.meant.clear();
        self.numbers.clear();
        self.owned.clear();
        self.extras.clear();
        self.received = received;
        self.time = received;
    }

    /// Says when it happened: so long before it was received, in whole units.
    pub(super) fn happened(&mut self, before: Duration, unit_nanos: i64) {
        let nanos = self.received.minus(before).nanos();
        self.time = Timestamp::from_nanos(nanos - nanos.rem_euclid(unit_nanos));
    }

    pub(super) fn time(&self) -> Civil {
        self.time.civil()
    }

    pub(super) fn month(&self) -> &'static str {
        MONTHS.get(usize::from(self.time().month) - 1).copied().unwrap_or_default()
    }

    /// Appends text that is no field's.
    pub(super) fn plain(&mut self, text: impl Display) -> &mut Self {
        // Writing to a String cannot fail, here and below.
        let _ = write!(self.line, "{text}");
        self
    }

    /// Appends a field's value.
    pub(super) fn say(&mut self, field: Field, value: impl Display) -> &mut Self {
        let start = self.line.len();
        let _ = write!(self.line, "{value}");
        self.said.push((field, start..self.line.len()));
        self
    }

    /// Sets a field that the record does not say in these words.
    pub(super) fn mean(&mut self, field: Field, value: &'static str) -> &mut Self {
        self.meant.push((field, value));
        self
    }

    /// Sets a number that the record does not say.
    pub(super) fn number(&mut self, field: Field, value: i64) -> &mut Self {
        self.numbers.push((field, value));
        self
    }

    /// Sets a text that the record does not say in these words.
    pub(super) fn own(&mut self, field: Field, value: String) -> &mut Self {
        self.owned.push((field, value));
        self
    }

    /// Appends a field's value as JSON writes it, without the quotes.
    pub(super) fn escape(&mut self, field: Field, value: String) -> &mut Self {
        for letter in value.chars() {
            if matches!(letter, '"' | '\\') {
                self.line.push('\\');
            }
            self.line.push(letter);
        }
        self.own(field, value)
    }

    pub(super) fn extra(&mut self, name: &'static str, value: Made) {
        self.extras.push((name, value));
    }

    pub(super) fn event(&self) -> Event {
        let text = Text::from(self.line.as_str());
        let mut event = Event::new(text.clone(), self.received);
        event.time = self.time;
        for (field, range) in &self.said {
            event.set(*field, text.as_str().get(range.clone()).unwrap_or_default());
        }
        for (field, value) in &self.meant {
            event.set(*field, *value);
        }
        for (field, value) in &self.numbers {
            event.set(*field, *value);
        }
        for (field, value) in &self.owned {
            event.set(*field, value.as_str());
        }
        for (name, value) in &self.extras {
            match value {
                Made::Integer(number) => event.set_extra(name, *number),
                Made::Float(number) => event.set_extra(name, *number),
                Made::Flag(flag) => event.set_extra(name, *flag),
                Made::Text(text) => event.set_extra(name, Value::Text(text)),
            }
        }
        event
    }
}

impl Display for Made {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Integer(number) => number.fmt(f),
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Flag(flag) => flag.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}
