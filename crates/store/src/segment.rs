//! Segments: events at rest, as Parquet files sorted by time.
//!
//! Each known field that occurs in a segment is a column of its own type, named by the field:
//!
//! | kind of field | column |
//! |---|---|
//! | keyword | text |
//! | address | text, in its canonical form |
//! | long, float, flag | 64-bit integer, 64-bit float, boolean |
//! | date | nanoseconds since 1970, UTC |
//! | `event.id` | unsigned 64-bit integer |
//!
//! A field that does not occur has no column and reads as null. A keyword or address field that
//! holds several values stands in its column as a JSON array; one of another kind that does, and
//! every unknown field, stands in `extra`, a JSON object of dotted names. `bartizan.lists` names the
//! fields of the row that hold several values, so that an array is told from a text that looks like
//! one. In the file, a record is kept without what the columns say (see `line`), and frequent unknown
//! fields in columns of their own (see `hot`); readers of segments see neither. What is read back
//! writes the same JSON as what was appended.

mod build;
mod builder;
mod cache;
mod decode;
mod dictionary;
mod extra;
mod footer;
mod hot;
mod hybrid;
mod layout;
mod line;
mod look;
mod needs;
mod one_page;
mod pack;
mod page;
mod pick;
mod read;
mod salvage;
mod sealed;
mod stats;
mod survey;
mod thrift;
mod write;

pub(crate) use build::{Table, batch_of};
pub(crate) use cache::Cache;
pub(crate) use decode::{Decoder, Values, list_items};
pub(crate) use extra::{each_value, field_of};
pub(crate) use footer::{Footer, Span};
pub(crate) use layout::{Column, EXTRA, TEXT_TYPE, data_type};
pub(crate) use look::{Look, look};
pub(crate) use needs::{Asked, Unpacking};
pub(crate) use read::{Batches, Segment, Texts, Wanted, selection, widen};
pub(crate) use salvage::{Gathered, Rewriter, Salvaged, digest_of, salvage};
pub(crate) use sealed::{Sealing, assert_sealed, has_magic, is_sealed, opening, wrapped_key};
pub(crate) use stats::{Bound, SegmentStats};
pub(crate) use write::{PART, SegmentWriter, WriteOptions, day_name, write_generation};
