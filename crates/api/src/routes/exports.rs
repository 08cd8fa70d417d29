//! `/sql/export` and `/events/export`: answers as files, whole, as they are found.
//!
//! A file that could not be finished ends with a broken connection, so that no half of one passes
//! for the whole. Closing the connection ends the query.

use std::io;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use model::Timestamp;
use query::Predicate;
use serde::Deserialize;
use store::{EventsExport, Export, ExportFormat, Order, Scope, SqlLimits};
use tokio::sync::OwnedSemaphorePermit;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::extract::{Json, moment};
use crate::{ApiError, AppState};

/// How long an export may take.
const TIME: Duration = Duration::from_hours(1);
/// The length of a question.
const SQL_BYTES_MAX: usize = 64 * 1024;
/// The columns of a CSV file that names none.
const COLUMNS: [&str; 6] =
    ["@timestamp", "host.name", "event.module", "source.ip", "user.name", "event.original"];

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(sql)).routes(routes!(events))
}

/// The shape of a file.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// RFC 4180, each value as it is.
    Csv,
    /// The same, but texts that a spreadsheet would take for formulas have an apostrophe before them.
    Spreadsheet,
    /// One object a line.
    Json,
    Parquet,
}

impl From<Format> for ExportFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Csv => Self::Csv,
            Format::Spreadsheet => Self::CsvForSpreadsheets,
            Format::Json => Self::Json,
            Format::Parquet => Self::Parquet,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SqlExport {
    /// One `SELECT` on the table `events`.
    sql: String,
    format: Format,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EventsToExport {
    /// KQL; without it, all.
    q: Option<String>,
    /// At this time or later.
    from: Option<String>,
    /// Before this time.
    to: Option<String>,
    /// `newest` (default) or `oldest` first.
    order: Option<String>,
    format: Format,
    /// The fields of a CSV file.
    columns: Option<Vec<String>>,
}

/// Gives the whole answer to a question in SQL as a file.
#[utoipa::path(post, path = "/sql/export", request_body = SqlExport, responses(
    (status = 200, description = "the file, as it is made", body = Vec<u8>),
    (status = 400, description = "`bad_sql`, with `line` and `column` where they are known"),
))]
async fn sql(
    State(state): State<AppState>,
    _caller: Caller,
    Json(body): Json<SqlExport>,
) -> Result<Response, ApiError> {
    if body.sql.len() > SQL_BYTES_MAX {
        return Err(ApiError::TooLarge);
    }
    let turn = turn(&state)?;
    let format = ExportFormat::from(body.format);
    let limits = SqlLimits { rows: usize::MAX, deadline: Some(Instant::now() + TIME) };
    let rows = state.store.sql(&body.sql, limits).await?;
    let export = Export::of(rows, format)?;
    let pieces = stream::unfold(Some((export, turn)), |open| async {
        let (mut export, turn) = open?;
        match export.next().await {
            Ok(None) => None,
            Ok(Some(bytes)) => Some((Ok(bytes), Some((export, turn)))),
            Err(error) => Some((Err(io::Error::other(error)), None)),
        }
    });
    Ok(file(Body::from_stream(pieces), format, "query"))
}

/// Gives all events of a search as a file, in order, as they are at one moment.
#[utoipa::path(post, path = "/events/export", request_body = EventsToExport, responses(
    (status = 200, description = "the file, as it is made", body = Vec<u8>),
    (status = 400, description = "`bad_query`, with the `column`, counted from 1"),
))]
async fn events(
    State(state): State<AppState>,
    _caller: Caller,
    Json(body): Json<EventsToExport>,
) -> Result<Response, ApiError> {
    let order = match body.order.as_deref() {
        None | Some("newest") => Order::Newest,
        Some("oldest") => Order::Oldest,
        Some(word) => return Err(ApiError::BadRequest(format!("{word:?} is no order"))),
    };
    let scope = Scope {
        from: moment("from", body.from.as_ref())?.unwrap_or(Timestamp::MIN),
        to: moment("to", body.to.as_ref())?.unwrap_or(Timestamp::MAX),
        deadline: Some(Instant::now() + TIME),
        ..Scope::of(Predicate::parse(body.q.as_deref().unwrap_or(""))?)
    };
    let turn = turn(&state)?;
    let format = ExportFormat::from(body.format);
    let usual = || COLUMNS.iter().map(|&name| name.to_owned()).collect();
    let columns: Vec<String> = body.columns.filter(|named| !named.is_empty()).unwrap_or_else(usual);
    let stopper = Stopper(scope.stop.clone());
    let export = state.store.export_events(scope, order, usize::MAX, format, &columns)?;
    let open = Some((export, stopper, turn));
    let pieces = stream::unfold(open, |open| async {
        let (export, stopper, turn) = open?;
        let (export, next) = next_of(export).await?;
        match next {
            Ok(None) => None,
            Ok(Some(bytes)) => Some((Ok(bytes), Some((export, stopper, turn)))),
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok(file(Body::from_stream(pieces), format, "events"))
}

type Piece = Result<Option<Vec<u8>>, io::Error>;

/// Makes the next piece on a thread where that does no harm.
async fn next_of(mut export: EventsExport) -> Option<(EventsExport, Piece)> {
    let made = tokio::task::spawn_blocking(move || {
        let next = export.next_bytes().map_err(io::Error::other);
        (export, next)
    });
    // It panicked, or the product stops: the connection breaks.
    made.await.ok()
}

/// Ends the search of an export whose reader went away.
struct Stopper(store::Stop);

impl Drop for Stopper {
    fn drop(&mut self) {
        self.0.stop();
    }
}

fn turn(state: &AppState) -> Result<OwnedSemaphorePermit, ApiError> {
    let turn = std::sync::Arc::clone(&state.exports).try_acquire_owned();
    turn.map_err(|_| ApiError::Busy("several exports are under way; try again when one is done"))
}

fn file(body: Body, format: ExportFormat, name: &str) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    let named = format!("attachment; filename=\"bartizan-{name}.{}\"", format.extension());
    if let Ok(named) = HeaderValue::from_str(&named) {
        headers.insert(header::CONTENT_DISPOSITION, named);
    }
    response
}
