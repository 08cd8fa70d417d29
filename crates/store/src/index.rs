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
mod looked;
mod rows;
mod seen;
mod term;
mod terms;

pub(crate) use build::Builder;
pub(crate) use cache::{Indexes, Values};
pub(crate) use candidates::candidates;
pub(crate) use counts::{MINUTE_NANOS, Spread};
pub(crate) use rows::Rows;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::StoreError;
use crate::error::During;
use crate::folder::entries;

/// Gives the name of the index beside a segment's file.
pub(crate) fn path_beside(segment: &Path) -> PathBuf {
    segment.with_extension("index")
}

/// Deletes the indexes whose segments are not listed: a stop left them behind, and they hold nothing
/// that a segment does not.
pub(crate) fn remove_strays(dir: &Path, listed: &HashSet<PathBuf>) -> Result<(), StoreError> {
    for day in entries(&dir.join("segments"))?.into_iter().filter(|day| day.is_dir()) {
        for path in entries(&day)? {
            let is_index = path.extension().is_some_and(|extension| extension == "index");
            if is_index && !listed.contains(&path.with_extension("parquet")) {
                let what = || format!("delete {}", path.display());
                std::fs::remove_file(&path).during(what)?;
            }
        }
    }
    Ok(())
}
