//! `/events`: search, counts over time, most frequent values.

use std::time::{Duration, Instant};

use axum::extract::State;
use model::{Event, EventId, SCHEMA, Timestamp};
use query::Predicate;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use store::{Cursor, Histogram, Order, Scope, Search, Stop, Top};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::shared::{millis, raw, unreadable};
use crate::caller::Caller;
use crate::extract::{Bounds, Id, Json, Query, bounded, moment};
use crate::{ApiError, AppState, clock};

const PAGE: Bounds = Bounds { default: 100, max: 1_000 };
const BUCKETS: Bounds = Bounds { default: 60, max: 1_000 };
const VALUES: Bounds = Bounds { default: 10, max: 100 };
/// Texts of a listed event are cut at this many characters.
const TEXT_CHARS_MAX: usize = 512;
/// The span of a histogram whose beginning is not given.
const SPAN: Duration = Duration::from_hours(24);
/// What remains of a request's time for what comes after the search.
const REST: Duration = Duration::from_secs(5);

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(histogram))
        .routes(routes!(fields))
        .routes(routes!(detail))
}

/// Which events.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ScopeParams {
    /// KQL; without it, all.
    q: Option<String>,
    /// At this time or later.
    from: Option<String>,
    /// Before this time.
    to: Option<String>,
}

impl ScopeParams {
    fn read(&self, state: &AppState) -> Result<(Scope, Stopper), ApiError> {
        let predicate = Predicate::parse(self.q.as_deref().unwrap_or(""))?;
        let deadline = state.config.deadline.saturating_sub(REST).max(REST / 5);
        let scope = Scope {
            from: moment("from", self.from.as_ref())?.unwrap_or(Timestamp::MIN),
            to: moment("to", self.to.as_ref())?.unwrap_or(Timestamp::MAX),
            deadline: Some(Instant::now() + deadline),
            ..Scope::of(predicate)
        };
        let stopper = Stopper(scope.stop.clone());
        Ok((scope, stopper))
    }
}

/// Ends a search whose asker went away: a handler that holds it is dropped with the connection.
struct Stopper(Stop);

impl Drop for Stopper {
    fn drop(&mut self) {
        self.0.stop();
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PageParams {
    /// 1 to 1,000; 100 by default.
    limit: Option<u32>,
    /// Where the last page ended.
    cursor: Option<String>,
    /// `newest` (default) or `oldest` first.
    order: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct EventList {
    /// Events as nested ECS objects; texts are cut at 512 characters.
    #[schema(value_type = Vec<Object>)]
    items: Vec<Value>,
    next: Option<String>,
    took_ms: u64,
    /// Whether the search was given up before it had looked at all events.
    truncated: bool,
    /// What could not be read, a sentence for each segment; the answer is from what is left.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// Finds events.
#[utoipa::path(get, path = "/events", params(ScopeParams, PageParams), responses(
    (status = 200, body = EventList),
    (status = 400, description = "`bad_query`, with the `column`, counted from 1"),
))]
async fn list(
    State(state): State<AppState>,
    _caller: Caller,
    Query(scope): Query<ScopeParams>,
    Query(page): Query<PageParams>,
) -> Result<Json<EventList>, ApiError> {
    let order = match page.order.as_deref() {
        None | Some("newest") => Order::Newest,
        Some("oldest") => Order::Oldest,
        Some(word) => return Err(ApiError::BadRequest(format!("{word:?} is no order"))),
    };
    let cursor = page.cursor.as_deref().map(|text| {
        let wrong = || ApiError::BadRequest("the cursor is none of ours".to_owned());
        Cursor::parse(text).ok_or_else(wrong)
    });
    let limit = usize::try_from(bounded("limit", page.limit, PAGE)?).unwrap_or(usize::MAX);
    let (scope, _stopper) = scope.read(&state)?;
    let search = Search { scope, order, limit, cursor: cursor.transpose()? };
    let list = state.searching(move |app| {
        let begun = Instant::now();
        let found = app.store.search(&search)?;
        let items = found.events.iter().map(|event| cut_event(event)).collect::<Result<_, _>>()?;
        Ok(EventList {
            items,
            next: found.next.map(|cursor| cursor.to_string()),
            took_ms: millis(begun),
            truncated: !found.is_complete,
            warnings: found.unreadable,
        })
    });
    list.await.map(Json)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct BucketParams {
    /// 1 to 1,000; 60 by default.
    buckets: Option<u32>,
}

#[derive(Serialize, ToSchema)]
struct EventHistogram {
    buckets: Vec<BucketView>,
    total: u64,
    /// What could not be read, a sentence for each segment; the counts are of what is left.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct BucketView {
    from: String,
    to: String,
    count: u64,
}

/// Counts events over time; the last day, if no span is given.
#[utoipa::path(get, path = "/events/histogram", params(ScopeParams, BucketParams), responses(
    (status = 200, body = EventHistogram),
))]
async fn histogram(
    State(state): State<AppState>,
    _caller: Caller,
    Query(scope): Query<ScopeParams>,
    Query(params): Query<BucketParams>,
) -> Result<Json<EventHistogram>, ApiError> {
    let buckets = bounded("buckets", params.buckets, BUCKETS)?;
    let (mut scope, _stopper) = scope.read(&state)?;
    if scope.to == Timestamp::MAX {
        scope.to = clock::now();
    }
    if scope.from == Timestamp::MIN {
        scope.from = scope.to.minus(SPAN);
    }
    if scope.from >= scope.to {
        return Err(ApiError::BadRequest("from is not before to".to_owned()));
    }
    let buckets = usize::try_from(buckets).unwrap_or(usize::MAX);
    let question = Histogram { scope, buckets };
    let counted = state.searching(move |app| Ok(app.store.histogram(&question)?)).await?;
    let total = counted.total();
    let view = |bucket: store::Bucket| BucketView {
        from: bucket.from.to_string(),
        to: bucket.to.to_string(),
        count: bucket.count,
    };
    let buckets = counted.buckets.into_iter().map(view).collect();
    Ok(Json(EventHistogram { buckets, total, warnings: counted.unreadable }))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FieldParams {
    /// The field's dotted name; without it, the list of known fields.
    field: Option<String>,
    /// How many values, 1 to 100; 10 by default.
    limit: Option<u32>,
}

/// The most frequent values of a field, or the known fields.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Fields {
    Values(TopView),
    Schema(Vec<FieldView>),
}

#[derive(Serialize, ToSchema)]
struct TopView {
    field: String,
    values: Vec<ValueView>,
    /// How many happenings of other values there are.
    other: u64,
    /// How many events do not have the field.
    missing: u64,
    truncated: bool,
    /// What could not be read, a sentence for each segment; the answer is from what is left.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct ValueView {
    value: String,
    count: u64,
}

#[derive(Serialize, ToSchema)]
struct FieldView {
    name: &'static str,
    /// `keyword`, `long`, `float`, `boolean`, `ip` or `date`.
    kind: &'static str,
    summary: &'static str,
}

/// Gives the most frequent values of a field, or the known fields.
#[utoipa::path(get, path = "/events/fields", params(ScopeParams, FieldParams), responses(
    (status = 200, body = Fields),
))]
async fn fields(
    State(state): State<AppState>,
    _caller: Caller,
    Query(scope): Query<ScopeParams>,
    Query(params): Query<FieldParams>,
) -> Result<Json<Fields>, ApiError> {
    let Some(field) = params.field.filter(|field| !field.is_empty()) else {
        let row = |row: &model::SchemaRow| FieldView {
            name: row.name,
            kind: row.kind.as_str(),
            summary: row.summary,
        };
        return Ok(Json(Fields::Schema(SCHEMA.iter().map(row).collect())));
    };
    let limit = usize::try_from(bounded("limit", params.limit, VALUES)?).unwrap_or(usize::MAX);
    let (scope, _stopper) = scope.read(&state)?;
    let top = Top { scope, field: field.clone(), limit };
    let counted = state.searching(move |app| Ok(app.store.top(&top)?)).await?;
    let values = counted.values.into_iter();
    Ok(Json(Fields::Values(TopView {
        field,
        values: values.map(|(value, count)| ValueView { value: cut(&value), count }).collect(),
        other: counted.other,
        missing: counted.missing,
        truncated: !counted.is_complete,
        warnings: counted.unreadable,
    })))
}

/// Gives a whole event.
#[utoipa::path(get, path = "/events/{id}", params(("id" = String, Path)), responses(
    (status = 200, body = Object), (status = 404),
))]
async fn detail(
    State(state): State<AppState>,
    _caller: Caller,
    id: Id,
) -> Result<Json<Box<RawValue>>, ApiError> {
    let found = state.searching(move |app| {
        let events = app.store.get(&[EventId(id.0)])?;
        raw(events.first().ok_or(ApiError::NotFound("event"))?)
    });
    found.await.map(Json)
}

/// Gives an event whose long texts are cut, so that one long record does not fill a page.
fn cut_event(event: &Event) -> Result<Value, ApiError> {
    let mut value =
        serde_json::from_str(&event.to_json()).map_err(|error| unreadable(event, &error))?;
    cut_texts(&mut value);
    Ok(value)
}

fn cut_texts(value: &mut Value) {
    match value {
        Value::String(text) => *text = cut(text),
        Value::Array(items) => items.iter_mut().for_each(cut_texts),
        Value::Object(members) => members.values_mut().for_each(cut_texts),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Cuts a text, and marks that it was cut.
pub(super) fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}
