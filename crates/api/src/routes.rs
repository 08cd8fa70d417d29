//! The API's resources, one file each.

mod alerts;
mod audit;
mod events;
mod exports;
mod health;
mod ledger;
mod live;
mod login;
mod overview;
mod packets;
mod rule_health;
mod rule_overrides;
mod rule_trials;
mod rules;
mod sessions;
mod shared;
mod simulation;
mod sql;
mod storage;
mod tokens;

use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::AppState;

pub(crate) use health::health;
pub(crate) use rules::RulesNewsView;
pub(crate) use shared::AlertView;
pub(crate) use simulation::SimulationView;

/// The head of the API's description; the rest comes from the handlers.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Bartizan",
        description = "Times are RFC 3339 in UTC, identities are strings. Every change from a \
            browser carries the `x-bartizan-csrf` header with the token of `GET /api/v1/session`.",
    ),
    components(schemas(crate::error::ProblemView))
)]
struct Head;

/// Everything under `/api/v1`, with its description.
pub(crate) fn api() -> OpenApiRouter<AppState> {
    let v1 = OpenApiRouter::new()
        .merge(login::router())
        .merge(sessions::router())
        .merge(tokens::router())
        .merge(audit::router())
        .merge(overview::router())
        .merge(ledger::router())
        .merge(alerts::router())
        .merge(events::router())
        .merge(exports::router())
        .merge(packets::router())
        .merge(sql::router())
        .merge(storage::router())
        .merge(rules::router())
        .merge(rule_health::router())
        .merge(rule_overrides::router())
        .merge(rule_trials::router())
        .merge(simulation::router())
        .merge(live::router());
    OpenApiRouter::with_openapi(Head::openapi()).nest("/api/v1", v1)
}
