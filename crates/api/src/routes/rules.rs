//! `/rules`: what runs, what was set aside, and loading it again.

use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::shared::{OverrideView, RuleView};
use crate::caller::{Analyst, Caller};
use crate::extract::Json;
use crate::{ApiError, AppState, RuleFault, RulesNews, RulesStatus, RulesView};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(reload)).routes(routes!(detail))
}

#[derive(Serialize, ToSchema)]
struct RuleList {
    items: Vec<RuleView>,
    /// What is wrong in files that were set aside.
    faults: Vec<FaultView>,
    status: StatusView,
}

#[derive(Serialize, ToSchema)]
struct FaultView {
    path: String,
    line: usize,
    column: usize,
    message: String,
    /// Whether an earlier version of the file stays in force.
    kept: bool,
}

/// When the rules were loaded, and what changed then.
#[derive(Serialize, ToSchema)]
struct StatusView {
    /// How often they were loaded since the start.
    loads: u64,
    loaded_at: String,
    took_ms: u64,
    added: usize,
    removed: usize,
    changed: usize,
}

/// The rules were loaded again.
#[derive(Serialize, ToSchema)]
pub(crate) struct RulesNewsView {
    /// How many rules run.
    rules: usize,
    /// How many faults there are.
    faults: usize,
    #[serde(flatten)]
    status: StatusView,
}

/// Lists the rules.
#[utoipa::path(get, path = "/rules", responses((status = 200, body = RuleList)))]
async fn list(State(state): State<AppState>, _caller: Caller) -> Json<RuleList> {
    Json(RuleList::from(&*state.runtime.rules()))
}

/// One rule with all that is known of it.
#[derive(Serialize, ToSchema)]
struct RuleDetailView {
    #[serde(flatten)]
    rule: RuleView,
    /// The file that it came from, as it runs.
    text: String,
    examples: Vec<ExampleView>,
    /// What the installation says of it by its id.
    own: Option<OverrideView>,
    /// Changes when that changes; 0 where it says nothing. For `If-Match`.
    version: u32,
}

#[derive(Serialize, ToSchema)]
struct ExampleView {
    lines: Vec<String>,
    matches: bool,
}

/// Gives one rule with its file and its examples.
#[utoipa::path(get, path = "/rules/{id}", params(("id" = String, Path)), responses(
    (status = 200, body = RuleDetailView), (status = 404),
))]
async fn detail(
    State(state): State<AppState>,
    _caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<RuleDetailView>, ApiError> {
    let rules = state.runtime.rules();
    let rule = rules.items.iter().find(|rule| rule.id == id).ok_or(ApiError::NotFound("rule"))?;
    let detail = state.runtime.rule_detail(&id).ok_or(ApiError::NotFound("rule"))?;
    let example = |(lines, matches)| ExampleView { lines, matches };
    Ok(Json(RuleDetailView {
        rule: rule.into(),
        text: detail.text.to_string(),
        examples: detail.examples.into_iter().map(example).collect(),
        own: detail.own.map(OverrideView::from),
        version: detail.version,
    }))
}

/// Loads the rules again, now; changed files are found without it, within seconds.
#[utoipa::path(post, path = "/rules/reload", responses((status = 200, body = RulesNewsView)))]
async fn reload(
    State(state): State<AppState>,
    Analyst(caller): Analyst,
) -> Result<Json<RulesNewsView>, ApiError> {
    let view = state.blocking(move |app| {
        let rules = app.runtime.reload_rules().map_err(ApiError::Unfit)?;
        let news = RulesNews::of(&rules);
        let detail = format!("{} rules, {} faults", news.rules, news.faults);
        app.audit(caller.done("reload_rules", detail))?;
        Ok(news.into())
    });
    view.await.map(Json)
}

impl From<&RulesView> for RuleList {
    fn from(rules: &RulesView) -> Self {
        Self {
            items: rules.items.iter().map(RuleView::from).collect(),
            faults: rules.faults.iter().map(FaultView::from).collect(),
            status: rules.status.into(),
        }
    }
}

impl From<&RuleFault> for FaultView {
    fn from(fault: &RuleFault) -> Self {
        let RuleFault { path, line, column, message, kept } = fault.clone();
        Self { path, line, column, message, kept }
    }
}

impl From<RulesStatus> for StatusView {
    fn from(status: RulesStatus) -> Self {
        Self {
            loads: status.loads,
            loaded_at: status.loaded_at.to_string(),
            took_ms: u64::try_from(status.took.as_millis()).unwrap_or(u64::MAX),
            added: status.added,
            removed: status.removed,
            changed: status.changed,
        }
    }
}

impl From<RulesNews> for RulesNewsView {
    fn from(news: RulesNews) -> Self {
        Self { rules: news.rules, faults: news.faults, status: news.status.into() }
    }
}
