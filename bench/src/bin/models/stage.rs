//! What the score costs an event of the line: usual access-log lines, with a site that is known.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bench::timing::thread_time;
use detect::models::Model;
use detect::{Engine, Indicators, Memory};
use model::{Clock, Event, EventId, Field, Origin, Record, Text, Timestamp};
use parse::{Parser, ParserConfig};

const EVENTS: usize = 40_000;

/// Gives the events of generated access-log lines.
fn events() -> Vec<Event> {
    let parser = Parser::new(ParserConfig::default());
    let now = Timestamp::from_seconds(1_795_219_200);
    let origin = Arc::new(Origin { clock: Clock::File(now), ..Origin::default() });
    let read = |line: String| {
        parser.parse(Record {
            text: Text::from(line.as_str()),
            received_at: now,
            origin: Arc::clone(&origin),
            truncated_bytes: 0,
            escaped_bytes: 0,
        })
    };
    let events = simulate::corpus(1).map(read);
    let mut events: Vec<Event> =
        events.filter(|event| event.get(Field::UrlOriginal).is_some()).take(EVENTS).collect();
    for (event, number) in events.iter_mut().zip(0..) {
        event.id = EventId(number);
    }
    events
}

/// Measures with the shipped model and without one, and tells the difference.
pub(crate) fn tell() {
    let events = events();
    let engine = Engine::default();
    let mut memory = Memory::new();
    let mut learning = Duration::ZERO;
    let mut found = Vec::new();
    for event in &events {
        let mut event = event.clone();
        engine.analyse(&mut event, &Indicators::default());
        let before = thread_time();
        engine.observe(&event, &mut memory, &mut found);
        learning += thread_time().saturating_sub(before);
    }
    let known = memory.indicators();
    let each = |time: Duration| time / u32::try_from(events.len().max(1)).unwrap_or(1);
    let mut costs: Vec<Duration> = (0..5).map(|_| each(whole(&events, &engine, &known))).collect();
    costs.sort();
    let mut bare: Vec<Duration> = (0..5).map(|_| each(inspection(&events))).collect();
    bare.sort();
    let model = Model::shipped();
    println!(
        "{} log lines: {:?} an event to analyse, of which {:?} inspection; {:?} to observe; model of {} trees",
        events.len(),
        costs.get(2).copied().unwrap_or_default(),
        bare.get(2).copied().unwrap_or_default(),
        each(learning),
        model.forest.trees()
    );
}

fn whole(events: &[Event], engine: &Engine, known: &Indicators) -> Duration {
    let mut copies = events.to_vec();
    let before = thread_time();
    for event in &mut copies {
        engine.analyse(black_box(event), known);
    }
    thread_time().saturating_sub(before)
}

fn inspection(events: &[Event]) -> Duration {
    let before = thread_time();
    for event in events {
        black_box(inspect::inspect_access_log(&inspect::AccessLog {
            method: event.text(Field::RequestMethod).unwrap_or_default(),
            target: event.text(Field::UrlOriginal).unwrap_or_default(),
            referrer: event.text(Field::RequestReferrer),
            user_agent: event.text(Field::UserAgentOriginal),
        }));
    }
    thread_time().saturating_sub(before)
}
