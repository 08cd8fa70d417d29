//! What is known of a segment without opening it.
//!
//! Kept as JSON in the catalog beside the segment:
//!
//! ```json
//! {"log":7,"columns":{"source.port":[1024,65001],"source.ip":["10.0.0.1","9.9.9.9"],"url.path":null},
//!  "lists":["event.category"],"extra":["fw.rule"],"extra_whole":true}
//! ```
//!
//! A column stands under `columns` with its least and greatest value, or with null where those help
//! nobody. A column that does not stand there is null in every row.

use std::collections::{BTreeMap, BTreeSet};

use model::Event;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;
use serde::{Deserialize, Serialize};

use super::extra::names_in;
use super::layout::Column;
use super::survey::Survey;
use std::sync::Arc;

/// Bounds the names kept per segment; past it the segment may hold any name.
pub(super) const EXTRA_NAMES_MAX: usize = 500;
/// Longer names would let a sender fill the catalog.
const EXTRA_NAME_BYTES_MAX: usize = 128;
/// Bounds a kept text; longer ones seldom help to skip a segment.
const TEXT_BYTES_MAX: usize = 48;

/// What is known of a segment without opening it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SegmentStats {
    /// The last log file that held any of its events.
    pub(crate) log: u64,
    /// The columns that the file has, and the span of each.
    pub(crate) columns: BTreeMap<String, Option<(Bound, Bound)>>,
    /// The text and address columns in which some rows hold several values.
    pub(crate) lists: BTreeSet<String>,
    /// The names of the unknown fields.
    pub(crate) extra: BTreeSet<String>,
    /// Whether `extra` holds all of them.
    pub(crate) extra_whole: bool,
    /// In how many events each of them occurs; segments of old do not tell.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) extra_events: BTreeMap<String, u64>,
    /// The fields of which the records are put together, where they are kept so.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) line: BTreeSet<String>,
    /// How often its events were merged with those of other segments; 0 as they came.
    #[serde(default)]
    pub(crate) level: u8,
}

/// The least or greatest value of a column.
#[derive(Clone, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Bound {
    /// Of whole numbers, and of moments as nanoseconds.
    Integer(i64),
    /// Of numbers with a fraction.
    Float(f64),
    /// Of texts, perhaps shortened so that it still bounds.
    Text(String),
}

impl SegmentStats {
    /// Gathers what the events tell and the file does not.
    pub(crate) fn of_events(events: &[Arc<Event>], log: u64) -> Self {
        Survey::of(events).stats(log)
    }

    /// Takes over what other events of the same segment tell.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.lists.extend(other.lists);
        if other.extra_whole {
            for name in &other.extra {
                self.add_extra(name, other.extra_events.get(name).copied());
            }
        } else {
            self.extra_whole = false;
            self.extra.clear();
            self.extra_events.clear();
        }
    }

    /// Gathers what segments tell that are merged whole; where rows are left out, the lists are more
    /// than there are, never less. The columns are the writer's to tell.
    pub(crate) fn merged<'s>(all: impl Iterator<Item = &'s Self>) -> Self {
        let mut stats = Self { extra_whole: true, ..Self::default() };
        for one in all {
            stats.log = stats.log.max(one.log);
            stats.level = stats.level.max(one.level);
            stats.lists.extend(one.lists.iter().cloned());
            if one.extra_whole {
                for name in &one.extra {
                    stats.add_extra(name, one.extra_events.get(name).copied());
                }
            } else {
                stats.extra_whole = false;
                stats.extra.clear();
                stats.extra_events.clear();
            }
        }
        stats
    }

    /// Forgets the names of unknown fields, which are then told anew, row by row.
    pub(crate) fn forget_extra(&mut self) {
        self.extra.clear();
        self.extra_events.clear();
        self.extra_whole = true;
    }

    /// Takes note of the unknown fields of one more event.
    pub(crate) fn add_object(&mut self, object: &str) {
        for name in names_in(object) {
            self.add_extra(&name, Some(1));
        }
    }

    /// Takes note of a name and of in how many further events it occurs; of a name without a number,
    /// nobody knows any more.
    pub(super) fn add_extra(&mut self, name: &str, events: Option<u64>) {
        if !self.extra_whole {
            return;
        }
        if let (Some(known), Some(events)) = (self.extra_events.get_mut(name), events) {
            *known += events;
            return;
        }
        if self.extra.contains(name) {
            self.extra_events.remove(name);
        } else if self.extra.len() < EXTRA_NAMES_MAX && name.len() <= EXTRA_NAME_BYTES_MAX {
            self.extra.insert(name.to_owned());
            self.extra_events.extend(events.map(|events| (name.to_owned(), events)));
        } else {
            self.extra_whole = false;
            self.extra.clear();
            self.extra_events.clear();
        }
    }

    /// Adds the columns of the file that was written.
    pub(crate) fn add_columns(&mut self, columns: &[Column], metadata: &ParquetMetaData) {
        for column in columns {
            let spans = metadata.row_groups().iter().map(|group| {
                let mut written = group.columns().iter();
                let found = written.find(|found| found.column_descr().name() == column.name());
                span(found?.statistics()?)
            });
            let span = spans.reduce(|one, other| {
                let ((low, high), (other_low, other_high)) = (one?, other?);
                Some((
                    if other_low < low { other_low } else { low },
                    if other_high > high { other_high } else { high },
                ))
            });
            self.columns.insert(column.name().to_owned(), span.flatten());
        }
    }

    /// Tells whether any event may hold an unknown field of that name.
    pub(crate) fn may_have_extra(&self, name: &str) -> bool {
        !self.extra_whole || self.extra.contains(name)
    }
}

fn span(statistics: &Statistics) -> Option<(Bound, Bound)> {
    match statistics {
        Statistics::Int64(values) => {
            Some((Bound::Integer(*values.min_opt()?), Bound::Integer(*values.max_opt()?)))
        }
        Statistics::Double(values) => {
            Some((Bound::Float(*values.min_opt()?), Bound::Float(*values.max_opt()?)))
        }
        Statistics::ByteArray(values) => {
            let text = |bytes: &[u8]| {
                let text = std::str::from_utf8(bytes).ok().filter(|t| t.len() <= TEXT_BYTES_MAX)?;
                Some(Bound::Text(text.to_owned()))
            };
            Some((text(values.min_opt()?.data())?, text(values.max_opt()?.data())?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_are_counted_anew() {
        let mut stats = SegmentStats { extra_whole: true, ..SegmentStats::default() };
        stats.add_extra("gone", Some(3));
        stats.add_extra("left", Some(3));
        stats.forget_extra();
        stats.add_object(r#"{"left":1,"list":["a","b"],"left":2}"#);
        stats.add_object(r#"{"left":"x"}"#);
        let told = [("left".to_owned(), 2), ("list".to_owned(), 1)];
        assert_eq!(stats.extra_events, BTreeMap::from(told));
        assert!(!stats.may_have_extra("gone"));
    }
}
