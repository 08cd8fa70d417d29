//! Log-ins that work from where, or with what, the user never was: moves that nobody can make, and
//! countries, networks and devices that are new.
//!
//! A move is judged by the distance of two places along the earth, less how wrong each may be, and the time
//! between. Networks of machines, where tunnels end, say nothing of where a person is; neither does one
//! that several users share, nor one that the user has come from on another day.
//!
//! What is new for a user weighs the more the longer the user is known (a fortnight at least) and the fewer
//! others have it; what several others have is not new for the company. Each new thing adds to the score;
//! a device that is known takes from it: a traveller has the telephone along.

mod habits;
mod peers;
mod place;

use model::{Event, EventId, Field};
use sigma::SnapshotError;
use sigma::codec::{Reader, Writer};

use self::habits::{Keys, Person, Seen};
use self::peers::{PERIOD_DAYS, Peers};
use self::place::{Hosts, Move, Place};
use super::shared::{DAY_SECONDS, Login, day_of, shown};
use super::{Detector, Finding, Kinds, Watcher};
use crate::keep::{self, Table};

/// The detector's row.
pub(super) const DETECTOR: Detector = Detector {
    id: "whereabouts",
    version: 1,
    summary: "a user who logs in from where, or with what, this user never was",
    wants: Kinds::LOGIN,
    live_only: false,
    make: || Box::new(Whereabouts::default()),
};

/// How many users are kept.
const PEOPLE_MAX: usize = 50_000;
/// What so many users have, and so many of a thousand, is not new for the company.
const SHARED_MIN: u32 = 3;
const SHARED_PER_MILLE: u32 = 2;
/// How much a new thing says by itself, 0 to 1, where nobody else has it.
const COUNTRY_WEIGHT: f64 = 0.7;
const NETWORK_WEIGHT: f64 = 0.4;
const DEVICE_WEIGHT: f64 = 0.5;
/// How much a new network says where nothing is known of the device.
const NETWORK_WEIGHT_ALONE: f64 = 0.62;
/// How much of a score is left where the device is the user's.
const KNOWN_DEVICE: f64 = 0.85;

#[derive(Debug)]
struct Whereabouts {
    people: Table<u64, Person>,
    peers: Peers,
    /// Only spares work, and is not kept.
    hosts: Hosts,
}

impl Default for Whereabouts {
    fn default() -> Self {
        Self { people: Table::new(PEOPLE_MAX), peers: Peers::default(), hosts: Hosts::default() }
    }
}

impl Watcher for Whereabouts {
    fn observe(&mut self, event: &Event, found: &mut Vec<Finding>) {
        let Some(login) = Login::of(event).filter(|login| login.worked) else { return };
        let Self { people, peers, hosts } = self;
        let Some(place) = Place::of(&login, hosts) else { return };
        let day = day_of(login.time());
        let period = day.div_euclid(PERIOD_DAYS);
        let person = people.entry(login.user, || Person::new(day));
        person.advance(day);
        let keys = Keys::of(&place);
        let view = View { login: &login, place: &place, keys, period };
        // When it was is not known of an event whose time was held.
        let held = event.get(Field::ClaimedTime).is_some();
        let travel = if held { None } else { view.travel(person, peers) };
        let (finding, moved) = match travel {
            Some(finding) => (Some(finding), true),
            None => (view.news(person, peers), false),
        };
        let told = finding.is_some();
        for key in keys.each() {
            let new = !person.has(key);
            person.take(key, told && new);
        }
        if person.counts() && person.count(period, |key| peers.add(key, period)) {
            peers.add_person(period);
        }
        // Where a thief is, or a tunnel ends, says nothing of where the user will be next.
        if !moved
            && !held
            && let Some(point) = place.point.filter(|_| !place.hosting)
        {
            let shared = view.is_shared(keys.network, peers);
            let country = keys.country.unwrap_or_default();
            person.stay(Seen { point, at: login.time(), event: login.id(), country, shared });
        }
        found.extend(finding);
    }

    fn snapshot(&self, writer: &mut Writer) {
        self.peers.snapshot(writer);
        self.people.snapshot(writer, |writer, user, person| {
            writer.whole(*user);
            person.snapshot(writer);
        });
    }

    fn restore(&mut self, reader: &mut Reader<'_>) -> Result<(), SnapshotError> {
        self.peers = Peers::restore(reader)?;
        self.people.restore(reader, |reader| Ok((reader.whole()?, Person::restore(reader)?)))
    }

    fn bytes(&self) -> usize {
        let people: usize = self.people.values().map(|person| person.bytes() + 24).sum();
        people + self.peers.bytes()
    }

    fn forgotten(&self) -> u64 {
        self.people.forgotten() + self.peers.forgotten()
    }
}

/// One log-in that worked, to be judged.
struct View<'v, 'e> {
    login: &'v Login<'e>,
    place: &'v Place<'e>,
    keys: Keys,
    period: i64,
}

impl View<'_, '_> {
    fn is_shared(&self, key: u64, peers: &mut Peers) -> bool {
        let (have, people) = peers.of(key, self.period);
        have >= SHARED_MIN
            && u64::from(have) * 1_000 >= u64::from(people) * u64::from(SHARED_PER_MILLE)
    }

    /// Gives how rare a thing that the user does not have is among the others, 0 to 1.
    fn rarity(&self, key: u64, peers: &mut Peers) -> f64 {
        if self.is_shared(key, peers) {
            return 0.0;
        }
        let (have, people) = peers.of(key, self.period);
        (1.0 - f64::from(have).ln_1p() / (f64::from(people) + 2.0).ln()).clamp(0.0, 1.0)
    }

    /// Gives the move that nobody could have made.
    fn travel(&self, person: &Person, peers: &mut Peers) -> Option<Finding> {
        let point = self.place.point?;
        let (travel, last) = person.impossible((point, self.login.time()))?;
        let used_to = |key: u64| person.is_used_to(key);
        let usual = used_to(self.keys.owner) && self.keys.country.is_none_or(used_to);
        // One country's networks are known to lie where their owner has an office.
        let near = self.keys.country.is_some_and(|country| country == last.country);
        let exit = self.place.hosting || self.is_shared(self.keys.network, peers);
        if usual || exit || (near && self.is_shared(self.keys.owner, peers)) {
            return None;
        }
        // Told once of each network.
        if person.has(self.keys.network) && !used_to(self.keys.network) {
            return None;
        }
        Some(self.of_travel(&travel, &last))
    }

    fn of_travel(&self, travel: &Move, last: &Seen) -> Finding {
        let seconds = keep::whole(travel.seconds);
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        let text = format!(
            "{} logged in from {}{} {} after a log-in at least {:.0} km away: {:.0} km an hour, where nobody travels faster than 900",
            shown(self.login.name),
            self.login.source,
            self.located(),
            keep::span(seconds),
            travel.distance_km,
            travel.speed_kmh,
        );
        Finding {
            kind: "impossible_travel",
            score: 1.0 - 450.0 / travel.speed_kmh.max(900.0),
            observed: travel.speed_kmh,
            baseline: 900.0,
            window_seconds: seconds,
            first: last.at.min(self.login.time()),
            events: vec![last.event, self.login.id()],
            count: 2,
            fresh: 2,
            ..self.finding(text)
        }
    }

    /// Gives what is new for the user.
    fn news(&self, person: &Person, peers: &mut Peers) -> Option<Finding> {
        let judged = [self.keys.country, Some(self.keys.owner), self.keys.device];
        if !person.is_known() || judged.iter().flatten().all(|key| person.has(*key)) {
            return None;
        }
        let mut rarity = |key: Option<u64>| {
            let new = key.filter(|key| !person.has(*key));
            new.map_or(0.0, |key| self.rarity(key, peers))
        };
        let [country, owner, device] =
            [rarity(self.keys.country), rarity(Some(self.keys.owner)), rarity(self.keys.device)];
        let kind = match (country > 0.0, owner > 0.0, device > 0.0) {
            (true, _, _) => "new_country",
            (false, true, true) => "new_network_and_device",
            (false, true, false) => "new_network",
            // Alone it is a new telephone, as a rule.
            (false, false, _) => return None,
        };
        let sure = person.sureness().min(1.0);
        let alone = self.keys.device.is_none() && country == 0.0;
        let network = if alone { NETWORK_WEIGHT_ALONE } else { NETWORK_WEIGHT };
        let weights = [(country, COUNTRY_WEIGHT), (owner, network), (device, DEVICE_WEIGHT)];
        let doubt: f64 =
            weights.iter().map(|(rarity, weight)| 1.0 - weight * rarity * sure).product();
        let known = self.keys.device.is_some_and(|device| person.is_used_to(device));
        let score = (1.0 - doubt) * if known { KNOWN_DEVICE } else { 1.0 };
        // -log of how likely the user is to have it, and -log of how likely any other is.
        let own = (f64::from(person.active_days()) + 2.0).ln();
        let surprise = [country, owner, device].iter().filter(|rarity| **rarity > 0.0).count();
        let mut others = 0.0;
        for (key, rarity) in [
            (self.keys.country, country),
            (Some(self.keys.owner), owner),
            (self.keys.device, device),
        ] {
            if let Some(key) = key.filter(|_| rarity > 0.0) {
                let (have, people) = peers.of(key, self.period);
                others += ((f64::from(people) + 1.0) / (f64::from(have) + 1.0)).ln();
            }
        }
        let observed = own * keep::number(u64::try_from(surprise).unwrap_or_default()) + others;
        Some(Finding { kind, score, observed, ..self.finding(self.told_new(kind, person)) })
    }

    fn told_new(&self, kind: &str, person: &Person) -> String {
        let what = match kind {
            "new_country" => "from a country",
            "new_network_and_device" => "from a network and with a device",
            _ => "from a network",
        };
        let device = self.place.device_name.map(|name| format!(" with {}", shown(name)));
        format!(
            "{} logged in {what} new after {} days of log-ins, and rare among others: {}{}{}",
            shown(self.login.name),
            person.active_days(),
            self.login.source,
            self.located(),
            device.unwrap_or_default(),
        )
    }

    /// Gives the place in brackets, as far as it is known.
    fn located(&self) -> String {
        let parts = [self.place.city, self.place.country, self.place.owner_name];
        let parts: Vec<String> = parts.into_iter().flatten().map(shown).collect();
        if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
    }

    fn finding(&self, text: String) -> Finding {
        let days = PERIOD_DAYS * DAY_SECONDS;
        let events: Vec<EventId> = vec![self.login.id()];
        Finding {
            source: Some(self.login.source),
            user: Some(self.login.name.to_owned()),
            of_user: true,
            host: self.login.event.text(Field::HostName).map(str::to_owned),
            window_seconds: days,
            text,
            first: self.login.time(),
            count: 1,
            fresh: 1,
            events,
            ..Finding::default()
        }
    }
}

#[cfg(test)]
mod tests;
