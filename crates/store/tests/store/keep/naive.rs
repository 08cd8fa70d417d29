//! Whatever is done in whatever order equals a plain list of events.

use std::collections::BTreeMap;
use std::sync::Arc;

use catalog::{JobKind, NewHold};
use model::{Event, Timestamp};
use proptest::prelude::*;
use query::Predicate;
use store::{KeepConfig, KeepSet, Store};

use super::{DAY, World, all_of, hold, job};
use crate::samples::json;

#[derive(Clone, Debug)]
enum Act {
    Append(u64),
    Flush,
    Keep,
    Compact,
    Pass(i64),
    Hold { from: i64, length: i64, matching: &'static str },
    Release(usize),
    Purge(&'static str),
    Reopen,
}

const QUESTIONS: [&str; 5] = [
    "user.name: bob",
    "host.name: web-1 and not event.outcome: failure",
    "fw.rule: *",
    "",
    "message: quoted",
];

fn act() -> impl Strategy<Value = Act> {
    let question = || proptest::sample::select(&QUESTIONS[..]);
    prop_oneof![
        6 => (1_u64..60).prop_map(Act::Append),
        4 => Just(Act::Flush),
        4 => Just(Act::Keep),
        1 => Just(Act::Compact),
        4 => proptest::sample::select(vec![600, 3600, DAY, 3 * DAY, 12 * DAY]).prop_map(Act::Pass),
        1 => (-3 * DAY..DAY, 600..3 * DAY, question())
            .prop_map(|(from, length, matching)| Act::Hold { from, length, matching }),
        1 => (0_usize..4).prop_map(Act::Release),
        2 => question().prop_map(Act::Purge),
        2 => Just(Act::Reopen),
    ]
}

/// What a list of events says of the same acts.
#[derive(Default)]
struct Naive {
    events: BTreeMap<u64, Arc<Event>>,
    holds: Vec<(catalog::HoldId, NewHold)>,
    next: u64,
}

impl Naive {
    fn is_held(&self, event: &Event) -> bool {
        self.holds.iter().any(|(_, hold)| {
            (hold.from..hold.to).contains(&event.time)
                && Predicate::parse(&hold.matching).unwrap().matches(event)
        })
    }

    fn purge(&mut self, matching: &str) {
        let predicate = Predicate::parse(matching).unwrap();
        let gone: Vec<u64> = self
            .events
            .values()
            .filter(|event| predicate.matches(event) && !self.is_held(event))
            .map(|event| event.id.0)
            .collect();
        for id in gone {
            self.events.remove(&id);
        }
    }

    /// For how many days it is kept.
    fn days(event: &Event) -> i64 {
        if Predicate::parse("user.name: alice").unwrap().matches(event) { 2 } else { 10 }
    }

    /// Compares; takes over what went by its age, which may be a little later than it is due.
    fn compare(&mut self, store: &Store, world: &World, kept: bool, flushed: bool) {
        let found: BTreeMap<u64, Arc<Event>> =
            all_of(store).into_iter().map(|event| (event.id.0, event)).collect();
        let ours: Vec<Arc<Event>> = found.values().cloned().collect();
        let theirs: Vec<Arc<Event>> =
            found.keys().filter_map(|id| self.events.get(id).cloned()).collect();
        assert_eq!(json(&ours), json(&theirs), "what is there is as it was, and nothing else");
        for event in self.events.values() {
            let age = world.now() - event.ingested.seconds();
            let is_due = age > Self::days(event) * DAY && !self.is_held(event);
            let is_there = found.contains_key(&event.id.0);
            assert!(is_there || is_due, "event {} went", event.id);
            // Held rows may keep others of their segment for an hour after the hold's end.
            let is_overdue = age > (Self::days(event) + 8) * DAY && self.holds.is_empty();
            assert!(
                !(kept && flushed && is_overdue && is_there && !self.is_held(event)),
                "event {} stayed",
                event.id
            );
        }
        self.events = found;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_done_equals_a_list(acts in proptest::collection::vec(act(), 1..40)) {
        let set = KeepSet { matching: "user.name: alice".to_owned(), days: 2, gigabytes: 0.0 };
        let world =
            World::new(KeepConfig { days: 10, sets: vec![set], ..KeepConfig::default() });
        let mut store = world.open();
        let catalog = world.catalog();
        let mut naive = Naive::default();
        let mut flushed = true;
        for act in acts {
            let mut kept = false;
            match &act {
                Act::Append(count) => {
                    let batch = world.events(naive.next..naive.next + count);
                    naive.next += count;
                    store.append(&batch, &[]).unwrap();
                    naive.events.extend(batch.into_iter().map(|event| (event.id.0, event)));
                    flushed = false;
                }
                Act::Flush => {
                    store.flush().unwrap();
                    flushed = true;
                }
                Act::Keep => {
                    // What nothing was to be done about is looked at again after an hour.
                    world.pass(3601);
                    store.keep().unwrap();
                    kept = true;
                }
                Act::Compact => {
                    catalog.add_job(&job(JobKind::Compact, "")).unwrap();
                    store.keep().unwrap();
                }
                Act::Pass(seconds) => world.pass(*seconds),
                Act::Hold { from, length, matching } => {
                    let from = world.now() + from;
                    let new = hold(from, from + length, matching);
                    naive.holds.push((catalog.hold(&new).unwrap(), new));
                }
                Act::Release(place) => {
                    if *place < naive.holds.len() {
                        let (id, _) = naive.holds.remove(*place);
                        catalog.release(id, Timestamp::from_seconds(world.now()), "ada").unwrap();
                    }
                }
                Act::Purge(matching) => {
                    catalog.add_job(&job(JobKind::Purge, matching)).unwrap();
                    store.keep().unwrap();
                    naive.purge(matching);
                    flushed = true;
                }
                Act::Reopen => {
                    drop(store);
                    store = world.open();
                }
            }
            naive.compare(&store, &world, kept, flushed);
            prop_assert!(store.stats().is_balanced(), "{:?} after {:?}", store.stats(), act);
            prop_assert_eq!(store.stats().orphans, 0);
        }
        prop_assert!(catalog.waiting_jobs().unwrap().is_empty());
    }
}
