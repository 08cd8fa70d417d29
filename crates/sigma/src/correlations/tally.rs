//! What is measured, as a stretch of time grows at its end and shrinks at its beginning.

use std::cmp::Ordering;
use std::collections::HashMap;

use foldhash::fast::RandomState;
use model::Value;
use query::Number;

use crate::CorrelationKind;
use crate::correlations::correlation::{Correlation, Measure};
use crate::correlations::entry::{Entry, Slice};

/// Sums are kept in millionths, so that taking a number out again leaves nothing of it behind.
const MILLION: i128 = 1_000_000;
/// Beyond this a number counts as none; sums of them cannot overflow.
const NUMBER_MAX: f64 = 1e18;

/// A measure of a stretch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Measured {
    /// So many.
    Count(u64),
    /// A sum in millionths, to be divided.
    Ratio(i128, u64),
    /// A number.
    Number(f64),
}

impl Measured {
    /// Gives how the measure stands to a number.
    pub(crate) fn order_to(self, number: Number) -> Option<Ordering> {
        match self {
            Self::Count(count) => {
                let count = i64::try_from(count).unwrap_or(i64::MAX);
                number.order_of(Value::Integer(count))
            }
            Self::Ratio(sum, parts) => {
                let bound = match number {
                    Number::Integer(whole) => i128::from(whole) * MILLION,
                    Number::Float(float) => millionths(float),
                };
                Some(sum.cmp(&bound.saturating_mul(i128::from(parts))))
            }
            Self::Number(measured) => number.order_of(Value::Float(measured)),
        }
    }

    /// Gives the measure as a number to be shown; a mere count is shown as such.
    pub(crate) fn shown(self) -> Option<f64> {
        match self {
            Self::Count(_) => None,
            Self::Ratio(sum, parts) => Some(float(sum) / float(MILLION * i128::from(parts))),
            Self::Number(number) => Some(number),
        }
    }
}

/// Gives the number that a value is or spells, if it is one that can be summed up.
pub(crate) fn number_of(value: Value<'_>) -> Option<f64> {
    let number = match value {
        Value::Integer(number) => float(i128::from(number)),
        Value::Float(number) => number,
        Value::Text(text) => match Number::parse(text.trim())? {
            Number::Integer(number) => float(i128::from(number)),
            Number::Float(number) => number,
        },
        _ => return None,
    };
    (number.abs() <= NUMBER_MAX).then_some(number)
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "bounded by `NUMBER_MAX`, and a cast of floats saturates"
)]
pub(crate) fn millionths(number: f64) -> i128 {
    (number * 1e6).round() as i128
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a number to be shown or ordered, at the precision of a fraction"
)]
fn float(number: i128) -> f64 {
    number as f64
}

/// How often each value stands in the window.
#[derive(Debug, Default)]
pub(crate) struct Values {
    /// How often in the last timespan, and how often at all.
    counts: HashMap<u64, (u32, u32), RandomState>,
    /// How many different ones there are in the last timespan.
    recent: usize,
}

/// What is measured of a stretch.
#[derive(Debug)]
pub(crate) enum Tally {
    Weight(u128),
    Distinct(Box<Values>),
    Sum { weight: u128, sum: i128 },
    Order(Vec<f64>),
    Nothing,
}

impl Tally {
    pub(crate) fn of(measure: Measure) -> Self {
        match measure {
            Measure::Weight => Self::Weight(0),
            Measure::Distinct => Self::Distinct(Box::default()),
            Measure::Sum => Self::Sum { weight: 0, sum: 0 },
            Measure::Order => Self::Order(Vec::new()),
            Measure::Chains => Self::Nothing,
        }
    }

    pub(crate) fn add(&mut self, entry: &Entry) {
        match self {
            Self::Weight(weight) => *weight += u128::from(entry.weight),
            Self::Distinct(values) => values.add(entry.value),
            Self::Sum { weight, sum } => {
                *weight += u128::from(entry.weight);
                *sum += entry.share();
            }
            Self::Order(numbers) => {
                let number = entry.number();
                let at = numbers.partition_point(|kept| kept.total_cmp(&number).is_le());
                numbers.insert(at, number);
            }
            Self::Nothing => {}
        }
    }

    /// Takes an entry out of the stretch.
    pub(crate) fn leave(&mut self, entry: &Entry) {
        match self {
            Self::Weight(weight) => *weight -= u128::from(entry.weight),
            Self::Distinct(values) => values.leave(entry.value),
            Self::Sum { weight, sum } => {
                *weight -= u128::from(entry.weight);
                *sum -= entry.share();
            }
            Self::Order(numbers) => {
                let number = entry.number();
                let at = numbers.partition_point(|kept| kept.total_cmp(&number).is_lt());
                if at < numbers.len() {
                    numbers.remove(at);
                }
            }
            Self::Nothing => {}
        }
    }

    pub(crate) fn add_slice(&mut self, slice: &Slice) {
        match self {
            Self::Weight(weight) => *weight += slice.weight,
            Self::Sum { weight, sum } => {
                *weight += slice.weight;
                *sum += slice.sum;
            }
            Self::Distinct(_) | Self::Order(_) | Self::Nothing => {}
        }
    }

    pub(crate) fn leave_slice(&mut self, slice: &Slice) {
        match self {
            Self::Weight(weight) => *weight -= slice.weight,
            Self::Sum { weight, sum } => {
                *weight -= slice.weight;
                *sum -= slice.sum;
            }
            Self::Distinct(_) | Self::Order(_) | Self::Nothing => {}
        }
    }

    /// Keeps in mind an entry that lies before the last timespan.
    pub(crate) fn keep(&mut self, entry: &Entry) {
        if let Self::Distinct(values) = self {
            values.counts.entry(entry.value).or_default().1 += 1;
        }
    }

    /// Forgets an entry that has left the stretch.
    pub(crate) fn forget(&mut self, entry: &Entry) {
        if let Self::Distinct(values) = self {
            values.forget(entry.value);
        }
    }

    /// Gives how many different values the whole window holds.
    pub(crate) fn values_at_all(&self) -> usize {
        if let Self::Distinct(values) = self { values.counts.len() } else { 0 }
    }

    /// Gives how many happenings, or different values, there are.
    pub(crate) fn count(&self) -> u64 {
        match self {
            Self::Weight(weight) | Self::Sum { weight, .. } => {
                u64::try_from(*weight).unwrap_or(u64::MAX)
            }
            Self::Distinct(values) => u64::try_from(values.recent).unwrap_or(u64::MAX),
            Self::Order(numbers) => u64::try_from(numbers.len()).unwrap_or(u64::MAX),
            Self::Nothing => 0,
        }
    }

    /// Gives what a correlation's condition is about, unless nothing was measured.
    pub(crate) fn measured(&self, correlation: &Correlation) -> Option<Measured> {
        match self {
            Self::Weight(_) | Self::Distinct(_) => Some(Measured::Count(self.count())),
            Self::Sum { weight: 0, .. } | Self::Nothing => None,
            Self::Sum { sum, .. } if correlation.kind == CorrelationKind::ValueSum => {
                Some(Measured::Ratio(*sum, 1))
            }
            Self::Sum { sum, .. } => Some(Measured::Ratio(*sum, self.count())),
            Self::Order(numbers) => {
                percentile(numbers, correlation.percentile).map(Measured::Number)
            }
        }
    }

    /// Gives about how many bytes it takes besides itself.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Distinct(values) => {
                size_of::<Values>() + values.counts.capacity() * (size_of::<(u64, u64)>() + 1)
            }
            Self::Order(numbers) => numbers.capacity() * size_of::<f64>(),
            Self::Weight(_) | Self::Sum { .. } | Self::Nothing => 0,
        }
    }
}

impl Values {
    fn add(&mut self, value: u64) {
        let (recent, all) = self.counts.entry(value).or_default();
        self.recent += usize::from(*recent == 0);
        *recent += 1;
        *all += 1;
    }

    /// Takes a value out of the last timespan; it is still kept.
    fn leave(&mut self, value: u64) {
        if let Some((recent, _)) = self.counts.get_mut(&value) {
            *recent = recent.saturating_sub(1);
            self.recent -= usize::from(*recent == 0);
        }
    }

    fn forget(&mut self, value: u64) {
        if let Some((_, all)) = self.counts.get_mut(&value) {
            *all = all.saturating_sub(1);
            if *all == 0 {
                self.counts.remove(&value);
            }
        }
    }
}

/// Gives the number that so many per cent of sorted numbers do not exceed, between the two nearest
/// in proportion.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "places in a list that is bounded by `ENTRIES_MAX`"
)]
pub(crate) fn percentile(sorted: &[f64], percent: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = percent / 100.0 * last as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    let (below, above) = (sorted.get(below)?, sorted.get(above.min(last))?);
    Some(below + (above - below) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_lie_between_the_nearest() {
        let numbers = [1.0, 2.0, 4.0, 8.0];
        let cases = [(0.0, 1.0), (50.0, 3.0), (100.0, 8.0), (25.0, 1.75)];
        for (percent, expected) in cases {
            assert_eq!(percentile(&numbers, percent), Some(expected));
        }
        assert_eq!(percentile(&[], 50.0), None);
        assert_eq!(percentile(&[7.0], 99.0), Some(7.0));
    }

    #[test]
    fn numbers_in_fields() {
        assert_eq!(number_of(Value::Integer(3)), Some(3.0));
        assert_eq!(number_of(Value::Text(" 2.5 ")), Some(2.5));
        assert_eq!(number_of(Value::Text("many")), None);
        assert_eq!(number_of(Value::Float(f64::NAN)), None);
        assert_eq!(number_of(Value::Float(1e300)), None);
    }
}
