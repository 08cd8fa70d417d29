//! The doors: accepts connections, asks admission, and runs a session each.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use source::Sensor;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::admission::{Admission, SourceKey};
use crate::house::{House, Service};
use crate::pace::Paced;
use crate::session::{End, Fields, Session, Visit};

/// How long a door waits when the system has no descriptor left.
const EXHAUSTED_WAIT: Duration = Duration::from_millis(200);
/// How long sessions may take to end when the product stops.
const END_WITHIN: Duration = Duration::from_secs(3);
/// Descriptors that the rest of the product needs.
const OTHER_DESCRIPTORS: usize = 1024;

/// Where one decoy listens.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) service: Arc<Service>,
    pub(crate) socket: std::net::TcpListener,
}

/// Runs all decoys until the product stops, on the thread that calls.
pub(crate) fn run(house: &Arc<House>, doors: Vec<Door>, sensor: &Sensor) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return sensor.fault(&format!("the decoys have no runtime: {error}")),
    };
    runtime.block_on(serve(house, doors, sensor));
}

async fn serve(house: &Arc<House>, doors: Vec<Door>, sensor: &Sensor) {
    let (stop, stopping) = watch::channel(false);
    let mut listening = JoinSet::new();
    for door in doors {
        let service = Arc::clone(&door.service);
        match TcpListener::from_std(door.socket) {
            Ok(listener) => {
                listening.spawn(accept(Arc::clone(house), service, listener, stopping.clone()));
            }
            Err(error) => service.sensor.fault(&format!("cannot listen: {error}")),
        }
    }
    drop(stopping);
    sensor.stopped().await;
    stop.send_replace(true);
    listening.join_all().await;
}

async fn accept(
    house: Arc<House>,
    service: Arc<Service>,
    listener: TcpListener,
    mut stopping: watch::Receiver<bool>,
) {
    let mut sessions = JoinSet::new();
    let open = Arc::new(AtomicU64::new(0));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = sessions.join_next(), if !sessions.is_empty() => continue,
            _ = stopping.wait_for(|told| *told) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                if let Some(visit) = admit(&house, &service, &stream, peer).await {
                    let place = Place::take(&visit, peer, &open);
                    sessions.spawn(session(visit, stream, place, stopping.clone()));
                }
            }
            Err(error) => {
                service.sensor.fault(&format!("cannot accept: {error}"));
                tokio::time::sleep(EXHAUSTED_WAIT).await;
            }
        }
    }
    drop(listener);
    let ended = async { while sessions.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(END_WITHIN, ended).await;
}

/// Lets a connection in, or counts that it was not.
async fn admit(
    house: &Arc<House>,
    service: &Arc<Service>,
    stream: &TcpStream,
    peer: SocketAddr,
) -> Option<Visit> {
    let local = stream.local_addr().ok()?;
    let key = SourceKey::of(peer.ip());
    let admission = {
        let mut admissions = house.admissions.lock().unwrap_or_else(PoisonError::into_inner);
        admissions.admit(key, Instant::now())
    };
    let visit = || Visit::new(Arc::clone(house), Arc::clone(service), (peer, local));
    match admission {
        Admission::Admitted => Some(visit()),
        Admission::Refused => {
            service.sensor.refused();
            None
        }
        Admission::RefusedAndTold(count) => {
            service.sensor.refused();
            visit().tell("refused", Fields::new().with("bartizan.decoy.refused", count)).await;
            None
        }
    }
}

/// A place that a connection takes, given back when it goes, however it goes.
struct Place {
    visit: Visit,
    key: SourceKey,
    began: Instant,
    open: Arc<AtomicU64>,
}

impl Place {
    fn take(visit: &Visit, peer: SocketAddr, open: &Arc<AtomicU64>) -> Self {
        let count = open.fetch_add(1, Ordering::Relaxed) + 1;
        visit.sensor().open(count);
        let key = SourceKey::of(peer.ip());
        Self { visit: visit.clone(), key, began: Instant::now(), open: Arc::clone(open) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let count = self.open.fetch_sub(1, Ordering::Relaxed).saturating_sub(1);
        self.visit.sensor().open(count);
        let admissions = &self.visit.house().admissions;
        let mut admissions = admissions.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let took = now.saturating_duration_since(self.began);
        admissions.leave(self.key, took, now);
    }
}

async fn session(
    visit: Visit,
    stream: TcpStream,
    place: Place,
    mut stopping: watch::Receiver<bool>,
) {
    visit.connected().await;
    // Answers are small and follow questions: they must not wait for one another.
    let _ = stream.set_nodelay(true);
    let within = Duration::from_secs(visit.bounds().session_seconds_max);
    let serve = visit.serve();
    let end = {
        let mut session = Session::new(visit.clone(), stream);
        let served = tokio::select! {
            served = AssertUnwindSafe(Paced::new(&visit, serve(&mut session))).catch_unwind() => served,
            () = tokio::time::sleep(within) => Ok(Err(End::Time)),
            _ = stopping.wait_for(|told| *told) => Ok(Err(End::Stopping)),
        };
        if matches!(served, Ok(Ok(()))) {
            session.close().await;
        }
        served
    };
    // The place is free before its end is told: whoever hears of it may come again.
    drop(place);
    match end {
        Ok(Ok(())) => visit.ended("done").await,
        Ok(Err(end)) => visit.ended(&end.to_string()).await,
        Err(_) => {
            visit.sensor().fault("a defect ended a session");
            visit.ended("defect").await;
        }
    }
}

/// Asks the system for as many descriptors as the connections need, as far as it allows.
pub(crate) fn raise_descriptors(connections: usize) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let wanted = u64::try_from(connections.saturating_add(OTHER_DESCRIPTORS)).unwrap_or(u64::MAX);
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    // The superuser may raise the ceiling too; others reach it.
    let all = Rlimit { current: Some(wanted), maximum: limit.maximum.map(|most| most.max(wanted)) };
    if setrlimit(Resource::Nofile, all).is_err() {
        let reach = limit.maximum.map(|most| most.min(wanted));
        let reached = Rlimit { current: reach, maximum: limit.maximum };
        let _ = setrlimit(Resource::Nofile, reached);
    }
}

#[cfg(test)]
mod tests;
