//! The bounds of the store.

use std::time::Duration;

use seal::Keyring;

use crate::keep::{KeepConfig, Surroundings};

/// The bounds of the store; [`Config::default`] suits one machine.
#[derive(Clone, Debug)]
pub struct Config {
    /// How many events the memory generation holds before it is written as segments.
    pub generation_events_max: u64,
    /// How many bytes, as encoded for the log, it holds before that.
    pub generation_bytes_max: u64,
    /// How old it grows before that.
    pub generation_age_max: Duration,
    /// How many full generations may wait to be written before appends are refused.
    pub generations_waiting_max: usize,
    /// How long an append waits for room in memory before it is refused.
    pub room_wait_max: Duration,
    /// How long it waits before segments are tried again that could not be written; longer each time.
    pub retry_after: Duration,
    /// How much memory all SQL queries together may take.
    pub sql_memory_bytes_max: usize,
    /// How much disk all SQL queries together may take for what does not fit that memory.
    pub sql_spill_bytes_max: u64,
    /// On how many threads one SQL query may run.
    pub sql_threads: usize,
    /// The keys that open what is sealed, and seal what is written; without them new files are
    /// plain. Files that are plain stay readable with them.
    pub keyring: Option<Keyring>,
    /// Whether what is written stays plain although there are keys: those are for reading then.
    pub write_plain: bool,
    /// For how long and how much is kept.
    pub keep: KeepConfig,
    /// How often the store is tidied: merged, and what is due deleted; without it only when
    /// [`crate::Store::keep`] is called.
    pub keep_every: Option<Duration>,
    /// Where the time and the room on the disk are told.
    pub surroundings: Surroundings,
}

impl Config {
    /// Gives the keys that seal what is written.
    pub(crate) fn sealing(&self) -> Option<&Keyring> {
        self.keyring.as_ref().filter(|_| !self.write_plain)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            generation_events_max: 50_000,
            generation_bytes_max: 24 << 20,
            generation_age_max: Duration::from_mins(10),
            generations_waiting_max: 2,
            room_wait_max: Duration::from_secs(5),
            retry_after: Duration::from_secs(1),
            sql_memory_bytes_max: 512 << 20,
            sql_spill_bytes_max: 4 << 30,
            sql_threads: 2,
            keyring: None,
            keep: KeepConfig::default(),
            keep_every: Some(Duration::from_secs(30)),
            surroundings: Surroundings::default(),
            write_plain: false,
        }
    }
}
