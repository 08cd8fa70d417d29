//! The whole line, measured: parse, parse and detect, and everything to disk, over one generated
//! corpus of mixed lines; then start-up time and idle memory of the real binary.
//!
//! Each lane runs in a process of its own, so that its memory is its own. Rates are per core: events
//! by seconds of processor time of all threads.

mod lanes;
mod product;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

/// The product's.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const EVENTS: usize = 1_000_000;
const SEED: u64 = 1;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [lane, corpus] = arguments.as_slice()
        && let Some(name) = lane.strip_prefix("--lane=")
    {
        return lanes::run(name, Path::new(corpus));
    }
    let events = match arguments.as_slice() {
        [] => EVENTS,
        [number] => number.parse().context("usage: line [EVENTS]")?,
        _ => anyhow::bail!("usage: line [EVENTS]"),
    };
    let folder = tempfile::Builder::new().prefix("bartizan-bench").tempdir_in(cache()?)?;
    let corpus = folder.path().join("corpus.log");
    let bytes = generate(&corpus, events)?;
    println!("{events} generated lines, {:.0} bytes in the mean\n", bytes as f64 / events as f64);
    println!(
        "| lane | events/s per core | events/s | CPU s | wall s | peak MB | bytes/event on disk | hits |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for lane in lanes::NAMES {
        let status = Command::new(std::env::current_exe()?)
            .arg(format!("--lane={lane}"))
            .arg(&corpus)
            .status()?;
        anyhow::ensure!(status.success(), "the lane {lane} failed");
    }
    println!();
    product::run(folder.path())
}

/// Gives a folder on a real disk: a measurement of the disk in a memory file system would be none.
fn cache() -> anyhow::Result<PathBuf> {
    let executable = std::env::current_exe()?;
    Ok(executable.parent().context("no folder of the executable")?.to_path_buf())
}

fn generate(path: &Path, events: usize) -> anyhow::Result<usize> {
    let mut out = BufWriter::new(File::create(path)?);
    let mut bytes = 0;
    for line in simulate::corpus(SEED).take(events) {
        bytes += line.len();
        out.write_all(line.as_bytes())?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(bytes)
}
