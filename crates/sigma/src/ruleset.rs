//! Many rules together: loading, routing, and what follows from a match.

use model::Event;

use crate::compile::Compiled;
use crate::correlations::correlate::Follower;
use crate::fault::RuleFault;
use crate::reading::loader::Loader;
use crate::{Options, Rule, RuleFile, RuleIndex, Scratch};

/// Rules, compiled and immutable.
#[derive(Debug, Default)]
pub struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    pub(crate) compiled: Compiled,
    /// For each rule, the correlations that name it and its place in each.
    pub(crate) followers: Vec<Vec<Follower>>,
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
        loader.finish(options)
    }

    /// Gives every rule; a [`RuleIndex`] is a place in it.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Gives the rule of an index that this rule set gave.
    pub fn rule(&self, index: RuleIndex) -> Option<&Rule> {
        self.rules.get(index.0)
    }

    /// Tells whether some correlation counts the matches of a rule.
    pub fn is_followed(&self, rule: RuleIndex) -> bool {
        self.followers.get(rule.0).is_some_and(|followers| !followers.is_empty())
    }

    /// Appends the rules that match one event, those that only serve a correlation among them.
    pub fn matches(&self, event: &Event, found: &mut Vec<RuleIndex>) {
        self.matches_with(event, &mut Scratch::default(), found);
    }

    /// The same, with room for what is found on the way, to be used again for the next event.
    pub fn matches_with(&self, event: &Event, scratch: &mut Scratch, found: &mut Vec<RuleIndex>) {
        self.compiled.matches(event, scratch, found);
    }
}

#[cfg(test)]
mod tests;
