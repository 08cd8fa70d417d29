//! Lines in, alerts out.

use std::collections::HashMap;
use std::sync::Arc;

use detect::{Engine, Indicators, Memory};
use model::{Clock, Detection, EventId, Origin, Record, Text, Timestamp};
use parse::{Parser, ParserConfig};
use sigma::{RuleFile, RuleSet};

pub(crate) const DAY: i64 = 86_400;

/// Gives when every scene begins.
pub(crate) fn start() -> Timestamp {
    Timestamp::parse("2026-11-02T00:00:00Z").unwrap_or_default()
}

/// Gives a moment of a day at an hour.
pub(crate) fn at(day: i64, hour: f64) -> Timestamp {
    let nanos = day * DAY * 1_000_000_000 + (hour * 3_600e9) as i64;
    Timestamp::from_nanos(start().nanos() + nanos)
}

/// A line that somebody logs.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// When; also stands in the text.
    pub(crate) time: Timestamp,
    /// The record, as it arrives.
    pub(crate) text: String,
    /// The attack that it is part of, if any.
    pub(crate) attack: Option<usize>,
}

/// The engine with the rules that decide on findings, and its memory.
pub(crate) struct Player {
    engine: Engine,
    pub(crate) memory: Memory,
    parser: Parser,
    /// Which attack each event that was played is part of, where it is.
    attacks: HashMap<EventId, usize>,
    /// When each attack began.
    began: HashMap<usize, Timestamp>,
    events: u64,
}

/// An alert, and what it told of.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) detection: Detection,
    /// The attack that the event which completed it is part of.
    pub(crate) attack: Option<usize>,
    /// How many seconds after the first event of that attack.
    pub(crate) after: f64,
}

impl Player {
    /// Gives an engine that has seen nothing; only rules whose findings are of one of these detectors.
    pub(crate) fn new(detectors: &[&str]) -> Self {
        let files: Vec<RuleFile> = detect::shipped_rules()
            .into_iter()
            .filter(|file| file.text.contains("service: detector"))
            .filter(|file| {
                let names =
                    |id: &&str| file.text.contains(&format!("bartizan.finding.detector: {id}"));
                detectors.iter().any(names)
            })
            .collect();
        let (rules, faults) = RuleSet::load(&files);
        assert!(faults.is_empty(), "{faults:?}");
        Self {
            engine: Engine::new(rules),
            memory: Memory::new(),
            parser: Parser::new(ParserConfig::default()),
            attacks: HashMap::new(),
            began: HashMap::new(),
            events: 0,
        }
    }

    /// Plays lines in the order of their time.
    pub(crate) fn play(&mut self, lines: &[Line]) -> Vec<Told> {
        let mut told = Vec::new();
        // No scene of these touches a decoy.
        let indicators = Indicators::default();
        for line in lines {
            let clock = Clock::File(line.time);
            let mut event = self.parser.parse(Record {
                text: Text::from(line.text.as_str()),
                received_at: line.time,
                origin: Arc::new(Origin { clock, ..Origin::default() }),
                truncated_bytes: 0,
                escaped_bytes: 0,
            });
            self.events += 1;
            event.id = EventId(self.events);
            if let Some(attack) = line.attack {
                self.attacks.insert(event.id, attack);
                self.began.entry(attack).or_insert(line.time);
            }
            self.engine.analyse(&mut event, &indicators);
            let mut found = Vec::new();
            self.engine.observe(&event, &mut self.memory, &mut found);
            told.extend(found.into_iter().map(|detection| self.told(detection, line)));
        }
        told
    }

    fn told(&self, detection: Detection, line: &Line) -> Told {
        let evidence = detection.events.iter().filter_map(|event| self.attacks.get(event));
        let attack = line.attack.or_else(|| evidence.copied().next());
        let began = attack.and_then(|attack| self.began.get(&attack));
        let after = began.map_or(f64::NAN, |began| line.time.since(*began).as_secs_f64());
        Told { detection, attack, after }
    }

    /// Gives how many bytes a detector takes.
    pub(crate) fn bytes(&self, detector: &str) -> f64 {
        let mut uses = self.memory.bytes_of_detectors();
        uses.find(|(id, _)| *id == detector).map_or(f64::NAN, |(_, bytes)| bytes as f64)
    }
}

/// Gives the events that lines are read as.
pub(crate) fn events(lines: &[simulate::HostLine]) -> Vec<model::Event> {
    let parser = Parser::new(ParserConfig::default());
    let read = |(line, id): (&simulate::HostLine, u64)| {
        let mut event = parser.parse(Record {
            text: Text::from(line.text.as_str()),
            received_at: line.time,
            origin: Arc::new(Origin { clock: Clock::File(line.time), ..Origin::default() }),
            truncated_bytes: 0,
            escaped_bytes: 0,
        });
        event.id = EventId(id);
        event
    };
    lines.iter().zip(1..).map(read).collect()
}

/// Gives the middle one of some numbers.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
