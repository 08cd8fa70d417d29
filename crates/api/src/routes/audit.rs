//! `/audit`: who did what, and who was not let in.

use axum::extract::State;
use catalog::AuditRow;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Administrator;
use crate::extract::{Bounds, Json, Query, bounded};
use crate::{ApiError, AppState};

const PAGE: Bounds = Bounds { default: 100, max: 1_000 };

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PageParams {
    /// 1 to 1,000; 100 by default.
    limit: Option<u32>,
    /// Where the last page ended.
    cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct AuditList {
    items: Vec<AuditItem>,
    next: Option<String>,
    /// How many refusals there were whose records went because there were too many.
    forgotten: u64,
}

/// Something that somebody did, or was not let do.
#[derive(Serialize, ToSchema)]
struct AuditItem {
    id: String,
    at: String,
    /// When it happened last: later than `at` only where it was refused more than once.
    last: String,
    /// The user's name; where a log-in was refused, whatever was typed.
    by: String,
    address: String,
    /// Such as `log_in`, `edit_alerts`, `log_in_refused`.
    action: String,
    detail: String,
    refused: bool,
    /// How often; alike refusals within an hour are one record.
    times: u64,
}

/// Lists what was done, the newest first; for administrators.
#[utoipa::path(get, path = "/audit", params(PageParams), responses(
    (status = 200, body = AuditList), (status = 403),
))]
async fn list(
    State(state): State<AppState>,
    _administrator: Administrator,
    Query(page): Query<PageParams>,
) -> Result<Json<AuditList>, ApiError> {
    let limit = bounded("limit", page.limit, PAGE)?;
    let before = page.cursor.map(|text| {
        let wrong = || ApiError::BadRequest("the cursor is none of ours".to_owned());
        text.parse::<i64>().map_err(|_| wrong())
    });
    let before = before.transpose()?;
    let page = state.blocking(move |app| {
        app.settle_refusals()?;
        Ok(app.catalog.audit_page(before, limit)?)
    });
    let page = page.await?;
    let last = page.rows.last().map(|row| row.id.to_string());
    Ok(Json(AuditList {
        next: last.filter(|_| page.more),
        items: page.rows.into_iter().map(item).collect(),
        forgotten: page.forgotten,
    }))
}

fn item(row: AuditRow) -> AuditItem {
    AuditItem {
        id: row.id.to_string(),
        at: row.entry.at.to_string(),
        last: row.last.to_string(),
        by: row.entry.by,
        address: row.entry.address,
        action: row.entry.action,
        detail: row.entry.detail,
        refused: row.refused,
        times: row.times,
    }
}
