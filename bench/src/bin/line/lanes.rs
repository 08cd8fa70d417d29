//! One lane each: how far down the line the records go.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use catalog::Catalog;
use detect::{Engine, Memory};
use model::{Batch, EventId, Record};
use parse::{Parser, ParserConfig};
use rustix::time::{ClockId, clock_gettime};
use sigma::RuleSet;
use source::{Import, ImportConfig};
use store::Store;
use triage::Triage;

/// The lanes, in the order of the line.
pub(crate) const NAMES: [&str; 4] = ["read", "parse", "parse + detect", "whole line to disk"];

/// What a lane tells besides its time.
#[derive(Default)]
struct Told {
    events: u64,
    disk_bytes: Option<u64>,
    hits: Option<u64>,
}

pub(crate) fn run(name: &str, corpus: &Path) -> anyhow::Result<()> {
    let engine = Engine::new(RuleSet::load(&detect::shipped_rules()).0);
    let config = ImportConfig { input: "bench".to_owned(), ..ImportConfig::default() };
    let import = Import::new(&[corpus.to_path_buf()], config)?;
    let (wall, processor) = (Instant::now(), processor_time());
    let told = match name {
        "read" => read(import),
        "parse" => parse_only(import),
        "parse + detect" => parse_and_detect(import, &engine),
        _ => whole(import, engine, corpus)?,
    };
    let (wall, processor) = (wall.elapsed(), processor_time().saturating_sub(processor));
    let rate = |time: Duration| told.events as f64 / time.as_secs_f64();
    let bytes = told
        .disk_bytes
        .map_or("–".to_owned(), |bytes| format!("{:.1}", bytes as f64 / told.events as f64));
    println!(
        "| {name} | {:.0} | {:.0} | {:.2} | {:.2} | {} | {bytes} | {} |",
        rate(processor),
        rate(wall),
        processor.as_secs_f64(),
        wall.as_secs_f64(),
        peak_bytes() >> 20,
        told.hits.map_or("–".to_owned(), |hits| hits.to_string()),
    );
    Ok(())
}

fn read(import: Import) -> Told {
    let events = import.map(|records| black_box(records).len() as u64).sum();
    Told { events, ..Told::default() }
}

fn parse_only(import: Import) -> Told {
    let parser = Parser::new(ParserConfig::default());
    let mut events = 0;
    for record in import.flatten() {
        black_box(parser.parse(record));
        events += 1;
    }
    Told { events, ..Told::default() }
}

fn parse_and_detect(import: Import, engine: &Engine) -> Told {
    let parser = Parser::new(ParserConfig::default());
    let mut memory = Memory::default();
    let mut found = Vec::new();
    let (mut events, mut hits) = (0, 0);
    for record in import.flatten() {
        let mut event = parser.parse(record);
        events += 1;
        event.id = EventId(events);
        engine.analyse(&mut event, &detect::Indicators::default());
        engine.observe(&event, &mut memory, &mut found);
        hits += found.len() as u64;
        found.clear();
    }
    Told { events, disk_bytes: None, hits: Some(hits) }
}

/// Everything that `serve` does with a record, but for the socket and the browser.
fn whole(import: Import, engine: Engine, corpus: &Path) -> anyhow::Result<Told> {
    let parent = corpus.parent().unwrap_or(Path::new("."));
    let folder = tempfile::Builder::new().prefix("line").tempdir_in(parent)?;
    let catalog = Catalog::open(&folder.path().join("catalog.db"))?;
    let store = Store::open(folder.path(), catalog.clone(), store::Config::default())?;
    let (inlet, batches) = crossbeam_channel::bounded::<Batch>(256);
    let changes = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&changes);
    let line = pipeline::start(
        pipeline::Parts {
            parser: Parser::new(ParserConfig::default()),
            lookup: enrich::Databases::default().lookup(),
            rules: Arc::new(ArcSwap::from_pointee(engine)),
            remembered: pipeline::Remembered::default(),
            checkpoint: folder.path().join("rules.state"),
            store: store.clone(),
            triage: Triage::open(catalog.clone()),
            outbox: Box::new(move |changed| {
                counted.fetch_add(changed.len() as u64, Ordering::Relaxed);
            }),
        },
        batches,
    )?;
    let counters = line.counters();
    for records in import {
        // In pieces such as an input hands on.
        let mut records: Vec<Record> = records;
        while !records.is_empty() {
            let rest = records.split_off(records.len().min(500));
            let sent = inlet.send(Batch { records, ..Batch::default() });
            anyhow::ensure!(sent.is_ok(), "the line ended early");
            records = rest;
        }
    }
    drop(inlet);
    line.join();
    store.flush()?;
    let stats = store.stats();
    anyhow::ensure!(stats.is_balanced(), "the ledger does not balance: {stats:?}");
    store.close()?;
    let totals = counters.totals();
    anyhow::ensure!(totals.stored == stats.in_segments, "not all is in segments: {stats:?}");
    Ok(Told {
        events: totals.stored,
        disk_bytes: Some(stats.segment_bytes + stats.index_bytes),
        hits: Some(totals.detections),
    })
}

fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| {
        line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
    });
    peak.unwrap_or(0) * 1024
}
