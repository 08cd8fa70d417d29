//! The socket that exporters send to.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use source::{Closed, Running, Sensor};

use super::{Exporters, NetflowConfig};
use crate::capture::datagrams_dropped;
use crate::clock::now_ns;
use crate::json::Lines;
use crate::traffic::{Home, MINUTE_NS, SharedTraffic};

/// No datagram is longer.
const DATAGRAM_BYTES_MAX: usize = 65_536;
/// How long a silence is waited through before it is looked whether to stop.
const PATIENCE: Duration = Duration::from_millis(100);
/// Flows gather for so long, or until they are so many.
const GATHER: Duration = Duration::from_millis(50);
const LINES_A_BATCH: usize = 2048;

/// Starts to listen where the configuration has it on; gives where.
pub fn start(
    running: &mut Running,
    config: &NetflowConfig,
    home: Home,
    traffic: SharedTraffic,
) -> io::Result<Option<SocketAddr>> {
    if !config.enabled {
        return Ok(None);
    }
    let socket = bind(config)?;
    let address = socket.local_addr()?;
    let sensor = running.sensor("netflow", address.to_string());
    let receiver = Receiver {
        sensor: sensor.clone(),
        socket,
        believed: config.believed().map_err(io::Error::other)?,
        exporters: Exporters::new(home),
        traffic,
        lines: Lines::default(),
        began: None,
        minute: now_ns() / MINUTE_NS,
        told: super::Standing::default(),
        kernel_dropped: 0,
    };
    running.run_blocking(&sensor, move || {
        // The line's end is the only fault that ends it early.
        let _closed = receiver.run();
    });
    Ok(Some(address))
}

fn bind(config: &NetflowConfig) -> io::Result<UdpSocket> {
    let domain = socket2::Domain::for_address(config.listen);
    let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, None)?;
    // The system caps it at its own limit without a word; what is lost to that is counted.
    socket.set_recv_buffer_size(config.receive_buffer_bytes)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.bind(&config.listen.into())?;
    Ok(socket.into())
}

struct Receiver {
    sensor: Sensor,
    socket: UdpSocket,
    believed: Option<Home>,
    exporters: Exporters,
    traffic: SharedTraffic,
    lines: Lines,
    /// When the first of the lines came.
    began: Option<Instant>,
    minute: u64,
    /// What of the exporters' standing the input's counters have already.
    told: super::Standing,
    kernel_dropped: u32,
}

impl Receiver {
    fn run(mut self) -> Result<(), Closed> {
        let mut datagram = vec![0; DATAGRAM_BYTES_MAX];
        while !self.sensor.is_stopped() {
            match self.socket.recv_from(&mut datagram) {
                Ok((length, peer)) => {
                    let bytes = datagram.get(..length).unwrap_or_default();
                    self.take(bytes, peer.ip().to_canonical());
                }
                Err(error) if is_silence(&error) => {}
                Err(error) => {
                    self.sensor.fault(&error.to_string());
                    std::thread::sleep(PATIENCE);
                }
            }
            let waited = self.began.is_some_and(|began| began.elapsed() >= GATHER);
            if self.lines.len() >= LINES_A_BATCH || waited {
                self.hand_on()?;
            }
            self.look_at_the_clock()?;
        }
        self.hand_on()
    }

    fn take(&mut self, datagram: &[u8], peer: IpAddr) {
        if self.believed.as_ref().is_some_and(|believed| !believed.holds(peer)) {
            self.sensor.refused();
            return;
        }
        let mut traffic = self.traffic.lock();
        self.exporters.read(peer, datagram, now_ns(), &mut self.lines, &mut traffic);
        drop(traffic);
        self.began.get_or_insert_with(Instant::now);
    }

    /// Hands on what has gathered; nobody can slow a router down, so what finds no room is dropped.
    fn hand_on(&mut self) -> Result<(), Closed> {
        self.began = None;
        self.count();
        if self.lines.is_empty() {
            return Ok(());
        }
        let lines = self.lines.iter().map(str::to_owned).collect();
        self.lines.clear();
        self.sensor.offer(lines)
    }

    fn count(&mut self) {
        let now = self.exporters.standing();
        self.sensor.dropped(now.lost - self.told.lost);
        if now.malformed > self.told.malformed {
            let count = now.malformed;
            self.sensor.fault(&format!("{count} datagrams were no NetFlow 5 or 9 and no IPFIX"));
        }
        self.told = now;
        if let Some(dropped) = datagrams_dropped(&self.socket) {
            self.sensor.dropped(dropped.wrapping_sub(self.kernel_dropped).into());
            self.kernel_dropped = dropped;
        }
    }

    fn look_at_the_clock(&mut self) -> Result<(), Closed> {
        let minute = now_ns() / MINUTE_NS;
        if minute == self.minute {
            return Ok(());
        }
        let start_ns = self.minute.saturating_mul(MINUTE_NS);
        self.minute = minute;
        if let Some(fault) = self.exporters.close_minute(start_ns, &mut self.lines) {
            self.sensor.fault(&fault);
        }
        self.hand_on()
    }
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}
