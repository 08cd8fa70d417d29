//! Finds out what serves on an open TCP port: listens for a greeting, asks, looks behind TLS.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::foreign::Foreign;
use super::services::{self, Ask, Row, SERVICES, Service};
use super::tls::{self, Certificate};

/// What is read of an answer at most.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// After the first bytes, so much quiet ends an answer.
const QUIET: Duration = Duration::from_millis(250);
/// One port may take as long as so many probes that stay unanswered.
const TIMEOUTS_MAX: u32 = 12;
/// Ports on which TLS is spoken from the first byte.
const TLS_PORTS: [u16; 18] = [
    443, 465, 636, 853, 990, 992, 993, 995, 2376, 3269, 4443, 5061, 5671, 5986, 6443, 8443, 8883,
    9443,
];
/// Foreign probes that one port is asked with at most.
const FOREIGN_MAX: usize = 6;

/// How services are asked.
#[derive(Debug)]
pub(crate) struct Identify {
    /// How long an answer is waited for.
    pub(crate) timeout: Duration,
    pub(crate) client: tls::Client,
    /// Probes that the user brought.
    pub(crate) foreign: Option<Arc<Foreign>>,
}

/// Whether something is to go on.
pub(crate) type GoesOn<'a> = &'a (dyn Fn() -> bool + Sync);

/// One port that is being asked.
struct Visit<'a> {
    manner: &'a Identify,
    address: SocketAddr,
    until: Instant,
    goes_on: GoesOn<'a>,
    /// The first thing that was said and that nobody understood.
    said: Vec<u8>,
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

impl Identify {
    /// Gives what serves on a port; what cannot be told has an empty name.
    pub(crate) fn ask(&self, address: SocketAddr, goes_on: GoesOn<'_>) -> Service {
        let until = Instant::now() + self.timeout * TIMEOUTS_MAX;
        let mut visit = Visit { manner: self, address, until, goes_on, said: Vec::new() };
        let mut service = visit.ours().unwrap_or_default();
        if service.product.is_none() {
            service = visit.foreign(service);
        }
        if service.banner.is_none() && !visit.said.is_empty() {
            service = services::with_banner(service, &visit.said);
        }
        service
    }
}

impl Visit<'_> {
    fn has_time(&self) -> bool {
        Instant::now() < self.until && (self.goes_on)()
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.address, self.manner.timeout)?;
        stream.set_read_timeout(Some(self.manner.timeout))?;
        stream.set_write_timeout(Some(self.manner.timeout))?;
        // Nothing is worth a second packet that waits for more.
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn ours(&mut self) -> Option<Service> {
        let port = self.address.port();
        if TLS_PORTS.contains(&port) {
            if let Some(found) = self.encrypted() {
                return Some(found);
            }
        } else if !services::waits_to_be_asked(port)
            && let Some(found) = self.greeting()
        {
            return Some(found);
        }
        for (place, row) in services::to_ask(port).into_iter().enumerate() {
            if !self.has_time() {
                return None;
            }
            if let Some(found) = self.plain(row) {
                return Some(found);
            }
            // TLS is what is left most often where plain HTTP is not understood.
            if (place == 0 || self.is_tls_alert())
                && !TLS_PORTS.contains(&port)
                && let Some(found) = self.encrypted()
            {
                return Some(found);
            }
        }
        if services::waits_to_be_asked(port) { self.greeting() } else { None }
    }

    fn is_tls_alert(&self) -> bool {
        self.said.starts_with(&[0x15, 3])
    }

    fn greeting(&mut self) -> Option<Service> {
        let mut stream = self.connect().ok()?;
        let said = self.read(&mut stream, None);
        self.understood(&said)
    }

    fn plain(&mut self, row: &Row) -> Option<Service> {
        let Ask::Say(say) = row.ask else { return None };
        let mut stream = self.connect().ok()?;
        let said = self.read(&mut stream, Some(&say()));
        self.understood(&said)
    }

    /// Shakes hands, then listens and asks as without TLS.
    fn encrypted(&mut self) -> Option<Service> {
        let (mut stream, certificate) = self.shake()?;
        let mut found = None;
        if !matches!(self.address.port(), 443 | 8443 | 9443 | 4443 | 6443) {
            stream.sock.set_read_timeout(Some(self.manner.timeout / 2)).ok()?;
            let said = self.read(&mut stream, None);
            found = services::read_greeting(&said);
        }
        if found.is_none() {
            let fits = |row: &&Row| row.tcp.contains(&self.address.port());
            let asked: Vec<&Row> = services::to_ask(self.address.port());
            let chosen = asked
                .iter()
                .find(|row| fits(row))
                .or_else(|| asked.iter().find(|row| row.id == "http"));
            if let Some(Ask::Say(say)) = chosen.map(|row| row.ask) {
                let (mut stream, _) = self.shake()?;
                let said = self.read(&mut stream, Some(&say()));
                found = self.understood(&said);
            }
        }
        let service =
            found.unwrap_or_else(|| Service { name: "tls".to_owned(), ..Service::default() });
        Some(Service { tls: Some(certificate), ..service })
    }

    fn shake(&self) -> Option<(tls::Encrypted, Certificate)> {
        self.manner.client.shake(self.connect().ok()?, self.manner.timeout).ok()
    }

    /// Finds who speaks so; keeps what nobody understands.
    fn understood(&mut self, said: &[u8]) -> Option<Service> {
        if said.is_empty() {
            return None;
        }
        let service = services::read_greeting(said).or_else(|| {
            let rows = SERVICES.iter().filter(|row| !row.tcp.is_empty());
            let asked = rows.filter(|row| matches!(row.ask, Ask::Say(_)));
            asked
                .into_iter()
                .find_map(|row| (row.read)(said))
                .map(|found| services::with_banner(found, said))
        });
        if service.is_none() && (self.said.is_empty() || said.starts_with(&[0x15, 3])) {
            self.said = said.to_vec();
        }
        service
    }

    /// Asks as the user's own probes say.
    fn foreign(&mut self, known: Service) -> Service {
        let Some(foreign) = &self.manner.foreign else { return known };
        let port = self.address.port();
        for probe in foreign.for_port(port).into_iter().take(FOREIGN_MAX) {
            if !self.has_time() {
                break;
            }
            let said = if probe.says().is_empty() && !self.said.is_empty() {
                self.said.clone()
            } else {
                let Ok(mut stream) = self.connect() else { break };
                self.read(&mut stream, Some(probe.says()))
            };
            if let Some(found) = foreign.read(probe, &said) {
                let tls = known.tls;
                return Service { tls, ..services::with_banner(found, &said) };
            }
            if self.said.is_empty() {
                self.said = said;
            }
        }
        known
    }

    /// Says something, if there is something to say, and reads what comes.
    fn read(&self, stream: &mut dyn Stream, say: Option<&[u8]>) -> Vec<u8> {
        if let Some(say) = say
            && (stream.write_all(say).is_err() || stream.flush().is_err())
        {
            return Vec::new();
        }
        let until = (Instant::now() + self.manner.timeout).min(self.until);
        let mut said = Vec::new();
        let mut buffer = [0_u8; 4096];
        let mut last = Instant::now();
        while said.len() < ANSWER_BYTES_MAX && Instant::now() < until && (self.goes_on)() {
            match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => {
                    said.extend_from_slice(buffer.get(..length).unwrap_or_default());
                    last = Instant::now();
                    // Lines and messages mostly come whole.
                    if length < buffer.len() && is_whole(&said) {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if would_wait(&error) && !said.is_empty() && last.elapsed() < QUIET => {}
                Err(_) => break,
            }
        }
        said.truncate(ANSWER_BYTES_MAX);
        said
    }
}

fn would_wait(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Tells whether nothing more is worth waiting for: one of our protocols reads it, and it is no page
/// that may go on.
fn is_whole(said: &[u8]) -> bool {
    if said.starts_with(b"HTTP/") {
        let text = String::from_utf8_lossy(said);
        return text.contains("</html>") || text.contains("</title>");
    }
    services::read_greeting(said).is_some() || SERVICES.iter().any(|row| (row.read)(said).is_some())
}
