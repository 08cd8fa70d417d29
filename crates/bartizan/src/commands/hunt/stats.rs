//! What a hunt came to, and what it cost.

use std::collections::HashMap;
use std::time::Instant;

use detect::{Engine, Memory};
use sigma::RuleIndex;
use source::Import;

use crate::output::{complain, printable};
use crate::usage::{self, Usage};

/// How many rules without hits are told of, the costliest.
const COSTLY_RULES: usize = 20;

/// What is told.
pub(super) struct Stats<'s> {
    pub(super) import: &'s Import,
    pub(super) events: u64,
    pub(super) began: Instant,
    /// What was used when the rules were loaded.
    pub(super) ready: Usage,
}

/// Tells how much was read, in what time, with what memory.
pub(super) fn tell(stats: &Stats<'_>) {
    let Stats { import, events, began, ready } = stats;
    let wall = began.elapsed().as_secs_f64();
    let used = usage::now();
    let work = used.processor.saturating_sub(ready.processor).as_secs_f64();
    let count = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    let progress = import.progress();
    let megabytes = count(progress.bytes_done >> 10) / 1024.0;
    complain(&format!("files             {}", progress.files_done));
    complain(&format!("faults            {}", progress.faults));
    complain(&format!("events            {events}"));
    complain(&format!("events a second   {:.0}", count(*events) / wall.max(1e-9)));
    complain(&format!("processor seconds {:.2}", used.processor.as_secs_f64()));
    complain(&format!("to load the rules {:.2}", ready.processor.as_secs_f64()));
    let rate = megabytes / work.max(1e-9);
    complain(&format!("megabytes         {megabytes:.1}, {rate:.1} a processor second"));
    complain(&format!("peak memory       {} MB", used.peak_bytes >> 20));
}

/// Tells of each rule with hits, and of the costliest others, how often it was found and how often
/// it had to be tried.
pub(super) fn tell_rules(engine: &Engine, hits: &HashMap<String, u64>, memories: &[Memory]) {
    let mut quiet = 0;
    let mut rows: Vec<(u64, u64, &str)> = (engine.rules().rules().iter().enumerate())
        .map(|(index, rule)| {
            let tried = memories.iter().map(|memory| memory.evaluations(RuleIndex(index))).sum();
            let found = hits.get(&rule.header.id).copied().unwrap_or(0);
            (found, tried, rule.header.title.as_str())
        })
        .collect();
    rows.sort_by_key(|(found, tried, title)| {
        (std::cmp::Reverse(*found), std::cmp::Reverse(*tried), *title)
    });
    complain(&format!("{:>12} {:>12} rule", "hits", "evaluations"));
    for (found, tried, title) in rows {
        if found == 0 {
            quiet += 1;
            if tried == 0 || quiet > COSTLY_RULES {
                break;
            }
        }
        complain(&printable(&format!("{found:>12} {tried:>12} {title}")));
    }
}
