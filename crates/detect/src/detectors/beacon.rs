//! Beacons: a machine that calls the same place again and again at even intervals, as implants do.
//!
//! Of each source, destination and port the newest calls are kept. Their gaps and their sizes are
//! judged as RITA does (Active Countermeasures): how symmetric they lie about their median (Bowley's
//! skewness), and how narrow (median absolute deviation, as a part of the median, so that an hourly
//! beacon is judged like one of every minute). Jitter spreads the gaps but keeps them symmetric.
//!
//! An implant may call a place that its machine calls for other reasons, too: then the calls of about the same size are
//! judged by themselves.
//!
//! Programs that many machines run call home as evenly. So a place that five machines or more call is told only where
//! ten of them have been judged and one in ten at most calls evenly.

use std::collections::VecDeque;

use model::{Event, Field, Timestamp};
use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use super::{Detector, Finding, Kinds, Watcher};
use crate::keep::sketch::Linear;
use crate::keep::{
    self, Ends, Evidence, Table, Told, address_key, read_key, read_time, write_key, write_time,
};

/// The detector's row.
pub(super) const DETECTOR: Detector = Detector {
    id: "beacon",
    version: 1,
    summary: "a machine that calls the same place at even intervals",
    wants: Kinds::CONNECTION,
    live_only: false,
    make: || Box::new(Beacon::default()),
};

/// How many triples of source, destination and port are kept.
const PAIRS_MAX: usize = 50_000;
/// How many places are kept, and when one is forgotten.
const PLACES_MAX: usize = 20_000;
const PLACE_KEPT: i64 = 30 * 86_400 * keep::SECOND;
/// A place that so many machines call is told only where so many were judged, and so few of them call evenly.
const CALLERS: f64 = 4.5;
const JUDGED_MIN: f64 = 9.5;
const EVEN_SHARE_MAX: f64 = 0.1;
/// How many calls of each are kept.
const CALLS_MAX: usize = 64;
/// How many calls a verdict needs.
const CALLS_MIN: usize = 20;
/// A shorter usual gap is a conversation and no beacon; a longer one is not waited for.
const GAP_MIN: i64 = 5 * keep::SECOND;
const GAP_MAX: i64 = 25 * 3_600 * keep::SECOND;
/// The score from which on it is told.
const SCORE_MIN: f64 = 0.84;
/// How many calls of about the same size may be a beacon among others, and which part of the least one of them the
/// others may be larger.
const ALIKE_MIN: usize = 20;
const ALIKE: i64 = 8;
/// How even their gaps must be.
const ALIKE_EVEN_MIN: f64 = 0.88;
/// How much each part weighs: gaps tell more than sizes, which an idle browser keeps even too.
const GAPS_WEIGHT: f64 = 0.7;

#[derive(Clone, Debug, Default)]
struct Calls {
    /// When each call was, and how many bytes the source sent; the oldest first.
    kept: VecDeque<(Timestamp, u64)>,
    first: Timestamp,
    count: u64,
    told: Told,
    evidence: Evidence,
}

impl Calls {
    /// Adds a call; a gap too long for any beacon begins anew.
    fn add(&mut self, event: &Event, bytes: u64) {
        let last = self.kept.back().map(|(time, _)| *time);
        if last.is_none_or(|last| event.time.nanos().saturating_sub(last.nanos()) > GAP_MAX) {
            *self = Self { first: event.time, ..Self::default() };
        }
        if self.kept.len() == CALLS_MAX {
            self.kept.pop_front();
        }
        self.kept.push_back((event.time, bytes));
        self.count = self.count.saturating_add(1);
        self.evidence.push(event.id);
    }

    /// Gives how much the calls look like a beacon, 0 to 1, and the usual gap in nanoseconds. Where a place is called
    /// for other reasons too, the calls of about the same size may be a beacon by themselves.
    fn judge(&self) -> Option<(f64, i64)> {
        let mut sizes: Vec<i64> =
            self.kept.iter().map(|(_, bytes)| i64::try_from(*bytes).unwrap_or(i64::MAX)).collect();
        sizes.sort_unstable();
        let times = |(least, most): (i64, i64)| {
            let alike = self.kept.iter().filter(move |(_, bytes)| {
                i64::try_from(*bytes).is_ok_and(|bytes| (least..=most).contains(&bytes))
            });
            alike.map(|(time, _)| time.nanos()).collect::<Vec<i64>>()
        };
        let all = gaps(times((0, i64::MAX))).and_then(|(even, usual)| {
            Some((GAPS_WEIGHT * even + (1.0 - GAPS_WEIGHT) * evenness(&sizes)?, usual))
        });
        if all.is_some_and(|(score, _)| score >= SCORE_MIN) {
            return all;
        }
        let alike = alike(&sizes)?;
        let (first, last) = (alike.first()?, alike.last()?);
        // Those were picked for their sizes, and are few: only the gaps speak, and must do so more clearly.
        let (even, usual) = gaps(times((*first, *last)))?;
        if even >= ALIKE_EVEN_MIN { Some((even, usual)) } else { all }
    }

    fn seconds(&self) -> i64 {
        let last = self.kept.back().map_or(self.first, |(time, _)| *time);
        last.nanos().saturating_sub(self.first.nanos()) / keep::SECOND
    }
}

/// Gives how even the gaps between calls at these times are, and the usual gap, where that is one of a beacon.
fn gaps(mut times: Vec<i64>) -> Option<(f64, i64)> {
    times.sort_unstable();
    let gaps = times.iter().zip(times.iter().skip(1)).map(|(one, next)| next.saturating_sub(*one));
    let mut gaps: Vec<i64> = gaps.collect();
    gaps.sort_unstable();
    let usual = quartile(&gaps, 2)?;
    let even = evenness(&gaps)?;
    (GAP_MIN..=GAP_MAX).contains(&usual).then_some((even, usual))
}

/// Gives the longest run of sorted sizes that are about the same, where it is long enough and not all of them.
fn alike(sizes: &[i64]) -> Option<&[i64]> {
    let (mut best, mut first) = (0..0, 0);
    for (last, size) in sizes.iter().enumerate() {
        while sizes.get(first).is_some_and(|least| least.saturating_add(least / ALIKE) < *size) {
            first += 1;
        }
        if last + 1 - first > best.len() {
            best = first..last + 1;
        }
    }
    let is_part = best.len() >= ALIKE_MIN && best.len() < sizes.len();
    sizes.get(best).filter(|_| is_part)
}

/// Gives a quartile (1 to 3) of sorted numbers, the nearest of them.
fn quartile(sorted: &[i64], quarter: usize) -> Option<i64> {
    sorted.get((sorted.len().checked_sub(1)? * quarter + 2) / 4).copied()
}

/// Gives how even sorted numbers are, 0 to 1: how symmetric and how narrow they lie about their median.
fn evenness(sorted: &[i64]) -> Option<f64> {
    let usual = quartile(sorted, 2)?;
    let [low, middle, high] = [quartile(sorted, 1)?, usual, quartile(sorted, 3)?].map(float);
    let spread = high - low;
    let skewness = if spread > 0.0 { (low + high - 2.0 * middle) / spread } else { 0.0 };
    let mut away: Vec<i64> =
        sorted.iter().map(|number| number.saturating_sub(usual).saturating_abs()).collect();
    away.sort_unstable();
    let narrow =
        if middle > 0.0 { 1.0 - (float(quartile(&away, 2)?) / middle).min(1.0) } else { 1.0 };
    // What is narrow is even, however it leans: half a millisecond to one side is no sign of a human.
    let symmetric = 1.0 - skewness.abs() * (1.0 - narrow).min(0.25) / 0.25;
    Some(f64::midpoint(symmetric, narrow))
}

/// Gives a number for a ratio; what is past 2^53 ns loses its last digits, which are none.
#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a ratio of measured times")]
fn float(number: i64) -> f64 {
    number as f64
}

/// Who calls a place.
#[derive(Clone, Debug, Default)]
struct Place {
    last: Timestamp,
    callers: Linear,
    judged: Linear,
    even: Linear,
}

impl Place {
    /// Tells whether to call it evenly is the way of its program, and no news.
    fn is_usual(&self) -> bool {
        let judged = self.judged.count();
        self.callers.count() >= CALLERS
            && (judged < JUDGED_MIN || self.even.count() > judged * EVEN_SHARE_MAX + 0.5)
    }
}

#[derive(Debug)]
struct Beacon {
    calls: Table<(u128, u128, u16), Calls>,
    places: Table<(u128, u16), Place>,
}

impl Default for Beacon {
    fn default() -> Self {
        Self { calls: Table::new(PAIRS_MAX), places: Table::new(PLACES_MAX) }
    }
}

impl Watcher for Beacon {
    fn observe(&mut self, event: &Event, found: &mut Vec<Finding>) {
        if event.text(Field::EventAction) == Some("packet_denied") {
            return;
        }
        let Some(ends) = Ends::of(event) else { return };
        let bytes = event.integer(Field::SourceBytes).and_then(|bytes| u64::try_from(bytes).ok());
        let key = (address_key(ends.source), address_key(ends.destination), ends.port);
        let caller = keep::mix(key.0);
        let place = self.places.entry((key.1, key.2), Place::default);
        if event.time.nanos().saturating_sub(place.last.nanos()) > PLACE_KEPT {
            *place = Place::default();
        }
        place.last = place.last.max(event.time);
        place.callers.insert(caller);
        let calls = self.calls.entry(key, Calls::default);
        calls.add(event, bytes.unwrap_or_default());
        // Judged each time the calls have doubled, and then once for each half of what is kept: a verdict
        // on every call would cost the more the busier a pair is.
        let due = calls.count.is_power_of_two() || calls.count.is_multiple_of(32);
        let due = due || calls.count == u64::try_from(CALLS_MIN).unwrap_or_default();
        if !due || calls.kept.len() < CALLS_MIN {
            return;
        }
        place.judged.insert(caller);
        let Some((score, usual)) = calls.judge() else { return };
        if score < SCORE_MIN {
            return;
        }
        place.even.insert(caller);
        if place.is_usual() {
            return;
        }
        let least = u64::try_from(CALLS_MIN).unwrap_or_default();
        if let Some(fresh) = calls.told.say(calls.count, least) {
            found.push(finding(ends, calls, (score, usual), fresh));
        }
    }

    fn snapshot(&self, writer: &mut Writer) {
        self.calls.snapshot(writer, |writer, (source, destination, port), calls| {
            write_key(writer, *source);
            write_key(writer, *destination);
            writer.number(u64::from(*port));
            write_time(writer, calls.first);
            writer.number(calls.count);
            calls.told.snapshot(writer);
            calls.evidence.snapshot(writer);
            writer.length(calls.kept.len());
            for (time, bytes) in &calls.kept {
                write_time(writer, *time);
                writer.number(*bytes);
            }
        });
        self.places.snapshot(writer, |writer, (address, port), place| {
            write_key(writer, *address);
            writer.number(u64::from(*port));
            write_time(writer, place.last);
            for set in [&place.callers, &place.judged, &place.even] {
                set.snapshot(writer);
            }
        });
    }

    fn restore(&mut self, reader: &mut Reader<'_>) -> Result<(), SnapshotError> {
        self.calls.restore(reader, |reader| {
            let (source, destination) = (read_key(reader)?, read_key(reader)?);
            let port = u16::try_from(reader.number()?).map_err(|_| SnapshotError::Malformed)?;
            let mut calls = Calls {
                first: read_time(reader)?,
                count: reader.number()?,
                told: Told::restore(reader)?,
                evidence: Evidence::restore(reader)?,
                kept: VecDeque::new(),
            };
            let length = reader.length()?;
            if length > CALLS_MAX {
                return Err(SnapshotError::TooLarge);
            }
            let kept = (0..length).map(|_| Ok((read_time(reader)?, reader.number()?)));
            calls.kept = kept.collect::<Read<_>>()?;
            Ok(((source, destination, port), calls))
        })?;
        self.places.restore(reader, |reader| {
            let address = read_key(reader)?;
            let port = u16::try_from(reader.number()?).map_err(|_| SnapshotError::Malformed)?;
            let last = read_time(reader)?;
            let [callers, judged, even] =
                [Linear::restore(reader)?, Linear::restore(reader)?, Linear::restore(reader)?];
            Ok(((address, port), Place { last, callers, judged, even }))
        })
    }

    fn bytes(&self) -> usize {
        let calls = self.calls.values();
        let calls =
            calls.map(|calls| calls.kept.capacity() * 16 + size_of::<Calls>() + 64).sum::<usize>();
        calls + self.places.values().count() * (size_of::<Place>() + 40)
    }

    fn forgotten(&self) -> u64 {
        self.calls.forgotten().saturating_add(self.places.forgotten())
    }
}

fn finding(ends: Ends, calls: &Calls, (score, usual): (f64, i64), fresh: u64) -> Finding {
    let seconds = calls.seconds();
    let text = format!(
        "{} called port {} of {} {} times within {}, about every {} and with about the same size: {:.0} % as even as a \
         clock, where from {:.0} % on it is no human's doing",
        ends.source,
        ends.port,
        ends.destination,
        calls.count,
        keep::span(seconds),
        keep::span(usual / keep::SECOND),
        score * 100.0,
        SCORE_MIN * 100.0
    );
    Finding {
        kind: "beacon",
        source: Some(ends.source),
        destination: Some(ends.destination),
        port: Some(ends.port),
        score,
        observed: score,
        baseline: SCORE_MIN,
        window_seconds: seconds,
        text,
        first: calls.first,
        count: calls.count,
        fresh,
        events: calls.evidence.events(),
        ..Finding::default()
    }
}

#[cfg(test)]
mod tests {
    use model::{EventId, Text};
    use proptest::prelude::*;

    use super::*;

    /// Plays calls at these seconds with these sizes; gives the findings.
    fn play(calls: impl IntoIterator<Item = (f64, i64)>) -> Vec<Finding> {
        let mut beacon = Beacon::default();
        let mut found = Vec::new();
        for (index, (second, bytes)) in calls.into_iter().enumerate() {
            beacon.observe(&call(index, second, bytes), &mut found);
        }
        found
    }

    #[expect(clippy::cast_possible_truncation, clippy::as_conversions, reason = "a test")]
    fn call(index: usize, second: f64, bytes: i64) -> Event {
        let mut event = Event::new(Text::default(), Timestamp::default());
        event.id = EventId(u64::try_from(index).unwrap());
        event.time = Timestamp::from_nanos((second * 1e9) as i64);
        event.set(Field::EventAction, "network_flow");
        event.set(Field::SourceIp, "10.0.0.7".parse::<std::net::IpAddr>().unwrap());
        event.set(Field::DestinationIp, "203.0.113.9".parse::<std::net::IpAddr>().unwrap());
        event.set(Field::DestinationPort, 443);
        event.set(Field::SourceBytes, bytes);
        event
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Even with a tenth of jitter to either side.
        #[test]
        fn a_beacon_is_found(
            every in 6.0..4_000.0_f64,
            jitters in proptest::collection::vec(-0.1..0.1_f64, 64..65),
            size in 100..5_000_i64,
        ) {
            let calls = jitters.iter().zip(0..).map(|(jitter, n)| ((f64::from(n) + jitter) * every, size));
            let found = play(calls);
            prop_assert!(!found.is_empty());
            prop_assert!(found[0].count <= 64 && found[0].events.len() <= keep::EVIDENCE_MAX);
        }

        /// Somebody who reads and clicks: gaps of all lengths (exponential), sizes of all kinds.
        #[test]
        fn a_human_is_none(
            draws in proptest::collection::vec((0.000_1..1.0_f64, 200..60_000_i64), 64..200),
        ) {
            let mut second = 0.0;
            let calls = draws.into_iter().map(|(draw, bytes)| {
                second += -draw.ln() * 60.0;
                (second, bytes)
            });
            prop_assert_eq!(play(calls), vec![]);
        }

        #[test]
        fn what_is_remembered_is_taken_up_again(
            seconds in proptest::collection::vec(0.0..100_000.0_f64, 0..80),
            more in proptest::collection::vec(0.0..200_000.0_f64, 0..40),
        ) {
            let (mut one, mut found) = (Beacon::default(), Vec::new());
            for (index, second) in seconds.iter().enumerate() {
                one.observe(&call(index, *second, 9), &mut found);
            }
            let mut writer = Writer::default();
            one.snapshot(&mut writer);
            let bytes = writer.finish();
            let mut other = Beacon::default();
            other.restore(&mut Reader::new(&bytes)).unwrap();
            let (mut of_one, mut of_other) = (Vec::new(), Vec::new());
            for (index, second) in more.iter().enumerate() {
                one.observe(&call(index, *second, 9), &mut of_one);
                other.observe(&call(index, *second, 9), &mut of_other);
            }
            prop_assert_eq!(of_one, of_other);
        }
    }
}
