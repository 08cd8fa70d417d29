//! What a correlation takes out of an event that one of its rules matched.

use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hasher};

use model::{Event, Field, Value};

use crate::correlations::correlation::{Correlation, value_at};
use crate::correlations::entry::{Entry, Evidence};
use crate::correlations::tally::number_of;
use crate::{CorrelationKind, Fired};

/// Bounds the text of one value in a group's key; a longer one is told apart by its hash.
const KEY_BYTES_MAX: usize = 128;
/// Bounds for how many numbers one record can stand.
const REPEATS_MAX: u64 = 10_000;

/// A match on its way into a correlation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Match<'e> {
    pub(crate) event: &'e Event,
    /// The place of the matched rule among those that the correlation names.
    pub(crate) place: usize,
    /// The number of what its events are grouped by.
    pub(crate) grouping: usize,
    pub(crate) weight: u64,
    /// What fired, where the matched rule is a correlation.
    pub(crate) inner: Option<&'e Fired>,
}

impl Entry {
    pub(crate) fn of(found: Match<'_>, value: u64, correlation: &Correlation) -> Self {
        let Match { event, place, weight, inner, .. } = found;
        let evidence = inner.map(|inner| {
            Box::new(Evidence {
                first: inner.first,
                fresh: inner.fresh,
                events: inner.events.clone(),
            })
        });
        let simulated = event.get(Field::Simulated) == Some(Value::Flag(true));
        let weight = if correlation.kind.is_numeric() { weight.min(REPEATS_MAX) } else { weight };
        Self {
            time: event.time,
            event: event.id,
            weight,
            value,
            evidence,
            rule: u8::try_from(place).unwrap_or(u8::MAX),
            simulated: inner.map_or(simulated, |inner| inner.simulated && simulated),
        }
    }
}

/// What is kept of a match's value.
pub(crate) enum Counted {
    Value(u64),
    NoNumber,
}

/// Gives the value that is counted or measured, or `None` where the event lacks its field.
pub(crate) fn value_of(correlation: &Correlation, found: Match<'_>) -> Option<Counted> {
    let places = correlation.places.get(found.place)?;
    match correlation.kind {
        CorrelationKind::EventCount => Some(Counted::Value(0)),
        CorrelationKind::Temporal | CorrelationKind::TemporalOrdered => {
            u64::try_from(found.place).ok().map(Counted::Value)
        }
        CorrelationKind::ValueCount | CorrelationKind::NewTerms => {
            let mut hash = HashWriter(DefaultHasher::new());
            for field in &places.fields {
                let value = value_at(field, found.event)?;
                // Between two values stands what no text holds.
                let _ = write!(hash, "{value}");
                hash.0.write_u8(0xff);
            }
            Some(Counted::Value(hash.0.finish()))
        }
        _ => {
            let value = value_at(places.fields.first()?, found.event)?;
            let number = value.each().find_map(number_of);
            Some(number.map_or(Counted::NoNumber, |number| Counted::Value(number.to_bits())))
        }
    }
}

/// A hasher that is the same in every run, to be written to.
struct HashWriter(DefaultHasher);

impl Write for HashWriter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

/// Writes the text that a match's group is known by, or gives `None` where the event lacks a field to group by.
pub(crate) fn group_of(
    correlation: &Correlation,
    found: Match<'_>,
    key: &mut String,
) -> Option<()> {
    for field in &correlation.places.get(found.place)?.group_by {
        let value = value_at(field, found.event)?;
        let begin = key.len();
        write!(key, "{value}").ok()?;
        let length = key.len() - begin;
        if length > KEY_BYTES_MAX {
            let mut hash = HashWriter(DefaultHasher::new());
            let _ = hash.write_str(key.get(begin..)?);
            key.truncate(begin);
            write!(key, "#{:016x}", hash.0.finish()).ok()?;
        }
        // The length keeps `ab` + `c` apart from `a` + `bc`.
        write!(key, ":{length};").ok()?;
    }
    Some(())
}
