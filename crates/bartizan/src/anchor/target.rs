//! Where an anchor goes: a file, syslog (RFC 5424 over UDP, or the system's own), an HTTP address.

use std::fmt;
use std::io::{self, Write as _};
use std::net::UdpSocket;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock::now;

const SYSTEM_LOG: &str = "/dev/log";
/// Facility 13 (log audit), severity 5 (notice).
const PRIORITY: u32 = 13 * 8 + 5;
const HTTP_TIMEOUT: Duration = Duration::from_secs(10);

/// Where an anchor goes.
#[derive(Clone, Debug)]
pub(super) enum Target {
    File(PathBuf),
    Udp(String),
    System,
    Webhook(String),
}

impl Target {
    pub(super) fn file(path: &Path) -> Self {
        Self::File(path.to_owned())
    }

    /// Reads `udp://host:port` or `unix`.
    pub(super) fn syslog(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is neither udp://host:port nor unix");
        if text == "unix" {
            return Ok(Self::System);
        }
        let address = text.strip_prefix("udp://").ok_or_else(wrong)?;
        let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
        if host.is_empty() || port.parse::<u16>().is_err() {
            return Err(wrong());
        }
        Ok(Self::Udp(address.to_owned()))
    }

    pub(super) fn webhook(text: &str) -> Result<Self, String> {
        match text.split_once("://") {
            Some(("http", rest)) if !rest.is_empty() => Ok(Self::Webhook(text.to_owned())),
            Some(("https", _)) => Err("https is not spoken here: name an http:// address of this \
                                       machine that passes it on"
                .to_owned()),
            _ => Err(format!("`{text}` is no http:// address")),
        }
    }

    pub(super) fn give(&self, line: &str) -> Result<(), String> {
        match self {
            Self::File(path) => append(path, line).map_err(|error| error.to_string()),
            Self::Udp(address) => send(address, line).map_err(|error| error.to_string()),
            Self::System => log(line).map_err(|error| error.to_string()),
            Self::Webhook(address) => post(address, line).map_err(|error| error.to_string()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Udp(address) => write!(f, "udp://{address}"),
            Self::System => f.write_str(SYSTEM_LOG),
            // Addresses carry keys of their own behind the host.
            Self::Webhook(address) => {
                let host = address.trim_start_matches("http://").split(['/', '?']).next();
                write!(f, "http://{}", host.unwrap_or_default())
            }
        }
    }
}

fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.append(true).create(true).mode(0o600).open(path)?;
    file.write_all(format!("{line}\n").as_bytes())?;
    file.sync_all()
}

fn send(address: &str, line: &str) -> io::Result<()> {
    let any = if address.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
    let socket = UdpSocket::bind(any)?;
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let host = if host.is_empty() { "-" } else { host.as_str() };
    let message = format!("<{PRIORITY}>1 {} {host} bartizan - - - {line}", now());
    socket.send_to(message.as_bytes(), address).map(drop)
}

fn log(line: &str) -> io::Result<()> {
    let message = format!("<{PRIORITY}>bartizan: {line}");
    UnixDatagram::unbound()?.send_to(message.as_bytes(), SYSTEM_LOG).map(drop)
}

fn post(address: &str, line: &str) -> Result<(), ureq::Error> {
    let agent = ureq::Agent::config_builder().timeout_global(Some(HTTP_TIMEOUT)).build();
    let agent = ureq::Agent::new_with_config(agent);
    agent.post(address).header("content-type", "application/json").send(line).map(drop)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn what_is_no_target() {
        for text in ["", "tcp://a:1", "udp://a", "udp://:1", "udp://a:x"] {
            assert!(Target::syslog(text).is_err(), "{text}");
        }
        for text in ["", "https://a/", "ftp://a", "http://"] {
            assert!(Target::webhook(text).is_err(), "{text}");
        }
        let secret = Target::webhook("http://10.0.0.1:80/hook?key=1").unwrap();
        assert_eq!(secret.to_string(), "http://10.0.0.1:80");
    }

    #[test]
    fn lines_are_added_to_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("anchors.jsonl");
        let target = Target::file(&path);
        target.give("one").unwrap();
        target.give("two").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        assert!(Target::file(&folder.path().join("no/such")).give("x").is_err());
    }

    #[test]
    fn syslog_over_udp() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let target = Target::syslog(&format!("udp://{}", socket.local_addr().unwrap())).unwrap();
        target.give("{\"chain\":\"bartizan\"}").unwrap();
        let mut buffer = [0; 2048];
        let length = socket.recv(&mut buffer).unwrap();
        let text = std::str::from_utf8(&buffer[..length]).unwrap();
        assert!(text.starts_with("<109>1 20"), "{text}");
        assert!(text.ends_with(" bartizan - - - {\"chain\":\"bartizan\"}"), "{text}");
    }

    #[test]
    fn a_webhook_takes_the_line_as_a_body() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/anchor", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream);
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(number) = line.to_lowercase().strip_prefix("content-length:") {
                    length = number.trim().parse().unwrap();
                }
                head.push_str(&line);
                if line == "\r\n" {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            reader.get_mut().write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
            (head, String::from_utf8(body).unwrap())
        });
        Target::webhook(&address).unwrap().give("{\"sequence\":1}").unwrap();
        let (head, body) = server.join().unwrap();
        assert!(head.starts_with("POST /anchor HTTP/1.1\r\n"), "{head}");
        assert_eq!(body, "{\"sequence\":1}");
        assert!(Target::webhook(&address).unwrap().give("x").is_err(), "nobody listens any more");
    }
}
