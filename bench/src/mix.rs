//! Five million events such as a store meets them, made and the same in each run.
//!
//! A fifth are log-ins over SSH, a quarter web requests, a quarter a firewall's decisions, a fifth
//! questions to a name server and a tenth started processes on Windows; five days of them. Users,
//! hosts and addresses are as unevenly popular as real ones; ids, ports, sizes and gaps between
//! arrivals are random, so that no compression is flattered. Each event has its record as it was
//! received, some twenty of three dozen known fields, and three or four of 75 fields that the schema
//! does not know; of those, a firewall's and Windows' stand in the record, the others beside it, as
//! a shipper adds them.
//!
//! Some values are planted, so that what a search finds can be counted beforehand: see [`needles`].

mod dice;
mod draft;
mod extras;
mod kinds;
pub mod needles;
mod world;

use std::sync::Arc;

use model::{Event, EventId, Timestamp};

use dice::Dice;
use draft::Draft;
use world::World;

/// How many events the figures that are quoted stand upon.
pub const EVENTS: u64 = 5_000_000;
/// 2026-11-16T00:00:00Z.
pub const BEGIN: i64 = 1_794_787_200;
/// How long a time the events fill, however many they are.
pub const DAYS: i64 = 5;
/// How many names of unknown fields there are.
pub const EXTRA_NAMES: usize = 75;

const SPAN_NANOS: u64 = 5 * 86_400 * 1_000_000_000;
/// Up to how many records one read of a source brings.
const READ_RECORDS_MAX: u64 = 7;

/// The events, in the order of their arrival.
#[derive(Debug)]
pub struct Mix {
    dice: Dice,
    world: World,
    draft: Draft,
    total: u64,
    next: u64,
    /// When the last read of a source came back, in nanoseconds since [`BEGIN`].
    arrived: u64,
    /// How many records of that read are still to come.
    waiting: u64,
}

impl Mix {
    /// Gives so many events over [`DAYS`] days.
    pub fn new(events: u64) -> Self {
        let mut dice = Dice::new(20_261_116);
        let world = World::new(&mut dice);
        let draft = Draft::default();
        Self { dice, world, draft, total: events, next: 0, arrived: 0, waiting: 0 }
    }

    /// Gives when the next record is received: records of one read share the moment.
    fn arrival(&mut self) -> Timestamp {
        if self.waiting == 0 {
            self.waiting = 1 + self.dice.below(READ_RECORDS_MAX);
            let mean = SPAN_NANOS / self.total.max(1) * self.waiting;
            let drawn = self.arrived + self.dice.below(mean * 2);
            // Held to the even pace, so that the last one arrives when the span ends.
            let even = SPAN_NANOS / self.total.max(1) * self.next;
            let latest = (even + mean * 16).max(self.arrived);
            let earliest = even.saturating_sub(mean * 16).max(self.arrived).min(latest);
            self.arrived = drawn.clamp(earliest, latest);
        }
        self.waiting -= 1;
        let nanos = BEGIN * 1_000_000_000 + i64::try_from(self.arrived).unwrap_or_default();
        Timestamp::from_nanos(nanos)
    }
}

impl Iterator for Mix {
    type Item = Arc<Event>;

    fn next(&mut self) -> Option<Arc<Event>> {
        if self.next >= self.total {
            return None;
        }
        let received = self.arrival();
        self.draft.begin(received);
        let planted = needles::of(self.next, self.total);
        kinds::write(&mut self.draft, &mut self.dice, &self.world, planted);
        let mut event = self.draft.event();
        event.id = EventId(self.next);
        self.next += 1;
        Some(Arc::new(event))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use model::Field;

    use super::*;

    const SOME: u64 = 50_000;

    #[test]
    fn same_in_each_run() {
        let json = || Mix::new(100).map(|event| event.to_json()).collect::<Vec<_>>();
        assert_eq!(json(), json());
    }

    #[test]
    fn as_broad_as_it_says() {
        let (mut known, mut extra) = (BTreeSet::new(), BTreeSet::new());
        let (mut populated, mut extras, mut bytes, mut record) = (0, 0, 0, 0);
        for event in Mix::new(SOME) {
            known.extend(event.known().map(|(field, _)| field));
            extra.extend(event.extras().map(|extra| extra.name.to_owned()));
            populated += event.known().count() + 3;
            extras += event.extras().count();
            bytes += event.to_json().len();
            record += event.original().len();
        }
        let mean = |sum: usize| sum as f64 / SOME as f64;
        println!("columns {}, populated {:.1}", known.len() + 3, mean(populated));
        println!("record {:.0} bytes", mean(record));
        println!("extra {:.2} of {}, JSON {:.0} bytes", mean(extras), extra.len(), mean(bytes));
        assert_eq!(extra.len(), EXTRA_NAMES + 1, "the names, and the planted one");
        assert!((19.5..22.0).contains(&mean(populated)), "{}", mean(populated));
        assert!((3.0..4.0).contains(&mean(extras)));
    }

    #[test]
    fn needles_are_as_many_as_promised() {
        let events: Vec<_> = Mix::new(SOME).collect();
        let count = |pass: &dyn Fn(&Event) -> bool| {
            u64::try_from(events.iter().filter(|event| pass(event)).count()).unwrap()
        };
        let address = needles::ADDRESS.parse().ok();
        assert_eq!(count(&|event| event.ip(Field::SourceIp) == address), needles::ADDRESS_HITS);
        assert_eq!(count(&|event| event.original().contains(needles::WORD)), needles::WORD_HITS);
        let ticket = |event: &Event| {
            let value = event.get_extra(needles::EXTRA).and_then(model::Value::as_text);
            value == Some(needles::EXTRA_VALUE)
        };
        assert_eq!(count(&ticket), needles::EXTRA_HITS);
        assert_eq!(count(&|event| event.ip(Field::SourceIp) == needles::ABSENT.parse().ok()), 0);
    }

    #[test]
    fn times_fill_the_span_in_order_of_arrival() {
        let events: Vec<_> = Mix::new(SOME).collect();
        assert!(events.is_sorted_by_key(|event| event.ingested));
        let last = events.last().unwrap().ingested.seconds();
        assert!((BEGIN + DAYS * 86_400 - last).abs() < 600, "{last}");
    }
}
