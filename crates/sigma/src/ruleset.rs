//! Many rules together: loading, routing, and what follows from a match.

use std::collections::{BTreeMap, HashMap};

use model::Event;

use crate::correlation::Draft;
use crate::document::{self, Body, Document};
use crate::fault::{Fault, RuleFault};
use crate::logsource::Router;
use crate::memory::Match;
use crate::prefilter::Prefilter;
use crate::summary::{Subject, in_words};
use crate::{CorrelationKind, Fired, Memory, Rule, RuleIndex, RuleKind, yaml};

/// What `%name%` stands for in values with the modifier `expand`.
pub type Placeholders = BTreeMap<String, Vec<String>>;

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
    rules: Vec<Rule>,
    router: Router,
    prefilter: Prefilter,
    /// For each rule, the correlations that name it and its place in each.
    followers: Vec<Vec<(RuleIndex, usize)>>,
}

impl RuleSet {
    /// Compiles files of rules. A rule that cannot be read is told of, and the rest runs.
    pub fn load(files: &[RuleFile]) -> (Self, Vec<RuleFault>) {
        Self::load_with(files, &Placeholders::new())
    }

    /// The same, with what placeholders stand for.
    pub fn load_with(files: &[RuleFile], placeholders: &Placeholders) -> (Self, Vec<RuleFault>) {
        let mut loader = Loader::default();
        for file in files {
            let (documents, fault) = yaml::parse(&file.text);
            for yaml in documents.iter().filter(|yaml| yaml.kind != yaml::Kind::Null) {
                match document::read(yaml, placeholders) {
                    Ok(document) => loader.add(document, yaml, &file.path),
                    Err(fault) => loader.faults.push(fault.in_file(&file.path)),
                }
            }
            loader.faults.extend(fault.map(|fault| fault.in_file(&file.path)));
        }
        loader.finish()
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
        self.matches_with(event, &mut Vec::new(), found);
    }

    /// The same, with room for what is found on the way, to be used again for the next event.
    pub fn matches_with(&self, event: &Event, called: &mut Vec<bool>, found: &mut Vec<RuleIndex>) {
        self.prefilter.call(event, called);
        for index in self.router.rules(event) {
            let Some(true) = called.get(index) else { continue };
            let Some(Rule { kind: RuleKind::Event(predicate), .. }) = self.rules.get(index) else {
                continue;
            };
            if predicate.matches(event) {
                found.push(RuleIndex(index));
            }
        }
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
                let Some(Rule { header, kind: RuleKind::Correlation(correlation), .. }) =
                    self.rule(*follower)
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

#[derive(Default)]
struct Loader {
    rules: Vec<Rule>,
    faults: Vec<RuleFault>,
    /// Every id and name, in use.
    names: HashMap<String, RuleIndex>,
    /// Correlations that wait for the rules that they name.
    waiting: Vec<Waiting>,
    /// Whether it is settled which rules report.
    settled: Vec<bool>,
    followers: Vec<Vec<(RuleIndex, usize)>>,
}

struct Waiting {
    document: Document,
    draft: Draft,
    path: String,
}

impl Loader {
    fn add(&mut self, document: Document, yaml: &yaml::Yaml, path: &str) {
        let id = &document.header.id;
        let waits = |waiting: &Waiting| waiting.document.header.id == *id;
        if self.names.contains_key(id) || self.waiting.iter().any(waits) {
            let place = yaml.get("id").unwrap_or(yaml);
            let fault = Fault::at(place, format!("another rule has the id {id}"));
            self.faults.push(fault.in_file(path));
            return;
        }
        match document.body.clone() {
            Body::Event(predicate) => {
                self.push(document, RuleKind::Event(predicate), path);
            }
            Body::Correlation(draft) => {
                self.waiting.push(Waiting { document, draft, path: path.to_owned() });
            }
        }
    }

    fn push(&mut self, document: Document, kind: RuleKind, path: &str) -> RuleIndex {
        let index = RuleIndex(self.rules.len());
        self.names.insert(document.header.id.clone(), index);
        if let Some(name) = &document.name {
            self.names.entry(name.clone()).or_insert(index);
        }
        let Document { header, name, author, status, logsource, related, taxonomy, .. } = document;
        self.rules.push(Rule {
            header,
            name,
            author,
            status,
            path: path.to_owned(),
            logsource,
            kind,
            related,
            taxonomy,
            // An explicit word counts; whether a correlation makes it silent is settled at the end.
            reports: document.reports.unwrap_or(true),
            examples: document.examples,
            summary: document.summary,
        });
        self.settled.push(document.reports.is_some());
        self.followers.push(Vec::new());
        index
    }

    fn finish(mut self) -> (RuleSet, Vec<RuleFault>) {
        // Each round takes the correlations whose rules are all there; a round without one ends it.
        loop {
            let before = self.waiting.len();
            for waiting in std::mem::take(&mut self.waiting) {
                self.resolve(waiting);
            }
            if self.waiting.len() == before {
                break;
            }
        }
        for waiting in std::mem::take(&mut self.waiting) {
            self.refuse(&waiting);
        }
        let mut router = Router::default();
        for (index, rule) in self.rules.iter().enumerate() {
            if let RuleKind::Event(_) = rule.kind {
                router.add(&rule.logsource, index);
            }
        }
        let nodes = self.rules.iter().enumerate().filter_map(|(index, rule)| match &rule.kind {
            RuleKind::Event(predicate) => Some((index, predicate.node())),
            RuleKind::Correlation(_) => None,
        });
        let prefilter = Prefilter::of(self.rules.len(), nodes);
        let Self { rules, followers, faults, .. } = self;
        (RuleSet { rules, router, prefilter, followers }, faults)
    }

    fn resolve(&mut self, waiting: Waiting) {
        let found: Option<Vec<RuleIndex>> = waiting
            .draft
            .references
            .iter()
            .map(|reference| self.names.get(&reference.scalar()?).copied())
            .collect();
        let Some(rules) = found else {
            self.waiting.push(waiting);
            return;
        };
        let Waiting { document, draft, path } = waiting;
        let names: Vec<Vec<String>> =
            rules.iter().filter_map(|rule| self.names_of(*rule)).collect();
        let generate = draft.generate;
        let correlation = draft.finish(rules.clone(), &names);
        let index = self.push(document, RuleKind::Correlation(correlation), &path);
        for (place, rule) in rules.into_iter().enumerate() {
            self.followers.get_mut(rule.0).into_iter().for_each(|list| list.push((index, place)));
            self.settle_report(rule, generate);
        }
    }

    /// A rule that a correlation names is silent, unless one of them or the rule itself says otherwise.
    fn settle_report(&mut self, rule: RuleIndex, generate: bool) {
        let (Some(rule), Some(settled)) =
            (self.rules.get_mut(rule.0), self.settled.get_mut(rule.0))
        else {
            return;
        };
        if !*settled {
            rule.reports = generate;
            *settled = generate;
        }
    }

    fn names_of(&self, rule: RuleIndex) -> Option<Vec<String>> {
        let rule = self.rules.get(rule.0)?;
        Some(std::iter::once(rule.header.id.clone()).chain(rule.name.clone()).collect())
    }

    fn refuse(&mut self, waiting: &Waiting) {
        let missing = waiting.draft.references.iter().find(|reference| {
            reference.scalar().is_none_or(|name| !self.names.contains_key(&name))
        });
        let Some(missing) = missing else { return };
        let name = missing.scalar().unwrap_or_default();
        let message = format!("there is no rule `{name}`, or it waits for this one");
        self.faults.push(Fault::at(missing, message).in_file(&waiting.path));
    }
}

#[cfg(test)]
mod tests;
