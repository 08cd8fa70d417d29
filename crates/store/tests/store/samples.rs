//! Sample events, and a store in a folder of its own.

use std::path::Path;
use std::sync::Arc;

use catalog::Catalog;
use model::{Event, EventId, Field, Text, Timestamp, Value};
use seal::{DataKey, KeyId, Keyring};
use store::{Config, Store};
use tempfile::TempDir;

/// 2026-11-21T00:00:00Z.
pub(crate) const MIDNIGHT: i64 = 1_795_219_200;

/// A small generator of numbers that are the same in each run.
#[derive(Clone)]
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    pub(crate) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        let place = usize::try_from(self.below(all.len() as u64)).unwrap();
        &all[place]
    }
}

/// Opens a sealed store, as the product does.
pub(crate) fn open(dir: &Path, config: Config) -> Store {
    Kind::Sealed.open(dir, config)
}

pub(crate) fn fresh(config: Config) -> (TempDir, Store) {
    Kind::Sealed.fresh(config)
}

/// How a store's files are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sealed,
    Plain,
}

impl Kind {
    pub(crate) fn both(check: fn(Self)) {
        check(Self::Sealed);
        check(Self::Plain);
    }

    pub(crate) fn keyring(self) -> Option<Keyring> {
        let key = || (KeyId(1), DataKey::from_bytes([7; 32]).unwrap());
        (self == Self::Sealed).then(|| Keyring::of_keys([key()]).unwrap())
    }

    pub(crate) fn config(self, config: Config) -> Config {
        Config { keyring: self.keyring(), ..config }
    }

    pub(crate) fn open(self, dir: &Path, config: Config) -> Store {
        let catalog = Catalog::open(&dir.join("catalog.db")).unwrap();
        Store::open(dir, catalog, self.config(config)).unwrap()
    }

    pub(crate) fn fresh(self, config: Config) -> (TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = self.open(dir.path(), config);
        (dir, store)
    }
}

/// A log-in, a request or something odd, at a time around midnight.
pub(crate) fn event(id: u64, numbers: &mut Numbers) -> Arc<Event> {
    let user = *numbers.one_of(&["root", "Root", "alice", "bob", "[\"x\"]", "müller", ""]);
    let host = *numbers.one_of(&["web-1", "web-2", "db"]);
    let ip = format!("203.0.113.{}", numbers.below(20));
    let line =
        format!("{host} sshd[{}]: Failed password for {user} from {ip}", numbers.below(9000));
    let time = MIDNIGHT + i64::try_from(numbers.below(7200)).unwrap() - 3600;
    let text = Text::from(line.as_str());
    let mut event = Event::new(text, Timestamp::from_seconds(MIDNIGHT + 4000));
    event.id = EventId(id);
    event.time = Timestamp::from_seconds(time);
    event.set(Field::HostName, host);
    if numbers.below(10) > 0 {
        event.set(Field::UserName, user);
    }
    event.set(Field::SourceIp, ip.as_str());
    event.set(Field::SourcePort, u16::try_from(numbers.below(60_000)).unwrap());
    event.set(Field::EventOutcome, *numbers.one_of(&["success", "failure"]));
    event.push(Field::EventCategory, "authentication");
    if numbers.below(3) == 0 {
        event.push(Field::EventCategory, "session");
    }
    if numbers.below(4) == 0 {
        event.set(Field::Message, "accepted nothing, \"quoted\"\n");
    }
    odd_fields(&mut event, numbers);
    Arc::new(event)
}

fn odd_fields(event: &mut Event, numbers: &mut Numbers) {
    match numbers.below(16) {
        0 => event.set(Field::SourceIp, "not an address"),
        1 => event.push(Field::SourcePort, 7_u16),
        2 => event.push(Field::SourceIp, "2001:db8::1"),
        3 => event.set(Field::Simulated, true),
        4 => event.set(Field::InspectionScore, 0.25),
        5 => event.set(Field::ClaimedTime, Timestamp::from_nanos(-1)),
        6 => event.set_path("fw.rule", "drop \"all\""),
        7 => event.set_path("fw.packets", i64::try_from(numbers.below(9)).unwrap()),
        8 => event.set_path("fw.ratio", 2.0),
        9 => event.set_path("fw.open", false),
        10 => event.set_path("fw.list", Value::Json("[{\"a\":1}]")),
        11 => event.set_path_list("fw.names", [Value::Text("a"), Value::Integer(2)]),
        12 => {
            event.set_path("fw.rule", "one");
            event.set_path("fw.rule", "two");
        }
        13 => event.set_path("user.name", Value::Json("[[1]]")),
        14 => event.push(Field::Message, "second"),
        _ => {}
    }
}

pub(crate) fn events(ids: std::ops::Range<u64>, seed: u64) -> Vec<Arc<Event>> {
    let mut numbers = Numbers(seed.max(1));
    ids.map(|id| event(id, &mut numbers)).collect()
}

pub(crate) fn json(events: &[Arc<Event>]) -> Vec<String> {
    events.iter().map(|event| event.to_json()).collect()
}
