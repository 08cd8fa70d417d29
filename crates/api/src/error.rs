//! Every way in which a request fails, and what the client is told of it (RFC 9457).

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use catalog::CatalogError;
use query::SyntaxError;
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::StoreError;
use triage::TriageError;

/// Why a request failed; alone knows status codes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("{0}")]
    BadRequest(String),
    #[error("column {}: {}", .0.column, .0.message)]
    BadQuery(SyntaxError),
    #[error("{message}")]
    BadSql { message: String, place: Option<(u64, u64)> },
    #[error("log in first")]
    NotSignedIn,
    #[error("user or password is wrong")]
    WrongCredentials,
    #[error("the token is wrong, expired or revoked")]
    WrongToken,
    #[error("this is for people who logged in; a token does not allow it")]
    NeedsPerson,
    #[error("a token's name has 1 to 64 characters that can be seen")]
    BadTokenName,
    #[error("too many attempts; try again in {} s", whole_seconds(*.0))]
    TooManyAttempts(Duration),
    #[error("the x-bartizan-csrf header is missing or wrong; load the page anew")]
    Csrf,
    #[error("the request comes from another site")]
    WrongOrigin,
    #[error("this console is not served under that host name")]
    WrongHost,
    #[error("your role does not allow this")]
    Forbidden,
    #[error("the set-up link is wrong, used or too old; a restart prints a new one")]
    SetupExpired,
    #[error("a password has 10 to 256 characters")]
    WeakPassword,
    #[error("a user name has 1 to 64 of the characters a-z 0-9 . _ @ -")]
    BadUserName,
    #[error("there is no user {0:?}")]
    UnknownUser(String),
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("it was changed meanwhile")]
    Changed { version: u64 },
    #[error("{0}")]
    Unfit(String),
    #[error("{} in what was given", plural(.0.len()))]
    Faulty(Vec<crate::RuleFault>),
    #[error("this edit cannot be taken back any more")]
    CannotUndo,
    #[error("the request's body is too long")]
    TooLarge,
    #[error("{0}")]
    Busy(&'static str),
    #[error("it took too long and was given up; narrow the time range or the query")]
    Deadline,
    /// The text is for our own trace, not for the client.
    #[error("{0}")]
    Internal(String),
}

/// What the client is told; kept beside the response until the request's id is known.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    more: Map<String, Value>,
}

/// The shape of a problem, for the API's description.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemView {
    /// Always `about:blank`: the code tells more.
    #[serde(rename = "type")]
    kind: String,
    /// The status in words.
    title: String,
    /// The status.
    status: u16,
    /// What went wrong, for people.
    detail: String,
    /// What went wrong, for programs.
    code: String,
    /// Names this request in the product's own trace.
    request_id: String,
}

impl ApiError {
    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, "bad_request"),
            Self::BadQuery(_) => (StatusCode::BAD_REQUEST, "bad_query"),
            Self::BadSql { .. } => (StatusCode::BAD_REQUEST, "bad_sql"),
            Self::NotSignedIn => (StatusCode::UNAUTHORIZED, "not_signed_in"),
            Self::WrongCredentials => (StatusCode::UNAUTHORIZED, "wrong_credentials"),
            Self::WrongToken => (StatusCode::UNAUTHORIZED, "wrong_token"),
            Self::NeedsPerson => (StatusCode::FORBIDDEN, "needs_person"),
            Self::BadTokenName => (StatusCode::BAD_REQUEST, "bad_token_name"),
            Self::TooManyAttempts(_) => (StatusCode::TOO_MANY_REQUESTS, "too_many_attempts"),
            Self::Csrf => (StatusCode::FORBIDDEN, "csrf"),
            Self::WrongOrigin => (StatusCode::FORBIDDEN, "wrong_origin"),
            Self::WrongHost => (StatusCode::MISDIRECTED_REQUEST, "wrong_host"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
            Self::SetupExpired => (StatusCode::FORBIDDEN, "setup_expired"),
            Self::WeakPassword => (StatusCode::BAD_REQUEST, "weak_password"),
            Self::BadUserName => (StatusCode::BAD_REQUEST, "bad_user_name"),
            Self::UnknownUser(_) => (StatusCode::BAD_REQUEST, "unknown_user"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            Self::Changed { .. } => (StatusCode::PRECONDITION_FAILED, "changed"),
            Self::Faulty(_) => (StatusCode::BAD_REQUEST, "faulty_rule"),
            Self::Unfit(_) => (StatusCode::BAD_REQUEST, "unfit"),
            Self::CannotUndo => (StatusCode::CONFLICT, "cannot_undo"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::Deadline => (StatusCode::SERVICE_UNAVAILABLE, "deadline"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// Gives what a program can use beside the code.
    fn more(&self) -> Map<String, Value> {
        let members = match self {
            Self::BadQuery(error) => vec![("column", json!(error.column))],
            Self::BadSql { place: Some((line, column)), .. } => {
                vec![("line", json!(line)), ("column", json!(column))]
            }
            Self::TooManyAttempts(wait) => {
                vec![("retry_after_seconds", json!(whole_seconds(*wait)))]
            }
            Self::Faulty(faults) => vec![("faults", faults.iter().map(fault).collect())],
            Self::Changed { version } => vec![("version", json!(version))],
            _ => Vec::new(),
        };
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

fn fault(fault: &crate::RuleFault) -> Value {
    json!({ "line": fault.line, "column": fault.column, "message": fault.message })
}

fn plural(faults: usize) -> String {
    if faults == 1 { "1 fault".to_owned() } else { format!("{faults} faults") }
}

/// Rounds up, so that a client that waits as told is let in.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code) = self.status_and_code();
        let detail = match &self {
            Self::Internal(why) => {
                tracing::error!(%why, "a request failed");
                "the request failed; the trace of the product tells why".to_owned()
            }
            told => told.to_string(),
        };
        let problem = Problem { status, code, detail, more: self.more() };
        let mut response = status.into_response();
        if let Self::TooManyAttempts(wait) = self {
            let seconds = HeaderValue::from(whole_seconds(wait));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        if matches!(self, Self::WrongToken) {
            let scheme = HeaderValue::from_static("Bearer error=\"invalid_token\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response.extensions_mut().insert(problem);
        response
    }
}

impl Problem {
    /// Gives the problem of a response that has none of its own, such as a wrong method.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let code = match status {
            StatusCode::NOT_FOUND => "not_found",
            StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
            StatusCode::PAYLOAD_TOO_LARGE => "too_large",
            status if status.is_server_error() => "internal",
            _ => "bad_request",
        };
        let detail = status.canonical_reason().unwrap_or("the request failed").to_lowercase();
        Self { status, code, detail, more: Map::new() }
    }

    /// Gives the body.
    pub(crate) fn body(self, request_id: &str) -> String {
        let mut body = Map::new();
        body.insert("type".to_owned(), json!("about:blank"));
        body.insert("title".to_owned(), json!(self.status.canonical_reason()));
        body.insert("status".to_owned(), json!(self.status.as_u16()));
        body.insert("detail".to_owned(), json!(self.detail));
        body.insert("code".to_owned(), json!(self.code));
        body.extend(self.more);
        body.insert("request_id".to_owned(), json!(request_id));
        Value::Object(body).to_string()
    }
}

impl From<CatalogError> for ApiError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::OutOfRange(what) => Self::BadRequest(format!("{what} is out of range")),
            CatalogError::Taken(what) => Self::Unfit(format!("{what} is taken")),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<TriageError> for ApiError {
    fn from(error: TriageError) -> Self {
        match error {
            TriageError::NoAlert(_) => Self::NotFound("alert"),
            TriageError::Changed { version, .. } => Self::Changed { version },
            TriageError::Unfit(why) => Self::Unfit(why.to_owned()),
            TriageError::Final => Self::CannotUndo,
            TriageError::Catalog(error) => error.into(),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Sql { message, place } => Self::BadSql { message, place },
            StoreError::Deadline => Self::Deadline,
            StoreError::Busy { .. } => Self::Busy("the store is busy; try again"),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<SyntaxError> for ApiError {
    fn from(error: SyntaxError) -> Self {
        Self::BadQuery(error)
    }
}
