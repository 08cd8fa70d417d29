//! What an event costs all detectors together, in processor time.

use bench::timing::thread_time;
use detect::{Engine, Memory};
use sigma::RuleSet;
use simulate::{FlowLife, LookupAttack, LookupLife, StartLife, WebAttack, WebLife};

use crate::play::{at, events as events_of, median, start};

/// Prints it.
pub(crate) fn print() {
    let start = start();
    let (seed, days) = (9, 2);
    let attack = LookupAttack::Tunnel { letters: 60, base: 32, kind: "TXT", every: 0.2 };
    let web =
        WebLife { seed, start, days, sites: 10, a_minute: 6, releases_a_day: 1, peaks_a_week: 7 };
    let flood = WebAttack::LikeGuests(100).lines(1, 1, at(1, 10.0), 600.0);
    let starts = StartLife {
        seed,
        start,
        days: 14,
        groups: 4,
        machines: 25,
        an_hour: 6,
        rollouts_a_week: 2,
        tools_a_week: 0,
        setups_a_month: 1,
    };
    let lookups = LookupLife { seed, start, days, clients: 50, an_hour: 60, scanned_an_hour: 60 };
    let sets = [
        ("questions to name servers", lookups.lines()),
        ("the questions of a tunnel", attack.lines(1, 1, start, 20_000.0)),
        ("connections", FlowLife { seed, start, days, clients: 100, an_hour: 40 }.lines()),
        ("programs started", starts.lines()),
        ("requests, some of a peak", web.lines()),
        ("requests of a flood", flood),
        ("errors written", WebAttack::Complaints(10).lines(1, 1, start, 8_000.0)),
    ];
    println!();
    println!("| events | count | ns an event, all detectors |");
    println!("|---|---|---|");
    for (name, lines) in sets {
        let events = events_of(&lines);
        let engine = Engine::new(RuleSet::default());
        let times = (0..5).map(|_| {
            let (mut memory, mut found) = (Memory::of_old_events(), Vec::new());
            let before = thread_time();
            for event in &events {
                engine.observe(event, &mut memory, &mut found);
            }
            thread_time().saturating_sub(before).as_secs_f64() * 1e9 / events.len().max(1) as f64
        });
        println!("| {name} | {} | {:.0} |", events.len(), median(times.collect()));
    }
}
