//! Listens on interfaces: one supervisor an interface, one flow table a thread.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use source::{Closed, Running, Sensor};

use super::config::CaptureConfig;
use super::interface::{Opened, is_still, open};
use super::ring::Ring;
use crate::clock::now_ns;
use crate::flow::{Counters, Flows};
use crate::json::Lines;
use crate::packets::Recorder;
use crate::traffic::{Home, MINUTE_NS, Meter, SharedTraffic};

/// How long a silence is waited through before it is looked whether to stop.
const PATIENCE: Duration = Duration::from_millis(100);
/// How often the kernel is asked what it dropped, and whether the interface is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often an interface that is gone is looked for.
const RETRY_EVERY: Duration = Duration::from_secs(1);
/// Lines are handed on when they are so many, or when a block is done.
const LINES_A_BATCH: usize = 4096;

/// What the capture was started with, for whoever asks.
#[derive(Clone, Debug, Default)]
pub struct Capturing {
    interfaces: Vec<Arc<Standing>>,
}

/// One interface, since the process began.
#[derive(Debug)]
struct Standing {
    name: String,
    number: u16,
    threads: Vec<Tally>,
    is_open: AtomicBool,
}

/// What one thread has counted.
#[derive(Debug, Default)]
struct Tally {
    kernel_packets: AtomicU64,
    kernel_dropped: AtomicU64,
    broken: AtomicU64,
    packets: AtomicU64,
    bytes: AtomicU64,
    malformed: AtomicU64,
    evicted: AtomicU64,
}

/// What all threads of an interface counted, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Total {
    /// Packets that reached the rings.
    pub(super) packets: u64,
    /// Packets that found no room in the rings.
    pub(super) kernel_dropped: u64,
    bytes: u64,
    malformed: u64,
    evicted: u64,
    broken: u64,
    busiest: u64,
}

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
        let standing = Arc::new(Standing {
            name: name.clone(),
            number: u16::try_from(number).unwrap_or(u16::MAX),
            threads: (0..config.threads).map(|_| Tally::default()).collect(),
            is_open: AtomicBool::new(false),
        });
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
    running.run(&sensor, telling.tell_minutes(sensor.clone(), recorder.map(Dropped)));
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
        let name = self.standing.name.clone();
        let mut told = false;
        while !self.sensor.is_stopped() {
            let program = std::env::current_exe()
                .map_or_else(|_| "/path/of/bartizan".to_owned(), |path| path.display().to_string());
            match open(&self.config, &name, self.standing.number, &program) {
                Ok(opened) => {
                    if told {
                        tracing::info!(interface = name, "the interface is back");
                        told = false;
                    }
                    self.listen(opened);
                    if !self.sensor.is_stopped() {
                        self.sensor.fault(&format!("the interface {name} is gone; it is awaited"));
                        told = true;
                    }
                }
                Err(error) => {
                    if !told {
                        tracing::warn!(interface = name, "{error}");
                        self.sensor.fault(&error.to_string());
                        told = true;
                    }
                    if !error.is_passing() {
                        break;
                    }
                    self.wait();
                }
            }
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
                if !is_still() {
                    break;
                }
            }
            if took {
                continue;
            }
            // Only what waits here is late, so the silence is where the clock is looked at.
            if ring.wait(PATIENCE).is_err() {
                break;
            }
            self.advance();
        }
        // What was received before is there still.
        while self.take(&mut ring) {}
        self.count(&mut ring, tally);
    }

    /// Takes a block of packets; tells whether there was one.
    fn take(&mut self, ring: &mut Ring) -> bool {
        let took = ring.take(|raws| {
            if let Some(recorder) = &mut self.recorder {
                raws.iter().for_each(|raw| recorder.take(raw));
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
            if batch.len() >= LINES_A_BATCH && self.sensor.offer(std::mem::take(&mut batch)).is_err() {
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
        add(&tally.packets, now.packets.saturating_sub(self.ended.packets));
        add(&tally.bytes, now.bytes.saturating_sub(self.ended.bytes));
        add(&tally.malformed, now.malformed.saturating_sub(self.ended.malformed));
        add(&tally.evicted, now.evicted.saturating_sub(self.ended.evicted));
        self.ended = now;
        if kernel.dropped > 0 {
            self.sensor.dropped(kernel.dropped);
        }
    }

    fn finish(&mut self) {
        self.flows.finish(&mut self.lines);
        self.meter.settle_all(&mut self.traffic.lock(), &mut self.lines);
        if let Some(recorder) = &mut self.recorder {
            recorder.hand_over();
        }
        self.recorder = None;
        self.hand_on();
    }
}

/// What the ring on disk left out.
struct Dropped(Recorder);

impl Capturing {
    /// Tells each minute how each interface stands.
    async fn tell_minutes(self, sensor: Sensor, ring: Option<Dropped>) {
        let mut before: Vec<Total> = self.interfaces.iter().map(|one| one.total()).collect();
        let mut ring_before = 0;
        let mut minute = now_ns() / MINUTE_NS;
        loop {
            let stopped = sensor.stopped_within(LOOK_EVERY).await;
            let now = now_ns() / MINUTE_NS;
            if now == minute && !stopped {
                continue;
            }
            let ring_now = ring.as_ref().map_or(0, |ring| ring.0.dropped());
            if ring_now > ring_before {
                let more = ring_now - ring_before;
                sensor.fault(&format!("{more} packets found no time on the disk and were not kept"));
            }
            let mut lines = Lines::default();
            for (standing, before) in self.interfaces.iter().zip(&mut before) {
                let total = standing.total();
                standing.tell(minute * MINUTE_NS, &total.since(before), &mut lines);
                *before = total;
            }
            let told = sensor.offer(lines.iter().map(str::to_owned).collect());
            (ring_before, minute) = (ring_now, now);
            if stopped || told.is_err() {
                return;
            }
        }
    }

    /// Gives what was counted on an interface since the process began: packets that reached the rings,
    /// and packets that the kernel dropped.
    pub fn count(&self, interface: &str) -> Option<(u64, u64)> {
        let standing = self.interfaces.iter().find(|standing| standing.name == interface)?;
        let total = standing.total();
        Some((total.packets, total.kernel_dropped))
    }

    /// Tells whether an interface is being listened on.
    pub fn is_open(&self, interface: &str) -> bool {
        let mut all = self.interfaces.iter();
        all.any(|one| one.name == interface && one.is_open.load(Ordering::Relaxed))
    }
}

impl Standing {
    fn total(&self) -> Total {
        let mut total = Total::default();
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        for tally in &self.threads {
            let packets = get(&tally.kernel_packets);
            total.packets += packets;
            total.busiest = total.busiest.max(packets);
            total.kernel_dropped += get(&tally.kernel_dropped);
            total.bytes += get(&tally.bytes);
            total.malformed += get(&tally.malformed);
            total.evicted += get(&tally.evicted);
            total.broken += get(&tally.broken);
        }
        total
    }

    fn tell(&self, start_ns: u64, minute: &Total, lines: &mut Lines) {
        let threads = u64::try_from(self.threads.len()).unwrap_or(0);
        lines.line(|line, clock| {
            line.time_by("@timestamp", start_ns, clock);
            line.object("event", |event| {
                event.word("module", "traffic");
                event.word("dataset", "traffic.capture");
                event.word("kind", "metric");
                event.words("category", &["network"]);
                event.words("type", &["info"]);
            });
            line.object("observer", |observer| observer.interface(&self.name));
            line.object("network", |network| {
                network.number("packets", minute.packets);
                network.number("bytes", minute.bytes);
            });
            line.object("bartizan", |own| {
                own.object("capture", |capture| {
                    capture.flag("open", self.is_open.load(Ordering::Relaxed));
                    capture.number("kernel_dropped", minute.kernel_dropped);
                    capture.number("blocks_broken", minute.broken);
                    capture.number("malformed", minute.malformed);
                    capture.number("flows_evicted", minute.evicted);
                    capture.number("threads", threads);
                    capture.number("busiest_thread_packets", minute.busiest);
                });
            });
        });
    }
}

impl Total {
    fn since(&self, before: &Self) -> Self {
        Self {
            packets: self.packets.saturating_sub(before.packets),
            kernel_dropped: self.kernel_dropped.saturating_sub(before.kernel_dropped),
            bytes: self.bytes.saturating_sub(before.bytes),
            malformed: self.malformed.saturating_sub(before.malformed),
            evicted: self.evicted.saturating_sub(before.evicted),
            broken: self.broken.saturating_sub(before.broken),
            busiest: self.busiest.saturating_sub(before.busiest),
        }
    }
}
