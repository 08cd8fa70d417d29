//! The profile of a site on its own requests: learned from a part of the benign ones, through the engine
//! as the product runs it, and asked about the rest.

use std::net::IpAddr;
use std::time::Duration;

use bench::timing::thread_time;
use detect::models::{Quality, quality};
use detect::{Engine, Indicators, Memory};
use model::{Event, EventId, Field, Text, Timestamp};

use crate::corpus::Sample;

/// From how many addresses the requests come: the set names none.
const SOURCES: usize = 60;

/// Gives the event of a request.
fn event(sample: &Sample, number: usize) -> Event {
    let second = i64::try_from(number).unwrap_or(0) / 4;
    let mut event = Event::new(Text::default(), Timestamp::from_seconds(1_795_219_200 + second));
    event.id = EventId(number as u64 * 4);
    let client = ((number * 7) % SOURCES) as u8;
    event.set(Field::SourceIp, IpAddr::from([198, 51, 100, client]));
    event.set(Field::UrlDomain, "www.example.com");
    event.set(Field::RequestMethod, sample.method.as_str());
    event.set(Field::UrlOriginal, sample.target.as_str());
    if !sample.body.is_empty() {
        event.set(Field::RequestBody, sample.body.as_str());
    }
    event
}

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) all: Quality,
    pub(crate) meta: Quality,
    pub(crate) plain: Quality,
    /// The share of the benign rest at or above 0.999.
    pub(crate) benign_high: f64,
    pub(crate) analysing: Duration,
    pub(crate) learning: Duration,
    pub(crate) bytes: usize,
}

/// Learns and asks.
pub(crate) fn measure(samples: &[Sample]) -> Outcome {
    let engine = Engine::default();
    let mut memory = Memory::new();
    let own: Vec<&Sample> = samples.iter().filter(|sample| sample.source == "csic").collect();
    let mut number = 0;
    let mut found = Vec::new();
    let mut learning = Duration::ZERO;
    for sample in own.iter().filter(|sample| sample.teaches()) {
        let mut event = event(sample, number);
        engine.analyse(&mut event, &Indicators::default());
        let before = thread_time();
        engine.observe(&event, &mut memory, &mut found);
        learning += thread_time().saturating_sub(before);
        number += 1;
    }
    let usual = memory.indicators();
    let mut rows: Vec<(f64, bool, bool)> = Vec::new();
    let mut analysing = Duration::ZERO;
    for sample in own.iter().filter(|sample| sample.attack || !sample.teaches()) {
        let mut event = event(sample, number);
        let before = thread_time();
        engine.analyse(&mut event, &usual);
        analysing += thread_time().saturating_sub(before);
        let score = match event.get(Field::AnomalyScore) {
            Some(model::Value::Float(score)) => score,
            _ => 0.0,
        };
        if std::env::var_os("EXPLAIN").is_some() {
            let reason = event
                .get_extra("bartizan.anomaly.reason")
                .map(|r| r.to_string())
                .unwrap_or_default();
            println!(
                "X {score:.6} {} {} {} | {} {} | {reason}",
                sample.attack, sample.class, sample.method, sample.target, sample.body
            );
        }
        rows.push((score, sample.attack, sample.class == "csic-plain"));
        number += 1;
    }
    let of = |keep: &dyn Fn(&(f64, bool, bool)) -> bool| {
        let kept: Vec<(f64, bool)> =
            rows.iter().filter(|row| keep(row)).map(|row| (row.0, row.1)).collect();
        quality(&kept)
    };
    let benign: Vec<f64> = rows.iter().filter(|row| !row.1).map(|row| row.0).collect();
    let high = benign.iter().filter(|score| **score >= 0.999).count() as f64;
    let each = |time: Duration, count: usize| time / u32::try_from(count.max(1)).unwrap_or(1);
    let learned = number - rows.len();
    Outcome {
        all: of(&|_| true),
        meta: of(&|row| !row.1 || !row.2),
        plain: of(&|row| !row.1 || row.2),
        benign_high: high / benign.len().max(1) as f64,
        analysing: each(analysing, rows.len()),
        learning: each(learning, learned),
        bytes: memory.bytes(),
    }
}
