//! Whatever a capture file or a frame holds, it is read or told of, and nothing panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::{FlowConfig, Flows, Lines, PcapReader, Raw};

fuzz_target!(|bytes: &[u8]| {
    let config = FlowConfig { flows_max: 64, dissected_max: 16, ..FlowConfig::default() };
    let mut flows = Flows::new(config);
    let mut lines = Lines::default();
    // As a file, and as frames that each begin with their length and link.
    let mut reader = PcapReader::new();
    let _ = reader.feed(bytes, &mut |raws| flows.read_all(raws, &mut lines));
    let mut rest = bytes;
    let mut time_ns = 0;
    while let [length, link, after @ ..] = rest {
        let (frame, after) = after.split_at(usize::from(*length).min(after.len()));
        rest = after;
        time_ns += u64::from(*link) << 28;
        let link = [1, 0, 101, 113, 276][usize::from(*link) % 5];
        let wire_length = frame.len() as u32;
        flows.read_all(&[Raw { time_ns, wire_length, interface: 0, link, bytes: frame }], &mut lines);
    }
    assert!(flows.open() <= 64);
    while flows.finish_file(&mut lines) {}
    for line in lines.iter() {
        assert!(line.starts_with("{\"@timestamp\":\"") && line.ends_with('}'));
    }
});
