//! Correlations over old files: in the order of time, whatever the order of the files.

use std::io;

use detect::{Engine, Memory};
use model::{Detection, Event, EventId, FieldNames};
use sigma::RuleIndex;

use super::crew::Kept;
use super::sorted::Sorter;

/// The events that correlations wait for.
#[derive(Default)]
pub(super) struct Follower {
    events: Sorter,
}

impl Follower {
    /// Takes an event that was examined.
    pub(super) fn push(&mut self, kept: &Kept) -> io::Result<()> {
        self.events.push(kept.time, |out| {
            out.extend_from_slice(&kept.id.0.to_le_bytes());
            out.extend_from_slice(&number(kept.rules.len()).to_le_bytes());
            for rule in &kept.rules {
                out.extend_from_slice(&number(rule.0).to_le_bytes());
            }
            out.extend_from_slice(&kept.bytes);
        })
    }

    /// Plays the events in the order of time and hands on what the correlations find.
    pub(super) fn finish(
        self,
        engine: &Engine,
        memory: &mut Memory,
        each: &mut impl FnMut(Detection) -> io::Result<()>,
    ) -> io::Result<()> {
        let names = FieldNames::parse(&FieldNames::current());
        let mut sorted = self.events.finish()?;
        let mut found = Vec::new();
        loop {
            let more = sorted.next(|bytes| {
                if let Some((event, rules)) = read(bytes, &names) {
                    engine.follow(&event, &rules, memory, &mut found);
                }
            })?;
            if !more {
                return Ok(());
            }
            found.drain(..).try_for_each(&mut *each)?;
        }
    }
}

/// Reads what [`Follower::push`] wrote.
fn read(mut bytes: &[u8], names: &FieldNames) -> Option<(Event, Vec<RuleIndex>)> {
    let id = EventId(u64::from_le_bytes(take(&mut bytes)?));
    let count = u64::from_le_bytes(take(&mut bytes)?);
    let mut rules = Vec::new();
    for _ in 0..count {
        rules.push(RuleIndex(usize::try_from(u64::from_le_bytes(take(&mut bytes)?)).ok()?));
    }
    let mut event = Event::decode(&mut bytes, names).ok()?;
    event.id = id;
    Some((event, rules))
}

fn take(bytes: &mut &[u8]) -> Option<[u8; 8]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

fn number(index: usize) -> u64 {
    u64::try_from(index).unwrap_or(u64::MAX)
}
