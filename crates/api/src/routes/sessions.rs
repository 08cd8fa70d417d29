//! `/sessions`: where else one is logged in.

use axum::extract::State;
use axum::http::StatusCode;
use catalog::{Session, SessionId};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Person;
use crate::extract::{Id, Json};
use crate::{ApiError, AppState, clock};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(revoke))
}

#[derive(Serialize, ToSchema)]
struct SessionList {
    items: Vec<SessionItem>,
}

/// One session of one's own.
#[derive(Serialize, ToSchema)]
struct SessionItem {
    id: String,
    created: String,
    last_seen: String,
    address: String,
    user_agent: String,
    /// Whether it is the one that asks.
    current: bool,
}

/// Lists one's own sessions, the last used first.
#[utoipa::path(get, path = "/sessions", responses((status = 200, body = SessionList)))]
async fn list(
    State(state): State<AppState>,
    Person { caller, session: own }: Person,
) -> Result<Json<SessionList>, ApiError> {
    let sessions = state.blocking(move |app| {
        Ok(app.catalog.sessions(caller.user, app.config.sessions, clock::now())?)
    });
    let item = |session: Session| SessionItem {
        id: session.id.0.to_string(),
        created: session.created.to_string(),
        last_seen: session.seen.to_string(),
        address: session.address,
        user_agent: session.agent,
        current: session.id == own,
    };
    Ok(Json(SessionList { items: sessions.await?.into_iter().map(item).collect() }))
}

/// Ends one of one's own sessions.
#[utoipa::path(delete, path = "/sessions/{id}", params(("id" = String, Path)), responses(
    (status = 204), (status = 404),
))]
async fn revoke(
    State(state): State<AppState>,
    Person { caller, .. }: Person,
    id: Id,
) -> Result<StatusCode, ApiError> {
    let ended = state.blocking(move |app| {
        let ended = app.catalog.end_session(caller.user, SessionId(id.signed()))?;
        app.audit(caller.done("end_session", id.0.to_string()))?;
        Ok(ended)
    });
    if ended.await? { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::NotFound("session")) }
}
