//! ARP (RFC 826): who claims which address.
//!
//! ```text
//! 0001 0800 06 04 0002  00005e005323 c0000201  00005e005324 c0000202    reply: .1 is at 53:23
//! ```

use std::net::{IpAddr, Ipv4Addr};

use super::shared::bytes::{Bytes, mac};
use super::{Dissector, First, Progress, Protocol, Verdict};
use crate::packet::Transport;
use crate::tell::{Direction, Heading, Told};

/// The row.
pub(super) const ARP: Protocol = Protocol {
    name: "arp",
    over: &[Transport::Arp],
    ports: &[],
    recognises: |first: &First<'_>| {
        let bytes = if first.client.is_empty() { first.server } else { first.client };
        if Claim::read(bytes).is_some() { Verdict::Yes } else { Verdict::No }
    },
    open: |_| Box::new(Arp::default()),
    bytes_max: 1024 * 1024 * 1024,
    held_max: 1024,
    events_max: 1_000_000,
};

/// One conversation: what is said again in the same words is not told again.
#[derive(Debug, Default)]
struct Arp {
    last: [Option<Claim>; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Claim {
    operation: u16,
    sender_mac: [u8; 6],
    sender: Ipv4Addr,
    target_mac: [u8; 6],
    target: Ipv4Addr,
}

impl Claim {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = Bytes::new(bytes);
        (rest.take(6)? == [0, 1, 8, 0, 6, 4]).then_some(())?;
        let operation = rest.u16()?;
        let sender_mac = rest.take(6)?.try_into().ok()?;
        let sender = Ipv4Addr::from(rest.u32()?);
        let target_mac = rest.take(6)?.try_into().ok()?;
        let target = Ipv4Addr::from(rest.u32()?);
        Some(Self { operation, sender_mac, sender, target_mac, target })
    }
}

impl Dissector for Arp {
    fn feed(&mut self, direction: Direction, bytes: &[u8], told: &mut Told<'_>) -> Progress {
        let Some(claim) = Claim::read(bytes) else {
            told.malformed();
            return Progress::Taken(0);
        };
        let side = self.last.get_mut(usize::from(direction == Direction::Server));
        if let Some(last) = side
            && last.replace(claim) == Some(claim)
        {
            return Progress::Taken(0);
        }
        let framed = match direction {
            Direction::Client => told.about().source_mac,
            Direction::Server => told.about().destination_mac,
        };
        claim.tell(framed, told);
        Progress::Taken(0)
    }
}

impl Claim {
    /// `framed` is the address on the frame that brought it; where it is another, somebody speaks for others.
    fn tell(self, framed: Option<[u8; 6]>, told: &mut Told<'_>) {
        let gratuitous = self.sender == self.target && !self.sender.is_unspecified();
        let (action, operation) = match self.operation {
            1 if gratuitous => ("arp_announcement", "request"),
            1 => ("arp_request", "request"),
            2 if gratuitous => ("arp_announcement", "reply"),
            2 => ("arp_reply", "reply"),
            _ => ("arp_other", "other"),
        };
        told.event(Heading::of(action), |line| {
            line.object("arp", |arp| {
                arp.word("operation", operation);
                arp.text("sender_mac", mac(&self.sender_mac));
                arp.address("sender_ip", IpAddr::V4(self.sender));
                if self.operation != 1 {
                    arp.text("target_mac", mac(&self.target_mac));
                }
                arp.address("target_ip", IpAddr::V4(self.target));
                if let Some(framed) = framed {
                    arp.flag("sender_mismatch", framed != self.sender_mac);
                }
            });
        });
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::shared::testing::{feed_about, udp, unhex};
    use super::*;
    use crate::tell::About;

    #[test]
    fn asked_answered_and_claimed() {
        let about =
            About { transport: Transport::Arp, source_port: 0, destination_port: 0, ..udp(0) };
        let ask = unhex("0001 0800 06 04 0001 00005e005301 c0000201 000000000000 c0000202");
        let reply = unhex("0001 0800 06 04 0002 00005e005302 c0000202 00005e005301 c0000201");
        let claim = unhex("0001 0800 06 04 0002 00005e005366 c0000201 ffffffffffff c0000201");
        let told = feed_about(
            &ARP,
            &about,
            &[
                (Direction::Client, &ask),
                (Direction::Client, &ask),
                (Direction::Server, &reply),
                (Direction::Client, &claim),
                (Direction::Client, &claim[..20]),
            ],
        );
        expect![[r#"
            arp_request  {"arp":{"operation":"request","sender_mac":"00-00-5E-00-53-01","sender_ip":"192.0.2.1","target_ip":"192.0.2.2","sender_mismatch":false}}
            arp_reply  {"arp":{"operation":"reply","sender_mac":"00-00-5E-00-53-02","sender_ip":"192.0.2.2","target_mac":"00-00-5E-00-53-01","target_ip":"192.0.2.1"}}
            arp_announcement  {"arp":{"operation":"reply","sender_mac":"00-00-5E-00-53-66","sender_ip":"192.0.2.1","target_mac":"FF-FF-FF-FF-FF-FF","target_ip":"192.0.2.1","sender_mismatch":true}}
        "#]].assert_eq(&told);
    }
}
