//! What is known of the event at hand.

use std::sync::Arc;

use super::{Folded, Lanes};
use crate::RuleIndex;
use crate::compile::{Compiled, usize_of};

/// Room for matching, to be used again for the next event; each thread has its own. It also counts
/// what each rule costs.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The rules that it is laid out for.
    identity: Arc<()>,
    pub(super) lanes: Lanes,
    pub(super) told: Told,
    pub(super) folded: Folded,
    pub(super) evaluations: Vec<u64>,
    events: u64,
}

impl Scratch {
    /// Gives how often a rule was a candidate and so was evaluated, since these rules came.
    pub fn evaluations(&self, rule: RuleIndex) -> u64 {
        self.evaluations.get(rule.0).copied().unwrap_or(0)
    }

    /// Gives how many events were matched since these rules came.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Begins an event; other rules than before begin anew.
    pub(super) fn begin(&mut self, compiled: &Compiled) {
        if !Arc::ptr_eq(&self.identity, &compiled.identity) {
            *self = Self {
                identity: Arc::clone(&compiled.identity),
                told: Told::of(compiled),
                folded: Folded::of(compiled.places.len()),
                evaluations: vec![0; compiled.programs.len()],
                ..Self::default()
            };
        }
        self.events += 1;
        self.folded.begin();
        if self.told.begin() {
            self.folded.forget();
        }
    }
}

/// What was found true of an event. Everything is marked with the event's number: what bears an
/// older one is not known.
#[derive(Debug, Default)]
pub(super) struct Told {
    now: u32,
    atoms: Vec<u32>,
    facts: Vec<u32>,
    /// Twice the number, and one more where the test passed.
    tests: Vec<u64>,
    rules: Vec<u32>,
    called: Vec<u32>,
}

impl Told {
    fn of(compiled: &Compiled) -> Self {
        Self {
            now: 0,
            atoms: vec![0; compiled.atoms],
            facts: vec![0; compiled.facts],
            tests: vec![0; compiled.checks.len()],
            rules: vec![0; compiled.programs.len()],
            called: Vec::with_capacity(compiled.programs.len()),
        }
    }

    /// Begins an event; tells whether the numbers begin anew.
    fn begin(&mut self) -> bool {
        self.called.clear();
        self.now = self.now.wrapping_add(1);
        if self.now == 0 {
            for marks in [&mut self.atoms, &mut self.facts, &mut self.rules] {
                marks.fill(0);
            }
            self.tests.fill(0);
            self.now = 1;
        }
        self.now == 1
    }

    /// Gives the event's number.
    #[inline]
    pub(super) fn event(&self) -> u32 {
        self.now
    }

    /// Notes an atom; tells whether that is new.
    #[inline]
    pub(super) fn hear(&mut self, atom: u32) -> bool {
        mark(&mut self.atoms, atom, self.now)
    }

    /// Notes a fact; tells whether that is new.
    #[inline]
    pub(super) fn learn(&mut self, fact: u32) -> bool {
        mark(&mut self.facts, fact, self.now)
    }

    /// Tells whether a fact was noted.
    #[inline]
    pub(super) fn knows(&self, fact: u32) -> bool {
        self.facts.get(usize_of(fact)).is_some_and(|mark| *mark == self.now)
    }

    /// Tells whether a test passes, trying it once an event.
    #[inline]
    pub(super) fn passes(&mut self, test: u32, passes: impl FnOnce() -> bool) -> bool {
        let Some(mark) = self.tests.get_mut(usize_of(test)) else { return false };
        let failed = u64::from(self.now) << 1;
        if *mark & !1 != failed {
            *mark = failed | u64::from(passes());
        }
        *mark & 1 != 0
    }

    /// Calls a rule, once an event.
    #[inline]
    pub(super) fn call(&mut self, rule: u32) {
        if mark(&mut self.rules, rule, self.now) {
            self.called.push(rule);
        }
    }

    /// Gives the rule that was called as that one.
    #[inline]
    pub(super) fn called(&self, index: usize) -> Option<u32> {
        self.called.get(index).copied()
    }
}

#[inline]
fn mark(marks: &mut [u32], index: u32, now: u32) -> bool {
    match marks.get_mut(usize_of(index)) {
        Some(mark) if *mark != now => {
            *mark = now;
            true
        }
        _ => false,
    }
}
