//! Scans that the running product makes by itself, and those that a command made beside it.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use model::Timestamp;
use source::{Running, Sensor};

use super::config::{Config, Schedule};
use super::foreign::Foreign;
use super::history::{self, PastRun};
use super::probe::Progress;
use super::report::{self, Ended};
use super::run::{self, Asks, Look, Plan};

/// How often it looks whether something is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After a start the machine has other things to do.
const FIRST_AFTER: Duration = Duration::from_secs(10);
/// A scan that could not be made is tried again after this time, at the latest.
const AGAIN_AFTER: Duration = Duration::from_mins(10);
/// Events that are handed on at a time.
const EVENTS_AT_ONCE: usize = 1_000;

/// What a sensor knows of earlier scans, and what commands hand over to it.
pub trait Records: Send {
    /// Gives the ends of earlier scans, the newest first, without their ports.
    fn runs(&self) -> Result<Vec<PastRun>, String>;
    /// Reads the ports of earlier scans.
    fn fill(&self, runs: &mut [PastRun]) -> Result<(), String>;
    /// Takes the events of the next scan that a command made, if there is one.
    fn handed_over(&mut self) -> Result<Option<Vec<String>>, String>;
    /// Is told that the events just taken went their way.
    fn taken(&mut self);
}

/// Earlier scans that one is compared with.
pub const COMPARED_MAX: usize = 8;

/// Gives the earlier scans that one is compared with, ports and all.
pub fn compared_with(plan: &Plan, records: &dyn Records) -> Result<Vec<PastRun>, String> {
    let mut past = records.runs()?;
    past.retain(|run| run.is_whole && run.touches(plan));
    past.truncate(COMPARED_MAX);
    records.fill(&mut past)?;
    Ok(past)
}

/// Starts the sensor.
pub fn start(running: &mut Running, config: Config, records: Box<dyn Records>) {
    let reads = match config.schedules.len() {
        0 => "scans by command".to_owned(),
        1 => "1 schedule".to_owned(),
        many => format!("{many} schedules"),
    };
    let sensor = running.sensor("scan", reads);
    let clerk = Clerk { sensor: sensor.clone(), config, records };
    running.run_blocking(&sensor, move || clerk.work());
}

struct Clerk {
    sensor: Sensor,
    config: Config,
    records: Box<dyn Records>,
}

impl Clerk {
    fn work(mut self) {
        let foreign = self.foreign();
        let began = Instant::now();
        let mut due: Vec<Instant> = Vec::new();
        while !self.sensor.is_stopped() {
            self.take_over();
            if began.elapsed() >= FIRST_AFTER {
                if due.is_empty() {
                    due = self.first_due();
                }
                for (index, schedule) in self.config.schedules.clone().iter().enumerate() {
                    let Some(moment) =
                        due.get_mut(index).filter(|moment| **moment <= Instant::now())
                    else {
                        continue;
                    };
                    let every = schedule.every();
                    let outcome = self.scan(schedule, foreign.as_ref());
                    // A scan that takes longer than its span is not made twice at once.
                    *moment = Instant::now()
                        + if outcome.is_ok() { every } else { every.min(AGAIN_AFTER) };
                    if let Err(message) = outcome {
                        self.sensor.fault(&format!("{}: {message}", schedule.name));
                    }
                    if self.sensor.is_stopped() {
                        return;
                    }
                }
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    fn foreign(&self) -> Option<Arc<Foreign>> {
        let path = self.config.probes.as_ref()?;
        let read = std::fs::read(path).map_err(|error| error.to_string());
        let read = read.and_then(|bytes| Foreign::parse(&bytes).map_err(|fault| fault.to_string()));
        match read {
            Ok(foreign) => Some(Arc::new(foreign)),
            Err(message) => {
                self.sensor.fault(&format!("{}: {message}", path.display()));
                None
            }
        }
    }

    /// Hands on what commands found.
    fn take_over(&mut self) {
        loop {
            match self.records.handed_over() {
                Ok(Some(events)) => {
                    if self.hand_on(events).is_err() {
                        return;
                    }
                    self.records.taken();
                }
                Ok(None) => return,
                Err(message) => {
                    self.sensor.fault(&message);
                    return;
                }
            }
        }
    }

    /// Gives when each schedule is due: a span after its last run, or now.
    fn first_due(&self) -> Vec<Instant> {
        let runs = self.records.runs().unwrap_or_default();
        let now = now();
        let due = |schedule: &Schedule| {
            let last = runs.iter().find(|run| run.schedule.as_deref() == Some(&schedule.name));
            let left = last.map(|run| schedule.every().saturating_sub(now.since(run.at)));
            Instant::now() + left.unwrap_or_default()
        };
        self.config.schedules.iter().map(due).collect()
    }

    fn scan(&self, schedule: &Schedule, foreign: Option<&Arc<Foreign>>) -> Result<(), String> {
        let mut plan = self.config.plan_of(schedule)?;
        plan.asks = schedule.fingerprint.then(|| Asks {
            timeout: Duration::from_millis(self.config.service_timeout_ms),
            foreign: foreign.cloned(),
        });
        let past = compared_with(&plan, &*self.records)?;
        let outcome =
            run::run(&plan, &mut Quiet(&self.sensor)).map_err(|error| error.to_string())?;
        let changes = history::compare(&plan, &outcome, &past);
        let ended = Ended {
            id: &report::new_id(),
            schedule: Some(&schedule.name),
            at: now(),
            plan: &plan,
            outcome: &outcome,
            changes: &changes,
        };
        self.sensor.dropped(outcome.dropped);
        self.hand_on(ended.events()).map_err(|()| "the line takes no more events".to_owned())
    }

    fn hand_on(&self, events: Vec<String>) -> Result<(), ()> {
        for part in events.chunks(EVENTS_AT_ONCE) {
            self.sensor.send_blocking(part.to_vec()).map_err(|_| ())?;
        }
        Ok(())
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::default().plus(since)
}

/// Looks on for the product.
struct Quiet<'a>(&'a Sensor);

impl Look for Quiet<'_> {
    fn is_stopped(&mut self) -> bool {
        self.0.is_stopped()
    }

    fn progress(&mut self, _: Progress) {}

    fn asked(&mut self, _: usize, _: usize) {}
}
