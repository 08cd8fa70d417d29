//! A line to test sensors against: the channel's end behind, and nothing else running.

pub(crate) mod networks;

use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use model::{Batch, Checkpoint};
use serde_json::Value;
use source::{InputStatus, Running};

/// Longer than anything takes; reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Line {
    pub(crate) batches: Receiver<Batch>,
    pub(crate) running: Option<Running>,
    pub(crate) checkpoints: Vec<Checkpoint>,
    pub(crate) events: Vec<Value>,
    runtime: tokio::runtime::Runtime,
}

impl Line {
    pub(crate) fn start() -> Self {
        Self::with_places(10_000)
    }

    pub(crate) fn with_places(places: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (outlet, batches) = crossbeam_channel::bounded(places);
        let start = source::Start {
            outlet,
            checkpoints: Vec::new(),
            runtime: runtime.handle().clone(),
            simulated: false,
        };
        let running = Some(source::start(&source::Config::silent(), start).unwrap());
        let (checkpoints, events) = (Vec::new(), Vec::new());
        Self { batches, running, checkpoints, events, runtime }
    }

    pub(crate) fn running(&mut self) -> &mut Running {
        self.running.as_mut().unwrap()
    }

    pub(crate) fn status(&self, name: &str) -> InputStatus {
        let inputs = self.running.as_ref().unwrap().inputs().status();
        inputs.into_iter().find(|input| input.name == name).unwrap()
    }

    pub(crate) fn take(&mut self) -> bool {
        let Ok(batch) = self.batches.recv_timeout(Duration::from_millis(20)) else { return false };
        self.checkpoints.extend(batch.checkpoints);
        let read = |text: &model::Text| -> Value {
            let text = text.to_string();
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}"))
        };
        self.events.extend(batch.records.iter().map(|record| read(&record.text)));
        true
    }

    /// Waits until what came satisfies.
    pub(crate) fn until(&mut self, wanted: impl Fn(&[Value]) -> bool) {
        let begun = Instant::now();
        while !wanted(&self.events) {
            self.take();
            if begun.elapsed() > PATIENCE {
                let inputs = self.running.as_ref().unwrap().inputs().status();
                panic!("in vain: {:#?}\n{inputs:#?}", self.events);
            }
        }
    }

    /// Waits until an input stands as wanted.
    pub(crate) fn until_status(&mut self, name: &str, wanted: impl Fn(&InputStatus) -> bool) {
        let begun = Instant::now();
        while !wanted(&self.status(name)) {
            self.take();
            assert!(begun.elapsed() < PATIENCE, "in vain: {:?}", self.status(name));
        }
    }

    /// Stops the inputs and gives all events.
    pub(crate) fn stop(mut self) -> Vec<Value> {
        let running = self.running.take().unwrap();
        let stopping = self.runtime.spawn(running.stop(PATIENCE));
        while !stopping.is_finished() {
            self.take();
        }
        while self.take() {}
        assert_eq!(self.runtime.block_on(stopping).unwrap(), Vec::<&str>::new());
        self.events
    }
}

/// Gives those of a dataset.
pub(crate) fn of<'a>(events: &'a [Value], dataset: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"]["dataset"] == dataset).collect()
}
