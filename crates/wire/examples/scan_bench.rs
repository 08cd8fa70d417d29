//! 65,535 ports with ten listeners, this scan beside `nmap -sS -T4`, in turns, on a perfect link and on
//! one with 50 ms delay and 1 % loss each way: what was missed, and how long it took.
//!
//! `cargo run --release -p wire --example scan_bench [ROUNDS]`, as root.

#![expect(clippy::unwrap_used, reason = "a figure that cannot be taken ends the bench")]

#[path = "../tests/link/mod.rs"]
mod link;

use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use link::{Link, THERE, Weather};
use wire::scan::{Config, Look, Ports, Progress, Targets, Transport, Way, resolve_nothing};

const LISTENERS: [u16; 10] = [21, 22, 80, 443, 1433, 8080, 20_000, 31_337, 50_000, 65_535];

struct Nobody;

impl Look for Nobody {
    fn is_stopped(&mut self) -> bool {
        false
    }
    fn progress(&mut self, _: Progress) {}
    fn asked(&mut self, _: usize, _: usize) {}
}

/// Gives the processor's seconds that this process took, and those of the children that it waited for.
fn processor() -> (f64, f64) {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = text.rsplit(')').next().unwrap_or_default();
    let ticks: Vec<f64> =
        after_name.split_whitespace().map(|word| word.parse().unwrap_or(0.0)).collect();
    let sum = |first: usize| ticks.iter().skip(first).take(2).sum::<f64>() / 100.0;
    (sum(11), sum(13))
}

fn ours(link: &Link, way: Way) -> (Duration, usize, u64) {
    let targets = Targets::parse([THERE], &resolve_nothing).unwrap();
    let ports = Ports::parse("all", Transport::Tcp).unwrap();
    let plan = Config::default().plan(targets, ports, way);
    let began = Instant::now();
    let outcome = link.within(0, || wire::scan::run(&plan, &mut Nobody)).unwrap();
    let found = outcome.found.iter().filter(|found| LISTENERS.contains(&found.address.port()));
    (began.elapsed(), found.count(), outcome.progress.sent)
}

fn nmap(link: &Link, way: &str) -> Option<(Duration, usize)> {
    let began = Instant::now();
    let output = Command::new("ip")
        .args([
            "netns",
            "exec",
            link.scanner(),
            "nmap",
            "-n",
            "-Pn",
            way,
            "-T4",
            "-p-",
            "-oG",
            "-",
            THERE,
        ])
        .output()
        .ok()?;
    let took = began.elapsed();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = LISTENERS.iter().filter(|port| text.contains(&format!(" {port}/open/")));
    text.contains("Host:").then(|| (took, found.count()))
}

fn main() {
    let rounds: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(5);
    let mut out = std::io::stdout().lock();
    let bad = Weather { delay: Duration::from_millis(50), lost: 10 };
    for weather in [None, Some(bad)] {
        let link = Link::new(weather).unwrap();
        let _listeners = link.listen(&LISTENERS);
        writeln!(out, "\n{} {weather:?}", link.how).unwrap();
        for _ in 0..rounds {
            let before = processor();
            let (took, found, sent) = ours(&link, Way::Syn);
            let between = processor();
            let (took, own) = (took.as_secs_f64(), between.0 - before.0);
            writeln!(out, "ours -sS  {took:6.2} s ({own:.2} s CPU)  {found}/10  {sent} packets")
                .unwrap();
            if let Some((took, found)) = nmap(&link, "-sS") {
                let (took, its) = (took.as_secs_f64(), processor().1 - between.1);
                writeln!(out, "nmap -sS  {took:6.2} s ({its:.2} s CPU)  {found}/10").unwrap();
            }
        }
        let (took, found, sent) = ours(&link, Way::Connect);
        writeln!(out, "ours -sT  {:6.2} s  {found}/10  {sent} packets", took.as_secs_f64())
            .unwrap();
        if let Some((took, found)) = nmap(&link, "-sT") {
            writeln!(out, "nmap -sT  {:6.2} s  {found}/10", took.as_secs_f64()).unwrap();
        }
    }
}
