//! From documents to a [`RuleSet`]: ids are unique, and correlations find the rules that they name.

use std::collections::{HashMap, HashSet, VecDeque};

use query::FieldRef;

use crate::compile::Compiled;
use crate::correlations::correlate::Follower;
use crate::correlations::draft::{Draft, Referred};
use crate::fault::{Fault, RuleFault};
use crate::reading::condition::size;
use crate::reading::document::{self, Body, Document, EXAMPLE_BYTES_MAX};
use crate::reading::filter::{self, Filed};
use crate::{
    Options, Placeholders, Rule, RuleFile, RuleIndex, RuleKind, RuleSet, reading::collection,
    reading::yaml,
};

/// Bounds what the rules of one file come to, in tests and joins.
const NODES_MAX: usize = 1_000_000;

#[derive(Default)]
pub(crate) struct Loader {
    rules: Vec<Rule>,
    faults: Vec<RuleFault>,
    /// Every id and name, in use.
    names: HashMap<String, RuleIndex>,
    /// Correlations that wait for the rules that they name.
    waiting: Vec<Waiting>,
    /// Their ids, and their ids and names.
    waiting_ids: HashSet<String>,
    waiting_names: HashSet<String>,
    filters: Vec<Filed>,
    /// Whether it is settled which rules report.
    settled: Vec<bool>,
    followers: Vec<Vec<Follower>>,
    /// The number of each list of places that events are grouped by.
    groupings: HashMap<Vec<Vec<FieldRef>>, usize>,
}

struct Waiting {
    document: Document,
    draft: Draft,
    path: String,
}

impl Document {
    /// Gives itself, if the tests that its file may still have are enough for it.
    fn take_of(self, nodes: &mut usize, yaml: &yaml::Yaml) -> Result<Self, Fault> {
        if let Body::Event(predicate) = &self.body {
            *nodes = nodes.checked_sub(size(predicate.node())).ok_or_else(|| {
                Fault::at(
                    yaml,
                    format!("the rules of this file come to more than {NODES_MAX} tests"),
                )
            })?;
        }
        Ok(self)
    }
}

impl Loader {
    /// Takes in a file's rules; a document that cannot be read is told of.
    pub(crate) fn read(&mut self, file: &RuleFile, placeholders: &Placeholders) {
        let (documents, broken) = yaml::parse(&file.text);
        let documents = documents.into_iter().filter(|yaml| yaml.kind != yaml::Kind::Null);
        let (documents, ended) = collection::expand(documents.collect());
        let (mut room, mut nodes) = (EXAMPLE_BYTES_MAX, NODES_MAX);
        for yaml in &documents {
            let read = document::read(yaml, placeholders, &mut room);
            match read.and_then(|document| document.take_of(&mut nodes, yaml)) {
                Ok(document) => self.add(document, yaml, &file.path),
                Err(fault) => self.faults.push(fault.in_file(&file.path)),
            }
        }
        let broken = ended.into_iter().chain(broken);
        self.faults.extend(broken.map(|fault| fault.in_file(&file.path)));
    }

    fn add(&mut self, mut document: Document, yaml: &yaml::Yaml, path: &str) {
        if let Body::Filter(filter) = document.body {
            let Document { header, logsource, .. } = document;
            let (title, path) = (header.title.clone(), path.to_owned());
            self.filters.push(Filed { filter, title, path, logsource });
            return;
        }
        let id = &document.header.id;
        if self.names.contains_key(id) || self.waiting_ids.contains(id) {
            let place = yaml.get("id").unwrap_or(yaml);
            let fault = Fault::at(place, format!("another rule has the id {id}"));
            self.faults.push(fault.in_file(path));
            return;
        }
        match std::mem::replace(&mut document.body, Body::Nothing) {
            Body::Event(predicate) => {
                self.push(document, RuleKind::Event(predicate), path);
            }
            Body::Correlation(draft) => {
                self.waiting_ids.insert(id.clone());
                self.waiting_names.insert(id.clone());
                self.waiting_names.extend(document.name.clone());
                self.waiting.push(Waiting { document, draft, path: path.to_owned() });
            }
            Body::Filter(_) | Body::Nothing => {}
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
    pub(crate) fn finish(mut self, options: &Options) -> (RuleSet, Vec<RuleFault>) {
        self.resolve_all();
        let filters = std::mem::take(&mut self.filters);
        let Options { placeholders, overrides } = options;
        let mut narrowed =
            filter::Rules { rules: &mut self.rules, names: &self.names, placeholders };
        self.faults.extend(narrowed.narrow(&filters));
        self.faults.extend(overrides.apply(&mut self.rules));
        let Self { rules, followers, faults, .. } = self;
        let compiled = Compiled::of(&rules);
        (RuleSet { rules, compiled, followers }, faults)
    }

    /// Finds the rules that correlations name. One that names a correlation is looked at again once
    /// that one is there, so the work is that of the references.
    fn resolve_all(&mut self) {
        let mut ready: VecDeque<Waiting> = std::mem::take(&mut self.waiting).into();
        let mut blocked: HashMap<String, Vec<Waiting>> = HashMap::new();
        while let Some(waiting) = ready.pop_front() {
            let names =
                waiting.draft.references.iter().map(|name| name.scalar().unwrap_or_default());
            let mut rules = Vec::new();
            let mut missing = None;
            for name in names {
                match self.names.get(&name) {
                    Some(rule) => rules.push(*rule),
                    None => missing = missing.or(Some(name)),
                }
            }
            if let Some(name) = missing {
                blocked.entry(name).or_default().push(waiting);
                continue;
            }
            let document = &waiting.document;
            let known = [Some(document.header.id.clone()), document.name.clone()];
            self.resolve(waiting, rules);
            for name in known.into_iter().flatten() {
                ready.extend(blocked.remove(&name).unwrap_or_default());
            }
        }
        let mut refused: Vec<RuleFault> = Vec::new();
        for (name, waiting) in blocked {
            refused.extend(waiting.iter().map(|waiting| self.refusal(waiting, &name)));
        }
        refused.sort_by(|one, other| (&one.path, one.line).cmp(&(&other.path, other.line)));
        self.faults.append(&mut refused);
    }

    fn resolve(&mut self, waiting: Waiting, rules: Vec<RuleIndex>) {
        let Waiting { document, draft, path } = waiting;
        let referred: Vec<Referred> = rules.iter().filter_map(|rule| self.refer(*rule)).collect();
        let generate = draft.generate;
        let correlation = match draft.finish(&referred) {
            Ok(correlation) => correlation,
            Err(fault) => {
                self.faults.push(fault.in_file(&path));
                return;
            }
        };
        let groups: Vec<_> =
            correlation.places.iter().map(|places| places.group_by.clone()).collect();
        let index = self.push(document, RuleKind::Correlation(correlation), &path);
        for (place, rule) in rules.into_iter().enumerate() {
            let known = self.groupings.len();
            let grouping = groups.get(place).cloned().unwrap_or_default();
            let grouping = *self.groupings.entry(grouping).or_insert(known);
            let follower = Follower { correlation: index, place, grouping };
            self.followers.get_mut(rule.0).into_iter().for_each(|list| list.push(follower));
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

    fn refer(&self, index: RuleIndex) -> Option<Referred> {
        let rule = self.rules.get(index.0)?;
        let names = std::iter::once(rule.header.id.clone()).chain(rule.name.clone()).collect();
        Some(Referred { index, names, logsource: rule.logsource.clone() })
    }

    fn refusal(&self, waiting: &Waiting, name: &str) -> RuleFault {
        let references = &waiting.draft.references;
        let place = references.iter().find(|place| place.scalar().as_deref() == Some(name));
        let message = if self.waiting_names.contains(name) {
            format!("`{name}` waits for this correlation itself, or for a rule that is not there")
        } else {
            format!("there is no rule `{name}`, or it was set aside")
        };
        let fault = match place.or(references.first()) {
            Some(place) => Fault::at(place, message),
            None => Fault { line: 1, column: 1, message },
        };
        fault.in_file(&waiting.path)
    }
}
