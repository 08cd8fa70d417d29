//! Makes the index of a segment from the very batches that are written to it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io;
use std::net::IpAddr;
use std::ops::Range;
use std::path::Path;

use arrow::array::RecordBatch;
use model::{Field, Value};
use query::{Number, fold};
use seal::DataKey;

use super::counts::Counts;
use super::directory::Directory;
use super::file::{SectionWriter, Written};
use super::grams::{self, Grams};
use super::letters::{self, Letters};
use super::looked::{Beside, Looked, text_at};
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
        self.gatherer.counts.bound();
        Ok(())
    }

    /// Takes rows of one of the smallest blocks, column by column.
    fn add_block(&mut self, columns: &mut [(Looked, Values)], beside: &Beside, rows: Range<usize>) {
        let Beside { listed, original } = beside;
        let block = self.rows / letters::BLOCK_ROWS + 1;
        for (looked, values) in columns {
            let listed = listed.get(&looked.column);
            for row in rows.clone() {
                let Some(value) = values.get(row) else { continue };
                let is_list = listed.is_some_and(|rows| rows.get(row) == Some(&true));
                if looked.column == Column::Known(Field::Message)
                    && !is_list
                    && let (Value::Text(message), Some(original)) = (value, original)
                    && text_at(original, row).is_some_and(|whole| whole.ends_with(message))
                {
                    self.gatherer.terms.add(Term::any(looked.field), false);
                    continue;
                }
                self.gatherer.take(looked, value, is_list, block);
            }
        }
    }

    fn end_blocks(&mut self) -> io::Result<()> {
        if self.rows.is_multiple_of(letters::BLOCK_ROWS) {
            self.gatherer.letters.end_block();
        }
        if self.rows.is_multiple_of(terms::BLOCK_ROWS) {
            self.gatherer.terms.end_block();
        }
        if self.rows.is_multiple_of(grams::BLOCK_ROWS) {
            self.gatherer.grams.end_block();
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
        let panel = self.gatherer.letters.finish(rows, &mut self.out)?;
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
            self.gatherer.letters.end_block();
        }
        if !self.rows.is_multiple_of(terms::BLOCK_ROWS) {
            self.gatherer.terms.end_block();
        }
        if !self.rows.is_multiple_of(grams::BLOCK_ROWS) {
            self.gatherer.grams.end_block();
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
    /// Takes one value of a column.
    fn take(&mut self, looked: &mut Looked, value: Value<'_>, is_list: bool, block: usize) {
        match (looked.column, value) {
            (Column::Extra, Value::Text(object)) => self.take_extra(object),
            (Column::Known(Field::Timestamp), Value::Time(time)) => {
                self.counts.time(time.nanos());
            }
            (Column::Known(Field::EventOriginal), Value::Text(text)) => self.take_text(text),
            (
                Column::Lists
                | Column::Extra
                | Column::Known(Field::EventId | Field::EventIngested),
                _,
            ) => {}
            (Column::Known(field), Value::Text(array))
                if is_list && data_type(field) == TEXT_TYPE =>
            {
                if let Some(tally) = &mut looked.tally {
                    tally.row();
                }
                for item in list_items(array) {
                    self.take_known(looked, &item, block);
                }
            }
            (Column::Known(_), Value::Text(text)) => {
                if let Some(tally) = &mut looked.tally {
                    tally.row();
                }
                self.take_known(looked, text, block);
            }
            (Column::Known(_), value) => self.take_number(looked, value, is_list, block),
        }
    }

    /// Takes a text of a known field.
    fn take_known(&mut self, looked: &mut Looked, text: &str, block: usize) {
        let hash = term::hash(looked.field, text.as_bytes());
        if let Some(tally) = &mut looked.tally {
            tally.value(hash, text);
        }
        if looked.is_done(hash, block) {
            return;
        }
        self.take_text(text);
        self.terms.add(Term::any(looked.field), looked.is_core);
        if looked.column.is_prose() {
            return;
        }
        self.terms.add(Term::text(looked.field, &self.folded), looked.is_core);
        if let Some(address) = address_in(text) {
            self.terms.add(Term::address(looked.field, address), looked.is_core);
        }
    }

    /// Takes a value of a known field that is no text.
    fn take_number(&mut self, looked: &mut Looked, value: Value<'_>, is_list: bool, block: usize) {
        self.text.clear();
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{value}");
        let hash = term::hash(looked.field, self.text.as_bytes());
        if let Some(tally) = &mut looked.tally {
            // The other values of the row stand elsewhere.
            if is_list {
                tally.give_up();
            }
            tally.row();
            tally.value(hash, &self.text);
        }
        if looked.is_done(hash, block) {
            return;
        }
        self.terms.add(Term::any(looked.field), false);
        match value {
            Value::Integer(_) => {
                if let Some(number) = number_of(value) {
                    self.terms.add(Term::number(looked.field, number), false);
                }
            }
            Value::Flag(_) => self.terms.add(Term::text(looked.field, &self.text), false),
            _ => {}
        }
    }

    /// Takes the unknown fields of a row.
    fn take_extra(&mut self, object: &str) {
        each_value(object, &mut |name, value| {
            let field = term::field(name);
            let mut text = std::mem::take(&mut self.text);
            text.clear();
            // Writing to a String cannot fail.
            let _ = write!(text, "{value}");
            self.take_text(&text);
            self.terms.add(Term::any(field), false);
            self.terms.add(Term::text(field, &self.folded), false);
            if matches!(value, Value::Text(_))
                && let Some(address) = address_in(&text)
            {
                self.terms.add(Term::address(field, address), false);
            }
            // Asked for as a number only where the schema knows one under that name.
            if let Some(known) = Field::by_name(name) {
                self.spoiled.insert(known.name());
                if let Some(number) = number_of(value) {
                    self.terms.add(Term::number(field, number), false);
                }
            }
            self.text = text;
        });
    }

    /// Takes the pieces of a text, and leaves it folded.
    fn take_text(&mut self, text: &str) {
        self.folded.clear();
        if text.is_ascii() {
            self.folded.push_str(text);
            self.folded.make_ascii_lowercase();
        } else {
            self.folded.extend(text.chars().map(fold));
        }
        self.letters.add(self.folded.as_bytes());
        self.grams.add(self.folded.as_bytes());
    }
}

fn address_in(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let may_be = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':');
    if text.len() > 45 || !text.bytes().all(may_be) {
        return None;
    }
    text.parse().ok()
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
