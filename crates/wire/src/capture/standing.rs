//! How each interface stands: what came, what the kernel dropped, and on which thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use source::Sensor;

use crate::clock::now_ns;
use crate::json::Lines;
use crate::packets::Recorder;
use crate::traffic::MINUTE_NS;

/// How often it is looked whether a minute is over.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the capture was started with, for whoever asks.
#[derive(Clone, Debug, Default)]
pub struct Capturing {
    pub(super) interfaces: Vec<Arc<Standing>>,
}

/// One interface, since the process began.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) name: String,
    /// Its place among the names.
    pub(super) number: u16,
    pub(super) threads: Vec<Tally>,
    pub(super) is_open: AtomicBool,
}

/// What one thread has counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) kernel_packets: AtomicU64,
    pub(super) kernel_dropped: AtomicU64,
    pub(super) broken: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) malformed: AtomicU64,
    pub(super) evicted: AtomicU64,
}

/// What all threads of an interface counted, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Total {
    /// Packets that reached the rings.
    packets: u64,
    /// Packets that found no room in the rings.
    kernel_dropped: u64,
    bytes: u64,
    malformed: u64,
    evicted: u64,
    broken: u64,
    busiest: u64,
}

impl Capturing {
    /// Tells each minute how each interface stands.
    pub(super) async fn tell_minutes(self, sensor: Sensor, ring: Option<Recorder>) {
        let mut before: Vec<Total> = self.interfaces.iter().map(|one| one.total()).collect();
        let mut ring_before = 0;
        let mut minute = now_ns() / MINUTE_NS;
        loop {
            let stopped = sensor.stopped_within(LOOK_EVERY).await;
            let now = now_ns() / MINUTE_NS;
            if now == minute && !stopped {
                continue;
            }
            let ring_now = ring.as_ref().map_or(0, Recorder::dropped);
            if ring_now > ring_before {
                let more = ring_now - ring_before;
                sensor
                    .fault(&format!("{more} packets found no time on the disk and were not kept"));
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
    /// Gives the standing of an interface on which nothing was counted yet.
    pub(super) fn new(name: &str, number: u16, threads: usize) -> Self {
        let threads = (0..threads).map(|_| Tally::default()).collect();
        Self { name: name.to_owned(), number, threads, is_open: AtomicBool::new(false) }
    }

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
