//! What the handlers share.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use catalog::{Catalog, SessionSpan};
use store::Store;
use tokio::sync::Semaphore;
use triage::Triage;

use crate::downloads::Downloads;
use crate::live::Live;
use crate::overview::OverviewCache;
use crate::refusals::Refusals;
use crate::{ApiError, Runtime};

/// Searches and SQL that run at the same time; more wait for their turn.
const SEARCHES_MAX: usize = 6;
/// Password checks that run at the same time: each takes 19 MiB and a core for a while.
const PASSWORD_CHECKS_MAX: usize = 2;
/// Exports that run at the same time; each may last an hour.
const EXPORTS_MAX: usize = 3;
/// Live streams that are open at the same time.
const STREAMS_MAX: usize = 128;

/// What the API is made of.
pub struct Parts {
    /// The events.
    pub store: Store,
    /// Users, sessions, settings.
    pub catalog: Catalog,
    /// The alerts.
    pub triage: Triage,
    /// The process around it.
    pub runtime: Arc<dyn Runtime>,
    /// Where the line tells of changed alerts.
    pub live: Live,
    /// How it behaves.
    pub config: Config,
}

/// How the API behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whether the console marks itself as a demonstration.
    pub demo: bool,
    /// Under which host names it answers.
    pub hosts: Hosts,
    /// Whether cookies are for TLS only.
    pub secure_cookies: bool,
    /// How long sessions last.
    pub sessions: SessionSpan,
    /// How long a request may take.
    pub deadline: Duration,
    /// How often those are written who were refused before anything was checked.
    pub refusals_every: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            demo: false,
            hosts: Hosts::Loopback,
            secure_cookies: false,
            sessions: SessionSpan::default(),
            deadline: Duration::from_secs(30),
            refusals_every: Duration::from_secs(10),
        }
    }
}

/// Under which host names the console answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// `localhost` and loopback addresses: right for a console that listens on loopback alone, and
    /// what keeps other sites' names from being pointed at it.
    Loopback,
    /// Any.
    Any,
    /// These, and those of [`Hosts::Loopback`].
    Named(Vec<String>),
}

/// What the handlers share; clones are cheap.
#[derive(Clone)]
pub struct AppState(Arc<App>);

/// The inside of [`AppState`].
pub struct App {
    pub(crate) parts: Parts,
    pub(crate) searches: Semaphore,
    pub(crate) exports: Arc<Semaphore>,
    pub(crate) password_checks: Arc<Semaphore>,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) overview: OverviewCache,
    pub(crate) refusals: Refusals,
    pub(crate) downloads: Downloads,
}

impl AppState {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(App {
            parts,
            searches: Semaphore::new(SEARCHES_MAX),
            exports: Arc::new(Semaphore::new(EXPORTS_MAX)),
            password_checks: Arc::new(Semaphore::new(PASSWORD_CHECKS_MAX)),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            overview: OverviewCache::default(),
            refusals: Refusals::default(),
            downloads: Downloads::default(),
        }))
    }

    /// Runs what blocks on a thread where that does no harm.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&App) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let state = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&state)).await;
        done.unwrap_or_else(|error| Err(ApiError::Internal(error.to_string())))
    }

    /// The same for searches, of which only some run at once.
    pub(crate) async fn searching<T: Send + 'static>(
        &self,
        work: impl FnOnce(&App) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = self.searches.acquire().await;
        let _turn = turn.map_err(|_| ApiError::Busy("the product is stopping"))?;
        self.blocking(work).await
    }
}

impl Deref for AppState {
    type Target = App;

    fn deref(&self) -> &App {
        &self.0
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl std::fmt::Debug for AppState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AppState")
    }
}
