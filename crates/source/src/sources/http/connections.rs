//! Connections of bounded number, each closed when it is silent, or takes for one request, too long.
//!
//! Without the bound, one sender that opens connections and says nothing would use up all file
//! descriptors of the process.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

use crate::input::Input;

const CONNECTIONS_MAX: usize = 256;
/// Longer than an answer takes to come; a connection is not silent while its request is worked on.
const SILENCE_MAX: Duration = Duration::from_secs(75);
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// A listener that waits for a free place before it accepts.
pub(super) struct Connections {
    listener: TcpListener,
    places: Arc<Semaphore>,
    input: Arc<Input>,
}

impl Connections {
    pub(super) fn new(listener: TcpListener, input: Arc<Input>) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(CONNECTIONS_MAX)), input }
    }
}

impl Listener for Connections {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
                // The semaphore is never closed; if it were, nobody could come in any more.
                return std::future::pending().await;
            };
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    let silence = Box::pin(tokio::time::sleep(SILENCE_MAX));
                    let connection = Connection { stream, silence, answered: true, _place: place };
                    return (connection, peer);
                }
                Err(error) => {
                    self.input.fault(&format!("cannot accept a connection: {error}"));
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Who sends a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

impl Connected<IncomingStream<'_, Connections>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Connections>) -> Self {
        Self(stream.remote_addr().ip().to_canonical())
    }
}

/// One connection, and its place among the others.
pub(super) struct Connection {
    stream: TcpStream,
    silence: Pin<Box<Sleep>>,
    /// Whether something was written since the last byte was read: the next byte begins a request.
    answered: bool,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    fn begin_anew(&mut self) {
        self.silence.as_mut().reset(Instant::now() + SILENCE_MAX);
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(context, buffer) {
            // A request that comes byte by byte must come within the time all the same; otherwise a
            // few hundred such connections would keep everybody else out.
            if std::mem::take(&mut this.answered) {
                this.begin_anew();
            }
            return Poll::Ready(read);
        }
        this.silence.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        if written.is_ready() {
            this.answered = true;
            this.begin_anew();
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
