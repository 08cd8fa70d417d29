//! `/sql`: questions to the events in SQL, read-only.

use std::time::{Duration, Instant};

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use store::{Cell, SqlLimits};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::shared::millis;
use crate::caller::Caller;
use crate::extract::{Bounds, Json, bounded};
use crate::{ApiError, AppState};

const ROWS: Bounds = Bounds { default: 1_000, max: 10_000 };
/// The length of an answer's texts together; past it, the answer is cut off.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The length of a question.
const SQL_BYTES_MAX: usize = 64 * 1024;
/// What remains of a request's time for what comes after the query.
const REST: Duration = Duration::from_secs(5);

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(sql)).routes(routes!(schema)).routes(routes!(functions))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SqlBody {
    /// One `SELECT` on `events`, `alerts`, `alert_events` or `fields`.
    sql: String,
    /// 1 to 10,000; 1,000 by default.
    limit: Option<u32>,
}

#[derive(Serialize, ToSchema)]
struct SqlResult {
    columns: Vec<ColumnView>,
    #[schema(value_type = Vec<Vec<Object>>)]
    rows: Vec<Vec<Value>>,
    /// Whether there are more rows.
    truncated: bool,
    took_ms: u64,
    /// What could not be read, a sentence for each segment; the answer is from what is left.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct ColumnView {
    name: String,
    /// `text`, `integer`, `float`, `flag` or `time`.
    #[serde(rename = "type")]
    kind: &'static str,
}

/// Answers one question in SQL.
#[utoipa::path(post, path = "/sql", request_body = SqlBody, responses(
    (status = 200, body = SqlResult),
    (status = 400, description = "`bad_sql`, with `line` and `column` where they are known"),
))]
async fn sql(
    State(state): State<AppState>,
    _caller: Caller,
    Json(body): Json<SqlBody>,
) -> Result<Json<SqlResult>, ApiError> {
    let begun = Instant::now();
    let limit = usize::try_from(bounded("limit", body.limit, ROWS)?).unwrap_or(usize::MAX);
    if body.sql.len() > SQL_BYTES_MAX {
        return Err(ApiError::TooLarge);
    }
    let turn = state.searches.acquire().await;
    let _turn = turn.map_err(|_| ApiError::Busy("the product is stopping"))?;
    let deadline = Some(begun + state.config.deadline.saturating_sub(REST).max(REST / 5));
    let mut found = state.store.sql(&body.sql, SqlLimits { rows: limit, deadline }).await?;
    let column = |column: &store::Column| ColumnView {
        name: column.name.clone(),
        kind: column.kind.as_str(),
    };
    let columns = found.columns().iter().map(column).collect();
    let mut rows = Vec::new();
    let mut room = Room { bytes: ANSWER_BYTES_MAX };
    while let Some(batch) = found.next().await? {
        let fitting = batch.into_iter().take_while(|cells| room.takes(cells));
        rows.extend(fitting.map(|cells| cells.into_iter().map(value).collect()));
        if room.bytes == 0 {
            break;
        }
    }
    let truncated = room.bytes == 0 || found.is_truncated();
    let warnings = found.unreadable();
    Ok(Json(SqlResult { columns, rows, truncated, took_ms: millis(begun), warnings }))
}

#[derive(Serialize, ToSchema)]
struct SqlSchema {
    items: Vec<SqlFieldView>,
}

/// A field that can be asked for.
#[derive(Serialize, ToSchema)]
struct SqlFieldView {
    name: String,
    /// `keyword`, `long`, `float`, `boolean`, `ip` or `date`; `unknown` of a field that is no column.
    kind: &'static str,
    meaning: &'static str,
    /// In how many stored events it occurs.
    events: u64,
    /// Whether `events` is that number; otherwise it is not more than that.
    exact: bool,
    /// Whether it is a column; otherwise `field('name')` gives it.
    column: bool,
}

/// Gives the fields that can be asked for, and in how many events each occurs.
#[utoipa::path(get, path = "/sql/schema", responses((status = 200, body = SqlSchema)))]
async fn schema(
    State(state): State<AppState>,
    _caller: Caller,
) -> Result<Json<SqlSchema>, ApiError> {
    let fields = state.searching(|app| Ok(app.store.sql_fields()?)).await?;
    let view = |field: store::SqlField| SqlFieldView {
        name: field.name,
        kind: field.kind,
        meaning: field.meaning,
        events: field.events,
        exact: field.is_exact,
        column: field.is_column,
    };
    Ok(Json(SqlSchema { items: fields.into_iter().map(view).collect() }))
}

#[derive(Serialize, ToSchema)]
struct SqlFunctions {
    items: Vec<SqlFunctionView>,
}

/// A function beside those of standard SQL.
#[derive(Serialize, ToSchema)]
struct SqlFunctionView {
    call: &'static str,
    gives: &'static str,
    example: &'static str,
}

/// Gives the functions beside those of standard SQL.
#[utoipa::path(get, path = "/sql/functions", responses((status = 200, body = SqlFunctions)))]
async fn functions(_caller: Caller) -> Json<SqlFunctions> {
    let view = |function: &store::SqlFunction| SqlFunctionView {
        call: function.call,
        gives: function.gives,
        example: function.example,
    };
    Json(SqlFunctions { items: store::SQL_FUNCTIONS.iter().map(view).collect() })
}

/// What is left of an answer's length.
struct Room {
    bytes: usize,
}

impl Room {
    /// Takes a row's length off; gives `false`, and is empty from then on, where it does not fit.
    fn takes(&mut self, cells: &[Cell]) -> bool {
        let length = |cell: &Cell| match cell {
            Cell::Text(text) => text.len() + 3,
            _ => 24,
        };
        let needed: usize = cells.iter().map(length).sum();
        let left = self.bytes.checked_sub(needed).filter(|left| *left > 0);
        self.bytes = left.unwrap_or(0);
        left.is_some()
    }
}

fn value(cell: Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Text(text) => Value::String(text),
        Cell::Integer(number) => number.into(),
        // JSON has no infinities.
        Cell::Float(number) => Number::from_f64(number).map_or(Value::Null, Value::Number),
        Cell::Flag(flag) => flag.into(),
        Cell::Time(time) => Value::String(time.to_string()),
    }
}
