//! `/overview`: the numbers at the top of the console.

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::extract::{Json, Query, moment};
use crate::overview::{OverviewView, Span};
use crate::{ApiError, AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(overview))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SpanParams {
    /// Counts events and alerts at this time or later.
    from: Option<String>,
    /// Counts events and alerts before this time.
    to: Option<String>,
}

/// Gives the numbers at the top of the console; within a span, if one is given.
#[utoipa::path(get, path = "/overview", params(SpanParams), responses(
    (status = 200, body = OverviewView),
))]
async fn overview(
    State(state): State<AppState>,
    _caller: Caller,
    Query(params): Query<SpanParams>,
) -> Result<Json<OverviewView>, ApiError> {
    let span =
        Span { from: moment("from", params.from.as_ref())?, to: moment("to", params.to.as_ref())? };
    let view = if span.from.is_none() && span.to.is_none() {
        state.blocking(|app| app.overview_now().map(|view| (*view).clone())).await
    } else {
        state.searching(move |app| app.overview_within(span)).await
    };
    view.map(Json)
}
