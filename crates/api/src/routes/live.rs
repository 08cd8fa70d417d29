//! `/live`: one server-sent stream for all that changes (HTML Living Standard, 9.2).
//!
//! ```text
//! event: alert
//! id: k3Jq0dYx-17
//! data: {"change":"created","id":"4","title":"…"}
//! ```

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, StreamExt, stream};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{AlertView, RulesNewsView, SimulationView};
use crate::caller::{Caller, Held};
use crate::live::{News, Place};
use crate::overview::{FRESH_FOR, OverviewView};
use crate::{ApiError, App, AppState};

const HEARTBEAT: Duration = Duration::from_secs(15);
/// How often a stream looks whether its session or token is still good.
const SESSION_CHECK: Duration = Duration::from_secs(15);

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(live))
}

/// One watcher.
struct Watcher {
    state: AppState,
    place: Place,
    counters: Option<Arc<OverviewView>>,
    held: Held,
    checked: Instant,
    stopping: watch::Receiver<bool>,
    /// What is sent before anything changes.
    first: Vec<Event>,
    _turn: OwnedSemaphorePermit,
}

/// Streams what changes: `hello`, `counters`, `alert`, `simulation`, `rules`, `refetch`.
#[utoipa::path(get, path = "/live",
    params(("last-event-id" = Option<String>, Header, description = "Goes on after this event.")),
    responses((status = 200, content_type = "text/event-stream", body = String)))]
async fn live(
    State(state): State<AppState>,
    _caller: Caller,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let turn = Arc::clone(&state.streams).try_acquire_owned();
    let turn = turn.map_err(|_| ApiError::Busy("too many live streams are open"))?;
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let place = seen.map_or_else(|| state.live.head(), Place::parse);
    let hello = Event::default().event("hello").data("{}");
    let hello = if seen.is_none() { hello.id(place.to_string()) } else { hello };
    let watcher = Watcher {
        place,
        counters: None,
        held: Held::of(&headers)?,
        checked: Instant::now(),
        stopping: state.live.stopping(),
        first: vec![hello],
        _turn: turn,
        state,
    };
    let events = stream::unfold(watcher, step).flat_map(stream::iter).map(Ok);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}

/// Waits for news, and gives them; gives `None` where the stream ends.
async fn step(mut watcher: Watcher) -> Option<(Vec<Event>, Watcher)> {
    if !watcher.first.is_empty() {
        let first = std::mem::take(&mut watcher.first);
        return Some((first, watcher));
    }
    loop {
        tokio::select! {
            _ = watcher.stopping.wait_for(|stopping| *stopping) => return None,
            () = tokio::time::sleep(FRESH_FOR) => {}
        }
        if !watcher.may_stay().await {
            return None;
        }
        let events = watcher.events().await;
        if !events.is_empty() {
            return Some((events, watcher));
        }
    }
}

impl Watcher {
    /// Tells whether the session or token is still good, asking now and then.
    async fn may_stay(&mut self) -> bool {
        if self.checked.elapsed() < SESSION_CHECK {
            return true;
        }
        self.checked = Instant::now();
        let held = self.held.clone();
        let good = self.state.blocking(move |app| Ok(app.is_still_good(&held))).await;
        good.unwrap_or(false)
    }

    async fn events(&mut self) -> Vec<Event> {
        let News { alerts, simulation, rules, refetch } = self.state.live.news(&mut self.place);
        let mut events = Vec::new();
        for (kind, alert) in &alerts {
            let view = AlertNews { change: kind.as_str(), alert: AlertView::from(&**alert) };
            events.extend(event("alert", &view));
        }
        if let Some(simulation) = simulation {
            events.extend(event("simulation", &SimulationView::from(simulation)));
        }
        if let Some(rules) = rules {
            events.extend(event("rules", &RulesNewsView::from(rules)));
        }
        if refetch {
            events.push(Event::default().event("refetch").data("{}"));
        }
        // Only after the last of them is everything before that place told.
        if let Some(last) = events.pop() {
            events.push(last.id(self.place.to_string()));
        }
        let counters = self.state.blocking(App::overview_now).await;
        if let Ok(counters) = counters
            && self.counters.as_ref() != Some(&counters)
        {
            events.extend(event("counters", &*counters));
            self.counters = Some(counters);
        }
        events
    }
}

/// A changed alert.
#[derive(Serialize)]
struct AlertNews {
    change: &'static str,
    #[serde(flatten)]
    alert: AlertView,
}

fn event(name: &str, data: &impl Serialize) -> Option<Event> {
    Event::default().event(name).json_data(data).ok()
}
