//! What a question to the store costs: `cargo run --release -p bench --no-default-features --features kept --bin questions`.
//!
//! The first run writes the mix into a folder (the first argument, with how many events as the second
//! and how many a generation as the third) and tells how large it came out; later runs only ask. Each
//! question is asked once with nothing but the operating system's cache warm, and then again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bench::mix::{BEGIN, DAYS, EVENTS, Mix, needles};
use catalog::Catalog;
use model::{Event, Timestamp};
use query::Predicate;
use seal::{DataKey, KeyId, Keyring};
use store::{Config, Histogram, Order, Scope, Search, Store, Top};

const BATCH: usize = 2000;
const HOUR: i64 = 3600;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().context("name a folder")?;
    let events = arguments.next().map_or(Ok(EVENTS), |text| text.parse())?;
    let generation = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let dir = Path::new(&dir);
    if !dir.join("catalog.db").exists() {
        write(dir, events, generation)?;
    }
    let size = |extension: &str| -> Result<u64> {
        let mut sum = 0;
        for day in std::fs::read_dir(dir.join("segments"))? {
            for file in std::fs::read_dir(day?.path())? {
                let path = file?.path();
                if path.extension().is_some_and(|found| found == extension) {
                    sum += path.metadata()?.len();
                }
            }
        }
        Ok(sum)
    };
    println!(
        "bytes an event: segments {:.2}, index {:.2}",
        size("parquet")? as f64 / events as f64,
        size("index")? as f64 / events as f64
    );
    ask(dir)
}

fn open(dir: &Path, generation: u64) -> Result<Store> {
    let config = Config {
        generation_events_max: generation,
        generation_bytes_max: u64::MAX,
        generation_age_max: Duration::from_hours(24),
        keyring: match std::env::var_os("PLAIN") {
            Some(_) => None,
            None => Some(Keyring::of_keys([(KeyId(1), DataKey::from_bytes([7; 32])?)])?),
        },
        ..Config::default()
    };
    Ok(Store::open(dir, Catalog::open(&dir.join("catalog.db"))?, config)?)
}

fn write(dir: &Path, events: u64, generation: u64) -> Result<()> {
    std::fs::create_dir_all(dir)?;
    let store = open(dir, generation)?;
    let mut batch: Vec<Arc<Event>> = Vec::with_capacity(BATCH);
    let (mut made, mut since) = (0, 0);
    for event in Mix::new(events) {
        batch.push(event);
        made += 1;
        since += 1;
        if batch.len() == BATCH || made == events {
            store.append(&batch, &[])?;
            batch.clear();
        }
        if since >= generation && batch.is_empty() {
            let before = cpu();
            store.flush()?;
            println!("segments: {:.2} µs an event", (cpu() - before) * 1e3 / since as f64);
            since = 0;
        }
    }
    store.close()?;
    Ok(())
}

/// Milliseconds of work done by this process.
fn cpu() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// Asks a store opened anew, and then the same one again; the best of three counts.
fn timed(dir: &Path, name: &str, work: impl Fn(&Store) -> Result<String>) -> Result<()> {
    let store = open(dir, 1)?;
    let spent = || -> Result<(f64, String)> {
        let before = cpu();
        let told = work(&store)?;
        Ok((cpu() - before, told))
    };
    let (first, told) = spent()?;
    let mut again = f64::MAX;
    for _ in 0..3 {
        again = again.min(spent()?.0);
    }
    println!("{name:<44} first {first:8.2} ms, again {again:8.2} ms   {told}");
    store.close()?;
    Ok(())
}

fn scope(text: &str, hours: Option<(i64, i64)>) -> Result<Scope> {
    let mut scope = Scope::of(Predicate::parse(text)?);
    let (from, to) = hours.unwrap_or((0, DAYS * 24));
    scope.from = Timestamp::from_seconds(BEGIN + from * HOUR);
    scope.to = Timestamp::from_seconds(BEGIN + to * HOUR);
    Ok(scope)
}

fn newest(dir: &Path, name: &str, text: &str, hours: Option<(i64, i64)>) -> Result<()> {
    let scope = scope(text, hours)?;
    let search = Search { scope, order: Order::Newest, limit: 100, cursor: None };
    timed(dir, name, |store| Ok(format!("{} found", store.search(&search)?.events.len())))
}

fn count(dir: &Path, name: &str, text: &str, hours: Option<(i64, i64)>) -> Result<()> {
    let scope = scope(text, hours)?;
    let span = scope.to.seconds() - scope.from.seconds();
    let question = Histogram { scope, buckets: usize::try_from(span / HOUR)? };
    timed(dir, name, |store| Ok(format!("{} in all", store.histogram(&question)?.total())))
}

fn top(dir: &Path, name: &str, field: &str, hours: Option<(i64, i64)>) -> Result<()> {
    let question = Top { scope: scope("", hours)?, field: field.to_owned(), limit: 20 };
    timed(dir, name, |store| Ok(format!("{:?}", store.top(&question)?.values.first())))
}

fn ask(dir: &Path) -> Result<()> {
    let one_hour = Some((50, 51));
    let address = format!("source.ip: {}", needles::ADDRESS);
    newest(dir, "newest 100, address", &address, None)?;
    newest(dir, "newest 100, absent address", &format!("source.ip: {}", needles::ABSENT), None)?;
    newest(dir, "newest 100, rare word", needles::WORD, None)?;
    newest(dir, "newest 100, absent word", "nowheretobefound", None)?;
    newest(dir, "newest 100, address as free text", needles::ADDRESS, None)?;
    newest(dir, "newest 100, unknown field", "change.ticket: CHG0031337", None)?;
    newest(dir, "newest 100, common word", needles::COMMON, None)?;
    newest(dir, "newest 100", "", None)?;
    count(dir, "hourly histogram", "", None)?;
    count(dir, "count, address", &address, None)?;
    count(dir, "count, rare word", needles::WORD, None)?;
    count(dir, "count, common word", needles::COMMON, None)?;
    count(
        dir,
        "count, failed log-ins",
        "event.category: authentication and event.outcome: failure",
        None,
    )?;
    top(dir, "top 20 source.ip", "source.ip", None)?;
    top(dir, "top 20 user.name", "user.name", None)?;
    top(dir, "top 20 source.ip, one day", "source.ip", Some((24, 48)))?;
    top(dir, "top 20 source.ip, 24 h across days", "source.ip", Some((37, 61)))?;
    for text in [
        "",
        &address,
        needles::WORD,
        needles::COMMON,
        "no/such-thing",
        "user.name: *a*",
        "not event.outcome: success and source.port >= 60000",
        "change.ticket: *",
        "event.original: *1*2*3*4*5*",
    ] {
        newest(dir, &format!("one hour, newest 100: {text}"), text, one_hour)?;
        count(dir, &format!("one hour, count: {text}"), text, one_hour)?;
    }
    Ok(())
}
