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
use crate::compile::check::Check;
use crate::compile::facts::{FactId, TEST};
use crate::compile::finder::Finder;
use crate::compile::places::PlaceId;
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
            if self.programs.run(rule, |fact| self.holds(fact, event, told, folded)) {
                found.push(RuleIndex(usize_of(rule)));
            }
        }
        found.get_mut(first..).unwrap_or_default().sort_unstable();
    }

    /// Walks the event's fields once and notes what is true of them.
    fn look(&self, event: &Event, lane: &Lane, told: &mut Told, folded: &mut Folded) {
        for (field, value) in event.known() {
            for place in self.places.of_known(field) {
                self.look_at(*place, value, lane, told, folded);
            }
        }
        for (name, field, value) in event.extras_in(self.places.names()) {
            // Beside a known field of the same name it does not count.
            if field.is_none_or(|field| event.get(field).is_none()) {
                for place in self.places.of_named(name) {
                    self.look_at(*place, value, lane, told, folded);
                }
            }
        }
        for field in self.places.everywhere() {
            for place in self.places.of_known(*field) {
                if let Some(value) = event.get(*field) {
                    self.look_at(*place, value, lane, told, folded);
                }
            }
        }
        self.look_for_keywords(&lane.records, Some(event.original()), lane, told, folded);
        self.look_for_keywords(&lane.messages, event.text(Field::Message), lane, told, folded);
    }

    fn look_for_keywords(
        &self,
        places: &[PlaceId],
        text: Option<&str>,
        lane: &Lane,
        told: &mut Told,
        folded: &mut Folded,
    ) {
        let (false, Some(text)) = (places.is_empty(), text) else { return };
        let range = folded.add_text(text);
        for place in places {
            let finder = self.finders.get(usize_of(*place));
            if let Some(texts) = finder.and_then(Finder::texts) {
                texts.scan(folded.text(range.clone()), |atom| self.hear(atom, lane, told));
            }
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
        }
        if finder.needs_text() {
            let text = folded.add(place, value, told.event());
            if let Some(texts) = finder.texts() {
                texts.scan(text, |atom| self.hear(atom, lane, told));
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
    fn holds(&self, fact: FactId, event: &Event, told: &mut Told, folded: &Folded) -> bool {
        if fact & TEST == 0 {
            return told.knows(fact);
        }
        let check = fact & !TEST;
        let now = told.event();
        told.passes(check, || match self.checks.get(usize_of(check)) {
            Some(Check::Pieces(place, rows)) => folded
                .get(*place, now)
                .is_some_and(|(values, ascii)| rows.iter().any(|row| row.stands(values, ascii))),
            Some(Check::Node(node)) => node.matches(event),
            None => false,
        })
    }
}
