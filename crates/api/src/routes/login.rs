//! `/session`, `/setup`, `/login`, `/logout`: who is there, and how one gets in and out.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use catalog::{Admission, NewSession, NewUser, Role, Subject, TokenDigest, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Client, Done, Person, cookie, network_of, token_of};
use crate::extract::Json;
use crate::password::{fits, hash_password};
use crate::refusals::Why;
use crate::runtime::{LogIn, Method};
use crate::{ApiError, App, AppState, accounts, clock, token};

/// How long one address waits at most; many people may share it.
const ADDRESS_WAIT_MAX: Duration = Duration::from_mins(5);
/// How long one account waits at most: short, since a stranger can cause it.
const ACCOUNT_WAIT_MAX: Duration = Duration::from_secs(30);

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(session))
        .routes(routes!(setup))
        .routes(routes!(login))
        .routes(routes!(logout))
}

/// Where the console begins.
#[derive(Serialize, ToSchema)]
struct SessionView {
    /// `setup` before there is an administrator, `login`, or `in`.
    state: &'static str,
    user: Option<UserView>,
    /// What every change carries in `x-bartizan-csrf`.
    csrf: Option<String>,
    version: &'static str,
    demo: bool,
}

#[derive(Serialize, ToSchema)]
struct UserView {
    name: String,
    role: &'static str,
}

/// A name and a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    user: String,
    password: String,
}

/// The token of the one-time link, and the administrator to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Setup {
    token: String,
    user: String,
    password: String,
}

/// Tells who is logged in, if anybody.
#[utoipa::path(get, path = "/session", responses((status = 200, body = SessionView)))]
async fn session(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<Json<SessionView>, ApiError> {
    let held = token_of(&headers).map(str::to_owned);
    let view = state.blocking(move |app| {
        let session = match &held {
            Some(held) => app.session_of(held)?,
            None => None,
        };
        let state = match &session {
            Some(_) => "in",
            None if app.catalog.has_administrator()? => "login",
            None => "setup",
        };
        Ok(SessionView {
            state,
            csrf: held.filter(|_| session.is_some()).map(|held| token::csrf_of(&held)),
            user: session
                .map(|session| UserView { name: session.name, role: session.role.as_str() }),
            version: env!("CARGO_PKG_VERSION"),
            demo: app.config.demo,
        })
    });
    view.await.map(Json)
}

/// Makes the first administrator through the one-time link, and logs in.
#[utoipa::path(post, path = "/setup", request_body = Setup, responses(
    (status = 204), (status = 403, description = "`setup_expired`"),
))]
async fn setup(
    State(state): State<AppState>,
    client: Client,
    Json(setup): Json<Setup>,
) -> Result<Response, ApiError> {
    let turn = password_turn(&state).await?;
    let cookie = state.blocking(move |app| {
        let _turn = turn;
        let name = accounts::user_name(&setup.user).ok_or(ApiError::BadUserName)?;
        admit(app, None, &client)?;
        let password_hash = hash_password(&setup.password)?;
        let user = NewUser {
            name: &name,
            role: Role::Administrator,
            password_hash: &password_hash,
            at: clock::now(),
        };
        let made = app.catalog.use_setup(TokenDigest::of(&setup.token), &user)?;
        let Some(id) = made else {
            app.refuse(Why::WrongSetUpLink, &name, &client)?;
            return Err(ApiError::SetupExpired);
        };
        forget(app, None, &client)?;
        begin(app, Entrance { user: id, name: &name, method: Method::SetUp, client: &client })
    });
    Ok(entered(cookie.await?))
}

/// Logs in.
#[utoipa::path(post, path = "/login", request_body = Credentials, responses(
    (status = 204), (status = 401, description = "`wrong_credentials`"),
    (status = 429, description = "`too_many_attempts`, with `retry_after_seconds`"),
))]
async fn login(
    State(state): State<AppState>,
    client: Client,
    Json(given): Json<Credentials>,
) -> Result<Response, ApiError> {
    let turn = password_turn(&state).await?;
    let cookie = state.blocking(move |app| {
        let _turn = turn;
        // A name that nobody can have still costs a password check, and is counted all the same.
        let name = accounts::user_name(&given.user).unwrap_or_default();
        admit(app, Some(&name), &client)?;
        let user = app.catalog.user_by_name(&name)?;
        let kept = user.as_ref().filter(|user| !user.disabled);
        let fits = fits(&given.password, kept.map(|user| user.password_hash.as_str()));
        let id = match user {
            Some(user) if fits => user.id,
            other => {
                let why = other.map_or(Why::UnknownUser, |user| {
                    if user.disabled { Why::DisabledUser } else { Why::WrongPassword }
                });
                app.refuse(why, &given.user, &client)?;
                return Err(ApiError::WrongCredentials);
            }
        };
        forget(app, Some(&name), &client)?;
        begin(app, Entrance { user: id, name: &name, method: Method::Password, client: &client })
    });
    Ok(entered(cookie.await?))
}

/// Ends this session.
#[utoipa::path(post, path = "/logout", responses((status = 204), (status = 401)))]
async fn logout(
    State(state): State<AppState>,
    Person { caller, session }: Person,
) -> Result<Response, ApiError> {
    let removal = state.blocking(move |app| {
        app.catalog.end_session(caller.user, session)?;
        app.audit(caller.done("log_out", String::new()))?;
        Ok(cookie(app, ""))
    });
    Ok(entered(removal.await?))
}

/// Waits for the right to check one password. The wait is part of the request's deadline, and a
/// long line is refused at its end.
async fn password_turn(state: &AppState) -> Result<tokio::sync::OwnedSemaphorePermit, ApiError> {
    const WAIT_MAX: Duration = Duration::from_secs(5);
    let turn = Arc::clone(&state.password_checks).acquire_owned();
    match tokio::time::timeout(WAIT_MAX, turn).await {
        Ok(Ok(turn)) => Ok(turn),
        _ => Err(ApiError::Busy("too many log-ins at once; try again")),
    }
}

/// Counts an attempt, or says how long to wait.
fn admit(app: &App, name: Option<&str>, client: &Client) -> Result<(), ApiError> {
    let subjects = Subjects::of(name, client);
    match app.catalog.admit_attempt(&subjects.all(), clock::now())? {
        Admission::Granted => Ok(()),
        Admission::Wait(wait) => {
            app.hold_off(Why::TooSoon, client)?;
            Err(ApiError::TooManyAttempts(wait))
        }
    }
}

fn forget(app: &App, name: Option<&str>, client: &Client) -> Result<(), ApiError> {
    Ok(app.catalog.forget_attempts(&Subjects::of(name, client).all())?)
}

/// What attempts are counted by.
struct Subjects {
    address: String,
    account: Option<String>,
}

impl Subjects {
    fn of(name: Option<&str>, client: &Client) -> Self {
        Self {
            address: format!("address {}", network_of(client.ip)),
            account: name.map(|name| format!("account {name}")),
        }
    }

    fn all(&self) -> Vec<Subject<'_>> {
        let address = Subject { name: &self.address, wait_max: ADDRESS_WAIT_MAX };
        let account = self.account.as_deref();
        let account = account.map(|name| Subject { name, wait_max: ACCOUNT_WAIT_MAX });
        std::iter::once(address).chain(account).collect()
    }
}

/// Somebody who is let in.
struct Entrance<'a> {
    user: UserId,
    name: &'a str,
    method: Method,
    client: &'a Client,
}

/// Begins a session and gives its cookie.
fn begin(app: &App, entrance: Entrance<'_>) -> Result<String, ApiError> {
    let Entrance { user, name, method, client } = entrance;
    let action = if method == Method::SetUp { "set_up" } else { "log_in" };
    let token = token::random().map_err(|error| ApiError::Internal(error.to_string()))?;
    let address = client.address();
    let now = clock::now();
    app.catalog.forget_sessions(app.config.sessions, now)?;
    app.catalog.begin_session(&NewSession {
        user,
        token: TokenDigest::of(&token),
        address: &address,
        agent: &client.agent,
        at: now,
    })?;
    app.audit(Done { by: name, address: &address, action, detail: client.agent.clone() })?;
    // Nobody was known before the first.
    if method == Method::SetUp {
        return Ok(cookie(app, &token));
    }
    app.runtime.tell_log_in(&LogIn {
        at: now,
        user: name.to_owned(),
        address: client.ip,
        from: address,
        agent: client.agent.clone(),
        refused: None,
        method,
        times: 1,
    });
    Ok(cookie(app, &token))
}

fn entered(cookie: String) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
