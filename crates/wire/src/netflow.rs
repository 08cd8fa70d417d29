//! Flow records of routers and firewalls: NetFlow 5 and 9, and IPFIX (RFC 3954, RFC 7011).
//!
//! Versions 9 and IPFIX tell first what their records hold, in templates, which are kept for each
//! exporter. What comes before its template cannot be read; it is counted and told. Numbers in the
//! messages tell what was lost on the way; where exporters count only one of several packets, the
//! amounts are multiplied by the rate that they tell.

mod config;
mod cursor;
mod exporters;
mod fields;
mod input;
mod record;
mod standing;
mod template;
#[cfg(test)]
mod tests;

pub use config::NetflowConfig;
pub use exporters::{EXPORTERS_MAX, Exporters};
pub use input::start;
pub use standing::Standing;
