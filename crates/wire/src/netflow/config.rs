//! What the table `[netflow]` of the configuration holds.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use source::Fault;

use crate::traffic::Home;

const BUFFER_BYTES_MIN: usize = 65_536;
const BUFFER_BYTES_MAX: usize = 1 << 30;

/// `[netflow]`: flow records of routers and firewalls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetflowConfig {
    /// Whether it is on.
    pub enabled: bool,
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The networks of exporters that are believed; without any, everyone is.
    pub exporters: Vec<String>,
    /// How much the system is asked to hold back for us; it may grant less.
    pub receive_buffer_bytes: usize,
}

impl Default for NetflowConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 2055)),
            exporters: Vec::new(),
            receive_buffer_bytes: 8 * 1024 * 1024,
        }
    }
}

impl NetflowConfig {
    /// Gives every fault at once; `path` is where the table stands, such as `netflow`.
    pub fn validate(&self, path: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        if let Err(error) = self.believed() {
            faults.push(Fault { path: format!("{path}.exporters"), message: error.to_string() });
        }
        let buffer = self.receive_buffer_bytes;
        if !(BUFFER_BYTES_MIN..=BUFFER_BYTES_MAX).contains(&buffer) {
            let message = format!(
                "must be between {BUFFER_BYTES_MIN} and {BUFFER_BYTES_MAX}, but is {buffer}"
            );
            faults.push(Fault { path: format!("{path}.receive_buffer_bytes"), message });
        }
        faults
    }

    /// Gives the networks that are believed, or none where everyone is.
    pub(super) fn believed(&self) -> Result<Option<Home>, crate::traffic::HomeError> {
        if self.exporters.is_empty() { Ok(None) } else { Home::parse(&self.exporters).map(Some) }
    }
}
