//! Many rules together: loading, routing, and what follows from a match.

use std::collections::BTreeMap;

use model::Event;

use crate::compile::Compiled;
use crate::fault::RuleFault;
use crate::loader::Loader;
use crate::memory::Match;
use crate::summary::{Subject, in_words};
use crate::{CorrelationKind, Fired, Memory, Overrides, Rule, RuleIndex, RuleKind, Scratch};

/// What `%name%` stands for in values with the modifier `expand`.
pub type Placeholders = BTreeMap<String, Vec<String>>;

/// What an installation says of its rules, besides the rule files.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What `%name%` stands for.
    pub placeholders: Placeholders,
    /// What is changed of single rules.
    pub overrides: Overrides,
}

/// A file of rules, read by somebody else.
#[derive(Clone, Debug)]
pub struct RuleFile {
    /// Its path, for people.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// Rules, compiled and immutable.
#[derive(Debug, Default)]
pub struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    pub(crate) compiled: Compiled,
    /// For each rule, the correlations that name it and its place in each.
    pub(crate) followers: Vec<Vec<(RuleIndex, usize)>>,
}

impl RuleSet {
    /// Compiles files of rules. A rule that cannot be read is told of, and the rest runs.
    pub fn load(files: &[RuleFile]) -> (Self, Vec<RuleFault>) {
        Self::load_with(files, &Options::default())
    }

    /// The same, with what an installation says besides.
    pub fn load_with(files: &[RuleFile], options: &Options) -> (Self, Vec<RuleFault>) {
        let mut loader = Loader::default();
        for file in files {
            loader.read(file, &options.placeholders);
        }
        loader.finish(&options.overrides)
    }

    /// Gives every rule; a [`RuleIndex`] is a place in it.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Gives the rule of an index that this rule set gave.
    pub fn rule(&self, index: RuleIndex) -> Option<&Rule> {
        self.rules.get(index.0)
    }

    /// Appends the rules that match one event, those that only serve a correlation among them.
    pub fn matches(&self, event: &Event, found: &mut Vec<RuleIndex>) {
        self.matches_with(event, &mut Scratch::default(), found);
    }

    /// The same, with room for what is found on the way, to be used again for the next event.
    pub fn matches_with(&self, event: &Event, scratch: &mut Scratch, found: &mut Vec<RuleIndex>) {
        self.compiled.matches(event, scratch, found);
    }

    /// Appends the correlations that fire now that `matched` rules matched the event, those that
    /// only serve another correlation among them.
    ///
    /// A correlation fires when its condition becomes true in a group. While it stays true it fires
    /// again each time the count has doubled, and once a timespan: later firings of one burst carry
    /// the count of their own window, which holds what was told before.
    pub fn correlate(
        &self,
        event: &Event,
        matched: &[RuleIndex],
        memory: &mut Memory,
        fired: &mut Vec<Fired>,
    ) {
        let mut counted: Vec<RuleIndex> = Vec::new();
        let mut next = 0;
        let mut pending: Vec<(RuleIndex, u64)> =
            matched.iter().map(|rule| (*rule, event.repeat())).collect();
        // No rule follows from itself, so the list ends.
        while let Some(&(rule, weight)) = pending.get(next) {
            next += 1;
            for (follower, place) in self.followers.get(rule.0).into_iter().flatten() {
                let Some(Rule {
                    header,
                    kind: RuleKind::Correlation(correlation),
                    enabled: true,
                    ..
                }) = self.rule(*follower)
                else {
                    continue;
                };
                // An event that matches two of the rules is still one event.
                let counts = matches!(
                    correlation.kind,
                    CorrelationKind::EventCount | CorrelationKind::ValueCount(_)
                );
                if counts && counted.contains(follower) {
                    continue;
                }
                counted.push(*follower);
                let found = Match { event, place: *place, weight };
                if let Some(new) = memory.take(&header.id, correlation, found) {
                    pending.push((*follower, new.count));
                    fired.push(Fired { rule: *follower, ..new });
                }
            }
        }
    }

    /// Gives one sentence about what happened, in the rule's own words where it has some.
    pub fn summary(&self, rule: &Rule, event: &Event, count: u64) -> String {
        let timespan = match &rule.kind {
            RuleKind::Correlation(correlation) => Some(correlation.timespan),
            RuleKind::Event(_) => None,
        };
        match (&rule.summary, timespan) {
            (Some(summary), timespan) => summary.write(Subject { event, count, timespan }),
            (None, Some(timespan)) => {
                format!("{}: {count} within {}", rule.header.title, in_words(timespan))
            }
            (None, None) => rule.header.title.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
