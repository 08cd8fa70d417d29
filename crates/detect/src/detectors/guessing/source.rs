//! One network that tries passwords of people who never came from there.

use model::Timestamp;
use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use super::super::shared::{Login, day_of};
use super::account::short;
use super::day::{Day, Usual, count_quiet, read_moment, slot_of, word, write_moment};
use super::{SLOTS_A_DAY, SLOTS_MIN};
use crate::keep::{self, Evidence, Told, read_time, write_time};

/// How many users that a network tries are told apart.
const USERS_MAX: usize = 64;
/// How many addresses of a network are told apart within a slot.
const ADDRESSES_MAX: usize = 32;
/// How many users within a day are a list of names.
const SPRAYED_MIN: u32 = 10;
/// How many tries a user of a spray has within a day at most; whoever has more is no part of it, and hides none.
const TRIES_A_USER_MAX: u16 = 5;
/// So many new users of one address within a slot are told by the rules.
const QUICK_USERS_MIN: usize = 8;
/// So many tries within a day count as patience, once they are spread over a few slots or addresses.
const TRIES_MIN: u32 = 60;
const TRIES_SLOTS_MIN: u32 = 4;
const SCATTERED_MIN: usize = 5;

/// What is known of one network.
#[derive(Clone, Debug)]
pub(super) struct Source {
    tries: Day,
    users: Vec<Tried>,
    /// The addresses that tried within the newest slot, and how often.
    busy: Vec<(u32, u16)>,
    today: i64,
    usual: Usual,
    slow: Told,
    spray: Told,
    told: Option<Timestamp>,
    /// When a failure was last part of a spray that was told of.
    sprays: Option<Timestamp>,
    first: Timestamp,
    evidence: Evidence,
}

/// A spray that was told of and goes on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spray {
    /// The tries of the last day.
    pub(super) tries: u32,
    pub(super) first: Timestamp,
    pub(super) evidence: Evidence,
}

/// The tries of one user's password.
#[derive(Clone, Copy, Debug, Default)]
struct Tried {
    user: u64,
    address: u32,
    first: i64,
    last: i64,
    tries: u16,
    /// Whether nobody says that there is no such user.
    named: bool,
    /// Whether this and many others were tried at once.
    quick: bool,
}

/// What a network's tries come to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Alarm {
    pub(super) kind: &'static str,
    pub(super) observed: u32,
    pub(super) baseline: f64,
    pub(super) users: u32,
    pub(super) named: u32,
    pub(super) slots: u32,
    pub(super) first: Timestamp,
    pub(super) count: u64,
    pub(super) fresh: u64,
    pub(super) evidence: Evidence,
}

impl Source {
    pub(super) fn new(at: Timestamp) -> Self {
        Self {
            tries: Day::new(at),
            users: Vec::new(),
            busy: Vec::new(),
            today: day_of(at),
            usual: Usual::default(),
            slow: Told::default(),
            spray: Told::default(),
            told: None,
            sprays: None,
            first: at,
            evidence: Evidence::default(),
        }
    }

    /// Takes a failure; gives what it amounts to, where that is to be told.
    pub(super) fn fail(&mut self, login: &Login<'_>, named: bool) -> Option<Alarm> {
        let at = login.time();
        self.close(at);
        if self.tries.advance(at) {
            self.busy.clear();
        }
        let address = short(login.source);
        let times = u16::try_from(login.event.repeat()).unwrap_or(u16::MAX).max(1);
        self.count(address, times);
        if let Some(tried) = self.tried(login, address, named) {
            tried.tries = tried.tries.saturating_add(times);
        }
        self.evidence.push(login.id());
        self.judge(at)
    }

    /// Gives the spray that was told of and goes on: whoever is let in from here is its catch, at the
    /// first try too.
    pub(super) fn spray(&self, at: Timestamp) -> Option<Spray> {
        self.sprays.filter(|last| at.since(*last).as_secs() < 86_400)?;
        let (_, _, tries) = self.sprayed();
        Some(Spray { tries, first: self.first, evidence: self.evidence.clone() })
    }

    /// Forgets a user's failures: it was the user, who remembered the password.
    pub(super) fn work(&mut self, login: &Login<'_>) {
        self.users.retain(|tried| tried.user != login.user);
    }

    /// Counts tries of one address, as long as they are few within the slot.
    fn count(&mut self, address: u32, times: u16) {
        let index = self.busy.iter().position(|(one, _)| *one == address);
        let index = index.or_else(|| {
            // More addresses than are told apart share the last place.
            if self.busy.len() < ADDRESSES_MAX {
                self.busy.push((address, 0));
            }
            self.busy.len().checked_sub(1)
        });
        let Some((_, tries)) = index.and_then(|index| self.busy.get_mut(index)) else { return };
        let before = *tries;
        *tries = tries.saturating_add(times);
        count_quiet(&mut self.tries, before, *tries);
    }

    /// Gives what is known of the user's tries from here.
    fn tried(&mut self, login: &Login<'_>, address: u32, named: bool) -> Option<&mut Tried> {
        let slot = slot_of(login.time());
        let known = self.users.iter().position(|tried| tried.user == login.user);
        if let Some(index) = known.filter(|index| {
            self.users
                .get(*index)
                .is_some_and(|tried| slot.saturating_sub(tried.last) < SLOTS_A_DAY)
        }) {
            let tried = self.users.get_mut(index)?;
            tried.last = tried.last.max(slot);
            return Some(tried);
        }
        let index = known.unwrap_or_else(|| self.place());
        let new =
            Tried { user: login.user, address, first: slot, last: slot, named, ..Tried::default() };
        if let Some(tried) = self.users.get_mut(index) {
            *tried = new;
        }
        let together = |tried: &&mut Tried| tried.address == address && tried.first == slot;
        let at_once = self.users.iter_mut().filter(together).count() >= QUICK_USERS_MIN;
        if at_once {
            self.users.iter_mut().filter(together).for_each(|tried| tried.quick = true);
        }
        self.users.get_mut(index)
    }

    /// Gives a place for another user: a new one, or that of the user who was tried longest ago.
    fn place(&mut self) -> usize {
        if self.users.len() < USERS_MAX {
            self.users.push(Tried::default());
            return self.users.len() - 1;
        }
        let oldest = self.users.iter().enumerate().min_by_key(|(_, tried)| tried.last);
        oldest.map_or(0, |(index, _)| index)
    }

    fn close(&mut self, at: Timestamp) {
        let day = day_of(at);
        if day <= self.today {
            return;
        }
        let told = self.told.is_some_and(|told| day_of(told) >= self.today);
        self.usual.learn(
            self.tries.sum().0,
            told,
            day.saturating_sub(self.today).saturating_sub(1),
        );
        self.today = day;
        if self.told.is_none_or(|told| at.since(told).as_secs() >= 86_400) {
            self.slow.clear();
            self.spray.clear();
            self.sprays = None;
            self.evidence.clear();
            self.first = at;
        }
    }

    /// Gives how many users had few tries within the last day, how many of them there may be, and the tries.
    fn sprayed(&self) -> (u32, u32, u32) {
        let oldest = self.tries.slot().saturating_sub(SLOTS_A_DAY);
        let few =
            |tried: &&Tried| tried.last > oldest && !tried.quick && tried.tries <= TRIES_A_USER_MAX;
        self.users.iter().filter(few).fold((0, 0, 0), |(users, named, all), tried| {
            (users + 1, named + u32::from(tried.named), all + u32::from(tried.tries))
        })
    }

    fn judge(&mut self, at: Timestamp) -> Option<Alarm> {
        if let Some(last) = &mut self.sprays {
            *last = at.max(*last);
        }
        let (slots, tries) = self.tries.sum();
        let (users, named, _) = self.sprayed();
        let alarm = |kind, observed, baseline, fresh| Alarm {
            kind,
            observed,
            baseline,
            users,
            named,
            slots,
            first: self.first,
            count: u64::from(tries.max(observed)),
            fresh,
            evidence: self.evidence.clone(),
        };
        if let Some(fresh) = self.spray.say(u64::from(users), u64::from(SPRAYED_MIN)) {
            self.told = Some(at);
            self.sprays = Some(at);
            return Some(alarm("spray", users, f64::from(SPRAYED_MIN), fresh));
        }
        let scattered = slots >= TRIES_SLOTS_MIN || self.busy.len() >= SCATTERED_MIN;
        let patient = slots >= SLOTS_MIN || (tries >= TRIES_MIN && scattered);
        if !patient || f64::from(slots) < self.usual.bound() {
            return None;
        }
        let fresh = self.slow.say(u64::from(slots), 1)?;
        let told_already = self.told.is_some_and(|told| at.since(told).as_secs() < 86_400);
        self.told = Some(at);
        (!told_already).then(|| alarm("slow", slots, self.usual.mean(), fresh))
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.users.capacity() * size_of::<Tried>()
            + self.busy.capacity() * 8
            + keep::EVIDENCE_MAX * 8
    }

    pub(super) fn snapshot(&self, writer: &mut Writer) {
        self.tries.snapshot(writer);
        writer.length(self.users.len());
        for tried in &self.users {
            writer.whole(tried.user);
            writer.number(u64::from(tried.address));
            writer.signed(tried.first);
            writer.signed(tried.last);
            writer.number(u64::from(tried.tries));
            writer.flag(tried.named);
            writer.flag(tried.quick);
        }
        writer.length(self.busy.len());
        for (address, tries) in &self.busy {
            writer.number(u64::from(*address));
            writer.number(u64::from(*tries));
        }
        writer.signed(self.today);
        self.usual.snapshot(writer);
        self.slow.snapshot(writer);
        self.spray.snapshot(writer);
        write_moment(writer, self.told);
        write_moment(writer, self.sprays);
        write_time(writer, self.first);
        self.evidence.snapshot(writer);
    }

    pub(super) fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        let tries = Day::restore(reader)?;
        let length = reader.length()?;
        if length > USERS_MAX {
            return Err(SnapshotError::TooLarge);
        }
        let users = (0..length).map(|_| {
            Ok(Tried {
                user: reader.whole()?,
                address: word(reader)?,
                first: reader.signed()?,
                last: reader.signed()?,
                tries: word(reader)?,
                named: reader.flag()?,
                quick: reader.flag()?,
            })
        });
        let users = users.collect::<Read<_>>()?;
        let length = reader.length()?;
        if length > ADDRESSES_MAX {
            return Err(SnapshotError::TooLarge);
        }
        let busy = (0..length).map(|_| Ok((word(reader)?, word(reader)?)));
        Ok(Self {
            tries,
            users,
            busy: busy.collect::<Read<_>>()?,
            today: reader.signed()?,
            usual: Usual::restore(reader)?,
            slow: Told::restore(reader)?,
            spray: Told::restore(reader)?,
            told: read_moment(reader)?,
            sprays: read_moment(reader)?,
            first: read_time(reader)?,
            evidence: Evidence::restore(reader)?,
        })
    }
}
