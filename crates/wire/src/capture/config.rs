//! What the table `[capture]` of the configuration holds.

use serde::{Deserialize, Serialize};
use source::Fault;

use super::ring::BLOCK_BYTES;
use crate::flow::FlowConfig;
use crate::packets::PacketRingConfig;
use crate::traffic::{Home, HomeError};

const INTERFACES_MAX: usize = 64;
const THREADS_MAX: usize = 64;
const SNAP_BYTES_MIN: u32 = 64;
const SNAP_BYTES_MAX: u32 = 65_535;
const RING_MB_MAX: usize = 4096;
/// A table that holds less reads hardly anything.
const HELD_BYTES_MIN: usize = 8 << 20;
const FLOWS_MIN: usize = 1024;
const FLOWS_MAX: usize = 1 << 26;

/// `[capture]`: packets, from interfaces and from files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CaptureConfig {
    /// The interfaces that are listened on; none means no live capture.
    pub interfaces: Vec<String>,
    /// Which packets are taken, as libpcap's filter expressions say it; empty means all.
    pub filter: String,
    /// How many threads share the packets of each interface.
    pub threads: usize,
    /// Whether packets that are addressed to others are taken too.
    pub promiscuous: bool,
    /// How many bytes of each packet are taken.
    pub snap_bytes: u32,
    /// How much memory the kernel has for packets that wait, for each thread.
    pub ring_mb: usize,
    /// The networks that are one's own; none means the private ones.
    pub home: Vec<String>,
    /// How many flows each thread keeps at once.
    pub flows_max: usize,
    /// Capture files to read, as patterns; each file is read once.
    pub files: Vec<String>,
    /// Packets kept on disk.
    pub ring: PacketRingConfig,
}

impl Default for CaptureConfig {
    fn default() -> Self {
        Self {
            interfaces: Vec::new(),
            filter: String::new(),
            threads: 1,
            promiscuous: true,
            snap_bytes: SNAP_BYTES_MAX,
            ring_mb: 64,
            home: Vec::new(),
            flows_max: FlowConfig::default().flows_max,
            files: Vec::new(),
            ring: PacketRingConfig::default(),
        }
    }
}

impl CaptureConfig {
    /// Gives every fault at once; `path` is where the table stands, such as `capture`.
    pub fn validate(&self, path: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut add = |key: &str, message: String| {
            faults.push(Fault { path: format!("{path}.{key}"), message });
        };
        if self.interfaces.len() > INTERFACES_MAX {
            add("interfaces", format!("must be at most {INTERFACES_MAX}"));
        }
        for (place, name) in self.interfaces.iter().enumerate() {
            if self.interfaces.iter().take(place).any(|before| before == name) {
                add("interfaces", format!("`{name}` stands there twice"));
            }
            if name.is_empty() || name.len() > 15 || name.contains(['/', ' ', '\0']) {
                add("interfaces", format!("`{name}` is no name of an interface, such as eth0"));
            }
        }
        if !(1..=THREADS_MAX).contains(&self.threads) {
            add("threads", format!("must be between 1 and {THREADS_MAX}, but is {}", self.threads));
        }
        if !(SNAP_BYTES_MIN..=SNAP_BYTES_MAX).contains(&self.snap_bytes) {
            let have = self.snap_bytes;
            let message =
                format!("must be between {SNAP_BYTES_MIN} and {SNAP_BYTES_MAX}, but is {have}");
            add("snap_bytes", message);
        }
        if !(1..=RING_MB_MAX).contains(&self.ring_mb) {
            add("ring_mb", format!("must be between 1 and {RING_MB_MAX}, but is {}", self.ring_mb));
        }
        if !(FLOWS_MIN..=FLOWS_MAX).contains(&self.flows_max) {
            let message =
                format!("must be between {FLOWS_MIN} and {FLOWS_MAX}, but is {}", self.flows_max);
            add("flows_max", message);
        }
        if let Err(error) = self.home() {
            add("home", error.to_string());
        }
        for pattern in &self.files {
            if let Err(error) = glob::Pattern::new(pattern) {
                add("files", format!("`{pattern}` is no pattern: {error}"));
            }
        }
        self.ring.validate(&format!("{path}.ring"), &mut faults);
        faults
    }

    /// Gives the networks that are one's own.
    pub fn home(&self) -> Result<Home, HomeError> {
        Home::parse(&self.home)
    }

    /// Gives how flows are kept; `interfaces` are the names that packets refer to.
    pub(super) fn flows(&self, home: &Home, interfaces: Vec<String>) -> FlowConfig {
        let usual = FlowConfig::default();
        let tables = (self.threads * self.interfaces.len()).max(1);
        FlowConfig {
            // What flows say is held for all tables together.
            held_bytes_max: (usual.held_bytes_max / tables).max(HELD_BYTES_MIN),
            home: home.networks().collect(),
            flows_max: self.flows_max,
            interfaces,
            ..usual
        }
    }

    /// Gives how many blocks a ring has.
    pub(super) fn blocks(&self) -> usize {
        (self.ring_mb << 20).div_ceil(BLOCK_BYTES).max(2)
    }
}
