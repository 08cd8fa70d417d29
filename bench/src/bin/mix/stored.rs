//! The mix in a store: what it costs to put it there, how much room it takes, what questions cost.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use bench::mix::Mix;
use bench::timing::thread_time;
use catalog::Catalog;
use seal::{DataKey, KeyId, Keyring};
use serde_json::{Map, Value, json};
use store::{Config, Store};

use super::questions::{self, process_time};

/// How many events one append makes durable.
const BATCH: usize = 1000;

fn open(folder: &Path) -> Result<Store> {
    std::fs::create_dir_all(folder)?;
    let catalog = Catalog::open(&folder.join("catalog.db"))?;
    // The machine may be busy with others; an append then waits for room instead of giving up.
    let room_wait_max = Duration::from_mins(10);
    // Sealed as by default; the columns of plain files can be told apart, with PLAIN set.
    let keyring = match std::env::var_os("PLAIN") {
        Some(_) => None,
        None => Some(Keyring::of_keys([(KeyId(1), DataKey::from_bytes([7; 32])?)])?),
    };
    let config = Config { room_wait_max, keyring, ..Config::default() };
    Ok(Store::open(folder, catalog, config)?)
}

/// Stores the events, through the log and into segments, then asks.
pub(crate) fn fill(folder: &Path, events: u64) -> Result<()> {
    anyhow::ensure!(!folder.join("catalog.db").exists(), "{} is not empty", folder.display());
    let store = open(folder)?;
    let (began, before) = (Instant::now(), process_time());
    let mut making = Duration::ZERO;
    let mut mix = Mix::new(events);
    loop {
        let start = thread_time();
        let batch: Vec<_> = mix.by_ref().take(BATCH).collect();
        making += thread_time().saturating_sub(start);
        if batch.is_empty() {
            break;
        }
        store.append(&batch, &[])?;
    }
    store.flush()?;
    let cpu = process_time().saturating_sub(before).saturating_sub(making);
    let wall = began.elapsed().saturating_sub(making);
    let mean = |bytes: u64| bytes as f64 / events.max(1) as f64;
    let fresh = mean(store.stats().segment_bytes);
    let ingest_peak = peak_megabytes()?;
    let before = process_time();
    store.keep()?;
    let merge = process_time().saturating_sub(before);
    let merge_peak = peak_megabytes()?;
    let stats = store.stats();
    let index = index_bytes(folder)?;
    let mut told = json!({
        "engine": "Bartizan",
        "events": stats.in_segments,
        "segments": stats.segments,
        "fresh_bytes": fresh,
        "bytes": mean(stats.segment_bytes),
        "index_bytes": mean(index),
        "ingest_cpu_s": cpu.as_secs_f64(),
        "merge_cpu_s": merge.as_secs_f64(),
        "cpu_s": (cpu + merge).as_secs_f64(),
        "wall_s": wall.as_secs_f64(),
        "ingest_peak_mb": ingest_peak,
        "merge_peak_mb": merge_peak,
    });
    tell(&store, &mut told)?;
    store.close()?;
    Ok(())
}

/// Asks a store that is there.
pub(crate) fn ask(folder: &Path, events: u64) -> Result<()> {
    let store = open(folder)?;
    let stats = store.stats();
    let mut told = json!({
        "engine": "Bartizan",
        "events": stats.in_segments,
        "segments": stats.segments,
        "bytes": stats.segment_bytes as f64 / events.max(1) as f64,
        "index_bytes": index_bytes(folder)? as f64 / events.max(1) as f64,
    });
    tell(&store, &mut told)?;
    store.close()?;
    Ok(())
}

fn tell(store: &Store, told: &mut Value) -> Result<()> {
    let answers: Map<String, Value> = questions::ask(store)?
        .into_iter()
        .map(|answer| {
            let cpu_ms = answer.cpu.as_secs_f64() * 1000.0;
            (answer.name.to_owned(), json!({ "cpu_ms": cpu_ms, "rows": answer.rows }))
        })
        .collect();
    if let Some(object) = told.as_object_mut() {
        object.insert("questions".to_owned(), Value::Object(answers));
    }
    println!("{told}");
    Ok(())
}

/// Gives how much memory the process had at most since this was asked last.
fn peak_megabytes() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    let kilobytes: u64 = kilobytes.unwrap_or_default().parse()?;
    // From here on the peak is counted anew.
    std::fs::write("/proc/self/clear_refs", "5")?;
    Ok(kilobytes / 1024)
}

/// Gives the bytes of all indexes.
fn index_bytes(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    for day in std::fs::read_dir(folder.join("segments"))? {
        for file in std::fs::read_dir(day?.path())? {
            let file = file?;
            if file.path().extension().is_some_and(|end| end == "index") {
                sum += file.metadata()?.len();
            }
        }
    }
    Ok(sum)
}
