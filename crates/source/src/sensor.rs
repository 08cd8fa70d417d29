//! The door for what senses by itself and needs no format: packets, decoys, scans.
//!
//! A sensor lives in a crate of its own. Here it gets what an input has: a place among the counters, the
//! bounded channel to the line, and the word to stop. It writes its events as JSON in the Elastic Common
//! Schema, one record an event.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crossbeam_channel::TrySendError;
use model::{Batch, Checkpoint, Clock, Origin, Record, Text};
use tokio::task::JoinHandle;

use crate::Running;
use crate::input::{Counted, Input, moment, now};
use crate::outlet::{Outlet, Stop};

/// The format that reads what sensors write.
const FORMAT: &str = "sensor";

/// The line has ended, or the sensor is to stop: nothing more is taken.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the line takes no more events")]
pub struct Closed;

/// A sensor's place beside the inputs; cheap to clone.
#[derive(Clone, Debug)]
pub struct Sensor {
    input: Arc<Input>,
    outlet: Outlet,
    stop: Stop,
    origin: Arc<Origin>,
}

impl Running {
    /// Gives a sensor its place beside the inputs. `name` stands in the counters and in
    /// `bartizan.input`; `reads` says in words where it looks or listens.
    pub fn sensor(&mut self, name: &'static str, reads: String) -> Sensor {
        let input = Input::reading(name, reads);
        self.inputs.push(Arc::clone(&input));
        let origin = Origin {
            input: name.to_owned(),
            format: Some(FORMAT.to_owned()),
            simulated: self.simulated,
            ..Origin::default()
        };
        Sensor {
            input,
            outlet: self.outlet.clone(),
            stop: self.stopping.clone(),
            origin: Arc::new(origin),
        }
    }

    /// Runs a sensor's task; its end is waited for when the inputs stop, and a panic ends it alone.
    pub fn run(&mut self, sensor: &Sensor, task: impl Future<Output = ()> + Send + 'static) {
        let handle = self.runtime.spawn(crate::running::guarded(Arc::clone(&sensor.input), task));
        self.watch(sensor, handle);
    }

    /// Runs a sensor that blocks, on a thread of its own.
    pub fn run_blocking(&mut self, sensor: &Sensor, task: impl FnOnce() + Send + 'static) {
        let input = Arc::clone(&sensor.input);
        let handle = self.runtime.spawn_blocking(move || {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(task));
            crate::running::told(&input, outcome);
        });
        self.watch(sensor, handle);
    }

    fn watch(&mut self, sensor: &Sensor, handle: JoinHandle<()>) {
        self.tasks.push(crate::running::Task { name: sensor.input.name, handle });
    }
}

impl Sensor {
    /// Hands events on, each one line of JSON, and waits for room; so a sensor that can slow its peer
    /// down does so.
    pub async fn send(&self, lines: Vec<String>) -> Result<(), Closed> {
        let (batch, counted) = self.batch(lines);
        self.outlet.send(batch).await.map_err(|_| Closed)?;
        self.input.count(&counted);
        Ok(())
    }

    /// Hands events on from a thread of its own, and waits for room until told to stop.
    pub fn send_blocking(&self, lines: Vec<String>) -> Result<(), Closed> {
        let (batch, counted) = self.batch(lines);
        self.outlet.send_blocking(batch, &self.stop).map_err(|_| Closed)?;
        self.input.count(&counted);
        Ok(())
    }

    /// Hands events on where there is room at once; otherwise they are dropped and counted, which a
    /// sensor does that nobody can slow down.
    pub fn offer(&self, lines: Vec<String>) -> Result<(), Closed> {
        let (batch, counted) = self.batch(lines);
        match self.outlet.offer(batch) {
            Ok(()) => self.input.count(&counted),
            Err(TrySendError::Full(_)) => self.input.dropped(counted.records),
            Err(TrySendError::Disconnected(_)) => return Err(Closed),
        }
        Ok(())
    }

    /// Gives the same place for what one old file tells: the events' own times count, and the file
    /// stands beside them.
    #[must_use]
    pub fn of_file(&self, path: &Path, written: Option<SystemTime>) -> Self {
        let origin = Origin {
            path: Some(path.to_string_lossy().into_owned()),
            clock: Clock::File(written.map_or_else(now, moment)),
            ..Origin::clone(&self.origin)
        };
        Self { origin: Arc::new(origin), ..self.clone() }
    }

    /// Hands events of a file on from a thread of its own, with how far they bring it, and waits for
    /// room until told to stop.
    pub fn send_from_file(&self, lines: Vec<String>, far: Checkpoint) -> Result<(), Closed> {
        let (mut batch, counted) = self.batch(lines);
        batch.checkpoints.push(far);
        self.outlet.send_blocking(batch, &self.stop).map_err(|_| Closed)?;
        self.input.count(&counted);
        Ok(())
    }

    fn batch(&self, lines: Vec<String>) -> (Batch, Counted) {
        let received_at = now();
        let record = |line: String| Record {
            text: Text::from(line.as_str()),
            received_at,
            origin: Arc::clone(&self.origin),
            truncated_bytes: 0,
            escaped_bytes: 0,
        };
        let records: Vec<Record> = lines.into_iter().map(record).collect();
        let counted = Counted::of(&records);
        (Batch { records, ..Batch::default() }, counted)
    }

    /// Tells whether it is to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.is_told()
    }

    /// Waits until it is to stop.
    pub async fn stopped(&self) {
        self.stop.clone().told().await;
    }

    /// Waits for a while; tells whether it is to stop before that.
    pub async fn stopped_within(&self, time: Duration) -> bool {
        tokio::time::timeout(time, self.stopped()).await.is_ok()
    }

    /// Counts what was lost for want of room, here or in the system.
    pub fn dropped(&self, count: u64) {
        self.input.dropped(count);
    }

    /// Counts a connection or a packet that was refused.
    pub fn refused(&self) {
        self.input.refused();
    }

    /// Shows how many connections, flows or files are open.
    pub fn open(&self, count: u64) {
        self.input.open(count);
    }

    /// Counts a fault and keeps its text for whoever looks.
    pub fn fault(&self, text: &str) {
        self.input.fault(text);
    }
}
