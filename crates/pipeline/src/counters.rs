//! What the line has done, for people to see.

use std::sync::atomic::{AtomicU64, Ordering};

use model::{Event, Field};
use parse::FORMATS;

/// Counts since the start; any thread may read them at any time.
#[derive(Debug)]
pub struct Counters {
    pub(crate) records: AtomicU64,
    pub(crate) stored: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) retries: AtomicU64,
    pub(crate) panics: AtomicU64,
    pub(crate) detections: AtomicU64,
    pub(crate) detections_dropped: AtomicU64,
    /// What correlations forgot: groups, matches, and matches that came too late.
    forgotten: [AtomicU64; 3],
    /// One for each row of the format table, and a last one for what no format recognised.
    formats: Vec<AtomicU64>,
}

/// The counts at one moment.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Records that came down the line.
    pub records: u64,
    /// Events made durable.
    pub stored: u64,
    /// Events that could not be made durable and whose sender was told so.
    pub rejected: u64,
    /// Times that a group had to be tried again because the disk refused it.
    pub retries: u64,
    /// Records on which a format panicked (they were kept as unknown), and events on which a rule did.
    pub panics: u64,
    /// Detections made.
    pub detections: u64,
    /// Detections lost because alerts could not be written for too long.
    pub detections_dropped: u64,
    /// Groups that correlations let go before their time was over.
    pub groups_evicted: u64,
    /// Matches that correlations let go because their group held too many.
    pub matches_evicted: u64,
    /// Matches that came too late for their correlation.
    pub matches_late: u64,
    /// Events by the format that recognised them, `unknown` last.
    pub formats: Vec<FormatCount>,
}

/// How many events one format recognised.
#[derive(Clone, Debug)]
pub struct FormatCount {
    /// The format's id.
    pub format: &'static str,
    /// How many.
    pub events: u64,
}

impl Default for Counters {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            records: zero(),
            stored: zero(),
            rejected: zero(),
            retries: zero(),
            panics: zero(),
            detections: zero(),
            detections_dropped: zero(),
            forgotten: [zero(), zero(), zero()],
            formats: (0..=FORMATS.len()).map(|_| zero()).collect(),
        }
    }
}

impl Counters {
    /// Gives the counts as they are now.
    pub fn totals(&self) -> Totals {
        let [groups_evicted, matches_evicted, matches_late] = self.forgotten.each_ref().map(read);
        let names = FORMATS.iter().map(|format| format.id).chain(["unknown"]);
        let formats = names
            .zip(&self.formats)
            .map(|(format, count)| FormatCount { format, events: read(count) })
            .collect();
        Totals {
            records: read(&self.records),
            stored: read(&self.stored),
            rejected: read(&self.rejected),
            retries: read(&self.retries),
            panics: read(&self.panics),
            detections: read(&self.detections),
            detections_dropped: read(&self.detections_dropped),
            groups_evicted,
            matches_evicted,
            matches_late,
            formats,
        }
    }

    /// Shows what the correlations have forgotten until now.
    pub(crate) fn show_forgotten(&self, rules: detect::Counters) {
        let [groups, matches, late] = &self.forgotten;
        groups.store(rules.groups_evicted, Ordering::Relaxed);
        matches.store(rules.entries_evicted, Ordering::Relaxed);
        late.store(rules.late, Ordering::Relaxed);
    }

    /// Counts an event for the format that recognised it.
    pub(crate) fn count_format(&self, event: &Event) {
        let module = event.text(Field::EventModule).unwrap_or_default();
        let row = FORMATS.iter().position(|format| format.id == module);
        if let Some(count) = self.formats.get(row.unwrap_or(FORMATS.len())) {
            add(count, 1);
        }
    }
}

/// Adds to a count.
pub(crate) fn add(count: &AtomicU64, more: usize) {
    count.fetch_add(u64::try_from(more).unwrap_or(u64::MAX), Ordering::Relaxed);
}

fn read(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}
