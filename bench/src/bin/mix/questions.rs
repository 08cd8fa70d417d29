//! The questions that every engine is asked, put to the store.

use std::time::Duration;

use anyhow::Result;
use bench::mix::{BEGIN, DAYS, needles};
use model::Timestamp;
use query::Predicate;
use rustix::time::{ClockId, clock_gettime};
use store::{Histogram, Order, Scope, Search, Store, Top};

/// How often each is asked; the best counts.
const ROUNDS: usize = 3;
const HOUR: i64 = 3600;

/// What came of one.
pub(crate) struct Answer {
    pub(crate) name: &'static str,
    pub(crate) cpu: Duration,
    /// By which answers of engines are compared.
    pub(crate) rows: u64,
}

/// Gives the processor time of all threads of this process.
pub(crate) fn process_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or(0))
}

fn asked(name: &'static str, mut ask: impl FnMut() -> Result<u64>) -> Result<Answer> {
    let mut best: Option<Answer> = None;
    for _ in 0..=ROUNDS {
        let before = process_time();
        let rows = ask()?;
        let cpu = process_time().saturating_sub(before);
        if best.as_ref().is_none_or(|best| cpu < best.cpu) {
            best = Some(Answer { name, cpu, rows });
        }
    }
    best.ok_or_else(|| anyhow::anyhow!("never asked"))
}

fn scope(text: &str, from: i64, to: i64) -> Result<Scope> {
    let predicate = Predicate::parse(text).map_err(|error| anyhow::anyhow!("{text}: {error}"))?;
    let mut scope = Scope::of(predicate);
    scope.from = Timestamp::from_seconds(from);
    scope.to = Timestamp::from_seconds(to);
    Ok(scope)
}

/// Asks all of them.
pub(crate) fn ask(store: &Store) -> Result<Vec<Answer>> {
    let (first, last) = (BEGIN - HOUR, BEGIN + DAYS * 24 * HOUR + HOUR);
    let middle = BEGIN + 60 * HOUR;
    let newest = |text: &str, limit: usize, from: i64, to: i64| -> Result<u64> {
        let scope = scope(text, from, to)?;
        let found = store.search(&Search { scope, order: Order::Newest, limit, cursor: None })?;
        Ok(u64::try_from(found.events.len())?)
    };
    let top = |text: &str, field: &str, limit: usize, from: i64, to: i64| -> Result<u64> {
        let question = Top { scope: scope(text, from, to)?, field: field.to_owned(), limit };
        Ok(store.top(&question)?.values.iter().map(|value| value.1).sum())
    };
    let address = format!("source.ip: {}", needles::ADDRESS);
    let absent = format!("source.ip: {}", needles::ABSENT);
    let extra = format!("{}: {}", needles::EXTRA, needles::EXTRA_VALUE);
    let failed = "event.category: authentication and event.outcome: failure";
    let hour = "event.module: key_value and event.action: drop";
    Ok(vec![
        asked("newest 100 of an address", || newest(&address, 100, first, last))?,
        asked("absent address", || newest(&absent, 100, first, last))?,
        asked("rare word", || newest(needles::WORD, 1000, first, last))?,
        asked("newest 100 of a common word", || newest(needles::COMMON, 100, first, last))?,
        asked("hourly histogram", || {
            let scope = scope("", BEGIN, BEGIN + DAYS * 24 * HOUR)?;
            let buckets = usize::try_from(DAYS * 24)?;
            Ok(store.histogram(&Histogram { scope, buckets })?.total())
        })?,
        asked("top 20 addresses, 24 hours", || {
            top("", "source.ip", 20, BEGIN + 48 * HOUR, BEGIN + 72 * HOUR)
        })?,
        asked("top 20 addresses, all", || top("", "source.ip", 20, first, last))?,
        asked("failed log-ins by user, top 50", || top(failed, "user.name", 50, first, last))?,
        asked("unknown field", || newest(&extra, 1000, first, last))?,
        asked("newest 100 within one hour", || newest(hour, 100, middle, middle + HOUR))?,
        asked("word within one hour", || newest(needles::COMMON, 10_000, middle, middle + HOUR))?,
    ])
}
