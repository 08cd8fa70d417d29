//! The store's figures upon the mix of five million events, and the mix as a table for other engines.
//!
//! ```text
//! mix table FILE [EVENTS]      writes the events as a Parquet file
//! mix store FOLDER [EVENTS]    stores them, asks the questions, prints a JSON object
//! mix ask FOLDER [EVENTS]      asks the questions of a store that is there
//! mix columns FILE...          tells what each column of plain Parquet files costs
//! ```
//!
//! `make compare` drives it; see `bench/compare/compare.py`.

mod columns;
mod questions;
mod stored;
mod table;

use std::path::Path;

use anyhow::Context as _;
use bench::mix::EVENTS;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let events = |rest: &[&str]| match rest {
        [] => Ok(EVENTS),
        [number, ..] => {
            number.parse().with_context(|| format!("`{number}` is no number of events"))
        }
    };
    match words.as_slice() {
        ["table", file, rest @ ..] => table::write(Path::new(file), events(rest)?),
        ["store", folder, rest @ ..] => stored::fill(Path::new(folder), events(rest)?),
        ["ask", folder, rest @ ..] => stored::ask(Path::new(folder), events(rest)?),
        ["columns", files @ ..] if !files.is_empty() => columns::tell(files),
        _ => anyhow::bail!(
            "usage: mix table|store|ask|columns …; see the head of bench/src/bin/mix/main.rs"
        ),
    }
}
