//! The columns of a batch, as the index takes them.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;

use model::{Field, FieldKind, Value};
use query::fold;

use super::counts::Tally;
use super::term::{self, Term, TextTerms};
use crate::segment::{Column, Values};

/// How many values of a column are remembered with the block in which they were done.
const RECENT_VALUES: usize = 256;

/// A column of the batches that goes into the index.
pub(super) struct Looked {
    pub(super) column: Column,
    pub(super) field: u64,
    pub(super) is_core: bool,
    pub(super) tally: Option<Tally>,
    /// Where its postings stand.
    pub(super) place: Option<usize>,
    /// From which on values are hashed: nobody outside can make two that meet.
    seed: u64,
    recent: Vec<Recent>,
}

/// A value that came not long ago.
#[derive(Clone, Copy, Default)]
struct Recent {
    hash: u64,
    /// The block in which it was done last, counted from 1.
    block: usize,
    /// Where it is counted.
    counted: Option<usize>,
}

/// What is still to be done with a value.
pub(super) enum Due {
    Nothing,
    /// All of it; where it was met before, it is known what it is known by.
    All(Option<TextTerms>),
}

/// The columns that tell how others of the same row are to be taken.
pub(super) struct Beside {
    /// Of each column that holds lists, in which rows.
    pub(super) listed: HashMap<Column, Vec<bool>>,
    original: Option<Values>,
}

impl Beside {
    pub(super) fn of(columns: &[(Looked, Values)], rows: usize) -> Self {
        let find = |wanted| {
            columns.iter().find(|(one, _)| one.column == wanted).map(|(_, all)| all.clone())
        };
        let mut listed: HashMap<Column, Vec<bool>> = HashMap::new();
        if let Some(lists) = find(Column::Lists) {
            for row in 0..rows {
                let names = text_at(&lists, row).unwrap_or_default().split(',');
                for column in names.filter_map(Column::by_name) {
                    let rows = listed.entry(column).or_insert_with(|| vec![false; rows]);
                    if let Some(is_list) = rows.get_mut(row) {
                        *is_list = true;
                    }
                }
            }
        }
        Self { listed, original: find(Column::Known(Field::EventOriginal)) }
    }
}

impl Beside {
    /// Tells whether the record itself ends with the row's message, so that its pieces are taken.
    pub(super) fn says(&self, row: usize, message: &str) -> bool {
        let original = self.original.as_ref().and_then(|original| text_at(original, row));
        original.is_some_and(|whole| whole.ends_with(message))
    }
}

fn text_at(values: &Values, row: usize) -> Option<&str> {
    match values.get(row)? {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

impl Looked {
    pub(super) fn of(column: Column) -> Self {
        let counted = match column {
            Column::Known(Field::EventId) | Column::Extra | Column::Lists => false,
            Column::Known(field) => {
                !column.is_prose() && !matches!(field.kind(), FieldKind::Float | FieldKind::Date)
            }
        };
        Self {
            column,
            field: term::field(column.name()),
            is_core: matches!(column, Column::Known(field) if is_core(field)),
            tally: counted.then(Tally::default),
            place: None,
            seed: RandomState::new().hash_one(0),
            recent: vec![Recent::default(); RECENT_VALUES],
        }
    }

    /// Counts a text, and tells what is to be done with it in the block.
    pub(super) fn text(&mut self, text: &str, block: usize) -> Due {
        let hash = term::hash(self.seed, text.as_bytes());
        let place = usize::try_from(hash).unwrap_or_default() % RECENT_VALUES;
        let Some(recent) = self.recent.get_mut(place) else { return Due::All(None) };
        let is_recent = recent.hash == hash && recent.block > 0;
        if let Some(tally) = &mut self.tally {
            let again =
                recent.counted.filter(|counted| is_recent && tally.again(*counted, text).is_some());
            let field = self.field;
            recent.counted = again.or_else(|| tally.text(hash, text, |text| terms_of(field, text)));
        }
        let is_done = is_recent && recent.block == block;
        (recent.hash, recent.block) = (hash, block);
        if is_done {
            return Due::Nothing;
        }
        let counted = recent.counted.zip(self.tally.as_ref());
        Due::All(counted.and_then(|(place, tally)| tally.terms(place)))
    }

    /// Counts a number, and tells whether it is to be done in the block.
    pub(super) fn number(&mut self, number: i64, block: usize) -> bool {
        if let Some(tally) = &mut self.tally {
            tally.number(number);
        }
        let hash = number.cast_unsigned();
        let mixed = hash ^ hash >> 32;
        let place = usize::try_from(mixed ^ mixed >> 16 ^ mixed >> 8).unwrap_or_default();
        let Some(recent) = self.recent.get_mut(place % RECENT_VALUES) else { return true };
        let is_done = (recent.hash, recent.block) == (hash, block);
        (recent.hash, recent.block) = (hash, block);
        !is_done
    }
}

/// Gives what a text of a field is known by.
pub(super) fn terms_of(field: u64, text: &str) -> TextTerms {
    let mut folded = String::new();
    fold_into(text, &mut folded);
    terms_of_folded(field, text, &folded)
}

/// The same, of a text that was folded already.
pub(super) fn terms_of_folded(field: u64, text: &str, folded: &str) -> TextTerms {
    let address = address_in(text).map(|address| Term::address(field, address).hash);
    TextTerms { text: Term::text(field, folded).hash, address }
}

/// Puts the text folded in the place of what is there.
pub(super) fn fold_into(text: &str, folded: &mut String) {
    folded.clear();
    if text.is_ascii() {
        folded.push_str(text);
        folded.make_ascii_lowercase();
    } else {
        folded.extend(text.chars().map(fold));
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

/// Tells whether investigations ask for values of the field.
fn is_core(field: Field) -> bool {
    let name = field.name();
    field.kind() == FieldKind::Ip
        || ["user.", "host.", "dns.", "file.hash.", "source.user", "destination.user"]
            .iter()
            .any(|start| name.starts_with(start))
        || [".domain", ".mac", ".address"].iter().any(|end| name.ends_with(end))
        || matches!(
            field,
            Field::EventCode | Field::ProcessName | Field::FileName | Field::EventAction
        )
}
