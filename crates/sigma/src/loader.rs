//! From documents to a [`RuleSet`]: ids are unique, and correlations find the rules that they name.

use std::collections::HashMap;

use crate::compile::Compiled;
use crate::correlation::Draft;
use crate::document::{self, Body, Document};
use crate::fault::{Fault, RuleFault};
use crate::{Overrides, Placeholders, Rule, RuleFile, RuleIndex, RuleKind, RuleSet, yaml};

#[derive(Default)]
pub(crate) struct Loader {
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
    /// Takes in a file's rules; a document that cannot be read is told of.
    pub(crate) fn read(&mut self, file: &RuleFile, placeholders: &Placeholders) {
        let (documents, fault) = yaml::parse(&file.text);
        for yaml in documents.iter().filter(|yaml| yaml.kind != yaml::Kind::Null) {
            match document::read(yaml, placeholders) {
                Ok(document) => self.add(document, yaml, &file.path),
                Err(fault) => self.faults.push(fault.in_file(&file.path)),
            }
        }
        self.faults.extend(fault.map(|fault| fault.in_file(&file.path)));
    }

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
        let Document { header, name, status, logsource, related, taxonomy, .. } = document;
        self.rules.push(Rule {
            header,
            name,
            date: document.date,
            modified: document.modified,
            status,
            path: path.to_owned(),
            logsource,
            kind,
            related,
            taxonomy,
            // An explicit word counts; whether a correlation makes it silent is settled at the end.
            reports: document.reports.unwrap_or(true),
            enabled: true,
            changed: None,
            filters: Vec::new(),
            examples: document.examples,
            summary: document.summary,
        });
        self.settled.push(document.reports.is_some());
        self.followers.push(Vec::new());
        index
    }

    /// Gives the rules, their references resolved.
    pub(crate) fn finish(mut self, overrides: &Overrides) -> (RuleSet, Vec<RuleFault>) {
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
        self.faults.extend(overrides.apply(&mut self.rules));
        let Self { rules, followers, faults, .. } = self;
        let compiled = Compiled::of(&rules);
        (RuleSet { rules, compiled, followers }, faults)
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
