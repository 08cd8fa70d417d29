//! What several inputs do in the same way.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};

use crate::input::Input;
use crate::outlet::Stop;
use crate::running::panic_text;

const BACKLOG_MAX: u32 = 1024;
/// After this silence the system asks whether the peer still lives.
const KEEPALIVE: Duration = Duration::from_mins(2);
/// After an accept that failed, for instance for want of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Gives a listener that can take its port back while old connections still fade.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        tokio::net::TcpSocket::new_v4()?
    } else {
        tokio::net::TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG_MAX)
}

/// The connections that an input may hold, half of them from one address.
#[derive(Debug)]
pub(crate) struct Places {
    input: Arc<Input>,
    connections_max: usize,
    open: AtomicU64,
    /// How many connections each address holds; as many addresses as connections at most.
    peers: Mutex<HashMap<IpAddr, usize>>,
}

impl Places {
    pub(crate) fn new(input: &Arc<Input>, connections_max: usize) -> Arc<Self> {
        Arc::new(Self {
            input: Arc::clone(input),
            connections_max,
            open: AtomicU64::new(0),
            peers: Mutex::default(),
        })
    }

    fn peers(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a place unless the address holds half of all: one machine that opens connections and says
    /// nothing must not keep out everybody else.
    fn take(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let mut peers = self.peers();
        let held = peers.entry(peer).or_default();
        if *held >= self.connections_max.div_ceil(2) {
            return None;
        }
        *held += 1;
        Some(Place { places: Arc::clone(self), peer })
    }

    /// Counts a connection's end; a panic ended that connection only.
    fn note_end(&self, ended: Result<(), JoinError>) {
        self.input.open(self.open.fetch_sub(1, Ordering::Relaxed).saturating_sub(1));
        let Some(panic) = ended.err().and_then(|error| error.try_into_panic().ok()) else { return };
        let text = panic_text(&*panic);
        tracing::error!(input = self.input.name, panic = text, "a defect ended a connection");
        self.input.fault(&format!("a connection was ended by a defect: {text}"));
    }
}

/// One of the connections that an address may hold.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    /// The address.
    pub(crate) peer: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut peers = self.places.peers();
        if let Some(held) = peers.get_mut(&self.peer) {
            *held -= 1;
            if *held == 0 {
                peers.remove(&self.peer);
            }
        }
    }
}

/// Accepts connections and has each served by a task of its own, until it is told to stop and the
/// last of them has ended.
pub(crate) async fn accept<F>(
    listener: TcpListener,
    places: Arc<Places>,
    mut stop: Stop,
    serve: impl Fn(TcpStream, Place) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.told() => break,
            Some(ended) = connections.join_next(), if !connections.is_empty() => {
                places.note_end(ended);
            }
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let free = connections.len() < places.connections_max;
                    match places.take(peer.ip().to_canonical()).filter(|_| free) {
                        Some(place) => {
                            keep_alive(&stream);
                            connections.spawn(serve(stream, place));
                            places.input.open(places.open.fetch_add(1, Ordering::Relaxed) + 1);
                        }
                        None => places.input.refused(),
                    }
                }
                Err(error) => {
                    places.input.fault(&format!("cannot accept a connection: {error}"));
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }
    while let Some(ended) = connections.join_next().await {
        places.note_end(ended);
    }
}

fn keep_alive(stream: &TcpStream) {
    let keepalive = socket2::TcpKeepalive::new().with_time(KEEPALIVE);
    // Without it the connection works as well; a dead peer is then found out by its silence alone.
    let _ = socket2::SockRef::from(stream).set_tcp_keepalive(&keepalive);
}
