//! The port scan: which machines answer on which ports, what serves there, and what changed.
//!
//! [`run`] makes a scan: probes go out as fast as the link and the targets bear, each that stays
//! unanswered is sent again, and what accepts is asked who it is. [`compare`] sets it against earlier
//! scans, and [`Ended`] tells it as events. [`start`] does so by schedule beside the inputs.

mod config;
mod foreign;
mod history;
mod identify;
mod pace;
mod ports;
mod probe;
mod report;
mod run;
mod segment;
mod sensor;
mod services;
mod sockets;
mod sweep;
mod syn;
mod targets;
mod tls;

pub use config::{Config, Fault, Schedule};
pub use foreign::{Foreign, ForeignFault};
pub use history::{Change, Known, PastRun, Turn, compare, diff};
pub use ports::{PortFault, Ports, Transport};
pub use probe::{Progress, State};
pub use report::{Ended, new_id};
pub use run::{
    Asks, Found, HOSTS_MAX, HostCount, Look, Outcome, PROBES_MAX, Plan, RETRIES_MAX, ScanError,
    Way, run,
};
pub use sensor::{COMPARED_MAX, Records, compared_with, start};
pub use services::Service;
pub use targets::{Resolve, TargetFault, Targets, resolve, resolve_nothing};
pub use tls::Certificate;
