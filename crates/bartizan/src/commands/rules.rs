//! `bartizan rules`: list them, check their syntax, run their examples, bring others in.

mod coverage;
mod health;
mod history;
mod import;
mod show;

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use detect::Engine;
use sigma::RuleSet;

use crate::examples;
use crate::failure::{Outcome, ending};
use crate::output::{self, Cell, Printer, Shape};
use crate::place::Place;
use crate::rules::{self, Loaded, Shipped};

/// Lists, shows, checks, tests and imports Sigma rules.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan rules list
  bartizan rules show ssh_brute_force
  bartizan rules check ./my-rules
  bartizan rules test                (the examples of every shipped rule)
  bartizan rules test ./my-rules
  bartizan rules test --last 7d --rule ./new-rule.yml      (over what is stored)
  bartizan rules health
  bartizan rules import ~/sigma/rules --name sigmahq
  bartizan rules coverage --output coverage.json")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists the rules: those in force, or those of the folders
    List {
        /// Files or folders with rules; none means those in force: shipped, configured, imported
        paths: Vec<PathBuf>,
        /// The shape of the list
        #[arg(long, value_enum, default_value_t)]
        output: Shape,
        #[command(flatten)]
        place: Place,
    },
    /// Checks the syntax; tells file, line, column and reason of each fault
    Check {
        /// Files or folders with rules; none means those in force: shipped, configured, imported
        paths: Vec<PathBuf>,
        #[command(flatten)]
        place: Place,
    },
    /// Runs the rules' own examples; or, with --last, the rules over what is stored
    Test {
        /// Files or folders with rules; none means the shipped ones
        paths: Vec<PathBuf>,
        /// Runs over the stored events of so long instead, such as 24h or 7d
        #[arg(long, value_name = "SPAN", value_parser = crate::span::parse, conflicts_with = "paths")]
        last: Option<Duration>,
        /// One rule, by its id or name, or the rules of a file; with --last
        #[arg(long, value_name = "ID|FILE", requires = "last")]
        rule: Option<String>,
        /// The shape of the detections; with --last
        #[arg(long, value_enum, default_value_t, requires = "last")]
        output: Shape,
        #[command(flatten)]
        place: Place,
    },
    /// Tells for each rule whether it could fire here and now
    Health(health::Args),
    /// Shows everything about one rule
    Show(show::Args),
    /// Brings rules in from elsewhere: SigmaHQ, hayabusa-rules, Wazuh
    Import(import::Args),
    /// Tells which ATT&CK techniques the rules can find here and now
    Coverage(coverage::Args),
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    match &args.action {
        Action::List { paths, output, place } => list(&in_force(paths, place)?.rules, *output),
        Action::Check { paths, place } => {
            let loaded = in_force(paths, place)?;
            tell_faults(&loaded, paths)?;
            output::complain(&format!(
                "{} rules, {} set aside",
                loaded.rules.rules().len(),
                loaded.faults.len()
            ));
            Ok(if loaded.faults.is_empty() { Outcome::Done } else { Outcome::Fault })
        }
        Action::Test { last: Some(last), rule, output, place, .. } => {
            let rule = rule.as_deref();
            history::run(&history::Question { rule, last: *last, output: *output, place })
        }
        Action::Test { paths, .. } => test(load(paths)?, paths),
        Action::Health(args) => health::run(args),
        Action::Show(args) => show::run(args),
        Action::Import(args) => import::run(args),
        Action::Coverage(args) => coverage::run(args),
    }
}

fn load(paths: &[PathBuf]) -> anyhow::Result<Loaded> {
    rules::load(if paths.is_empty() { Shipped::With } else { Shipped::Without }, paths)
}

/// Loads the rules of the folders; of none, those that run.
fn in_force(paths: &[PathBuf], place: &Place) -> anyhow::Result<Loaded> {
    if !paths.is_empty() {
        return load(paths);
    }
    rules::load_in_force(&place.config()?.rule_sources())
}

/// Tells what was set aside. Where there was nothing at all to look at, that is a fault too: a
/// mistyped folder must not pass for one without faults.
fn tell_faults(loaded: &Loaded, paths: &[PathBuf]) -> anyhow::Result<()> {
    loaded.faults.iter().for_each(output::complain_of);
    if !loaded.faults.is_empty() || !loaded.rules.rules().is_empty() {
        return Ok(());
    }
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let sentence = format!("no rule in {}; files of rules end in .yml or .yaml", paths.join(", "));
    Err(ending(Outcome::Fault, sentence))
}

fn list(rules: &RuleSet, shape: Shape) -> anyhow::Result<Outcome> {
    let mut columns = vec!["level", "title", "status", "logsource", "tags", "id", "path"];
    // A table for people has no room for them; `rules show` has.
    if shape != Shape::Table {
        columns.extend(["author", "licence", "enabled", "reports"]);
    }
    let mut printer = Printer::new(shape, &columns)?;
    for rule in rules.rules() {
        let mut cells = vec![
            rule.header.level.as_str().into(),
            rule.header.title.clone().into(),
            rule.status.as_str().into(),
            rules::logsource(&rule.logsource).into(),
            Cell::List(rule.header.tags.clone()),
            rule.header.id.clone().into(),
            rule.path.clone().into(),
        ];
        if shape != Shape::Table {
            cells.extend([
                rule.header.author.clone().into(),
                rule.header.license.clone().into(),
                Cell::Plain(rule.enabled.to_string()),
                Cell::Plain(rule.reports.to_string()),
            ]);
        }
        printer.row(&cells)?;
    }
    printer.finish()?;
    Ok(Outcome::Done)
}

fn test(loaded: Loaded, paths: &[PathBuf]) -> anyhow::Result<Outcome> {
    tell_faults(&loaded, paths)?;
    let set_aside = loaded.faults.len();
    let engine = Engine::new(loaded.rules);
    let tested = examples::test(&engine);
    for failure in &tested.failures {
        output::complain(&output::printable(failure));
    }
    output::complain(&format!(
        "{} examples of {} rules: {} as they should, {} not; {} rules without examples; {set_aside} set aside",
        tested.examples,
        tested.rules,
        tested.examples - tested.failures.len(),
        tested.failures.len(),
        tested.bare,
    ));
    let fine = tested.failures.is_empty() && set_aside == 0;
    Ok(if fine { Outcome::Done } else { Outcome::Fault })
}
