//! How people log in, day after day, and how others do in their name.
//!
//! [`LoginLife`] plays the benign days of a company: people at desks, at home and on the road, who mistype,
//! change passwords and forget the telephone that keeps the old one, who fly and buy telephones; accounts of
//! programs, one of them with a password that never was right. [`LoginAttack`] plays one attack on it. Both
//! give lines as the programs write them, which tell the time and the place; the same seed gives the
//! same lines.
//!
//! Addresses are of the ranges for documentation and for benchmarks (RFC 2544, RFC 3849), the numbers of
//! networks of the private range (RFC 6996).

mod attack;
mod life;
mod lines;
mod places;

use model::Timestamp;

pub use attack::{LoginAttack, LoginAttackKind};
pub use life::LoginLife;
pub use lines::LoginProgram;

pub(crate) use lines::Attempt;
pub(crate) use places::{Site, attacker, office, tunnel};

/// A line that tells of an attempt to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginLine {
    /// When; also stands in the text.
    pub time: Timestamp,
    /// The record, as it arrives.
    pub text: String,
}

#[cfg(test)]
mod tests;
