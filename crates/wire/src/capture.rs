//! Packets as they pass.
#![allow(dead_code)]
mod filter;
pub use filter::FilterError;
mod ring;
mod sys;

pub(crate) use sys::datagrams_dropped;
