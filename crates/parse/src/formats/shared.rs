//! What several formats read or write alike.

pub(crate) mod columns;
pub(crate) mod names;

use model::{Event, Field};

pub(crate) use crate::address::{address, address_port};

/// What an event is, in the words of the Elastic Common Schema.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meaning {
    pub(crate) action: &'static str,
    pub(crate) category: &'static str,
    pub(crate) kind: &'static str,
    /// `success`, `failure`, or nothing.
    pub(crate) outcome: &'static str,
}

impl Meaning {
    /// Writes the four fields.
    pub(crate) fn write(self, event: &mut Event) {
        event.set(Field::EventAction, self.action);
        event.set(Field::EventCategory, self.category);
        event.set(Field::EventType, self.kind);
        if !self.outcome.is_empty() {
            event.set(Field::EventOutcome, self.outcome);
        }
    }
}

/// Who is at the other end, as it is written in logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer<'a> {
    /// An address or a name.
    pub(crate) address: &'a str,
    /// The port, or nothing.
    pub(crate) port: &'a str,
    /// What follows.
    pub(crate) rest: &'a str,
}

impl Peer<'_> {
    /// Writes the peer as the source.
    pub(crate) fn write_source(self, event: &mut Event) {
        source(event, self.address);
        if let Ok(port) = self.port.parse::<u16>() {
            event.set(Field::SourcePort, port);
        }
    }
}

/// Reads `203.0.113.9 port 51514 …` or `203.0.113.9 …`; the address may end with a comma or colon.
pub(crate) fn peer(text: &str) -> Option<Peer<'_>> {
    let (address, rest) = text.split_once(' ').unwrap_or((text, ""));
    let address = address.trim_end_matches([',', ':', '.', ';']);
    (!address.is_empty()).then_some(())?;
    let Some(after) = rest.strip_prefix("port ") else {
        return Some(Peer { address, port: "", rest });
    };
    let length = after.bytes().take_while(u8::is_ascii_digit).count();
    let (port, rest) = after.split_at_checked(length)?;
    Some(Peer { address, port, rest: rest.trim_start_matches(' ') })
}

/// Writes the source from how it is written: an address, or a name.
pub(crate) fn source(event: &mut Event, text: &str) {
    if let Some(ip) = address(text) {
        event.set(Field::SourceIp, ip);
    } else if !text.is_empty() {
        event.set(Field::SourceAddress, text);
        event.set(Field::SourceDomain, text);
    }
}

/// Writes the destination from how it is written: an address, or a name.
pub(crate) fn destination(event: &mut Event, text: &str) {
    if let Some(ip) = address(text) {
        event.set(Field::DestinationIp, ip);
    } else if !text.is_empty() {
        event.set(Field::DestinationAddress, text);
        event.set(Field::DestinationDomain, text);
    }
}

/// Gives the pairs of `name=value name=value`, separated by spaces; a word without `=` is skipped.
pub(crate) fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(' ').filter_map(|word| word.split_once('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers() {
        let whole = Peer { address: "203.0.113.9", port: "51514", rest: "ssh2" };
        assert_eq!(peer("203.0.113.9 port 51514 ssh2"), Some(whole));
        assert_eq!(peer("203.0.113.9: 11: Bye").unwrap().rest, "11: Bye");
        assert_eq!(peer("203.0.113.9 port 5:11: Bye").unwrap().rest, ":11: Bye");
        assert_eq!(peer(""), None);
    }

    #[test]
    fn addresses() {
        let told = |text| address(text).map_or("none".to_owned(), |ip| ip.to_string());
        assert_eq!(told("::ffff:203.0.113.9"), "203.0.113.9");
        assert_eq!(told("[2001:db8::9]"), "2001:db8::9");
        assert_eq!(told("fe80::1%eth0"), "fe80::1");
        assert_eq!(told("example.org"), "none");
        assert_eq!(told("face"), "none");
        let with_port = Some(("2001:db8::9".parse().unwrap(), Some(22)));
        assert_eq!(address_port("[2001:db8::9]:22"), with_port);
    }
}

/// What the tests of the formats share.
#[cfg(test)]
pub(crate) mod testing {
    use expect_test::Expect;
    use model::{Clock, Event, Text, Timestamp};

    use crate::{Context, Format, ParseError};

    /// Gives what a format reads from a message, received at 2026-11-21T07:00:00Z.
    pub(crate) fn read(format: &Format, text: &str) -> Result<Event, ParseError> {
        read_with(format, "", text)
    }

    fn read_with(format: &Format, columns: &str, text: &str) -> Result<Event, ParseError> {
        let received_at = Timestamp::parse("2026-11-21T07:00:00Z").unwrap();
        let context =
            Context { received_at, clock: Clock::Live, utc_offset_seconds: 0, tag: "", columns };
        let text = Text::from(text);
        let mut event = Event::new(text.clone(), received_at);
        (format.parse)(&text, &mut event, &context).map(|()| event)
    }

    /// Compares what a format reads from a message, received at 2026-11-21T07:00:00Z.
    #[track_caller]
    pub(crate) fn check(format: &Format, text: &str, expect: Expect) {
        check_with(format, "", text, expect);
    }

    /// Compares the same of a log that has named these columns.
    #[track_caller]
    pub(crate) fn check_with(format: &Format, columns: &str, text: &str, expect: Expect) {
        match read_with(format, columns, text) {
            Ok(event) => expect.assert_eq(&event.to_string()),
            Err(error) => expect.assert_eq(&format!("{error:?}")),
        }
    }
}
