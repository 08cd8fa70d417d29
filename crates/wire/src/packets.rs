//! A bounded ring of packets on disk, so that what an alert speaks of can be looked at afterwards.
//!
//! Packets lie in plain pcapng files, for their owner alone, which any analyser reads. Beside each full
//! file stands an index: which flows have packets in which piece of it. When the ring has its size, the
//! oldest file goes. What the disk cannot take at the speed it comes is left out, and counted.

mod find;
mod format;
mod index;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use source::Fault;

pub use find::{Found, Wanted, WantedError, find, give};
pub(crate) use writer::Recorder;

/// Less would not hold a handful of files.
const MEGABYTES_MIN: u64 = 16;
const MEGABYTES_MAX: u64 = 64 * 1024 * 1024;

/// `[capture.ring]`: packets kept on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PacketRingConfig {
    /// Whether packets are kept.
    pub enabled: bool,
    /// Where they lie; `packets` in the data folder where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
    /// How much they may take together, with what finds them.
    pub megabytes: u64,
}

impl Default for PacketRingConfig {
    fn default() -> Self {
        Self { enabled: false, dir: None, megabytes: 1024 }
    }
}

impl PacketRingConfig {
    /// Gives the folder; `data` is where everything else is kept.
    pub fn folder(&self, data: &Path) -> PathBuf {
        self.dir.clone().unwrap_or_else(|| data.join("packets"))
    }

    /// Gives the folder where packets are kept, if they are.
    pub fn kept_in(&self, data: &Path) -> Option<PathBuf> {
        self.enabled.then(|| self.folder(data))
    }

    pub(crate) fn validate(&self, path: &str, faults: &mut Vec<Fault>) {
        if !(MEGABYTES_MIN..=MEGABYTES_MAX).contains(&self.megabytes) {
            let message = format!(
                "must be between {MEGABYTES_MIN} and {MEGABYTES_MAX}, but is {}",
                self.megabytes
            );
            faults.push(Fault { path: format!("{path}.megabytes"), message });
        }
    }
}
