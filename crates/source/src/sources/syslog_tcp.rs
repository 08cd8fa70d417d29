//! Syslog over TCP (RFC 6587), both framings, told apart frame by frame.
//!
//! A batch is what a connection had to read, so nothing waits for more. While the line is full nothing is
//! read, which slows the sender down instead of losing records.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use model::{Batch, Origin};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::Source;
use super::shared::{Place, Places, accept, bind};
use crate::chunk::Chunk;
use crate::config::{Faults, LINE_BYTES_DEFAULT};
use crate::frames::Framer;
use crate::input::{Counted, Input, now};
use crate::outlet::{Closed, Outlet, Stop};
use crate::running::{SourceError, Starter};

pub(crate) const SOURCE: Source =
    Source { id: "syslog_tcp", summary: "syslog in TCP streams (RFC 6587, both framings)", start };

const READ_BYTES_MAX: usize = 64 * 1024;
/// Past it a batch is handed on, although the connection has more to read.
const BATCH_BYTES_MAX: usize = 512 * 1024;
/// `[inputs.syslog_tcp]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SyslogTcpConfig {
    /// Whether it is on.
    pub enabled: bool,
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Where a line is cut.
    pub line_bytes_max: usize,
    /// How many connections are held, half of them by one address; more are closed at once.
    pub connections_max: usize,
    /// After how long a silence a connection is closed. Plain syslog does not notice that and loses
    /// its next line, so this is a day: dead peers are found out sooner by keep-alive.
    pub idle_seconds_max: u64,
}

impl Default for SyslogTcpConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: SocketAddr::from(([0, 0, 0, 0], 5514)),
            line_bytes_max: LINE_BYTES_DEFAULT,
            connections_max: 1024,
            idle_seconds_max: 86_400,
        }
    }
}

impl SyslogTcpConfig {
    pub(crate) fn validate(&self, path: &str, faults: &mut Faults) {
        faults.line_bytes(path, self.line_bytes_max);
        faults.within(format!("{path}.connections_max"), self.connections_max, 1..=65_536);
        faults.within(format!("{path}.idle_seconds_max"), self.idle_seconds_max, 1..=31_536_000);
    }
}

fn start(starter: &mut Starter<'_>) -> Result<(), SourceError> {
    let config = &starter.config.syslog_tcp;
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
    config: SyslogTcpConfig,
}

async fn serve(stream: TcpStream, place: Place, shared: Arc<Shared>, stop: Stop) {
    let origin = Arc::new(Origin { peer: Some(place.peer), ..shared.origin.clone() });
    let framer = Framer::new(shared.config.line_bytes_max);
    let connection = Connection { stream, shared, origin, framer, chunk: Chunk::default() };
    connection.run(stop).await;
}

struct Connection {
    stream: TcpStream,
    shared: Arc<Shared>,
    origin: Arc<Origin>,
    framer: Framer,
    chunk: Chunk,
}

impl Connection {
    async fn run(mut self, mut stop: Stop) {
        let idle = Duration::from_secs(self.shared.config.idle_seconds_max);
        let mut buffer = vec![0; READ_BYTES_MAX];
        loop {
            let read = tokio::select! {
                () = stop.told() => break,
                read = tokio::time::timeout(idle, self.stream.read(&mut buffer)) => read,
            };
            // The end, a broken connection or too long a silence: all mean that no more comes.
            let Ok(Ok(length @ 1..)) = read else { break };
            self.take(buffer.get(..length).unwrap_or_default());
            self.take_available(&mut buffer);
            if self.hand_on().await.is_err() {
                return;
            }
        }
        self.take_available(&mut buffer);
        let Self { framer, chunk, origin, .. } = &mut self;
        framer.finish(&mut |line| chunk.push(line, origin));
        // The line has ended, or this was the last of the connection: nothing more to do either way.
        let _ = self.hand_on().await;
    }

    fn take(&mut self, bytes: &[u8]) {
        let Self { framer, chunk, origin, .. } = self;
        framer.feed(bytes, &mut |line| chunk.push(line, origin));
    }

    /// Reads on while there is something to read at once, up to a batch.
    fn take_available(&mut self, buffer: &mut [u8]) {
        while self.chunk.bytes() < BATCH_BYTES_MAX {
            match self.stream.try_read(buffer) {
                Ok(length @ 1..) => self.take(buffer.get(..length).unwrap_or_default()),
                _ => return,
            }
        }
    }

    async fn hand_on(&mut self) -> Result<(), Closed> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let records = std::mem::take(&mut self.chunk).into_records(now());
        let counted = Counted::of(&records);
        self.shared.outlet.send(Batch { records, ..Batch::default() }).await?;
        self.shared.input.count(&counted);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use crate::sources::testing::Line;

    #[test]
    fn both_framings_in_one_connection() {
        let line = Line::start(100, |config| config.syslog_tcp.enabled = true);
        let mut stream = TcpStream::connect(line.address("syslog_tcp")).unwrap();
        stream.write_all(b"<13>one\r\n9 <13>t\nwo\n<13>thr").unwrap();
        assert_eq!(line.texts(2), ["<13>one", "<13>t\nwo"]);
        stream.write_all(b"ee\n<13>half").unwrap();
        drop(stream);
        assert_eq!(line.texts(2), ["<13>three", "<13>half"]);
        line.until(|status| status.open == 0, "syslog_tcp");
        line.stop();
    }

    #[test]
    fn long_lines_are_cut_and_counted() {
        let line = Line::start(100, |config| {
            config.syslog_tcp.enabled = true;
            config.syslog_tcp.line_bytes_max = 512;
        });
        let mut stream = TcpStream::connect(line.address("syslog_tcp")).unwrap();
        stream.write_all(&b"y".repeat(10_000_000)).unwrap();
        stream.write_all(b"\nnext\n").unwrap();
        let records = line.records(2);
        assert_eq!(records[0].text.len(), 512);
        assert_eq!(records[0].truncated_bytes, 10_000_000 - 512);
        assert_eq!(&*records[1].text, "next");
        line.until(|status| status.truncated == 1, "syslog_tcp");
        line.stop();
    }

    #[test]
    fn one_address_holds_half_of_the_connections() {
        let line = Line::start(100, |config| {
            config.syslog_tcp.enabled = true;
            config.syslog_tcp.connections_max = 4;
        });
        let connect = || TcpStream::connect(line.address("syslog_tcp")).unwrap();
        let held = [connect(), connect()];
        line.until(|status| status.open == 2, "syslog_tcp");
        assert_eq!(connect().read(&mut [0; 1]).unwrap_or(0), 0);
        line.until(|status| status.refused == 1, "syslog_tcp");
        drop(held);
        line.until(|status| status.open == 0, "syslog_tcp");
        let mut again = connect();
        again.write_all(b"back\n").unwrap();
        assert_eq!(line.texts(1), ["back"]);
        line.stop();
    }

    #[test]
    fn too_many_connections() {
        let line = Line::start(100, |config| {
            config.syslog_tcp.enabled = true;
            config.syslog_tcp.connections_max = 1;
        });
        let mut first = TcpStream::connect(line.address("syslog_tcp")).unwrap();
        line.until(|status| status.open == 1, "syslog_tcp");
        let mut second = TcpStream::connect(line.address("syslog_tcp")).unwrap();
        assert_eq!(second.read(&mut [0; 1]).unwrap_or(0), 0);
        line.until(|status| status.refused == 1, "syslog_tcp");
        first.write_all(b"still here\n").unwrap();
        assert_eq!(line.texts(1), ["still here"]);
        line.stop();
    }

    #[test]
    fn silence_ends_a_connection_and_half_a_line_is_kept() {
        let line = Line::start(100, |config| {
            config.syslog_tcp.enabled = true;
            config.syslog_tcp.idle_seconds_max = 1;
        });
        let mut stream = TcpStream::connect(line.address("syslog_tcp")).unwrap();
        stream.write_all(b"half a li").unwrap();
        assert_eq!(line.texts(1), ["half a li"]);
        assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
        line.stop();
    }

    #[test]
    fn a_full_line_slows_the_sender_and_loses_nothing() {
        const LINES: usize = 20_000;
        let line = Line::start(1, |config| config.syslog_tcp.enabled = true);
        let mut stream = TcpStream::connect(line.address("syslog_tcp")).unwrap();
        let sender = std::thread::spawn(move || {
            for number in 0..LINES {
                stream.write_all(format!("<13>{number:01000}\n").as_bytes()).unwrap();
            }
        });
        // The channel has one place and is not emptied: the sender comes to a halt.
        line.until(|status| status.received > 0, "syslog_tcp");
        assert!(!sender.is_finished());
        let texts = line.texts(LINES);
        sender.join().unwrap();
        assert!(texts.iter().enumerate().all(|(n, text)| *text == format!("<13>{n:01000}")));
        assert_eq!(line.status("syslog_tcp").dropped, 0);
        line.stop();
    }

    #[test]
    fn stopping_hands_on_what_was_sent() {
        let line = Line::start(100, |config| config.syslog_tcp.enabled = true);
        let mut stream = TcpStream::connect(line.address("syslog_tcp")).unwrap();
        stream.write_all(b"one\ntwo\nhal").unwrap();
        assert_eq!(line.texts(2), ["one", "two"]);
        assert_eq!(line.stop().0, ["hal"]);
    }
}
