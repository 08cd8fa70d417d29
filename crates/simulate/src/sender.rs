//! Plays samples through a front door, at a steady rate.

mod outlet;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::stage::{Kind, Sample};
use crate::target::{SimulateError, Target, is_near};
use outlet::Outlet;

/// How soon a told stop is noticed, at the latest.
const NAP_MAX: Duration = Duration::from_millis(50);
const PROGRESS_EVERY: Duration = Duration::from_millis(250);
/// How long what was written may wait in a buffer.
const FLUSH_EVERY: Duration = Duration::from_millis(100);

/// What is to be sent, where to, and how fast.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where to.
    pub target: Target,
    /// How many samples a second; as fast as they go where there is none.
    pub rate: Option<u32>,
    /// How many samples at most.
    pub count: Option<u64>,
    /// How long at most.
    pub duration: Option<Duration>,
    /// How far away the target may be.
    pub reach: Reach,
}

/// How far away a target may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// This machine and private networks.
    #[default]
    Near,
    /// Anywhere: the user says that the target is theirs.
    Anywhere,
}

/// What has been sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// How many samples.
    pub samples: u64,
    /// How many of them were benign.
    pub benign: u64,
    /// How many were attacks that rules name.
    pub named: u64,
    /// How many were attacks that hide.
    pub hidden: u64,
    /// How many bytes of lines or frames.
    pub bytes: u64,
    /// How long it has taken.
    pub elapsed: Duration,
}

/// What the caller holds on to while samples are sent.
pub struct Control<'a> {
    /// Set to end before the plan does.
    pub stop: &'a AtomicBool,
    /// Called some times a second, and at the end.
    pub progress: &'a mut dyn FnMut(&Sent),
}

impl Control<'_> {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Sends samples until the plan is fulfilled, the samples end, or the stop is set.
pub fn send(
    samples: impl IntoIterator<Item = Sample>,
    plan: &Plan,
    control: &mut Control<'_>,
) -> Result<Sent, SimulateError> {
    let addresses = plan.target.resolve()?;
    if plan.reach == Reach::Near
        && let Some(far) = addresses.iter().find(|address| !is_near(address.ip()))
    {
        return Err(SimulateError::Public(*far));
    }
    let mut outlet = Outlet::open(&plan.target, &addresses)?;
    let begun = Instant::now();
    let mut sent = Sent::default();
    let (mut told, mut flushed) = (begun, begun);
    for sample in samples {
        let over = plan.count.is_some_and(|count| sent.samples >= count);
        if over || !wait_for_turn(plan, control, (begun, sent.samples), &mut outlet)? {
            break;
        }
        sent.bytes += outlet.put(&sample, control.stop)?;
        sent.count(sample.kind);
        if flushed.elapsed() >= FLUSH_EVERY {
            flushed = Instant::now();
            outlet.flush(control.stop)?;
        }
        if told.elapsed() >= PROGRESS_EVERY {
            told = Instant::now();
            sent.elapsed = begun.elapsed();
            (control.progress)(&sent);
        }
    }
    outlet.flush(control.stop)?;
    sent.elapsed = begun.elapsed();
    (control.progress)(&sent);
    Ok(sent)
}

/// Waits until the next sample is due; tells whether there is to be one.
fn wait_for_turn(
    plan: &Plan,
    control: &Control<'_>,
    turn: (Instant, u64),
    outlet: &mut Outlet,
) -> Result<bool, SimulateError> {
    let (begun, samples) = turn;
    let nanos =
        plan.rate.map_or(0, |rate| u128::from(samples) * 1_000_000_000 / u128::from(rate.max(1)));
    let due = begun + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
    loop {
        if control.is_stopped() || plan.duration.is_some_and(|most| begun.elapsed() >= most) {
            return Ok(false);
        }
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(true);
        }
        outlet.flush(control.stop)?;
        std::thread::sleep(left.min(NAP_MAX));
    }
}

impl Sent {
    fn count(&mut self, kind: Kind) {
        self.samples += 1;
        match kind {
            Kind::Benign => self.benign += 1,
            Kind::Named => self.named += 1,
            Kind::Hidden => self.hidden += 1,
        }
    }
}

#[cfg(test)]
mod tests;
