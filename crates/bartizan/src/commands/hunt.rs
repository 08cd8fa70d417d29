//! `bartizan hunt`: the live engine over old files.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Instant;

use detect::{Engine, Memory};
use model::{Detection, EventId};
use parse::{Parser, ParserConfig};
use source::{Import, ImportConfig};

use crate::failure::Outcome;
use crate::interrupt::Interrupt;
use crate::output::{Cell, Printer, Shape, complain, complain_of};
use crate::rules::{self, Shipped};
use crate::{progress, usage};

const COLUMNS: [&str; 11] = [
    "time",
    "rule.id",
    "rule.title",
    "rule.level",
    "rule.tags",
    "entity.type",
    "entity.value",
    "source.ip",
    "count",
    "summary",
    "events",
];

/// Runs the rules over old files or folders; prints one detection a line.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan hunt /var/log
  bartizan hunt --output json auth.log.1.gz | jq .summary
  bartizan hunt --rules ./my-rules --no-default-rules --stats incident/

The records' own clock counts. Ends with 0 whether or not anything was found; with 1 where a rule
was set aside, with 3 where a file could not be read.")]
pub(crate) struct Args {
    /// Further rules: a file or a folder; may be given several times
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    /// Leaves the shipped rules out
    #[arg(long)]
    no_default_rules: bool,
    /// The shape of the detections
    #[arg(long, value_enum, default_value_t)]
    output: Shape,
    /// Tells events, events a second, processor time, memory and hits of each rule
    #[arg(long)]
    stats: bool,
    /// How far the clocks of senders that name no zone are ahead of UTC, in minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 0, allow_negative_numbers = true,
          value_parser = clap::value_parser!(i32).range(-840..=840))]
    utc_offset: i32,
    /// Files or folders, packed or not; `-` for standard input
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let began = Instant::now();
    let shipped = if args.no_default_rules { Shipped::Without } else { Shipped::With };
    let loaded = rules::load(shipped, &args.rules)?;
    for fault in &loaded.faults {
        complain_of(fault);
    }
    let mut outcome = if loaded.faults.is_empty() { Outcome::Done } else { Outcome::Fault };
    let engine = Engine::new(loaded.rules);
    let config = ImportConfig { input: "hunt".to_owned(), ..ImportConfig::default() };
    let mut import = Import::new(&args.paths, config)?;
    let bar = progress::bar(&import.progress());
    let interrupt = Interrupt::listen()?;
    let parser = Parser::new(ParserConfig { utc_offset_seconds: args.utc_offset * 60 });

    let mut printer = Printer::new(args.output, &COLUMNS)?;
    let mut memory = Memory::default();
    let mut found = Vec::new();
    let mut hits: HashMap<String, u64> = HashMap::new();
    let mut events = 0_u64;
    while let Some(records) = import.next() {
        for record in records {
            let mut event = parser.parse(record);
            events += 1;
            event.id = EventId(events);
            engine.analyse(&mut event);
            engine.observe(&event, &mut memory, &mut found);
        }
        for detection in found.drain(..) {
            *hits.entry(detection.rule.title.clone()).or_default() += 1;
            printer.row(&row(&detection))?;
        }
        progress::show(&bar, &import.progress());
        if interrupt.is_asked() {
            outcome = Outcome::Interrupted;
            break;
        }
    }
    bar.finish_and_clear();
    printer.finish()?;
    if args.stats {
        tell_stats(events, began, &hits);
    }
    Ok(outcome.max(progress::tell_faults(&import)))
}

fn row(detection: &Detection) -> Vec<Cell> {
    let rule = &detection.rule;
    let entity = detection.entity.as_ref();
    vec![
        detection.time.to_string().into(),
        rule.id.clone().into(),
        rule.title.clone().into(),
        rule.level.as_str().into(),
        Cell::List(rule.tags.clone()),
        entity.map(|entity| entity.kind.as_str()).into(),
        entity.map(|entity| entity.value.clone()).into(),
        detection.source_ip.map(|address| address.to_string()).into(),
        detection.count.into(),
        detection.summary.clone().into(),
        Cell::List(detection.events.iter().map(ToString::to_string).collect()),
    ]
}

fn tell_stats(events: u64, began: Instant, hits: &HashMap<String, u64>) {
    let wall = began.elapsed().as_secs_f64();
    let used = usage::now();
    let rate = f64::from(u32::try_from(events).unwrap_or(u32::MAX)) / wall.max(1e-9);
    complain(&format!("events            {events}"));
    complain(&format!("events a second   {rate:.0}"));
    complain(&format!("processor seconds {:.2}", used.processor.as_secs_f64()));
    complain(&format!("peak memory       {} MB", used.peak_bytes >> 20));
    let mut sorted: Vec<_> = hits.iter().collect();
    sorted.sort_by_key(|(title, count)| (std::cmp::Reverse(**count), (*title).clone()));
    for (title, count) in sorted {
        complain(&format!("{count:>17} {title}"));
    }
}
