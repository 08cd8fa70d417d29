//! The server: all routes behind the guard, on a listener, until it is told to stop.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::listen::{Bounded, Peer};
use crate::{App, AppState, assets, guard, routes};

/// The length of a request's body.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// How long requests under way may take once the server stops.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// Gives the console and its API.
pub fn router(state: AppState) -> Router {
    let (api, description) = routes::api().split_for_parts();
    let description = serde_json::to_string(&description).unwrap_or_default();
    let describe = || async move { ([(header::CONTENT_TYPE, "application/json")], description) };
    Router::new()
        .merge(api)
        .route("/api/openapi.json", get(describe))
        .merge(routes::health())
        .fallback(assets::serve)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn_with_state(state.clone(), guard::guard))
        .with_state(state)
}

/// Serves the console and its API until `shutdown` ends; then live streams are ended, and requests
/// under way have some seconds left.
pub async fn serve(
    listener: TcpListener,
    state: AppState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let live = state.live.clone();
    let last = state.clone();
    let service = router(state).into_make_service_with_connect_info::<Peer>();
    let (stopped, stopping) = oneshot::channel();
    let server = axum::serve(Bounded::new(listener), service).with_graceful_shutdown(async move {
        shutdown.await;
        live.stop();
        // Nobody listens where the server has ended by itself.
        let _ = stopped.send(());
    });
    let drained = async {
        if stopping.await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(DRAIN_MAX).await;
    };
    let outcome = tokio::select! {
        outcome = server => outcome,
        () = drained => Ok(()),
        () = settle_now_and_then(&last) => Ok(()),
    };
    settle(&last).await;
    outcome
}

/// Writes refused log-ins that wait, again and again: whoever gave up is told of as well.
async fn settle_now_and_then(state: &AppState) {
    loop {
        tokio::time::sleep(state.config.refusals_every).await;
        settle(state).await;
    }
}

async fn settle(state: &AppState) {
    if let Err(error) = state.blocking(App::settle_refusals).await {
        tracing::warn!(%error, "refused log-ins could not be recorded");
    }
}
