//! NTP (RFC 5905): who asks whom for the time, and the control messages that amplify attacks.
//!
//! ```text
//! 23 02 06 e9 …       no leap, version 4, mode 3 (client); stratum, poll, precision
//! 17 00 03 2a …       version 2, mode 7 (private); request 42 lists the last 600 clients
//! ```

use super::shared::bytes::Bytes;
use super::{Dissector, First, Progress, Protocol, Verdict};
use crate::packet::Transport;
use crate::tell::{Direction, Heading, Told};

/// The row.
pub(super) const NTP: Protocol = Protocol {
    name: "ntp",
    over: &[Transport::Udp],
    ports: &[123],
    recognises,
    open: |_| Box::new(Ntp::default()),
    bytes_max: 64 * 1024,
    held_max: 4 * 1024,
    events_max: 8,
};

const TIME_BYTES_MIN: usize = 48;
/// Lists who asked last: a small question with a large answer.
const MONITOR_LIST: [u8; 2] = [20, 42];

fn recognises(first: &First<'_>) -> Verdict {
    let bytes = if first.client.is_empty() { first.server } else { first.client };
    // Its first byte fits much else: without the port nothing is believed.
    if first.port != 123 && first.client_port != 123 {
        return Verdict::No;
    }
    let known = bytes.first().is_some_and(|head| match (head >> 3 & 7, head & 7) {
        (1..=4, 1..=5) => bytes.len() >= TIME_BYTES_MIN,
        (2..=4, 6) => bytes.len() >= 12,
        (1..=4, 7) => bytes.len() >= 8,
        _ => false,
    });
    if known { Verdict::Yes } else { Verdict::No }
}

/// One flow: what was told once is not told again.
#[derive(Debug, Default)]
struct Ntp {
    asked: bool,
}

impl Dissector for Ntp {
    fn feed(&mut self, direction: Direction, bytes: &[u8], told: &mut Told<'_>) -> Progress {
        let Some(head) = bytes.first() else { return Progress::Taken(0) };
        let (version, mode) = (head >> 3 & 7, head & 7);
        match mode {
            6 | 7 => control(bytes, version, mode, direction, told),
            _ if direction == Direction::Server || mode == 5 => {
                time(bytes, version, mode, told);
                return Progress::Done;
            }
            _ => self.asked = true,
        }
        Progress::Taken(0)
    }

    fn end(&mut self, told: &mut Told<'_>) {
        if self.asked {
            told.event(Heading::of("ntp_unanswered"), |line| {
                line.object("ntp", |ntp| ntp.word("mode", "client"));
            });
        }
    }
}

fn control(bytes: &[u8], version: u8, mode: u8, from: Direction, told: &mut Told<'_>) {
    let operation = match mode {
        6 => bytes.get(1).map(|byte| byte & 0x1f),
        _ => bytes.get(3).copied(),
    };
    let listed = mode == 7 && operation.is_some_and(|code| MONITOR_LIST.contains(&code));
    let action = if listed { "ntp_monitor_list" } else { "ntp_control" };
    told.event(Heading::of(action), |line| {
        line.object("ntp", |ntp| {
            ntp.number("version", version);
            ntp.word("mode", mode_name(mode));
            if let Some(code) = operation {
                ntp.number("operation", code);
            }
            ntp.flag("answer", from == Direction::Server);
        });
    });
}

fn time(bytes: &[u8], version: u8, mode: u8, told: &mut Told<'_>) {
    let mut rest = Bytes::new(bytes);
    let stratum = rest.skip(1).and_then(|()| rest.u8());
    let reference = rest.skip(10).and_then(|()| rest.take(4)).unwrap_or_default();
    let reference = match stratum {
        // Of a clock itself it is a word, of others the address of theirs.
        Some(0 | 1) => {
            let end = reference.iter().position(|byte| *byte == 0).unwrap_or(reference.len());
            String::from_utf8_lossy(reference.get(..end).unwrap_or_default()).into_owned()
        }
        _ => <[u8; 4]>::try_from(reference)
            .map(|address| std::net::Ipv4Addr::from(address).to_string())
            .unwrap_or_default(),
    };
    told.event(Heading::of("ntp_time"), |line| {
        line.object("ntp", |ntp| {
            ntp.number("version", version);
            ntp.word("mode", mode_name(mode));
            if let Some(stratum) = stratum {
                ntp.number("stratum", stratum);
            }
            ntp.text_some("reference", Some(&reference));
        });
    });
}

fn mode_name(mode: u8) -> &'static str {
    match mode {
        1 => "symmetric active",
        2 => "symmetric passive",
        3 => "client",
        4 => "server",
        5 => "broadcast",
        6 => "control",
        _ => "private",
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::shared::testing::{feed_about, udp, unhex};
    use super::*;

    #[test]
    fn the_time_and_a_list_of_clients() {
        let mut answer = unhex("24 02 03 e9 00000000 00000000 c0000207");
        answer.resize(48, 1);
        let question = [&[0x23][..], &[0; 47]].concat();
        let list = unhex("17 00 03 2a 00000000");
        let time = feed_about(
            &NTP,
            &udp(123),
            &[(Direction::Client, &question), (Direction::Server, &answer)],
        );
        let list = feed_about(&NTP, &udp(123), &[(Direction::Client, &list)]);
        expect![[r#"
            ntp_time  {"ntp":{"version":4,"mode":"server","stratum":2,"reference":"192.0.2.7"}}
            ntp_monitor_list  {"ntp":{"version":2,"mode":"private","operation":42,"answer":false}}
        "#]]
        .assert_eq(&format!("{time}{list}"));
    }
}
