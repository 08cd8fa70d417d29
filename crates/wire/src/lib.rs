//! Packets: capture, decoding, flows, what protocols say; and the port scan.
//!
//! A captured frame ([`Raw`]) is decoded into a [`Packet`], which belongs to a flow; the first bytes
//! of a flow tell its protocol, whose [`Dissector`] reads what it says. Flows and what protocols say
//! come out as [`Lines`] of JSON in the Elastic Common Schema, which the format `sensor` reads.
//!
//! Who captures hands frames in batches to [`Flows`]: [`Flows::read`] as they come, [`Flows::advance`]
//! where none come, [`Flows::finish`] at the end.

pub mod capture;
mod clock;
mod community;
mod decode;
pub mod dissect;
mod file;
mod flow;
mod import;
mod json;
pub mod netflow;
mod packet;
pub mod packets;
pub mod scan;
mod select;
mod tell;
#[cfg(test)]
mod testing;
pub mod traffic;

pub use decode::{Decoded, Fragment, decode};
pub use dissect::{DISSECTORS, Dissector, Protocol};
pub use file::{FileFault, PcapReader, PcapWriter};
pub use flow::{Counters, FlowConfig, Flows, NoWatch, Seen, Watch};
pub use import::READERS;
pub use json::{Clock, LIST_MAX, Lines, Object, TEXT_BYTES_MAX};
pub use packet::{Macs, Packet, Raw, Tcp, Transport, Tunnel, flags, link};
pub use select::Selector;
pub use tell::{About, Direction, Heading, Told};
