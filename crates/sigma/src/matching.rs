//! Which rules one event matches, by what [`compile`](crate::compile) made ready.
//!
//! The event's labels choose its [`Lane`](lane::Lane): the rules of fitting logsources and the places
//! where they look. Each value in such a place is folded once and searched once; each atom found
//! makes its facts true, each fact calls the rules that wait for it, and the programs of the rules
//! that were called say which match. What is known of an event is kept by marking it with the event's
//! number, so that nothing has to be cleared for the next one, and nothing is allocated.

mod folded;
mod lane;
mod scratch;

use model::{Event, Field, Value};

use self::folded::Folded;
use self::lane::{Lane, Lanes};
pub use self::scratch::Scratch;
use self::scratch::Told;
use crate::RuleIndex;
use crate::compile::facts::{FactId, TEST};
use crate::compile::places::{Place, PlaceId};
use crate::compile::{Compiled, usize_of};
use crate::logsource::Labels;

impl Compiled {
    /// Appends the rules that an event matches, in their order.
    pub(crate) fn matches(&self, event: &Event, scratch: &mut Scratch, found: &mut Vec<RuleIndex>) {
        scratch.begin(self);
        let Scratch { lanes, told, folded, evaluations, .. } = scratch;
        let lane = lanes.of(&Labels::of(event), self);
        if lane.is_empty() {
            return;
        }
        self.look(event, lane, told, folded);
        let first = found.len();
        let mut next = 0;
        for rule in &lane.always {
            told.call(*rule);
        }
        while let Some(rule) = told.called(next) {
            next += 1;
            if let Some(count) = evaluations.get_mut(usize_of(rule)) {
                *count += 1;
            }
            if self.programs.run(rule, |fact| self.holds(fact, event, told)) {
                found.push(RuleIndex(usize_of(rule)));
            }
        }
        found.get_mut(first..).unwrap_or_default().sort_unstable();
    }

    /// Walks the event's fields once and notes what is true of them.
    fn look(&self, event: &Event, lane: &Lane, told: &mut Told, folded: &mut Folded) {
        for (field, value) in event.known() {
            if let Some(place) = self.places.of_known(field) {
                self.look_at(place, value, lane, told, folded);
            }
        }
        for (place, value) in event.extras_in(self.places.named()) {
            // Beside a known field of the same name it does not count.
            let known = self.places.known_field(place);
            if known.is_none_or(|field| event.get(field).is_none()) {
                self.look_at(place, value, lane, told, folded);
            }
        }
        for (field, place) in self.places.everywhere() {
            if let Some(value) = event.get(*field) {
                self.look_at(*place, value, lane, told, folded);
            }
        }
        if let Some(place) = self.places.find(&Place::Record) {
            self.look_at(place, Value::Text(event.original()), lane, told, folded);
        }
        if let (Some(place), Some(text)) =
            (self.places.find(&Place::Message), event.text(Field::Message))
        {
            self.look_at(place, Value::Text(text), lane, told, folded);
        }
    }

    #[inline]
    fn look_at(
        &self,
        place: PlaceId,
        value: Value<'_>,
        lane: &Lane,
        told: &mut Told,
        folded: &mut Folded,
    ) {
        if !lane.looks_at(place) {
            return;
        }
        let Some(finder) = self.finders.get(usize_of(place)) else { return };
        for element in value.each() {
            finder.find(element, |atom| self.hear(atom, lane, told));
            if let Some(texts) = finder.texts() {
                texts.scan(folded.of(element), |atom| self.hear(atom, lane, told));
            }
        }
    }

    /// Notes that an atom holds, and what follows.
    #[inline]
    fn hear(&self, atom: u32, lane: &Lane, told: &mut Told) {
        if !told.hear(atom) {
            return;
        }
        for fact in self.facts_of.get(atom) {
            if told.learn(*fact) {
                for rule in self.calls.get(*fact) {
                    if lane.fits(self.sources.of_rule(*rule)) {
                        told.call(*rule);
                    }
                }
            }
        }
    }

    #[inline]
    fn holds(&self, fact: FactId, event: &Event, told: &mut Told) -> bool {
        if fact & TEST == 0 {
            return told.knows(fact);
        }
        let test = fact & !TEST;
        told.passes(test, || self.tests.get(usize_of(test)).is_some_and(|test| test.matches(event)))
    }
}
