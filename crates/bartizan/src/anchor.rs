//! Keeps the end of the chain of digests somewhere else, so that a chain that was cut off at its end
//! can be told from a whole one.
//!
//! After segments were published, at most once a minute, each target is given one line of JSON
//! ([`store::Anchor`]). What fails is counted and tried again a minute later; the store never waits.

mod target;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use serde::{Deserialize, Serialize};
use store::{ChainHead, Store};

use target::Target;

/// How often it is looked whether there is something new.
const LOOK: Duration = Duration::from_secs(1);
/// How long a target is left alone after it was given a line, or refused one.
const PAUSE: Duration = Duration::from_mins(1);

/// Where the end of the chain of digests is kept besides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// A file to which lines are added; on another machine's disk it is worth most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
    /// `udp://host:port`, or `unix` for the system's own log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) syslog: Option<String>,
    /// An `http://` address that takes the line as the body of a POST.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) webhook: Option<String>,
}

impl Settings {
    /// Gives what is wrong with the settings, each with its name.
    pub(crate) fn faults(&self) -> Vec<(String, String)> {
        let fault = |name: &str, error: String| (format!("store.anchor.{name}"), error);
        let syslog = self.syslog.as_deref().map(Target::syslog);
        let webhook = self.webhook.as_deref().map(Target::webhook);
        let faults = [("syslog", syslog), ("webhook", webhook)];
        faults.into_iter().filter_map(|(name, made)| Some(fault(name, made?.err()?))).collect()
    }

    fn targets(&self) -> Vec<Target> {
        let file = self.file.as_deref().map(Target::file);
        let syslog = self.syslog.as_deref().and_then(|text| Target::syslog(text).ok());
        let webhook = self.webhook.as_deref().and_then(|text| Target::webhook(text).ok());
        [file, syslog, webhook].into_iter().flatten().collect()
    }
}

/// What was done so far.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Lines that a target took.
    pub(crate) taken: AtomicU64,
    /// Lines that a target did not take.
    pub(crate) failures: AtomicU64,
    /// The last link that every target has taken.
    pub(crate) sequence: AtomicU64,
}

/// The thread that does it.
pub(crate) struct Anchors {
    counters: Arc<Counters>,
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Anchors {
    /// Starts it, where there is a target.
    pub(crate) fn start(settings: &Settings, store: Store) -> anyhow::Result<Option<Self>> {
        let targets: Vec<Given> = settings.targets().into_iter().map(Given::new).collect();
        if targets.is_empty() {
            return Ok(None);
        }
        let counters = Arc::new(Counters::default());
        let (stop, stopped) = bounded(1);
        let work = Work { store, targets, counters: Arc::clone(&counters) };
        let thread = std::thread::Builder::new()
            .name("anchor".to_owned())
            .spawn(move || work.run(&stopped))
            .context("cannot start the thread for anchors")?;
        Ok(Some(Self { counters, stop, thread }))
    }

    pub(crate) fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Gives every target the end of the chain a last time, and ends.
    pub(crate) fn finish(self) {
        // It may have ended by itself.
        let _ = self.stop.send(());
        if self.thread.join().is_err() {
            tracing::error!("the thread for anchors panicked");
        }
    }
}

struct Work {
    store: Store,
    targets: Vec<Given>,
    counters: Arc<Counters>,
}

/// A target and what it was given.
struct Given {
    target: Target,
    sequence: u64,
    tried: Option<Instant>,
    is_failing: bool,
}

impl Work {
    fn run(mut self, stopped: &Receiver<()>) {
        loop {
            let is_last = !matches!(stopped.recv_timeout(LOOK), Err(RecvTimeoutError::Timeout));
            if is_last || self.targets.iter().any(Given::is_rested) {
                self.look(is_last);
            }
            if is_last {
                return;
            }
        }
    }

    fn look(&mut self, is_last: bool) {
        let head = match self.store.chain_head() {
            Ok(Some(head)) => head,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(%error, "the end of the chain cannot be read");
                return;
            }
        };
        for given in &mut self.targets {
            if given.sequence < head.sequence && (is_last || given.is_rested()) {
                given.give(&head, &self.counters);
            }
        }
        let least = self.targets.iter().map(|given| given.sequence).min().unwrap_or_default();
        self.counters.sequence.store(least, Ordering::Relaxed);
    }
}

impl Given {
    fn new(target: Target) -> Self {
        Self { target, sequence: 0, tried: None, is_failing: false }
    }

    fn is_rested(&self) -> bool {
        self.tried.is_none_or(|tried| tried.elapsed() >= PAUSE)
    }

    fn give(&mut self, head: &ChainHead, counters: &Counters) {
        self.tried = Some(Instant::now());
        match self.target.give(&store::Anchor::line(head)) {
            Ok(()) => {
                self.sequence = head.sequence;
                counters.taken.fetch_add(1, Ordering::Relaxed);
                if std::mem::take(&mut self.is_failing) {
                    tracing::info!(target = %self.target, "anchors are taken again");
                }
            }
            Err(error) => {
                counters.failures.fetch_add(1, Ordering::Relaxed);
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::warn!(target = %self.target, %error, "an anchor was not taken");
                }
            }
        }
    }
}
