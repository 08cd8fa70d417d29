//! A number over time against what it usually is at this hour of the week.
//!
//! Time is cut into buckets of five minutes. Of each hour the largest bucket is kept, for four weeks.
//! What is usual is the median of that hour in the weeks before, or, before there are weeks, of the same
//! hour of the days before; how far it may stray is the median absolute deviation.
//! Both are robust: one night of backups does not make the next one usual. Nothing is learned from an
//! hour that was told to be unusual, so that an attack does not become the baseline; unless it stays for
//! a day, when it is how things are now. Numbers are compared as logarithms: twice as much is as far from
//! once as four times from twice.

use model::Timestamp;
use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use super::SECOND;

/// How long a bucket is, in seconds.
pub(crate) const BUCKET_SECONDS: i64 = 300;
const BUCKET: i64 = BUCKET_SECONDS * SECOND;
const BUCKETS_AN_HOUR: i64 = 12;
const HOURS: usize = 168;
/// How many weeks are remembered.
const WEEKS: usize = 4;
/// How many hours, neighbours among them, speak for a baseline at least.
const SUPPORT_MIN: usize = 6;
/// From so many weeks on an hour of the week speaks for itself.
const WEEKS_MIN: usize = 3;
/// The least deviation (of the logarithm): what always was the same may still stray by a third.
const DEVIATION_MIN: f32 = 0.3;
/// How many unusual hours in a row are not learned from.
const FROZEN_HOURS_MAX: u32 = 24;
/// How many hours are filled with nothing after a silence; what was before is then old.
const FILL_HOURS_MAX: i64 = 168 * 2;
/// An event this many hours before the bucket is not late: the bucket is in the future.
const AHEAD_HOURS_MAX: i64 = 48;
/// A kept number is a logarithm in steps of a thousandth.
const STEPS: f32 = 1_000.0;
const NOTHING_KEPT: u16 = u16::MAX;

/// A number by buckets, with its usual course over a week.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    /// The bucket that is being filled, counted since 1970.
    bucket: i64,
    value: f64,
    /// The largest bucket of the hour that is being filled.
    hour_most: f64,
    /// Whether this hour is unusual, and how many before it were.
    unusual: bool,
    unusual_hours: u32,
    /// Whether each of the two buckets before was a spike.
    spikes: [bool; 2],
    /// The largest bucket of each hour of the week, the newest week first.
    kept: Vec<[u16; WEEKS]>,
}

/// What is usual at one hour of the week.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usual {
    /// The median, as a logarithm.
    middle: f32,
    deviation: f32,
}

impl Usual {
    /// Gives the usual number itself.
    pub(crate) fn number(self) -> f64 {
        f64::from(self.middle).exp_m1().max(0.0)
    }

    /// Gives how many deviations a number lies above what is usual.
    pub(crate) fn above(self, value: f64) -> f64 {
        (value.max(0.0).ln_1p() - f64::from(self.middle)) / f64::from(self.deviation)
    }
}

impl Series {
    /// Begins with nothing at a moment.
    pub(crate) fn new(at: Timestamp) -> Self {
        Self {
            bucket: bucket_of(at),
            value: 0.0,
            hour_most: 0.0,
            unusual: false,
            unusual_hours: 0,
            spikes: [false; 2],
            kept: Vec::new(),
        }
    }

    /// Goes on to the bucket of a moment; calls `closed` with the number of each bucket that ends on
    /// the way and what was usual, up to a bound. What is late counts for the bucket that is being filled.
    pub(crate) fn advance(&mut self, at: Timestamp, mut closed: impl FnMut(f64)) {
        let now = bucket_of(at);
        if now.saturating_sub(self.bucket) > FILL_HOURS_MAX * BUCKETS_AN_HOUR {
            // What it knew is older than two weeks: it begins anew.
            *self = Self::new(at);
            return;
        }
        if self.bucket.saturating_sub(now) > AHEAD_HOURS_MAX * BUCKETS_AN_HOUR {
            // The clock was wrong, not the event: what is usual stays, the bucket begins anew.
            let kept = std::mem::take(&mut self.kept);
            *self = Self { kept, ..Self::new(at) };
            return;
        }
        while self.bucket < now {
            closed(self.value);
            self.hour_most = self.hour_most.max(self.value);
            self.spikes = [self.spikes[1], false];
            self.value = 0.0;
            self.bucket += 1;
            if self.bucket % BUCKETS_AN_HOUR == 0 {
                self.learn();
            }
        }
    }

    /// Gives the hour of the bucket that is being filled, counted since 1970.
    pub(crate) fn hour(&self) -> i64 {
        self.bucket.div_euclid(BUCKETS_AN_HOUR)
    }

    /// Gives the number of the bucket that is being filled.
    pub(crate) fn value(&self) -> f64 {
        self.value
    }

    /// Tells whether that bucket has ended by a moment.
    pub(crate) fn ends_by(&self, at: Timestamp) -> bool {
        bucket_of(at) > self.bucket
    }

    /// Adds to the bucket that is being filled; gives its number.
    pub(crate) fn add(&mut self, amount: f64) -> f64 {
        self.value += amount;
        self.value
    }

    /// Marks the bucket that is being filled as a spike; gives how many of it and the two before are.
    pub(crate) fn spiked(&mut self) -> usize {
        self.unusual = true;
        1 + self.spikes.iter().filter(|spike| **spike).count()
    }

    /// Remembers, when the bucket ends, that it was a spike.
    pub(crate) fn remember_spike(&mut self) {
        self.spikes[1] = true;
    }

    /// Takes the hour that ends into what is usual.
    fn learn(&mut self) {
        let unusual = std::mem::take(&mut self.unusual);
        self.unusual_hours = if unusual { self.unusual_hours.saturating_add(1) } else { 0 };
        let most = std::mem::take(&mut self.hour_most);
        if unusual && self.unusual_hours <= FROZEN_HOURS_MAX {
            return;
        }
        if self.kept.is_empty() {
            self.kept = vec![[NOTHING_KEPT; WEEKS]; HOURS];
        }
        let hour = hour_of(self.bucket - 1);
        if let Some(weeks) = self.kept.get_mut(hour) {
            weeks.rotate_right(1);
            weeks[0] = packed(most);
        }
    }

    /// Gives what is usual now; `None` until enough hours were seen. What happens an hour earlier or later than
    /// usual is usual too, so of this hour and its neighbours the one with the most speaks.
    pub(crate) fn usual(&self) -> Option<Usual> {
        let hour = hour_of(self.bucket);
        let around = [(hour + HOURS - 1) % HOURS, hour, (hour + 1) % HOURS];
        let best = |heard: &dyn Fn(usize) -> Vec<f32>, least: usize| {
            let all = around.iter().map(|hour| heard(*hour)).filter(|heard| heard.len() >= least);
            all.filter_map(usual_of).max_by(|one, other| one.middle.total_cmp(&other.middle))
        };
        let of_the_week = |hour: usize| self.of_hour(hour).collect::<Vec<f32>>();
        if self.of_hour(hour).count() >= WEEKS_MIN {
            return best(&of_the_week, WEEKS_MIN);
        }
        let of_the_day = |hour: usize| {
            let days = (0..7).map(|day| (hour + day * 24) % HOURS);
            days.flat_map(|hour| self.of_hour(hour)).collect::<Vec<f32>>()
        };
        let heard: usize = around.iter().map(|hour| of_the_day(*hour).len()).sum();
        if heard < SUPPORT_MIN { None } else { best(&of_the_day, 2) }
    }

    fn of_hour(&self, hour: usize) -> impl Iterator<Item = f32> + '_ {
        let weeks = self.kept.get(hour).into_iter().flatten();
        weeks.filter(|one| **one != NOTHING_KEPT).map(|one| f32::from(*one) / STEPS)
    }

    /// Gives about how many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.kept.capacity() * size_of::<[u16; WEEKS]>()
    }

    /// Appends what it remembers.
    pub(crate) fn snapshot(&self, writer: &mut Writer) {
        writer.signed(self.bucket);
        writer.whole(self.value.to_bits());
        writer.whole(self.hour_most.to_bits());
        writer.flag(self.unusual);
        writer.number(u64::from(self.unusual_hours));
        self.spikes.iter().for_each(|spike| writer.flag(*spike));
        let heard = || {
            let rows = self.kept.iter().enumerate();
            rows.filter(|(_, weeks)| weeks.iter().any(|one| *one != NOTHING_KEPT))
        };
        writer.length(heard().count());
        for (hour, weeks) in heard() {
            writer.length(hour);
            for one in weeks {
                writer.number(u64::from(*one));
            }
        }
    }

    /// Reads what [`Series::snapshot`] wrote.
    pub(crate) fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        let mut series = Self::new(Timestamp::default());
        series.bucket = reader.signed()?;
        series.value = f64::from_bits(reader.whole()?);
        series.hour_most = f64::from_bits(reader.whole()?);
        series.unusual = reader.flag()?;
        series.unusual_hours = small(reader)?;
        series.spikes = [reader.flag()?, reader.flag()?];
        let rows = reader.length()?;
        if rows > HOURS {
            return Err(SnapshotError::TooLarge);
        }
        if rows > 0 {
            series.kept = vec![[NOTHING_KEPT; WEEKS]; HOURS];
        }
        for _ in 0..rows {
            let hour = usize::try_from(reader.number()?).map_err(|_| SnapshotError::Malformed)?;
            let weeks = series.kept.get_mut(hour).ok_or(SnapshotError::Malformed)?;
            for one in weeks {
                *one = small(reader)?;
            }
        }
        Ok(series)
    }
}

fn small<N: TryFrom<u64>>(reader: &mut Reader<'_>) -> Read<N> {
    N::try_from(reader.number()?).map_err(|_| SnapshotError::Malformed)
}

/// Gives the bucket of a moment.
fn bucket_of(at: Timestamp) -> i64 {
    at.nanos().div_euclid(BUCKET)
}

/// Gives the hour of the week of a bucket.
fn hour_of(bucket: i64) -> usize {
    let hour = bucket.div_euclid(BUCKETS_AN_HOUR).rem_euclid(168);
    usize::try_from(hour).unwrap_or_default()
}

/// Gives a number as a logarithm in steps.
fn packed(value: f64) -> u16 {
    let steps = value.max(0.0).ln_1p() * f64::from(STEPS);
    let bound = f64::from(NOTHING_KEPT - 1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::as_conversions,
        reason = "within the bounds of the line before"
    )]
    {
        steps.round().clamp(0.0, bound) as u16
    }
}

/// Gives the median of what was heard, and how far it strays.
fn usual_of(mut heard: Vec<f32>) -> Option<Usual> {
    let middle = median(&mut heard)?;
    let mut away: Vec<f32> = heard.iter().map(|one| (one - middle).abs()).collect();
    // The factor makes the median deviation of normal numbers their standard deviation.
    let deviation = (1.4826 * median(&mut away)?).max(DEVIATION_MIN);
    Some(Usual { middle, deviation })
}

/// Gives the middle one of some numbers, or what lies between the middle two.
fn median(numbers: &mut [f32]) -> Option<f32> {
    numbers.sort_unstable_by(f32::total_cmp);
    let (low, high) =
        (numbers.get(numbers.len().checked_sub(1)? / 2)?, numbers.get(numbers.len() / 2)?);
    Some(f32::midpoint(*low, *high))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600 * SECOND;

    fn at(nanos: i64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    /// Plays a number for each hour.
    fn played(hours: impl IntoIterator<Item = f64>) -> Series {
        let mut series = Series::new(at(0));
        for (hour, value) in (0..).zip(hours) {
            series.advance(at(hour * HOUR), |_| ());
            series.add(value);
        }
        series
    }

    #[test]
    fn nothing_is_usual_until_enough_was_seen() {
        assert_eq!(played([100.0; 3]).usual(), None);
        let usual = played(vec![100.0; 60]).usual().unwrap();
        assert!((usual.number() - 100.0).abs() < 1.0);
        assert!(usual.above(100.0) < 0.1 && usual.above(1_000.0) > 5.0);
    }

    #[test]
    fn each_hour_has_its_own_baseline_and_one_night_does_not_change_it() {
        // Loud by day, quiet by night, for three weeks, and one loud night.
        let hours = (0..24 * 21).map(|hour| match hour {
            300..303 => 1e6,
            hour if (8..18).contains(&(hour % 24)) => 10_000.0,
            _ => 10.0,
        });
        let mut series = played(hours);
        let mut usual_at = |hour: i64| {
            series.advance(at(hour * HOUR), |_| ());
            series.usual().unwrap().number()
        };
        assert!(usual_at(24 * 21 + 2) < 100.0);
        assert!(usual_at(24 * 21 + 12) > 5_000.0);
    }

    #[test]
    fn an_hour_that_is_loud_every_night_is_usual_then_and_a_little_before_and_after() {
        for days in [3, 30] {
            let hours = (0..24 * days).map(|hour| if hour % 24 == 2 { 1e9 } else { 1e3 });
            let mut series = played(hours);
            let mut usual_at = |hour: i64| {
                series.advance(at((24 * i64::from(days) + hour) * HOUR), |_| ());
                series.usual().unwrap().number()
            };
            assert!([1, 2, 3].into_iter().all(|hour| usual_at(hour) > 1e8), "{days}");
            assert!([5, 12, 23].into_iter().all(|hour| usual_at(hour) < 2e3), "{days}");
        }
    }

    #[test]
    fn what_was_unusual_is_learned_from_only_when_it_stays() {
        let mut series = played(vec![100.0; 24 * 8]);
        let mut level = |from: i64, hours: i64| {
            for hour in from..from + hours {
                series.advance(at(hour * HOUR), |_| ());
                series.add(1e6);
                series.spiked();
            }
            series.usual().unwrap().number()
        };
        assert!(level(24 * 8, 20) < 200.0);
        assert!(level(24 * 8 + 20, 24 * 28) > 5e5, "after weeks it is how things are");
    }

    #[test]
    fn it_is_restored_as_it_was() {
        let series = played((0..400).map(|hour| f64::from(hour % 24)));
        let mut writer = Writer::default();
        series.snapshot(&mut writer);
        let bytes = writer.finish();
        let again = Series::restore(&mut Reader::new(&bytes)).unwrap();
        assert_eq!(format!("{series:?}"), format!("{again:?}"));
    }

    #[test]
    fn a_long_silence_begins_anew_with_little_work() {
        let mut series = played(vec![100.0; 24 * 8]);
        let mut closed = 0;
        series.advance(at(i64::MAX / 2), |_| closed += 1);
        assert_eq!((closed, series.usual()), (0, None));
    }

    #[test]
    fn a_bucket_of_any_time_is_left_for_that_of_the_next_event() {
        for bucket in [i64::MIN, i64::MAX] {
            let mut series = played(vec![100.0; 24 * 8]);
            series.bucket = bucket;
            series.advance(at(24 * 8 * HOUR), |_| ());
            assert_eq!(series.bucket, bucket_of(at(24 * 8 * HOUR)));
        }
    }

    #[test]
    fn after_a_clock_that_was_ahead_it_learns_again() {
        let mut series = played(vec![100.0; 24 * 8]);
        series.advance(at(24 * 15 * HOUR), |_| ());
        for hour in 24 * 8..24 * 36 {
            series.advance(at(hour * HOUR), |_| ());
            series.add(1e4);
        }
        assert!(series.usual().unwrap().number() > 9e3);
    }
}
