//! The rules of Wazuh and OSSEC.
//!
//! There a rule builds on others (`if_sid`, `if_group`, `if_level`) and is asked only where one of
//! them matched; the most special one that matches speaks, and one of level 0 says nothing. Here each
//! rule is whole: what it builds on is asked with it, and what builds on it is left out of it. Rules
//! that look back (`frequency`, `if_matched_sid`, `if_matched_group`) become correlations.
//!
//! Four things are not the same. Of two rules that build on the same one and both match, there the
//! one of the higher level speaks, and here both do. A time of the day is in UTC. A field that a
//! decoder of one's own makes is looked for under its own name. `ignore` is left to the alerts, which
//! take in what repeats.

mod chain;
mod conditions;
mod counting;
mod documents;
mod fields;
mod moments;
mod pattern;
mod rule;
mod variables;
mod xml;

use std::collections::HashMap;

use self::chain::Chain;
use self::documents::Documents;
use self::rule::Rule;
use self::xml::{Element, Fault};
use crate::{SigmaFile, SourceFile, Untranslated};

/// Bounds the rules of all files together; Wazuh's own are some 5,000.
const RULES_MAX: usize = 20_000;

/// Rules of Wazuh's own that others build upon, in our words.
const STOCK: &str = include_str!("wazuh/stock.xml");
/// What that file is called where places are told.
const STOCK_PATH: &str = "Wazuh's own rules";

/// How many events `frequency` stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counting {
    /// As many as it says.
    #[default]
    Wazuh,
    /// Two more, as OSSEC counts.
    Ossec,
}

/// How to translate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What the ids begin with: the rule 5710 becomes `wazuh_5710`.
    pub prefix: String,
    /// How many events `frequency` stands for.
    pub counting: Counting,
}

impl Default for Options {
    fn default() -> Self {
        Self { prefix: "wazuh".to_owned(), counting: Counting::default() }
    }
}

/// What came of a set of rules; each of them is counted once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Translation {
    /// One file for each that had something to translate.
    pub files: Vec<SigmaFile>,
    /// What was not translated.
    pub untranslated: Vec<Untranslated>,
    /// What was translated, but to something that is not quite the same.
    pub notes: Vec<Untranslated>,
    /// How many rules there were.
    pub rules: usize,
    /// How many of them are rules of their own now.
    pub translated: usize,
    /// How many raise no alert and live on in the rules around them.
    pub folded: usize,
}

/// Translates `files`. Rules of `base` are known to them, but come out only where one counts them:
/// the set that a user's own rules build on. Without one, the ids of Wazuh's set that are built upon
/// most are known all the same, by what such events look like here.
pub fn translate(files: &[SourceFile], base: &[SourceFile], options: &Options) -> Translation {
    let stock = [SourceFile { path: STOCK_PATH.to_owned(), text: STOCK.to_owned() }];
    let stands_in = base.is_empty();
    let base = if stands_in { &stock } else { base };
    let mut reading = Reading::default();
    for file in base.iter().chain(files) {
        reading.read(file);
        if stands_in {
            reading.stock.get_or_insert(reading.rules.len());
        }
    }
    let Reading { rules, faults, headings, stock, .. } = reading;
    let paths: Vec<&str> = base.iter().chain(files).map(|file| file.path.as_str()).collect();
    let chain = Chain::of(&rules, stock.map(|_| 0));
    let documents =
        Documents { chain, paths: &paths, headings: &headings, options, base: base.len() };
    let mut translation = documents.write();
    let mut untranslated = faults;
    untranslated.retain(|fault| files.iter().any(|file| file.path == fault.path));
    translation.rules += untranslated.iter().filter(|fault| fault.rule.is_some()).count();
    untranslated.append(&mut translation.untranslated);
    untranslated.sort_by(|one, next| {
        (&one.path, one.line, one.column).cmp(&(&next.path, next.line, next.column))
    });
    translation.untranslated = untranslated;
    translation
}

#[derive(Default)]
struct Reading {
    rules: Vec<Rule>,
    places: HashMap<u32, usize>,
    faults: Vec<Untranslated>,
    headings: Vec<Vec<String>>,
    /// How many of the rules stand in for Wazuh's own.
    stock: Option<usize>,
}

impl Reading {
    fn read(&mut self, file: &SourceFile) {
        let mut document = xml::read(&file.text);
        for fault in std::mem::take(&mut document.faults) {
            self.fault(&file.path, None, fault);
        }
        variables::substitute(&mut document.roots);
        for root in &document.roots {
            match root.name.as_str() {
                "group" => {
                    let groups = rule::words(root.attribute("name").unwrap_or_default());
                    for element in &root.children {
                        self.take(&file.path, element, &groups);
                    }
                }
                "var" => {}
                _ => self.take(&file.path, root, &[]),
            }
        }
        self.headings.push(document.heading);
    }

    fn take(&mut self, path: &str, element: &Element, groups: &[String]) {
        if element.name == "var" {
            return;
        }
        if element.name != "rule" {
            let reason = format!("<{}> is no rule; only rules are translated", element.name);
            self.fault(path, None, element.fault(reason));
            return;
        }
        let id = element.attribute("id").unwrap_or("without an id").to_owned();
        let file = self.headings.len();
        let rule = match Rule::read(element, file, groups) {
            Ok(_) if self.rules.len() >= RULES_MAX => {
                return self.fault(
                    path,
                    Some(id),
                    element.fault(format!("more than {RULES_MAX} rules")),
                );
            }
            Ok(rule) => rule,
            Err(fault) => return self.fault(path, Some(id), fault),
        };
        let known = self.places.get(&rule.id).copied();
        match known.and_then(|place| self.rules.get_mut(place)) {
            Some(old) if rule.overwrite => *old = rule.overwriting(old),
            // What stands in for it makes room.
            Some(old) if self.stock.is_some() && old.file == 0 => *old = rule,
            Some(_) => {
                let fault =
                    element.fault("another rule has the id, and this one does not overwrite it");
                self.fault(path, Some(id), fault);
            }
            None => {
                self.places.insert(rule.id, self.rules.len());
                self.rules.push(rule);
            }
        }
    }

    fn fault(&mut self, path: &str, rule: Option<String>, fault: Fault) {
        self.faults.push(untranslated(path, rule, fault));
    }
}

fn untranslated(path: &str, rule: Option<String>, fault: Fault) -> Untranslated {
    let Fault { line, column, reason } = fault;
    Untranslated { path: path.to_owned(), line, column, rule, reason }
}
