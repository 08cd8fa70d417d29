//! Packets: capture, decoding, flows, what protocols say; and the port scan.

pub mod scan;
