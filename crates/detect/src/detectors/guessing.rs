//! Passwords that are guessed patiently: slowly, from many networks, or one for each of many users, over
//! hours; and the log-in that follows.
//!
//! What one address does within ten minutes is counted by the rules of each service. Here is what they
//! cannot say. A failure counts only from a network that the user has not come from before, and not
//! from the same provider, so that neither a mistyped password nor a telephone that keeps an old one is a guess. Tries are counted by
//! slots of ten minutes of the last day (a burst is one slot), per account and per network (24 bits of an
//! address of IPv4, 48 of IPv6, one machine of the own), and compared with what the days before had: mean
//! and four deviations, which forget half in a fortnight. A day that was told of is not learned from,
//! unless the next is alike: then it is how things are. Where each of very many networks tries but a few accounts,
//! neither stands out; then the whole house is counted: how many of its users were tried from elsewhere within a day.

mod account;
mod day;
mod house;
mod source;

use model::Event;
use sigma::SnapshotError;
use sigma::codec::{Reader, Writer};

use self::account::{Account, Guessed};
use self::house::House;
use self::source::Source;
use super::shared::{Login, shown};
use super::{Detector, Finding, Kinds, Watcher};
use crate::keep::Table;

/// The detector's row.
pub(super) const DETECTOR: Detector = Detector {
    id: "guessing",
    version: 2,
    summary: "passwords guessed slowly, from many networks or of many users, and the log-in after it",
    wants: Kinds::LOGIN,
    live_only: false,
    make: || Box::new(Guessing::default()),
};

/// How many accounts are kept that somebody logged in to.
const ACCOUNTS_MAX: usize = 50_000;
/// How many are kept that nobody did: names that an attacker makes up push out no other.
const STRANGERS_MAX: usize = 10_000;
/// How many networks are kept.
const SOURCES_MAX: usize = 50_000;
/// A day, in slots.
const SLOTS_A_DAY: i64 = 86_400 / day::SLOT_SECONDS;
/// In so many slots of a day only somebody tries who is patient.
const SLOTS_MIN: u32 = 15;
/// So many tries within a slot are loud, and told by rules.
const LOUD_MIN: u16 = 50;
const WINDOW_SECONDS: i64 = 86_400;

#[derive(Debug)]
struct Guessing {
    accounts: Table<u64, Account>,
    strangers: Table<u64, Account>,
    sources: Table<u32, Source>,
    /// All accounts together: real attempts, and those of sample traffic.
    houses: [House; 2],
}

impl Default for Guessing {
    fn default() -> Self {
        Self {
            accounts: Table::new(ACCOUNTS_MAX),
            strangers: Table::new(STRANGERS_MAX),
            sources: Table::new(SOURCES_MAX),
            houses: [House::default(), House::default()],
        }
    }
}

impl Watcher for Guessing {
    fn observe(&mut self, event: &Event, found: &mut Vec<Finding>) {
        let Some(login) = Login::of(event) else { return };
        if login.worked { self.work(&login, found) } else { self.fail(&login, found) }
    }

    fn snapshot(&self, writer: &mut Writer) {
        for accounts in [&self.accounts, &self.strangers] {
            accounts.snapshot(writer, |writer, key, account| {
                writer.whole(*key);
                account.snapshot(writer);
            });
        }
        self.sources.snapshot(writer, |writer, key, source| {
            writer.number(u64::from(*key));
            source.snapshot(writer);
        });
        self.houses.iter().for_each(|house| house.snapshot(writer));
    }

    fn restore(&mut self, reader: &mut Reader<'_>) -> Result<(), SnapshotError> {
        for accounts in [&mut self.accounts, &mut self.strangers] {
            accounts.restore(reader, |reader| Ok((reader.whole()?, Account::restore(reader)?)))?;
        }
        self.sources
            .restore(reader, |reader| Ok((day::word(reader)?, Source::restore(reader)?)))?;
        self.houses = [House::restore(reader)?, House::restore(reader)?];
        Ok(())
    }

    fn bytes(&self) -> usize {
        let accounts = self.accounts.values().chain(self.strangers.values());
        let accounts: usize = accounts.map(|account| account.bytes() + 24).sum();
        accounts + self.sources.values().map(|source| source.bytes() + 24).sum::<usize>()
    }

    fn forgotten(&self) -> u64 {
        self.accounts.forgotten() + self.strangers.forgotten() + self.sources.forgotten()
    }
}

impl Guessing {
    fn work(&mut self, login: &Login<'_>, found: &mut Vec<Finding>) {
        let Self { accounts, strangers, sources, .. } = self;
        // The usual log-in ends here.
        let known = accounts.known(login.user);
        let home = known.as_ref().is_some_and(|account| account.is_home(login));
        let account = if let Some(account) = known {
            account
        } else {
            let begun = strangers.take(&login.user);
            accounts.entry(login.user, || begun.unwrap_or_default())
        };
        let mut source = if home { None } else { sources.known(login.network) };
        let spray = source.as_ref().and_then(|source| source.spray(login.time()));
        match account.work(login, spray) {
            Some(guessed) => found.push(of_guessed(login, &guessed)),
            None => source.iter_mut().for_each(|source| source.work(login)),
        }
    }

    fn fail(&mut self, login: &Login<'_>, found: &mut Vec<Finding>) {
        let Self { accounts, strangers, sources, houses } = self;
        let nobody = login.is_of_nobody();
        let known = accounts.known(login.user);
        if known.as_ref().is_some_and(|account| account.is_home(login)) {
            return;
        }
        let used = known.is_some();
        let of_account = match known {
            Some(account) => account.fail(login),
            None if nobody => None,
            None => strangers.entry(login.user, Account::default).fail(login),
        };
        let source = sources.entry(login.network, || Source::new(login.time()));
        if let Some(alarm) = source.fail(login, !nobody) {
            found.push(of_source(login, &alarm));
        }
        if let Some(alarm) = of_account {
            found.push(of_tries(login, &alarm, used));
        }
        // Of the whole house only those count who are somebody: names are easily made up.
        let [real, played] = houses;
        let house = if login.is_played() { played } else { real };
        if used && let Some(alarm) = house.fail(login) {
            found.push(of_house(login, &alarm));
        }
    }
}

fn of_source(login: &Login<'_>, alarm: &source::Alarm) -> Finding {
    let (users, slots) = (alarm.users, alarm.slots);
    let (text, score) = if alarm.kind == "spray" {
        let text = format!(
            "{} and its network failed to log in as {users} users within a day, none of whom has come from there, a few times each; last as {}",
            login.source,
            shown(login.name),
        );
        (text, if alarm.named * 2 >= users { 0.9 } else { 0.6 })
    } else {
        let text = format!(
            "{} and its network failed to log in within {slots} of the day's 144 stretches of ten minutes, where {:.0} are usual; last as {}",
            login.source,
            alarm.baseline,
            shown(login.name),
        );
        (text, if alarm.named > 0 { 0.8 } else { 0.5 })
    };
    Finding {
        kind: alarm.kind,
        source: Some(login.source),
        user: Some(login.name.to_owned()),
        score,
        observed: f64::from(alarm.observed),
        baseline: alarm.baseline,
        window_seconds: WINDOW_SECONDS,
        text,
        first: alarm.first,
        count: alarm.count,
        fresh: alarm.fresh,
        events: alarm.evidence.events(),
        ..Finding::default()
    }
}

fn of_house(login: &Login<'_>, alarm: &house::Alarm) -> Finding {
    let text = format!(
        "{} users were tried within a day from {} networks that none of them has come from, {} times in all, so seldom from each \
         that no network stands out; {:.0} users a day are usual; last {} from {}",
        alarm.users,
        alarm.networks,
        alarm.tries,
        alarm.baseline,
        shown(login.name),
        login.source,
    );
    Finding {
        kind: "scattered",
        host: login.event.text(model::Field::HostName).map(str::to_owned),
        score: 0.9,
        observed: f64::from(alarm.users),
        baseline: alarm.baseline,
        window_seconds: WINDOW_SECONDS,
        text,
        first: alarm.first,
        count: u64::from(alarm.tries),
        fresh: alarm.fresh,
        events: alarm.evidence.events(),
        ..Finding::default()
    }
}

fn of_tries(login: &Login<'_>, alarm: &account::Alarm, used: bool) -> Finding {
    let text = format!(
        "{} was tried from {} networks within a day, in {} of its 144 stretches of ten minutes, where {:.0} {} are usual; last from {}",
        shown(login.name),
        alarm.networks,
        alarm.slots,
        alarm.baseline,
        if alarm.kind == "distributed" { "networks" } else { "stretches" },
        login.source,
    );
    Finding {
        kind: alarm.kind,
        source: Some(login.source),
        user: Some(login.name.to_owned()),
        of_user: true,
        score: if used { 0.9 } else { 0.6 },
        observed: f64::from(alarm.observed),
        baseline: alarm.baseline,
        window_seconds: WINDOW_SECONDS,
        text,
        first: alarm.first,
        count: alarm.count,
        fresh: alarm.fresh,
        events: alarm.evidence.events(),
        ..Finding::default()
    }
}

fn of_guessed(login: &Login<'_>, guessed: &Guessed) -> Finding {
    let networks = guessed.networks.max(1);
    let text = format!(
        "{} logged in by password from {}, where the user has not come from before, after {} failures from {networks} network{} within a day",
        shown(login.name),
        login.source,
        guessed.tries,
        if networks == 1 { "" } else { "s" },
    );
    let mut evidence = guessed.evidence.clone();
    evidence.push(login.id());
    Finding {
        kind: "guessed",
        source: Some(login.source),
        user: Some(login.name.to_owned()),
        of_user: true,
        host: login.event.text(model::Field::HostName).map(str::to_owned),
        score: guessed.score,
        observed: f64::from(guessed.tries),
        baseline: 0.0,
        window_seconds: WINDOW_SECONDS,
        text,
        first: guessed.first.min(login.time()),
        count: u64::from(guessed.tries) + 1,
        fresh: u64::from(guessed.tries) + 1,
        events: evidence.events(),
        ..Finding::default()
    }
}

#[cfg(test)]
mod tests;
