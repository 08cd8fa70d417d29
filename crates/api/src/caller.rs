//! Who asks: the person behind a session's cookie, or the program that holds a token.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use catalog::{
    Admission, AuditEntry, Role, Session, SessionId, Subject, Token, TokenDigest, UserId,
};

use crate::listen::Peer;
use crate::refusals::Why;
use crate::{ApiError, App, AppState, clock, token};

const COOKIE: &str = "bartizan_session";
const CSRF_HEADER: &str = "x-bartizan-csrf";
/// How much of the name that a browser gives itself is kept.
const AGENT_CHARS_MAX: usize = 200;
/// How long one address waits at most to be told that its token is wrong.
const WRONG_TOKEN_WAIT_MAX: Duration = Duration::from_mins(5);

/// Somebody who is logged in, or whose program holds a token. A change that a session asks for carries the
/// page's token as well: a browser sends cookies by itself, but no token of a program.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) user: UserId,
    /// The user's name.
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) address: String,
    /// By what.
    by: By,
}

#[derive(Debug)]
enum By {
    Session(SessionId),
    /// The token of this name.
    Token(String),
}

/// Somebody who is logged in as a person: what opens further doors is not for programs.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) caller: Caller,
    pub(crate) session: SessionId,
}

/// What a request brings to show who asks.
#[derive(Clone, Debug)]
pub(crate) enum Held {
    /// The token of a session.
    Cookie(Secret),
    /// The token of a program.
    Bearer(Secret),
}

/// A token in clear, which is never shown.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// A caller who may work on alerts.
#[derive(Debug)]
pub(crate) struct Analyst(pub(crate) Caller);

/// A caller who may see and change who else has access.
#[derive(Debug)]
pub(crate) struct Administrator;

/// From where and with what a request comes.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) ip: Option<IpAddr>,
    pub(crate) agent: String,
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let held = Held::of(&parts.headers)?;
        let reads = matches!(parts.method, Method::GET | Method::HEAD);
        let sent = parts.headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok());
        let is_own = match &held {
            Held::Cookie(Secret(held)) => {
                sent.is_some_and(|sent| token::is_equal(sent, &token::csrf_of(held)))
            }
            Held::Bearer(_) => true,
        };
        let client = Client::of(parts);
        let caller = state.blocking(move |app| app.caller(&held, &client)).await?;
        if reads || is_own { Ok(caller) } else { Err(ApiError::Csrf) }
    }
}

impl FromRequestParts<AppState> for Person {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        match caller.by {
            By::Session(session) => Ok(Self { caller, session }),
            By::Token(_) => Err(ApiError::NeedsPerson),
        }
    }
}

impl Held {
    /// Gives what a request brings; a program's token goes before a cookie. Another scheme is none of ours:
    /// browsers repeat to the console what a proxy before it asked of them.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        if let Some((kind, token)) = sent.and_then(|text| text.split_once(' '))
            && kind.eq_ignore_ascii_case("bearer")
        {
            return Ok(Self::Bearer(Secret(token.trim().to_owned())));
        }
        let cookie = token_of(headers).ok_or(ApiError::NotSignedIn)?;
        Ok(Self::Cookie(Secret(cookie.to_owned())))
    }
}

impl FromRequestParts<AppState> for Analyst {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        if caller.role < Role::Analyst {
            return Err(ApiError::Forbidden);
        }
        Ok(Self(caller))
    }
}

impl FromRequestParts<AppState> for Administrator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        if caller.role < Role::Administrator {
            return Err(ApiError::Forbidden);
        }
        Ok(Self)
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

    /// Gives who holds that; a token of nobody is counted.
    pub(crate) fn caller(&self, held: &Held, client: &Client) -> Result<Caller, ApiError> {
        let address = client.address();
        match held {
            Held::Cookie(Secret(held)) => {
                let Session { id, user, name, role, .. } =
                    self.session_of(held)?.ok_or(ApiError::NotSignedIn)?;
                Ok(Caller { user, name, role, address, by: By::Session(id) })
            }
            Held::Bearer(Secret(held)) => {
                let now = clock::now();
                let found = self.catalog.token(TokenDigest::of(held))?;
                let Some(token) = found.filter(|token| token.is_good(now)) else {
                    return Err(self.wrong_token(client)?);
                };
                self.catalog.use_token(&token, &address, now)?;
                let Token { user, user_name, name, role, .. } = token;
                Ok(Caller { user, name: user_name, role, address, by: By::Token(name) })
            }
        }
    }

    /// Tells whether what opened a stream still does.
    pub(crate) fn is_still_good(&self, held: &Held) -> bool {
        match held {
            Held::Cookie(Secret(held)) => matches!(self.session_of(held), Ok(Some(_))),
            Held::Bearer(Secret(held)) => {
                let found = self.catalog.token(TokenDigest::of(held));
                found.is_ok_and(|token| token.is_some_and(|token| token.is_good(clock::now())))
            }
        }
    }

    /// Counts a token that opens nothing. Whoever tries many has to wait for the answer that it is wrong; a
    /// right one is never made to wait, since none can be guessed.
    fn wrong_token(&self, client: &Client) -> Result<ApiError, ApiError> {
        self.hold_off(Why::WrongToken, client)?;
        let name = format!("token {}", network_of(client.ip));
        let subject = Subject { name: &name, wait_max: WRONG_TOKEN_WAIT_MAX };
        Ok(match self.catalog.admit_attempt(&[subject], clock::now())? {
            Admission::Granted => ApiError::WrongToken,
            Admission::Wait(wait) => ApiError::TooManyAttempts(wait),
        })
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
        let detail = match &self.by {
            By::Session(_) => detail,
            By::Token(name) if detail.is_empty() => format!("by the token {name}"),
            By::Token(name) => format!("{detail}; by the token {name}"),
        };
        Done { by: &self.name, address: &self.address, action, detail }
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

/// Gives what one household shares: an IPv4 address, or the first half of an IPv6 address.
pub(crate) fn network_of(ip: Option<IpAddr>) -> String {
    match ip {
        None => "unknown".to_owned(),
        Some(IpAddr::V4(ip)) => ip.to_string(),
        Some(IpAddr::V6(ip)) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}
