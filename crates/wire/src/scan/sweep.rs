//! The sweep: every probe is sent, waited for, and sent again while answers may still be missing.
//!
//! A sweep keeps eight bytes a probe and nothing else of it. Probes go out in random order. One that
//! had its time without an answer goes to the end of the queue: so the verify pass begins while the
//! first answers still come.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::pace::{Pace, Trip, Yield};
use super::ports::Ports;
use super::probe::{About, Answer, Manner, Probe, Prober, Sent, State, Watch};

/// Probes that are kept in memory at a time, unless a single host has more ports.
const PROBES_AT_ONCE: usize = 1 << 19;
/// Packets that go out before answers are looked at.
const BURST: usize = 48;
/// How long the sweep sleeps at most before it looks whether it is to stop.
const NAP: Duration = Duration::from_millis(50);
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);
/// One unit of the times that are kept with a probe.
const TICK_MICROS: u64 = 16;

/// Cuts hosts into portions that one sweep takes.
pub(crate) fn hosts_at_once(ports: usize) -> usize {
    (PROBES_AT_ONCE / ports.max(1)).max(1)
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    sent: u32,
    tries: u8,
    is_waiting: bool,
    is_decided: bool,
}

#[derive(Debug, Default)]
struct Host {
    trip: Trip,
    /// When the newest probe was sent that it answered.
    answered_sent: Duration,
    answers: u32,
}

/// One that is under way.
#[derive(Clone, Copy, Debug)]
struct Flying {
    index: u32,
    tries: u8,
    sent: Duration,
    number: u64,
}

/// Asks all ports of some hosts.
pub(crate) struct Sweep<'a> {
    hosts: &'a [IpAddr],
    ports: Vec<u16>,
    /// The place of a port among the ports.
    place: Vec<u32>,
    host_place: std::collections::HashMap<IpAddr, u32>,
    slots: Vec<Slot>,
    told: Vec<Host>,
    queue: VecDeque<u32>,
    flying: VecDeque<Flying>,
    waiting: u32,
    number: u64,
    decided: u64,
    open: u64,
    yields: Yield,
    manner: Manner,
    began: Instant,
}

impl<'a> Sweep<'a> {
    pub(crate) fn new(hosts: &'a [IpAddr], ports: &Ports, manner: Manner) -> Self {
        let ports: Vec<u16> = ports.iter().collect();
        let mut place = vec![u32::MAX; usize::from(u16::MAX) + 1];
        for (index, port) in (0_u32..).zip(&ports) {
            if let Some(slot) = place.get_mut(usize::from(*port)) {
                *slot = index;
            }
        }
        let count = hosts.len() * ports.len();
        let mut queue: Vec<u32> = (0..u32::try_from(count).unwrap_or(u32::MAX)).collect();
        shuffle(&mut queue, manner.seed);
        Self {
            hosts,
            place,
            host_place: hosts.iter().copied().zip(0_u32..).collect(),
            slots: vec![Slot::default(); count],
            told: hosts.iter().map(|_| Host::default()).collect(),
            queue: queue.into(),
            flying: VecDeque::new(),
            waiting: 0,
            number: 0,
            decided: 0,
            open: 0,
            yields: Yield::default(),
            ports,
            manner,
            began: Instant::now(),
        }
    }

    /// Asks until all is decided or `watch` says stop; tells whether all is decided.
    pub(crate) fn run(
        &mut self,
        prober: &mut dyn Prober,
        pace: &mut Pace,
        watch: &mut dyn Watch,
    ) -> io::Result<bool> {
        let mut answers = Vec::new();
        let mut told = Duration::ZERO;
        loop {
            let now = self.began.elapsed();
            if now.saturating_sub(told) >= TELL_EVERY {
                told = now;
                watch.progress(self.decided, self.open, self.number);
                if watch.is_stopped() {
                    return Ok(false);
                }
            }
            let may_send = self.send(prober, pace, watch)?;
            if self.queue.is_empty() && self.waiting == 0 {
                watch.progress(self.decided, self.open, self.number);
                return Ok(true);
            }
            let wait = if may_send { Duration::ZERO } else { self.nap(pace) };
            prober.receive(wait, &mut answers)?;
            let now = self.began.elapsed();
            for answer in answers.drain(..) {
                self.take(answer, now, prober, pace, watch);
            }
            self.expire(now, prober, pace);
        }
    }

    /// Sends a burst; tells whether more could go at once.
    fn send(
        &mut self,
        prober: &mut dyn Prober,
        pace: &mut Pace,
        watch: &mut dyn Watch,
    ) -> io::Result<bool> {
        let mut now = self.began.elapsed();
        for sent in 0..BURST {
            let room = pace.window().min(prober.room());
            if self.waiting >= room || !pace.wait(now).is_zero() {
                return Ok(false);
            }
            let Some(index) = self.queue.pop_front() else { return Ok(false) };
            let (Some(address), Some(slot)) = (self.address(index), self.slot(index)) else {
                continue;
            };
            if slot.is_decided {
                continue;
            }
            let tries = slot.tries + 1;
            // Reading the clock costs about as much as a tenth of a packet.
            if sent % 8 == 7 {
                now = self.began.elapsed();
            }
            match prober.send(Probe { index, address, tries })? {
                Sent::Gone => self.note_sent(index, tries, now),
                Sent::Full => {
                    self.queue.push_front(index);
                    pace.refused();
                    return Ok(false);
                }
                Sent::Decided(state) => {
                    self.decide(index, state, Vec::new(), watch);
                    continue;
                }
            }
            pace.sent(now);
        }
        Ok(true)
    }

    fn note_sent(&mut self, index: u32, tries: u8, now: Duration) {
        self.number += 1;
        self.waiting += 1;
        let number = self.number;
        if let Some(slot) = self.slot(index) {
            slot.tries = tries;
            slot.is_waiting = true;
            slot.sent = ticks(now);
        }
        self.flying.push_back(Flying { index, tries, sent: now, number });
    }

    /// Gives how long nothing can happen but answers.
    fn nap(&self, pace: &Pace) -> Duration {
        let now = self.began.elapsed();
        let expires = self
            .flying
            .front()
            .map_or(NAP, |flying| (flying.sent + self.patience(flying.index)).saturating_sub(now));
        let may_send = if self.queue.is_empty() { NAP } else { pace.wait(now) };
        let next = if may_send.is_zero() { expires } else { expires.min(may_send) };
        next.clamp(Duration::from_micros(50), NAP)
    }

    /// Takes an answer.
    fn take(
        &mut self,
        answer: Answer,
        now: Duration,
        prober: &mut dyn Prober,
        pace: &mut Pace,
        watch: &mut dyn Watch,
    ) {
        let index = match answer.about {
            About::Index(index) => Some(index),
            About::Address(address) => self.index(address),
        };
        let Some((index, slot)) = index.and_then(|index| Some((index, *self.slot(index)?))) else {
            return;
        };
        if slot.is_decided || slot.tries == 0 {
            return;
        }
        let tries = answer.tries.unwrap_or(slot.tries);
        let sent = Duration::from_micros(u64::from(slot.sent) * TICK_MICROS);
        let is_newest = tries == slot.tries;
        let host = self.host(index);
        let queued = host.and_then(|host| self.told.get_mut(host)).and_then(|host| {
            host.answers = host.answers.saturating_add(1);
            // What was asked twice may be answered once: which one, an old answer does not say.
            is_newest.then(|| {
                host.answered_sent = host.answered_sent.max(sent);
                host.trip.took(now.saturating_sub(sent))
            })
        });
        pace.answered(queued);
        self.yields.answered(tries);
        if slot.is_waiting {
            self.waiting = self.waiting.saturating_sub(1);
        }
        prober.forget(index);
        self.decide(index, answer.state, answer.payload, watch);
    }

    fn decide(&mut self, index: u32, state: State, payload: Vec<u8>, watch: &mut dyn Watch) {
        if let Some(slot) = self.slot(index) {
            slot.is_decided = true;
            slot.is_waiting = false;
        }
        self.decided += 1;
        self.open += u64::from(state == State::Open);
        if let Some(address) = self.address(index) {
            watch.found(address, state, payload);
        }
    }

    /// Gives up what had its time: for now, or for good.
    fn expire(&mut self, now: Duration, prober: &mut dyn Prober, pace: &mut Pace) {
        while let Some(flying) = self.flying.front().copied() {
            let slot = self.slot(flying.index).copied().unwrap_or_default();
            let patience = self.patience(flying.index);
            if slot.is_waiting && slot.tries == flying.tries {
                let is_late = now >= flying.sent + patience || self.was_overtaken(&flying);
                if !is_late {
                    return;
                }
                pace.unanswered();
                prober.forget(flying.index);
                self.waiting = self.waiting.saturating_sub(1);
                let tries_max = self.yields.tries(self.manner.tries_max);
                if let Some(slot) = self.slot(flying.index) {
                    slot.is_waiting = false;
                    slot.is_decided = flying.tries >= tries_max;
                }
                if flying.tries >= tries_max {
                    self.decided += 1;
                } else {
                    self.queue.push_back(flying.index);
                }
            }
            self.flying.pop_front();
            pace.decided(flying.number, self.number, patience);
        }
    }

    /// Tells whether its host answered a probe that was sent well after this one.
    fn was_overtaken(&self, flying: &Flying) -> bool {
        let host = self.host(flying.index).and_then(|host| self.told.get(host));
        host.is_some_and(|host| {
            host.trip.disorder().is_some_and(|disorder| host.answered_sent > flying.sent + disorder)
        })
    }

    fn patience(&self, index: u32) -> Duration {
        let host = self.host(index).and_then(|host| self.told.get(host));
        host.map_or(self.manner.timeout, |host| host.trip.patience(self.manner.timeout))
    }

    fn slot(&mut self, index: u32) -> Option<&mut Slot> {
        self.slots.get_mut(usize::try_from(index).ok()?)
    }

    fn host(&self, index: u32) -> Option<usize> {
        usize::try_from(index).ok()?.checked_div(self.ports.len())
    }

    fn address(&self, index: u32) -> Option<SocketAddr> {
        let index = usize::try_from(index).ok()?;
        let host = self.hosts.get(index.checked_div(self.ports.len())?)?;
        let port = self.ports.get(index.checked_rem(self.ports.len())?)?;
        Some(SocketAddr::new(*host, *port))
    }

    fn index(&self, address: SocketAddr) -> Option<u32> {
        let place = *self.place.get(usize::from(address.port()))?;
        let host = *self.host_place.get(&address.ip())?;
        let ports = u32::try_from(self.ports.len()).ok()?;
        (place != u32::MAX).then(|| host.checked_mul(ports)?.checked_add(place)).flatten()
    }
}

fn ticks(time: Duration) -> u32 {
    u32::try_from(time.as_micros() / u128::from(TICK_MICROS)).unwrap_or(u32::MAX)
}

/// Puts numbers into an order that looks random (Fisher and Yates, with the generator SplitMix64).
fn shuffle(numbers: &mut [u32], seed: u64) {
    let mut state = seed;
    for upto in (1..numbers.len()).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let other = u64::try_from(upto).map_or(0, |upto| mixed % (upto + 1));
        numbers.swap(upto, usize::try_from(other).unwrap_or(0));
    }
}
