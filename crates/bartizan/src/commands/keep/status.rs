//! `bartizan store status`: what is kept, for how long, and what goes next.

use model::Timestamp;
use serde_json::{Value, json};
use store::{KeepStatus, SetStatus};

use crate::failure::Outcome;
use crate::output::{Cell, Printer, Shape, say};
use crate::place::{Place, tell_gaps};

/// Shows what is kept, for how long, and what goes next.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan store status
  bartizan store status --output json")]
pub(super) struct Args {
    /// The shape of the answer; csv lists the sets alone
    #[arg(long, value_enum, default_value_t)]
    output: Shape,
}

pub(super) fn run(args: &Args, place: &Place) -> anyhow::Result<Outcome> {
    let store = place.reader()?;
    tell_gaps(&store);
    let status = store.keep_status()?;
    if args.output == Shape::Json {
        say(&as_json(&status).to_string())?;
        return Ok(Outcome::Done);
    }
    let columns =
        ["set", "kept for", "at most", "events", "bytes", "bytes/event", "oldest", "newest"];
    let mut printer = Printer::new(args.output, &columns)?;
    for set in &status.sets {
        printer.row(&row(set))?;
    }
    printer.finish()?;
    if args.output == Shape::Table {
        tell_rest(&status)?;
    }
    Ok(Outcome::Done)
}

fn row(set: &SetStatus) -> [Cell; 8] {
    [
        Cell::Text(set.name.clone()),
        Cell::Text(set.days.map_or("ever".to_owned(), |days| format!("{days} days"))),
        set.bytes_max.map(size).into(),
        set.events.into(),
        Cell::Text(size(set.bytes)),
        per_event(set.bytes, set.events).map(|bytes| Cell::Plain(format!("{bytes:.1}"))).into(),
        set.oldest.map(|time| time.to_string()).into(),
        set.newest.map(|time| time.to_string()).into(),
    ]
}

fn tell_rest(status: &KeepStatus) -> anyhow::Result<()> {
    say("")?;
    for tier in &status.tiers {
        let name = match tier.merged {
            0 => "fresh".to_owned(),
            1 => "merged once".to_owned(),
            times => format!("merged {times} times"),
        };
        let (segments, events, bytes) = (tier.segments, tier.events, size(tier.bytes));
        say(&format!("segments  {name}: {segments}, {events} events, {bytes}"))?;
    }
    say(&format!("log       {} events, not in segments yet", status.in_memory))?;
    let most = status.bytes_max.map_or("any".to_owned(), size);
    say(&format!("size      {} of {most}", size(status.bytes)))?;
    let (free, reserve) = (size(status.disk_free), size(status.disk_reserve));
    say(&format!("disk      {free} free, of which {reserve} stay free"))?;
    let (holds, segments) = (status.held.holds, status.held.segments);
    say(&format!("holds     {holds} in force, {segments} segments concerned"))?;
    match &status.next {
        None => say("next      nothing goes by its age"),
        Some(next) => say(&format!(
            "next      {} events of {} in {}, from {} on",
            next.events, next.set, next.file, next.at
        )),
    }
}

fn as_json(status: &KeepStatus) -> Value {
    let time = |time: Option<Timestamp>| time.map(|time| time.to_string());
    let sets = status.sets.iter().map(|set| {
        json!({
            "set": set.name, "days": set.days, "bytes_max": set.bytes_max, "events": set.events,
            "bytes": set.bytes, "oldest": time(set.oldest), "newest": time(set.newest),
        })
    });
    let tiers = status.tiers.iter().map(|tier| {
        json!({
            "merged": tier.merged, "segments": tier.segments, "events": tier.events,
            "bytes": tier.bytes,
        })
    });
    let next = status.next.as_ref().map(|next| {
        json!({
            "at": next.at.to_string(), "set": next.set, "file": next.file, "events": next.events,
        })
    });
    json!({
        "sets": sets.collect::<Vec<_>>(), "segments": tiers.collect::<Vec<_>>(), "next": next,
        "bytes": status.bytes, "bytes_max": status.bytes_max, "events_in_log": status.in_memory,
        "disk_free": status.disk_free, "disk_reserve": status.disk_reserve,
        "holds": status.held.holds, "segments_held": status.held.segments,
    })
}

/// Gives a size as people read it, in powers of ten as disks are sold.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "three digits are shown")]
fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] =
        [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)];
    match UNITS.iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{:.1} {name}", bytes as f64 / *unit as f64),
        None => format!("{bytes} B"),
    }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "one decimal is shown")]
fn per_event(bytes: u64, events: u64) -> Option<f64> {
    (events > 0).then(|| bytes as f64 / events as f64)
}
