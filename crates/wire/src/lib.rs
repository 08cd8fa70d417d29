//! Packets: capture, decoding, flows, what protocols say; and the port scan.
//!
//! A captured frame ([`Raw`]) is decoded into a [`Packet`], which belongs to a flow; the first bytes
//! of a flow tell its protocol, whose [`Dissector`] reads what it says. Flows and what protocols say
//! come out as [`Lines`] of JSON in the Elastic Common Schema, which the format `sensor` reads.
//!
//! Who captures hands frames in batches to `Flows` (in work): `Flows::new(FlowConfig)`,
//! `flows.read(&[Raw], &mut Lines, &mut impl Watch)`, `flows.advance(now_ns, &mut Lines)` when nothing
//! comes, `flows.finish(&mut Lines)` at the end, `flows.counters() -> Counters`.

pub mod capture;
mod clock;
mod community;
pub mod dissect;
mod flow;
mod json;
pub mod netflow;
mod packet;
mod tell;
#[cfg(test)]
mod testing;
pub mod traffic;

pub use dissect::{DISSECTORS, Dissector, Protocol};
pub use flow::{Counters, FlowConfig, NoWatch, Watch};
pub use json::{Clock, LIST_MAX, Lines, Object, TEXT_BYTES_MAX};
pub use packet::{Macs, Packet, Raw, Tcp, Transport, Tunnel, flags, link};
pub use tell::{About, Direction, Heading, Told};
