//! SIP (RFC 3261): telephones and exchanges, asked for their options.

use super::shared::{between, first_line, named, some, split_version};
use super::{Ask, Row, Service};

pub(super) const SERVICE: Row =
    Row { id: "sip", tcp: &[5060], udp: &[5060], ask: Ask::Say(say), read };

fn say() -> Vec<u8> {
    b"OPTIONS sip:nm@localhost SIP/2.0\r\nVia: SIP/2.0/UDP localhost;branch=z9hG4bKbartizan;rport\r\n\
      From: <sip:nm@localhost>;tag=b1\r\nTo: <sip:nm@localhost>\r\nCall-ID: bartizan-1\r\nCSeq: 1 OPTIONS\r\n\
      Max-Forwards: 70\r\nContact: <sip:nm@localhost>\r\nContent-Length: 0\r\n\r\n"
        .to_vec()
}

fn read(answer: &[u8]) -> Option<Service> {
    let line = first_line(answer);
    let status = line.strip_prefix("SIP/2.0 ")?;
    let text = String::from_utf8_lossy(answer);
    let who = between(&text, "Server: ", "\r\n").or_else(|| between(&text, "User-Agent: ", "\r\n"));
    let (product, version) = who.map(split_version).unwrap_or_default();
    Some(Service { product, version, info: some(status), ..named("sip") })
}
