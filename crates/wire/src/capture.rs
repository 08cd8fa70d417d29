//! Packets as they pass: from interfaces, and from files that others have captured.
//!
//! Live, each thread has a ring that the kernel fills ([`ring`]); its packets go through a flow table
//! of its own, whose lines go to the store. What the kernel dropped is asked every second and told every
//! minute, of each interface. Where the right to capture is missing, one sentence tells how it is
//! granted, and everything else runs.

mod config;
mod files;
mod filter;
mod interface;
mod live;
mod ring;
mod standing;
mod sys;
#[cfg(test)]
mod tests;

pub use config::CaptureConfig;
pub use files::start_files;
pub use filter::FilterError;
pub use live::start_live;
pub use standing::Capturing;

pub(crate) use sys::datagrams_dropped;
#[cfg(test)]
pub(crate) use sys::enter_network;
