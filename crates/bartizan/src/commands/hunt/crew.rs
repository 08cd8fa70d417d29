//! Old files on all cores.
//!
//! Whoever is free takes the next piece of the files (reading is quick, and one does it at a time),
//! makes events of it, and examines them with the rules that need no other event. What was found
//! comes out in the order of the files, as if one had done it all.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use detect::{Engine, Memory};
use enrich::Lookup;
use model::{Detection, EventId, Timestamp};
use parse::Parser;
use sigma::RuleIndex;
use source::{Import, ImportFault, Piece, Progress};

use super::known::Known;
use crate::interrupt::Interrupt;

/// How many pieces each may have in hand or waiting behind an earlier one.
const PIECES_EACH_MAX: usize = 4;

/// What the crew works with.
pub(super) struct Work<'w> {
    pub(super) engine: &'w Engine,
    pub(super) parser: &'w Parser,
    pub(super) known: &'w Known,
    /// Events before and after are left out.
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) threads: usize,
    pub(super) interrupt: &'w Interrupt,
}

/// An event that a correlation waits for.
pub(super) struct Kept {
    pub(super) time: Timestamp,
    pub(super) id: EventId,
    pub(super) rules: Vec<RuleIndex>,
    /// The event, as [`model::Event::encode`] writes it.
    pub(super) bytes: Vec<u8>,
}

/// What came of a piece; ids count from 1 within it until [`Found::rebase`].
#[derive(Default)]
pub(super) struct Found {
    pub(super) events: u64,
    pub(super) detections: Vec<Detection>,
    pub(super) kept: Vec<Kept>,
    pub(super) progress: Progress,
}

impl Found {
    /// Moves all ids behind those of what came before.
    fn rebase(&mut self, before: u64) {
        for id in self.detections.iter_mut().flat_map(|detection| &mut detection.events) {
            id.0 += before;
        }
        for kept in &mut self.kept {
            kept.id.0 += before;
        }
    }
}

/// Gives how many threads there should be.
pub(super) fn threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Works through all files and hands on what is found, piece by piece, in order. Gives the import
/// back with the memories that the crew worked with.
pub(super) fn run(
    import: Import,
    work: &Work<'_>,
    each: &mut impl FnMut(Found) -> anyhow::Result<()>,
) -> anyhow::Result<(Import, Vec<Memory>)> {
    let pieces = Mutex::new((import, 0));
    let (done, results) = unbounded();
    // Whoever takes a piece needs leave, and gets it back only once all pieces before are handed
    // on: so what waits for an earlier piece is bounded.
    let permits = work.threads * PIECES_EACH_MAX;
    let (grant, leave) = bounded(permits);
    while grant.try_send(()).is_ok() {}
    let memories = thread::scope(|scope| {
        let crew: Vec<_> = (0..work.threads)
            .map(|_| {
                let (pieces, done, leave) = (&pieces, done.clone(), leave.clone());
                scope.spawn(move || one(pieces, work, &leave, &done))
            })
            .collect();
        // Only the crew holds these now: when it ends, the results end, and the other way round.
        drop((done, leave));
        let handed = hand_on(results, &grant, each);
        drop(grant);
        let memories = crew.into_iter().filter_map(|one| one.join().ok()).collect();
        handed.map(|()| memories)
    })?;
    let (import, _) = pieces.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((import, memories))
}

/// Hands on the results in the order of the pieces.
fn hand_on(
    results: Receiver<(u64, Found)>,
    grant: &Sender<()>,
    each: &mut impl FnMut(Found) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut early = BTreeMap::new();
    let (mut next, mut events) = (0, 0);
    for (number, found) in results {
        early.insert(number, found);
        while let Some(mut found) = early.remove(&next) {
            next += 1;
            found.rebase(events);
            events += found.events;
            each(found)?;
            // Nobody takes leave any more when all is read.
            let _ = grant.try_send(());
        }
    }
    Ok(())
}

/// What one of the crew does.
fn one(
    pieces: &Mutex<(Import, u64)>,
    work: &Work<'_>,
    leave: &Receiver<()>,
    done: &Sender<(u64, Found)>,
) -> Memory {
    let mut memory = Memory::default();
    let mut lookup = work.known.databases.lookup();
    while leave.recv().is_ok() && !work.interrupt.is_asked() {
        let (piece, number, progress) = {
            let mut taken = pieces.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(piece) = taken.0.next_piece() else { break };
            let number = taken.1;
            taken.1 += 1;
            (piece, number, taken.0.progress())
        };
        let mut found = Found { progress, ..Found::default() };
        let path = piece.path().to_owned();
        let examined = catch_unwind(AssertUnwindSafe(|| {
            examine(piece, pieces, work, (&mut memory, &mut lookup), &mut found);
        }));
        if examined.is_err() {
            // What was found until then counts, and the others go on.
            memory = Memory::default();
            let message = "a piece of it made the program fail, and was left".to_owned();
            pieces
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .0
                .report(ImportFault { path, message });
        }
        if done.send((number, found)).is_err() {
            break;
        }
    }
    memory
}

fn examine(
    piece: Piece,
    pieces: &Mutex<(Import, u64)>,
    work: &Work<'_>,
    (memory, lookup): (&mut Memory, &mut Lookup),
    found: &mut Found,
) {
    let mut opened = piece.open();
    pieces.lock().unwrap_or_else(PoisonError::into_inner).0.settle(&mut opened);
    for record in opened.records {
        let mut event = work.parser.parse(record);
        found.events += 1;
        if event.time < work.from || event.time > work.to {
            continue;
        }
        event.id = EventId(found.events);
        lookup.enrich(&mut event);
        // What these files would teach is not known yet: they are read in any order.
        work.engine.analyse(&mut event, &work.known.indicators);
        work.engine.examine(&event, memory, &mut found.detections);
        let rules: Vec<RuleIndex> = work.engine.followed(memory).collect();
        if !rules.is_empty() || Engine::is_watched(&event) {
            let mut bytes = Vec::new();
            event.encode(&mut bytes);
            found.kept.push(Kept { time: event.time, id: event.id, rules, bytes });
        }
    }
}
