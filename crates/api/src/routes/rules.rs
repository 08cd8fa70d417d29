//! `/rules`: what runs, and what was set aside.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::extract::Json;
use crate::{AppState, RuleFault, RuleItem};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Serialize, ToSchema)]
struct RuleList {
    items: Vec<RuleView>,
    /// What is wrong in files that were set aside.
    faults: Vec<FaultView>,
}

/// A rule.
#[derive(Serialize, ToSchema)]
#[schema(as = Rule)]
pub(super) struct RuleView {
    id: String,
    title: String,
    level: &'static str,
    status: String,
    tags: Vec<String>,
    description: String,
    path: String,
    logsource: String,
    kind: String,
    references: Vec<String>,
    false_positives: Vec<String>,
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

impl From<&RuleItem> for RuleView {
    fn from(rule: &RuleItem) -> Self {
        let rule = rule.clone();
        Self {
            id: rule.id,
            title: rule.title,
            level: rule.level.as_str(),
            status: rule.status,
            tags: rule.tags,
            description: rule.description,
            path: rule.path,
            logsource: rule.logsource,
            kind: rule.kind,
            references: rule.references,
            false_positives: rule.false_positives,
        }
    }
}
