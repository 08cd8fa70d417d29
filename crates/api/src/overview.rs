//! The numbers at the top of the console, made at most four times a second for all who watch.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use model::{Level, Status, Timestamp};
use query::Predicate;
use serde::Serialize;
use store::{Histogram, Scope};
use triage::{AlertFilter, AlertQuery};
use utoipa::ToSchema;

use crate::{ApiError, App};

/// How long the numbers stand.
pub(crate) const FRESH_FOR: Duration = Duration::from_millis(250);

/// The numbers at the top of the console.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct OverviewView {
    /// Events since the start, or in the span that was asked for.
    events_total: u64,
    events_per_second: f64,
    alerts_open: u64,
    alerts_acknowledged: u64,
    /// Of the open ones, those of level `critical`.
    alerts_critical: u64,
    parse_unknown: u64,
    inputs: Vec<InputView>,
    store: StoreView,
    started_at: String,
    /// What could not be read, a sentence for each segment, where a span was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
struct InputView {
    name: String,
    address: String,
    received: u64,
    dropped: u64,
    last_event: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
struct StoreView {
    /// The size of all segments.
    bytes: u64,
    segments: u64,
    /// Events that are not in a segment yet.
    in_memory: u64,
    events: u64,
}

/// A span of time, open where an end is not given.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    pub(crate) from: Option<Timestamp>,
    pub(crate) to: Option<Timestamp>,
}

/// The numbers as they were made last.
#[derive(Debug, Default)]
pub(crate) struct OverviewCache(Mutex<Option<(Instant, Arc<OverviewView>)>>);

impl App {
    /// Gives the numbers, not older than a quarter of a second; may block.
    pub(crate) fn overview_now(&self) -> Result<Arc<OverviewView>, ApiError> {
        let mut kept = self.overview.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, view)) = &*kept
            && made.elapsed() < FRESH_FOR
        {
            return Ok(Arc::clone(view));
        }
        let view = Arc::new(make(self)?);
        *kept = Some((Instant::now(), Arc::clone(&view)));
        Ok(view)
    }

    /// Gives the numbers, those of events and alerts within a span.
    pub(crate) fn overview_within(&self, span: Span) -> Result<OverviewView, ApiError> {
        let mut view = (*self.overview_now()?).clone();
        let Span { from, to } = span;
        let (from_time, to_time) = (from.unwrap_or(Timestamp::MIN), to.unwrap_or(Timestamp::MAX));
        let scope = Scope {
            from: from_time,
            to: to_time,
            deadline: Some(Instant::now() + self.config.deadline / 2),
            ..Scope::of(Predicate::parse("")?)
        };
        let counted = self.store.histogram(&Histogram { scope, buckets: 1 })?;
        view.events_total = counted.total();
        view.warnings = counted.unreadable;
        let count = |status, levels: &[Level]| {
            let filter = AlertFilter {
                statuses: vec![status],
                levels: levels.to_vec(),
                from,
                to,
                ..AlertFilter::default()
            };
            let query = AlertQuery { filter, limit: 1, ..AlertQuery::default() };
            Ok::<u64, ApiError>(self.triage.list(&query)?.total)
        };
        view.alerts_open = count(Status::Open, &[])?;
        view.alerts_acknowledged = count(Status::Acknowledged, &[])?;
        view.alerts_critical = count(Status::Open, &[Level::Critical])?;
        Ok(view)
    }
}

fn make(app: &App) -> Result<OverviewView, ApiError> {
    let counters = app.runtime.counters();
    let stats = app.store.stats();
    let counts = app.triage.counts()?;
    let sum = |status, levels: &[Level]| {
        let counted = counts.iter().filter(|count| count.status == status);
        counted.filter(|count| levels.contains(&count.level)).map(|count| count.count).sum()
    };
    let input = |input: crate::InputCounters| InputView {
        name: input.name,
        address: input.address,
        received: input.received,
        dropped: input.dropped,
        last_event: input.last_event.map(|time| time.to_string()),
    };
    Ok(OverviewView {
        events_total: counters.events_total,
        events_per_second: counters.events_per_second,
        alerts_open: sum(Status::Open, &Level::ALL),
        alerts_acknowledged: sum(Status::Acknowledged, &Level::ALL),
        alerts_critical: sum(Status::Open, &[Level::Critical]),
        parse_unknown: counters.parse_unknown,
        inputs: counters.inputs.into_iter().map(input).collect(),
        store: StoreView {
            bytes: stats.segment_bytes,
            segments: stats.segments,
            in_memory: stats.in_memory,
            events: stats.in_memory + stats.in_segments,
        },
        started_at: counters.started_at.to_string(),
        warnings: Vec::new(),
    })
}
