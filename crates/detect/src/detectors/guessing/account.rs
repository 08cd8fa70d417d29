//! One account: from where its user comes, and who tries the password from elsewhere.

use std::net::IpAddr;

use model::Timestamp;
use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use super::super::shared::{Login, day_of};
use super::day::{Day, Usual, count_quiet, read_moment, slot_of, word, write_moment};
use super::source::Spray;
use super::{SLOTS_A_DAY, SLOTS_MIN};
use crate::keep::{self, Evidence, Told, is_inside, read_time, write_time};

/// How many networks a user may come from; who comes from more is asked again.
const HOMES_MAX: usize = 12;
/// How long a network that is not used stays the user's, in days.
const HOME_DAYS: i64 = 60;
/// How many networks that try an account are told apart.
const TRIED_MAX: usize = 64;
/// How many networks within a day are many.
const NETWORKS_MIN: u32 = 8;
/// How many tries before a log-in are more than somebody needs who mistypes.
const TRIES_MIN: u16 = 5;

/// What is known of one account.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    /// The networks that the user logged in from.
    homes: Vec<Home>,
    guesses: Option<Box<Guesses>>,
}

/// A network that a user comes from.
#[derive(Clone, Copy, Debug)]
struct Home {
    network: u32,
    /// Who owns the network, where people live there: a telephone has another address each hour.
    owner: Option<u64>,
    /// The day of the last time.
    day: i64,
}

/// The tries from networks that the user never came from.
#[derive(Clone, Debug)]
struct Guesses {
    tries: Day,
    from: Vec<Tried>,
    today: i64,
    usual_slots: Usual,
    usual_networks: Usual,
    slow: Told,
    distributed: Told,
    told: Option<Timestamp>,
    first: Timestamp,
    evidence: Evidence,
}

/// The tries from one network.
#[derive(Clone, Copy, Debug, Default)]
struct Tried {
    network: u32,
    /// The slots of the first and the last try.
    first: i64,
    last: i64,
    tries: u16,
    /// The tries within the last slot.
    now: u16,
}

/// What an account's tries come to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Alarm {
    pub(super) kind: &'static str,
    pub(super) observed: u32,
    pub(super) baseline: f64,
    pub(super) networks: u32,
    pub(super) slots: u32,
    pub(super) first: Timestamp,
    pub(super) count: u64,
    pub(super) fresh: u64,
    pub(super) evidence: Evidence,
}

/// What speaks for it that a log-in was guessed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Guessed {
    pub(super) score: f64,
    pub(super) tries: u32,
    pub(super) networks: u32,
    pub(super) first: Timestamp,
    pub(super) evidence: Evidence,
}

impl Account {
    /// Tells whether the user is known to come from the network of an attempt, or from its owner's.
    pub(super) fn is_home(&self, login: &Login<'_>) -> bool {
        let oldest = day_of(login.time()) - HOME_DAYS;
        let mut homes = self.homes.iter().filter(|home| home.day >= oldest);
        if homes.clone().any(|home| home.network == login.network) {
            return true;
        }
        let owner = owner(login);
        owner.is_some() && homes.any(|home| home.owner == owner)
    }

    /// Takes a failure from elsewhere; gives what it amounts to, where that is to be told.
    pub(super) fn fail(&mut self, login: &Login<'_>) -> Option<Alarm> {
        let guesses = self.guesses.get_or_insert_with(|| Box::new(Guesses::new(login.time())));
        guesses.add(login);
        guesses.judge(login.time())
    }

    /// Takes a log-in that worked, from a network that may be spraying; gives what speaks for it that it
    /// was guessed.
    pub(super) fn work(&mut self, login: &Login<'_>, spray: Option<Spray>) -> Option<Guessed> {
        if self.is_home(login) || !login.is_by_password() {
            self.settle(login);
            return None;
        }
        let tries = self.guesses.as_mut();
        let guessed = tries.and_then(|tries| tries.guessed(login.network, login.time()));
        let guessed = guessed.or_else(|| {
            spray.map(|Spray { tries, first, evidence }| Guessed {
                score: 0.85,
                tries,
                networks: 1,
                first,
                evidence,
            })
        });
        // Where the guesser sits is not where the user comes from.
        if guessed.is_none() {
            self.settle(login);
        }
        guessed
    }

    /// Makes a network the user's own.
    fn settle(&mut self, login: &Login<'_>) {
        let (day, network) = (day_of(login.time()), login.network);
        if let Some(home) = self.homes.iter_mut().find(|home| home.network == network) {
            home.day = home.day.max(day);
            return;
        }
        if self.homes.len() >= HOMES_MAX {
            let oldest = self.homes.iter().enumerate().min_by_key(|(_, home)| home.day);
            if let Some(index) = oldest.map(|(index, _)| index) {
                self.homes.swap_remove(index);
            }
        }
        self.homes.push(Home { network, owner: owner(login), day });
        if let Some(guesses) = &mut self.guesses {
            guesses.from.retain(|tried| tried.network != network);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let guesses = self.guesses.as_ref().map_or(0, |guesses| {
            size_of::<Guesses>()
                + guesses.from.capacity() * size_of::<Tried>()
                + keep::EVIDENCE_MAX * 8
        });
        size_of::<Self>() + self.homes.capacity() * size_of::<Home>() + guesses
    }

    pub(super) fn snapshot(&self, writer: &mut Writer) {
        writer.length(self.homes.len());
        for home in &self.homes {
            writer.number(u64::from(home.network));
            writer.flag(home.owner.is_some());
            writer.whole(home.owner.unwrap_or_default());
            writer.signed(home.day);
        }
        writer.flag(self.guesses.is_some());
        if let Some(guesses) = &self.guesses {
            guesses.snapshot(writer);
        }
    }

    pub(super) fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        let length = reader.length()?;
        if length > HOMES_MAX {
            return Err(SnapshotError::TooLarge);
        }
        let homes = (0..length).map(|_| {
            let network = word(reader)?;
            let (is_known, owner) = (reader.flag()?, reader.whole()?);
            Ok(Home { network, owner: is_known.then_some(owner), day: reader.signed()? })
        });
        let homes = homes.collect::<Read<_>>()?;
        let guesses = if reader.flag()? { Some(Box::new(Guesses::restore(reader)?)) } else { None };
        Ok(Self { homes, guesses })
    }
}

impl Guesses {
    fn new(at: Timestamp) -> Self {
        Self {
            tries: Day::new(at),
            from: Vec::new(),
            today: day_of(at),
            usual_slots: Usual::default(),
            usual_networks: Usual::default(),
            slow: Told::default(),
            distributed: Told::default(),
            told: None,
            first: at,
            evidence: Evidence::default(),
        }
    }

    /// Closes the days that ended.
    fn close(&mut self, at: Timestamp) {
        let day = day_of(at);
        if day <= self.today {
            return;
        }
        let told = self.told.is_some_and(|told| day_of(told) >= self.today);
        let empty = day.saturating_sub(self.today).saturating_sub(1);
        let (slots, networks) = (self.tries.sum().0, self.networks());
        self.usual_slots.learn(slots, told, empty);
        self.usual_networks.learn(networks, told, empty);
        self.today = day;
        if self.told.is_none_or(|told| at.since(told).as_secs() >= 86_400) {
            self.slow.clear();
            self.distributed.clear();
            self.evidence.clear();
            self.first = at;
        }
    }

    /// Gives how many networks tried within the last day.
    fn networks(&self) -> u32 {
        let oldest = self.tries.slot().saturating_sub(SLOTS_A_DAY);
        let within = self.from.iter().filter(|tried| tried.last > oldest).count();
        u32::try_from(within).unwrap_or(u32::MAX)
    }

    fn add(&mut self, login: &Login<'_>) {
        let at = login.time();
        self.close(at);
        self.tries.advance(at);
        let slot = slot_of(at);
        let index = match self.from.iter().position(|tried| tried.network == login.network) {
            Some(index) => index,
            None if self.from.len() < TRIED_MAX => {
                self.from.push(Tried { network: login.network, first: slot, ..Tried::default() });
                self.from.len() - 1
            }
            None => {
                let oldest = self.from.iter().enumerate().min_by_key(|(_, tried)| tried.last);
                let index = oldest.map_or(0, |(index, _)| index);
                if let Some(tried) = self.from.get_mut(index) {
                    *tried = Tried { network: login.network, first: slot, ..Tried::default() };
                }
                index
            }
        };
        let Some(tried) = self.from.get_mut(index) else { return };
        if slot.saturating_sub(tried.last) >= SLOTS_A_DAY {
            (tried.first, tried.tries) = (slot, 0);
        }
        // What is late counts for the last slot.
        if tried.last < slot {
            (tried.last, tried.now) = (slot, 0);
        }
        let times = u16::try_from(login.event.repeat()).unwrap_or(u16::MAX).max(1);
        let before = tried.now;
        tried.tries = tried.tries.saturating_add(times);
        tried.now = tried.now.saturating_add(times);
        count_quiet(&mut self.tries, before, tried.now);
        self.evidence.push(login.id());
    }

    /// Gives what the tries of the last day amount to, where that is to be told.
    fn judge(&mut self, at: Timestamp) -> Option<Alarm> {
        let (networks, (slots, tries)) = (self.networks(), self.tries.sum());
        let alarm = |kind, observed, baseline: Usual, fresh: u64| Alarm {
            kind,
            observed,
            baseline: baseline.mean(),
            networks,
            slots,
            first: self.first,
            count: u64::from(tries.max(observed)),
            fresh,
            evidence: self.evidence.clone(),
        };
        if f64::from(networks) >= self.usual_networks.bound()
            && let Some(fresh) = self.distributed.say(u64::from(networks), u64::from(NETWORKS_MIN))
        {
            self.told = Some(at);
            return Some(alarm("distributed", networks, self.usual_networks, fresh));
        }
        // What one network does is the source's to tell.
        let often = networks >= 2 && f64::from(slots) >= self.usual_slots.bound();
        let fresh =
            if often { self.slow.say(u64::from(slots), u64::from(SLOTS_MIN)) } else { None };
        let fresh = fresh?;
        let told_already = self.told.is_some_and(|told| at.since(told).as_secs() < 86_400);
        self.told = Some(at);
        (!told_already).then(|| alarm("slow_account", slots, self.usual_slots, fresh))
    }

    /// Gives what speaks for it that a log-in from a network was guessed.
    fn guessed(&mut self, network: u32, at: Timestamp) -> Option<Guessed> {
        self.close(at);
        self.tries.advance(at);
        let now = self.tries.slot();
        let tried = self.from.iter().find(|tried| tried.network == network);
        let tried = tried.filter(|tried| now.saturating_sub(tried.last) < SLOTS_A_DAY);
        // Five within ten minutes and then a log-in is what the rules of each service count.
        let patient = tried.is_some_and(|tried| {
            let quick = tried.now >= TRIES_MIN && now.saturating_sub(tried.last) <= 1;
            tried.tries >= TRIES_MIN && tried.last > tried.first && !quick
        });
        // A siege that goes on is not told of each day.
        let besieged = self.networks() >= NETWORKS_MIN
            || self.told.is_some_and(|told| at.since(told).as_secs() < 86_400);
        let score = match (tried.is_some(), patient, besieged) {
            (true, _, true) => 0.95,
            (true, true, false) => 0.9,
            (false, _, true) => 0.7,
            _ => return None,
        };
        Some(Guessed {
            score,
            tries: tried.map_or(self.tries.sum().1, |tried| u32::from(tried.tries)),
            networks: self.networks(),
            first: self.first,
            evidence: self.evidence.clone(),
        })
    }

    fn snapshot(&self, writer: &mut Writer) {
        self.tries.snapshot(writer);
        writer.length(self.from.len());
        for tried in &self.from {
            writer.number(u64::from(tried.network));
            writer.signed(tried.first);
            writer.signed(tried.last);
            writer.number(u64::from(tried.tries));
            writer.number(u64::from(tried.now));
        }
        writer.signed(self.today);
        self.usual_slots.snapshot(writer);
        self.usual_networks.snapshot(writer);
        self.slow.snapshot(writer);
        self.distributed.snapshot(writer);
        write_moment(writer, self.told);
        write_time(writer, self.first);
        self.evidence.snapshot(writer);
    }

    fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        let tries = Day::restore(reader)?;
        let length = reader.length()?;
        if length > TRIED_MAX {
            return Err(SnapshotError::TooLarge);
        }
        let from = (0..length).map(|_| {
            Ok(Tried {
                network: word(reader)?,
                first: reader.signed()?,
                last: reader.signed()?,
                tries: word(reader)?,
                now: word(reader)?,
            })
        });
        Ok(Self {
            tries,
            from: from.collect::<Read<_>>()?,
            today: reader.signed()?,
            usual_slots: Usual::restore(reader)?,
            usual_networks: Usual::restore(reader)?,
            slow: Told::restore(reader)?,
            distributed: Told::restore(reader)?,
            told: read_moment(reader)?,
            first: read_time(reader)?,
            evidence: Evidence::restore(reader)?,
        })
    }
}

/// Gives the owner of a network that people live in.
fn owner(login: &Login<'_>) -> Option<u64> {
    let people = !is_inside(login.source) && !login.is_hosted();
    people.then(|| login.owner())
}

/// Gives an address as the number by which it is told apart within its network.
pub(super) fn short(address: IpAddr) -> u32 {
    keep::mix(keep::address_key(address))
}
