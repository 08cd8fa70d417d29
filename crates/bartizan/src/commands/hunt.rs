//! `bartizan hunt`: the live engine over old files.

mod crew;
mod follow;
mod known;
mod sorted;
mod stats;
mod timeline;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use detect::{Engine, Memory};
use model::{Detection, Level, Timestamp};
use parse::{Parser, ParserConfig};
use source::{Import, ImportConfig};

use self::crew::Work;
use self::follow::Follower;
use self::known::KnownArgs;
use self::stats::Stats;
use self::timeline::Timeline;
use crate::codec::CodecArgs;
use crate::detections::COLUMNS;
use crate::failure::{Outcome, ending};
use crate::interrupt::Interrupt;
use crate::output::{Printer, Shape, complain_of};
use crate::rules::{self, Loaded, Shipped};
use crate::{progress, usage};

/// Runs the rules over old files or folders; prints what they find as a timeline.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan hunt /var/log
  bartizan hunt --output json auth.log.1.gz | jq .summary
  bartizan hunt --rules ./sigma/rules --level high --output csv evtx/ > timeline.csv
  bartizan hunt --rules ./my-rules --no-default-rules --stats incident/
  bartizan hunt --overrides bartizan-data/rules/overrides.yml /var/log
  bartizan hunt --codec fernet --key-file app.keys /var/log/app
  bartizan hunt --data /var/lib/bartizan old-logs/

Reads text logs, JSON lines, Linux audit logs and Windows event files (EVTX), packed or not, on all
cores. The records' own clock counts: detections come sorted by time when all is read, and
correlations see the events of all files in the order of time. What does not fit into some 64 MB
waits in unnamed files in the folder for temporary files. Ctrl-C ends the reading, and what was
found until then is printed; a second one ends at once.

By itself a hunt knows no place of an address and no site: it does not look addresses up, and how unusual
a request is comes from the shipped model alone, on which no shipped rule decides. With --config or --data it
uses what that `serve` has: its databases of addresses, its model of requests, what it learned of its
sites, and who touched its decoys. It learns nothing itself, and changes nothing there; detectors that watch
the present (such as silent sources) stay out.

Ends with 0 whether or not anything was found; with 1 where a rule was set aside, with 3 where a
file could not be read whole, with 130 where it was interrupted.")]
pub(crate) struct Args {
    /// Further rules: a file or a folder; may be given several times
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    /// Leaves the shipped rules out
    #[arg(long)]
    no_default_rules: bool,
    /// What is changed of single rules: off, another level, exceptions; without it, the overrides.yml of a
    /// folder of --rules
    #[arg(long, value_name = "FILE")]
    overrides: Option<PathBuf>,
    /// The shape of the detections
    #[arg(long, value_enum, default_value_t)]
    output: Shape,
    /// Leaves out detections below: informational, low, medium, high or critical
    #[arg(long, value_name = "LEVEL", default_value = "informational", value_parser = level)]
    level: Level,
    /// Leaves out events before that moment (2026-11-21 or 2026-11-21T06:58:00Z)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<Timestamp>,
    /// Leaves out events after that moment
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<Timestamp>,
    /// Tells events, events a second, processor time, memory, and each rule's hits and cost
    #[arg(long)]
    stats: bool,
    /// How many threads to work with; one for each core unless named
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// How far the clocks of senders that name no zone are ahead of UTC, in minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 0, allow_negative_numbers = true,
          value_parser = clap::value_parser!(i32).range(-840..=840))]
    utc_offset: i32,
    #[command(flatten)]
    codec: CodecArgs,
    #[command(flatten)]
    known: KnownArgs,
    /// Files or folders, packed or not; `-` for standard input
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

fn level(word: &str) -> Result<Level, String> {
    Level::parse(word).ok_or_else(|| {
        let known: Vec<&str> = Level::ALL.iter().map(|level| level.as_str()).collect();
        format!("`{word}` is no level; known: {}", known.join(", "))
    })
}

fn moment(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text)
        .or_else(|| Timestamp::parse(&format!("{text}T00:00:00Z")))
        .ok_or_else(|| format!("`{text}` is no moment; write 2026-11-21 or 2026-11-21T06:58:00Z"))
}

/// What was found so far.
#[derive(Default)]
struct Hunt {
    level: Level,
    timeline: Timeline,
    follower: Follower,
    events: u64,
    /// By the rule's id.
    hits: HashMap<String, u64>,
}

impl Hunt {
    fn take(&mut self, detection: &Detection) -> std::io::Result<()> {
        if detection.rule.level < self.level {
            return Ok(());
        }
        // The copy of the id is made once a rule, not once a detection.
        match self.hits.get_mut(&detection.rule.id) {
            Some(hits) => *hits += 1,
            None => drop(self.hits.insert(detection.rule.id.clone(), 1)),
        }
        self.timeline.push(detection)
    }
}

/// Loads the rules with what is changed of them, as `serve` does.
fn load_rules(args: &Args) -> anyhow::Result<Loaded> {
    let shipped = if args.no_default_rules { Shipped::Without } else { Shipped::With };
    let overrides = match &args.overrides {
        Some(file) if !file.is_file() => {
            let sentence = format!("there is no file of overrides {}", file.display());
            return Err(ending(Outcome::Unreadable, sentence));
        }
        Some(file) => Some(file.clone()),
        None => rules::overrides_among(&args.rules)?,
    };
    match overrides {
        Some(file) => rules::load_overridden(shipped, &args.rules, &file),
        None => rules::load(shipped, &args.rules),
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let began = Instant::now();
    let loaded = load_rules(args)?;
    for fault in &loaded.faults {
        complain_of(fault);
    }
    let mut outcome = if loaded.faults.is_empty() { Outcome::Done } else { Outcome::Fault };
    let known = args.known.open()?;
    let mut engine = Engine::new(loaded.rules);
    if let Some(model) = &known.model {
        engine = engine.with_model(Arc::clone(model));
    }
    let ready = usage::now();
    let codec = args.codec.open("hunt")?;
    let config = ImportConfig {
        input: args.known.input(),
        codec,
        readers: wire::READERS,
        ..ImportConfig::default()
    };
    let import = Import::new(&args.paths, config)?;
    let bar = progress::bar(&import.progress());
    let interrupt = Interrupt::listen()?;
    let parser = Parser::new(ParserConfig { utc_offset_seconds: args.utc_offset * 60 });
    let work = Work {
        engine: &engine,
        parser: &parser,
        known: &known,
        from: args.from.unwrap_or(Timestamp::MIN),
        to: args.to.unwrap_or(Timestamp::MAX),
        threads: args.threads.map_or_else(crew::threads, usize::from),
        interrupt: &interrupt,
    };
    let mut hunt = Hunt { level: args.level, ..Hunt::default() };
    let (import, memories) = crew::run(import, &work, &mut |found| {
        progress::show(&bar, &found.progress);
        hunt.events += found.events;
        for detection in &found.detections {
            hunt.take(detection)?;
        }
        Ok(found.kept.iter().try_for_each(|kept| hunt.follower.push(kept))?)
    })?;
    bar.finish_and_clear();
    if interrupt.is_asked() {
        outcome = Outcome::Interrupted;
    }

    let follower = std::mem::take(&mut hunt.follower);
    let mut memory = Memory::of_old_events();
    follower.finish(&engine, &mut memory, &mut |detection| hunt.take(&detection))?;
    let mut printer = Printer::new(args.output, &COLUMNS)?;
    std::mem::take(&mut hunt.timeline).print(&mut printer)?;
    printer.finish()?;
    if args.stats {
        stats::tell(&Stats { import: &import, events: hunt.events, began, ready });
        stats::tell_rules(&engine, &hunt.hits, &memories);
    }
    Ok(outcome.max(progress::tell_faults(&import)))
}
