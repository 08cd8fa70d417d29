//! Durable ingest, measured from outside: the real binary, loaded over TCP syslog, RELP and HTTP by
//! many connections at once.
//!
//! ```text
//! ingest [--binary PATH] [--seconds 20] [--connections 32] [--rate 0] [--data DIR] [LANE…]
//! ```
//!
//! With a rate the connections send that many messages a second together, each batch at its time, and
//! an answer counts from the time at which its batch was due; with none they send as fast as they are
//! answered, and the answers tell how long a full line makes one wait. Plain syslog has no answers: its
//! messages count when the product says that they are stored. Sender and product share the machine.

mod load;
mod product;

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use load::{Lane, Load};
use product::{Product, Sample};

struct Arguments {
    binary: PathBuf,
    data: Option<PathBuf>,
    seconds: u64,
    connections: usize,
    rate: u64,
    lanes: Vec<Lane>,
}

fn main() -> anyhow::Result<()> {
    let arguments = read_arguments()?;
    if !arguments.binary.is_file() {
        println!("not measured: there is no {}", arguments.binary.display());
        return Ok(());
    }
    println!(
        "{} connections, {}, {} s a lane, messages of {} bytes\n",
        arguments.connections,
        match arguments.rate {
            0 => "as fast as answered".to_owned(),
            rate => format!("{rate} messages/s asked for"),
        },
        arguments.seconds,
        load::message_bytes()
    );
    println!(
        "| lane | messages/s durable | answered p50 ms | p99 ms | max ms | CPU s of the product per million | cores | MB at first | MB at most | MB at the end | ledger |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for lane in &arguments.lanes {
        println!("{}", measure(&arguments, *lane)?);
    }
    Ok(())
}

fn measure(arguments: &Arguments, lane: Lane) -> anyhow::Result<String> {
    let parent = match &arguments.data {
        Some(data) => data.clone(),
        // On a real disk: in a memory file system a sync costs nothing.
        None => std::env::current_exe()?.parent().context("no folder")?.to_path_buf(),
    };
    let folder = tempfile::Builder::new().prefix("bartizan-ingest").tempdir_in(parent)?;
    let product = Product::start(&arguments.binary, folder.path())?;
    let before = product.sample()?;
    let began = Instant::now();
    let load =
        Load::start(lane, product.address(lane.input())?, arguments.connections, arguments.rate);
    let end = Duration::from_secs(arguments.seconds);
    let mut samples = vec![before];
    while began.elapsed() < end {
        std::thread::sleep(Duration::from_millis(500).min(end.saturating_sub(began.elapsed())));
        samples.push(product.sample()?);
    }
    load.stop.store(true, Ordering::Relaxed);
    let after = product.sample()?;
    let seconds = began.elapsed().as_secs_f64();
    let outcome = load.join();
    let balanced = if product.sample()?.balanced { "balanced" } else { "NOT BALANCED" };
    samples.push(after);
    Ok(row(lane, &samples, seconds, outcome, balanced))
}

fn row(
    lane: Lane,
    samples: &[Sample],
    seconds: f64,
    mut told: load::Outcome,
    ledger: &str,
) -> String {
    let (first, last) =
        (samples.first().copied().unwrap_or_default(), samples.last().copied().unwrap_or_default());
    let stored = (last.stored - first.stored).max(1) as f64;
    let cpu = last.cpu_seconds - first.cpu_seconds;
    told.millis.sort_by(f64::total_cmp);
    let at = |part: f64| {
        let place = (told.millis.len() as f64 * part) as usize;
        told.millis.get(place.min(told.millis.len().saturating_sub(1))).copied()
    };
    let shown =
        |millis: Option<f64>| millis.map_or("–".to_owned(), |millis| format!("{millis:.1}"));
    // After the first tenth: what a process needs to get going is no growth.
    let begun = samples.get(samples.len() / 10).copied().unwrap_or_default();
    let most = samples.iter().map(|sample| sample.resident_mb).max().unwrap_or_default();
    let faults =
        if told.faults == 0 { String::new() } else { format!(" ({} faults)", told.faults) };
    format!(
        "| {}{faults} | {:.0} | {} | {} | {} | {:.1} | {:.2} | {} | {most} | {} | {ledger} |",
        lane.name(),
        stored / seconds,
        shown(at(0.5)),
        shown(at(0.99)),
        shown(told.millis.last().copied()),
        cpu / stored * 1e6,
        cpu / seconds,
        begun.resident_mb,
        last.resident_mb,
    )
}

fn read_arguments() -> anyhow::Result<Arguments> {
    let binary = std::env::current_exe()?.with_file_name("bartizan");
    let mut arguments =
        Arguments { binary, data: None, seconds: 20, connections: 32, rate: 0, lanes: Vec::new() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--binary" => arguments.binary = value()?.into(),
            "--data" => arguments.data = Some(value()?.into()),
            "--seconds" => arguments.seconds = value()?.parse().context("--seconds")?,
            "--connections" => arguments.connections = value()?.parse().context("--connections")?,
            "--rate" => arguments.rate = value()?.parse().context("--rate")?,
            name => arguments.lanes.push(Lane::of(name).with_context(|| {
                format!("{name} is no lane: syslog_tcp, relp, http, or an option")
            })?),
        }
    }
    if arguments.lanes.is_empty() {
        arguments.lanes = Lane::ALL.to_vec();
    }
    arguments.connections = arguments.connections.max(1);
    Ok(arguments)
}
