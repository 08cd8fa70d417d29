//! The days of a house of machines: what they look up, whom they call, what they start, what its sites
//! serve; and what somebody does who has got into one of them.
//!
//! Each life gives the lines of benign days as programs write them, in the order of time, with what looks
//! like an attack and is none: virus scanners that look files up over DNS, content networks, backups at night,
//! releases, advertising, software that is rolled out. Each attack gives the lines of one attack. [`merged`] puts
//! them together. The same seed gives the same lines; addresses and names are of the ranges for documentation.

mod flows;
mod lookups;
mod starts;
mod web;

use model::Timestamp;

use crate::dice::Dice;

pub use flows::{FlowAttack, FlowLife};
pub use lookups::{LookupAttack, LookupLife};
pub use starts::{StartAttack, StartLife};
pub use web::{WebAttack, WebLife};

/// A line that a machine of the house, or something that watches it, has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostLine {
    /// When; also stands in the text.
    pub time: Timestamp,
    /// The record, as it arrives.
    pub text: String,
    /// The attack that it is part of, if any.
    pub attack: Option<usize>,
}

impl From<crate::logins::LoginLine> for HostLine {
    fn from(line: crate::logins::LoginLine) -> Self {
        Self { time: line.time, text: line.text, attack: None }
    }
}

/// Puts benign lines and those of attacks, which are numbered by their place, in the order of time.
pub fn merged(life: Vec<HostLine>, attacks: Vec<Vec<HostLine>>) -> Vec<HostLine> {
    let mut all = life;
    for (number, lines) in attacks.into_iter().enumerate() {
        all.extend(lines.into_iter().map(|line| HostLine { attack: Some(number), ..line }));
    }
    all.sort_by_key(|line| line.time);
    all
}

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

/// Gives a moment so many seconds after another, with a fraction of one.
fn after(start: Timestamp, seconds: f64) -> Timestamp {
    let nanos = std::time::Duration::from_secs_f64(seconds.max(0.0)).as_nanos();
    Timestamp::from_nanos(start.nanos().saturating_add(i64::try_from(nanos).unwrap_or(i64::MAX)))
}

/// Gives the address of a client of the house.
fn client(number: u64) -> String {
    format!("10.{}.{}.{}", 20 + number / 62_500, (number / 250) % 250, 1 + number % 250)
}

/// Gives a number from 0 up to 1.
fn fraction(dice: &mut Dice) -> f64 {
    f64::from(u32::try_from(dice.below(1 << 30)).unwrap_or_default()) / f64::from(1 << 30)
}

/// Gives the pause until the next of happenings that come by chance, with this mean.
fn pause(dice: &mut Dice, mean: f64) -> f64 {
    -(1.0 - fraction(dice)).max(1e-12).ln() * mean
}

/// Gives how busy people are at a second of the house's time, 0 to 1: by day, less at the weekend.
fn bustle(second: i64) -> f64 {
    let (day, hour) = (second.div_euclid(DAY) % 7, second.rem_euclid(DAY) / 3_600);
    // The days of the week since 1970 began with a Thursday.
    let week = if matches!(day, 2 | 3) { 0.25 } else { 1.0 };
    let hours = match hour {
        8..=11 | 13..=16 => 1.0,
        7 | 12 | 17 | 18 => 0.6,
        19..=22 => 0.3,
        _ => 0.08,
    };
    week * hours
}

/// Gives a number that spreads as sizes do: mostly near the middle, now and then many times as large.
fn size(dice: &mut Dice, middle: f64, spread: f64) -> f64 {
    // The sum of twelve is near enough to a bell.
    let bell: f64 = (0..12).map(|_| fraction(dice)).sum::<f64>() - 6.0;
    middle * (bell * spread).exp()
}

#[cfg(test)]
mod tests;
