//! All users together: how many of them were tried within a day from where they never came.

use model::Timestamp;
use sigma::codec::{Read, Reader, Writer};

use super::super::shared::{Login, day_of};
use super::day::{Usual, word};
use crate::keep::sketch::Linear;
use crate::keep::{self, Evidence, Told, read_time, write_time};

/// How many users and networks are many, and how many users are where nothing is known yet of what is usual.
const USERS_MIN: f64 = 30.0;
const USERS_UNKNOWN_MIN: f64 = 150.0;
const NETWORKS_MIN: f64 = 30.0;
/// After how many days it is known what is usual.
const DAYS_MIN: u32 = 5;

/// How many days an event may be late.
const LATE_DAYS_MAX: i64 = 2;

/// What is known of all users together.
#[derive(Clone, Debug, Default)]
pub(super) struct House {
    today: i64,
    users: Linear,
    networks: Linear,
    tries: u32,
    usual: Usual,
    told: Told,
    first: Timestamp,
    evidence: Evidence,
}

/// What the tries of a day come to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Alarm {
    pub(super) users: u32,
    pub(super) networks: u32,
    pub(super) tries: u32,
    pub(super) baseline: f64,
    pub(super) first: Timestamp,
    pub(super) fresh: u64,
    pub(super) evidence: Evidence,
}

impl House {
    /// Takes a failure of a user from elsewhere; gives what the day's amount to, where that is to be told.
    pub(super) fn fail(&mut self, login: &Login<'_>) -> Option<Alarm> {
        self.close(login.time());
        if self.tries == 0 {
            self.first = login.time();
        }
        let times = u32::try_from(login.event.repeat()).unwrap_or(u32::MAX).max(1);
        self.tries = self.tries.saturating_add(times);
        let fresh = self.users.insert(keep::mix(u128::from(login.user)));
        self.networks.insert(login.network);
        if !fresh {
            return None;
        }
        self.evidence.push(login.id());
        let (users, networks) = (self.users.count(), self.networks.count());
        let least = if self.usual.days() < DAYS_MIN {
            USERS_UNKNOWN_MIN
        } else {
            USERS_MIN.max(self.usual.bound())
        };
        if users < least || networks < NETWORKS_MIN {
            return None;
        }
        let fresh = self.told.say(keep::whole(users), 1)?;
        let whole = |number: f64| u32::try_from(keep::whole(number)).unwrap_or(u32::MAX);
        Some(Alarm {
            users: whole(users),
            networks: whole(networks),
            tries: self.tries,
            baseline: self.usual.mean(),
            first: self.first,
            fresh,
            evidence: self.evidence.clone(),
        })
    }

    /// Closes the days that ended.
    fn close(&mut self, at: Timestamp) {
        let day = day_of(at);
        // What is late counts for the day that goes on; a clock that was far ahead was wrong.
        if (self.today.saturating_sub(LATE_DAYS_MAX)..=self.today).contains(&day) {
            return;
        }
        if self.tries > 0 && day > self.today {
            let told = self.told != Told::default();
            let empty = day.saturating_sub(self.today).saturating_sub(1);
            let users = u32::try_from(keep::whole(self.users.count())).unwrap_or(u32::MAX);
            self.usual.learn(users, told, empty);
        }
        *self = Self { today: day, usual: self.usual, first: at, ..Self::default() };
    }

    pub(super) fn snapshot(&self, writer: &mut Writer) {
        writer.signed(self.today);
        self.users.snapshot(writer);
        self.networks.snapshot(writer);
        writer.number(u64::from(self.tries));
        self.usual.snapshot(writer);
        self.told.snapshot(writer);
        write_time(writer, self.first);
        self.evidence.snapshot(writer);
    }

    pub(super) fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        Ok(Self {
            today: reader.signed()?,
            users: Linear::restore(reader)?,
            networks: Linear::restore(reader)?,
            tries: word(reader)?,
            usual: Usual::restore(reader)?,
            told: Told::restore(reader)?,
            first: read_time(reader)?,
            evidence: Evidence::restore(reader)?,
        })
    }
}
