//! Starts the inputs, watches over them, and brings them to their end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;
use futures::FutureExt;
use model::{Batch, Checkpoint, Origin};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::input::{Input, InputState, Inputs};
use crate::outlet::{Outlet, Stop};
use crate::{Config, SOURCES};

/// Why the inputs could not be started.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// An address is taken or may not be used.
    #[error("{input} cannot listen on {address}: {error}")]
    Listen {
        /// The input's name.
        input: &'static str,
        /// The address as configured.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// A file that the input needs, or was told to read, cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: String,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// What is to hold the keys of a codec does not.
    #[error("cannot use the keys of {input}: {place} {message}")]
    Keys {
        /// What wants them.
        input: &'static str,
        /// The file or the variable.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// The system gives no thread.
    #[error("cannot start a thread for {input}: {error}")]
    Thread {
        /// The input's name.
        input: &'static str,
        /// What the system says.
        error: io::Error,
    },
}

/// What the inputs are started with.
#[derive(Debug)]
pub struct Start {
    /// Where the batches go; bounded, and its fullness is what slows the senders down.
    pub outlet: Sender<Batch>,
    /// How far the files had been read, as the store has it.
    pub checkpoints: Vec<Checkpoint>,
    /// Where the tasks run.
    pub runtime: Handle,
    /// Whether all that comes in is marked as sample traffic.
    pub simulated: bool,
}

/// Starts every input that the configuration has on. If one cannot start, none is left running.
pub fn start(config: &Config, start: Start) -> Result<Running, SourceError> {
    let (told, stop) = Stop::new();
    // Sockets register with the runtime that is entered while they are made.
    let runtime = start.runtime.clone();
    let _entered = runtime.enter();
    let running = Running {
        inputs: Inputs::default(),
        tasks: Vec::new(),
        stop: told,
        outlet: Outlet::new(start.outlet),
        stopping: stop.clone(),
        runtime: start.runtime,
        simulated: start.simulated,
    };
    let mut starter = Starter {
        config,
        checkpoints: &start.checkpoints,
        outlet: running.outlet.clone(),
        stop,
        running,
    };
    for source in SOURCES {
        (source.start)(&mut starter)?;
    }
    Ok(starter.running)
}

/// The inputs that run. Dropping it stops them too, but does not wait for their end.
#[derive(Debug)]
pub struct Running {
    pub(crate) inputs: Inputs,
    pub(crate) tasks: Vec<Task>,
    stop: watch::Sender<bool>,
    /// What sensors are given, which come after the inputs.
    pub(crate) outlet: Outlet,
    pub(crate) stopping: Stop,
    pub(crate) runtime: Handle,
    pub(crate) simulated: bool,
}

#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) name: &'static str,
    pub(crate) handle: JoinHandle<()>,
}

impl Running {
    /// Gives a handle to the live counters, which outlives the inputs.
    pub fn inputs(&self) -> Inputs {
        self.inputs.clone()
    }

    /// Tells every input to stop, lets it hand on what it has, and waits for its end; gives the names
    /// of those that did not end in time and were cut off.
    pub async fn stop(self, within: Duration) -> Vec<&'static str> {
        self.stop.send_replace(true);
        let deadline = tokio::time::Instant::now() + within;
        let mut late = Vec::new();
        for mut task in self.tasks {
            if tokio::time::timeout_at(deadline, &mut task.handle).await.is_err() {
                task.handle.abort();
                late.push(task.name);
            }
        }
        late
    }
}

/// What an input needs to start itself.
pub(crate) struct Starter<'a> {
    pub(crate) config: &'a Config,
    pub(crate) checkpoints: &'a [Checkpoint],
    pub(crate) outlet: Outlet,
    pub(crate) stop: Stop,
    running: Running,
}

impl Starter<'_> {
    /// Gives the origin that all records of an input have in common.
    pub(crate) fn origin(&self, input: &'static str) -> Origin {
        Origin { input: input.to_owned(), simulated: self.running.simulated, ..Origin::default() }
    }

    /// Shows an input in the counters.
    pub(crate) fn show(&mut self, input: &Arc<Input>) {
        self.running.inputs.push(Arc::clone(input));
    }

    /// Runs an input as a task of the runtime.
    pub(crate) fn spawn(
        &mut self,
        input: &Arc<Input>,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        self.show(input);
        let handle = self.running.runtime.spawn(guarded(Arc::clone(input), task));
        self.running.tasks.push(Task { name: input.name, handle });
    }

    /// Runs an input that blocks, on a thread of the runtime.
    pub(crate) fn spawn_blocking(
        &mut self,
        input: &Arc<Input>,
        task: impl FnOnce() + Send + 'static,
    ) {
        let input = Arc::clone(input);
        let name = input.name;
        let handle = self.running.runtime.spawn_blocking(move || {
            let outcome = std::panic::catch_unwind(AssertUnwindSafe(task));
            told(&input, outcome);
        });
        self.running.tasks.push(Task { name, handle });
    }
}

/// Runs a task to its end; a panic ends this one input only, and shows.
pub(crate) async fn guarded(input: Arc<Input>, task: impl Future<Output = ()>) {
    let outcome = AssertUnwindSafe(task).catch_unwind().await;
    told(&input, outcome);
}

/// Shows how an input came to its end.
pub(crate) fn told(input: &Input, outcome: std::thread::Result<()>) {
    match outcome {
        Ok(()) => input.ended(InputState::Ended),
        Err(panic) => {
            let text = panic_text(&*panic);
            tracing::error!(input = input.name, panic = text, "a defect ended this input");
            input.fault(&format!("ended by a defect: {text}"));
            input.ended(InputState::Panicked);
        }
    }
}

/// Gives the words of a panic.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_one_input_and_shows() {
        let input = Input::reading("file", "/var/log/x".to_owned());
        guarded(Arc::clone(&input), async { panic!("out of luck") }).await;
        let mut inputs = Inputs::default();
        inputs.push(input);
        let status = inputs.status().remove(0);
        assert_eq!(status.state, InputState::Panicked);
        assert_eq!(status.fault.as_deref(), Some("ended by a defect: out of luck"));
    }
}
