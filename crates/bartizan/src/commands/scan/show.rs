//! What a scan shows: how far it is, and what it found.

use std::time::Duration;

use indicatif::ProgressBar;
use serde_json::Value;
use wire::scan::{Look, Outcome, Plan, Progress, Way};

use super::Shape;
use crate::interrupt::Interrupt;
use crate::output::{self, Cell, Printer, complain};
use crate::progress;

/// Looks on, moves the bar, and listens for Ctrl-C.
pub(super) struct Bar<'a> {
    interrupt: &'a Interrupt,
    bar: Option<ProgressBar>,
    asks: bool,
}

impl<'a> Bar<'a> {
    pub(super) fn new(interrupt: &'a Interrupt) -> Self {
        Self { interrupt, bar: None, asks: false }
    }

    pub(super) fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Look for Bar<'_> {
    fn is_stopped(&mut self) -> bool {
        self.interrupt.is_asked()
    }

    fn progress(&mut self, progress: Progress) {
        let bar = self.bar.get_or_insert_with(|| progress::counted(progress.all, "probes"));
        bar.set_position(progress.done);
        if !bar.is_hidden() {
            bar.set_message(format!("{} open", progress.open));
        }
    }

    fn asked(&mut self, done: usize, all: usize) {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        if !self.asks {
            self.end();
            self.asks = true;
        }
        let bar = self.bar.get_or_insert_with(|| progress::counted(number(all), "services"));
        bar.set_position(number(done));
    }
}

const COLUMNS: [&str; 7] = [
    "destination.ip",
    "destination.port",
    "network.transport",
    "state",
    "service.name",
    "product",
    "change",
];

/// Prints what was found: the events as they are, or the ports of them as a table.
pub(super) fn result(shape: Shape, events: &[String]) -> anyhow::Result<()> {
    if shape == Shape::Json {
        for event in events {
            output::say(event)?;
        }
        return Ok(());
    }
    let mut printer = Printer::new(output::Shape::Table, &COLUMNS)?;
    for event in events {
        let Ok(event) = serde_json::from_str::<Value>(event) else { continue };
        if event.pointer("/event/dataset").and_then(Value::as_str) != Some("scan.port") {
            continue;
        }
        let text = |path: &str| match event.pointer(path) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let encrypted = if event.get("tls").is_some() { "tls/" } else { "" };
        let service = format!("{encrypted}{}", text("/service/name"));
        let told = ["/bartizan/scan/product", "/service/version", "/bartizan/scan/info"].map(text);
        let told: Vec<String> = told.into_iter().filter(|part| !part.is_empty()).collect();
        let cells: [Cell; 7] = [
            text("/destination/ip").into(),
            text("/destination/port").into(),
            text("/network/transport").into(),
            text("/bartizan/scan/state").into(),
            service.trim_end_matches('/').to_owned().into(),
            told.join(" ").into(),
            text("/bartizan/scan/change").into(),
        ];
        printer.row(&cells)?;
    }
    printer.finish()
}

/// Tells what was asked and how it was answered.
pub(super) fn summary(plan: &Plan, outcome: &Outcome) {
    let (mut closed, mut filtered) = (0_u64, 0_u64);
    for host in &outcome.hosts {
        closed += u64::from(host.closed);
        filtered += u64::from(host.filtered);
    }
    let open = outcome.progress.open;
    let silent = outcome.progress.all.saturating_sub(open + closed + filtered);
    let word = if plan.way == Way::Udp { "open or filtered" } else { "silent" };
    let seconds = Duration::as_secs_f64(&outcome.took);
    complain(&format!(
        "{} of {} addresses answered; ports open: {open}, closed: {closed}, filtered: {filtered}, {word}: {silent}",
        outcome.hosts.len(),
        plan.targets.count(),
    ));
    complain(&format!(
        "{} scan, {} packets in {seconds:.2} s",
        plan.way.as_str(),
        outcome.progress.sent,
    ));
    if !outcome.is_whole {
        complain("the scan was broken off: what was not asked is not told");
    }
    if outcome.dropped > 0 {
        complain(&format!(
            "open ports not kept or not asked, there were too many: {}",
            outcome.dropped
        ));
    }
}
