//! ICMP echo (RFC 792, RFC 4443): who pings whom, and whether something else rides in the echoes.
//!
//! ```text
//! 08 00 f7fc  1234 0001  data…      request: checksum, identifier, number; the answer repeats the data
//! ```
//!
//! An honest answer repeats what was sent. One that does not carries something of its own, which is how
//! tunnels use it.

use super::shared::bytes::Bytes;
use super::{Dissector, Progress, Protocol, Verdict};
use crate::packet::Transport;
use crate::tell::{Direction, Heading, Told};

/// The row.
pub(super) const ICMP: Protocol = Protocol {
    name: "icmp",
    over: &[Transport::Icmp, Transport::Icmp6],
    ports: &[],
    recognises: |first| {
        let bytes = if first.client.is_empty() { first.server } else { first.client };
        if Echo::read(bytes).is_some() { Verdict::Yes } else { Verdict::No }
    },
    open: |_| Box::new(Icmp::default()),
    bytes_max: 4 * 1024 * 1024,
    held_max: 2 * 1024,
    events_max: 1,
};

/// Bounds the data of a request that is kept until its answer.
const DATA_BYTES_MAX: usize = 256;

struct Echo<'a> {
    answer: bool,
    number: u16,
    data: &'a [u8],
}

impl<'a> Echo<'a> {
    fn read(message: &'a [u8]) -> Option<Self> {
        let mut bytes = Bytes::new(message);
        let kind = bytes.u8()?;
        let answer = match kind {
            8 | 128 => false,
            0 | 129 => true,
            _ => return None,
        };
        (bytes.u8()? == 0).then_some(())?;
        bytes.skip(4)?;
        Some(Self { answer, number: bytes.u16()?, data: bytes.rest() })
    }
}

/// One conversation.
#[derive(Debug, Default)]
struct Icmp {
    requests: u64,
    answers: u64,
    /// Answers that do not repeat their request.
    changed: u64,
    data_bytes_most: usize,
    last: Option<(u16, Vec<u8>)>,
}

impl Dissector for Icmp {
    fn feed(&mut self, _: Direction, bytes: &[u8], told: &mut Told<'_>) -> Progress {
        let Some(echo) = Echo::read(bytes) else {
            told.malformed();
            return Progress::Taken(0);
        };
        self.data_bytes_most = self.data_bytes_most.max(echo.data.len());
        let data = echo.data.get(..DATA_BYTES_MAX).unwrap_or(echo.data);
        if echo.answer {
            self.answers += 1;
            let asked = self.last.take_if(|(number, _)| *number == echo.number);
            self.changed += u64::from(asked.is_some_and(|(_, asked)| asked != data));
        } else {
            self.requests += 1;
            self.last = Some((echo.number, data.to_vec()));
        }
        Progress::Taken(0)
    }

    fn end(&mut self, told: &mut Told<'_>) {
        told.event(Heading::of("icmp_echo"), |line| {
            line.object("icmp", |icmp| {
                icmp.number("requests", self.requests);
                icmp.number("answers", self.answers);
                icmp.number("answers_changed", self.changed);
                icmp.number(
                    "data_bytes_most",
                    u64::try_from(self.data_bytes_most).unwrap_or(u64::MAX),
                );
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::shared::testing::{feed_about, udp};
    use super::*;
    use crate::tell::About;

    #[test]
    fn an_honest_answer_and_another() {
        let about = About { transport: Transport::Icmp, ..udp(0) };
        let told = feed_about(
            &ICMP,
            &about,
            &[
                (Direction::Client, b"\x08\0\0\0\x12\x34\0\x01abcdefgh"),
                (Direction::Server, b"\0\0\0\0\x12\x34\0\x01abcdefgh"),
                (Direction::Client, b"\x08\0\0\0\x12\x34\0\x02abcdefgh"),
                (Direction::Server, b"\0\0\0\0\x12\x34\0\x02something else"),
                (Direction::Server, b"\0\0\0"),
            ],
        );
        expect![[r#"
            icmp_echo  {"icmp":{"requests":2,"answers":2,"answers_changed":1,"data_bytes_most":14}}
        "#]]
        .assert_eq(&told);
    }
}
