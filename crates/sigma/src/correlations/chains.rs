//! Which rules matched, in what order: the ways in which a temporal correlation comes true.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use model::Timestamp;

use crate::correlations::entry::Entry;

/// One way in which a temporal correlation comes true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clause {
    /// The places of the rules that must have matched, ascending.
    pub(crate) with: Vec<usize>,
    /// The places of those that must not have matched in the timespan before.
    pub(crate) without: Vec<usize>,
    /// Whether the order counts.
    pub(crate) ordered: bool,
}

/// When each rule matched last, and how far each clause has come.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    latest: Vec<Option<Timestamp>>,
    /// For each ordered clause and each of its rules, the latest beginning of a chain up to it.
    begun: Vec<Vec<Option<Timestamp>>>,
}

impl Chains {
    pub(crate) fn of(rules: usize, clauses: &[Clause]) -> Self {
        let begun =
            |clause: &Clause| vec![None; if clause.ordered { clause.with.len() } else { 0 }];
        Self { latest: vec![None; rules], begun: clauses.iter().map(begun).collect() }
    }

    /// Takes in a match that is not before any other, and gives when the shortest chain of a clause
    /// that it completes began.
    pub(crate) fn add(
        &mut self,
        time: Timestamp,
        rule: usize,
        clauses: &[Clause],
        timespan: Duration,
    ) -> Option<Timestamp> {
        if let Some(latest) = self.latest.get_mut(rule) {
            *latest = Some(time);
        }
        let from = time.minus(timespan);
        let mut best: Option<Timestamp> = None;
        for (clause, begun) in clauses.iter().zip(&mut self.begun) {
            let began = if clause.ordered {
                advance(begun, clause, time, rule)
            } else {
                all_since(&self.latest, clause, rule)
            };
            let silent = |place: &usize| {
                self.latest.get(*place).copied().flatten().is_none_or(|latest| latest < from)
            };
            if let Some(began) = began.filter(|began| *began >= from)
                && clause.without.iter().all(silent)
            {
                best = best.max(Some(began));
            }
        }
        best
    }

    pub(crate) fn bytes(&self) -> usize {
        let moments = self.latest.len() + self.begun.iter().map(Vec::len).sum::<usize>();
        moments * size_of::<Option<Timestamp>>() + self.begun.len() * size_of::<Vec<u64>>()
    }
}

/// Moves an ordered clause on, and gives when the chain that is complete now began.
fn advance(
    begun: &mut [Option<Timestamp>],
    clause: &Clause,
    time: Timestamp,
    rule: usize,
) -> Option<Timestamp> {
    let step = clause.with.iter().position(|place| *place == rule)?;
    let start = match step.checked_sub(1) {
        None => Some(time),
        Some(before) => begun.get(before).copied().flatten(),
    };
    if start.is_some() {
        *begun.get_mut(step)? = start;
    }
    start.filter(|_| step + 1 == clause.with.len())
}

/// Gives when the first of a clause's rules matched last, if all have and this is one of them.
fn all_since(latest: &[Option<Timestamp>], clause: &Clause, rule: usize) -> Option<Timestamp> {
    if !clause.with.contains(&rule) {
        return None;
    }
    clause
        .with
        .iter()
        .map(|place| latest.get(*place).copied().flatten())
        .collect::<Option<Vec<Timestamp>>>()?
        .into_iter()
        .min()
}

/// Gives the entries of the first stretch that holds the one at `at` and makes a clause true.
pub(crate) fn completed(
    entries: &VecDeque<Entry>,
    at: usize,
    clauses: &[Clause],
    timespan: Duration,
) -> Option<Range<usize>> {
    let newest = entries.get(at)?;
    let from = entries.partition_point(|entry| entry.time < newest.time.minus(timespan));
    let until = entries.partition_point(|entry| entry.time <= newest.time.plus(timespan));
    let found = |clause| completed_by(entries, at, from..until, clause, timespan);
    clauses.iter().find_map(found)
}

fn completed_by(
    entries: &VecDeque<Entry>,
    at: usize,
    near: Range<usize>,
    clause: &Clause,
    timespan: Duration,
) -> Option<Range<usize>> {
    let mut latest: Vec<Option<usize>> = vec![None; clause.with.len()];
    for (index, entry) in entries.iter().enumerate().take(near.end).skip(near.start) {
        let Some(step) = clause.with.iter().position(|place| *place == entry.place()) else {
            continue;
        };
        let first = if clause.ordered {
            let start = match step.checked_sub(1) {
                None => Some(index),
                Some(before) => latest.get(before).copied().flatten(),
            };
            if start.is_some() {
                *latest.get_mut(step)? = start;
            }
            start.filter(|_| step + 1 == clause.with.len())
        } else {
            *latest.get_mut(step)? = Some(index);
            latest
                .iter()
                .copied()
                .collect::<Option<Vec<usize>>>()
                .and_then(|all| all.into_iter().min())
        };
        let Some(first) = first.filter(|first| (*first..=index).contains(&at)) else { continue };
        let began = entries.get(first)?.time;
        if entry.time.since(began) <= timespan && is_silent(entries, index, clause, timespan) {
            return Some(first..index + 1);
        }
    }
    None
}

/// Tells whether none of the rules that must not have matched did in the timespan before an entry.
fn is_silent(entries: &VecDeque<Entry>, index: usize, clause: &Clause, timespan: Duration) -> bool {
    let Some(last) = entries.get(index).filter(|_| !clause.without.is_empty()) else { return true };
    let from = entries.partition_point(|entry| entry.time < last.time.minus(timespan));
    let mut before = entries.range(from..=index);
    before.all(|entry| !clause.without.contains(&entry.place()))
}
