//! What holds for every request: its id, its deadline, its panics, whose host and site it comes
//! from, and the headers of every response.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tracing::Instrument;

use crate::error::Problem;
use crate::{ApiError, AppState, Hosts, token};

/// What a page of the console may do: nothing but what its own server gave it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
     trusted-types svelte-trusted-html";

static HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Wraps every request.
pub(crate) async fn guard(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let id = request_id();
    let path = request.uri().path().to_owned();
    let span = tracing::info_span!("request", id, method = %request.method(), path);
    let mut response = match admit(&state, &request) {
        Ok(()) => run(&state, request, next).instrument(span).await,
        Err(error) => error.into_response(),
    };
    let is_api = path.starts_with("/api/");
    let failed = response.status().is_client_error() || response.status().is_server_error();
    let problem = response.extensions_mut().remove::<Problem>();
    let problem =
        problem.or_else(|| (failed && is_api).then(|| Problem::of_status(response.status())));
    if let Some(problem) = problem {
        *response.body_mut() = Body::from(problem.body(&id));
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        headers.remove(header::CONTENT_LENGTH);
    }
    let headers = response.headers_mut();
    for (name, value) in &HEADERS {
        headers.insert(name.clone(), HeaderValue::from_static(value));
    }
    if is_api {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    response
}

/// Runs a handler to its end, its deadline, or its panic.
async fn run(state: &AppState, request: Request, next: Next) -> Response {
    let handled = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(state.config.deadline, handled).await {
        Ok(Ok(response)) => response,
        Ok(Err(_panic)) => ApiError::Internal("a handler panicked".to_owned()).into_response(),
        Err(_elapsed) => ApiError::Deadline.into_response(),
    }
}

fn admit(state: &AppState, request: &Request) -> Result<(), ApiError> {
    let host = host(request);
    if !is_own_host(&state.config.hosts, host) {
        return Err(ApiError::WrongHost);
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !reads && !is_own_site(request.headers(), host) {
        return Err(ApiError::WrongOrigin);
    }
    Ok(())
}

/// Gives the host that the client believes to speak to, with its port.
fn host(request: &Request) -> &str {
    let header = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    header.or_else(|| request.uri().authority().map(Authority::as_str)).unwrap_or("")
}

/// Tells whether the console answers under that name. A site whose name was pointed at this machine
/// would otherwise share an origin with it.
fn is_own_host(hosts: &Hosts, host: &str) -> bool {
    let named: &[String] = match hosts {
        Hosts::Any => return true,
        Hosts::Loopback => &[],
        Hosts::Named(names) => names,
    };
    let name = name_of(host);
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.is_ok_and(|address| address.is_loopback())
        || name.eq_ignore_ascii_case("localhost")
        || named.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// Removes the port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Tells whether a change was asked for by a page of the console, or by no browser at all.
fn is_own_site(headers: &HeaderMap, host: &str) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let same_site = matches!(text("sec-fetch-site"), None | Some("same-origin" | "none"));
    let same_origin = text("origin").is_none_or(|origin| {
        origin.split_once("://").is_some_and(|(_, own)| own.eq_ignore_ascii_case(host))
    });
    same_site && same_origin
}

/// Names a request: the run of the process, and a number.
fn request_id() -> String {
    static RUN: LazyLock<String> =
        LazyLock::new(|| token::random().unwrap_or_default().chars().take(6).collect());
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{}-{}", *RUN, NEXT.fetch_add(1, Ordering::Relaxed))
}
