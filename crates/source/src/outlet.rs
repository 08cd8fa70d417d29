//! The door out of a source: a bounded channel, whose fullness is felt upstream.

use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError};
use model::Batch;
use tokio::sync::watch;

/// How long a source waits before it tries a full channel again. A channel that is full moves on in
/// some milliseconds, so a finer wake-up would buy nothing.
const RETRY: Duration = Duration::from_millis(2);

/// Hands batches to the line.
#[derive(Clone, Debug)]
pub(crate) struct Outlet(Sender<Batch>);

/// The line has ended: there is nobody to hand anything to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closed;

impl Outlet {
    pub(crate) fn new(sender: Sender<Batch>) -> Self {
        Self(sender)
    }

    /// Hands a batch on, or gives it back at once where there is no room.
    pub(crate) fn offer(&self, batch: Batch) -> Result<(), TrySendError<Batch>> {
        self.0.try_send(batch)
    }

    /// Hands a batch on, waiting for room.
    pub(crate) async fn send(&self, batch: Batch) -> Result<(), Closed> {
        let mut batch = batch;
        loop {
            match self.0.try_send(batch) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Disconnected(_)) => return Err(Closed),
                Err(TrySendError::Full(back)) => batch = back,
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Hands a batch on from a thread of its own, waiting for room until told to stop.
    pub(crate) fn send_blocking(&self, batch: Batch, stop: &Stop) -> Result<(), Closed> {
        let mut batch = batch;
        loop {
            match self.0.try_send(batch) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Disconnected(_)) => return Err(Closed),
                Err(TrySendError::Full(_)) if stop.is_told() => return Err(Closed),
                Err(TrySendError::Full(back)) => batch = back,
            }
            std::thread::sleep(RETRY);
        }
    }
}

/// Tells a source that it should stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    pub(crate) fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Waits until it is told, or until whoever could tell it is gone.
    pub(crate) async fn told(&mut self) {
        let _ = self.0.wait_for(|told| *told).await;
    }

    pub(crate) fn is_told(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }
}
