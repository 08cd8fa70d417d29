//! Syslog over UDP (RFC 5426): one record a datagram, or one a line where a datagram holds several.
//!
//! Nobody can be told to slow down, so what finds no room is dropped and counted: by us when the line
//! is full, by the system when its own buffer is. Both are in `dropped`.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::TrySendError;
use model::{Batch, Origin};
use serde::{Deserialize, Serialize};
use tokio::net::UdpSocket;
use tokio::time::Instant;

use super::Source;
use crate::chunk::Chunk;
use crate::config::{Faults, LINE_BYTES_DEFAULT};
use crate::input::{Counted, Input, now};
use crate::lines::{Line, Splitter, Trim};
use crate::outlet::{Closed, Outlet, Stop};
use crate::running::{SourceError, Starter};

pub(crate) const SOURCE: Source =
    Source { id: "syslog_udp", summary: "syslog in UDP datagrams (RFC 3164, RFC 5424)", start };

/// No datagram is longer.
const DATAGRAM_BYTES_MAX: usize = 65_536;
/// How many datagrams are read before what came is handed on.
const DATAGRAMS_A_BATCH_MAX: usize = 2048;
/// Bounds what waits here while the line is full; past it, records are dropped.
const WAITING_RECORDS_MAX: usize = 16_384;
const WAITING_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Senders whose origin is remembered; their addresses may be forged, so there may be any number.
const PEERS_MAX: usize = 4096;
const RETRY: Duration = Duration::from_millis(1);
/// In a stream of datagrams a batch gathers for so long, lest each is written to disk on its own; the
/// first after a silence is handed on at once.
const GATHER: Duration = Duration::from_millis(2);
/// How often the system is asked what it dropped.
const KERNEL_DROPS_EVERY: Duration = Duration::from_secs(2);

/// `[inputs.syslog_udp]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SyslogUdpConfig {
    /// Whether it is on.
    pub enabled: bool,
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Where a line is cut.
    pub line_bytes_max: usize,
    /// How much the system is asked to hold back for us; it may grant less.
    pub receive_buffer_bytes: usize,
}

impl Default for SyslogUdpConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: SocketAddr::from(([0, 0, 0, 0], 5514)),
            line_bytes_max: LINE_BYTES_DEFAULT,
            receive_buffer_bytes: 8 * 1024 * 1024,
        }
    }
}

impl SyslogUdpConfig {
    pub(crate) fn validate(&self, path: &str, faults: &mut Faults) {
        faults.line_bytes(path, self.line_bytes_max);
        let buffer = self.receive_buffer_bytes;
        faults.within(format!("{path}.receive_buffer_bytes"), buffer, 65_536..=1024 * 1024 * 1024);
    }
}

fn start(starter: &mut Starter<'_>) -> Result<(), SourceError> {
    let config = &starter.config.syslog_udp;
    if !config.enabled {
        return Ok(());
    }
    let failed = |error| SourceError::Listen { input: SOURCE.id, address: config.listen, error };
    let socket = bind(config).map_err(failed)?;
    let input = Input::listening(SOURCE.id, socket.local_addr().map_err(failed)?);
    let receiver = Receiver {
        input: Arc::clone(&input),
        kernel: KernelDrops::of(&socket),
        socket,
        outlet: starter.outlet.clone(),
        origin: starter.origin(SOURCE.id),
        peers: HashMap::new(),
        splitter: Splitter::new(config.line_bytes_max, Trim::CrNul),
        waiting: Chunk::default(),
        stuck: None,
        handed: Instant::now(),
    };
    starter.spawn(&input, receiver.run(starter.stop.clone()));
    Ok(())
}

fn bind(config: &SyslogUdpConfig) -> io::Result<UdpSocket> {
    let domain = socket2::Domain::for_address(config.listen);
    let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, None)?;
    // The system caps it at its own limit without a word; what is lost to that is counted below.
    socket.set_recv_buffer_size(config.receive_buffer_bytes)?;
    socket.set_nonblocking(true)?;
    socket.bind(&config.listen.into())?;
    UdpSocket::from_std(socket.into())
}

struct Receiver {
    input: Arc<Input>,
    socket: UdpSocket,
    kernel: KernelDrops,
    outlet: Outlet,
    origin: Origin,
    peers: HashMap<IpAddr, Arc<Origin>>,
    splitter: Splitter,
    /// What was received and not yet offered.
    waiting: Chunk,
    /// What was offered and found no room.
    stuck: Option<Batch>,
    /// When something was last offered.
    handed: Instant,
}

impl Receiver {
    async fn run(mut self, mut stop: Stop) {
        let mut datagram = vec![0; DATAGRAM_BYTES_MAX];
        let mut kernel_asked = Instant::now();
        loop {
            tokio::select! {
                () = stop.told() => break,
                _ = self.socket.readable() => self.receive(&mut datagram),
                () = tokio::time::sleep(RETRY), if self.holds_any() => {}
                () = tokio::time::sleep_until(kernel_asked + KERNEL_DROPS_EVERY) => {}
            }
            let full = self.waiting.records() >= DATAGRAMS_A_BATCH_MAX;
            if full || self.handed.elapsed() >= GATHER {
                if self.hand_on().is_err() {
                    return;
                }
                self.handed = Instant::now();
            }
            if kernel_asked.elapsed() >= KERNEL_DROPS_EVERY {
                kernel_asked = Instant::now();
                self.input.dropped(self.kernel.more());
            }
        }
        // What the system still holds for us was sent before we stopped.
        self.receive(&mut datagram);
        while self.holds_any() && self.hand_on().is_ok() {
            tokio::time::sleep(RETRY).await;
        }
    }

    fn holds_any(&self) -> bool {
        self.stuck.is_some() || !self.waiting.is_empty()
    }

    /// Reads what has come, up to a batch.
    fn receive(&mut self, datagram: &mut [u8]) {
        for _ in 0..DATAGRAMS_A_BATCH_MAX {
            match self.socket.try_recv_from(datagram) {
                Ok((length, peer)) => {
                    let bytes = datagram.get(..length).unwrap_or_default();
                    self.take(bytes, peer.ip().to_canonical());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // Such as an answer to something that was never sent from here; the socket lives on.
                Err(error) => return self.input.fault(&error.to_string()),
            }
        }
    }

    fn take(&mut self, datagram: &[u8], peer: IpAddr) {
        let origin = self.origin_of(peer);
        let Self { waiting, input, splitter, .. } = self;
        let mut each = |line: Line<'_>| {
            if waiting.records() < WAITING_RECORDS_MAX && waiting.bytes() < WAITING_BYTES_MAX {
                waiting.push(line, &origin);
            } else {
                input.dropped(1);
            }
        };
        splitter.feed(datagram, &mut each);
        splitter.finish(&mut each);
    }

    fn origin_of(&mut self, peer: IpAddr) -> Arc<Origin> {
        if self.peers.len() >= PEERS_MAX && !self.peers.contains_key(&peer) {
            self.peers.clear();
        }
        let origin = &self.origin;
        let fresh = || Arc::new(Origin { peer: Some(peer), ..origin.clone() });
        Arc::clone(self.peers.entry(peer).or_insert_with(fresh))
    }

    /// Offers to the line what waits; where it is full, that waits on.
    fn hand_on(&mut self) -> Result<(), Closed> {
        if self.stuck.is_none() && !self.waiting.is_empty() {
            let records = std::mem::take(&mut self.waiting).into_records(now());
            self.stuck = Some(Batch { records, ..Batch::default() });
        }
        let Some(batch) = self.stuck.take() else { return Ok(()) };
        let counted = Counted::of(&batch.records);
        match self.outlet.offer(batch) {
            Ok(()) => self.input.count(&counted),
            Err(TrySendError::Full(batch)) => self.stuck = Some(batch),
            Err(TrySendError::Disconnected(_)) => return Err(Closed),
        }
        Ok(())
    }
}

/// What the system dropped for want of room in the socket's buffer, as `/proc/net/udp` tells it.
struct KernelDrops {
    inode: Option<u64>,
    seen: u64,
}

impl KernelDrops {
    fn of(socket: &UdpSocket) -> Self {
        Self { inode: rustix::fs::fstat(socket).ok().map(|stat| stat.st_ino), seen: 0 }
    }

    /// Gives how many were dropped since it was asked last; zero where the system does not tell.
    fn more(&mut self) -> u64 {
        let Some(inode) = self.inode else { return 0 };
        let tables = ["/proc/self/net/udp", "/proc/self/net/udp6"];
        let drops = tables.iter().find_map(|path| {
            let table = std::fs::read_to_string(path).ok()?;
            drops_of(&table, inode)
        });
        let Some(drops) = drops else { return 0 };
        let more = drops.saturating_sub(self.seen);
        self.seen = drops;
        more
    }
}

/// Reads the last column of the row whose tenth column is `inode`.
fn drops_of(table: &str, inode: u64) -> Option<u64> {
    let inode = inode.to_string();
    table.lines().skip(1).find_map(|row| {
        let mut columns = row.split_ascii_whitespace();
        (columns.nth(9)? == inode).then(|| columns.last()?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::length_of;
    use crate::sources::testing;

    #[test]
    fn each_datagram_and_each_line_is_a_record() {
        let line = testing::Line::start(100, |config| config.syslog_udp.enabled = true);
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = line.address("syslog_udp");
        for datagram in [&b"<13>one"[..], b"<13>two\r\n<13>three\0", b"\n", b"caf\xe9"] {
            sender.send_to(datagram, to).unwrap();
        }
        assert_eq!(line.texts(4), ["<13>one", "<13>two", "<13>three", "caf\\xE9"]);
        // Counted after they were handed on.
        line.until(|status| status.last_received.is_some(), "syslog_udp");
        line.until(|status| (status.received, status.escaped) == (4, 1), "syslog_udp");
        assert_eq!(line.status("syslog_udp").dropped, 0);
        line.stop();
    }

    #[test]
    fn the_peer_is_the_sender() {
        let line = testing::Line::start(100, |config| config.syslog_udp.enabled = true);
        let sender = std::net::UdpSocket::bind("127.0.0.2:0").unwrap();
        sender.send_to(b"<13>one", line.address("syslog_udp")).unwrap();
        let record = line.records(1).remove(0);
        assert_eq!(record.origin.peer, Some(IpAddr::from([127, 0, 0, 2])));
        assert_eq!(record.origin.input, "syslog_udp");
        assert!(record.received_at > model::Timestamp::default());
        line.stop();
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        const LINES: usize = 30_000;
        // One place, and nobody takes what is in it.
        let line = testing::Line::start(1, |config| config.syslog_udp.enabled = true);
        let sender = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = line.address("syslog_udp");
        sender.send_to(b"first", to).unwrap();
        line.until(|status| status.received == 1, "syslog_udp");
        for _ in 0..2 {
            sender.send_to(&b"x\n".repeat(LINES), to).unwrap();
        }
        let least = 2 * length_of(LINES - WAITING_RECORDS_MAX);
        line.until(|status| status.dropped >= least, "syslog_udp");
        assert_eq!(line.texts(1 + WAITING_RECORDS_MAX)[0], "first");
        let all = 1 + 2 * length_of(LINES);
        while line.status("syslog_udp").received + line.status("syslog_udp").dropped < all {
            line.take();
        }
        line.stop();
    }

    #[test]
    fn drops_of_our_socket_in_the_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
                     11: 0100007F:158A 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 111 2 0000000000000000 5\n\
                     12: 0100007F:158B 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 222 2 0000000000000000 37\n";
        assert_eq!(drops_of(table, 222), Some(37));
        assert_eq!(drops_of(table, 333), None);
    }
}
