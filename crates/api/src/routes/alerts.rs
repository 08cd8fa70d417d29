//! `/alerts`: what analysts work through.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use model::{AlertId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use triage::{
    AlertCursor, AlertFilter, AlertQuery, AlertSort, AlertSpan, EditId, EditRequest, Edited,
    Signature, Targets, Undo,
};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::shared::{
    AlertDetail, AlertView, ChangeBody, FILTER_NAMES, FilterParams, RuleView, raw,
};
use crate::caller::{Analyst, Caller};
use crate::extract::{Bounds, Id, Json, Query, bounded};
use crate::{ApiError, App, AppState, clock};

const PAGE: Bounds = Bounds { default: 100, max: 500 };
const BUCKETS: Bounds = Bounds { default: 60, max: 1_000 };
/// The span of a histogram whose beginning is not given.
const SPAN: std::time::Duration = std::time::Duration::from_hours(24);

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(histogram))
        .routes(routes!(detail, edit))
        .routes(routes!(evidence))
        .routes(routes!(bulk))
        .routes(routes!(undo))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PageParams {
    /// `last` (default), `first`, `level` or `count`; the greatest first.
    sort: Option<String>,
    /// Where the last page ended.
    cursor: Option<String>,
    /// 1 to 500; 100 by default.
    limit: Option<u32>,
}

#[derive(Serialize, ToSchema)]
struct AlertList {
    items: Vec<AlertView>,
    next: Option<String>,
    total: u64,
}

/// Lists alerts.
#[utoipa::path(get, path = "/alerts", params(FilterParams, PageParams), responses(
    (status = 200, body = AlertList),
))]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Query(filter): Query<FilterParams>,
    Query(page): Query<PageParams>,
) -> Result<Json<AlertList>, ApiError> {
    let sort = match &page.sort {
        None => AlertSort::default(),
        Some(word) => AlertSort::parse(word)
            .ok_or_else(|| ApiError::BadRequest(format!("{word:?} is no order")))?,
    };
    let after = match &page.cursor {
        None => None,
        Some(text) => Some(
            AlertCursor::parse(text)
                .ok_or_else(|| ApiError::BadRequest("the cursor is none of ours".to_owned()))?,
        ),
    };
    let query = AlertQuery {
        filter: filter.read(&caller.name)?,
        sort,
        after,
        limit: bounded("limit", page.limit, PAGE)?,
    };
    let page = state.blocking(move |app| Ok(app.triage.list(&query)?)).await?;
    Ok(Json(AlertList {
        items: page.items.iter().map(AlertView::from).collect(),
        next: page.next.map(|cursor| cursor.to_string()),
        total: page.total,
    }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct BucketParams {
    /// 1 to 1,000; 60 by default.
    buckets: Option<u32>,
}

#[derive(Serialize, ToSchema)]
struct AlertHistogram {
    buckets: Vec<AlertBucketView>,
}

#[derive(Serialize, ToSchema)]
struct AlertBucketView {
    from: String,
    to: String,
    /// How many alerts of each level; levels without any are left out.
    #[schema(value_type = std::collections::HashMap<String, u64>)]
    counts: Map<String, Value>,
}

/// Counts alerts over time, by their last happening.
#[utoipa::path(get, path = "/alerts/histogram", params(FilterParams, BucketParams), responses(
    (status = 200, body = AlertHistogram),
))]
async fn histogram(
    State(state): State<AppState>,
    caller: Caller,
    Query(filter): Query<FilterParams>,
    Query(params): Query<BucketParams>,
) -> Result<Json<AlertHistogram>, ApiError> {
    let buckets = bounded("buckets", params.buckets, BUCKETS)?;
    let filter = filter.read(&caller.name)?;
    let to = filter.to.unwrap_or_else(clock::now);
    let from = filter.from.unwrap_or_else(|| to.minus(SPAN));
    if from >= to {
        return Err(ApiError::BadRequest("from is not before to".to_owned()));
    }
    let span = AlertSpan { from, to, buckets };
    let counted = state.blocking(move |app| Ok(app.triage.histogram(&filter, span)?)).await?;
    let mut views: Vec<AlertBucketView> = (0..buckets)
        .map(|bucket| edge(span, bucket))
        .zip(1_u32..)
        .take_while(|(begin, _)| *begin < to)
        .map(|(begin, next)| AlertBucketView {
            from: begin.to_string(),
            to: edge(span, next).min(to).to_string(),
            counts: Map::new(),
        })
        .collect();
    for counted in counted {
        let place = usize::try_from(counted.bucket).unwrap_or(usize::MAX);
        if let Some(view) = views.get_mut(place) {
            view.counts.insert(counted.level.as_str().to_owned(), counted.count.into());
        }
    }
    Ok(Json(AlertHistogram { buckets: views }))
}

/// Gives where a bucket begins.
fn edge(span: AlertSpan, bucket: u32) -> Timestamp {
    let offset = span.width_nanos().saturating_mul(i64::from(bucket));
    Timestamp::from_nanos(span.from.nanos().saturating_add(offset))
}

/// Gives an alert with its history and its rule.
#[utoipa::path(get, path = "/alerts/{id}", params(("id" = String, Path)), responses(
    (status = 200, body = AlertDetail), (status = 404),
))]
async fn detail(
    State(state): State<AppState>,
    _caller: Caller,
    id: Id,
) -> Result<Response, ApiError> {
    let id = AlertId(id.signed());
    let view = state.blocking(move |app| {
        let alert = app.triage.get(id)?.ok_or(ApiError::NotFound("alert"))?;
        let history = app.triage.history(id)?.into_iter().map(Into::into).collect();
        let rules = app.runtime.rules();
        let rule = rules.items.iter().find(|rule| rule.id == alert.rule_id).map(RuleView::from);
        Ok((alert.version, AlertDetail { alert: AlertView::from(&alert), history, rule }))
    });
    let (version, view) = view.await?;
    Ok(tagged(version, Json(view)))
}

#[derive(Serialize, ToSchema)]
struct EvidenceList {
    /// Whole events, the oldest first.
    #[schema(value_type = Vec<Object>)]
    items: Vec<Box<RawValue>>,
}

/// Gives the events on which an alert stands, the oldest first; the newest hundred are kept.
#[utoipa::path(get, path = "/alerts/{id}/events", params(("id" = String, Path)), responses(
    (status = 200, body = EvidenceList), (status = 404),
))]
async fn evidence(
    State(state): State<AppState>,
    _caller: Caller,
    id: Id,
) -> Result<Json<EvidenceList>, ApiError> {
    let found = state.searching(move |app| {
        let alert = app.triage.get(AlertId(id.signed()))?.ok_or(ApiError::NotFound("alert"))?;
        let mut events = app.store.get(&alert.events)?;
        events.sort_by_key(|event| (event.time, event.id));
        events.iter().map(|event| raw(event)).collect()
    });
    Ok(Json(EvidenceList { items: found.await? }))
}

/// Changes an alert; with `If-Match`, only if it is at that version.
#[utoipa::path(patch, path = "/alerts/{id}", request_body = ChangeBody,
    params(("id" = String, Path), ("if-match" = Option<String>, Header)),
    responses(
        (status = 200, body = AlertView),
        (status = 404),
        (status = 412, description = "`changed`, with the `version` it is at"),
    ))]
async fn edit(
    State(state): State<AppState>,
    Analyst(caller): Analyst,
    id: Id,
    headers: HeaderMap,
    Json(change): Json<ChangeBody>,
) -> Result<Response, ApiError> {
    let expected = expected_version(&headers)?;
    let id = AlertId(id.signed());
    let alert = state.blocking(move |app| {
        let edit = change.read(&app.catalog.users()?)?;
        let signature = Signature { by: &caller.name, at: clock::now() };
        let targets = Targets::One(id, expected);
        let edited = app.triage.edit(&EditRequest { targets, edit: &edit, signature })?;
        tell(app, edited);
        app.triage.get(id)?.ok_or(ApiError::NotFound("alert"))
    });
    let alert = alert.await?;
    Ok(tagged(alert.version, Json(AlertView::from(&alert))))
}

/// Which alerts, and what becomes of them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BulkBody {
    /// These alerts, at most 10,000.
    ids: Option<Vec<String>>,
    /// Or all that pass a filter, with the names and words of the list's parameters.
    #[schema(value_type = Option<FilterParams>)]
    filter: Option<Map<String, Value>>,
    change: ChangeBody,
}

#[derive(Serialize, ToSchema)]
struct BulkResult {
    /// How many alerts changed.
    changed: u64,
    /// Takes the edit back, for five minutes.
    undo: String,
}

/// Changes several alerts at once.
#[utoipa::path(post, path = "/alerts/bulk", request_body = BulkBody, responses(
    (status = 200, body = BulkResult),
))]
async fn bulk(
    State(state): State<AppState>,
    Analyst(caller): Analyst,
    Json(body): Json<BulkBody>,
) -> Result<Json<BulkResult>, ApiError> {
    let chosen = chosen(&body, &caller.name)?;
    let result = state.blocking(move |app| {
        let edit = body.change.read(&app.catalog.users()?)?;
        let signature = Signature { by: &caller.name, at: clock::now() };
        let targets = match &chosen {
            Chosen::Ids(ids) => Targets::Several(ids),
            Chosen::Filter(filter) => Targets::All(filter),
        };
        let edited = app.triage.edit(&EditRequest { targets, edit: &edit, signature })?;
        app.audit(caller.done("edit_alerts", format!("{} alerts", edited.changed)))?;
        Ok(tell(app, edited))
    });
    result.await.map(Json)
}

enum Chosen {
    Ids(Vec<AlertId>),
    Filter(Box<AlertFilter>),
}

fn chosen(body: &BulkBody, me: &str) -> Result<Chosen, ApiError> {
    let wrong = |text: &str| ApiError::BadRequest(text.to_owned());
    match (&body.ids, &body.filter) {
        (Some(ids), None) => {
            let ids = ids.iter().map(|id| id.parse().ok().map(AlertId)).collect::<Option<_>>();
            ids.map(Chosen::Ids).ok_or_else(|| wrong("an id is no number"))
        }
        (None, Some(filter)) => {
            if let Some(name) = filter.keys().find(|name| !FILTER_NAMES.contains(&name.as_str())) {
                return Err(wrong(&format!("{name:?} is no filter")));
            }
            let filter: FilterParams = serde_json::from_value(Value::Object(filter.clone()))
                .map_err(|error| wrong(&format!("filter: {error}")))?;
            Ok(Chosen::Filter(Box::new(filter.read(me)?)))
        }
        _ => Err(wrong("give either ids or filter")),
    }
}

/// The token that a bulk edit gave.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UndoBody {
    undo: String,
}

/// Takes an edit back where nobody has edited the alert since.
#[utoipa::path(post, path = "/alerts/undo", request_body = UndoBody, responses(
    (status = 200, body = BulkResult), (status = 409, description = "`cannot_undo`"),
))]
async fn undo(
    State(state): State<AppState>,
    Analyst(caller): Analyst,
    Json(body): Json<UndoBody>,
) -> Result<Json<BulkResult>, ApiError> {
    let edit = body.undo.parse().map(EditId).map_err(|_| ApiError::CannotUndo)?;
    let result = state.blocking(move |app| {
        let signature = Signature { by: &caller.name, at: clock::now() };
        let edited = app.triage.undo(Undo { edit, signature })?;
        Ok(tell(app, edited))
    });
    result.await.map(Json)
}

/// Tells those who watch of an edit.
fn tell(app: &App, edited: Edited) -> BulkResult {
    let told = u64::try_from(edited.changes.len()).unwrap_or(u64::MAX);
    if told < edited.changed {
        app.live.publish_refetch();
    } else {
        app.live.publish(edited.changes);
    }
    BulkResult { changed: edited.changed, undo: edited.edit.0.to_string() }
}

fn tagged(version: u64, body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    if let Ok(tag) = HeaderValue::try_from(format!("\"{version}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn expected_version(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(tag) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = tag.to_str().unwrap_or("").trim();
    if text == "*" {
        return Ok(None);
    }
    let version = text.trim_matches('"').parse().map(Some);
    version.map_err(|_| ApiError::BadRequest("if-match is no version".to_owned()))
}
