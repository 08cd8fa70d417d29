//! The ledger of the store: where every event is.

/// What the store holds and what it did since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Events given to the store since it was opened, and decided upon; what is on its way to the
    /// disk is not counted yet.
    pub received: u64,
    /// Of those, the ones that could not be made durable and were refused.
    pub rejected: u64,
    /// Of those, the ones of batches that were sent again and were durable already.
    pub deduplicated: u64,
    /// Names of batches that had to be forgotten before their ten minutes were over.
    pub batches_forgotten: u64,
    /// Events that went since the store was opened because their time was over or room was needed.
    pub retired: u64,
    /// Events that went since the store was opened because somebody had them purged.
    pub purged: u64,
    /// Events in the log, not yet in segments.
    pub in_memory: u64,
    /// Events in segments.
    pub in_segments: u64,
    /// Events that were in segments when the store was opened.
    pub found: u64,
    /// Events read back from the log when the store was opened.
    pub replayed: u64,
    /// How many segments there are.
    pub segments: u64,
    /// The size of all segments, without their indexes.
    pub segment_bytes: u64,
    /// Their indexes' size on disk.
    pub index_bytes: u64,
    /// How often an index could not be read, so that its segment was searched whole.
    pub index_failures: u64,
    /// The size of the events in memory, as encoded for the log.
    pub memory_bytes: u64,
    /// Generations that wait to be written as segments.
    pub generations_waiting: u64,
    /// Damaged log files that were set aside.
    pub quarantined: u64,
    /// Segment files that the catalog does not list, set aside when the store was opened.
    pub orphans: u64,
    /// Segments that the catalog lists and that are missing on disk, or cannot be opened.
    pub missing: u64,
    /// Segments that are there and could not be read whole by somebody since the store was opened.
    pub damaged: u64,
    /// How often segments could not be written.
    pub flush_failures: u64,
    /// The first event identity that is free.
    pub next_id: u64,
    /// How often segments were merged.
    pub merges: u64,
    /// How many segments went into those.
    pub merged: u64,
    /// Of the retired events, those that were given up because there was no room on the disk.
    pub given_up: u64,
    /// How often the store could not be tidied.
    pub keep_failures: u64,
    /// Bytes that were free on the disk when it was last looked at.
    pub disk_free: u64,
    /// Bytes of the disk that stay free.
    pub disk_reserve: u64,
    /// Whether events are refused because nothing more can be given up.
    pub disk_is_full: bool,
    /// Of the rejected events, those that were refused because of it.
    pub refused_full: u64,
}

impl Stats {
    /// Tells whether every event is accounted for; it is, at any moment.
    pub fn is_balanced(&self) -> bool {
        self.found + self.replayed + self.received
            == self.in_segments
                + self.in_memory
                + self.rejected
                + self.deduplicated
                + self.retired
                + self.purged
    }
}
