//! A session's share of the thread that plays all of them: who makes others wait waits himself.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use rustix::time::{ClockId, clock_gettime};
use tokio::time::Sleep;

use crate::session::Visit;

/// Bounds how long a session is made to wait at once.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// Gives how long this thread has worked, whatever else the machine did meanwhile.
fn worked() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Something that is done for a visitor: its work counts for his source, and where that had its share,
/// it waits.
pub(crate) struct Paced<'a, T> {
    visit: Visit,
    work: BoxFuture<'a, T>,
    begun: bool,
    wait: Option<Pin<Box<Sleep>>>,
}

impl<'a, T> Paced<'a, T> {
    pub(crate) fn new(visit: &Visit, work: BoxFuture<'a, T>) -> Self {
        Self { visit: visit.clone(), work, begun: false, wait: None }
    }
}

impl<T> Paced<'_, T> {
    /// Waits so long; tells whether there is nothing to wait for any more.
    fn waits(&mut self, wait: Duration, context: &mut Context<'_>) -> bool {
        let mut wait = Box::pin(tokio::time::sleep(wait.min(WAIT_MAX)));
        // Asked once, so that it wakes this task.
        let is_over = wait.poll_unpin(context).is_ready();
        self.wait = (!is_over).then_some(wait);
        is_over
    }
}

impl<T> Future for Paced<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        if !self.begun {
            self.begun = true;
            let wait = self.visit.worked(Duration::ZERO);
            if !wait.is_zero() && !self.waits(wait, context) {
                return Poll::Pending;
            }
        }
        if let Some(wait) = &mut self.wait {
            if wait.poll_unpin(context).is_pending() {
                return Poll::Pending;
            }
            self.wait = None;
        }
        let before = worked();
        let polled = self.work.poll_unpin(context);
        let wait = self.visit.worked(worked().saturating_sub(before));
        if polled.is_pending() && !wait.is_zero() && self.waits(wait, context) {
            context.waker().wake_by_ref();
        }
        polled
    }
}
