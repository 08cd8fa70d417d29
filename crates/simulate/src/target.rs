//! Where traffic is sent, and whether it may be.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

/// Why traffic could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// The target is not written as one.
    #[error(
        "{0} is no target: write udp://HOST:PORT, tcp://HOST:PORT, http://HOST:PORT/PATH or file:PATH"
    )]
    Target(String),
    /// The target belongs to somebody else.
    #[error(
        "{0} is neither this machine nor a private network; attack traffic is not sent there unless it is allowed"
    )]
    Public(SocketAddr),
    /// The target's name or address does not answer, or the file cannot be written.
    #[error("cannot send to {target}: {error}")]
    Send {
        /// The target as written.
        target: String,
        /// What the system says.
        error: io::Error,
    },
    /// The target answered that it will not take what was sent.
    #[error("{target} answered {status}: {detail}")]
    Refused {
        /// The target as written.
        target: String,
        /// The status of the answer.
        status: u16,
        /// The answer's text.
        detail: String,
    },
}

/// How syslog messages are told apart in a stream (RFC 6587).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// The length, a space, the message.
    #[default]
    Octets,
    /// A line feed ends the message.
    Lines,
}

/// A front door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Syslog in datagrams, to `host:port`.
    SyslogUdp(String),
    /// Syslog in a stream, to `host:port`.
    SyslogTcp(String, Framing),
    /// A file that is appended to.
    File(PathBuf),
    /// Lines posted over HTTP, to a URL.
    Http {
        /// Where to, such as `http://127.0.0.1:8441/ingest`.
        url: String,
        /// The bearer token, where one is asked for.
        token: Option<String>,
    },
}

impl Target {
    /// Reads `udp://HOST:PORT` (also without `udp://`), `tcp://HOST:PORT`, `tcp+lines://HOST:PORT`,
    /// `http://HOST:PORT/PATH` or `file:PATH`.
    pub fn parse(text: &str) -> Result<Self, SimulateError> {
        let wrong = || SimulateError::Target(text.to_owned());
        if let Some(path) = text.strip_prefix("file:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() { Err(wrong()) } else { Ok(Self::File(path.into())) };
        }
        if text.starts_with("http://") {
            let target = Self::Http { url: text.to_owned(), token: None };
            return if target.host_and_port().is_some() { Ok(target) } else { Err(wrong()) };
        }
        let (scheme, address) = text.split_once("://").unwrap_or(("udp", text));
        let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        port.ok_or_else(wrong)?;
        let address = address.to_owned();
        match scheme {
            "udp" | "syslog" => Ok(Self::SyslogUdp(address)),
            "tcp" => Ok(Self::SyslogTcp(address, Framing::Octets)),
            "tcp+lines" => Ok(Self::SyslogTcp(address, Framing::Lines)),
            _ => Err(wrong()),
        }
    }

    fn host_and_port(&self) -> Option<String> {
        match self {
            Self::SyslogUdp(address) | Self::SyslogTcp(address, _) => Some(address.clone()),
            Self::File(_) => None,
            Self::Http { url, .. } => {
                let rest = url.strip_prefix("http://")?;
                let host = rest.split(['/', '?', '#']).next().filter(|host| !host.is_empty())?;
                // A name before the host would be taken for the host by one reader and not by another.
                if host.contains('@') {
                    return None;
                }
                let has_port =
                    host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
                Some(if has_port { host.to_owned() } else { format!("{host}:80") })
            }
        }
    }

    /// Gives the addresses that the target's name stands for; a file has none.
    pub(crate) fn resolve(&self) -> Result<Vec<SocketAddr>, SimulateError> {
        let Some(name) = self.host_and_port() else { return Ok(Vec::new()) };
        let resolved = name.to_socket_addrs().map(Iterator::collect);
        resolved.map_err(|error| SimulateError::Send { target: self.to_string(), error })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SyslogUdp(address) => write!(f, "udp://{address}"),
            Self::SyslogTcp(address, Framing::Octets) => write!(f, "tcp://{address}"),
            Self::SyslogTcp(address, Framing::Lines) => write!(f, "tcp+lines://{address}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Http { url, .. } => f.write_str(url),
        }
    }
}

/// Tells whether an address is this machine, or one of a network that nobody else is on.
pub(crate) fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn targets() {
        check("127.0.0.1:5514", expect!["udp://127.0.0.1:5514"]);
        check("tcp+lines://[::1]:5514", expect!["tcp+lines://[::1]:5514"]);
        check("file:/tmp/a.log", expect!["file:/tmp/a.log"]);
        check("http://localhost:8441/ingest", expect!["http://localhost:8441/ingest"]);
    }

    #[test]
    fn no_targets() {
        let wrong = "is no target: write udp://HOST:PORT, tcp://HOST:PORT, http://HOST:PORT/PATH or file:PATH";
        for text in
            ["", "localhost", "https://a:1/", "http:///x", "http://a@b/", "file:", "x://a:1"]
        {
            assert_eq!(Target::parse(text).unwrap_err().to_string(), format!("{text} {wrong}"));
        }
    }

    #[test]
    fn near_and_far() {
        let near = ["127.0.0.1", "10.1.2.3", "192.168.1.1", "::1", "fd00::1", "::ffff:10.0.0.1"];
        let far =
            ["192.0.2.1", "8.8.8.8", "2001:db8::1", "172.32.0.1", "::ffff:8.8.8.8", "0.0.0.0"];
        assert!(near.iter().all(|text| is_near(text.parse().unwrap())));
        assert!(!far.iter().any(|text| is_near(text.parse().unwrap())));
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        expect.assert_eq(&Target::parse(text).unwrap().to_string());
    }
}
