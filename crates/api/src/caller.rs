//! Who asks: the session behind a request's cookie.

use std::net::IpAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use catalog::{AuditEntry, Role, Session, TokenDigest};

use crate::listen::Peer;
use crate::{ApiError, App, AppState, clock, token};

const COOKIE: &str = "bartizan_session";
const CSRF_HEADER: &str = "x-bartizan-csrf";
/// How much of the name that a browser gives itself is kept.
const AGENT_CHARS_MAX: usize = 200;

/// Somebody who is logged in. A change carries the page's token as well.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) session: Session,
    pub(crate) address: String,
}

/// A caller who may work on alerts.
#[derive(Debug)]
pub(crate) struct Analyst(pub(crate) Caller);

/// From where and with what a request comes.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) ip: Option<IpAddr>,
    pub(crate) agent: String,
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let held = token_of(&parts.headers).ok_or(ApiError::NotSignedIn)?.to_owned();
        let reads = matches!(parts.method, Method::GET | Method::HEAD);
        let sent = parts.headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok());
        let is_own = sent.is_some_and(|sent| token::is_equal(sent, &token::csrf_of(&held)));
        let address = Client::of(parts).address();
        let session = state.blocking(move |app| app.session_of(&held)).await?;
        let session = session.ok_or(ApiError::NotSignedIn)?;
        if !reads && !is_own {
            return Err(ApiError::Csrf);
        }
        Ok(Self { session, address })
    }
}

impl FromRequestParts<AppState> for Analyst {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        if caller.session.role < Role::Analyst {
            return Err(ApiError::Forbidden);
        }
        Ok(Self(caller))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts))
    }
}

impl Client {
    fn of(parts: &Parts) -> Self {
        let peer = parts.extensions.get::<ConnectInfo<Peer>>();
        let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        Self {
            ip: peer.map(|ConnectInfo(Peer(peer))| peer.ip().to_canonical()),
            agent: agent.unwrap_or("").chars().take(AGENT_CHARS_MAX).collect(),
        }
    }

    /// Gives the address as text.
    pub(crate) fn address(&self) -> String {
        self.ip.map_or_else(|| "unknown".to_owned(), |ip| ip.to_string())
    }
}

impl App {
    /// Gives the session of a token.
    pub(crate) fn session_of(&self, held: &str) -> Result<Option<Session>, ApiError> {
        let digest = TokenDigest::of(held);
        Ok(self.catalog.session(digest, self.config.sessions, clock::now())?)
    }

    /// Records what a caller did.
    pub(crate) fn audit(&self, done: Done<'_>) -> Result<(), ApiError> {
        let entry = AuditEntry {
            at: clock::now(),
            by: done.by.to_owned(),
            address: done.address.to_owned(),
            action: done.action.to_owned(),
            detail: done.detail,
        };
        Ok(self.catalog.audit(&entry)?)
    }
}

/// Something that somebody did.
#[derive(Debug)]
pub(crate) struct Done<'a> {
    pub(crate) by: &'a str,
    pub(crate) address: &'a str,
    pub(crate) action: &'static str,
    pub(crate) detail: String,
}

impl Caller {
    /// Names what the caller did, for the audit.
    pub(crate) fn done(&self, action: &'static str, detail: String) -> Done<'_> {
        Done { by: &self.session.name, address: &self.address, action, detail }
    }
}

/// Gives the session's token of a request's cookies.
pub(crate) fn token_of(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs =
        cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| name.trim() == COOKIE).map(|(_, value)| value.trim())
}

/// Gives the cookie that holds a session's token, or that removes it where it is empty.
pub(crate) fn cookie(app: &App, token: &str) -> String {
    let seconds = if token.is_empty() { 0 } else { app.config.sessions.whole.as_secs() };
    let secure = if app.config.secure_cookies { "; Secure" } else { "" };
    format!("{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}{secure}")
}
