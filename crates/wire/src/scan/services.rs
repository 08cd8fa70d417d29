//! What serves on a port: a row a protocol, each with what we say and how an answer is read.
//!
//! The probes and what is looked for in answers are our own, written after the protocols' documents
//! and after what servers say of themselves.

mod amqp;
mod coap;
mod dns;
mod ftp;
mod http;
mod ike;
mod imap;
mod ldap;
mod memcached;
mod mongodb;
mod mqtt;
mod mysql;
mod netbios;
mod ntp;
mod pop3;
mod portmap;
mod postgresql;
mod rdp;
mod redis;
mod rsync;
mod rtsp;
mod shared;
mod sip;
mod smb;
mod smtp;
mod snmp;
mod ssdp;
mod ssh;
mod telnet;
mod tftp;
mod vnc;

use super::tls::Certificate;

/// A protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// The name, as `service.name` has it.
    pub(crate) id: &'static str,
    /// Ports on which it is expected.
    pub(crate) tcp: &'static [u16],
    pub(crate) udp: &'static [u16],
    pub(crate) ask: Ask,
    /// Reads an answer; `None` where it is none of this protocol.
    pub(crate) read: fn(&[u8]) -> Option<Service>,
}

/// Who speaks first.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask {
    /// The server greets.
    Greeting,
    /// We do, with these bytes.
    Say(fn() -> Vec<u8>),
}

/// What serves on a port, as far as it says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// The protocol, such as `ssh`.
    pub name: String,
    /// The program, such as `OpenSSH`.
    pub product: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Whatever else it tells: a host name, a title, whether it asks for a password.
    pub info: Option<String>,
    /// The begin of what it said, made harmless.
    pub banner: Option<String>,
    /// The certificate and the manner of encryption, where it speaks TLS.
    pub tls: Option<Certificate>,
}

impl Service {
    /// Gives the product with its version.
    pub fn title(&self) -> String {
        let parts = [self.product.as_deref(), self.version.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// The protocols, in the order in which they are tried where the port says nothing.
pub(crate) const SERVICES: [Row; 30] = [
    ssh::SERVICE,
    ftp::SERVICE,
    smtp::SERVICE,
    pop3::SERVICE,
    imap::SERVICE,
    mysql::SERVICE,
    vnc::SERVICE,
    telnet::SERVICE,
    rsync::SERVICE,
    http::SERVICE,
    redis::SERVICE,
    postgresql::SERVICE,
    mongodb::SERVICE,
    smb::SERVICE,
    rdp::SERVICE,
    ldap::SERVICE,
    memcached::SERVICE,
    mqtt::SERVICE,
    amqp::SERVICE,
    dns::SERVICE,
    rtsp::SERVICE,
    sip::SERVICE,
    portmap::SERVICE,
    ntp::SERVICE,
    snmp::SERVICE,
    netbios::SERVICE,
    ssdp::SERVICE,
    tftp::SERVICE,
    coap::SERVICE,
    ike::SERVICE,
];

/// Gives the row of a UDP port.
pub(crate) fn of_udp(port: u16) -> Option<&'static Row> {
    SERVICES.iter().find(|row| row.udp.contains(&port))
}

/// Gives what is said to a UDP port: nothing where nobody is known to listen.
pub(crate) fn datagram(port: u16) -> Vec<u8> {
    match of_udp(port).map(|row| row.ask) {
        // Over TCP, DNS and the portmapper write a length first.
        Some(Ask::Say(say)) if port == 53 || port == 5353 => shared::without(say(), 2),
        Some(Ask::Say(say)) if port == 111 => shared::without(say(), 4),
        Some(Ask::Say(say)) => say(),
        _ => Vec::new(),
    }
}

/// Reads what a UDP port answered.
pub(crate) fn read_datagram(port: u16, answer: &[u8]) -> Option<Service> {
    let row = of_udp(port)?;
    let framed = match port {
        53 | 5353 => [&[0, 0], answer].concat(),
        111 => [&[0, 0, 0, 0], answer].concat(),
        _ => answer.to_vec(),
    };
    (row.read)(&framed).map(|service| with_banner(service, answer))
}

/// Reads what a server said when it was greeted or asked.
pub(crate) fn read_greeting(answer: &[u8]) -> Option<Service> {
    let rows = SERVICES.iter().filter(|row| !row.tcp.is_empty());
    let service =
        rows.filter(|row| matches!(row.ask, Ask::Greeting)).find_map(|row| (row.read)(answer));
    service.map(|service| with_banner(service, answer))
}

/// Gives the protocols that wait to be asked, those that the port speaks for first.
pub(crate) fn to_ask(port: u16) -> Vec<&'static Row> {
    let asked = SERVICES.iter().filter(|row| matches!(row.ask, Ask::Say(_)) && !row.tcp.is_empty());
    let (first, then): (Vec<_>, Vec<_>) = asked.partition(|row| row.tcp.contains(&port));
    first.into_iter().chain(then).collect()
}

/// Tells whether a server of the port waits to be asked, and so need not be waited for.
pub(crate) fn waits_to_be_asked(port: u16) -> bool {
    SERVICES.iter().any(|row| matches!(row.ask, Ask::Say(_)) && row.tcp.contains(&port))
}

/// Gives a text from outside without what is no printable character, and cut.
pub(crate) fn harmless_text(text: &str) -> String {
    shared::text(text.as_bytes())
}

/// Adds the begin of what was said.
pub(crate) fn with_banner(service: Service, answer: &[u8]) -> Service {
    Service { banner: Some(shared::harmless(answer)), ..service }
}

#[cfg(test)]
mod testing;
