//! `/healthz`, `/readyz`, `/metrics`: for those who keep it running.

use std::fmt::Write;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::{ApiError, App, AppState};

pub(crate) fn health() -> Router<AppState> {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

/// Answers while the catalog and the store do and the line takes in events.
async fn ready(State(state): State<AppState>) -> Response {
    let answer = state.blocking(|app| {
        app.catalog.committed()?;
        if app.store.stats().disk_is_full {
            return Err(ApiError::Busy("the disk is full and nothing can be given up"));
        }
        if !app.runtime.is_alive() {
            return Err(ApiError::Busy("the line has ended"));
        }
        Ok(())
    });
    match answer.await {
        Ok(()) => "ready\n".into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response(),
    }
}

/// Writes the counters in Prometheus' text format, version 0.0.4.
async fn metrics(State(state): State<AppState>) -> Result<Response, ApiError> {
    let text = state.blocking(|app| {
        let mut page = Page::default();
        page.line_counters(app);
        page.store_counters(app);
        page.alert_counters(app)?;
        Ok(page.0)
    });
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((kind, text.await?).into_response())
}

/// The page in the making.
#[derive(Default)]
struct Page(String);

impl Page {
    fn line_counters(&mut self, app: &App) {
        let counters = app.runtime.counters();
        self.head("bartizan_events_total", "counter", "Events since the start.");
        self.value("bartizan_events_total", "", counters.events_total);
        let unknown = "Records that no format recognised.";
        self.head("bartizan_parse_unknown_total", "counter", unknown);
        self.value("bartizan_parse_unknown_total", "", counters.parse_unknown);
        self.head("bartizan_input_received_total", "counter", "Records received by an input.");
        for input in &counters.inputs {
            let label = label("input", &input.name);
            self.value("bartizan_input_received_total", &label, input.received);
        }
        self.head("bartizan_input_dropped_total", "counter", "Records dropped by an input.");
        for input in &counters.inputs {
            self.value("bartizan_input_dropped_total", &label("input", &input.name), input.dropped);
        }
        for metric in &counters.metrics {
            let kind = if metric.name.ends_with("_total") { "counter" } else { "gauge" };
            self.head(metric.name, kind, metric.help);
            self.value(metric.name, "", metric.value);
        }
    }

    fn store_counters(&mut self, app: &App) {
        let stats = app.store.stats();
        let rows = [
            ("bartizan_store_found", "Events in segments at the start.", stats.found),
            ("bartizan_store_received_total", "Events given to the store.", stats.received),
            ("bartizan_store_rejected_total", "Events that could not be kept.", stats.rejected),
            (
                "bartizan_store_deduplicated_total",
                "Events of batches that were sent again.",
                stats.deduplicated,
            ),
            ("bartizan_store_retired_total", "Events whose time was over.", stats.retired),
            ("bartizan_store_purged_total", "Events that were purged.", stats.purged),
            (
                "bartizan_store_batches_forgotten_total",
                "Names of batches forgotten before their time.",
                stats.batches_forgotten,
            ),
            ("bartizan_store_balanced", "1 while the ledger is.", u64::from(stats.is_balanced())),
            ("bartizan_store_replayed_total", "Events read back at the start.", stats.replayed),
            ("bartizan_store_flush_failures_total", "Failed writes.", stats.flush_failures),
            ("bartizan_store_quarantined_total", "Damaged log files.", stats.quarantined),
            ("bartizan_store_missing_segments", "Segments not on disk.", stats.missing),
            ("bartizan_store_damaged_segments", "Segments that could not be read.", stats.damaged),
            ("bartizan_store_memory_events", "Events in memory.", stats.in_memory),
            ("bartizan_store_memory_bytes", "Bytes in memory.", stats.memory_bytes),
            ("bartizan_store_segment_events", "Events in segments.", stats.in_segments),
            ("bartizan_store_segment_bytes", "Bytes in segments.", stats.segment_bytes),
            ("bartizan_store_segments", "Segments.", stats.segments),
            ("bartizan_store_merges_total", "Merges of segments.", stats.merges),
            ("bartizan_store_merged_segments_total", "Segments merged.", stats.merged),
            ("bartizan_store_given_up_total", "Events given up for room.", stats.given_up),
            ("bartizan_store_keep_failures_total", "Failed tidyings.", stats.keep_failures),
            ("bartizan_store_refused_full_total", "Events refused: disk full.", stats.refused_full),
            ("bartizan_store_disk_free_bytes", "Bytes free on the disk.", stats.disk_free),
            ("bartizan_store_disk_reserve_bytes", "Bytes that stay free.", stats.disk_reserve),
            ("bartizan_store_disk_full", "Whether events are refused.", stats.disk_is_full.into()),
        ];
        for (name, help, number) in rows {
            let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
            self.head(name, kind, help);
            self.value(name, "", number);
        }
    }

    fn alert_counters(&mut self, app: &App) -> Result<(), ApiError> {
        self.head("bartizan_alerts", "gauge", "Alerts by state and level.");
        for count in app.triage.counts()? {
            let (status, level) = (count.status.as_str(), count.level.as_str());
            let labels = format!("{{status=\"{status}\",level=\"{level}\"}}");
            self.value("bartizan_alerts", &labels, count.count);
        }
        Ok(())
    }

    // Writing to a String cannot fail, here and below.
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn value(&mut self, name: &str, labels: &str, number: impl std::fmt::Display) {
        let _ = writeln!(self.0, "{name}{labels} {number}");
    }
}

fn label(name: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{{{name}=\"{value}\"}}")
}
