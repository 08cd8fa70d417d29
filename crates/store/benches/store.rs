//! How fast events go in and come out: `cargo bench -p store`.

#![expect(
    clippy::expect_used,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "a bench ends where something is wrong, and tells rounded figures"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::Catalog;
use model::{Event, EventId, Field, Text, Timestamp};
use query::Predicate;
use store::{Config, Histogram, Order, Scope, Search, SqlLimits, Store, Top};

const EVENTS: u64 = 1_000_000;
const BATCH: usize = 1000;
const MIDNIGHT: i64 = 1_795_219_200;

fn say(line: &str) {
    println!("{line}");
}

fn main() {
    let dir = std::env::temp_dir().join(format!("store-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a folder for the bench");
    run(&dir);
    std::fs::remove_dir_all(&dir).expect("the folder to go");
}

fn run(dir: &Path) {
    let catalog = Catalog::open(&dir.join("catalog.db")).expect("a catalog");
    let config = Config {
        generation_events_max: EVENTS * 2,
        generation_bytes_max: u64::MAX,
        ..Config::default()
    };
    let store = Store::open(dir, catalog, config).expect("a store");
    let all: Vec<Arc<Event>> = (0..EVENTS).map(event).collect();
    let text: usize = all.iter().map(|event| event.original().len()).sum();

    let began = Instant::now();
    for batch in all.chunks(BATCH) {
        store.append(batch, &[]).expect("an append");
    }
    per_second("append, one caller, encode and sync", began.elapsed());
    let logged = store.stats().memory_bytes;
    let began = Instant::now();
    store.flush().expect("a flush");
    per_second("write segments", began.elapsed());
    let stats = store.stats();
    say(&format!(
        "bytes an event: record {}, log {}, segment {}",
        text as u64 / EVENTS,
        logged / EVENTS,
        stats.segment_bytes / EVENTS
    ));
    drop(all);
    questions(&store);
}

fn questions(store: &Store) {
    for text in [
        "",
        "source.ip: 203.0.3.77",
        "source.ip: 198.51.100.1",
        "user.name: user17 and event.outcome: failure",
        "\"port 51514\"",
        "nowheretobefound",
        "not event.outcome: success and source.port >= 60000",
    ] {
        let scope = Scope::of(Predicate::parse(text).expect("a query"));
        let search =
            Search { scope: scope.clone(), order: Order::Newest, limit: 100, cursor: None };
        let found = time(&format!("newest 100 of `{text}`"), || {
            store.search(&search).expect("a search").events.len()
        });
        let mut scope = scope;
        scope.from = Timestamp::from_seconds(MIDNIGHT);
        scope.to = Timestamp::from_seconds(MIDNIGHT + 86_400);
        let histogram = Histogram { scope: scope.clone(), buckets: 48 };
        let count = time(&format!("histogram of `{text}`"), || {
            store.histogram(&histogram).expect("a histogram").total()
        });
        say(&format!("    {found} found, {count} in all"));
    }
    let scope = Scope::of(Predicate::default());
    let top = Top { scope, field: "source.ip".to_owned(), limit: 20 };
    time("top 20 of source.ip", || store.top(&top).expect("a top").values.len());
    let ids: Vec<EventId> = (0..10).map(|n| EventId(n * EVENTS / 10)).collect();
    time("10 events by identity", || store.get(&ids).expect("events").len());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    for text in [
        "SELECT count(*) FROM events",
        "SELECT user.name, count(*) FROM events WHERE event.outcome = 'failure' GROUP BY 1",
        "SELECT date_bin(INTERVAL '30 minutes', @timestamp) t, count(*) FROM events GROUP BY 1",
        "SELECT * FROM events WHERE source.ip = '203.0.3.77' ORDER BY @timestamp DESC LIMIT 100",
        "SELECT count(*) FROM events WHERE event.original LIKE '%port 51514%'",
    ] {
        time(text, || {
            runtime.block_on(async {
                let mut rows = store.sql(text, SqlLimits::default()).await.expect("a plan");
                let mut count = 0;
                while let Some(batch) = rows.next().await.expect("rows") {
                    count += batch.len();
                }
                count
            })
        });
    }
}

fn per_second(what: &str, took: Duration) {
    let rate = EVENTS as f64 / took.as_secs_f64() / 1000.0;
    say(&format!("{what}: {rate:.0} k events/s"));
}

/// Takes the better of two runs.
fn time<T>(what: &str, work: impl Fn() -> T) -> T {
    let began = Instant::now();
    let first = work();
    let cold = began.elapsed();
    let began = Instant::now();
    drop(work());
    say(&format!("{what}: {:.1} ms", cold.min(began.elapsed()).as_secs_f64() * 1000.0));
    first
}

fn event(id: u64) -> Arc<Event> {
    let mixed = id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let user = format!("user{}", mixed % 200);
    let ip = format!("203.0.{}.{}", mixed % 7, mixed / 7 % 256);
    let port = 1024 + mixed / 3 % 64_000;
    let outcome = if mixed.is_multiple_of(3) { "failure" } else { "success" };
    let line = format!(
        "<38>Nov 21 06:58:00 web-{} sshd[{}]: {} password for {user} from {ip} port {port} ssh2: \
         session {mixed:x}-{id:x} of the pluggable authentication module, method keyboard-interactive, \
         client OpenSSH_9.{} on a link that was opened {} ms ago and negotiated aes256-gcm@openssh.com",
        mixed % 12,
        mixed % 32_000,
        if outcome == "failure" { "Failed" } else { "Accepted" },
        mixed % 9,
        mixed % 7919,
    );
    let time = MIDNIGHT * 1000 + i64::try_from(id * 86_400_000 / EVENTS).unwrap_or_default();
    let mut event = Event::new(Text::from(line), Timestamp::from_millis(time + 40));
    event.id = EventId(id);
    event.time = Timestamp::from_millis(time);
    event.set(Field::EventModule, "sshd");
    event.set(Field::EventCategory, "authentication");
    event.set(Field::EventOutcome, outcome);
    event.set(Field::EventAction, "ssh_login");
    event.set(Field::HostName, format!("web-{}", mixed % 12).as_str());
    event.set(Field::UserName, user.as_str());
    event.set(Field::SourceIp, ip.as_str());
    event.set(Field::SourcePort, i64::try_from(port).unwrap_or_default());
    event.set(Field::ProcessName, "sshd");
    event.set(Field::ProcessPid, i64::try_from(mixed % 32_000).unwrap_or_default());
    event.set(Field::SyslogPriority, 38_u8);
    event.set_path("ssh.client", format!("OpenSSH_9.{}", mixed % 9).as_str());
    Arc::new(event)
}
