//! `bartizan rules`: list them, check their syntax, run their examples.

use std::path::PathBuf;

use clap::Subcommand;
use detect::Engine;
use sigma::RuleSet;

use crate::examples;
use crate::failure::{Outcome, ending};
use crate::output::{self, Cell, Printer, Shape};
use crate::rules::{self, Loaded, Shipped};

/// Lists, checks and tests Sigma rules.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan rules list
  bartizan rules check ./my-rules
  bartizan rules test                (the examples of every shipped rule)
  bartizan rules test ./my-rules")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists the rules: the shipped ones, or those of the folders
    List {
        /// Files or folders with rules; none means the shipped ones
        paths: Vec<PathBuf>,
        /// The shape of the list
        #[arg(long, value_enum, default_value_t)]
        output: Shape,
    },
    /// Checks the syntax; tells file, line, column and reason of each fault
    Check {
        /// Files or folders with rules; none means the shipped ones
        paths: Vec<PathBuf>,
    },
    /// Runs the rules' own examples
    Test {
        /// Files or folders with rules; none means the shipped ones
        paths: Vec<PathBuf>,
    },
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    match &args.action {
        Action::List { paths, output } => list(&load(paths)?.rules, *output),
        Action::Check { paths } => {
            let loaded = load(paths)?;
            tell_faults(&loaded, paths)?;
            output::complain(&format!(
                "{} rules, {} set aside",
                loaded.rules.rules().len(),
                loaded.faults.len()
            ));
            Ok(if loaded.faults.is_empty() { Outcome::Done } else { Outcome::Fault })
        }
        Action::Test { paths } => test(load(paths)?, paths),
    }
}

fn load(paths: &[PathBuf]) -> anyhow::Result<Loaded> {
    rules::load(if paths.is_empty() { Shipped::With } else { Shipped::Without }, paths)
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
    let columns = ["level", "title", "status", "logsource", "tags", "id", "path"];
    let mut printer = Printer::new(shape, &columns)?;
    for rule in rules.rules() {
        printer.row(&[
            rule.header.level.as_str().into(),
            rule.header.title.clone().into(),
            rule.status.as_str().into(),
            rules::logsource(&rule.logsource).into(),
            Cell::List(rule.header.tags.clone()),
            rule.header.id.clone().into(),
            rule.path.clone().into(),
        ])?;
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
