//! What the rules remembered before a restart, won back from the stored events.

use std::time::{Duration, Instant};

use detect::{Engine, Memory};
use model::Timestamp;
use query::{Node, Predicate};
use store::{Order, Scope, Search, Store};

/// How far back events are read again: the longest span of most correlations.
const REPLAY_SPAN: Duration = Duration::from_hours(1);
/// Bounds how many events are read again, so that the start stays quick; the newest count.
const REPLAY_EVENTS_MAX: usize = 50_000;
/// Bounds how long that may take.
const REPLAY_WITHIN: Duration = Duration::from_secs(2);

/// Runs the rules over the last stored events and keeps what they remember of them. What they
/// detect was detected before, so it is not told again.
pub(crate) fn replay(store: &Store, engine: &Engine, now: Timestamp) -> Memory {
    let mut memory = Memory::default();
    let mut found = Vec::new();
    let scope = Scope {
        from: now.minus(REPLAY_SPAN),
        deadline: Some(Instant::now() + REPLAY_WITHIN),
        ..Scope::of(Predicate::new(Node::All))
    };
    let search = Search { scope, order: Order::Newest, limit: REPLAY_EVENTS_MAX, cursor: None };
    match store.search(&search) {
        Ok(last) => {
            for event in last.events.iter().rev() {
                engine.observe(event, &mut memory, &mut found);
                found.clear();
            }
        }
        Err(error) => {
            tracing::warn!(%error, "the last events cannot be read again; correlations start anew");
        }
    }
    memory
}
