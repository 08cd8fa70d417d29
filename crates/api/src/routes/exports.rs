//! `/sql/export` and `/events/export`: answers as files, whole, as they are found.
//!
//! A file that could not be finished ends with a broken connection, so that no half of one passes
//! for the whole. Closing the connection ends the query. What a whole file lacks, because it could not be
//! read, cannot be known before its end: the header `x-bartizan-export` names it, and `/exports/NAME`
//! tells it afterwards.

use std::io;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use model::Timestamp;
use query::Predicate;
use serde::{Deserialize, Serialize};
use store::{EventsExport, Export, ExportFormat, Order, Scope, SqlLimits};
use tokio::sync::OwnedSemaphorePermit;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::Caller;
use crate::downloads::FateState;
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
    OpenApiRouter::new().routes(routes!(sql)).routes(routes!(events)).routes(routes!(fate))
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

/// The header that names an export.
const NAME_HEADER: HeaderName = HeaderName::from_static("x-bartizan-export");

/// What became of an export.
#[derive(Serialize, ToSchema)]
struct ExportFate {
    /// `running`, `whole` or `broken`.
    state: &'static str,
    /// How long the file is so far.
    bytes: u64,
    /// What could not be read, a sentence for each segment; the file has what is left.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// Tells what became of one of one's own exports; those of late are remembered.
#[utoipa::path(get, path = "/exports/{name}", params(("name" = String, Path)), responses(
    (status = 200, body = ExportFate), (status = 404),
))]
async fn fate(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Json<ExportFate>, ApiError> {
    let fate = state.downloads.fate(&name, caller.user);
    let fate = fate.ok_or(ApiError::NotFound("export"))?;
    let word = match fate.state {
        FateState::Running => "running",
        FateState::Whole => "whole",
        FateState::Broken => "broken",
    };
    Ok(Json(ExportFate { state: word, bytes: fate.bytes, warnings: fate.warnings }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SqlExport {
    /// One `SELECT` on `events`, `alerts`, `alert_events` or `fields`.
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
    caller: Caller,
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
    let download = state.downloads.begin(caller.user)?;
    let named = Named { format, what: "query", id: download.id.clone() };
    let pieces = stream::unfold(Some((export, download, turn)), |open| async {
        let (mut export, download, turn) = open?;
        match export.next().await {
            Ok(None) => {
                download.end(export.unreadable());
                None
            }
            Ok(Some(bytes)) => {
                download.add(&bytes);
                Some((Ok(bytes), Some((export, download, turn))))
            }
            Err(error) => Some((Err(io::Error::other(error)), None)),
        }
    });
    Ok(file(Body::from_stream(pieces), named))
}

/// Gives all events of a search as a file, in order, as they are at one moment.
#[utoipa::path(post, path = "/events/export", request_body = EventsToExport, responses(
    (status = 200, description = "the file, as it is made", body = Vec<u8>),
    (status = 400, description = "`bad_query`, with the `column`, counted from 1"),
))]
async fn events(
    State(state): State<AppState>,
    caller: Caller,
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
    let download = state.downloads.begin(caller.user)?;
    let named = Named { format, what: "events", id: download.id.clone() };
    let open = Some((export, download, stopper, turn));
    let pieces = stream::unfold(open, |open| async {
        let (export, download, stopper, turn) = open?;
        let (export, next) = next_of(export).await?;
        match next {
            Ok(None) => {
                download.end(export.unreadable());
                None
            }
            Ok(Some(bytes)) => {
                download.add(&bytes);
                Some((Ok(bytes), Some((export, download, stopper, turn))))
            }
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok(file(Body::from_stream(pieces), named))
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

/// What the headers of a file say.
struct Named {
    format: ExportFormat,
    what: &'static str,
    id: String,
}

fn file(body: Body, named: Named) -> Response {
    let Named { format, what, id } = named;
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    let named = format!("attachment; filename=\"bartizan-{what}.{}\"", format.extension());
    if let Ok(named) = HeaderValue::from_str(&named) {
        headers.insert(header::CONTENT_DISPOSITION, named);
    }
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(NAME_HEADER, id);
    }
    response
}
