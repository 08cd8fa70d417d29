//! `bartizan scan`: which machines answer on which ports, what serves there, and what changed.

mod history;
mod show;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Subcommand, ValueEnum};
use wire::scan::{
    self, Asks, Ended, Foreign, Plan, Ports, RETRIES_MAX, ScanError, TargetFault, Targets, Way,
};

use crate::clock::now;
use crate::config::Config;
use crate::failure::{Outcome, ending};
use crate::interrupt::Interrupt;
use crate::output::{complain, printable};
use crate::place::Place;
use crate::scans::Keeper;

/// A list of targets longer than this is none.
const LIST_BYTES_MAX: u64 = 4 << 20;

/// Finds open ports and what serves there, and keeps what it found beside the events.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  bartizan scan 192.168.1.0/24
  bartizan scan 10.0.0.5 --ports all --fingerprint
  bartizan scan 10.0.0.1-99 fd00::/120 --ports 22,80,443,8000-8100 --connect
  bartizan scan 10.0.0.0/24 --udp --ports top:20 --output json
  bartizan scan --list hosts.txt --exclude 10.0.0.7 --rate 500
  bartizan scan history
  bartizan scan diff

Without --connect, --syn or --udp it sends SYNs where it may send raw packets, and makes connections
where it may not. The pace follows what the link and the targets bear, and never exceeds --rate; what
does not answer is asked again. A UDP port that stays silent is open or filtered, nobody can tell: only
those that answer are listed. Ctrl-C ends the scan, and what was found until then is shown and kept.

What is found becomes events (event.module: scan) of the data folder: a running product takes them
over, otherwise they are kept by this command, and the rules see them at the next start. Without a
data folder they are shown and not kept. Public addresses are refused unless --i-am-entitled.

  [[scan.schedules]]              # in the configuration: what the product scans by itself
  name = \"servers\"
  targets = [\"10.0.0.0/24\"]
  ports = \"1-1024,top:100\"
  every = \"24h\""
)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    place: Place,
}

/// What is scanned, and how.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the command line")]
struct What {
    /// Hosts, ranges and networks: 10.0.0.1, 10.0.0.1-99, 10.0.0.0/24, fd00::/120, a name
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// A file with further targets, one or more a line; - for standard input
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
    /// Addresses that are left out
    #[arg(long, value_name = "TARGET", value_delimiter = ',')]
    exclude: Vec<String>,
    /// Which ports: 22,80 or 1-1024 or all or top:50, or several with commas between
    #[arg(long, short, value_name = "PORTS")]
    ports: Option<String>,
    /// Makes connections, which needs no right
    #[arg(long, conflicts_with_all = ["syn", "udp"])]
    connect: bool,
    /// Sends SYNs, which needs the right to send raw packets
    #[arg(long, conflicts_with = "udp")]
    syn: bool,
    /// Sends datagrams
    #[arg(long)]
    udp: bool,
    /// Asks what accepts who it is
    #[arg(long)]
    fingerprint: bool,
    /// A file of service probes of your own, in the language of nmap, to ask with besides
    #[arg(long, value_name = "FILE", requires = "fingerprint")]
    probes: Option<PathBuf>,
    /// Packets a second at most
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// How long the answer to a probe is waited for at most, in milliseconds
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(20..=60_000))]
    timeout: Option<u64>,
    /// How long each answer of a service is waited for, in milliseconds
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(20..=60_000))]
    service_timeout: Option<u64>,
    /// How often a probe is repeated at most
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(0..=i64::from(RETRIES_MAX)))]
    retries: Option<u8>,
    /// You are entitled to scan these addresses, although they are public
    #[arg(long)]
    i_am_entitled: bool,
    /// Shows what is found and keeps nothing of it
    #[arg(long)]
    no_keep: bool,
    /// The shape of the result
    #[arg(long, value_enum, default_value_t)]
    output: Shape,
}

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// Columns for people.
    #[default]
    Table,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists the scans that are kept, the newest first
    History(history::HistoryArgs),
    /// Shows what changed between two scans: the last one and the one before it, unless named
    Diff(history::DiffArgs),
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    match &args.action {
        Some(Action::History(history)) => history::history(history, &args.place),
        Some(Action::Diff(diff)) => history::diff(diff, &args.place),
        None => make(&args.what, &args.place),
    }
}

fn make(what: &What, place: &Place) -> anyhow::Result<Outcome> {
    let config = place.config()?;
    let plan = plan(what, &config)?;
    plan.check().map_err(refusal)?;
    let interrupt = Interrupt::listen()?;
    let mut bar = show::Bar::new(&interrupt);
    let outcome = scan::run(&plan, &mut bar).map_err(refusal)?;
    bar.end();
    // What was found is shown in any case: a store that cannot be used is no reason to lose it.
    let mut end = if interrupt.is_asked() { Outcome::Interrupted } else { Outcome::Done };
    let mut troubled = |what: &str, error: &anyhow::Error| {
        complain(&format!("{what}: {error:#}"));
        end = end.max(Outcome::Fault);
    };
    let opened = if what.no_keep { Ok(None) } else { Keeper::open(place) };
    let is_open = opened.is_ok();
    let mut keeper = opened.unwrap_or_else(|error| {
        troubled("not kept", &error);
        None
    });
    let past = keeper.as_ref().map(|keeper| keeper.compared_with(&plan)).transpose();
    let past = past.unwrap_or_else(|error| {
        troubled("not compared with earlier scans", &error);
        None
    });
    let changes = scan::compare(&plan, &outcome, &past.unwrap_or_default());
    let id = scan::new_id();
    let ended = Ended {
        id: &id,
        schedule: None,
        at: now(),
        plan: &plan,
        outcome: &outcome,
        changes: &changes,
    };
    let events = ended.events();
    // Kept before it is shown: whoever reads it may leave half-way.
    let kept = keeper.as_mut().map(|keeper| keeper.keep(&id, &events));
    show::result(what.output, &events)?;
    show::summary(&plan, &outcome);
    match kept {
        Some(Ok(told)) => complain(&told),
        Some(Err(error)) => troubled("not kept", &error),
        None if what.no_keep || !is_open => {}
        None => complain(
            "not kept: there is no data folder (--data), or `bartizan serve` never ran on it",
        ),
    }
    Ok(end)
}

fn plan(what: &What, config: &Config) -> anyhow::Result<Plan> {
    let wrong = |fault: TargetFault| ending(Outcome::Usage, fault.to_string());
    let words = what.targets.iter().map(String::as_str);
    let mut targets = Targets::parse(words, &scan::resolve).map_err(wrong)?;
    if let Some(list) = &what.list {
        let text = read_list(list)?;
        let more = Targets::parse_list(&text, &scan::resolve)
            .map_err(|fault| ending(Outcome::Fault, format!("{}: {fault}", list.display())))?;
        targets = targets.and(&more);
    } else if what.targets.is_empty() {
        let sentence = "name what is to be scanned, such as 192.168.1.0/24 (bartizan scan --help)";
        return Err(ending(Outcome::Usage, sentence));
    }
    let excluded = what.exclude.iter().map(String::as_str);
    let excluded = Targets::parse(excluded, &scan::resolve).map_err(wrong)?;
    let wanted = targets.without(&excluded);
    let targets = config.scan.allowed(&wanted).map_err(|fault| ending(Outcome::Fault, fault))?;
    if targets != wanted {
        let refused = wanted.without(&targets).count();
        complain(&format!("addresses left out by scan.allow and scan.deny: {refused}"));
    }
    let way = match (what.connect, what.syn, what.udp) {
        (true, _, _) => Way::Connect,
        (_, true, _) => Way::Syn,
        (_, _, true) => Way::Udp,
        _ => Way::best(),
    };
    let usual = if way == Way::Udp { "top:40" } else { "1-1024,top:144" };
    let ports = Ports::parse(what.ports.as_deref().unwrap_or(usual), way.transport())
        .map_err(|fault| ending(Outcome::Usage, fault.to_string()))?;
    let mut plan = config.scan.plan(targets, ports, way);
    plan.is_entitled |= what.i_am_entitled;
    plan.rate = what.rate.or(plan.rate);
    plan.retries = what.retries.unwrap_or(plan.retries);
    plan.timeout = what.timeout.map_or(plan.timeout, Duration::from_millis);
    if what.fingerprint {
        let timeout = what.service_timeout.unwrap_or(config.scan.service_timeout_ms);
        let file = what.probes.as_deref().or(config.scan.probes.as_deref());
        let foreign = file.map(read_probes).transpose()?.map(Arc::new);
        plan.asks = Some(Asks { timeout: Duration::from_millis(timeout), foreign });
    }
    Ok(plan)
}

fn read_list(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let mut read =
        |reader: &mut dyn std::io::Read| reader.take(LIST_BYTES_MAX + 1).read_to_string(&mut text);
    let outcome = if path == Path::new("-") {
        read(&mut std::io::stdin().lock())
    } else {
        std::fs::File::open(path).and_then(|mut file| read(&mut file))
    };
    let length =
        outcome.with_context(|| format!("cannot read the list of targets {}", path.display()))?;
    if u64::try_from(length).is_ok_and(|length| length > LIST_BYTES_MAX) {
        let sentence = format!(
            "{} is longer than {LIST_BYTES_MAX} bytes: name networks or ranges",
            path.display()
        );
        return Err(ending(Outcome::Fault, sentence));
    }
    Ok(text)
}

fn read_probes(path: &Path) -> anyhow::Result<Foreign> {
    let bytes = std::fs::read(path)
        .with_context(|| format!("cannot read the file of probes {}", path.display()))?;
    let foreign = Foreign::parse(&bytes).map_err(|fault| {
        ending(Outcome::Fault, printable(&format!("{}: {fault}", path.display())))
    })?;
    let (probes, matches, left_out) = foreign.counts();
    complain(&format!("{}: {probes} probes, {matches} matches", path.display()));
    if left_out > 0 {
        complain(&format!(
            "matches left out, their expressions are beyond linear time: {left_out}"
        ));
    }
    Ok(foreign)
}

fn refusal(error: ScanError) -> anyhow::Error {
    let outcome = match &error {
        ScanError::System(_) | ScanError::Privilege => Outcome::Fault,
        _ => Outcome::Usage,
    };
    let hint = match &error {
        ScanError::Public(_) => " (--i-am-entitled)",
        _ => "",
    };
    ending(outcome, format!("{error}{hint}"))
}
