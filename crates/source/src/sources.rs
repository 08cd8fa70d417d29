//! The inputs, one file each, and their table.

pub(crate) mod file;
pub(crate) mod http;
mod shared;
pub(crate) mod stdin;
pub(crate) mod syslog_tcp;
pub(crate) mod syslog_udp;
#[cfg(test)]
pub(crate) mod testing;

use crate::running::{SourceError, Starter};

/// One kind of input.
pub struct Source {
    /// Its name in the configuration, in the counters, and in `bartizan.input`.
    pub id: &'static str,
    /// What it reads, in a few words.
    pub summary: &'static str,
    pub(crate) start: fn(&mut Starter<'_>) -> Result<(), SourceError>,
}

/// All inputs, in reading order.
pub const SOURCES: &[Source] =
    &[syslog_udp::SOURCE, syslog_tcp::SOURCE, file::SOURCE, http::SOURCE, stdin::SOURCE];
