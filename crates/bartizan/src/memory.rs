//! What the rules remembered before a restart, won back from the stored events.

use std::time::{Duration, Instant};

use detect::{Engine, Memory};
use model::{EventId, Timestamp};
use query::{Node, Predicate};
use store::{Order, Scope, Search, Store};
use triage::Triage;

/// How far back events are read again: the longest span of most correlations.
const REPLAY_SPAN: Duration = Duration::from_hours(1);
/// Bounds how many events are read again, so that the start stays quick; the newest count.
const REPLAY_EVENTS_MAX: usize = 50_000;
/// Bounds how long that may take.
const REPLAY_WITHIN: Duration = Duration::from_secs(2);

/// What is replayed, and what becomes of it.
pub(crate) struct Replay<'a> {
    pub(crate) store: &'a Store,
    pub(crate) engine: &'a Engine,
    pub(crate) triage: &'a Triage,
    /// Up to which event all detections have become alerts.
    pub(crate) detected_upto: EventId,
    pub(crate) now: Timestamp,
}

/// Runs the rules over the last stored events and gives what they remember of them. Detections of
/// events that were stored just before the process was cut off become alerts now; all others were
/// told before.
pub(crate) fn replay(replay: &Replay<'_>) -> anyhow::Result<Memory> {
    let mut memory = Memory::default();
    let (mut found, mut missed) = (Vec::new(), Vec::new());
    let scope = Scope {
        from: replay.now.minus(REPLAY_SPAN),
        deadline: Some(Instant::now() + REPLAY_WITHIN),
        ..Scope::of(Predicate::new(Node::All))
    };
    let search = Search { scope, order: Order::Newest, limit: REPLAY_EVENTS_MAX, cursor: None };
    let last = replay.store.search(&search)?;
    let mut upto = replay.detected_upto;
    for event in last.events.iter().rev() {
        replay.engine.observe(event, &mut memory, &mut found);
        if event.id > replay.detected_upto {
            missed.append(&mut found);
        }
        found.clear();
        upto = upto.max(event.id);
    }
    if !missed.is_empty() {
        replay.triage.fold_upto(&missed, upto)?;
    }
    Ok(memory)
}
