//! Bytes to Event: one file a log format.
//!
//! A record goes through at most two layers. Its frame is read first (a syslog header, or none);
//! what is left, the message, is then read by the first format of [`FORMATS`] that recognises it.
//! What no format recognises is an event all the same, with the module `unknown`; its time, level,
//! addresses and log-ins are read as far as they can be told without knowing its writer.

mod address;
mod claim;
mod dialect;
mod dns;
mod epoch;
mod format;
mod formats;
mod frame;
mod glean;
mod modsecurity;
mod moment;
mod object;
mod parser;
mod quoted;
mod web;

pub use format::{Context, Format, ParseError};
pub use formats::FORMATS;
pub use parser::{Parser, ParserConfig};
