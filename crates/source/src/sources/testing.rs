//! A line to test the inputs against: real sockets and files in front, the channel's end behind.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use model::{Batch, Checkpoint, Record, Refusal};

use crate::{Config, InputStatus, Running, Start};

/// Longer than anything takes; reached only by a test that fails.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Line {
    pub(crate) batches: Receiver<Batch>,
    pub(crate) answers: Mutex<VecDeque<Refusal>>,
    kept: Mutex<Kept>,
    running: Option<Running>,
    runtime: tokio::runtime::Runtime,
}

#[derive(Default)]
struct Kept {
    records: VecDeque<Record>,
    checkpoints: Vec<Checkpoint>,
}

impl Line {
    /// Starts the inputs that `configure` switches on, with listeners on the loopback.
    pub(crate) fn start(places: usize, configure: impl FnOnce(&mut Config)) -> Self {
        Self::resume(places, Vec::new(), configure)
    }

    pub(crate) fn resume(
        places: usize,
        checkpoints: Vec<Checkpoint>,
        configure: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = Config::silent();
        config.syslog_udp.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.syslog_tcp.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.relp.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        config.http.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        configure(&mut config);
        assert_eq!(config.validate("inputs"), []);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (outlet, batches) = crossbeam_channel::bounded(places);
        let kept = Kept { checkpoints: checkpoints.clone(), ..Kept::default() };
        let start =
            Start { outlet, checkpoints, runtime: runtime.handle().clone(), simulated: false };
        let running = Some(crate::start(&config, start).unwrap());
        let answers = Mutex::default();
        Self { batches, answers, kept: Mutex::new(kept), running, runtime }
    }

    pub(crate) fn status(&self, name: &str) -> InputStatus {
        let inputs = self.running.as_ref().unwrap().inputs().status();
        inputs.into_iter().find(|input| input.name == name).unwrap()
    }

    pub(crate) fn address(&self, name: &str) -> SocketAddr {
        self.status(name).address.unwrap()
    }

    /// Waits for the next batch, keeps it, and says that it is durable, unless a refusal is due.
    pub(crate) fn take(&self) -> bool {
        let Ok(batch) = self.batches.recv_timeout(Duration::from_millis(20)) else { return false };
        let answer = self.answers.lock().unwrap().pop_front();
        if answer.is_none() {
            let mut kept = self.kept.lock().unwrap();
            kept.records.extend(batch.records);
            for checkpoint in batch.checkpoints {
                kept.checkpoints.retain(|old| old.key != checkpoint.key);
                kept.checkpoints.push(checkpoint);
            }
        }
        if let Some(receipt) = batch.receipt {
            receipt.settle(answer.map_or(Ok(()), Err));
        }
        true
    }

    /// Waits for `count` records more, and gives them.
    pub(crate) fn records(&self, count: usize) -> Vec<Record> {
        let begun = Instant::now();
        while self.kept.lock().unwrap().records.len() < count {
            self.take();
            let have = self.kept.lock().unwrap().records.len();
            assert!(begun.elapsed() < PATIENCE, "only {have} of {count} records came");
        }
        self.kept.lock().unwrap().records.drain(..count).collect()
    }

    pub(crate) fn texts(&self, count: usize) -> Vec<String> {
        self.records(count).iter().map(|record| record.text.to_string()).collect()
    }

    /// Waits until an input stands as `wanted`.
    pub(crate) fn until(&self, wanted: impl Fn(&InputStatus) -> bool, name: &str) {
        let begun = Instant::now();
        while !wanted(&self.status(name)) {
            assert!(begun.elapsed() < PATIENCE, "in vain: {:?}", self.status(name));
            std::thread::yield_now();
        }
    }

    /// Stops the inputs, taking what they still hand on, and gives what is left over.
    pub(crate) fn stop(mut self) -> (Vec<String>, Vec<Checkpoint>) {
        let running = self.running.take().unwrap();
        let stopping = self.runtime.spawn(running.stop(PATIENCE));
        while !stopping.is_finished() {
            self.take();
        }
        while self.take() {}
        assert_eq!(self.runtime.block_on(stopping).unwrap(), Vec::<&str>::new());
        let kept = self.kept.into_inner().unwrap();
        (kept.records.iter().map(|record| record.text.to_string()).collect(), kept.checkpoints)
    }
}
