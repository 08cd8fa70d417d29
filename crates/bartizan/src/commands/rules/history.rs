//! `bartizan rules test --last 7d`: rules run over what is stored.

use std::io::IsTerminal as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use detect::{Trial, TrialError, Wanted};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use query::Predicate;
use sigma::RuleFile;
use store::{Histogram, Scope, Store};

use crate::clock::now;
use crate::config::Config;
use crate::detections::{COLUMNS, row};
use crate::failure::{Outcome, ending};
use crate::interrupt::Interrupt;
use crate::output::{Printer, Shape, complain, complain_of};
use crate::place::{Place, tell_gaps};
use crate::{overrides, rules, usage};

/// Events between two looks at the clock.
const EVENTS_BETWEEN: u64 = 4_096;

/// Which rules, over which time.
pub(super) struct Question<'a> {
    pub(super) rule: Option<&'a str>,
    pub(super) last: Duration,
    pub(super) output: Shape,
    pub(super) place: &'a Place,
}

pub(super) fn run(question: &Question<'_>) -> anyhow::Result<Outcome> {
    let store = question.place.reader()?;
    let mut trial = trial(&question.place.config()?, question.rule)?;
    let to = now();
    let scope = Scope { from: to.minus(question.last), to, ..Scope::of(Predicate::default()) };
    let bar = bar(&store, &scope)?;
    let interrupt = Interrupt::listen()?;
    let mut printer = Printer::new(question.output, &COLUMNS)?;
    let (mut found, mut reported, mut failed) = (Vec::new(), 0_u64, None);
    let is_complete = store.scan(&scope, &mut |event| {
        trial.observe(event, &mut found);
        for detection in found.drain(..) {
            reported += 1;
            if let Err(error) = printer.row(&row(&detection)) {
                failed = Some(error);
                return ControlFlow::Break(());
            }
        }
        if trial.events().is_multiple_of(EVENTS_BETWEEN) {
            bar.set_position(trial.events());
            if interrupt.is_asked() {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    })?;
    bar.finish_and_clear();
    if let Some(error) = failed {
        return Err(error);
    }
    printer.finish()?;
    tell_gaps(&store);
    tell(&trial, reported);
    Ok(if is_complete { Outcome::Done } else { Outcome::Interrupted })
}

/// Makes the rules ready: all in force, one of them, or those of a file.
fn trial(config: &Config, rule: Option<&str>) -> anyhow::Result<Trial> {
    let sources = config.rule_sources();
    let (mut files, faults) = rules::read(sources.shipped, &sources.folders)?;
    faults.iter().for_each(complain_of);
    let wanted = match rule {
        None => Wanted::All,
        Some(name) => match file(name)? {
            Some(file) => {
                // The same file in force gives way to what was named.
                files.retain(|other| other.path != file.path);
                Wanted::File(file)
            }
            None => Wanted::Rule(name.to_owned()),
        },
    };
    let overrides = overrides::read(&sources.overrides)
        .map_err(|error| ending(Outcome::Unreadable, format!("the overrides: {error}")))?;
    Trial::of(files, &overrides, &wanted).map_err(|error| match error {
        TrialError::Unknown(name) => {
            let sentence =
                format!("no rule has the id or name `{name}`, and there is no such file");
            ending(Outcome::Fault, sentence)
        }
        TrialError::Faulty(faults) => {
            faults.iter().for_each(complain_of);
            ending(Outcome::Fault, "the rule cannot be tried")
        }
    })
}

/// Reads a file of rules, where the name is one.
fn file(name: &str) -> anyhow::Result<Option<RuleFile>> {
    let path = Path::new(name);
    let is_rule = path.extension().is_some_and(|end| end == "yml" || end == "yaml");
    if !is_rule && !path.is_file() {
        return Ok(None);
    }
    let (mut files, faults) = rules::read(rules::Shipped::Without, &[path.to_owned()])?;
    faults.iter().for_each(complain_of);
    Ok(files.pop())
}

fn tell(trial: &Trial, reported: u64) {
    for (day, hits) in trial.days() {
        let day = day.to_string();
        complain(&format!("{} {hits:>8}", day.get(..10).unwrap_or(&day)));
    }
    if !trial.reports() {
        complain("by itself it reports nothing: it only serves a correlation");
    }
    complain(&format!(
        "{} events, {} hits, {reported} detections, {:.2} processor seconds",
        trial.events(),
        trial.hits(),
        usage::now().processor.as_secs_f64(),
    ));
}

/// Gives a bar over the events of the span, on a terminal.
fn bar(store: &Store, scope: &Scope) -> anyhow::Result<ProgressBar> {
    if !std::io::stderr().is_terminal() {
        return Ok(ProgressBar::hidden());
    }
    let counted = store.histogram(&Histogram { scope: scope.clone(), buckets: 1 })?;
    let bar = ProgressBar::new(counted.total());
    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(8));
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos} of {len} events, {eta} left")
    {
        bar.set_style(style);
    }
    Ok(bar)
}
