//! What can be said of a record that no format knows: when it was written, how bad its writer found
//! it, which addresses stand in it, and whether it tells of a log-in.

mod login;

use std::net::IpAddr;

use model::{Event, Field};

use crate::{Context, moment};

/// How many words may stand before the time.
const WORDS_BEFORE_MAX: usize = 4;
/// How far into the text the level is looked for.
const LEVEL_BYTES_MAX: usize = 120;
/// How many addresses of one record are kept.
const ADDRESSES_MAX: usize = 8;
/// How far into the text addresses are looked for.
const ADDRESS_BYTES_MAX: usize = 8_192;

const LEVELS: [&str; 22] = [
    "TRACE",
    "DEBUG",
    "INFO",
    "INFORMATION",
    "NOTICE",
    "WARN",
    "WARNING",
    "ERROR",
    "ERR",
    "FATAL",
    "CRITICAL",
    "CRIT",
    "SEVERE",
    "ALERT",
    "EMERG",
    "PANIC",
    "TRC",
    "DBG",
    "INF",
    "WRN",
    "FTL",
    "CRT",
];

/// Reads the time at the beginning, or past a few words, and the level after it.
pub(crate) fn time_and_level(text: &str, event: &mut Event, context: &Context<'_>) {
    let mut rest = text;
    for _ in 0..=WORDS_BEFORE_MAX {
        let bare = rest.trim_start_matches([' ', '[', '(', '<', '"']);
        if let Some((time, _)) = moment::leading(bare, context) {
            event.time = time;
            break;
        }
        let Some((word, after)) = bare.split_once(' ').filter(|(word, _)| word.len() < 64) else {
            break;
        };
        // A time after `=` is a value, and its name belongs to another format.
        if word.contains('=') {
            break;
        }
        rest = after;
    }
    if let Some(level) = level(text) {
        event.set(Field::LogLevel, level);
    }
}

/// Finds the first word that is a level.
fn level(text: &str) -> Option<&str> {
    let end =
        (0..=LEVEL_BYTES_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end))?;
    text.get(..end)?
        .split(|c: char| !c.is_ascii_alphabetic())
        .filter(|word| (3..=11).contains(&word.len()))
        .find(|word| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word)))
}

/// What stands before the address that something came from.
const SOURCE_WORDS: [&str; 11] = [
    "from",
    "ip",
    "rhost",
    "client",
    "host",
    "src",
    "addr",
    "address",
    "remote",
    "peer",
    "remote_ip",
];

/// How surely an address is the one that something came from. Whoever logs in chooses the name, and a
/// name may be `ann from 203.0.113.9`: programs write their own `from` behind it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Claim {
    #[default]
    None,
    /// Within quotation marks, where names stand.
    Quoted,
    /// Behind a word such as `client`: the first one counts.
    Named,
    /// Behind `from`: the last one counts.
    From,
}

/// The addresses that stand in a text, in their order, each once.
#[derive(Default)]
struct Addresses {
    found: [Option<IpAddr>; ADDRESSES_MAX],
    count: usize,
    /// The one that stands behind a word such as `from`, and where it ends.
    source: Option<(IpAddr, usize)>,
    claim: Claim,
    /// How many quotation marks stand before the word that is looked at.
    quotes: usize,
    /// Where the last one ends.
    end: usize,
}

/// Writes the addresses that stand in a text, and the log-in that it tells of.
pub(crate) fn addresses_and_login(text: &str, event: &mut Event) {
    let addresses = addresses(text);
    for address in addresses.found.into_iter().flatten() {
        event.push(Field::RelatedIp, address);
    }
    let only = addresses.found.first().copied().flatten().filter(|_| addresses.count == 1);
    let source = addresses.source.or_else(|| Some((only?, addresses.end)));
    if login::read(text, source.map(|(address, _)| address), event)
        && let Some((_, end)) = source
        && let Some(port) = text.get(end..).and_then(port)
    {
        event.set(Field::SourcePort, port);
    }
}

fn addresses(text: &str) -> Addresses {
    let mut addresses = Addresses::default();
    let mut start = None;
    for (at, byte) in text.bytes().enumerate().take(ADDRESS_BYTES_MAX) {
        let part = byte.is_ascii_hexdigit() || byte == b'.' || byte == b':';
        match (part, start) {
            (true, None) => start = Some(at),
            (false, Some(begun)) => {
                start = None;
                // A longer word is a name or a number of another kind.
                if !byte.is_ascii_alphanumeric() && byte != b'_' && at - begun >= 3 {
                    addresses.keep(text, begun, at);
                }
            }
            _ => {}
        }
        addresses.quotes += usize::from(byte == b'"');
        if addresses.count == ADDRESSES_MAX {
            return addresses;
        }
    }
    if let Some(begun) = start {
        addresses.keep(text, begun, text.len().min(ADDRESS_BYTES_MAX));
    }
    addresses
}

impl Addresses {
    /// Keeps the word at `start..end` if it is an address.
    fn keep(&mut self, text: &str, start: usize, end: usize) {
        let before = text.get(..start).unwrap_or_default();
        if before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
            return;
        }
        let Some((address, length)) = text.get(start..end).and_then(address) else { return };
        let end = start + length;
        let claim = self.claim(before);
        let is_surer = match claim {
            Claim::None => false,
            Claim::Quoted => self.claim == Claim::None,
            Claim::Named => matches!(self.claim, Claim::None | Claim::Quoted),
            Claim::From => self.claim != Claim::Named,
        };
        if is_surer {
            self.source = Some((address, end));
            self.claim = claim;
        }
        if !self.found.contains(&Some(address))
            && let Some(place) = self.found.get_mut(self.count)
        {
            *place = Some(address);
            self.count += 1;
            self.end = end;
        }
    }

    /// Tells what the last word before an address says of it.
    fn claim(&self, before: &str) -> Claim {
        match source_word(before) {
            None => Claim::None,
            Some(_) if self.quotes % 2 == 1 => Claim::Quoted,
            Some("from") => Claim::From,
            Some(_) => Claim::Named,
        }
    }
}

/// Reads the port behind an address: `:51514`, `]:51514`, `#51514`, ` port 51514`, `[51514]`.
fn port(text: &str) -> Option<u16> {
    let rest = text.strip_prefix(']').unwrap_or(text);
    let rest =
        [":", "#", " port ", " port=", "["].iter().find_map(|mark| rest.strip_prefix(mark))?;
    let end = rest.bytes().take_while(u8::is_ascii_digit).count();
    rest.get(..end)?.parse().ok()
}

/// Gives the last word of a text if it says that an address follows which something came from.
fn source_word(before: &str) -> Option<&'static str> {
    let before = before.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    // The words are short; no more of the text is looked at.
    let start = before.len().saturating_sub(12);
    let tail = before.as_bytes().get(start..)?;
    let word = tail.rsplit(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').next()?;
    SOURCE_WORDS.into_iter().find(|known| known.as_bytes().eq_ignore_ascii_case(word))
}

/// Reads `203.0.113.9`, `203.0.113.9:22`, `2001:db8::9`, with full stops or colons behind, and tells
/// how much of it is the address.
fn address(word: &str) -> Option<(IpAddr, usize)> {
    let word = word.trim_end_matches('.');
    if memchr::memchr_iter(b'.', word.as_bytes()).count() == 3 {
        let bare = word.split(':').next()?;
        if let Ok(ip) = bare.parse::<IpAddr>() {
            return Some((ip, bare.len()));
        }
    }
    // A time of day has two colons, and no address has so few without a double one; `a::b` is
    // rather a name in a program.
    let colons = memchr::memchr_iter(b':', word.as_bytes()).count();
    if colons < 2
        || (colons < 7 && !word.contains("::"))
        || !word.bytes().any(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let bare = word.strip_suffix(':').filter(|bare| !bare.ends_with(':')).unwrap_or(word);
    bare.parse::<IpAddr>().ok().map(|ip| (ip.to_canonical(), bare.len()))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use model::{Text, Timestamp};

    use super::*;

    #[test]
    fn addresses_in_a_sentence() {
        check(
            "login from 203.0.113.9:51514, 2001:db8::9 and [::1].",
            expect![[r"
            related.ip = 203.0.113.9, 2001:db8::9, ::1
        "]],
        );
        check(
            "to /192.0.2.1:80 via ::ffff:203.0.113.9 (203.0.113.9)",
            expect![[r"
            related.ip = 192.0.2.1, 203.0.113.9
        "]],
        );
    }

    #[test]
    fn user_name_that_imitates_the_address() {
        for text in [
            "failed password for invalid user a from 192.0.2.66 from 203.0.113.9 port 22",
            "login failed for user \"bob from 192.0.2.66\" from 203.0.113.9",
            "login failed, client 203.0.113.9, user \"bob from 192.0.2.66\"",
            "login failed, client 203.0.113.9, user bob from 192.0.2.66",
        ] {
            let mut event = Event::new(Text::from(text), Timestamp::default());
            addresses_and_login(text, &mut event);
            let found = event.ip(Field::SourceIp).map(|address| address.to_string());
            assert_eq!(found.as_deref(), Some("203.0.113.9"), "{text}");
        }
    }

    #[test]
    fn no_addresses() {
        check(
            "at 06:58:00 version 1.2.3 of a::b, abc1.2.3.4, 999.1.1.1 and dead:beef",
            expect![""],
        );
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        let mut event = Event::new(Text::from(text), Timestamp::default());
        addresses_and_login(text, &mut event);
        expect.assert_eq(&event.to_string());
    }
}
