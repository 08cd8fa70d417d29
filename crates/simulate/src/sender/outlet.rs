//! The four doors.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::stage::Sample;
use crate::target::{Framing, SimulateError, Target};

const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
const ANSWER_TIME_MAX: Duration = Duration::from_secs(40);
/// Lines that are posted at once.
const LINES_A_POST_MAX: usize = 200;
/// How often a server that is busy is asked again, each a second later.
const TRIES_MAX: u32 = 30;
const ANSWER_BYTES_MAX: usize = 300;

/// An open door.
pub(super) struct Outlet {
    target: String,
    door: Door,
}

enum Door {
    Udp(UdpSocket),
    Tcp(BufWriter<TcpStream>, Framing),
    File(BufWriter<File>),
    Http(Box<Http>),
}

struct Http {
    agent: ureq::Agent,
    url: String,
    token: Option<String>,
    body: String,
    lines: usize,
}

impl Outlet {
    /// Opens the door; `addresses` are those that the target's name was checked to stand for.
    pub(super) fn open(target: &Target, addresses: &[SocketAddr]) -> Result<Self, SimulateError> {
        let door = match target {
            Target::SyslogUdp(_) => udp(addresses).map(Door::Udp),
            Target::SyslogTcp(_, framing) => {
                tcp(addresses).map(|stream| Door::Tcp(BufWriter::new(stream), *framing))
            }
            Target::File(path) => OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map(|file| Door::File(BufWriter::new(file))),
            Target::Http { url, token } => Ok(Door::Http(Box::new(Http {
                agent: agent(),
                url: url.clone(),
                token: token.clone(),
                body: String::new(),
                lines: 0,
            }))),
        };
        let target = target.to_string();
        match door {
            Ok(door) => Ok(Self { target, door }),
            Err(error) => Err(SimulateError::Send { target, error }),
        }
    }

    /// Writes one sample; gives how many bytes it had.
    pub(super) fn put(&mut self, sample: &Sample, stop: &AtomicBool) -> Result<u64, SimulateError> {
        let text = match &self.door {
            Door::Udp(_) | Door::Tcp(..) => &sample.frame,
            Door::File(_) | Door::Http(_) => &sample.line,
        };
        let written = match &mut self.door {
            Door::Udp(socket) => socket.send(text.as_bytes()).map(drop),
            Door::Tcp(stream, Framing::Octets) => write!(stream, "{} {text}", text.len()),
            Door::Tcp(stream, Framing::Lines) => writeln!(stream, "{text}"),
            Door::File(file) => writeln!(file, "{text}"),
            Door::Http(http) => {
                http.body.push_str(text);
                http.body.push('\n');
                http.lines += 1;
                if http.lines >= LINES_A_POST_MAX {
                    return self.flush(stop).map(|()| length(text));
                }
                Ok(())
            }
        };
        written.map_err(|error| self.failed(error))?;
        Ok(length(text))
    }

    /// Sees that what was written has gone out.
    pub(super) fn flush(&mut self, stop: &AtomicBool) -> Result<(), SimulateError> {
        let flushed = match &mut self.door {
            Door::Udp(_) => Ok(()),
            Door::Tcp(stream, _) => stream.flush(),
            Door::File(file) => file.flush(),
            Door::Http(http) => return http.post(&self.target, stop),
        };
        flushed.map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> SimulateError {
        SimulateError::Send { target: self.target.clone(), error }
    }
}

fn udp(addresses: &[SocketAddr]) -> io::Result<UdpSocket> {
    let ipv6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let any = if ipv6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
    socket.connect(addresses)?;
    Ok(socket)
}

fn tcp(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpStream::connect_timeout(address, CONNECT_TIME_MAX) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Gives a client that goes where it is sent and nowhere else: no proxies, no redirections.
fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .timeout_connect(Some(CONNECT_TIME_MAX))
        .timeout_global(Some(ANSWER_TIME_MAX))
        .build()
        .new_agent()
}

impl Http {
    fn post(&mut self, target: &str, stop: &AtomicBool) -> Result<(), SimulateError> {
        if self.lines == 0 {
            return Ok(());
        }
        let mut tries = 0;
        loop {
            let (status, detail) = self.ask().map_err(|error| SimulateError::Send {
                target: target.to_owned(),
                error: io::Error::other(error),
            })?;
            tries += 1;
            match status {
                200..=299 => break,
                429 if tries < TRIES_MAX && !stop.load(Ordering::Relaxed) => {
                    std::thread::sleep(Duration::from_secs(1));
                }
                _ => {
                    return Err(SimulateError::Refused {
                        target: target.to_owned(),
                        status,
                        detail,
                    });
                }
            }
        }
        self.body.clear();
        self.lines = 0;
        Ok(())
    }

    fn ask(&self) -> Result<(u16, String), ureq::Error> {
        let mut request = self.agent.post(&self.url).header("Content-Type", "text/plain");
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let mut answer = request.send(&self.body)?;
        let status = answer.status().as_u16();
        let detail = answer.body_mut().read_to_string().unwrap_or_default();
        Ok((status, detail.chars().take(ANSWER_BYTES_MAX).collect()))
    }
}

fn length(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}
