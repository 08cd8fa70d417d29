//! The first half of the line: records to events.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, Sender};
use detect::{Engine, Indicators};
use enrich::Lookup;
use model::{BATCH_KEY, Batch, Checkpoint, Event, EventId, Field, Receipt, Record};
use parse::Parser;

use crate::Counters;
use crate::counters::add;

/// Bounds how many records are made durable by one sync; enough to make the sync cheap per event,
/// few enough that the first of them does not wait long.
const GROUP_RECORDS_MAX: usize = 8_192;
/// Bounds the text of a group, far below what one record of the write-ahead log may hold.
const GROUP_BYTES_MAX: usize = 8 << 20;

/// Batches that become durable together.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) batches: Vec<Parsed>,
}

/// One batch, read.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) events: Vec<Arc<Event>>,
    pub(crate) checkpoints: Vec<Checkpoint>,
    pub(crate) receipt: Option<Receipt>,
}

impl Parsed {
    /// Gives the name by which the batch is known when it is sent again.
    pub(crate) fn name(&self) -> Option<&str> {
        let mut keys = self.checkpoints.iter().map(|checkpoint| checkpoint.key.as_str());
        keys.find(|key| key.starts_with(BATCH_KEY))
    }
}

/// Turns records into events.
pub(crate) struct Reader {
    pub(crate) parser: Parser,
    /// Where addresses are, and whose.
    pub(crate) lookup: Lookup,
    pub(crate) rules: Arc<ArcSwap<Engine>>,
    /// The addresses that the other half knows to be up to no good.
    pub(crate) indicators: Arc<ArcSwap<Indicators>>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) next_id: u64,
}

impl Reader {
    /// Reads batches until every source is gone, and hands them on in groups.
    pub(crate) fn run(mut self, inlet: &Receiver<Batch>, outlet: &Sender<Group>) {
        while let Ok(first) = inlet.recv() {
            let mut group = Group::default();
            let (mut records, mut bytes) = size(&first);
            group.batches.push(self.read(first));
            while records < GROUP_RECORDS_MAX
                && bytes < GROUP_BYTES_MAX
                && let Ok(batch) = inlet.try_recv()
            {
                let (more_records, more_bytes) = size(&batch);
                records += more_records;
                bytes += more_bytes;
                group.batches.push(self.read(batch));
            }
            if outlet.send(group).is_err() {
                return;
            }
        }
    }

    fn read(&mut self, batch: Batch) -> Parsed {
        add(&self.counters.records, batch.records.len());
        let engine = self.rules.load();
        let indicators = self.indicators.load();
        let records = batch.records.into_iter();
        let events = records.map(|record| self.event(record, &engine, &indicators)).collect();
        Parsed { events, checkpoints: batch.checkpoints, receipt: batch.receipt }
    }

    fn event(&mut self, record: Record, engine: &Engine, indicators: &Indicators) -> Arc<Event> {
        let kept = record.clone();
        // A fault of ours in one format must cost one record its fields, not everybody the line.
        let read = catch_unwind(AssertUnwindSafe(|| {
            let mut event = self.parser.parse(record);
            self.lookup.enrich(&mut event);
            engine.analyse(&mut event, indicators);
            event
        }));
        let mut event = read.unwrap_or_else(|_| {
            add(&self.counters.panics, 1);
            let mut event = Event::new(kept.text, kept.received_at);
            event.set(Field::EventModule, "unknown");
            event.set(Field::Input, &kept.origin.input);
            event.set(Field::ErrorMessage, "a format panicked on this record");
            event
        });
        event.id = EventId(self.next_id);
        self.next_id += 1;
        self.counters.count_format(&event);
        Arc::new(event)
    }
}

/// Gives how many records a batch holds, and how much text.
fn size(batch: &Batch) -> (usize, usize) {
    (batch.records.len(), batch.records.iter().map(|record| record.text.len()).sum())
}
