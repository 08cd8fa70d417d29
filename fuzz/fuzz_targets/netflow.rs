//! Any bytes, cut into datagrams, read as flow records of one exporter.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use libfuzzer_sys::fuzz_target;
use wire::Lines;
use wire::netflow::Exporters;
use wire::traffic::{Home, Traffic};

fuzz_target!(|bytes: &[u8]| {
    let mut exporters = Exporters::new(Home::default());
    let mut traffic = Traffic::of_the_past();
    let mut lines = Lines::default();
    for datagram in bytes.split(|byte| *byte == 0xFE) {
        let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
        exporters.read(from, datagram, 1, &mut lines, &mut traffic);
    }
    exporters.close_minute(0, &mut lines);
    traffic.close_minute(0, &mut lines);
});
