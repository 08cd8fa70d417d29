//! A Sigma rule as a condition of a query.

use std::path::PathBuf;

use query::Node;
use sigma::{Rule, RuleKind};

use crate::failure::{Outcome, ending};
use crate::place::Place;
use crate::rules::{self, Shipped};

/// Gives what the events of a rule pass: what it detects, and what can be told of its logsource.
pub(super) fn read(name: &str, place: &Place) -> anyhow::Result<Node> {
    let path = PathBuf::from(name);
    let is_file = path.is_file();
    let loaded = if is_file {
        rules::load(Shipped::Without, &[path])?
    } else {
        rules::load_in_force(&place.config()?.rule_sources())?
    };
    let is_meant = |rule: &&Rule| {
        is_file
            || rule.header.id == name
            || rule.name.as_deref() == Some(name)
            || rule.header.title.eq_ignore_ascii_case(name)
    };
    let found: Vec<&Rule> = loaded.rules.rules().iter().filter(is_meant).collect();
    match found.as_slice() {
        [] if is_file => {
            let why = loaded.faults.first().map_or_else(
                || "there is none in it".to_owned(),
                |fault| format!("line {}: {}", fault.line, fault.message),
            );
            Err(ending(Outcome::Fault, format!("{name} has no rule that can be asked: {why}")))
        }
        [] => {
            let sentence = format!("`{name}` is no file, and no rule has that id, name or title");
            Err(ending(Outcome::Fault, sentence))
        }
        [rule] => condition(rule),
        several => {
            let count = several.len();
            let sentence = format!("`{name}` means {count} rules; name one by its id");
            Err(ending(Outcome::Usage, sentence))
        }
    }
}

fn condition(rule: &Rule) -> anyhow::Result<Node> {
    match &rule.kind {
        RuleKind::Event(predicate) => {
            Ok(Node::And(vec![rule.logsource.bound(), predicate.node().clone()]))
        }
        RuleKind::Correlation(_) => Err(ending(
            Outcome::Fault,
            format!(
                "`{}` is a correlation: it decides on several events within a time, and a query \
                 looks at each row alone; ask with one of the rules it names",
                rule.header.title
            ),
        )),
    }
}
