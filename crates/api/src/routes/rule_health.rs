//! `/rules/health`: whether each rule could fire here and now.

use axum::extract::{Path, State};
use detect::{RuleHealth, SILENT_AFTER};
use model::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::extract::Json;
use crate::{ApiError, AppState, RulesHealth};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(all)).routes(routes!(one))
}

#[derive(Serialize, ToSchema)]
struct HealthList {
    /// Since when the events that pass are noted.
    since: Option<String>,
    at: String,
    /// A source that did not come for so many seconds is silent.
    silent_after_seconds: u64,
    items: Vec<HealthView>,
}

/// Whether a rule could fire here and now.
#[derive(Serialize, ToSchema)]
#[schema(as = RuleHealth)]
struct HealthView {
    id: String,
    /// `able`, `blind` (its fields do not come), `silent` (its log source does not come) or `disabled`.
    verdict: &'static str,
    /// When an event of its log source came last.
    source_last: Option<String>,
    /// Events of its log source in an hour.
    source_per_hour: u64,
    /// Fields it asks for that its log source never had.
    missing: Vec<String>,
    /// When an event of its log source came last that had all the fields it needs.
    could: Option<String>,
    /// When it fired last.
    fired: Option<String>,
    /// How often it fired.
    hits: u64,
    /// How often it was evaluated.
    evaluations: u64,
    /// Which part of all evaluations that is, from 0 to 1.
    share: f64,
}

/// Tells for each rule whether it could fire here and now.
#[utoipa::path(get, path = "/rules/health", responses((status = 200, body = HealthList)))]
async fn all(State(state): State<AppState>, _caller: Caller) -> Result<Json<HealthList>, ApiError> {
    let health = state.blocking(|app| Ok(app.runtime.rules_health())).await?;
    let RulesHealth { since, at, items } = &*health;
    Ok(Json(HealthList {
        since: since.map(told),
        at: told(*at),
        silent_after_seconds: SILENT_AFTER.as_secs(),
        items: items.iter().map(|(id, health)| view(id, health)).collect(),
    }))
}

/// Tells of one rule whether it could fire here and now.
#[utoipa::path(get, path = "/rules/{id}/health", params(("id" = String, Path)), responses(
    (status = 200, body = HealthView), (status = 404),
))]
async fn one(
    State(state): State<AppState>,
    _caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<HealthView>, ApiError> {
    let health = state.blocking(|app| Ok(app.runtime.rules_health())).await?;
    let found = health.items.iter().find(|(other, _)| *other == id);
    found.map(|(id, health)| Json(view(id, health))).ok_or(ApiError::NotFound("rule"))
}

fn view(id: &str, health: &RuleHealth) -> HealthView {
    HealthView {
        id: id.to_owned(),
        verdict: health.verdict.as_str(),
        source_last: health.source_last.map(told),
        source_per_hour: health.source_per_hour,
        missing: health.missing.clone(),
        could: health.could.map(told),
        fired: health.fired.map(told),
        hits: health.hits,
        evaluations: health.evaluations,
        share: health.share,
    }
}

fn told(time: Timestamp) -> String {
    time.to_string()
}
