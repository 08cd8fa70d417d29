//! One connection to a decoy: what the row's `serve` is given.
//!
//! ```no_run
//! # use honeypot::{End, Fields, Outcome, Session};
//! async fn serve(session: &mut Session) -> Result<(), End> {
//!     session.write(b"220 ready\r\n").await?;
//!     while let Some(line) = session.read_line(512).await? {
//!         session.command(&line, Fields::new()).await;
//!         session.write(b"500 what?\r\n").await?;
//!     }
//!     Ok(())
//! }
//! ```
//!
//! Reading and writing are bounded in bytes and time and are kept in the transcript by themselves; at a
//! bound they give an [`End`], which `serve` hands on with `?`. What is told goes through [`Visit`], to
//! which a session derefs: [`Visit::tell`], [`Visit::credentials`], [`Visit::command`],
//! [`Visit::upload`]. The house tells `connect` before and `disconnect` after by itself.
//!
//! An idle session must be small (the aim is 8 KiB): keep no buffers across a read, and box large
//! states of rare paths.

mod fields;
mod pipe;
mod upload;
mod visit;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::rustls::ServerConfig;

pub use fields::Fields;
pub(crate) use pipe::{Pipe, Rewound};
pub use upload::Upload;
pub(crate) use visit::now;
pub use visit::{Outcome, Visit};

use crate::held::Held;
use crate::vault::Way;

/// Bounds what was received and is not consumed yet.
pub(crate) const PENDING_BYTES_MAX: usize = 1 << 20;
/// Past this it counts against the memory that all sessions share.
const PENDING_BYTES_FREE: usize = 16 * 1024;
/// How much is read at once.
const READ_BYTES: usize = 4096;
/// How long the peer may take to accept what is written.
const WRITE_WITHIN: Duration = Duration::from_secs(30);

/// Why a session came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// The peer closed, or the connection broke.
    #[error("closed")]
    Closed,
    /// Nothing came for too long, or nothing was taken.
    #[error("idle")]
    Idle,
    /// The session lasted too long.
    #[error("time")]
    Time,
    /// More was sent than may be.
    #[error("bytes")]
    Bytes,
    /// What came makes no sense in the protocol.
    #[error("protocol")]
    Protocol,
    /// The product stops.
    #[error("shutdown")]
    Stopping,
}

/// One connection to a decoy.
#[derive(Debug)]
pub struct Session {
    visit: Visit,
    pipe: Pipe,
    pending: Vec<u8>,
    /// How much of `pending` was consumed.
    at: usize,
    /// The share of all sessions' memory that what is pending takes.
    held: Held,
    idle: Duration,
}

impl Deref for Session {
    type Target = Visit;

    fn deref(&self) -> &Visit {
        &self.visit
    }
}

impl Session {
    pub(crate) fn new(visit: Visit, stream: TcpStream) -> Self {
        let idle = Duration::from_secs(visit.bounds().idle_seconds_max);
        let pipe = Pipe::Plain(stream);
        Self { visit, pipe, pending: Vec::new(), at: 0, held: Held::default(), idle }
    }

    /// Gives the visit, for tasks beside this one; cheap to clone.
    pub fn visit(&self) -> &Visit {
        &self.visit
    }

    /// Sets how long the peer may be silent from now on, such as while it logs in; never longer than the
    /// configuration says.
    pub fn set_idle(&mut self, idle: Duration) {
        self.idle = idle.min(Duration::from_secs(self.visit.bounds().idle_seconds_max));
    }

    /// Gives what was received and not consumed.
    pub fn pending(&self) -> &[u8] {
        self.pending.get(self.at..).unwrap_or_default()
    }

    /// Consumes so many bytes of [`Self::pending`], or all of them.
    pub fn consume(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.pending.len());
        if self.at == self.pending.len() {
            // Given back, not only emptied: a silent session holds no buffer.
            self.pending = Vec::new();
            self.at = 0;
            self.held = Held::default();
        }
    }

    /// Waits for more bytes and adds them to [`Self::pending`]; fails with [`End::Closed`] where no more
    /// come, with [`End::Bytes`] where a megabyte is pending.
    pub async fn fill(&mut self) -> Result<(), End> {
        if self.pending().len() >= PENDING_BYTES_MAX {
            return Err(End::Bytes);
        }
        if self.at > 0 {
            self.pending.drain(..self.at);
            self.at = 0;
        }
        let until = Instant::now() + self.idle;
        let from = self.pending.len();
        let read = timeout_at(until, self.pipe.read(&mut self.pending, READ_BYTES)).await;
        read.map_err(|_| End::Idle)?.map_err(|_| End::Closed)?;
        let came = self.pending.get(from..).unwrap_or_default();
        if came.is_empty() {
            return Err(End::Closed);
        }
        self.visit.received(came.len())?;
        self.visit.note(Way::In, came);
        if !self.held.set(self.pending.capacity().saturating_sub(PENDING_BYTES_FREE)) {
            return Err(End::Bytes);
        }
        Ok(())
    }

    /// Gives what came, at most so much; waits if nothing is there.
    pub async fn read_some(&mut self, bytes_max: usize) -> Result<Vec<u8>, End> {
        if self.pending().is_empty() {
            self.fill().await?;
        }
        let some = self.pending();
        let some = some.get(..bytes_max).unwrap_or(some).to_vec();
        self.consume(some.len());
        Ok(some)
    }

    /// Gives exactly so many bytes; fails with [`End::Bytes`] where that is more than a megabyte.
    pub async fn read_exact(&mut self, bytes: usize) -> Result<Vec<u8>, End> {
        if bytes > PENDING_BYTES_MAX {
            return Err(End::Bytes);
        }
        while self.pending().len() < bytes {
            self.fill().await?;
        }
        let exact = self.pending().get(..bytes).unwrap_or_default().to_vec();
        self.consume(bytes);
        Ok(exact)
    }

    /// Gives a line without its end (LF or CR LF), cut at `bytes_max`; `None` where the peer closes
    /// before one begins. What is too long is thrown away up to the line's end.
    pub async fn read_line(&mut self, bytes_max: usize) -> Result<Option<Vec<u8>>, End> {
        let mut line = Vec::new();
        let mut began = false;
        loop {
            if self.pending().is_empty() {
                match self.fill().await {
                    Err(End::Closed) if !began => return Ok(None),
                    Err(End::Closed) => break,
                    filled => filled?,
                }
            }
            began = true;
            let pending = self.pending();
            let end = memchr::memchr(b'\n', pending);
            let piece = pending.get(..end.unwrap_or(pending.len())).unwrap_or_default();
            let taken = end.map_or(piece.len(), |end| end + 1);
            let room = bytes_max.saturating_add(1).saturating_sub(line.len());
            line.extend_from_slice(piece.get(..room).unwrap_or(piece));
            self.consume(taken);
            if end.is_some() {
                break;
            }
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        line.truncate(bytes_max);
        Ok(Some(line))
    }

    /// Writes all of it.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), End> {
        self.visit.note(Way::Out, bytes);
        let until = Instant::now() + WRITE_WITHIN.min(self.idle);
        let written = timeout_at(until, self.pipe.write(bytes)).await;
        written.map_err(|_| End::Idle)?.map_err(|_| End::Closed)
    }

    /// Waits as a real service does that has to think, some time between the two.
    pub async fn think(&self, least_ms: u64, most_ms: u64) {
        self.visit.think(least_ms, most_ms).await;
    }

    /// Goes on in TLS, as the server, and tells by what the client is known (JA3, JA4), which every later
    /// event says again. `config` is the persona's unless given.
    pub async fn start_tls(&mut self, config: Option<Arc<ServerConfig>>) -> Result<(), End> {
        let length = loop {
            match self.pending() {
                [22, _, _, high, low, ..] => {
                    let length = u16::from_be_bytes([*high, *low]);
                    break 5 + usize::from(length);
                }
                [first, ..] if *first != 22 => return Err(End::Protocol),
                _ => self.fill().await?,
            }
        };
        while self.pending().len() < length {
            self.fill().await?;
        }
        self.visit.met(self.pending().get(..length).unwrap_or_default());
        let config = config.unwrap_or_else(|| Arc::clone(self.visit.persona().keys().tls()));
        let before = std::mem::take(&mut self.pending).split_off(std::mem::take(&mut self.at));
        let pipe = std::mem::replace(&mut self.pipe, Pipe::Gone);
        let until = Instant::now() + self.idle;
        // A handshake's state is large and soon over.
        let handshake = pipe.into_tls(before, config).boxed();
        let handshake = timeout_at(until, handshake).await;
        let established = matches!(handshake, Ok(Ok(_)));
        let outcome = if established { Outcome::Success } else { Outcome::Failure };
        let fields = Fields::new().with("tls.established", established);
        self.visit.tell("handshake", fields.with("event.outcome", outcome.as_str())).await;
        self.pipe = handshake.map_err(|_| End::Idle)?.map_err(|_| End::Protocol)?;
        Ok(())
    }

    /// Tells whether it goes on in TLS.
    pub fn is_tls(&self) -> bool {
        matches!(self.pipe, Pipe::Tls(_))
    }

    /// Closes towards the peer, so that it sees all that was written.
    pub async fn close(&mut self) {
        let until = Instant::now() + Duration::from_secs(5);
        let _ = timeout_at(until, self.pipe.close()).await;
    }

    /// Gives the raw connection away, with what was received and not consumed: for a protocol that a
    /// library speaks. Whoever takes it counts with [`Visit::received`] and notes with [`Visit::note`].
    pub(crate) fn take(&mut self) -> (Pipe, Vec<u8>) {
        let before = std::mem::take(&mut self.pending).split_off(std::mem::take(&mut self.at));
        (std::mem::replace(&mut self.pipe, Pipe::Gone), before)
    }
}
