//! A rule's own examples, run through the same parser and engine as live records.

use std::sync::Arc;

use detect::{Engine, Memory};
use model::{Clock, EventId, Origin, Record, Text};
use parse::{Parser, ParserConfig};

use sigma::Example;

use crate::clock::now;

/// How the examples came out.
#[derive(Debug, Default)]
pub(crate) struct Tested {
    /// Rules that have examples.
    pub(crate) rules: usize,
    /// Rules that have none.
    pub(crate) bare: usize,
    /// Examples run.
    pub(crate) examples: usize,
    /// What did not come out as it should, a sentence each.
    pub(crate) failures: Vec<String>,
}

/// Runs the examples of every rule, each with an empty memory.
pub(crate) fn test(engine: &Engine) -> Tested {
    let parser = Parser::new(ParserConfig::default());
    let mut tested = Tested::default();
    for rule in engine.rules().rules() {
        if rule.examples.is_empty() {
            tested.bare += usize::from(rule.reports);
            continue;
        }
        tested.rules += 1;
        for (number, example) in rule.examples.iter().enumerate() {
            tested.examples += 1;
            let fired = fires(engine, &parser, &rule.header.id, example);
            if fired != example.matches {
                let wrong = if fired { "fires, and must not" } else { "does not fire, and must" };
                tested.failures.push(format!(
                    "{}: {}: example {} {wrong}: {}",
                    rule.path,
                    rule.header.title,
                    number + 1,
                    example.lines().next().unwrap_or_default()
                ));
            }
        }
    }
    tested
}

fn fires(engine: &Engine, parser: &Parser, rule: &str, example: &Example) -> bool {
    let mut memory = Memory::default();
    let mut found = Vec::new();
    let received_at = now();
    for (line, id) in example.lines().zip(1..) {
        let (format, line) = Example::record(&line);
        let origin = Origin {
            clock: Clock::File(received_at),
            format: format.map(str::to_owned),
            ..Origin::default()
        };
        let mut event = parser.parse(Record {
            text: Text::from(line),
            received_at,
            origin: Arc::new(origin),
            truncated_bytes: 0,
            escaped_bytes: 0,
        });
        event.id = EventId(id);
        engine.analyse(&mut event, &memory.indicators());
        engine.observe(&event, &mut memory, &mut found);
    }
    found.iter().any(|detection| detection.rule.id == rule)
}
