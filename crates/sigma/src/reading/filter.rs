//! Sigma filters: one condition that narrows many rules (Sigma filters specification, version 2.1,
//! with `any` of 2.2).
//!
//! What a filter says is joined to each of its rules by `and`: `condition: not selection` takes the
//! selection out of what they match.

use std::collections::HashMap;

use query::{Node, Predicate};

use crate::fault::{Fault, RuleFault};
use crate::options::Placeholders;
use crate::reading::condition::size;
use crate::reading::modifiers::Scope;
use crate::reading::yaml::{Kind, Yaml};
use crate::{Logsource, Rule, RuleIndex, RuleKind, reading::detection};

/// Bounds what all filters add to all rules, in tests and joins.
const NODES_MAX: usize = 1_000_000;

/// A filter whose rules are not found yet.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    /// The rules that it narrows; none for any that its log source fits.
    rules: Option<Vec<Yaml>>,
    /// The selections and the condition.
    detection: Yaml,
}

/// A filter and the document that it came from.
#[derive(Clone, Debug)]
pub(crate) struct Filed {
    pub(crate) filter: Filter,
    pub(crate) title: String,
    pub(crate) path: String,
    pub(crate) logsource: Logsource,
}

impl Filter {
    pub(crate) fn parse(filter: &Yaml, scope: &Scope<'_>) -> Result<Self, Fault> {
        let Some(rules) = filter.get("rules") else {
            return Err(Fault::at(filter, "a filter names its `rules`, or says `any`"));
        };
        let any = rules.text().is_some_and(|word| word.eq_ignore_ascii_case("any"));
        let any = any || matches!(&rules.kind, Kind::List(list) if list.is_empty());
        let own = |(key, _): &&(Yaml, Yaml)| key.text() != Some("rules");
        let entries = filter.entries().iter().filter(own).cloned().collect();
        let detection = Yaml { kind: Kind::Map(entries), ..*filter };
        // Whether it can be read is seen now, whatever rules there are.
        detection::compile(&detection, scope)?;
        Ok(Self { rules: (!any).then(|| rules.each().to_vec()), detection })
    }
}

/// Gives whether every name that a filter's log source has is the rule's too.
fn fits(filter: &Logsource, rule: &Logsource) -> bool {
    let fits = |wanted: &Option<String>, has: &Option<String>| wanted.is_none() || wanted == has;
    fits(&filter.product, &rule.product)
        && fits(&filter.category, &rule.category)
        && fits(&filter.service, &rule.service)
}

/// A log source, to be looked up.
type Source = (Option<String>, Option<String>, Option<String>);

/// What filters need to find their rules.
pub(crate) struct Rules<'r> {
    pub(crate) rules: &'r mut Vec<Rule>,
    pub(crate) names: &'r HashMap<String, RuleIndex>,
    pub(crate) placeholders: &'r Placeholders,
}

impl Rules<'_> {
    /// Narrows the rules, and gives what is wrong with the filters.
    pub(crate) fn narrow(&mut self, filters: &[Filed]) -> Vec<RuleFault> {
        let mut faults = Vec::new();
        let mut added: HashMap<usize, Vec<Node>> = HashMap::new();
        let mut nodes = 0;
        for filed in filters {
            let (targets, wrong) = self.targets(filed);
            faults.extend(wrong.into_iter().map(|fault| fault.in_file(&filed.path)));
            if let Err(fault) = self.add(filed, &targets, &mut added, &mut nodes) {
                faults.push(fault.in_file(&filed.path));
            }
        }
        for (index, more) in added {
            let Some(rule) = self.rules.get_mut(index) else { continue };
            if let RuleKind::Event(predicate) = &mut rule.kind {
                let own = std::iter::once(predicate.node().clone());
                *predicate = Predicate::new(Node::And(own.chain(more).collect()));
            }
        }
        faults
    }

    fn add(
        &mut self,
        filed: &Filed,
        targets: &[usize],
        added: &mut HashMap<usize, Vec<Node>>,
        nodes: &mut usize,
    ) -> Result<(), Fault> {
        let Filed { filter, title, .. } = filed;
        // Where a field stands depends on the log source, so each has its own test.
        let mut compiled: HashMap<Source, Node> = HashMap::new();
        for index in targets {
            let Some(rule) = self.rules.get_mut(*index) else { continue };
            let Logsource { product, category, service } = rule.logsource.clone();
            let source = (product, category, service);
            if !compiled.contains_key(&source) {
                let scope = Scope::new(&rule.logsource, self.placeholders);
                compiled.insert(source.clone(), detection::compile(&filter.detection, &scope)?);
            }
            let Some(node) = compiled.get(&source) else { continue };
            *nodes += size(node);
            if *nodes > NODES_MAX {
                let message = format!("filters add more than {NODES_MAX} tests to the rules");
                return Err(Fault::at(&filter.detection, message));
            }
            added.entry(*index).or_default().push(node.clone());
            rule.filters.push(title.clone());
        }
        Ok(())
    }

    /// Gives the places of the rules that a filter narrows, and what is wrong with its list of them.
    fn targets(&self, filed: &Filed) -> (Vec<usize>, Vec<Fault>) {
        let Filed { filter, logsource, .. } = filed;
        let is_event = |rule: &Rule| matches!(rule.kind, RuleKind::Event(_));
        let Some(wanted) = &filter.rules else {
            let fitting = |rule: &Rule| is_event(rule) && fits(logsource, &rule.logsource);
            let rules = self.rules.iter().enumerate();
            let found: Vec<usize> =
                rules.filter(|(_, rule)| fitting(rule)).map(|(index, _)| index).collect();
            let none = Fault::at(&filter.detection, "this filter's log source is that of no rule");
            let faults = if found.is_empty() { vec![none] } else { Vec::new() };
            return (found, faults);
        };
        let (mut found, mut faults) = (Vec::new(), Vec::new());
        for place in wanted {
            let name = place.scalar().unwrap_or_default();
            let index = self.names.get(&name).map(|index| index.0);
            match index.and_then(|index| Some((index, self.rules.get(index)?))) {
                None => faults.push(Fault::at(place, format!("there is no rule `{name}`"))),
                Some((_, rule)) if !is_event(rule) => {
                    let message =
                        format!("`{name}` is a correlation: filters narrow the rules of events");
                    faults.push(Fault::at(place, message));
                }
                Some((_, rule)) if !fits(logsource, &rule.logsource) => {
                    let message = format!("the log source of `{name}` is not the filter's");
                    faults.push(Fault::at(place, message));
                }
                Some((index, _)) => {
                    if !found.contains(&index) {
                        found.push(index);
                    }
                }
            }
        }
        (found, faults)
    }
}
