//! RELP, the protocol with which rsyslog hands over messages reliably: each is answered, and only when
//! it is durable.
//!
//! What came at once is one batch with one receipt. While some batches wait for the disk the next are
//! read; past a bound nothing is read, which slows the sender down. A message that could not be kept is
//! not answered and the connection is closed, so that the sender brings it again; a message whose answer
//! was lost comes twice. The protocol cannot tell those from new ones.

mod frames;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesOrdered;
use model::{Batch, Origin, Receipt, Refusal};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::oneshot;

use super::Source;
use super::shared::{Place, Places, accept, bind};
use crate::chunk::Chunk;
use crate::config::{Faults, LINE_BYTES_DEFAULT};
use crate::input::{Counted, Input, now};
use crate::lines::Line;
use crate::outlet::{Closed, Outlet, Stop};
use crate::running::{SourceError, Starter};
use frames::{Frame, Frames, NotRelp};

pub(crate) const SOURCE: Source =
    Source { id: "relp", summary: "RELP from rsyslog, each message answered when durable", start };

const READ_BYTES_MAX: usize = 64 * 1024;
/// Past either a batch is handed on, although the connection has more to read.
const BATCH_BYTES_MAX: usize = 512 * 1024;
const BATCH_MESSAGES_MAX: usize = 4096;
/// Batches of one connection that wait for the disk; past it nothing more is read.
const BATCHES_WAITING_MAX: usize = 8;
/// How long a peer may take to read its answers.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
const OFFER: &str = "200 OK\nrelp_version=0\nrelp_software=bartizan\ncommands=syslog";

/// `[inputs.relp]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RelpConfig {
    /// Whether it is on.
    pub enabled: bool,
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Where a message is cut.
    pub line_bytes_max: usize,
    /// How many connections are held, half of them by one address; more are closed at once.
    pub connections_max: usize,
    /// After how long a silence a connection is closed; the sender opens it anew and loses nothing.
    pub idle_seconds_max: u64,
}

impl Default for RelpConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            listen: SocketAddr::from(([0, 0, 0, 0], 2514)),
            line_bytes_max: LINE_BYTES_DEFAULT,
            connections_max: 1024,
            idle_seconds_max: 86_400,
        }
    }
}

impl RelpConfig {
    pub(crate) fn validate(&self, path: &str, faults: &mut Faults) {
        faults.line_bytes(path, self.line_bytes_max);
        faults.within(format!("{path}.connections_max"), self.connections_max, 1..=65_536);
        faults.within(format!("{path}.idle_seconds_max"), self.idle_seconds_max, 1..=31_536_000);
    }
}

fn start(starter: &mut Starter<'_>) -> Result<(), SourceError> {
    let config = &starter.config.relp;
    if !config.enabled {
        return Ok(());
    }
    let failed = |error| SourceError::Listen { input: SOURCE.id, address: config.listen, error };
    let listener = bind(config.listen).map_err(failed)?;
    let input = Input::listening(SOURCE.id, listener.local_addr().map_err(failed)?);
    let shared = Arc::new(Shared {
        input: Arc::clone(&input),
        outlet: starter.outlet.clone(),
        origin: starter.origin(SOURCE.id),
        config: config.clone(),
    });
    let places = Places::new(&input, config.connections_max);
    let stop = starter.stop.clone();
    let each = move |stream, place| serve(stream, place, Arc::clone(&shared), stop.clone());
    starter.spawn(&input, accept(listener, places, starter.stop.clone(), each));
    Ok(())
}

/// What the connections have in common.
struct Shared {
    input: Arc<Input>,
    outlet: Outlet,
    origin: Origin,
    config: RelpConfig,
}

async fn serve(stream: TcpStream, place: Place, shared: Arc<Shared>, stop: Stop) {
    let origin = Arc::new(Origin { peer: Some(place.peer), ..shared.origin.clone() });
    // Without it answers wait for more to be said, which costs the sender time and us nothing.
    let _ = stream.set_nodelay(true);
    let (from, to) = stream.into_split();
    let frames = Frames::new(shared.config.line_bytes_max);
    let peer = Peer { to, answers: Vec::new() };
    let batch = Gathered::default();
    let buffer = vec![0; READ_BYTES_MAX];
    let is_open = false;
    let connection = Connection { from, buffer, frames, peer, batch, is_open, shared, origin };
    connection.run(stop).await;
}

/// Why a connection comes to its end.
enum End {
    /// The peer said so, went away, or was silent too long.
    Peer,
    /// It does not speak the protocol.
    NotRelp(NotRelp),
    /// The line did not keep what it was given, or has ended.
    Line,
}

impl From<NotRelp> for End {
    fn from(error: NotRelp) -> Self {
        Self::NotRelp(error)
    }
}

impl From<std::io::Error> for End {
    fn from(_: std::io::Error) -> Self {
        Self::Peer
    }
}

impl From<Closed> for End {
    fn from(_: Closed) -> Self {
        Self::Line
    }
}

/// Messages that came at once.
#[derive(Default)]
struct Gathered {
    chunk: Chunk,
    numbers: Vec<u32>,
}

/// A batch on its way to the disk: the messages to be answered, and what the input counts then.
type Answer = (Vec<u32>, Counted, oneshot::Receiver<Result<(), Refusal>>);

/// The way back.
struct Peer {
    to: OwnedWriteHalf,
    answers: Vec<u8>,
}

impl Peer {
    fn answer(&mut self, number: u32, text: &str) {
        let space = if text.is_empty() { "" } else { " " };
        let line = format!("{number} rsp {}{space}{text}\n", text.len());
        self.answers.extend_from_slice(line.as_bytes());
    }

    async fn send(&mut self) -> Result<(), End> {
        if !self.answers.is_empty() {
            let sent = tokio::time::timeout(ANSWER_TIME_MAX, self.to.write_all(&self.answers));
            sent.await.map_err(|_| End::Peer)??;
            self.answers.clear();
            self.answers.shrink_to(READ_BYTES_MAX);
        }
        Ok(())
    }
}

struct Connection {
    from: OwnedReadHalf,
    buffer: Vec<u8>,
    frames: Frames,
    peer: Peer,
    batch: Gathered,
    is_open: bool,
    shared: Arc<Shared>,
    origin: Arc<Origin>,
}

impl Connection {
    async fn run(mut self, mut stop: Stop) {
        let mut waiting = FuturesOrdered::new();
        let end = loop {
            let more = tokio::select! {
                () = stop.told() => break End::Peer,
                Some(outcome) = waiting.next(), if !waiting.is_empty() => {
                    if let Err(end) = self.settle(outcome).await {
                        break end;
                    }
                    continue;
                }
                more = self.read(), if waiting.len() < BATCHES_WAITING_MAX => more,
            };
            match self.hand_on().await {
                Ok(answer) => waiting.extend(answer.map(told)),
                Err(end) => break end,
            }
            if let Err(end) = more {
                break end;
            }
        };
        match end {
            End::NotRelp(why) => {
                self.shared.input.refused();
                self.shared.input.fault(&format!("{}: {why}", self.peer_name()));
            }
            End::Line => return,
            End::Peer => {}
        }
        // What was handed on is answered still, as long as somebody listens.
        while let Some(outcome) = waiting.next().await {
            if self.settle(outcome).await.is_err() {
                return;
            }
        }
        self.peer.answers.extend_from_slice(b"0 serverclose 0\n");
        let _ = self.peer.send().await;
    }

    fn peer_name(&self) -> String {
        self.origin.peer.map_or_else(String::new, |peer| peer.to_string())
    }

    /// Reads what there is, up to a batch.
    async fn read(&mut self) -> Result<(), End> {
        let idle = Duration::from_secs(self.shared.config.idle_seconds_max);
        let read = tokio::time::timeout(idle, self.from.read(&mut self.buffer)).await;
        let Ok(Ok(length @ 1..)) = read else { return Err(End::Peer) };
        // From here on nothing is waited for, so nothing that was read can get lost.
        let mut buffer = std::mem::take(&mut self.buffer);
        let taken = self.take_available(&mut buffer, length);
        self.buffer = buffer;
        taken
    }

    fn take_available(&mut self, buffer: &mut [u8], mut length: usize) -> Result<(), End> {
        loop {
            self.take(buffer.get(..length).unwrap_or_default())?;
            let batch = &self.batch;
            if batch.chunk.bytes() >= BATCH_BYTES_MAX || batch.numbers.len() >= BATCH_MESSAGES_MAX {
                return Ok(());
            }
            match self.from.try_read(buffer) {
                Ok(more @ 1..) => length = more,
                _ => return Ok(()),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), End> {
        let mut rest = bytes;
        loop {
            let Self { frames, batch, origin, .. } = self;
            let mut each = |line: Line<'_>| batch.chunk.push(line, origin);
            match frames.next(&mut rest, &mut each)? {
                None => return Ok(()),
                Some(Frame::Open(number)) if !self.is_open => {
                    self.is_open = true;
                    self.peer.answer(number, OFFER);
                }
                Some(Frame::Syslog(number)) if self.is_open => self.batch.numbers.push(number),
                Some(Frame::Close(number)) => {
                    self.peer.answer(number, "");
                    return Err(End::Peer);
                }
                Some(Frame::Open(_) | Frame::Syslog(_)) => return Err(NotRelp::Order.into()),
            }
        }
    }

    /// Hands on what was gathered, and sends what can be answered already.
    async fn hand_on(&mut self) -> Result<Option<Answer>, End> {
        let Gathered { chunk, numbers } = std::mem::take(&mut self.batch);
        if numbers.is_empty() {
            self.peer.send().await?;
            return Ok(None);
        }
        let records = chunk.into_records(now());
        let counted = Counted::of(&records);
        let (told, outcome) = oneshot::channel();
        let receipt = Receipt::new(move |outcome| {
            // The peer may have gone away meanwhile; the records are kept all the same.
            let _ = told.send(outcome);
        });
        let batch = Batch { records, receipt: Some(receipt), ..Batch::default() };
        self.shared.outlet.send(batch).await?;
        self.peer.send().await?;
        Ok(Some((numbers, counted, outcome)))
    }

    async fn settle(&mut self, told: Told) -> Result<(), End> {
        let (numbers, counted, outcome) = told;
        if let Err(refusal) = outcome {
            self.shared.input.refused();
            if let Some(Refusal::Failed(why)) = refusal {
                self.shared.input.fault(&why);
            }
            return Err(End::Line);
        }
        self.shared.input.count(&counted);
        for number in numbers {
            self.peer.answer(number, "200 OK");
        }
        self.peer.send().await
    }
}

/// What became of a batch; a refusal without words where the line has ended.
type Told = (Vec<u32>, Counted, Result<(), Option<Refusal>>);

async fn told((numbers, counted, outcome): Answer) -> Told {
    let outcome = match outcome.await {
        Ok(outcome) => outcome.map_err(Some),
        Err(_) => Err(None),
    };
    (numbers, counted, outcome)
}

#[cfg(test)]
mod tests;
