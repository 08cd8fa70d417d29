//! `/rules/test`: a rule run over what is stored, before it is in force or after.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use axum::extract::State;
use detect::{Trial, TrialError, Wanted};
use model::{Detection, Timestamp};
use query::Predicate;
use serde::{Deserialize, Serialize};
use sigma::RuleFile;
use store::Scope;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::shared::millis;
use crate::caller::Analyst;
use crate::extract::{Bounds, Json, bounded, moment};
use crate::{ApiError, App, AppState, RuleFault, clock};

const DETECTIONS: Bounds = Bounds { default: 100, max: 1_000 };
/// The span of a trial whose beginning is not given.
const SPAN: std::time::Duration = std::time::Duration::from_hours(24 * 7);
/// The length of a rule's text.
const TEXT_BYTES_MAX: usize = 256 * 1024;
/// The events of one detection that are named.
const EVIDENCE_TOLD_MAX: usize = 10;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(test))
}

/// Which rule, over which time.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TrialBody {
    /// The id or the name of a rule, even if it is switched off.
    rule: Option<String>,
    /// Or a file of rules in Sigma's language, in force or not.
    text: Option<String>,
    /// A week back by default.
    from: Option<String>,
    to: Option<String>,
    /// How many detections are given, 1 to 1,000; 100 by default.
    limit: Option<u32>,
}

#[derive(Serialize, ToSchema)]
struct TrialResult {
    /// What was tried.
    titles: Vec<String>,
    /// Whether it reports what it finds; a rule that serves a correlation only does not.
    reports: bool,
    from: String,
    to: String,
    /// How many events were looked at.
    events: u64,
    /// How often the rule matched, or the correlation fired.
    hits: u64,
    days: Vec<DayView>,
    /// The first detections.
    detections: Vec<DetectionView>,
    /// Whether every event of the span was looked at; if not, the time was up.
    is_complete: bool,
    took_ms: u64,
}

#[derive(Serialize, ToSchema)]
struct DayView {
    /// Its beginning, in UTC.
    day: String,
    hits: u64,
}

#[derive(Serialize, ToSchema)]
struct DetectionView {
    time: String,
    rule_id: String,
    title: String,
    level: &'static str,
    entity: Option<String>,
    count: u64,
    summary: String,
    events: Vec<String>,
}

/// Runs a rule over stored events; nothing is kept of it, and nobody is alerted.
#[utoipa::path(post, path = "/rules/test", request_body = TrialBody, responses(
    (status = 200, body = TrialResult),
    (status = 400, description = "`faulty_rule`, with the `faults` and their places"),
    (status = 404),
))]
async fn test(
    State(state): State<AppState>,
    Analyst(_caller): Analyst,
    Json(body): Json<TrialBody>,
) -> Result<Json<TrialResult>, ApiError> {
    let wanted = wanted(&body)?;
    let limit = usize::try_from(bounded("limit", body.limit, DETECTIONS)?).unwrap_or(usize::MAX);
    let to = moment("to", body.to.as_ref())?.unwrap_or_else(clock::now);
    let from = moment("from", body.from.as_ref())?.unwrap_or_else(|| to.minus(SPAN));
    if from >= to {
        return Err(ApiError::BadRequest("from is not before to".to_owned()));
    }
    // Dropped when the client goes, and with it this future: then nobody needs the answer.
    let asked = Asked::default();
    let told = Arc::clone(&asked.0);
    let question = Question { wanted, from, to, limit };
    let result = state.searching(move |app| run(app, &question, &told)).await;
    drop(asked);
    result.map(Json)
}

struct Question {
    wanted: Wanted,
    from: Timestamp,
    to: Timestamp,
    limit: usize,
}

/// Tells when nobody waits any more.
#[derive(Default)]
struct Asked(Arc<AtomicBool>);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn wanted(body: &TrialBody) -> Result<Wanted, ApiError> {
    match (&body.rule, &body.text) {
        (Some(rule), None) => Ok(Wanted::Rule(rule.clone())),
        (None, Some(text)) if text.len() > TEXT_BYTES_MAX => Err(ApiError::TooLarge),
        (None, Some(text)) => {
            Ok(Wanted::File(RuleFile { path: "text".to_owned(), text: text.clone() }))
        }
        _ => Err(ApiError::BadRequest("give either rule or text".to_owned())),
    }
}

fn run(app: &App, question: &Question, is_left: &AtomicBool) -> Result<TrialResult, ApiError> {
    let begun = Instant::now();
    let mut trial = app.runtime.trial(&question.wanted)?;
    let scope = Scope {
        from: question.from,
        to: question.to,
        deadline: Some(begun + app.config.deadline.mul_f32(0.8)),
        ..Scope::of(Predicate::default())
    };
    let (mut found, mut detections) = (Vec::new(), Vec::new());
    let is_complete = app.store.scan(&scope, &mut |event| {
        trial.observe(event, &mut found);
        let room = question.limit.saturating_sub(detections.len());
        detections.extend(found.drain(..).take(room));
        let is_over = scope.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if is_over || is_left.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    Ok(result(&trial, &detections, &Span { question, is_complete, begun }))
}

struct Span<'q> {
    question: &'q Question,
    is_complete: bool,
    begun: Instant,
}

fn result(trial: &Trial, detections: &[Detection], span: &Span<'_>) -> TrialResult {
    let day = |(day, hits): (Timestamp, u64)| DayView { day: day.to_string(), hits };
    TrialResult {
        titles: trial.titles().map(str::to_owned).collect(),
        reports: trial.reports(),
        from: span.question.from.to_string(),
        to: span.question.to.to_string(),
        events: trial.events(),
        hits: trial.hits(),
        days: trial.days().map(day).collect(),
        detections: detections.iter().map(detection).collect(),
        is_complete: span.is_complete,
        took_ms: millis(span.begun),
    }
}

fn detection(detection: &Detection) -> DetectionView {
    let events = detection.events.iter().take(EVIDENCE_TOLD_MAX);
    DetectionView {
        time: detection.time.to_string(),
        rule_id: detection.rule.id.clone(),
        title: detection.rule.title.clone(),
        level: detection.rule.level.as_str(),
        entity: detection.entity.as_ref().map(|entity| entity.value.clone()),
        count: detection.count,
        summary: detection.summary.clone(),
        events: events.map(ToString::to_string).collect(),
    }
}

impl From<TrialError> for ApiError {
    fn from(error: TrialError) -> Self {
        let faults = match error {
            TrialError::Unknown(_) => return Self::NotFound("rule"),
            TrialError::Faulty(faults) => faults,
        };
        let fault = |fault: sigma::RuleFault| RuleFault {
            path: fault.path,
            line: fault.line,
            column: fault.column,
            message: fault.message,
            kept: false,
        };
        Self::Faulty(faults.into_iter().map(fault).collect())
    }
}
