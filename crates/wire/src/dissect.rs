//! What protocols say: one file a protocol, one row each in [`DISSECTORS`].
//!
//! The house that calls a dissector (`crate::flow`) does what all need:
//!
//! 1. It puts TCP in order (what came first wins, what is missing is told) and hands on datagrams whole.
//! 2. It shows the first bytes of both directions to every row of the flow's transport, those rows
//!    first whose port fits, until one says [`Verdict::Yes`] or all say [`Verdict::No`]. A flow that
//!    nobody knows after [`FIRST_BYTES_MAX`] is left alone.
//! 3. It opens the row's [`Dissector`] and feeds it, from the first byte on. What is not taken is kept,
//!    up to the row's `held_max`, and shown again with what follows: nobody but this house buffers.
//! 4. It ends when the dissector is done, or has been fed `bytes_max` bytes: then the flow is only counted.

mod arp;
mod dhcp;
mod dns;
mod ftp;
mod http;
mod icmp;
mod kerberos;
mod mailbox;
mod mongodb;
mod mysql;
mod ntp;
mod postgresql;
mod quic;
mod rdp;
mod redis;
mod shared;
mod smb;
mod smtp;
mod snmp;
mod ssh;
mod telnet;
mod tls;

use crate::packet::Transport;
use crate::tell::{About, Direction, Told};

/// How many first bytes of a direction are kept for those who recognise.
pub const FIRST_BYTES_MAX: usize = 1024;

/// The row of a protocol.
#[derive(Debug)]
pub struct Protocol {
    /// The word in `network.protocol` and, after `flow.`, in `event.dataset`.
    pub name: &'static str,
    /// What carries it.
    pub over: &'static [Transport],
    /// The ports of its servers: rows whose port fits are asked first, and nothing else.
    pub ports: &'static [u16],
    /// Tells by the first bytes whether this is it. Called for each new segment until it decides:
    /// cheap, and `No` as soon as it is sure.
    pub recognises: fn(&First<'_>) -> Verdict,
    /// Opens the state of one flow.
    pub open: fn(&About<'_>) -> Box<dyn Dissector>,
    /// How many bytes of both directions it is fed at most (what is skipped does not count).
    pub bytes_max: u64,
    /// How many bytes of one direction are kept for it while it waits for more.
    pub held_max: usize,
    /// How many events it tells of one flow at most; what is more is counted.
    pub events_max: u32,
}

/// The first bytes of a flow, in order and without gaps.
#[derive(Clone, Copy, Debug)]
pub struct First<'b> {
    /// Of the side that opened the flow; may be empty where the server speaks first. Of UDP, ICMP and ARP
    /// one message.
    pub client: &'b [u8],
    /// Of the other side; may be empty.
    pub server: &'b [u8],
    /// The port of the other side, 0 where there is none: a hint and no more.
    pub port: u16,
    /// The port of the side that opened the flow.
    pub client_port: u16,
    /// What carries it.
    pub transport: Transport,
}

/// What a row says to the first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is this protocol.
    Yes,
    /// It may be; with more bytes it can be told.
    Maybe,
    /// It is not; the row is not asked again.
    No,
}

/// How far a dissector has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many of the bytes are read; the rest is shown again, with more behind it. A number above
    /// their length skips what follows, which is then neither kept nor waited for (a body of HTTP).
    /// Of a datagram the rest is dropped.
    Taken(u64),
    /// All that was wanted is known: nothing more is fed.
    Done,
    /// From the byte after so many on, the protocol of that name speaks (`tls` after STARTTLS), in both
    /// directions; its dissector is opened without asking whether it recognises.
    Become(u64, &'static str),
}

/// Reads what one flow says.
pub trait Dissector: Send + std::fmt::Debug {
    /// Reads on. `bytes` is what is not yet taken of this direction, contiguous; of UDP, ICMP and ARP one
    /// message. Never called with no bytes.
    fn feed(&mut self, direction: Direction, bytes: &[u8], told: &mut Told<'_>) -> Progress;

    /// Tells that bytes are missing (lost, cut by the capture, or beyond what is kept) before those
    /// that follow. `Taken(0)` goes on after the gap; most protocols are `Done`.
    fn gap(&mut self, _direction: Direction, _told: &mut Told<'_>) -> Progress {
        Progress::Done
    }

    /// Counts the bytes that it keeps: they are bounded for all flows together. Asked after each
    /// message, so it is to be cheap; some hundreds are taken for granted.
    fn held(&self) -> usize {
        0
    }

    /// Tells that nothing follows, however it came: the last chance to tell what is known. Not called
    /// after `Done` or `Become`.
    fn end(&mut self, _told: &mut Told<'_>) {}
}

/// The protocols that are read, in the order in which they are asked.
pub const DISSECTORS: &[Protocol] = &[
    tls::TLS,
    http::HTTP,
    ssh::SSH,
    smtp::SMTP,
    ftp::FTP,
    mysql::MYSQL,
    postgresql::POSTGRESQL,
    redis::REDIS,
    mongodb::MONGODB,
    mailbox::POP3,
    mailbox::IMAP,
    dns::DNS,
    dns::MDNS,
    dns::LLMNR,
    smb::SMB,
    rdp::RDP,
    kerberos::KERBEROS,
    ntp::NTP,
    dhcp::DHCP,
    snmp::SNMP,
    quic::QUIC,
    telnet::TELNET,
    arp::ARP,
    icmp::ICMP,
];

#[cfg(test)]
pub(crate) mod testing {
    //! Feeds a dissector as the house does, for the tests of the protocols.

    use super::*;
    use crate::json::Lines;

    /// Feeds the messages in order, each as one segment or datagram, and gives the lines told: without
    /// `@timestamp`, `event`, `source`, `destination` and `network`, which are the same for all, but
    /// with the action in front.
    pub(crate) fn feed(row: &Protocol, messages: &[(Direction, &[u8])]) -> String {
        feed_about(row, &About::example(), messages)
    }

    /// The same for a flow of your own.
    pub(crate) fn feed_about(
        row: &Protocol,
        about: &About<'_>,
        messages: &[(Direction, &[u8])],
    ) -> String {
        let mut lines = Lines::default();
        let mut told = Told::new(&mut lines, about, row.name, row.events_max);
        let mut dissector = (row.open)(about);
        let mut held: [Vec<u8>; 2] = Default::default();
        let mut skip = [0_usize; 2];
        let mut done = false;
        for (direction, bytes) in messages {
            let side = usize::from(*direction == Direction::Server);
            let skipped = skip[side].min(bytes.len());
            skip[side] -= skipped;
            held[side].extend_from_slice(&bytes[skipped..]);
            if held[side].is_empty() || done {
                continue;
            }
            match dissector.feed(*direction, &held[side], &mut told) {
                Progress::Taken(taken) if about.transport == Transport::Tcp => {
                    let taken = usize::try_from(taken).unwrap();
                    skip[side] = taken.saturating_sub(held[side].len());
                    held[side].drain(..taken - skip[side]);
                }
                Progress::Taken(_) => held[side].clear(),
                Progress::Done | Progress::Become(..) => done = true,
            }
        }
        if !done {
            dissector.end(&mut told);
        }
        lines.iter().map(short).collect()
    }

    fn short(line: &str) -> String {
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        let object = value.as_object_mut().unwrap();
        let event = object.remove("event").unwrap();
        for key in ["@timestamp", "source", "destination", "network", "observer"] {
            object.remove(key);
        }
        let outcome = event.get("outcome").and_then(|outcome| outcome.as_str()).unwrap_or("");
        format!("{} {outcome} {value}\n", event["action"].as_str().unwrap())
    }

    impl About<'_> {
        /// A flow for tests.
        pub(crate) fn example() -> Self {
            Self {
                time_ns: 1_795_244_280_000_123_000,
                source: [192, 0, 2, 1].into(),
                destination: [192, 0, 2, 2].into(),
                source_port: 50_000,
                destination_port: 53,
                source_mac: Some([0, 0, 0x5e, 0, 0x53, 1]),
                destination_mac: None,
                transport: Transport::Udp,
                protocol_number: 17,
                vlans: [None, None],
                community_id: None,
                interface: "",
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::tell::Heading;

    #[derive(Debug)]
    struct Words;

    impl Dissector for Words {
        fn feed(&mut self, _: Direction, bytes: &[u8], told: &mut Told<'_>) -> Progress {
            let Some(length) = bytes.iter().position(|byte| *byte == b' ') else {
                return Progress::Taken(0);
            };
            told.event(Heading::of("word"), |line| line.text("word", &bytes[..length]));
            Progress::Taken(u64::try_from(bytes.len()).unwrap() + 2)
        }

        fn end(&mut self, told: &mut Told<'_>) {
            told.event(Heading::login("end", Some("success")), |_| {});
        }
    }

    #[test]
    fn what_is_not_taken_comes_again_and_what_is_skipped_does_not() {
        let row = Protocol {
            name: "words",
            over: &[Transport::Tcp],
            ports: &[],
            recognises: |_| Verdict::Yes,
            open: |_| Box::new(Words),
            bytes_max: 100,
            held_max: 100,
            events_max: 5,
        };
        let messages: [(Direction, &[u8]); 3] = [
            (Direction::Client, b"on"),
            (Direction::Client, b"e "),
            (Direction::Client, b"xxtwo "),
        ];
        let about = About { transport: Transport::Tcp, ..About::example() };
        expect![[r#"
            word  {"word":"one"}
            word  {"word":"two"}
            end success {}
        "#]]
        .assert_eq(&testing::feed_about(&row, &about, &messages));
        expect![[r#"
            word  {"word":"e"}
            word  {"word":"xxtwo"}
            end success {}
        "#]]
        .assert_eq(&testing::feed(&row, &messages));
    }
}
