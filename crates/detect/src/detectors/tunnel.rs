//! DNS tunnels: data carried in the names that somebody asks for, and in the answers.
//!
//! Of each client and registered domain it is counted over four hours how many different names were asked
//! for, how long and how disordered the part is that the client chose, how much was carried, and how many of
//! the questions were for records of free text. Security products and content networks ask in
//! the same way; what tells them apart is that many machines of the house do so. From
//! the fifth client on a domain is known to the house and told no more, if it was told of once; unless most questions are for free text, a
//! quarter of an hour is waited for others.

use model::{Event, Field, Timestamp};
use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use super::{Detector, Finding, Kinds, Watcher};
use crate::keep::sketch::Linear;
use crate::keep::{
    self, Evidence, Table, Told, address_key, address_of, read_key, read_time, write_key,
    write_time,
};
use crate::names::Names;

/// The detector's row.
pub(super) const DETECTOR: Detector = Detector {
    id: "tunnel",
    version: 2,
    summary: "a machine that asks for very many long, disordered names below one domain",
    wants: Kinds::DNS,
    live_only: false,
    make: || Box::new(Tunnel::default()),
};

/// How many pairs of client and domain are kept, and how many domains that carry much.
const PAIRS_MAX: usize = 50_000;
const DOMAINS_MAX: usize = 5_000;
/// Over how long questions are counted.
const WINDOW: i64 = 4 * 3_600 * keep::SECOND;
/// How many different names make a tunnel, where what the client chose is on average so long, or
/// so disordered (in bits a letter).
const NAMES_MIN: f64 = 100.0;
const LENGTH_MIN: f64 = 25.0;
const DISORDER_MIN: f64 = 3.8;
/// Fewer do where they are longer.
const NAMES_LONG_MIN: f64 = 50.0;
const LENGTH_LONG_MIN: f64 = 40.0;
/// Fewer do as well where the questions are for free text, for the most part.
const NAMES_TEXT_MIN: f64 = 60.0;
const TEXT_SHARE_MIN: f64 = 0.5;
/// Or any length, where there are very many that no list of words would give; numbers of addresses are not counted.
const NAMES_SHORT_MIN: f64 = 500.0;
const DISORDER_SHORT_MIN: f64 = 2.8;
/// Fewer do where letters follow one another as no word's do: the mean over the names, of how much likelier each is
/// made by a program than chosen (a logarithm).
const NAMES_CHANCE_MIN: f64 = 250.0;
const CHANCE_MIN: f64 = 1.5;
/// How much one name may speak, and how long it is looked at; of longer ones the length speaks.
const CHANCE_ONE_MAX: f64 = 4.0;
const CHANCE_LETTERS_MAX: usize = 16;
/// How long it is waited whether other clients ask the same, unless most questions are for free text.
const WAIT: i64 = 900 * keep::SECOND;
/// So many clients make a domain known to the house, once one of them was told of.
const KNOWN_CLIENTS: f64 = 4.5;
/// It is forgotten after so long without one that asks so much.
const KNOWN_FOR: i64 = 30 * 86_400 * keep::SECOND;

/// What one client asked below one domain.
#[derive(Clone, Debug, Default)]
struct Pair {
    first: Timestamp,
    names: Linear,
    /// The sums over different names: letters that the client chose, and their disorder.
    counted: u32,
    letters: u64,
    disorder: f64,
    chance: f64,
    /// All questions, and those for free text.
    asked: u32,
    text: u32,
    /// When it began to carry as a tunnel does.
    crossed: Option<Timestamp>,
    told: Told,
    evidence: Evidence,
}

impl Pair {
    fn add(&mut self, event: &Event, chosen: &str) {
        if self.asked == 0 || event.time.nanos().saturating_sub(self.first.nanos()) > WINDOW {
            *self = Self { first: event.time, ..Self::default() };
        }
        self.asked = self.asked.saturating_add(1);
        self.text = self.text.saturating_add(u32::from(is_free_text(event)));
        let (hash, letters, disorder) = measured(chosen);
        if self.names.insert(hash) {
            self.counted = self.counted.saturating_add(1);
            self.letters = self.letters.saturating_add(letters);
            self.disorder += disorder;
            self.chance += chance(chosen);
            self.evidence.push(event.id);
        }
    }

    /// Gives the mean length and disorder of what the client chose.
    fn means(&self) -> (f64, f64) {
        let counted = f64::from(self.counted.max(1));
        (keep::number(self.letters) / counted, self.disorder / counted)
    }

    fn text_share(&self) -> f64 {
        f64::from(self.text) / f64::from(self.asked.max(1))
    }

    /// Tells whether it carries as a tunnel does, whoever else may do so too.
    fn carries(&self) -> bool {
        let names = self.names.count();
        let (length, disorder) = self.means();
        let text = self.text_share() >= TEXT_SHARE_MIN && names >= NAMES_TEXT_MIN;
        let long = length >= LENGTH_LONG_MIN && names >= NAMES_LONG_MIN;
        let short = names >= NAMES_SHORT_MIN && disorder >= DISORDER_SHORT_MIN;
        let chance = self.chance / f64::from(self.counted.max(1));
        let by_chance = names >= NAMES_CHANCE_MIN && chance >= CHANCE_MIN;
        text || long
            || short
            || by_chance
            || (names >= NAMES_MIN && (length >= LENGTH_MIN || disorder >= DISORDER_MIN))
    }

    fn snapshot(&self, writer: &mut Writer) {
        write_time(writer, self.first);
        self.names.snapshot(writer);
        for number in [self.counted, self.asked, self.text] {
            writer.number(u64::from(number));
        }
        writer.number(self.letters);
        writer.whole(self.disorder.to_bits());
        writer.whole(self.chance.to_bits());
        writer.flag(self.crossed.is_some());
        write_time(writer, self.crossed.unwrap_or_default());
        self.told.snapshot(writer);
        self.evidence.snapshot(writer);
    }

    fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        let (first, names) = (read_time(reader)?, Linear::restore(reader)?);
        let (counted, asked, text) = (small(reader)?, small(reader)?, small(reader)?);
        Ok(Self {
            first,
            names,
            counted,
            asked,
            text,
            letters: reader.number()?,
            disorder: f64::from_bits(reader.whole()?),
            chance: f64::from_bits(reader.whole()?),
            crossed: {
                let has_crossed = reader.flag()?;
                let crossed = read_time(reader)?;
                has_crossed.then_some(crossed)
            },
            told: Told::restore(reader)?,
            evidence: Evidence::restore(reader)?,
        })
    }
}

/// What the house knows of a domain that carries much.
#[derive(Clone, Debug)]
struct Domain {
    last: Timestamp,
    clients: Linear,
    /// Whether any client was told of.
    told: bool,
}

impl Domain {
    fn new(at: Timestamp) -> Self {
        Self { last: at, clients: Linear::default(), told: false }
    }
}

#[derive(Debug)]
struct Tunnel {
    pairs: Table<(u128, u64), Pair>,
    domains: Table<u64, Domain>,
}

impl Default for Tunnel {
    fn default() -> Self {
        Self { pairs: Table::new(PAIRS_MAX), domains: Table::new(DOMAINS_MAX) }
    }
}

impl Watcher for Tunnel {
    fn observe(&mut self, event: &Event, found: &mut Vec<Finding>) {
        let Some(client) = event.ip(Field::SourceIp) else { return };
        let Some(name) = event.text(Field::DnsQuestionName) else { return };
        let domain = event.get_extra("dns.question.registered_domain");
        let Some(domain) = domain.and_then(model::Value::as_text) else { return };
        let Some(chosen) = chosen_part(name, domain) else { return };
        let (client_key, domain_key) = (address_key(client), keep::hash(domain.as_bytes()));
        let pair = self.pairs.entry((client_key, domain_key), Pair::default);
        pair.add(event, chosen);
        if !pair.carries() {
            return;
        }
        // The house takes note once a client's hour crosses the line, however often it asks after that.
        let house = self.domains.entry(domain_key, || Domain::new(event.time));
        if event.time.nanos().saturating_sub(house.last.nanos()) > KNOWN_FOR {
            *house = Domain::new(event.time);
        }
        house.last = house.last.max(event.time);
        house.clients.insert(keep::mix(client_key));
        // Addresses are easily made up: without a word nothing becomes known.
        if house.told && house.clients.count() >= KNOWN_CLIENTS {
            return;
        }
        let crossed = *pair.crossed.get_or_insert(event.time);
        let waited = event.time.nanos().saturating_sub(crossed.nanos()) >= WAIT;
        if !waited && pair.text_share() < TEXT_SHARE_MIN {
            return;
        }
        let count = keep::whole(pair.names.count());
        if let Some(fresh) = pair.told.say(count, 1) {
            house.told = true;
            found.push(finding((client_key, domain), pair, event, (count, fresh)));
        }
    }

    fn snapshot(&self, writer: &mut Writer) {
        self.pairs.snapshot(writer, |writer, (client, domain), pair| {
            write_key(writer, *client);
            writer.whole(*domain);
            pair.snapshot(writer);
        });
        self.domains.snapshot(writer, |writer, key, domain| {
            writer.whole(*key);
            write_time(writer, domain.last);
            domain.clients.snapshot(writer);
            writer.flag(domain.told);
        });
    }

    fn restore(&mut self, reader: &mut Reader<'_>) -> Result<(), SnapshotError> {
        self.pairs.restore(reader, |reader| {
            Ok(((read_key(reader)?, reader.whole()?), Pair::restore(reader)?))
        })?;
        self.domains.restore(reader, |reader| {
            let key = reader.whole()?;
            let (last, clients) = (read_time(reader)?, Linear::restore(reader)?);
            Ok((key, Domain { last, clients, told: reader.flag()? }))
        })
    }

    fn bytes(&self) -> usize {
        let pairs = self.pairs.values();
        let pairs = pairs.map(|pair| size_of::<Pair>() + 40 + pair.evidence.bytes()).sum::<usize>();
        pairs + self.domains.values().count() * (size_of::<Domain>() + 24)
    }

    fn forgotten(&self) -> u64 {
        self.pairs.forgotten().saturating_add(self.domains.forgotten())
    }
}

/// Gives what of a name the client chose: all before the domain that somebody registered.
fn chosen_part<'n>(name: &'n str, domain: &str) -> Option<&'n str> {
    let at = name.len().checked_sub(domain.len())?;
    let (chosen, rest) = name.split_at_checked(at)?;
    let chosen = chosen.strip_suffix('.')?;
    // Lists of senders of spam are asked by address.
    if chosen.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    (rest.eq_ignore_ascii_case(domain) && !chosen.is_empty()).then_some(chosen)
}

/// Tells whether a question is for records whose content is free. Mail has its own names for such.
fn is_free_text(event: &Event) -> bool {
    let free = matches!(
        event.text(Field::DnsQuestionType),
        Some("TXT" | "NULL" | "TYPE10" | "PRIVATE" | "TYPE65399")
    );
    free && !event
        .text(Field::DnsQuestionName)
        .is_some_and(|name| name.split('.').any(|label| label.starts_with('_')))
}

/// Gives how much a short name speaks for letters that no word has.
fn chance(chosen: &str) -> f64 {
    if chosen.len() > CHANCE_LETTERS_MAX {
        return 0.0;
    }
    Names::shipped().odds(chosen).clamp(-CHANCE_ONE_MAX, CHANCE_ONE_MAX)
}

/// Gives a hash of a name without its case, how many letters it has, and their disorder (Shannon's entropy of
/// the letters of this name, in bits).
fn measured(chosen: &str) -> (u32, u64, f64) {
    let mut counts = [0_u8; 128];
    let (mut hash, mut letters) = (0xCBF2_9CE4_8422_2325_u64, 0_u8);
    for byte in chosen.bytes().take(253) {
        let byte = byte.to_ascii_lowercase();
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        if byte != b'.' {
            letters = letters.saturating_add(1);
            if let Some(count) = counts.get_mut(usize::from(byte & 0x7f)) {
                *count = count.saturating_add(1);
            }
        }
    }
    let all = f64::from(letters.max(1));
    let shares = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / all);
    let disorder = shares.map(|share| -share * share.log2()).sum();
    (keep::mix(u128::from(hash)), u64::from(letters), disorder)
}

fn small(reader: &mut Reader<'_>) -> Read<u32> {
    u32::try_from(reader.number()?).map_err(|_| SnapshotError::Malformed)
}

fn finding(
    (client, domain): (u128, &str),
    pair: &Pair,
    event: &Event,
    (count, fresh): (u64, u64),
) -> Finding {
    let client = address_of(client);
    let seconds = event.time.nanos().saturating_sub(pair.first.nanos()) / keep::SECOND;
    let (length, disorder) = pair.means();
    let carried = keep::number(pair.letters) * 60.0 / keep::number(seconds.max(60).unsigned_abs());
    let text = format!(
        "{client} asked for {count} different names below {domain} within {}, where people's machines ask for fewer than \
         {NAMES_LONG_MIN:.0} to {NAMES_SHORT_MIN:.0}; {length:.0} letters of its choice in each ({disorder:.1} bits a letter, {} a \
         minute); {:.0} % of the questions were for free text",
        keep::span(seconds),
        keep::bytes(carried),
        pair.text_share() * 100.0
    );
    Finding {
        kind: "tunnel",
        source: Some(client),
        score: (0.5 + (length / 200.0).min(0.3) + pair.text_share() * 0.2).min(1.0),
        observed: keep::number(count),
        baseline: NAMES_MIN,
        window_seconds: seconds,
        text,
        first: pair.first,
        count,
        fresh,
        events: pair.evidence.events(),
        also: vec![("dns.question.registered_domain", domain.to_owned())],
        ..Finding::default()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use model::Text;

    use super::*;

    #[test]
    fn made_up_clients_make_no_domain_known_before_it_was_told_of() {
        let (mut tunnel, mut found) = (Tunnel::default(), Vec::new());
        let mut ask = |client: u8, number: u32, second: i64| {
            let mut event = Event::new(Text::default(), Timestamp::from_seconds(second));
            event.set(Field::SourceIp, IpAddr::V4(Ipv4Addr::new(10, 0, 0, client)));
            let name = format!("{number:08x}0123456789abcdef0123456789abcdef.t.example.net");
            event.set(Field::DnsQuestionName, name.as_str());
            event.set_extra("dns.question.registered_domain", "example.net");
            tunnel.observe(&event, &mut found);
            found.len()
        };
        for client in 1..=6 {
            (0..120).for_each(|number| {
                ask(client, number, 0);
            });
        }
        assert_eq!(ask(1, 1_000, 1_000), 1);
        // It is known then.
        assert_eq!(ask(2, 1_000, 1_000), 1);
    }
}
