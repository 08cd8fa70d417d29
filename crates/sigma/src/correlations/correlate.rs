//! What follows from a match: the correlations that name its rule, and those that name them.

use model::Event;

use crate::correlations::found::Match;
use crate::correlations::memory::Expected;
use crate::summary::{Subject, in_words};
use crate::{CorrelationKind, Fired, Memory, Rule, RuleIndex, RuleKind, RuleSet};

impl RuleSet {
    /// Appends the correlations that fire now that `matched` rules matched the event, those that
    /// only serve another correlation among them.
    ///
    /// A correlation fires when its condition becomes true in a group. While it stays true it fires
    /// again each time the count has doubled, and once a timespan: later firings of one burst carry
    /// the count of their own window, which holds what was told before. Where another correlation
    /// counts it, a burst counts once a timespan, however often it doubles.
    pub fn correlate(
        &self,
        event: &Event,
        matched: &[RuleIndex],
        memory: &mut Memory,
        fired: &mut Vec<Fired>,
    ) {
        let mut room = std::mem::take(&mut memory.room);
        let Room { counted, due } = &mut room;
        counted.clear();
        memory.keys.clear();
        let mut next = fired.len();
        for rule in matched {
            self.gather(Origin { event, rule: *rule, inner: None }, memory, counted, due);
        }
        self.follow((event, None), memory, due, fired);
        // No rule follows from itself, so the list ends.
        let mut more = Vec::new();
        while let Some(inner) = fired.get(next) {
            next += 1;
            let origin = Origin { event, rule: inner.rule, inner: Some(inner) };
            self.gather(origin, memory, counted, due);
            self.follow((event, Some(inner)), memory, due, &mut more);
            fired.append(&mut more);
        }
        memory.room = room;
    }

    /// Finds the correlations that name a rule, and what its match is to each of them.
    fn gather(
        &self,
        origin: Origin<'_>,
        memory: &mut Memory,
        counted: &mut Vec<RuleIndex>,
        due: &mut Vec<Due>,
    ) {
        let Origin { event, rule, inner } = origin;
        for &Follower { correlation: follower, place, grouping } in
            self.followers.get(rule.0).into_iter().flatten()
        {
            let Some(Rule {
                header, kind: RuleKind::Correlation(correlation), enabled: true, ..
            }) = self.rule(follower)
            else {
                continue;
            };
            let weight = match inner {
                None => event.repeat(),
                Some(inner) if correlation.kind.is_temporal() => inner.count,
                Some(inner) if inner.fresh == inner.count => 1,
                Some(_) => continue,
            };
            // An event that matches two of the rules is still one event.
            if !correlation.kind.is_temporal() {
                if counted.contains(&follower) {
                    continue;
                }
                counted.push(follower);
            }
            let found = Match { event, place, grouping, weight, inner };
            if let Some(expected) = memory.expect(&header.id, correlation, found) {
                due.push(Due { correlation: follower, place, grouping, weight, expected });
            }
        }
    }

    /// Lets correlations take in what is due to them, which is then done with.
    fn follow(
        &self,
        (event, inner): (&Event, Option<&Fired>),
        memory: &mut Memory,
        due: &mut Vec<Due>,
        fired: &mut Vec<Fired>,
    ) {
        memory.fetch(due.iter().map(|due| due.expected));
        for Due { correlation: follower, place, grouping, weight, expected } in due.drain(..) {
            let Some(Rule { kind: RuleKind::Correlation(correlation), .. }) = self.rule(follower)
            else {
                continue;
            };
            let found = Match { event, place, grouping, weight, inner };
            if let Some(new) = memory.take(expected, correlation, found) {
                fired.push(Fired { rule: follower, ..new });
            }
        }
    }

    /// Gives one sentence about what happened, in the rule's own words where it has some.
    pub fn summary(&self, rule: &Rule, event: &Event, count: u64) -> String {
        sentence(rule, event, (count, None))
    }

    /// Gives one sentence about what fired.
    pub fn summary_of(&self, rule: &Rule, event: &Event, fired: &Fired) -> String {
        sentence(rule, event, (fired.count, fired.value))
    }

    /// Gives the definition of each correlation, by its id.
    pub(crate) fn definitions(&self) -> impl Iterator<Item = (&str, u64)> {
        self.rules.iter().filter_map(|rule| match &rule.kind {
            RuleKind::Correlation(correlation) => {
                Some((rule.header.id.as_str(), correlation.definition))
            }
            RuleKind::Event(_) => None,
        })
    }
}

/// A correlation that names a rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Follower {
    pub(crate) correlation: RuleIndex,
    /// The place of the rule among those that it names.
    pub(crate) place: usize,
    /// The number of what the rule's events are grouped by; the same number is the same fields.
    pub(crate) grouping: usize,
}

/// A match that a correlation is about to take in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    correlation: RuleIndex,
    place: usize,
    grouping: usize,
    weight: u64,
    expected: Expected,
}

/// Room that is used again for each event.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// The correlations that counted the event.
    counted: Vec<RuleIndex>,
    due: Vec<Due>,
}

/// A match whose consequences are looked for.
#[derive(Clone, Copy)]
struct Origin<'e> {
    event: &'e Event,
    rule: RuleIndex,
    /// What fired, where the rule is a correlation.
    inner: Option<&'e Fired>,
}

fn sentence(rule: &Rule, event: &Event, measured: (u64, Option<f64>)) -> String {
    let (count, value) = measured;
    let (timespan, counts) = match &rule.kind {
        RuleKind::Correlation(correlation) => {
            (Some(correlation.timespan), correlation.kind != CorrelationKind::NewTerms)
        }
        RuleKind::Event(_) => (None, false),
    };
    match (&rule.summary, timespan) {
        (Some(summary), timespan) => summary.write(Subject { event, count, value, timespan }),
        (None, Some(timespan)) if counts => {
            format!("{}: {count} within {}", rule.header.title, in_words(timespan))
        }
        (None, _) => rule.header.title.clone(),
    }
}
