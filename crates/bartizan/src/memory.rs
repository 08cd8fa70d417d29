//! What the rules remembered before a restart: from its checkpoint, and from the events since.

use std::path::{Path, PathBuf};
use std::time::Duration;

use detect::{Engine, Health, Memory};
use model::{EventId, Timestamp};
use pipeline::Remembered;
use sigma::RuleKind;
use store::Store;
use triage::Triage;

use crate::config::Config;
use crate::output::complain;

/// Events that are read at a time.
const EVENTS_AT_ONCE: u64 = 8_192;
/// Bounds how many events after a checkpoint are looked at again; the newest count.
const SINCE_CHECKPOINT_MAX: u64 = 1_000_000;
/// The same where there is no checkpoint, so that the start stays quick.
const WITHOUT_CHECKPOINT_MAX: u64 = 100_000;

/// Gives the file that keeps what the rules remember.
pub(crate) fn file(config: &Config) -> PathBuf {
    config.data.join("memory")
}

/// What is looked at again, and what becomes of it.
pub(crate) struct Replay<'a> {
    pub(crate) checkpoint: &'a Path,
    pub(crate) store: &'a Store,
    pub(crate) engine: &'a Engine,
    pub(crate) triage: &'a Triage,
    /// Up to which event all detections have become alerts.
    pub(crate) detected_upto: EventId,
    pub(crate) now: Timestamp,
}

/// Gives what the rules remember of all stored events. Detections of events that were stored just
/// before the process was cut off become alerts now; all others were told before.
pub(crate) fn replay(replay: &Replay<'_>) -> anyhow::Result<Remembered> {
    let (mut remembered, floor) = begin(replay);
    let (mut found, mut missed) = (Vec::new(), Vec::new());
    let end = EventId(replay.store.next_id());
    let mut upto = replay.detected_upto;
    while remembered.next < end {
        for event in replay.store.since(remembered.next, EVENTS_AT_ONCE)? {
            if event.ingested < floor {
                continue;
            }
            let Remembered { memory, health, .. } = &mut remembered;
            replay.engine.observe(&event, memory, &mut found);
            health.observe(&event);
            health.observe_hits(&event, replay.engine.rules(), memory);
            if event.id > replay.detected_upto {
                missed.append(&mut found);
            }
            found.clear();
            upto = upto.max(event.id);
        }
        remembered.next = EventId(remembered.next.0.saturating_add(EVENTS_AT_ONCE)).min(end);
    }
    if !missed.is_empty() {
        replay.triage.fold_upto(&missed, upto)?;
    }
    Ok(remembered)
}

/// Gives what is remembered without looking at an event, and since when events are of use.
fn begin(replay: &Replay<'_>) -> (Remembered, Timestamp) {
    let next = replay.store.next_id();
    let back = |count: u64| EventId(next.saturating_sub(count));
    let why = match Remembered::read(replay.checkpoint, replay.store.keyring()) {
        // Of another store, or of this one before something was put back.
        Ok(Some(read)) if read.next.0 > next => "it is of other events".to_owned(),
        Ok(Some(mut read)) => {
            let anew = read.memory.begun_anew();
            if !anew.is_empty() {
                complain(&format!(
                    "memory    what these remembered cannot be read, and they learn anew: {}",
                    anew.join(", ")
                ));
            }
            let bound = back(SINCE_CHECKPOINT_MAX);
            if read.next < bound {
                let skipped = bound.0 - read.next.0;
                complain(&format!("memory    events not looked at again: {skipped}"));
                read.next = bound;
            }
            return (read, Timestamp::MIN);
        }
        // Nothing was ever kept: the first start, or the first of this version.
        Ok(None) => String::new(),
        Err(error) => error.to_string(),
    };
    let span = longest_timespan(replay.engine);
    if !why.is_empty() {
        let shown = replay.checkpoint.display();
        complain(&format!(
            "memory    {shown} is of no use ({why}); the last {WITHOUT_CHECKPOINT_MAX} events are looked at again"
        ));
    }
    let remembered = Remembered {
        next: back(WITHOUT_CHECKPOINT_MAX),
        memory: Memory::new(),
        health: Health::new(),
    };
    (remembered, replay.now.minus(span))
}

/// Gives the longest time that a correlation looks back.
fn longest_timespan(engine: &Engine) -> Duration {
    let spans = engine.rules().rules().iter().filter_map(|rule| match &rule.kind {
        RuleKind::Correlation(correlation) => Some(correlation.timespan),
        RuleKind::Event(_) => None,
    });
    spans.max().unwrap_or_default()
}
