//! `/rules/{id}/override`: what this installation changes of a rule, apart from the rule's file.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::shared::OverrideView;
use crate::caller::{Analyst, Caller};
use crate::extract::Json;
use crate::{ApiError, AppState, OverrideEdit, OverrideError};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(put, remove))
}

/// What is said of a rule after the change.
#[derive(Serialize, ToSchema)]
struct OverrideResult {
    /// What was said before.
    before: Option<OverrideView>,
    own: Option<OverrideView>,
    version: u32,
}

/// Sets what this installation says of a rule; with `If-Match`, only if it is at that version.
#[utoipa::path(put, path = "/rules/{id}/override", request_body = OverrideView,
    params(("id" = String, Path), ("if-match" = Option<String>, Header)),
    responses(
        (status = 200, body = OverrideResult),
        (status = 404),
        (status = 412, description = "`changed`, with the `version` it is at"),
    ))]
async fn put(
    State(state): State<AppState>,
    Analyst(caller): Analyst,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(body): Json<OverrideView>,
) -> Result<Json<OverrideResult>, ApiError> {
    let edit = OverrideEdit { expected: expected(&headers)?, entry: Some(body.read()?) };
    apply(&state, caller, id, edit).await
}

/// Takes back what this installation says of a rule.
#[utoipa::path(delete, path = "/rules/{id}/override",
    params(("id" = String, Path), ("if-match" = Option<String>, Header)),
    responses(
        (status = 200, body = OverrideResult),
        (status = 404),
        (status = 412, description = "`changed`, with the `version` it is at"),
    ))]
async fn remove(
    State(state): State<AppState>,
    Analyst(caller): Analyst,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<OverrideResult>, ApiError> {
    let edit = OverrideEdit { expected: expected(&headers)?, entry: None };
    apply(&state, caller, id, edit).await
}

async fn apply(
    state: &AppState,
    caller: Caller,
    id: String,
    edit: OverrideEdit,
) -> Result<Json<OverrideResult>, ApiError> {
    let result = state.blocking(move |app| {
        let before = app.runtime.rule_detail(&id).ok_or(ApiError::NotFound("rule"))?.own;
        app.runtime.override_rule(&id, &edit)?;
        app.audit(caller.done("override_rule", told(&id, &edit)))?;
        let after = app.runtime.rule_detail(&id).unwrap_or_default();
        Ok(OverrideResult {
            before: before.map(OverrideView::from),
            own: after.own.map(OverrideView::from),
            version: after.version,
        })
    });
    result.await.map(Json)
}

/// Gives a change in one line, for the audit.
fn told(id: &str, edit: &OverrideEdit) -> String {
    let Some(entry) = &edit.entry else { return format!("{id}: as its file says") };
    let mut parts = Vec::new();
    parts.extend(entry.enabled.map(|on| if on { "enabled" } else { "disabled" }.to_owned()));
    parts.extend(entry.level.map(|level| format!("level {level}")));
    parts.extend(entry.exceptions.iter().map(|exception| format!("except {exception}")));
    if !entry.reason.is_empty() {
        parts.push(entry.reason.clone());
    }
    format!("{id}: {}", parts.join("; "))
}

fn expected(headers: &HeaderMap) -> Result<Option<u32>, ApiError> {
    let Some(tag) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = tag.to_str().unwrap_or("").trim();
    if text == "*" {
        return Ok(None);
    }
    let version = text.trim_matches('"').parse().map(Some);
    version.map_err(|_| ApiError::BadRequest("if-match is no version".to_owned()))
}

impl From<OverrideError> for ApiError {
    fn from(error: OverrideError) -> Self {
        match error {
            OverrideError::Unknown => Self::NotFound("rule"),
            OverrideError::Changed(version) => Self::Changed { version: version.into() },
            OverrideError::Unfit(why) => Self::Unfit(why),
        }
    }
}
