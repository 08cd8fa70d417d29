//! The end of the chain as it is kept outside: one line of JSON.
//!
//! ```json
//! {"chain":"bartizan","sequence":57,"mac":"5f0c…","at":"2026-11-21T06:58:00Z","segments":12,"events":40021}
//! ```

use std::fmt::Write as _;

use catalog::ChainHead;
use model::Timestamp;
use serde::{Deserialize, Serialize};

/// What an anchor holds the chain to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The place of the link.
    pub sequence: u64,
    /// Its mac.
    pub mac: [u8; 32],
    /// When the link was made.
    pub at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Line {
    chain: String,
    sequence: u64,
    mac: String,
    at: String,
    #[serde(default)]
    segments: u64,
    #[serde(default)]
    events: u64,
}

impl Anchor {
    /// Gives the line, without its end.
    pub fn line(head: &ChainHead) -> String {
        let mut mac = String::with_capacity(64);
        for byte in head.mac {
            // Writing to a String cannot fail.
            let _ = write!(mac, "{byte:02x}");
        }
        let line = Line {
            chain: "bartizan".to_owned(),
            sequence: head.sequence,
            mac,
            at: head.at.to_string(),
            segments: head.segments,
            events: head.events,
        };
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// Reads a line, wherever it begins: a log puts its own words before it.
    pub fn parse(line: &str) -> Option<Self> {
        let text = line.get(line.find("{\"chain\":\"bartizan\"")?..)?;
        let mut read = serde_json::Deserializer::from_str(text).into_iter::<Line>();
        let line = read.next()?.ok()?;
        let mut mac = [0; 32];
        if line.mac.len() != mac.len() * 2 {
            return None;
        }
        for (place, byte) in mac.iter_mut().enumerate() {
            *byte = u8::from_str_radix(line.mac.get(place * 2..place * 2 + 2)?, 16).ok()?;
        }
        Some(Self { sequence: line.sequence, mac, at: Timestamp::parse(&line.at)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_back_behind_the_words_of_a_log() {
        let head = ChainHead {
            sequence: 57,
            mac: [0xa5; 32],
            at: Timestamp::from_seconds(1_795_219_200),
            segments: 12,
            events: 40_021,
        };
        let line = Anchor::line(&head);
        let anchor = Anchor { sequence: 57, mac: [0xa5; 32], at: head.at };
        assert_eq!(Anchor::parse(&line), Some(anchor.clone()));
        let logged = format!("Nov 21 06:58:00 siem bartizan: {line}\r\n");
        assert_eq!(Anchor::parse(&logged), Some(anchor));
        assert_eq!(Anchor::parse("{\"chain\":\"bartizan\",\"sequence\":1}"), None);
        assert_eq!(Anchor::parse("nothing"), None);
    }
}
