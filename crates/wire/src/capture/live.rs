//! Listens on interfaces: one supervisor an interface, one flow table a thread.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use source::{Closed, Running, Sensor};

use super::config::CaptureConfig;
use super::interface::{Opened, is_still, open};
use super::ring::Ring;
use super::standing::{Capturing, Standing, Tally};
use crate::clock::now_ns;
use crate::flow::{Counters, Flows};
use crate::json::Lines;
use crate::packets::Recorder;
use crate::traffic::{Home, Meter, SharedTraffic};

/// How long a silence is waited through before it is looked whether to stop.
const PATIENCE: Duration = Duration::from_millis(100);
/// How often the kernel is asked what it dropped, and whether the interface is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often an interface that is gone is looked for.
const RETRY_EVERY: Duration = Duration::from_secs(1);
/// Lines are handed on when they are so many, or when a block is done.
const LINES_A_BATCH: usize = 4096;

/// Starts to listen on the interfaces of the configuration. `data` is the folder in which packets are
/// kept where the ring is on and names none.
pub fn start_live(
    running: &mut Running,
    config: &CaptureConfig,
    home: &Home,
    traffic: &SharedTraffic,
    data: &Path,
) -> Capturing {
    if config.interfaces.is_empty() {
        return Capturing::default();
    }
    let sensor = running.sensor("capture", config.interfaces.join(", "));
    let recorder = start_ring(running, &sensor, config, data);
    let mut capturing = Capturing::default();
    for (number, name) in config.interfaces.iter().enumerate() {
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        let standing = Arc::new(Standing::new(name, number, config.threads));
        capturing.interfaces.push(Arc::clone(&standing));
        let threads = (0..config.threads).map(|_| Thread {
            flows: Flows::new(config.flows(home, config.interfaces.clone())),
            lines: Lines::default(),
            meter: Meter::new(config.interfaces.clone()),
            recorder: recorder.clone(),
            sensor: sensor.clone(),
            traffic: traffic.clone(),
            ended: Counters::default(),
        });
        let supervisor = Supervisor {
            standing,
            config: config.clone(),
            sensor: sensor.clone(),
            threads: threads.collect(),
        };
        running.run_blocking(&sensor, move || supervisor.run());
    }
    let telling = capturing.clone();
    running.run(&sensor, telling.tell_minutes(sensor.clone(), recorder));
    capturing
}

/// Opens the ring on disk where it is on; where it cannot be opened that is told, and the rest runs.
fn start_ring(
    running: &mut Running,
    sensor: &Sensor,
    config: &CaptureConfig,
    data: &Path,
) -> Option<Recorder> {
    if !config.ring.enabled {
        return None;
    }
    let folder = config.ring.folder(data);
    match Recorder::open(&folder, config.ring.megabytes << 20) {
        Ok((recorder, writer)) => {
            let told = sensor.clone();
            running.run_blocking(sensor, move || writer.run(|fault| told.fault(fault)));
            Some(recorder)
        }
        Err(error) => {
            sensor.fault(&format!("cannot keep packets in {}: {error}", folder.display()));
            None
        }
    }
}

/// Opens an interface, and again when it comes back.
struct Supervisor {
    standing: Arc<Standing>,
    config: CaptureConfig,
    sensor: Sensor,
    threads: Vec<Thread>,
}

impl Supervisor {
    fn run(mut self) {
        let mut told = false;
        while !self.sensor.is_stopped() {
            let name = &self.standing.name;
            match open(&self.config, name, self.standing.number, &program()) {
                Ok(opened) => {
                    if told {
                        tracing::info!(interface = name, "the interface is back");
                    }
                    told = false;
                    self.listen(opened);
                }
                Err(error) => {
                    if !told {
                        tracing::warn!(interface = name, "{error}");
                        self.sensor.fault(&error.to_string());
                    }
                    told = true;
                    if !error.is_passing() {
                        break;
                    }
                }
            }
            self.wait();
        }
        for thread in &mut self.threads {
            thread.finish();
        }
    }

    /// Waits a while, in steps short enough to stop soon.
    fn wait(&mut self) {
        let until = Instant::now() + RETRY_EVERY;
        while Instant::now() < until && !self.sensor.is_stopped() {
            std::thread::sleep(PATIENCE);
        }
        for thread in &mut self.threads {
            thread.advance();
        }
    }

    /// Listens until told to stop or until the interface is gone.
    fn listen(&mut self, opened: Opened) {
        let (standing, index) = (&self.standing, opened.index);
        standing.is_open.store(true, Ordering::Relaxed);
        std::thread::scope(|scope| {
            let places = self.threads.iter_mut().zip(&standing.threads);
            for (ring, (thread, tally)) in opened.rings.into_iter().zip(places) {
                scope.spawn(move || thread.listen(ring, tally, || is_still(&standing.name, index)));
            }
        });
        standing.is_open.store(false, Ordering::Relaxed);
    }
}

/// Gives the file of this program, which is what rights are granted to.
fn program() -> String {
    let path = std::env::current_exe();
    path.map_or_else(|_| "/path/of/bartizan".to_owned(), |path| path.display().to_string())
}

/// What one thread keeps, also while its interface is gone.
struct Thread {
    flows: Flows,
    lines: Lines,
    meter: Meter,
    recorder: Option<Recorder>,
    sensor: Sensor,
    traffic: SharedTraffic,
    /// What the tally has of the flows' counters already.
    ended: Counters,
}

impl Thread {
    fn listen(&mut self, mut ring: Ring, tally: &Tally, is_still: impl Fn() -> bool) {
        let mut looked = Instant::now();
        while !self.sensor.is_stopped() {
            let took = self.take(&mut ring);
            if looked.elapsed() >= LOOK_EVERY {
                looked = Instant::now();
                self.count(&mut ring, tally);
                self.meter.settle_all(&mut self.traffic.lock(), &mut self.lines);
                if let Some(recorder) = &mut self.recorder {
                    recorder.hand_over();
                }
                if !is_still() {
                    break;
                }
            }
            if took {
                continue;
            }
            match ring.wait(PATIENCE) {
                Ok(true) => {}
                // Packets tell how late it is; in a silence the clock does.
                Ok(false) => self.advance(),
                Err(_) => break,
            }
        }
        // What was received before is there still.
        for _ in 0..ring.blocks() {
            if !self.take(&mut ring) {
                break;
            }
        }
        self.count(&mut ring, tally);
    }

    /// Takes a block of packets; tells whether there was one.
    fn take(&mut self, ring: &mut Ring) -> bool {
        let took = ring.take(|raws| {
            if let Some(recorder) = &mut self.recorder {
                for raw in raws {
                    recorder.take(raw);
                }
            }
            self.flows.read(raws, &mut self.lines, &mut self.meter);
        });
        if took {
            self.hand_on();
        }
        took
    }

    fn advance(&mut self) {
        self.flows.advance(now_ns(), &mut self.lines);
        if let Some(recorder) = &mut self.recorder {
            recorder.hand_over();
        }
        self.meter.settle_all(&mut self.traffic.lock(), &mut self.lines);
        self.hand_on();
    }

    /// Hands on what is to be told. Nobody can slow the wire down, so what finds no room is dropped.
    fn hand_on(&mut self) {
        if !self.meter.is_settled() {
            self.meter.settle(&mut self.traffic.lock(), &mut self.lines);
        }
        let mut batch = Vec::new();
        for line in self.lines.iter() {
            batch.push(line.to_owned());
            if batch.len() >= LINES_A_BATCH
                && self.sensor.offer(std::mem::take(&mut batch)).is_err()
            {
                break;
            }
        }
        if !batch.is_empty() {
            // An end of the line is an end of the process, which stops this too.
            let _: Result<(), Closed> = self.sensor.offer(batch);
        }
        self.lines.clear();
    }

    fn count(&mut self, ring: &mut Ring, tally: &Tally) {
        let kernel = ring.kernel_count();
        let now = self.flows.counters();
        let add = |counter: &AtomicU64, more: u64| {
            counter.fetch_add(more, Ordering::Relaxed);
        };
        add(&tally.kernel_packets, kernel.packets);
        add(&tally.kernel_dropped, kernel.dropped);
        add(&tally.broken, ring.broken());
        add(&tally.bytes, now.bytes.saturating_sub(self.ended.bytes));
        add(&tally.malformed, now.malformed.saturating_sub(self.ended.malformed));
        add(&tally.evicted, now.evicted.saturating_sub(self.ended.evicted));
        self.ended = now;
        if kernel.dropped > 0 {
            self.sensor.dropped(kernel.dropped);
        }
    }

    fn finish(&mut self) {
        while self.flows.finish(&mut self.lines) {
            self.hand_on();
        }
        self.meter.settle_all(&mut self.traffic.lock(), &mut self.lines);
        if let Some(recorder) = &mut self.recorder {
            recorder.hand_over();
        }
        self.recorder = None;
        self.hand_on();
    }
}
