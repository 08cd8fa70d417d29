//! `bartizan simulate`: realistic traffic, sent to a real input.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context as _;
use indicatif::ProgressBar;
use simulate::{
    Control, Generator, Mix, Plan, Reach, SCENARIOS, Sample, Scenario, SimulateError, Target,
};

use crate::clock::now;
use crate::failure::{Outcome, ending};
use crate::interrupt::Interrupt;
use crate::output::{Cell, Printer, Shape, complain};

/// Sends realistic benign and attack traffic to a real input.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan simulate --to 127.0.0.1:5514
  bartizan simulate --to tcp://127.0.0.1:5514 --rate 200 --duration 60s --seed 7
  bartizan simulate --to file:/tmp/auth.log --count 10000 --rate 0
  bartizan simulate --to http://127.0.0.1:8441/ingest --mix benign=8,named=1,hidden=1
  bartizan simulate --list
  bartizan simulate --scenario dns-tunnel --to 127.0.0.1:5514
  bartizan simulate --scenario rare-program --to file:/tmp/starts.log && bartizan hunt /tmp/starts.log

One third of the samples is everyday traffic, one third attacks that rules name, one third attacks
that hide. A scenario instead is one attack that only memory finds, spread over the hours or days
that it takes; one that takes more than a day is written to a file, since inputs hold every time to
a day before its receipt. All hosts and addresses are from the ranges kept for documentation.")]
pub(crate) struct Args {
    /// Where to: HOST:PORT or udp://, tcp://, tcp+lines://, http://…, file:PATH
    #[arg(long, value_name = "ADDRESS", required_unless_present = "list")]
    to: Option<String>,
    /// Samples a second; 0 sends as fast as they go, as a scenario does if nothing is said [default: 20]
    #[arg(long)]
    rate: Option<u32>,
    /// Sends one attack that only memory finds, by its name
    #[arg(long, value_name = "NAME", conflicts_with = "mix")]
    scenario: Option<String>,
    /// Lists the scenarios
    #[arg(long)]
    list: bool,
    /// How the list is written
    #[arg(long, value_enum, default_value_t, requires = "list")]
    output: Shape,
    /// How much of each kind
    #[arg(long, default_value = "benign=1,named=1,hidden=1", value_parser = mix)]
    mix: Mix,
    /// The same seed gives the same samples
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long, such as 60s; without it and without --count until Ctrl-C
    #[arg(long, value_name = "SPAN", value_parser = crate::span::parse)]
    duration: Option<Duration>,
    /// How many samples
    #[arg(long)]
    count: Option<u64>,
    /// The file that holds the bearer token of an HTTP input
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Also sends to addresses beyond this machine and private networks: the target is yours
    #[arg(long)]
    anywhere: bool,
}

fn mix(text: &str) -> Result<Mix, String> {
    Mix::parse(text).ok_or_else(|| "a mix is written benign=8,named=1,hidden=1".to_owned())
}

/// What everyday samples a second are sent.
const RATE: u32 = 20;

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    if args.list {
        return list(args.output);
    }
    let to = args.to.as_deref().unwrap_or_default();
    let mut target =
        Target::parse(to).map_err(|error| ending(Outcome::Usage, error.to_string()))?;
    if let (Target::Http { token, .. }, Some(path)) = (&mut target, &args.token_file) {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        *token = Some(text.trim().to_owned());
    }
    if let Some(name) = &args.scenario {
        let scenario = scenario(name, &target)?;
        let rate = args.rate.filter(|rate| *rate > 0);
        let samples = scenario.samples(args.seed, now());
        let ended = play(args, (target, rate), samples)?;
        complain(&format!("the rule that is to tell of it: {}", scenario.expects));
        return Ok(ended);
    }
    let rate = Some(args.rate.unwrap_or(RATE)).filter(|rate| *rate > 0);
    let generator = Generator::new(simulate::Config {
        seed: args.seed,
        mix: args.mix,
        start: now(),
        step: rate.map_or(Duration::from_millis(1), |rate| Duration::from_secs(1) / rate),
    });
    play(args, (target, rate), generator)
}

fn list(shape: Shape) -> anyhow::Result<Outcome> {
    let mut printer = Printer::new(shape, &["name", "days", "summary", "rule"])?;
    for scenario in SCENARIOS {
        let days = Cell::from(u64::from(scenario.days));
        printer.row(&[
            scenario.name.into(),
            days,
            scenario.summary.into(),
            scenario.expects.into(),
        ])?;
    }
    printer.finish()?;
    Ok(Outcome::Done)
}

/// Gives a scenario that the target can take.
fn scenario(name: &str, target: &Target) -> anyhow::Result<&'static Scenario> {
    let Some(scenario) = Scenario::named(name) else {
        let known: Vec<&str> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        let text = format!("there is no scenario {name}; known: {}", known.join(", "));
        return Err(ending(Outcome::Usage, text));
    };
    if !scenario.is_live() && !matches!(target, Target::File(_)) {
        let text = format!(
            "{name} takes {} days, and inputs hold every time to a day before its receipt; write it to a file (--to \
             file:PATH) and let `bartizan hunt PATH` read it",
            scenario.days
        );
        return Err(ending(Outcome::Usage, text));
    }
    Ok(scenario)
}

fn play(
    args: &Args,
    (target, rate): (Target, Option<u32>),
    samples: impl IntoIterator<Item = Sample>,
) -> anyhow::Result<Outcome> {
    let reach = if args.anywhere { Reach::Anywhere } else { Reach::Near };
    let plan = Plan { target, rate, count: args.count, duration: args.duration, reach };
    let stop = AtomicBool::new(false);
    let interrupt = Interrupt::listen()?;
    let bar = if std::io::stderr().is_terminal() {
        ProgressBar::new_spinner()
    } else {
        ProgressBar::hidden()
    };
    let mut progress = |sent: &simulate::Sent| {
        bar.set_message(format!("{} samples sent", sent.samples));
        bar.tick();
        if interrupt.is_asked() {
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    };
    let mut control = Control { stop: &stop, progress: &mut progress };
    let sent = simulate::send(samples, &plan, &mut control);
    bar.finish_and_clear();
    let sent = sent.map_err(with_way_out)?;
    complain(&format!(
        "{} samples in {:.1} s: {} benign, {} attacks that rules name, {} that hide",
        sent.samples,
        sent.elapsed.as_secs_f64(),
        sent.benign,
        sent.named,
        sent.hidden
    ));
    Ok(if interrupt.is_asked() { Outcome::Interrupted } else { Outcome::Done })
}

fn with_way_out(error: SimulateError) -> anyhow::Error {
    match error {
        SimulateError::Public(address) => ending(
            Outcome::Usage,
            format!(
                "{address} is neither this machine nor a private network; if it is yours, give --anywhere"
            ),
        ),
        error => error.into(),
    }
}
