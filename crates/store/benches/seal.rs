//! What sealing costs: `cargo bench -p store --bench seal --no-default-features`.
//!
//! The same events go into a plain store and into a sealed one, in turns; the figures are processor
//! seconds of the whole process, the least of all rounds, and bytes on the disk.

#![expect(
    clippy::expect_used,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "a bench ends where something is wrong, and tells rounded figures"
)]

use std::sync::Arc;

use catalog::Catalog;
use model::{Event, EventId, Field, Text, Timestamp};
use query::Predicate;
use rustix::time::{ClockId, clock_gettime};
use seal::Keyring;
use store::{Config, Histogram, Order, Scope, Search, Store, Top};

const EVENTS: u64 = 300_000;
const BATCH: usize = 1000;
const ROUNDS: usize = 5;
const MIDNIGHT: i64 = 1_795_219_200;

/// Processor seconds of each step, and bytes.
#[derive(Clone, Copy)]
struct Figures {
    append: f64,
    segments: f64,
    scan: f64,
    histogram: f64,
    top: f64,
    log_bytes: u64,
    segment_bytes: u64,
}

fn main() {
    probe();
    let all: Vec<Arc<Event>> = (0..EVENTS).map(event).collect();
    let rounds: Vec<(Figures, Figures)> = (0..ROUNDS)
        .map(|_| {
            let keyring = Keyring::generate().expect("a keyring");
            (run(&all, None), run(&all, Some(keyring)))
        })
        .collect();
    println!("{EVENTS} events, {ROUNDS} rounds        plain      sealed    ratio");
    let tell = |what: &str, unit: f64, figure: fn(&Figures) -> f64| {
        let least = |figures: &mut dyn Iterator<Item = f64>| figures.fold(f64::MAX, f64::min);
        let plain = least(&mut rounds.iter().map(|(plain, _)| figure(plain))) * unit;
        let sealed = least(&mut rounds.iter().map(|(_, sealed)| figure(sealed))) * unit;
        println!("{what:32} {plain:8.3}  {sealed:10.3}  {:7.3}", sealed / plain);
    };
    let each = 1e6 / EVENTS as f64;
    tell("append, CPU us an event", each, |one| one.append);
    tell("segments, CPU us an event", each, |one| one.segments);
    tell("scan of all, CPU us an event", each, |one| one.scan);
    tell("histogram of a word, CPU ms", 1e3, |one| one.histogram);
    tell("top 20 addresses, CPU ms", 1e3, |one| one.top);
    tell("log, bytes an event", 1.0 / EVENTS as f64, |one| one.log_bytes as f64);
    tell("segments, bytes an event", 1.0 / EVENTS as f64, |one| one.segment_bytes as f64);
}

/// What the look at every start takes, by the clock.
fn probe() {
    let dir = std::env::temp_dir().join(format!("seal-probe-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder for the bench");
    let keyring = Some(Keyring::generate().expect("a keyring"));
    let config = Config { keyring, ..Config::default() };
    let took = (0..ROUNDS).map(|_| {
        let began = std::time::Instant::now();
        store::probe(&dir, &config).expect("a probe");
        began.elapsed()
    });
    println!("probe at the start: {:.0} ms", took.min().unwrap_or_default().as_secs_f64() * 1e3);
    std::fs::remove_dir_all(&dir).expect("the folder to go");
}

fn run(all: &[Arc<Event>], keyring: Option<Keyring>) -> Figures {
    let dir = std::env::temp_dir().join(format!("seal-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder for the bench");
    let catalog = Catalog::open(&dir.join("catalog.db")).expect("a catalog");
    let config = Config {
        generation_events_max: EVENTS * 2,
        generation_bytes_max: u64::MAX,
        keyring,
        ..Config::default()
    };
    let store = Store::open(&dir, catalog, config).expect("a store");
    let append = measure(|| {
        for batch in all.chunks(BATCH) {
            store.append(batch, &[]).expect("an append");
        }
    });
    let logs = std::fs::read_dir(dir.join("wal")).expect("logs");
    let log_bytes = logs.map(|log| log.and_then(|log| log.metadata()).expect("a log").len()).sum();
    let segments = measure(|| store.flush().expect("a flush"));
    let everything = || Scope::of(Predicate::default());
    let scan = measure(|| {
        let mut seen = 0_u64;
        let whole = store.scan(&everything(), &mut |_| {
            seen += 1;
            std::ops::ControlFlow::Continue(())
        });
        assert!(whole.expect("a scan") && seen == EVENTS);
    });
    let mut scope = Scope::of(Predicate::parse("\"method 3\"").expect("a query"));
    scope.from = Timestamp::from_seconds(MIDNIGHT);
    scope.to = Timestamp::from_seconds(MIDNIGHT + 86_400);
    let histogram = Histogram { scope: scope.clone(), buckets: 48 };
    let histogram = measure(|| drop(store.histogram(&histogram).expect("a histogram")));
    let top = Top { scope: everything(), field: "source.ip".to_owned(), limit: 20 };
    let top = measure(|| drop(store.top(&top).expect("a top")));
    let search = Search { scope, order: Order::Newest, limit: 10, cursor: None };
    assert_eq!(store.search(&search).expect("a search").events.len(), 10);
    let segment_bytes = store.stats().segment_bytes;
    drop(store);
    std::fs::remove_dir_all(&dir).expect("the folder to go");
    Figures { append, segments, scan, histogram, top, log_bytes, segment_bytes }
}

/// Gives the processor seconds that the process took for it, all threads together.
fn measure(work: impl FnOnce()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let began = now();
    work();
    now() - began
}

fn event(id: u64) -> Arc<Event> {
    let mixed = id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let user = format!("user{}", mixed % 200);
    let ip = format!("203.0.{}.{}", mixed % 7, mixed / 7 % 256);
    let port = 1024 + mixed / 3 % 64_000;
    let line = format!(
        "<38>Nov 21 06:58:00 web-{} sshd[{}]: Failed password for {user} from {ip} port {port} ssh2: \
         session {mixed:x}-{id:x}, method {}, client OpenSSH_9.{}",
        mixed % 12,
        mixed % 32_000,
        mixed % 5,
        mixed % 9,
    );
    let time = MIDNIGHT * 1000 + i64::try_from(id * 86_400_000 / EVENTS).unwrap_or_default();
    let mut event = Event::new(Text::from(line), Timestamp::from_millis(time + 40));
    event.id = EventId(id);
    event.time = Timestamp::from_millis(time);
    event.set(Field::EventModule, "sshd");
    event.set(Field::EventOutcome, "failure");
    event.set(Field::HostName, format!("web-{}", mixed % 12).as_str());
    event.set(Field::UserName, user.as_str());
    event.set(Field::SourceIp, ip.as_str());
    event.set(Field::SourcePort, i64::try_from(port).unwrap_or_default());
    event.set(Field::ProcessPid, i64::try_from(mixed % 32_000).unwrap_or_default());
    Arc::new(event)
}
