//! Counts events by the values of a field.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use arrow::array::Array;
use model::{Event, Value};
use query::FieldRef;

use super::Scope;
use super::block::Block;
use super::count::{Tally, tally, tally_segment};
use crate::StoreError;
use crate::index::Values as Counted;
use crate::live::{Shared, Snapshot};
use crate::segment::{Column, Segment, Values};

/// Bounds the different values that are told apart; further ones are counted together.
const VALUES_MAX: usize = 200_000;

/// A question for the most frequent values of a field.
#[derive(Clone, Debug)]
pub struct Top {
    /// Which events.
    pub scope: Scope,
    /// The field's dotted name, known or not.
    pub field: String,
    /// How many values.
    pub limit: usize,
}

/// The most frequent values of a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopValues {
    /// Each value and how many events hold it, the most frequent first.
    pub values: Vec<(String, u64)>,
    /// How many happenings of other values there are.
    pub other: u64,
    /// How many events do not have the field.
    pub missing: u64,
    /// Whether everything was counted before the deadline.
    pub is_complete: bool,
    /// What could not be read, a sentence for each segment; its events are not counted.
    pub unreadable: Vec<String>,
}

/// Counts the values of a field.
pub(crate) fn top(
    shared: &Shared,
    snapshot: &Snapshot,
    question: &Top,
) -> Result<TopValues, StoreError> {
    let mut by_value = ByValue {
        field: FieldRef::by_name(&question.field),
        counts: HashMap::new(),
        other: 0,
        missing: 0,
        text: String::new(),
        heads: Vec::new(),
    };
    let mut is_complete = tally(shared, snapshot, &question.scope, &mut by_value)?;
    if !by_value.heads.is_empty() && !by_value.take_heads(question.limit) {
        for (segment, _) in std::mem::take(&mut by_value.heads) {
            let counted = tally_segment(shared, &segment, &question.scope, &mut by_value);
            is_complete &= snapshot.bear(shared, &segment, counted)?.unwrap_or(true);
        }
    }
    let mut values: Vec<(String, u64)> = by_value.counts.into_iter().collect();
    values.sort_by(|one, next| next.1.cmp(&one.1).then_with(|| one.0.cmp(&next.0)));
    let cut: u64 = values.iter().skip(question.limit).map(|(_, count)| count).sum();
    values.truncate(question.limit);
    Ok(TopValues {
        values,
        other: by_value.other + cut,
        missing: by_value.missing,
        is_complete,
        unreadable: snapshot.unread.sentences(),
    })
}

struct ByValue {
    field: FieldRef,
    counts: HashMap<String, u64>,
    other: u64,
    missing: u64,
    text: String,
    /// Segments of which only the most frequent values are known.
    heads: Vec<(Arc<Segment>, Counted)>,
}

impl ByValue {
    /// Takes the segments of which only the most frequent values are known, if these tell all that is
    /// asked: when no other value can be among the first.
    fn take_heads(&mut self, limit: usize) -> bool {
        let mut known: HashMap<&str, (u64, u64)> =
            self.counts.iter().map(|(value, count)| (value.as_str(), (*count, 0))).collect();
        // What a value that stands in no head may have at most.
        let cut: u64 = self.heads.iter().map(|(_, head)| head.cut).sum();
        for (_, head) in &self.heads {
            for (value, count) in &head.values {
                let entry = known.entry(value).or_default();
                *entry = (entry.0 + count, entry.1 + head.cut);
            }
        }
        // The count that is known, and what may be missing from it.
        let mut all: Vec<(u64, u64, &str)> =
            known.into_iter().map(|(value, (count, seen))| (count, cut - seen, value)).collect();
        all.sort_unstable_by(|one, next| next.0.cmp(&one.0).then(one.2.cmp(next.2)));
        let (best, others) = all.split_at(limit.min(all.len()));
        let least = best.last().map(|(count, ..)| *count).unwrap_or_default();
        let is_enough = best.len() == limit
            && best.iter().all(|(_, missing, _)| *missing == 0)
            && others.iter().all(|(count, missing, _)| *missing == 0 || count + missing < least)
            && cut < least;
        if !is_enough {
            return false;
        }
        let best: HashMap<String, u64> =
            best.iter().map(|(count, _, value)| ((*value).to_owned(), *count)).collect();
        let happenings: u64 = self.heads.iter().map(|(_, head)| head.happenings).sum();
        let all = self.counts.values().sum::<u64>() + happenings;
        self.other += all - best.values().sum::<u64>();
        self.missing += self.heads.iter().map(|(_, head)| head.missing).sum::<u64>();
        self.counts = best;
        self.heads.clear();
        true
    }

    fn add(&mut self, value: Option<Value<'_>>, number: u64) {
        let Some(value) = value else {
            self.missing += number;
            return;
        };
        for one in value.each() {
            self.text.clear();
            // Writing to a String cannot fail.
            let _ = write!(self.text, "{one}");
            if let Some(count) = self.counts.get_mut(&self.text) {
                *count += number;
            } else if self.counts.len() < VALUES_MAX {
                self.counts.insert(self.text.clone(), number);
            } else {
                self.other += number;
            }
        }
    }

    /// Counts a column of distinct values by their keys.
    fn add_keys(&mut self, values: &Values, marks: &[bool]) {
        let Values::Dictionary { array, texts } = values else {
            for (row, _) in marks.iter().enumerate().filter(|(_, mark)| **mark) {
                self.add(values.get(row), 1);
            }
            return;
        };
        let mut counts = vec![0_u64; texts.len()];
        for (key, _) in array.keys().iter().zip(marks).filter(|(_, mark)| **mark) {
            let count = key.and_then(|key| counts.get_mut(usize::try_from(key).ok()?));
            match count {
                Some(count) => *count += 1,
                None => self.missing += 1,
            }
        }
        for (text, count) in texts.iter().zip(counts).filter(|(_, count)| *count > 0) {
            self.add(text.map(Value::Text), count);
        }
    }
}

impl Tally for ByValue {
    fn event(&mut self, event: &Event) {
        let field = self.field.clone();
        self.add(field.get(event), 1);
    }

    fn whole(&mut self, shared: &Shared, segment: &Arc<Segment>) -> bool {
        let stats = &segment.stats;
        let FieldRef::Known(field) = &self.field else { return false };
        if !segment.has(Column::Known(*field)) && !stats.may_have_extra(field.name()) {
            self.missing += segment.row.events;
            return true;
        }
        let Some(index) = shared.indexes.of(&segment.row) else { return false };
        let Some(head) = shared.indexes.values(&index, field.name()) else { return false };
        if head.cut > 0 {
            self.heads.push((Arc::clone(segment), head));
            return true;
        }
        self.missing += head.missing;
        for (value, count) in &head.values {
            self.add(Some(Value::Text(value)), *count);
        }
        true
    }

    fn block(&mut self, block: &mut Block<'_>, marks: &[bool]) -> Result<(), StoreError> {
        let stats = &block.segment.stats;
        let mut columns = vec![Column::Extra, Column::Lists];
        if let FieldRef::Known(field) = &self.field {
            let column = Column::Known(*field);
            if !stats.may_have_extra(field.name()) && !stats.lists.contains(field.name()) {
                block.load(column)?;
                if let Some(values) = block.values(column) {
                    self.add_keys(values, marks);
                } else {
                    let number = marks.iter().filter(|mark| **mark).count();
                    self.missing += u64::try_from(number).unwrap_or_default();
                }
                return Ok(());
            }
            columns.push(column);
        }
        let rows: Vec<usize> =
            (0..marks.len()).filter(|row| marks.get(*row) == Some(&true)).collect();
        for event in block.events(&rows, &columns)? {
            self.event(&event);
        }
        Ok(())
    }
}
