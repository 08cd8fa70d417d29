//! `/rules`: what runs, and what was set aside.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::shared::RuleView;
use crate::caller::Caller;
use crate::extract::Json;
use crate::{AppState, RuleFault};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Serialize, ToSchema)]
struct RuleList {
    items: Vec<RuleView>,
    /// What is wrong in files that were set aside.
    faults: Vec<FaultView>,
}

#[derive(Serialize, ToSchema)]
struct FaultView {
    path: String,
    line: usize,
    column: usize,
    message: String,
}

/// Lists the rules.
#[utoipa::path(get, path = "/rules", responses((status = 200, body = RuleList)))]
async fn list(State(state): State<AppState>, _caller: Caller) -> Json<RuleList> {
    let rules = state.runtime.rules();
    let fault = |fault: &RuleFault| FaultView {
        path: fault.path.clone(),
        line: fault.line,
        column: fault.column,
        message: fault.message.clone(),
    };
    Json(RuleList {
        items: rules.items.iter().map(RuleView::from).collect(),
        faults: rules.faults.iter().map(fault).collect(),
    })
}
