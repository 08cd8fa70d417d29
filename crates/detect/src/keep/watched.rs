//! A number that is watched against its usual course, and when it is worth a word.
//!
//! A bucket of five minutes is unusual where it lies far enough above what this hour of the week
//! usually has ([`Series`]), and above a floor below which nobody cares. What is somewhat unusual is told
//! when two of three buckets are; what is far beyond at once; what is a little too much for hours by the sum of
//! its deviations (CUSUM). What has to last before it matters, says so in its [`Limits`].

use model::{Event, Timestamp};
use sigma::codec::{Read, Reader, Writer};

use super::series::{Series, Usual};
use super::{Evidence, SECOND, Told, read_time, whole, write_time};

/// Where a number is worth a word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Below so much within a bucket nobody cares.
    pub(crate) floor: f64,
    /// How much is told of where nothing is known yet of what is usual.
    pub(crate) unknown: f64,
    /// How many robust deviations count as unusual, and from how many on it is told at once.
    pub(crate) deviations: f64,
    pub(crate) at_once: f64,
    /// How long it has to last before it is told, in seconds.
    pub(crate) lasting: i64,
}

/// By how many deviations an everyday bucket may lie above what is usual: the sum of deviations counts
/// what is beyond.
const SLACK: f64 = 2.0;
/// From which sum of deviations on a long stretch of too much is told, and which part of the floor each
/// of its buckets must reach.
const SUM_MIN: f64 = 24.0;
const SUM_FLOOR: f64 = 0.2;
/// A burst is over after so long without a word; then it is told anew.
const OVER: i64 = 3_600 * SECOND;

/// What is watched of one machine, service or program.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) series: Series,
    pub(crate) told_in: Timestamp,
    pub(crate) evidence: Evidence,
    told: Told,
    /// When the stretch of unusual buckets began that goes on.
    since: Option<Timestamp>,
    /// The sum of deviations of the buckets that ended.
    sum: f64,
    /// What is usual, and the hour that it was worked out for: once an hour, and only where the number is near what
    /// anybody cares for.
    usual: Option<Usual>,
    hour: Option<i64>,
}

/// What is to be told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged {
    pub(crate) value: f64,
    pub(crate) usual: Option<Usual>,
    pub(crate) above: f64,
    pub(crate) fresh: u64,
    /// For how many seconds it has gone on.
    pub(crate) lasted: i64,
}

impl Judged {
    /// Gives the usual number; nothing is usual of what is not known yet.
    pub(crate) fn baseline(&self) -> f64 {
        self.usual.map_or(0.0, Usual::number)
    }

    /// Gives how sure it is, 0 to 1.
    pub(crate) fn score(&self, deviations: f64) -> f64 {
        1.0 - 1.0 / (1.0 + self.above / deviations)
    }
}

impl Watched {
    /// Begins with nothing at a moment.
    pub(crate) fn new(at: Timestamp) -> Self {
        Self {
            series: Series::new(at),
            told_in: at,
            evidence: Evidence::default(),
            told: Told::default(),
            since: None,
            sum: 0.0,
            usual: None,
            hour: None,
        }
    }

    /// Gives what is usual in the hour of the bucket that is being filled.
    fn usual(&mut self) -> Option<Usual> {
        let hour = self.series.hour();
        if self.hour != Some(hour) {
            self.hour = Some(hour);
            self.usual = self.series.usual();
        }
        self.usual
    }

    /// Goes on to the bucket of a moment; tells whether a bucket ended on the way.
    pub(crate) fn advance(&mut self, at: Timestamp, limits: Limits) -> bool {
        if !self.series.ends_by(at) {
            // Also of a clock that went back far, which begins its bucket anew.
            self.series.advance(at, |_| ());
            self.hour = self.hour.filter(|hour| *hour == self.series.hour());
            return false;
        }
        // What was usual then, before the hour that ends is learned from.
        let near = self.series.value() >= limits.floor * SUM_FLOOR;
        let usual = if near { self.usual() } else { None };
        let (mut ended, mut more) = (None, false);
        self.series.advance(at, |value| {
            more |= ended.is_some();
            ended.get_or_insert(value);
        });
        self.hour = self.hour.filter(|hour| *hour == self.series.hour());
        let Some(value) = ended else { return false };
        let above = usual.map(|usual| usual.above(value));
        let spiked = value >= limits.floor
            && above.map_or(value >= limits.unknown, |above| above >= limits.deviations);
        if spiked && !more {
            self.series.remember_spike();
        } else if !spiked || more {
            self.since = None;
        }
        let counts = !more && value >= limits.floor * SUM_FLOOR;
        let above = above.filter(|_| counts).map_or(0.0, |above| above.min(limits.at_once) - SLACK);
        self.sum = if counts { (self.sum + above).max(0.0) } else { 0.0 };
        self.evidence.clear();
        true
    }

    /// Lets what goes on be told once more, since it has become something else.
    pub(crate) fn tell_again(&mut self) {
        self.told.clear();
    }

    /// Tells whether the bucket before was unusual.
    pub(crate) fn is_unusual(&self) -> bool {
        self.since.is_some()
    }

    /// Adds to what is watched; gives what is usual, and how far above it the bucket now is, where that
    /// is to be told.
    pub(crate) fn add(&mut self, event: &Event, amount: f64, limits: Limits) -> Option<Judged> {
        self.advance(event.time, limits);
        if event.time.nanos().saturating_sub(self.told_in.nanos()) > OVER {
            self.told.clear();
        }
        self.evidence.push(event.id);
        let value = self.series.add(amount);
        if value < limits.floor * SUM_FLOOR {
            return None;
        }
        let usual = self.usual();
        let above = match usual {
            Some(usual) => usual.above(value),
            None if value >= limits.unknown => limits.at_once,
            None => 0.0,
        };
        let summed = self.sum >= SUM_MIN && above >= SLACK;
        if !summed && (value < limits.floor || above < limits.deviations) {
            return None;
        }
        let since = *self.since.get_or_insert(event.time);
        let spikes = self.series.spiked();
        if !summed && spikes < 2 && above < limits.at_once {
            return None;
        }
        let lasted = event.time.nanos().saturating_sub(since.nanos()) / SECOND;
        if lasted < limits.lasting {
            return None;
        }
        let fresh = self.told.say(whole(value), 1)?;
        self.told_in = event.time;
        Some(Judged { value, usual, above, fresh, lasted })
    }

    /// Gives about how many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.series.bytes() + self.evidence.bytes() + size_of::<Self>() + 64
    }

    /// Appends what it remembers.
    pub(crate) fn snapshot(&self, writer: &mut Writer) {
        self.series.snapshot(writer);
        self.told.snapshot(writer);
        write_time(writer, self.told_in);
        self.evidence.snapshot(writer);
        writer.flag(self.since.is_some());
        write_time(writer, self.since.unwrap_or_default());
        writer.whole(self.sum.to_bits());
    }

    /// Reads what [`Watched::snapshot`] wrote.
    pub(crate) fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        let mut watched = Self {
            series: Series::restore(reader)?,
            usual: None,
            hour: None,
            told: Told::restore(reader)?,
            told_in: read_time(reader)?,
            evidence: Evidence::restore(reader)?,
            since: None,
            sum: 0.0,
        };
        let lasts = reader.flag()?;
        let since = read_time(reader)?;
        watched.since = lasts.then_some(since);
        watched.sum = f64::from_bits(reader.whole()?);
        Ok(watched)
    }
}
