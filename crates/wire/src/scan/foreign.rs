//! A user's own file of service probes, in the language of `nmap-service-probes`; none is shipped.
//!
//! ```text
//! Probe TCP GetRequest q|GET / HTTP/1.0\r\n\r\n|
//! ports 80,8080
//! match http m|^HTTP/1\.[01] \d\d\d .*\r\nServer: nginx/([\d.]+)|s p/nginx/ v/$1/
//! ```
//!
//! The file is data, not trusted: it is read within bounds, and its expressions run in linear time.
//! What the expressions of other engines can do and ours cannot (to look behind, to refer back) is
//! counted and left out.

use std::sync::OnceLock;

use regex::bytes::{Captures, Regex, RegexBuilder};

use super::ports::{Ports, Transport};
use super::services::Service;
use super::services::harmless_text;

const FILE_BYTES_MAX: usize = 16 << 20;
const PROBES_MAX: usize = 1_024;
const MATCHES_MAX: usize = 65_536;
/// What one compiled expression may take.
const EXPRESSION_BYTES_MAX: usize = 1 << 20;
/// What is said at most.
const PAYLOAD_BYTES_MAX: usize = 8_192;

/// Why a file of probes is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ForeignFault {
    /// It is larger than any such file.
    #[error("it is larger than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    /// It holds more than any such file.
    #[error("it holds more than {PROBES_MAX} probes or {MATCHES_MAX} matches")]
    TooMany,
    /// A line is not as it must be.
    #[error("line {line}: {what}")]
    Line {
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// There is nothing in it.
    #[error("it holds no probe")]
    Empty,
}

/// The probes of a file.
#[derive(Debug)]
pub struct Foreign {
    probes: Vec<Probe>,
    matches: usize,
    left_out: usize,
}

/// One probe, with what its answers may be.
#[derive(Debug)]
pub(crate) struct Probe {
    transport: Transport,
    name: String,
    payload: Vec<u8>,
    ports: Option<Ports>,
    rarity: u8,
    fallback: Vec<String>,
    matches: Vec<Match>,
}

#[derive(Debug)]
struct Match {
    service: String,
    pattern: String,
    ignores_case: bool,
    dot_is_all: bool,
    is_soft: bool,
    product: Option<String>,
    version: Option<String>,
    info: Option<String>,
    compiled: OnceLock<Option<Regex>>,
}

impl Foreign {
    /// Reads a file.
    pub fn parse(bytes: &[u8]) -> Result<Self, ForeignFault> {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(ForeignFault::TooLarge);
        }
        let text = String::from_utf8_lossy(bytes);
        let mut foreign = Self { probes: Vec::new(), matches: 0, left_out: 0 };
        for (index, line) in text.lines().enumerate() {
            foreign.line(line).map_err(|what| ForeignFault::Line { line: index + 1, what })?;
            if foreign.probes.len() > PROBES_MAX || foreign.matches > MATCHES_MAX {
                return Err(ForeignFault::TooMany);
            }
        }
        if foreign.probes.is_empty() { Err(ForeignFault::Empty) } else { Ok(foreign) }
    }

    /// Gives how many probes and matches are of use, and how many matches are not.
    pub fn counts(&self) -> (usize, usize, usize) {
        (self.probes.len(), self.matches, self.left_out)
    }

    fn line(&mut self, line: &str) -> Result<(), &'static str> {
        let (word, rest) = line.split_once(' ').unwrap_or((line.trim_end(), ""));
        let probe = self.probes.last_mut();
        match (word, probe) {
            ("" | "Exclude", _) => {}
            (word, _) if word.starts_with('#') => {}
            ("Probe", _) => self.probes.push(Probe::parse(rest)?),
            (_, None) => return Err("stands before the first Probe"),
            ("match" | "softmatch", Some(probe)) => {
                match Match::parse(rest, word == "softmatch")? {
                    Some(found) => {
                        probe.matches.push(found);
                        self.matches += 1;
                    }
                    None => self.left_out += 1,
                }
            }
            ("ports", Some(probe)) => {
                let ports = Ports::parse(rest, probe.transport);
                probe.ports = Some(ports.map_err(|_| "names no ports")?);
            }
            ("rarity", Some(probe)) => {
                probe.rarity = rest.trim().parse().map_err(|_| "is no rarity")?;
            }
            ("fallback", Some(probe)) => {
                probe.fallback = rest.split(',').map(|name| name.trim().to_owned()).collect();
            }
            ("sslports" | "totalwaitms" | "tcpwrappedms", _) => {}
            _ => return Err("begins with an unknown word"),
        }
        Ok(())
    }

    /// Gives the probes for a TCP port: the one that says nothing, those that name it, the usual ones.
    pub(crate) fn for_port(&self, port: u16) -> Vec<&Probe> {
        let order = |probe: &Probe| {
            let names = probe.ports.as_ref().is_some_and(|ports| ports.contains(port));
            (!probe.payload.is_empty(), !names, probe.rarity)
        };
        let mut fitting: Vec<&Probe> =
            self.probes.iter().filter(|probe| probe.transport == Transport::Tcp).collect();
        fitting.sort_by_key(|probe| order(probe));
        fitting
    }

    /// Reads an answer to a probe: by its own matches, by those that it falls back to, and by those of
    /// the probe that says nothing.
    pub(crate) fn read(&self, probe: &Probe, answer: &[u8]) -> Option<Service> {
        if answer.is_empty() {
            return None;
        }
        let named = |name: &String| self.probes.iter().find(|other| other.name == *name);
        let silent = self
            .probes
            .iter()
            .find(|other| other.transport == Transport::Tcp && other.payload.is_empty());
        let order =
            std::iter::once(probe).chain(probe.fallback.iter().filter_map(named)).chain(silent);
        let mut soft = None;
        for found in order.flat_map(|probe| &probe.matches).filter_map(|rule| rule.read(answer)) {
            match found {
                (service, false) => return Some(service),
                (service, true) => soft = soft.or(Some(service)),
            }
        }
        soft
    }
}

impl Probe {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (transport, rest) = text.split_once(' ').ok_or("is no Probe")?;
        let (name, rest) = rest.split_once(' ').ok_or("is no Probe")?;
        let transport = match transport {
            "TCP" => Transport::Tcp,
            "UDP" => Transport::Udp,
            _ => return Err("names neither TCP nor UDP"),
        };
        let (payload, _) =
            quoted(rest.strip_prefix('q').ok_or("says nothing")?).ok_or("says nothing")?;
        let payload = unescape(payload);
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err("says too much");
        }
        Ok(Self {
            transport,
            name: name.to_owned(),
            payload,
            ports: None,
            rarity: 5,
            fallback: Vec::new(),
            matches: Vec::new(),
        })
    }

    /// Gives what is sent.
    pub(crate) fn says(&self) -> &[u8] {
        &self.payload
    }
}

impl Match {
    /// Reads a match; `None` where its expression is beyond ours.
    fn parse(text: &str, is_soft: bool) -> Result<Option<Self>, &'static str> {
        let (service, rest) = text.trim_start().split_once(' ').ok_or("is no match")?;
        let rest = rest.trim_start().strip_prefix('m').ok_or("has no expression")?;
        let (pattern, rest) = quoted(rest).ok_or("has no expression")?;
        let flags_end = rest.find(' ').unwrap_or(rest.len());
        let (flags, mut rest) = rest.split_at(flags_end);
        let mut found = Self {
            service: harmless_text(service),
            pattern: pattern.to_owned(),
            ignores_case: flags.contains('i'),
            dot_is_all: flags.contains('s'),
            is_soft,
            product: None,
            version: None,
            info: None,
            compiled: OnceLock::new(),
        };
        loop {
            rest = rest.trim_start();
            let (field, after) = match rest.strip_prefix("cpe:") {
                Some(after) => (' ', after),
                None => match rest.chars().next() {
                    Some(field) => (field, rest.get(field.len_utf8()..).unwrap_or_default()),
                    None => break,
                },
            };
            let Some((value, after)) = quoted(after) else { break };
            let place = match field {
                'p' => &mut found.product,
                'v' => &mut found.version,
                'i' => &mut found.info,
                _ => &mut None,
            };
            *place = Some(value.to_owned());
            rest = after.trim_start_matches('a');
        }
        Ok(found.is_ours().then_some(found))
    }

    /// Tells whether the expression is one of ours; it is compiled when it is first needed.
    fn is_ours(&self) -> bool {
        regex_syntax::ParserBuilder::new()
            .unicode(false)
            .utf8(false)
            .octal(true)
            .nest_limit(64)
            .build()
            .parse(&self.pattern)
            .is_ok()
    }

    fn read(&self, answer: &[u8]) -> Option<(Service, bool)> {
        let compiled = self.compiled.get_or_init(|| {
            RegexBuilder::new(&self.pattern)
                .unicode(false)
                .octal(true)
                .case_insensitive(self.ignores_case)
                .dot_matches_new_line(self.dot_is_all)
                .size_limit(EXPRESSION_BYTES_MAX)
                .dfa_size_limit(EXPRESSION_BYTES_MAX)
                .build()
                .ok()
        });
        let captures = compiled.as_ref()?.captures(answer)?;
        let fill = |text: &Option<String>| text.as_ref().map(|text| fill(text, &captures));
        let service = Service {
            name: self.service.clone(),
            product: fill(&self.product),
            version: fill(&self.version),
            info: fill(&self.info),
            ..Service::default()
        };
        Some((service, self.is_soft))
    }
}

/// Puts what was caught in the place of `$1`; helper calls such as `$P(1)` stand for the same.
fn fill(template: &str, captures: &Captures<'_>) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        filled.push_str(before);
        let is_call =
            after.starts_with("P(") || after.starts_with("SUBST(") || after.starts_with("I(");
        let digits =
            if is_call { after.split_once('(').map_or("", |(_, rest)| rest) } else { after };
        let number = digits.chars().next().and_then(|digit| digit.to_digit(10));
        let caught = number.and_then(|number| captures.get(usize::try_from(number).ok()?));
        filled.push_str(
            &caught.map(|caught| String::from_utf8_lossy(caught.as_bytes())).unwrap_or_default(),
        );
        rest = match (is_call, number) {
            (true, _) => after.split_once(')').map_or("", |(_, rest)| rest),
            (false, Some(_)) => after.get(1..).unwrap_or_default(),
            (false, None) => after,
        };
    }
    filled.push_str(rest);
    harmless_text(&filled)
}

/// Takes a text between two equal marks, such as `|…|`.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let mark = text.chars().next()?;
    text.get(mark.len_utf8()..)?.split_once(mark)
}

/// Reads the escapes of C.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'n') => bytes.push(b'\n'),
            Some(b'r') => bytes.push(b'\r'),
            Some(b't') => bytes.push(b'\t'),
            Some(b'0') => bytes.push(0),
            Some(b'x') => {
                let digit =
                    |byte: Option<u8>| char::from(byte.unwrap_or(b'0')).to_digit(16).unwrap_or(0);
                let value = digit(rest.next()) * 16 + digit(rest.next());
                bytes.push(u8::try_from(value).unwrap_or(0));
            }
            Some(other) => bytes.push(other),
            None => {}
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: &str = r"# ours, for this test
Exclude T:9100
Probe TCP NULL q||
totalwaitms 6000
match smtp m|^220 ([-.\w]+) ESMTP Imagined ([\d.]+)\r\n| p/Imagined MTA/ v/$2/ h/$1/ cpe:/a:imagined:mta:$2/a
softmatch smtp m|^220 |i
match odd m|^(?<!x)y| p/looks behind/
Probe TCP Ask q|ask\x20\0\n|
rarity 3
ports 7000-7010
fallback NULL
match thing m/^\0\x01thing (.*)!/s p/Thing/ v/$1/ i/old $P(1)/
";

    #[test]
    fn a_file_is_read() {
        let foreign = Foreign::parse(FILE.as_bytes()).unwrap();
        assert_eq!(foreign.counts(), (2, 3, 1));
        let probes = foreign.for_port(7_005);
        assert_eq!(probes[1].says(), b"ask \0\n");
        let read = |place: usize, answer: &[u8]| foreign.read(probes[place], answer);
        let mail = read(0, b"220 mx.example ESMTP Imagined 4.1\r\n").unwrap();
        assert_eq!(mail.title(), "Imagined MTA 4.1");
        assert_eq!(read(0, b"220 hello\r\n").unwrap().name, "smtp");
        let thing = read(1, b"\0\x01thing 2\x1b[31m\n!").unwrap();
        assert_eq!(
            (thing.title().as_str(), thing.info.as_deref()),
            ("Thing 2 [31m", Some("old 2 [31m"))
        );
        assert_eq!(read(1, b"220 mx.example ESMTP Imagined 4.1\r\n").unwrap(), mail);
        assert_eq!(read(1, b"unknown"), None);
    }

    #[test]
    fn a_broken_file_is_told() {
        let fault = |text: &str| Foreign::parse(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(fault("match a m|b|\n"), "line 1: stands before the first Probe");
        assert_eq!(
            fault("Probe TCP x q|a|\n\nwhat is this\n"),
            "line 3: begins with an unknown word"
        );
        assert_eq!(fault("Probe SCTP x q|a|\n"), "line 1: names neither TCP nor UDP");
        assert_eq!(fault("# nothing\n"), "it holds no probe");
    }

    proptest! {
        #[test]
        fn any_file_is_read_or_refused(text in "(Probe TCP a q\\|[a-z\\\\x0]*\\|\n)?((match|ports|rarity) .{0,40}\n){0,4}", answer in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(foreign) = Foreign::parse(text.as_bytes()) {
                for probe in foreign.for_port(80) {
                    let _ = foreign.read(probe, &answer);
                }
            }
        }
    }
}
