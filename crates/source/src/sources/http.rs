//! Records posted over HTTP, answered only when they are durable.
//!
//! ```text
//! POST /ingest
//! Authorization: Bearer …
//! Content-Type: application/json         one JSON array: a record each element; text: a record each line
//! Content-Encoding: gzip                 optional
//! X-Batch-Id: 3f2c…                      optional: a name for this batch, up to 128 characters
//!
//! 200 {"accepted": 2}
//! ```
//!
//! 429 asks for another try after `Retry-After` seconds; 503 and 507 mean that the records could not be
//! kept. A sender that gets no answer must send again, so a record may come twice, but never gets lost.
//! Where the sender names its batches, one that comes again from the same address with the same records
//! within ten minutes is answered as before and kept once, across restarts too.

mod body;
mod connections;
mod repeats;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use crossbeam_channel::TrySendError;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use model::{Batch, Checkpoint, Origin, Receipt, Record, Refusal};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use tokio::sync::{Semaphore, oneshot};

use super::Source;
use super::shared::bind;
use crate::config::Faults;
use crate::input::{Counted, Input, now};
use crate::outlet::{Outlet, Stop};
use crate::running::{SourceError, Starter};
use body::{BodyError, Encoding, Kind, Posted};
use connections::{Connections, Peer};

pub(crate) const SOURCE: Source =
    Source { id: "http", summary: "records posted to /ingest as JSON or lines", start };

/// Requests whose bodies are held at one time; more wait for a second, and are then asked to come
/// again.
const REQUESTS_MAX: usize = 16;
const ROOM_TIME_MAX: Duration = Duration::from_secs(1);
/// Names a batch, so that it is kept once although it is sent again.
const BATCH_HEADER: &str = "x-batch-id";
const BATCH_NAME_BYTES_MAX: usize = 128;
const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a sender waits for its receipt.
const RECEIPT_TIME_MAX: Duration = Duration::from_secs(30);
const TOKEN_BYTES_MAX: usize = 4096;

/// `[inputs.http]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Whether it is on.
    pub enabled: bool,
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// What senders must show as their bearer token. Only an address that others cannot reach may go
    /// without.
    pub token: Option<String>,
    /// A file that holds the token.
    pub token_file: Option<String>,
    /// The longest body, as it is sent.
    pub body_bytes_max: usize,
    /// The longest body, once unpacked.
    pub unpacked_bytes_max: usize,
    /// How many records one request may bring.
    pub records_max: usize,
    /// Where a record is cut.
    pub line_bytes_max: usize,
    /// The format of the records; otherwise it is recognised record by record.
    pub format: Option<String>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            listen: SocketAddr::from(([127, 0, 0, 1], 8441)),
            token: None,
            token_file: None,
            body_bytes_max: 8 * 1024 * 1024,
            unpacked_bytes_max: 32 * 1024 * 1024,
            records_max: 100_000,
            line_bytes_max: 1024 * 1024,
            format: None,
        }
    }
}

impl HttpConfig {
    pub(crate) fn validate(&self, path: &str, faults: &mut Faults) {
        if self.token.is_some() && self.token_file.is_some() {
            faults.add(format!("{path}.token_file"), "give either token or token_file, not both");
        }
        let open = self.token.is_none() && self.token_file.is_none();
        if self.enabled && open && !self.listen.ip().is_loopback() {
            let message = "an address that others can reach needs a token or token_file";
            faults.add(format!("{path}.token"), message);
        }
        if self.token.as_deref().is_some_and(|token| !is_token(token)) {
            faults.add(format!("{path}.token"), "must be visible ASCII, and not empty");
        }
        let body_max = 256 * 1024 * 1024;
        faults.within(format!("{path}.body_bytes_max"), self.body_bytes_max, 1024..=body_max);
        let unpacked = self.unpacked_bytes_max;
        faults.within(format!("{path}.unpacked_bytes_max"), unpacked, 1024..=4 * body_max);
        faults.within(format!("{path}.records_max"), self.records_max, 1..=10_000_000);
        faults.line_bytes(path, self.line_bytes_max);
    }

    /// Gives the token, from its file where it has one.
    fn read_token(&self) -> Result<Option<String>, SourceError> {
        let Some(path) = &self.token_file else { return Ok(self.token.clone()) };
        let failed = |error| SourceError::Read { path: path.clone(), error };
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let token = text.trim();
        if is_token(token) {
            return Ok(Some(token.to_owned()));
        }
        Err(failed(std::io::Error::other("holds no token of visible ASCII")))
    }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.len() <= TOKEN_BYTES_MAX && text.bytes().all(|b| b.is_ascii_graphic())
}

fn start(starter: &mut Starter<'_>) -> Result<(), SourceError> {
    let config = &starter.config.http;
    if !config.enabled {
        return Ok(());
    }
    let token = config.read_token()?;
    let failed = |error| SourceError::Listen { input: SOURCE.id, address: config.listen, error };
    let listener = bind(config.listen).map_err(failed)?;
    let input = Input::listening(SOURCE.id, listener.local_addr().map_err(failed)?);
    let format = config.format.clone();
    let shared = Arc::new(Shared {
        input: Arc::clone(&input),
        outlet: starter.outlet.clone(),
        origin: Origin { format, ..starter.origin(SOURCE.id) },
        config: config.clone(),
        token,
        room: Semaphore::new(REQUESTS_MAX),
    });
    let connections = Connections::new(listener, Arc::clone(&input));
    starter.spawn(&input, serve(connections, shared, starter.stop.clone()));
    Ok(())
}

struct Shared {
    input: Arc<Input>,
    outlet: Outlet,
    origin: Origin,
    config: HttpConfig,
    token: Option<String>,
    room: Semaphore,
}

async fn serve(connections: Connections, shared: Arc<Shared>, mut stop: Stop) {
    let input = Arc::clone(&shared.input);
    let router = Router::new()
        .route("/ingest", post(ingest))
        .route("/healthz", get(async || "ok\n"))
        .fallback(async || Refused::NotFound)
        .with_state(shared);
    let service = router.into_make_service_with_connect_info::<Peer>();
    let served = axum::serve(connections, service)
        .with_graceful_shutdown(async move { stop.told().await })
        .await;
    if let Err(error) = served {
        input.fault(&error.to_string());
    }
}

/// Takes the records of one request, and answers when they are durable.
async fn ingest(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<serde_json::Value>, Refused> {
    let accepted = accept(&shared, peer, &headers, body).await;
    match accepted {
        Ok(count) => Ok(Json(serde_json::json!({ "accepted": count }))),
        Err(refused) => {
            shared.input.refused();
            Err(refused)
        }
    }
}

async fn accept(
    shared: &Arc<Shared>,
    peer: IpAddr,
    headers: &HeaderMap,
    body: Body,
) -> Result<u64, Refused> {
    if !may_enter(shared.token.as_deref(), headers) {
        return Err(Refused::Unauthorized);
    }
    let encoding = Encoding::of(text_of(headers, &header::CONTENT_ENCODING))?;
    let kind = Kind::of(text_of(headers, &header::CONTENT_TYPE));
    let name = batch_name(headers)?;
    // Nothing of the body is read before there is room for it.
    let room = tokio::time::timeout(ROOM_TIME_MAX, shared.room.acquire()).await;
    let _room = room.ok().and_then(Result::ok).ok_or(Refused::Busy)?;
    let bytes = read(body, shared.config.body_bytes_max).await?;
    let posted = Posted { bytes, encoding, kind };
    let origin = Arc::new(Origin { peer: Some(peer), ..shared.origin.clone() });
    let config = shared.config.clone();
    // Unpacking and cutting some megabytes would hold up the other connections of this thread.
    let cut = move || posted.cut(&config, &origin).map(|chunk| chunk.into_records(now()));
    let records = tokio::task::spawn_blocking(cut)
        .await
        .map_err(|_| Refused::Failed("a defect ended the request".to_owned()))??;
    let checkpoint = name.map(|name| repeats::checkpoint(&name, peer, &records));
    hand_on(shared, records, checkpoint).await
}

/// Gives the sender's name for the batch.
fn batch_name(headers: &HeaderMap) -> Result<Option<String>, Refused> {
    let Some(name) = headers.get(BATCH_HEADER) else { return Ok(None) };
    match name.to_str() {
        Ok(name) if is_token(name) && name.len() <= BATCH_NAME_BYTES_MAX => {
            Ok(Some(name.to_owned()))
        }
        _ => Err(BodyError::Invalid(format!(
            "{BATCH_HEADER} must be 1 to {BATCH_NAME_BYTES_MAX} visible ASCII characters"
        ))
        .into()),
    }
}

/// Hands records on and waits until they are durable.
async fn hand_on(
    shared: &Shared,
    records: Vec<Record>,
    checkpoint: Option<Checkpoint>,
) -> Result<u64, Refused> {
    let counted = Counted::of(&records);
    if records.is_empty() {
        return Ok(0);
    }
    let (told, outcome) = oneshot::channel();
    let receipt = Receipt::new(move |outcome| {
        // The sender may have gone away meanwhile; the records are kept all the same.
        let _ = told.send(outcome);
    });
    let checkpoints = checkpoint.into_iter().collect();
    let batch = Batch { records, checkpoints, receipt: Some(receipt) };
    shared.outlet.offer(batch).map_err(|error| match error {
        TrySendError::Full(_) => Refused::Busy,
        TrySendError::Disconnected(_) => Refused::Failed("the line has ended".to_owned()),
    })?;
    match tokio::time::timeout(RECEIPT_TIME_MAX, outcome).await {
        Ok(Ok(Ok(()))) => {
            shared.input.count(&counted);
            Ok(counted.records)
        }
        Ok(Ok(Err(Refusal::Busy))) => Err(Refused::Busy),
        Ok(Ok(Err(Refusal::Failed(text)))) => Err(Refused::Failed(text)),
        Ok(Err(_)) => Err(Refused::Failed("the line has ended".to_owned())),
        Err(_) => Err(Refused::Failed("not durable in time".to_owned())),
    }
}

async fn read(body: Body, bytes_max: usize) -> Result<Bytes, Refused> {
    let read = Limited::new(body, bytes_max).collect();
    match tokio::time::timeout(BODY_TIME_MAX, read).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLong.into()),
        Ok(Err(error)) => Err(BodyError::Invalid(error.to_string()).into()),
        Err(_) => Err(Refused::Slow),
    }
}

fn text_of<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn may_enter(token: Option<&str>, headers: &HeaderMap) -> bool {
    let Some(token) = token else { return true };
    let shown = text_of(headers, &header::AUTHORIZATION);
    let Some((scheme, shown)) = shown.split_once(' ') else { return false };
    // Takes as long for a token that is nearly right as for one that is all wrong.
    scheme.eq_ignore_ascii_case("bearer") && token.as_bytes().ct_eq(shown.trim().as_bytes()).into()
}

/// Why a request was refused; alone knows status codes.
#[derive(Debug)]
enum Refused {
    Unauthorized,
    NotFound,
    Slow,
    Busy,
    Body(BodyError),
    Failed(String),
}

impl From<BodyError> for Refused {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl Refused {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::Body(BodyError::TooLong | BodyError::TooMany) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body(BodyError::Encoding) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Body(BodyError::Invalid(_)) => StatusCode::BAD_REQUEST,
            Self::Failed(text) if is_disk_full(text) => StatusCode::INSUFFICIENT_STORAGE,
            Self::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn code_and_detail(&self) -> (&'static str, &str) {
        match self {
            Self::Unauthorized => ("unauthorized", "a bearer token is asked for"),
            Self::NotFound => ("not_found", "records are posted to /ingest"),
            Self::Slow => ("body_too_slow", "the body did not come in time"),
            Self::Busy => ("busy", "there is no room at the moment"),
            Self::Body(BodyError::TooLong) => ("body_too_long", "the body is too long"),
            Self::Body(BodyError::TooMany) => ("too_many_records", "send fewer records at a time"),
            Self::Body(BodyError::Encoding) => ("unknown_encoding", "only gzip is understood"),
            Self::Body(BodyError::Invalid(text)) => ("bad_body", text),
            Self::Failed(text) => ("not_durable", text),
        }
    }
}

/// The refusal of a full disk comes as text.
fn is_disk_full(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["no space left", "disk is full", "disk full", "quota exceeded"]
        .iter()
        .any(|words| text.contains(words))
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = self.status();
        let (code, detail) = self.code_and_detail();
        let problem = serde_json::json!({
            "type": "about:blank",
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "code": code,
            "detail": detail,
        });
        let mut response = (status, problem.to_string()).into_response();
        let headers = response.headers_mut();
        let value = header::HeaderValue::from_static;
        headers.insert(header::CONTENT_TYPE, value("application/problem+json"));
        match self {
            Self::Busy => headers.insert(header::RETRY_AFTER, value("1")),
            Self::Failed(_) => headers.insert(header::RETRY_AFTER, value("10")),
            Self::Unauthorized => headers.insert(header::WWW_AUTHENTICATE, value("Bearer")),
            _ => None,
        };
        response
    }
}

#[cfg(test)]
mod tests;
