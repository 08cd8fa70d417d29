//! Indexes: beside each segment a file that tells which of its rows may hold a value or a text, and
//! what was counted when it was written.
//!
//! A segment without an index, or with one that cannot be read, is searched whole. What an index
//! tells only spares work: it may name rows that do not pass, and never leaves one out that does.
//!
//! | part | what it tells | grain |
//! |---|---|---|
//! | [`terms`] | where a value of a field stands, by its hash | 128 rows |
//! | [`letters`] | where four letters in a row stand, in any text | 32 rows |
//! | [`grams`] | where four bytes in a row that are not all letters may stand, in any text | 1,024 rows |
//! | [`counts`] | events a minute; the most frequent values of each column | the segment |

mod bits;
mod build;
mod cache;
mod candidates;
mod counts;
mod directory;
mod file;
mod grams;
mod letters;
mod rows;
mod terms;

pub(crate) use build::Builder;
pub(crate) use cache::{Index, Indexes, Values};
pub(crate) use candidates::candidates;
pub(crate) use counts::MINUTE_NANOS;
pub(crate) use rows::Rows;

use std::path::{Path, PathBuf};

/// Gives the name of the index beside a segment's file.
pub(crate) fn path_beside(segment: &Path) -> PathBuf {
    segment.with_extension("index")
}
