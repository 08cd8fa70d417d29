//! What one match costs on its way through a correlation, on one core, and what the memory comes to.
//!
//! Synthetic matches of one rule, an event a millisecond: spread over a thousand groups as in an
//! ordinary day, or all in one group as in a flood.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints its figures")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use model::{Event, EventId, Field, Text, Timestamp};
use sigma::{Memory, RuleFile, RuleIndex, RuleSet};

const EVENTS: u64 = 500_000;

const CASES: [(&str, &str); 9] = [
    ("event_count", "type: event_count, condition: {gt: 100000000}"),
    ("event_count, told", "type: event_count, condition: {gte: 5}"),
    ("value_count", "type: value_count, condition: {field: user.name, gt: 16000}"),
    (
        "value_sum",
        "type: value_sum, condition: {field: http.response.bytes, gt: 1000000000000000000}",
    ),
    ("value_avg", "type: value_avg, condition: {field: http.response.bytes, gt: 1000000}"),
    ("value_median", "type: value_median, condition: {field: http.response.bytes, gt: 1000000}"),
    ("temporal", "type: temporal"),
    ("temporal_ordered", "type: temporal_ordered"),
    ("no correlation", ""),
];

fn main() {
    for (groups, name) in [(1_000, "a thousand groups"), (1, "one group")] {
        println!("{name}:");
        for (case, correlation) in CASES {
            measure(case, correlation, groups);
        }
        let late = "type: event_count, condition: {gt: 1000}";
        measure_late("event_count, every tenth late", late, groups);
        let late = "type: value_count, condition: {field: user.name, gt: 16000}";
        measure_late("value_count, every tenth late", late, groups);
    }
}

fn load(correlation: &str) -> RuleSet {
    let mut text = String::from(
        "title: A\nname: a\ndetection: {s: {event.action: a}, condition: s}\n---
title: B\nname: b\ndetection: {s: {event.action: b}, condition: s}\n",
    );
    if !correlation.is_empty() {
        let rules = if correlation.contains("temporal") { "[a, b]" } else { "a" };
        text.push_str(&format!(
            "---\ntitle: X\nid: x\ncorrelation: {{rules: {rules}, group-by: source.ip, timespan: 1h, {correlation}}}\n"
        ));
    }
    let (rules, faults) = RuleSet::load(&[RuleFile { path: "bench.yml".to_owned(), text }]);
    assert_eq!(faults, []);
    rules
}

fn events(groups: u64, late: impl Fn(u64) -> i64) -> Vec<Event> {
    (0..EVENTS)
        .map(|id| {
            let time = i64::try_from(id).unwrap() - late(id);
            let mut event = Event::new(Text::from("x"), Timestamp::from_millis(time));
            event.id = EventId(id);
            let address = u32::try_from(id % groups).unwrap();
            event.set(Field::SourceIp, std::net::Ipv4Addr::from(0x0a00_0000 + address));
            event.set(
                Field::UserName,
                ["ann", "bob", "cid", "dan", "eve"][usize::try_from(id % 5).unwrap()],
            );
            event.set(Field::ResponseBytes, i64::try_from(id * 7_919 % 65_536).unwrap());
            event
        })
        .collect()
}

fn measure(case: &str, correlation: &str, groups: u64) {
    run(case, correlation, &events(groups, |_| 0));
}

fn measure_late(case: &str, correlation: &str, groups: u64) {
    run(case, correlation, &events(groups, |id| if id % 10 == 9 { 60_000 } else { 0 }));
}

fn run(case: &str, correlation: &str, events: &[Event]) {
    let rules = load(correlation);
    let mut memory = Memory::default();
    let mut fired = Vec::new();
    let (begin, cpu_begin) = (Instant::now(), cpu_time());
    for event in events {
        rules.correlate(black_box(event), &[RuleIndex(0)], &mut memory, &mut fired);
        fired.clear();
    }
    let took =
        cpu_time().zip(cpu_begin).map_or(begin.elapsed(), |(end, begin)| end.saturating_sub(begin));
    let each = took.as_nanos() / u128::from(EVENTS);
    let begin = Instant::now();
    let bytes = memory.snapshot();
    let wrote = begin.elapsed();
    black_box(Memory::restore(&bytes).unwrap());
    let read = begin.elapsed().saturating_sub(wrote);
    println!(
        "  {case:32} {each:6} ns a match, {:8} KB, snapshot {:6} KB, written in {wrote:.1?}, read in {read:.1?}",
        memory.bytes() / 1024,
        bytes.len() / 1024,
    );
}

/// The processor time of this thread, where the system tells it: other work on the machine then
/// does not count.
fn cpu_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}
