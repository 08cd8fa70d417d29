//! Makes the index of a segment from the very batches that are written to it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;
use std::ops::Range;
use std::path::Path;

use arrow::array::RecordBatch;
use model::{Field, Value};
use query::Number;
use seal::DataKey;

use super::counts::{self, Counts};
use super::directory::Directory;
use super::file::{SectionWriter, Written};
use super::grams::{self, Grams};
use super::letters::{self, Letters};
use super::looked::{Beside, Due, Looked, fold_into, terms_of, terms_of_folded};
use super::seen::Seen;
use super::term::{self, Term};
use super::terms::{self, Terms};
use crate::segment::{Column, TEXT_TYPE, Values, data_type, each_value, list_items};

/// Makes the index of one segment.
pub(crate) struct Builder {
    out: SectionWriter,
    rows: usize,
    columns: Vec<Looked>,
    gatherer: Gatherer,
    directory: Directory,
}

/// What is gathered until a panel is whole.
#[derive(Default)]
struct Gatherer {
    terms: Terms,
    seen: Seen,
    letters: Letters,
    grams: Grams,
    counts: Counts,
    /// The known fields of which some values stand among the unknown ones.
    spoiled: BTreeSet<&'static str>,
    folded: String,
    text: String,
}

impl Builder {
    /// Begins the file of an index; `key` is its segment's, with its wrapped form.
    pub(crate) fn create(path: &Path, key: Option<(&DataKey, &[u8])>) -> io::Result<Self> {
        Ok(Self {
            out: SectionWriter::create(path, key)?,
            rows: 0,
            columns: Vec::new(),
            gatherer: Gatherer::default(),
            directory: Directory::default(),
        })
    }

    /// Takes the next rows of the segment.
    pub(crate) fn add(&mut self, batch: &RecordBatch) -> io::Result<()> {
        let mut columns: Vec<(Looked, Values)> = Vec::new();
        for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            let Some(column) = Column::by_name(field.name()) else { continue };
            let Some(values) = Values::of(array) else { continue };
            let known = self.columns.iter().position(|looked| looked.column == column);
            let looked = known.map(|place| self.columns.swap_remove(place));
            columns.push((looked.unwrap_or_else(|| Looked::of(column)), values));
        }
        let beside = Beside::of(&columns, batch.num_rows());
        let mut start = 0;
        while start < batch.num_rows() {
            let room = letters::BLOCK_ROWS - self.rows % letters::BLOCK_ROWS;
            let end = batch.num_rows().min(start + room);
            self.add_block(&mut columns, &beside, start..end);
            self.rows += end - start;
            start = end;
            self.end_blocks()?;
        }
        self.columns.extend(columns.into_iter().map(|(looked, _)| looked));
        counts::bound(self.columns.iter_mut().filter_map(|looked| looked.tally.as_mut()));
        Ok(())
    }

    /// Takes rows of one of the smallest blocks, column by column.
    fn add_block(&mut self, columns: &mut [(Looked, Values)], beside: &Beside, rows: Range<usize>) {
        let block = self.rows / letters::BLOCK_ROWS + 1;
        for (looked, values) in columns {
            self.gatherer.take_rows(looked, values, beside, rows.clone(), block);
        }
    }

    fn end_blocks(&mut self) -> io::Result<()> {
        if self.rows.is_multiple_of(letters::BLOCK_ROWS) {
            self.gatherer.letters.end_block(&mut self.gatherer.seen);
        }
        if self.rows.is_multiple_of(terms::BLOCK_ROWS) {
            self.gatherer.terms.end_block();
        }
        if self.rows.is_multiple_of(grams::BLOCK_ROWS) {
            self.gatherer.grams.end_block(&mut self.gatherer.seen);
        }
        if self.rows.is_multiple_of(terms::PANEL_ROWS) {
            self.end_terms(terms::PANEL_ROWS)?;
        }
        if self.rows.is_multiple_of(grams::PANEL_ROWS) {
            self.end_grams(grams::PANEL_ROWS)?;
        }
        Ok(())
    }

    fn end_terms(&mut self, rows: usize) -> io::Result<()> {
        let panel = self.gatherer.terms.finish(rows, &mut self.out)?;
        self.directory.terms.push(panel);
        let Gatherer { letters, seen, .. } = &mut self.gatherer;
        let panel = letters.finish(rows, seen, &mut self.out)?;
        self.directory.letters.push(panel);
        Ok(())
    }

    fn end_grams(&mut self, rows: usize) -> io::Result<()> {
        let panel = self.gatherer.grams.finish(rows, &mut self.out)?;
        self.directory.grams.push(panel);
        Ok(())
    }

    /// Ends the file and makes it durable; the digest is that of the segment's file.
    pub(crate) fn finish(mut self, digest: [u8; 32]) -> io::Result<(u64, [u8; 32])> {
        if !self.rows.is_multiple_of(letters::BLOCK_ROWS) {
            self.gatherer.letters.end_block(&mut self.gatherer.seen);
        }
        if !self.rows.is_multiple_of(terms::BLOCK_ROWS) {
            self.gatherer.terms.end_block();
        }
        if !self.rows.is_multiple_of(grams::BLOCK_ROWS) {
            self.gatherer.grams.end_block(&mut self.gatherer.seen);
        }
        let left = self.rows % terms::PANEL_ROWS;
        if left > 0 {
            self.end_terms(left)?;
        }
        let left = self.rows % grams::PANEL_ROWS;
        if left > 0 {
            self.end_grams(left)?;
        }
        for looked in self.columns {
            if let Some(tally) = looked.tally
                && !self.gatherer.spoiled.contains(looked.column.name())
            {
                self.gatherer.counts.tallies.insert(looked.column.name().to_owned(), tally);
            }
        }
        self.directory.rows = self.rows;
        self.directory.segment = digest;
        self.directory.counts = self.gatherer.counts.finish(&mut self.out)?;
        let Written { bytes, digest } = self.out.finish(&self.directory.encode())?;
        Ok((bytes, digest))
    }
}

impl Gatherer {
    /// Takes the values of a column in rows of one block.
    fn take_rows(
        &mut self,
        looked: &mut Looked,
        values: &Values,
        beside: &Beside,
        rows: Range<usize>,
        block: usize,
    ) {
        let listed = beside.listed.get(&looked.column);
        let is_list = |row: usize| listed.is_some_and(|rows| rows.get(row) == Some(&true));
        let Column::Known(field) = looked.column else {
            if looked.column == Column::Extra {
                values.each(rows, |_, value| {
                    if let Value::Text(object) = value {
                        self.take_extra(object);
                    }
                });
            }
            return;
        };
        match field {
            Field::EventId | Field::EventIngested => return,
            Field::Timestamp => {
                return values.each(rows, |_, value| {
                    if let Value::Time(time) = value {
                        self.counts.time(time.nanos());
                    }
                });
            }
            Field::EventOriginal => {
                return values.each(rows, |_, value| {
                    if let Value::Text(text) = value {
                        self.take_text(text);
                    }
                });
            }
            _ => {}
        }
        if looked.place.is_none() {
            looked.place = self.terms.place(looked.field, looked.is_core);
        }
        let is_text = data_type(field) == TEXT_TYPE;
        values.each(rows, |row, value| {
            self.terms.any(looked.place);
            let is_list = is_list(row);
            if let Some(tally) = &mut looked.tally {
                tally.row();
            }
            match value {
                Value::Text(array) if is_list && is_text => {
                    for item in list_items(array) {
                        self.take_known(looked, &item, block);
                    }
                }
                Value::Text(text) => {
                    let is_said = field == Field::Message && beside.says(row, text);
                    if !is_said {
                        self.take_known(looked, text, block);
                    }
                }
                value => self.take_other(looked, value, is_list, block),
            }
        });
    }

    /// Takes a text of a known field.
    fn take_known(&mut self, looked: &mut Looked, text: &str, block: usize) {
        let Due::All(known) = looked.text(text, block) else { return };
        self.take_text(text);
        if looked.column.is_prose() {
            return;
        }
        let terms = known.unwrap_or_else(|| terms_of_folded(looked.field, text, &self.folded));
        self.terms.add(looked.place, terms.text);
        if let Some(address) = terms.address {
            self.terms.add(looked.place, address);
        }
    }

    /// Takes a value of a known field that is no text.
    fn take_other(&mut self, looked: &mut Looked, value: Value<'_>, is_list: bool, block: usize) {
        // The other values of the row stand elsewhere.
        if let Some(tally) = looked.tally.as_mut().filter(|_| is_list) {
            tally.give_up();
        }
        match value {
            Value::Integer(number) if looked.number(number, block) => {
                let term = Term::number(looked.field, wide(Number::Integer(number)));
                self.terms.add(looked.place, term.hash);
            }
            Value::Flag(flag) => {
                let text = if flag { "true" } else { "false" };
                if let Due::All(known) = looked.text(text, block) {
                    let terms = known.unwrap_or_else(|| terms_of(looked.field, text));
                    self.terms.add(looked.place, terms.text);
                }
            }
            _ => {}
        }
    }

    /// Takes the unknown fields of a row.
    fn take_extra(&mut self, object: &str) {
        each_value(object, &mut |name, value| {
            let field = term::field(name);
            let place = self.terms.place(field, false);
            let mut made = std::mem::take(&mut self.text);
            let text = match value {
                Value::Text(text) => text,
                other => {
                    made.clear();
                    // Writing to a String cannot fail.
                    let _ = write!(made, "{other}");
                    &made
                }
            };
            self.take_text(text);
            self.terms.any(place);
            let terms = terms_of_folded(field, text, &self.folded);
            self.terms.add(place, terms.text);
            if let Some(address) = terms.address.filter(|_| matches!(value, Value::Text(_))) {
                self.terms.add(place, address);
            }
            // Asked for as a number only where the schema knows one under that name.
            if let Some(known) = Field::by_name(name) {
                self.spoiled.insert(known.name());
                if let Some(number) = number_of(value) {
                    self.terms.add(place, Term::number(field, number).hash);
                }
            }
            self.text = made;
        });
    }

    /// Takes the pieces of a text, and leaves it folded.
    fn take_text(&mut self, text: &str) {
        fold_into(text, &mut self.folded);
        self.seen.add(self.folded.as_bytes());
    }
}

/// Gives a value as the number that it is, or that its text is.
pub(super) fn number_of(value: Value<'_>) -> Option<f64> {
    let number = match value {
        Value::Integer(number) => Number::Integer(number),
        Value::Float(number) => Number::Float(number),
        Value::Text(text) => Number::parse(text.trim())?,
        _ => return None,
    };
    Some(wide(number))
}

/// Gives a number at the precision of fractions.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "two numbers that are equal stay so when both lose the same bits"
)]
pub(super) fn wide(number: Number) -> f64 {
    match number {
        Number::Integer(number) => number as f64,
        Number::Float(number) => number,
    }
}
