//! Who is let in, and how much each source may take: kept by source, so that one that floods costs
//! nobody else a place.
//!
//! Places are shared by a moving threshold: a source may hold at most a quarter of the places that
//! are free at the moment. One source alone can so never take more than a fifth of all, two a third, and
//! one that comes new finds a place as long as there is one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::config::Bounds;

/// Bounds how many sources are remembered; the one that has been away for longest is forgotten.
const SOURCES_MAX: usize = 65_536;
/// How long what a source took is held against it.
const WINDOW: Duration = Duration::from_hours(1);
/// How often a source that is refused is told of.
const TOLD_EVERY: Duration = Duration::from_mins(1);
/// How much of the one thread that plays all decoys a source may have over time, and how long it may have
/// all of it before.
const WORK_SHARE: f64 = 0.25;
const WORK_BURST_SECONDS: f64 = 1.5;
/// How many expensive beginnings (SSH's exchange of keys) a source may have a second, and at once.
const BEGINNINGS_RATE: f64 = 4.0;
const BEGINNINGS_BURST: f64 = 24.0;
/// Bounds how many pairs of a source are remembered as refused or let in.
const PAIRS_MAX: usize = 64;

/// A source: an IPv4 address, or the /64 of an IPv6 one, which is what one customer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SourceKey(u64, bool);

impl SourceKey {
    pub(crate) fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self(u64::from(ip.to_bits()), true),
            IpAddr::V6(ip) => Self(u64::try_from(ip.to_bits() >> 64).unwrap_or_default(), false),
        }
    }

    /// Gives a number that stands for it.
    pub(crate) fn number(self) -> u64 {
        self.0
    }
}

/// Whether a connection is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is.
    Admitted,
    /// It is not, and that is counted.
    Refused,
    /// It is not, and that is told, with how many were refused since it was told last.
    RefusedAndTold(u64),
}

#[derive(Debug)]
struct Source {
    open: u32,
    /// How many connections it may open at once, growing back with time.
    tokens: f64,
    seen: Instant,
    window_began: Instant,
    bytes: u64,
    time: Duration,
    refused: u64,
    told: Option<Instant>,
    tries: u32,
    /// Seconds of work that it owes, and when that was looked at last.
    owed: f64,
    owed_at: Instant,
    /// Expensive beginnings that it has had, in the same way.
    begun: f64,
    begun_at: Instant,
    refused_pairs: Vec<u64>,
    admitted_pairs: Vec<u64>,
}

/// All sources.
#[derive(Debug)]
pub(crate) struct Admissions {
    bounds: Bounds,
    sources: HashMap<SourceKey, Source>,
    open: usize,
}

impl Admissions {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, sources: HashMap::new(), open: 0 }
    }

    /// Gives how many connections are open.
    #[cfg(test)]
    pub(crate) fn open(&self) -> usize {
        self.open
    }

    /// Decides on a new connection, and takes its place.
    pub(crate) fn admit(&mut self, key: SourceKey, now: Instant) -> Admission {
        let free = self.bounds.connections_max.saturating_sub(self.open);
        if !self.sources.contains_key(&key) && self.sources.len() >= SOURCES_MAX {
            self.forget();
        }
        let burst = f64::from(self.bounds.source_burst_max);
        let source = self.sources.entry(key).or_insert_with(|| Source::new(now, burst));
        source.pass(now, &self.bounds);
        let share = u32::try_from(free.div_ceil(4)).unwrap_or(u32::MAX);
        let fits = source.open < share.min(self.bounds.source_connections_max)
            && source.tokens >= 1.0
            && source.bytes < self.bounds.source_mb_an_hour_max.saturating_mul(1 << 20)
            && source.time.as_secs() < self.bounds.source_minutes_an_hour_max.saturating_mul(60);
        if !fits {
            return source.refuse(now);
        }
        source.tokens -= 1.0;
        source.open += 1;
        self.open += 1;
        Admission::Admitted
    }

    /// Counts what a source sent; tells whether it may send on.
    pub(crate) fn sent(&mut self, key: SourceKey, bytes: u64) -> bool {
        let bytes_max = self.bounds.source_mb_an_hour_max.saturating_mul(1 << 20);
        let Some(source) = self.sources.get_mut(&key) else { return true };
        source.bytes = source.bytes.saturating_add(bytes);
        source.bytes <= bytes_max
    }

    /// Counts how long a source was worked for; gives how long it is to wait until it is again, so that
    /// the others have the rest.
    pub(crate) fn worked(&mut self, key: SourceKey, took: Duration, now: Instant) -> Duration {
        let Some(source) = self.sources.get_mut(&key) else { return Duration::ZERO };
        let away = now.saturating_duration_since(source.owed_at).as_secs_f64();
        source.owed_at = now;
        source.owed = (source.owed - away * WORK_SHARE).max(0.0) + took.as_secs_f64();
        let over = source.owed - WORK_BURST_SECONDS;
        if over > 0.0 { Duration::from_secs_f64(over / WORK_SHARE) } else { Duration::ZERO }
    }

    /// Counts an expensive beginning; gives how long it is to wait.
    pub(crate) fn begins(&mut self, key: SourceKey, now: Instant) -> Duration {
        let Some(source) = self.sources.get_mut(&key) else { return Duration::ZERO };
        let away = now.saturating_duration_since(source.begun_at).as_secs_f64();
        source.begun_at = now;
        source.begun = (source.begun - away * BEGINNINGS_RATE).max(0.0) + 1.0;
        let over = source.begun - BEGINNINGS_BURST;
        if over > 0.0 { Duration::from_secs_f64(over / BEGINNINGS_RATE) } else { Duration::ZERO }
    }

    /// Gives a place back, with the time that was taken.
    pub(crate) fn leave(&mut self, key: SourceKey, time: Duration, now: Instant) {
        self.open = self.open.saturating_sub(1);
        if let Some(source) = self.sources.get_mut(&key) {
            source.open = source.open.saturating_sub(1);
            source.time = source.time.saturating_add(time);
            source.seen = now;
        }
    }

    /// Gives how many log-ins a source tried, this one among them.
    pub(crate) fn tried(&mut self, key: SourceKey) -> u32 {
        let Some(source) = self.sources.get_mut(&key) else { return 1 };
        source.tries = source.tries.saturating_add(1);
        source.tries
    }

    /// Gives what was decided on this pair of a source, if that is remembered.
    pub(crate) fn decided(&self, key: SourceKey, pair: u64) -> Option<bool> {
        let source = self.sources.get(&key)?;
        let admitted = source.admitted_pairs.contains(&pair);
        (admitted || source.refused_pairs.contains(&pair)).then_some(admitted)
    }

    /// Remembers what was decided on a pair of a source.
    pub(crate) fn decide(&mut self, key: SourceKey, pair: u64, admitted: bool) {
        let Some(source) = self.sources.get_mut(&key) else { return };
        let pairs = if admitted { &mut source.admitted_pairs } else { &mut source.refused_pairs };
        if !pairs.contains(&pair) && pairs.len() < PAIRS_MAX {
            pairs.push(pair);
        }
    }

    /// Forgets the source without connections that has been away for longest; of a sample, so that a
    /// flood of sources costs no walk over all of them.
    fn forget(&mut self) {
        let idle = self.sources.iter().filter(|(_, source)| source.open == 0).take(64);
        let oldest = idle.min_by_key(|(_, source)| source.seen).map(|(key, _)| *key);
        if let Some(key) = oldest {
            self.sources.remove(&key);
        }
    }
}

impl Source {
    fn new(now: Instant, tokens: f64) -> Self {
        Self {
            open: 0,
            tokens,
            seen: now,
            window_began: now,
            bytes: 0,
            time: Duration::ZERO,
            refused: 0,
            told: None,
            tries: 0,
            owed: 0.0,
            owed_at: now,
            begun: 0.0,
            begun_at: now,
            refused_pairs: Vec::new(),
            admitted_pairs: Vec::new(),
        }
    }

    /// Lets time pass.
    fn pass(&mut self, now: Instant, bounds: &Bounds) {
        let away = now.saturating_duration_since(self.seen).as_secs_f64();
        let grown = self.tokens + away * f64::from(bounds.source_rate_max);
        self.tokens = grown.min(f64::from(bounds.source_burst_max));
        self.seen = now;
        if now.saturating_duration_since(self.window_began) >= WINDOW {
            self.window_began = now;
            self.bytes = 0;
            self.time = Duration::ZERO;
        }
    }

    fn refuse(&mut self, now: Instant) -> Admission {
        self.refused += 1;
        let told = self.told.is_some_and(|told| now.saturating_duration_since(told) < TOLD_EVERY);
        if told {
            return Admission::Refused;
        }
        self.told = Some(now);
        Admission::RefusedAndTold(std::mem::take(&mut self.refused))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(last: u8) -> SourceKey {
        SourceKey::of(IpAddr::from([10, 0, 0, last]))
    }

    fn bounds() -> Bounds {
        Bounds {
            connections_max: 100,
            source_connections_max: 50,
            source_burst_max: 1000,
            ..Bounds::default()
        }
    }

    fn flood(admissions: &mut Admissions, key: SourceKey, now: Instant) -> usize {
        (0..200).filter(|_| admissions.admit(key, now) == Admission::Admitted).count()
    }

    #[test]
    fn one_source_that_floods_leaves_room_for_others() {
        let (mut admissions, now) = (Admissions::new(bounds()), Instant::now());
        assert_eq!(flood(&mut admissions, key(1), now), 20);
        assert_eq!(admissions.admit(key(2), now), Admission::Admitted);
        for other in 3..14 {
            assert!(flood(&mut admissions, key(other), now) >= 1, "source {other}");
        }
        assert!(admissions.open() <= 100);
    }

    #[test]
    fn a_rate_holds_and_time_gives_back() {
        let bounds = Bounds { source_burst_max: 3, source_rate_max: 1, ..bounds() };
        let (mut admissions, now) = (Admissions::new(bounds), Instant::now());
        assert_eq!(flood(&mut admissions, key(1), now), 3);
        let later = now + Duration::from_secs(2);
        assert_eq!(flood(&mut admissions, key(1), later), 2);
    }

    #[test]
    fn refusals_are_told_once_a_minute_with_their_number() {
        let bounds = Bounds { source_connections_max: 1, ..bounds() };
        let (mut admissions, now) = (Admissions::new(bounds), Instant::now());
        assert_eq!(admissions.admit(key(1), now), Admission::Admitted);
        assert_eq!(admissions.admit(key(1), now), Admission::RefusedAndTold(1));
        assert_eq!(admissions.admit(key(1), now), Admission::Refused);
        let later = now + TOLD_EVERY;
        assert_eq!(admissions.admit(key(1), later), Admission::RefusedAndTold(2));
        admissions.leave(key(1), Duration::ZERO, later);
        assert_eq!(admissions.admit(key(1), later), Admission::Admitted);
    }

    #[test]
    fn what_a_source_sent_counts_for_an_hour() {
        let bounds = Bounds { source_mb_an_hour_max: 1, ..bounds() };
        let (mut admissions, now) = (Admissions::new(bounds), Instant::now());
        assert_eq!(admissions.admit(key(1), now), Admission::Admitted);
        assert!(admissions.sent(key(1), 1 << 20), "all of it");
        // Counted as it comes: many who are there at once cannot send more together.
        assert!(!admissions.sent(key(1), 1), "and not one byte more");
        admissions.leave(key(1), Duration::ZERO, now);
        assert_ne!(admissions.admit(key(1), now), Admission::Admitted);
        assert_eq!(admissions.admit(key(1), now + WINDOW), Admission::Admitted);
    }

    #[test]
    fn who_makes_much_work_waits_and_nobody_else_does() {
        let (mut admissions, now) = (Admissions::new(bounds()), Instant::now());
        admissions.admit(key(1), now);
        admissions.admit(key(2), now);
        assert_eq!(admissions.worked(key(1), Duration::from_secs(1), now), Duration::ZERO);
        let wait = admissions.worked(key(1), Duration::from_secs(1), now);
        assert_eq!(wait, Duration::from_secs(2));
        assert_eq!(admissions.worked(key(2), Duration::from_secs(1), now), Duration::ZERO);
        // What is waited for is paid.
        let later = now + Duration::from_secs(8);
        assert_eq!(admissions.worked(key(1), Duration::from_secs(1), later), Duration::ZERO);
        let waits: Vec<_> = (0..30).map(|_| admissions.begins(key(1), now)).collect();
        assert!(waits[..24].iter().all(Duration::is_zero));
        assert_eq!(waits[27], Duration::from_secs(1));
        assert_eq!(admissions.begins(key(2), now), Duration::ZERO);
    }

    #[test]
    fn sources_are_forgotten_at_their_bound() {
        let (mut admissions, now) = (Admissions::new(bounds()), Instant::now());
        for number in 0..70_000_u32 {
            let key = SourceKey::of(IpAddr::from(number.to_be_bytes()));
            admissions.admit(key, now);
            admissions.leave(key, Duration::ZERO, now);
        }
        assert!(admissions.sources.len() <= SOURCES_MAX);
        let other = SourceKey::of("2001:db8::1".parse().unwrap());
        assert_eq!(other, SourceKey::of("2001:db8::ffff:1".parse().unwrap()));
    }
}
