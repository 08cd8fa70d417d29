//! What one installation changes of its rules, apart from the rule files, so that it outlives their
//! updates.
//!
//! ```yaml
//! - rule: 3b0e5d1c-0f0e-4d4c-9a55-6f0f2f9d7c11
//!   level: low
//!   exceptions: ["source.ip: 192.0.2.0/24"]
//!   reason: the scanner of the operations team
//! - rule: "*/discovery/*.yml"
//!   enabled: false
//! ```
//!
//! `rule` is an id, a name, a title or a path; in a title or a path `*` stands for any text and `?`
//! for one character. Where several entries mean one rule, all their exceptions count, and of the
//! other keys the last.

use std::collections::HashMap;
use std::sync::Arc;

use model::Level;
use query::{Case, Glyph, Node, Predicate, TextMatcher, fold_text};

use crate::fault::{Fault, RuleFault};
use crate::reading::yaml::{self, Kind, Yaml};
use crate::rule::Change;
use crate::{Rule, RuleKind};

/// Bounds the entries of one installation.
const ENTRIES_MAX: usize = 20_000;
/// Bounds the entries with wildcards, since each of them is held against every rule.
const PATTERNS_MAX: usize = 1_000;
/// Bounds the exceptions of one entry.
const EXCEPTIONS_MAX: usize = 100;
/// Bounds the exceptions of all entries together.
const ALL_EXCEPTIONS_MAX: usize = 10_000;

/// What an installation changes of its rules.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    path: String,
    entries: Vec<Entry>,
    /// How many exceptions they have.
    exceptions: usize,
    /// The entries without wildcards, by what they name: an id, a name or a path, or a folded title.
    literal: HashMap<String, Vec<usize>>,
    /// The entries with wildcards: what a title and what a path must look like.
    patterns: Vec<(usize, TextMatcher, TextMatcher)>,
}

#[derive(Clone, Debug)]
struct Entry {
    line: usize,
    column: usize,
    rule: String,
    enabled: Option<bool>,
    level: Option<Level>,
    exceptions: Vec<(String, Predicate)>,
    reason: String,
}

/// What one entry says of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Override {
    /// Whether it may match, if the entry says so.
    pub enabled: Option<bool>,
    /// How bad its findings are, if the entry says so.
    pub level: Option<Level>,
    /// What it no longer matches, in the search bar's language.
    pub exceptions: Vec<String>,
    /// Why.
    pub reason: String,
}

impl Overrides {
    /// Gives the last entry that names its rule just so.
    pub fn entry(&self, rule: &str) -> Option<Override> {
        let entry = self.entries.iter().rfind(|entry| entry.rule == rule)?;
        Some(Override {
            enabled: entry.enabled,
            level: entry.level,
            exceptions: entry.exceptions.iter().map(|(text, _)| text.clone()).collect(),
            reason: entry.reason.clone(),
        })
    }

    /// Reads a file of overrides. An entry that cannot be read is told of, and the rest counts.
    pub fn parse(path: &str, text: &str) -> (Self, Vec<RuleFault>) {
        let mut overrides = Self { path: path.to_owned(), ..Self::default() };
        let (documents, fault) = yaml::parse(text);
        let mut faults: Vec<Fault> = Vec::new();
        let lists = documents.iter().filter(|document| document.kind != Kind::Null);
        for entry in lists.flat_map(Yaml::each) {
            if let Err(fault) = Entry::parse(entry).and_then(|read| overrides.add(read, entry)) {
                faults.push(fault);
            }
        }
        faults.extend(fault);
        (overrides, faults.into_iter().map(|fault| fault.in_file(path)).collect())
    }

    /// Tells whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn add(&mut self, entry: Entry, place: &Yaml) -> Result<(), Fault> {
        let index = self.entries.len();
        if index >= ENTRIES_MAX {
            return Err(Fault::at(place, format!("there are more than {ENTRIES_MAX} overrides")));
        }
        self.exceptions += entry.exceptions.len();
        if self.exceptions > ALL_EXCEPTIONS_MAX {
            let message = format!("there are more than {ALL_EXCEPTIONS_MAX} exceptions");
            return Err(Fault::at(place, message));
        }
        if entry.rule.contains(['*', '?']) {
            if self.patterns.len() >= PATTERNS_MAX {
                let message = format!("more than {PATTERNS_MAX} overrides have wildcards");
                return Err(Fault::at(place, message));
            }
            let pattern = |case| TextMatcher::from_glyphs(case, &glyphs(&entry.rule));
            self.patterns.push((index, pattern(Case::Folded), pattern(Case::Exact)));
        } else {
            let folded = fold_text(&entry.rule);
            if folded != entry.rule {
                self.literal.entry(folded).or_default().push(index);
            }
            self.literal.entry(entry.rule.clone()).or_default().push(index);
        }
        self.entries.push(entry);
        Ok(())
    }

    /// Gives the entries that mean a rule, in their order.
    fn meaning(&self, rule: &Rule) -> Vec<usize> {
        let title = &rule.header.title;
        let folded = fold_text(title);
        let names = [Some(&rule.header.id), rule.name.as_ref(), Some(&rule.path), Some(&folded)];
        let mut found: Vec<usize> = names
            .into_iter()
            .flatten()
            .filter_map(|name| self.literal.get(name))
            .flatten()
            .copied()
            .collect();
        let fits = |(_, by_title, by_path): &&(usize, TextMatcher, TextMatcher)| {
            by_title.matches(title) || by_path.matches(&rule.path)
        };
        found.extend(self.patterns.iter().filter(fits).map(|(index, _, _)| *index));
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Changes the rules that the entries mean, and gives a fault for each entry that means none.
    pub(crate) fn apply(&self, rules: &mut [Rule]) -> Vec<RuleFault> {
        if self.is_empty() {
            return Vec::new();
        }
        let mut used = vec![false; self.entries.len()];
        for rule in rules {
            let mut exceptions: Vec<&Predicate> = Vec::new();
            for index in self.meaning(rule) {
                if let (Some(entry), Some(used)) = (self.entries.get(index), used.get_mut(index)) {
                    exceptions.extend(entry.apply(rule));
                    *used = true;
                }
            }
            except(&mut rule.kind, &exceptions);
        }
        let unused = self.entries.iter().zip(used).filter(|(_, used)| !used);
        unused.map(|(entry, _)| entry.without_rule(&self.path)).collect()
    }
}

impl Entry {
    fn parse(yaml: &Yaml) -> Result<Self, Fault> {
        let Some(rule) = yaml.get("rule").and_then(Yaml::scalar).filter(|rule| !rule.is_empty())
        else {
            return Err(Fault::at(yaml, "an override is a map that names a `rule`"));
        };
        let Yaml { line, column, .. } = *yaml.get("rule").unwrap_or(yaml);
        let mut entry = Self {
            line,
            column,
            rule,
            enabled: None,
            level: None,
            exceptions: Vec::new(),
            reason: String::new(),
        };
        for (key, value) in yaml.entries() {
            match key.text() {
                Some("rule") => {}
                Some("enabled") => match value.kind {
                    Kind::Flag(enabled) => entry.enabled = Some(enabled),
                    _ => return Err(Fault::at(value, "`enabled` is true or false")),
                },
                Some("level") => entry.level = Some(level(value)?),
                Some("exceptions") => entry.exceptions = exceptions(value)?,
                Some("reason") => entry.reason = value.scalar().unwrap_or_default(),
                _ => {
                    let keys = "an override has rule, enabled, level, exceptions and reason";
                    return Err(Fault::at(key, keys));
                }
            }
        }
        Ok(entry)
    }

    /// Changes a rule but for its exceptions, which it gives.
    fn apply(&self, rule: &mut Rule) -> impl Iterator<Item = &Predicate> {
        if let Some(enabled) = self.enabled {
            rule.enabled = enabled;
        }
        let change = rule.changed.get_or_insert_with(Change::default);
        if let Some(level) = self.level {
            let given = *change.level.get_or_insert(rule.header.level);
            Arc::make_mut(&mut rule.header).level = level;
            change.level = Some(given).filter(|given| *given != level);
        }
        if !self.reason.is_empty() {
            change.reason.clone_from(&self.reason);
        }
        change.exceptions.extend(self.exceptions.iter().map(|(text, _)| text.clone()));
        self.exceptions.iter().map(|(_, predicate)| predicate)
    }

    fn without_rule(&self, path: &str) -> RuleFault {
        let message = format!("no rule has the id, name, title or path `{}`", self.rule);
        RuleFault { path: path.to_owned(), line: self.line, column: self.column, message }
    }
}

/// Takes the events of exceptions out of what a rule matches, or a correlation counts.
fn except(kind: &mut RuleKind, exceptions: &[&Predicate]) {
    if exceptions.is_empty() {
        return;
    }
    match kind {
        RuleKind::Event(predicate) => {
            let not = |exception: &&Predicate| Node::Not(Box::new(exception.node().clone()));
            let own = std::iter::once(predicate.node().clone());
            let nodes = own.chain(exceptions.iter().map(not)).collect();
            *predicate = Predicate::new(Node::And(nodes));
        }
        RuleKind::Correlation(correlation) => {
            correlation.exceptions.extend(exceptions.iter().copied().cloned());
        }
    }
}

fn level(value: &Yaml) -> Result<Level, Fault> {
    let known = value.text().and_then(Level::parse);
    known.ok_or_else(|| {
        Fault::at(value, "the level is informational, low, medium, high or critical")
    })
}

fn exceptions(value: &Yaml) -> Result<Vec<(String, Predicate)>, Fault> {
    if value.each().len() > EXCEPTIONS_MAX {
        return Err(Fault::at(value, format!("at most {EXCEPTIONS_MAX} exceptions stand in one")));
    }
    let read = |place: &Yaml| {
        let text = place.text().map(str::trim).filter(|text| !text.is_empty());
        let Some(text) = text else {
            return Err(Fault::at(place, "an exception is a text of the search bar"));
        };
        match Predicate::parse(text) {
            Ok(predicate) => Ok((text.to_owned(), predicate)),
            Err(error) => Err(Fault::at(place, format!("in this exception: {error}"))),
        }
    };
    value.each().iter().map(read).collect()
}

fn glyphs(pattern: &str) -> Vec<Glyph> {
    let glyph = |character| match character {
        '*' => Glyph::Any,
        '?' => Glyph::One,
        other => Glyph::Char(other),
    };
    pattern.chars().map(glyph).collect()
}
