//! Robust Mahalanobis distance: how far a request lies from the middle of the usual ones, measured in
//! their own spread and with what goes together taken together.
//!
//! Numbers are compared as logarithms. Middle and spread come from the rows that lie nearest, chosen
//! anew a few times (the steps of the minimum covariance determinant), so that a handful of attacks
//! among the rows of training does not move them; the spread is drawn towards its diagonal, so that it
//! can always be inverted.

use std::sync::LazyLock;

use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use super::features::{FEATURES, Row, count};

/// Which share of the rows counts in each step.
const KEPT: f64 = 0.975;
const STEPS: usize = 4;
/// How much of the spread is that of each number by itself.
const SHRINKAGE: f64 = 0.05;
/// The least spread of a number: what always was the same may still stray by this.
const SPREAD_MIN: f64 = 0.02;

type Numbers = [f64; FEATURES];
type Matrix = [Numbers; FEATURES];

/// A middle, and the way to measure from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Distance {
    centre: Numbers,
    /// The inverse of the lower triangle of the spread (Cholesky).
    whiten: Matrix,
}

/// How many pieces the numbers from 1 to 2 are cut into, and of each the logarithm and the inverse of
/// its middle.
const PIECE_BITS: u32 = 7;
static PIECES: LazyLock<[(f64, f64); 1 << PIECE_BITS]> = LazyLock::new(|| {
    std::array::from_fn(|piece| {
        let middle = 1.0 + (count(piece) + 0.5) / 128.0;
        (middle.ln(), middle.recip())
    })
});

/// Gives the logarithms of a row, each number one larger; within a thousand millionth.
fn logarithms(row: &Row) -> Numbers {
    let pieces = &*PIECES;
    let mut numbers = [0.0; FEATURES];
    for (number, value) in numbers.iter_mut().zip(row) {
        *number = logarithm(f64::from(*value).max(0.0) + 1.0, pieces);
    }
    numbers
}

/// Gives the logarithm of a number from 1 on: that of its power of two, of its piece, and a short series
/// for the rest. The library's own takes several times as long, thirteen times a request.
fn logarithm(number: f64, pieces: &[(f64, f64); 1 << PIECE_BITS]) -> f64 {
    let bits = number.to_bits();
    let power = u32::try_from(bits >> 52).unwrap_or_default();
    let fraction = f64::from_bits(bits & ((1 << 52) - 1) | (1023 << 52));
    let piece = usize::try_from(bits >> (52 - PIECE_BITS)).unwrap_or_default() & 127;
    let (logarithm, inverse) = pieces.get(piece).copied().unwrap_or_default();
    let rest = fraction * inverse - 1.0;
    let series = rest * (1.0 - rest * (0.5 - rest * (1.0 / 3.0)));
    (f64::from(power) - 1023.0) * std::f64::consts::LN_2 + logarithm + series
}

impl Distance {
    /// Learns from rows; the same rows give the same distance.
    pub fn fit(rows: &[Row]) -> Self {
        let points: Vec<Numbers> = rows.iter().map(logarithms).collect();
        let mut fitted = Self::of(&points, &[]);
        for _ in 0..STEPS {
            let far: Vec<f64> = points.iter().map(|point| fitted.squared(point)).collect();
            let mut sorted = far.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            let kept = super::features::whole(count(points.len()) * KEPT);
            let limit = sorted.get(kept).copied().unwrap_or(f64::INFINITY);
            let near: Vec<bool> = far.iter().map(|far| *far <= limit).collect();
            fitted = Self::of(&points, &near);
        }
        fitted
    }

    /// Fits to the points that count; none said means all.
    fn of(points: &[Numbers], near: &[bool]) -> Self {
        let chosen = || {
            let counts = |at: usize| near.get(at).copied().unwrap_or(true);
            points.iter().enumerate().filter(move |(at, _)| counts(*at)).map(|(_, point)| point)
        };
        let total = count(chosen().count().max(1));
        let mut centre = [0.0; FEATURES];
        for point in chosen() {
            centre.iter_mut().zip(point).for_each(|(sum, number)| *sum += number / total);
        }
        let mut spread = [[0.0; FEATURES]; FEATURES];
        for point in chosen() {
            let mut apart = *point;
            apart.iter_mut().zip(&centre).for_each(|(number, middle)| *number -= middle);
            for (row, one) in spread.iter_mut().zip(&apart) {
                row.iter_mut().zip(&apart).for_each(|(sum, other)| *sum += one * other / total);
            }
        }
        for (at, row) in spread.iter_mut().enumerate() {
            for (column, number) in row.iter_mut().enumerate() {
                if at == column {
                    *number = number.max(SPREAD_MIN * SPREAD_MIN);
                } else {
                    *number *= 1.0 - SHRINKAGE;
                }
            }
        }
        Self { centre, whiten: inverted(&lower(&spread)) }
    }

    fn squared(&self, point: &Numbers) -> f64 {
        self.parts(point).1.iter().map(|number| number * number).sum()
    }

    /// Gives the differences from the middle, and the same in the measure of the spread.
    fn parts(&self, point: &Numbers) -> (Numbers, Numbers) {
        let mut apart = *point;
        apart.iter_mut().zip(&self.centre).for_each(|(number, middle)| *number -= middle);
        let mut white = [0.0; FEATURES];
        for ((to, row), at) in white.iter_mut().zip(&self.whiten).zip(1..) {
            *to = row.iter().zip(&apart).take(at).map(|(factor, number)| factor * number).sum();
        }
        (apart, white)
    }

    /// Gives how far a row lies from the middle.
    pub fn of_row(&self, row: &Row) -> f64 {
        self.squared(&logarithms(row)).sqrt()
    }

    /// Gives what each number adds to the distance; the largest explain it. They sum to its square.
    pub fn contributions(&self, row: &Row) -> [f64; FEATURES] {
        let (apart, white) = self.parts(&logarithms(row));
        let mut parts = [0.0; FEATURES];
        for ((white, row), at) in white.iter().zip(&self.whiten).zip(1..) {
            for ((part, factor), number) in parts.iter_mut().zip(row).zip(&apart).take(at) {
                *part += white * factor * number;
            }
        }
        parts
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        for number in self.centre.iter().chain(self.whiten.iter().flatten()) {
            writer.whole(number.to_bits());
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Read<Self> {
        let mut read = Self { centre: [0.0; FEATURES], whiten: [[0.0; FEATURES]; FEATURES] };
        for number in read.centre.iter_mut().chain(read.whiten.iter_mut().flatten()) {
            *number = f64::from_bits(reader.whole()?);
            if !number.is_finite() || number.abs() > 1e9 {
                return Err(SnapshotError::Malformed);
            }
        }
        Ok(read)
    }
}

/// Gives the lower triangle whose square a spread is.
fn lower(spread: &Matrix) -> Matrix {
    let mut lower: Matrix = [[0.0; FEATURES]; FEATURES];
    for (at, row) in spread.iter().enumerate() {
        let mut made = [0.0; FEATURES];
        for (column, number) in row.iter().enumerate().take(at + 1) {
            let other =
                if column == at { made } else { lower.get(column).copied().unwrap_or(made) };
            let dot: f64 = made.iter().zip(&other).take(column).map(|(a, b)| a * b).sum();
            let rest = number - dot;
            let value = if column == at {
                rest.max(SPREAD_MIN * SPREAD_MIN * 0.01).sqrt()
            } else {
                rest / other.get(column).copied().unwrap_or(1.0)
            };
            if let Some(place) = made.get_mut(column) {
                *place = value;
            }
        }
        if let Some(place) = lower.get_mut(at) {
            *place = made;
        }
    }
    lower
}

/// Gives the inverse of a lower triangle.
fn inverted(lower: &Matrix) -> Matrix {
    let mut inverse: Matrix = [[0.0; FEATURES]; FEATURES];
    for (at, row) in lower.iter().enumerate() {
        let diagonal = row.get(at).copied().unwrap_or(1.0);
        let mut made = [0.0; FEATURES];
        for (column, place) in made.iter_mut().enumerate().take(at + 1) {
            let unit = if column == at { 1.0 } else { 0.0 };
            let known = row.iter().zip(&inverse).take(at);
            let sum: f64 = known
                .map(|(factor, row)| factor * row.get(column).copied().unwrap_or_default())
                .sum();
            *place = (unit - sum) / diagonal;
        }
        if let Some(place) = inverse.get_mut(at) {
            *place = made;
        }
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::super::dice::Dice;
    use super::super::features::{ROW, narrow};
    use super::*;

    fn rows(total: usize) -> Vec<Row> {
        let mut dice = Dice::new(3);
        let row = |_| {
            let base = dice.share();
            // The second goes with the first.
            std::array::from_fn(|at| {
                narrow(if at < 2 { base * 10.0 + dice.share() } else { dice.share() * 3.0 })
            })
        };
        (0..total).map(row).collect()
    }

    #[test]
    fn what_breaks_a_rule_that_two_numbers_keep_is_far() {
        let rows = rows(2_000);
        let distance = Distance::fit(&rows);
        let mut broken = rows[0];
        (broken[0], broken[1]) = (9.0, 1.0);
        let mean: f64 = rows.iter().map(|row| distance.of_row(row)).sum::<f64>() / 2_000.0;
        assert!((2.0..5.0).contains(&mean), "{mean}");
        assert!(distance.of_row(&broken) > 2.0 * mean);
        let parts = distance.contributions(&broken);
        let sum: f64 = parts.iter().sum();
        assert!((sum.sqrt() - distance.of_row(&broken)).abs() < 1e-6);
        let most = (0..FEATURES).max_by(|a, b| parts[*a].total_cmp(&parts[*b])).unwrap();
        assert!(most < 2, "one of the two explains it: {parts:?}");
    }

    #[test]
    fn a_few_attacks_among_the_rows_do_not_move_the_middle() {
        let clean = rows(2_000);
        let mut fouled = clean.clone();
        fouled.extend([[5_000.0; ROW]; 30]);
        let (one, other) = (Distance::fit(&clean), Distance::fit(&fouled));
        for row in clean.iter().take(100) {
            assert!((one.of_row(row) / other.of_row(row) - 1.0).abs() < 0.2);
        }
    }

    #[test]
    fn logarithms_are_those_of_the_library() {
        let mut dice = Dice::new(4);
        for number in 0..20_000_u32 {
            let value = narrow((dice.share() * 20.0).exp() - 1.0).min(1e9);
            let value = if number % 3 == 0 { narrow(dice.share()) } else { value };
            let made = logarithms(&[value; ROW]);
            assert!((made[0] - f64::from(value).ln_1p()).abs() < 1e-9, "{value}");
        }
        for odd in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert!(logarithms(&[odd; ROW])[0].is_finite());
        }
    }

    #[test]
    fn rows_that_are_all_the_same_and_none_at_all() {
        assert!(Distance::fit(&[[1.0; ROW]; 9]).of_row(&[1.0; ROW]) < 1e-9);
        assert!(Distance::fit(&[]).of_row(&[1.0; ROW]).is_finite());
    }

    #[test]
    fn kept_and_read_again() {
        let distance = Distance::fit(&rows(100));
        let mut writer = Writer::default();
        distance.write(&mut writer);
        let bytes = writer.finish();
        assert_eq!(Distance::read(&mut Reader::new(&bytes)).unwrap(), distance);
        assert!(Distance::read(&mut Reader::new(&bytes[1..])).is_err());
    }
}
