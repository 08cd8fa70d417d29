//! `bartizan rules show`: everything about one rule.

use std::collections::BTreeSet;
use std::path::PathBuf;

use query::{Node, Test};
use sigma::{Rule, RuleKind, RuleSet};

use crate::failure::{Outcome, ending};
use crate::output::{self, Cell, Shape, printable};
use crate::place::Place;
use crate::rules::{self, Shipped};

/// Shows one rule whole.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan rules show ssh_brute_force
  bartizan rules show 'SSH brute force' --output json
  bartizan rules show wazuh_5710")]
pub(super) struct Args {
    /// The rule's id, name or title
    rule: String,
    /// Files or folders with rules; none means the rules in force
    paths: Vec<PathBuf>,
    /// The shape; a table or one JSON object
    #[arg(long, value_enum, default_value_t)]
    output: Shape,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let loaded = if args.paths.is_empty() {
        rules::load_in_force(&args.place.config()?.rule_sources())?
    } else {
        rules::load(Shipped::Without, &args.paths)?
    };
    let rules = loaded.rules;
    let is_meant = |rule: &&Rule| {
        rule.header.id == args.rule
            || rule.name.as_deref() == Some(args.rule.as_str())
            || rule.header.title.eq_ignore_ascii_case(&args.rule)
    };
    let found: Vec<&Rule> = rules.rules().iter().filter(is_meant).collect();
    if found.is_empty() {
        let sentence = format!("no rule has the id, name or title `{}`", args.rule);
        return Err(ending(Outcome::Fault, sentence));
    }
    for (number, rule) in found.into_iter().enumerate() {
        show(&rules, rule, number, args.output)?;
    }
    Ok(Outcome::Done)
}

fn show(rules: &RuleSet, rule: &Rule, number: usize, shape: Shape) -> anyhow::Result<()> {
    let rows = rows(rules, rule);
    if shape != Shape::Table {
        let names: Vec<&str> = rows.iter().map(|(name, _)| *name).collect();
        let cells: Vec<Cell> = rows.into_iter().map(|(_, cell)| cell).collect();
        let mut printer = output::Printer::new(shape, &names)?;
        printer.row(&cells)?;
        return printer.finish();
    }
    if number > 0 {
        output::say("")?;
    }
    for (name, cell) in rows {
        let lines = match cell {
            Cell::Null => continue,
            Cell::Text(text) | Cell::Plain(text) => text.lines().map(str::to_owned).collect(),
            Cell::List(texts) => texts,
        };
        for (number, line) in lines.iter().enumerate() {
            let name = if number == 0 { name } else { "" };
            output::say(&format!("{name:<16}{}", printable(line)))?;
        }
    }
    Ok(())
}

fn rows(rules: &RuleSet, rule: &Rule) -> Vec<(&'static str, Cell)> {
    let text = |text: &str| if text.is_empty() { Cell::Null } else { text.into() };
    let related: Vec<String> =
        rule.related.iter().map(|(id, kind)| format!("{kind} {id}")).collect();
    vec![
        ("id", text(&rule.header.id)),
        ("name", rule.name.clone().into()),
        ("title", text(&rule.header.title)),
        ("description", text(&rule.header.description)),
        ("level", text(rule.header.level.as_str())),
        ("status", text(rule.status.as_str())),
        ("enabled", Cell::Plain(rule.enabled.to_string())),
        ("changed", changed(rule)),
        ("reports", Cell::Plain(rule.reports.to_string())),
        ("author", text(&rule.header.author)),
        ("licence", text(&rule.header.license)),
        ("date", text(&rule.date)),
        ("modified", text(&rule.modified)),
        ("file", text(&rule.path)),
        ("logsource", text(&rules::logsource(&rule.logsource))),
        ("correlation", correlation(rules, rule)),
        ("fields", Cell::List(fields(rules, rule).into_iter().collect())),
        ("tags", Cell::List(rule.header.tags.clone())),
        ("references", Cell::List(rule.header.references.clone())),
        ("falsepositives", Cell::List(rule.header.false_positives.clone())),
        ("related", Cell::List(related)),
        ("filters", Cell::List(rule.filters.clone())),
        ("examples", Cell::Plain(rule.examples.len().to_string())),
    ]
}

/// Gives what the installation changes of a rule.
fn changed(rule: &Rule) -> Cell {
    let Some(change) = &rule.changed else { return Cell::Null };
    let level = change.level.map(|level| format!("level was {}", level.as_str()));
    let exceptions = change.exceptions.iter().map(|exception| format!("except {exception}"));
    let reason = Some(change.reason.clone()).filter(|reason| !reason.is_empty());
    Cell::List(level.into_iter().chain(exceptions).chain(reason).collect())
}

/// Gives what a correlation counts, and over which rules.
fn correlation(rules: &RuleSet, rule: &Rule) -> Cell {
    let RuleKind::Correlation(correlation) = &rule.kind else { return Cell::Null };
    let mut lines =
        vec![format!("{} within {} s", correlation.kind.as_str(), correlation.timespan.as_secs())];
    if !correlation.group_by.is_empty() {
        lines.push(format!("by {}", correlation.group_by.join(", ")));
    }
    let parts = correlation.rules.iter().filter_map(|part| rules.rule(*part));
    lines.extend(parts.map(|part| format!("of {} ({})", part.header.id, part.header.title)));
    Cell::List(lines)
}

/// Gives the fields that a rule looks at: of a correlation, those of its groups.
fn fields(rules: &RuleSet, rule: &Rule) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    match &rule.kind {
        RuleKind::Event(predicate) => collect(predicate.node(), &mut found),
        RuleKind::Correlation(correlation) => {
            found.extend(correlation.group_by.iter().cloned());
            let parts = correlation.rules.iter().filter_map(|part| rules.rule(*part));
            for part in parts {
                if let RuleKind::Event(predicate) = &part.kind {
                    collect(predicate.node(), &mut found);
                }
            }
        }
    }
    found
}

fn collect(node: &Node, found: &mut BTreeSet<String>) {
    match node {
        Node::And(nodes) | Node::Or(nodes) => nodes.iter().for_each(|node| collect(node, found)),
        Node::Not(inner) => collect(inner, found),
        Node::Test(Test::Field { field, .. }) => {
            found.insert(field.name().to_owned());
        }
        Node::Test(Test::Fields { field, other, .. }) => {
            found.extend([field.name().to_owned(), other.name().to_owned()]);
        }
        Node::Test(Test::Anywhere(_)) => {
            found.insert("(the whole record)".to_owned());
        }
        _ => {}
    }
}
