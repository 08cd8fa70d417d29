//! Whatever an event file holds, it is read or told of, and nothing panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use parse::Parser;

fuzz_target!(|bytes: &[u8]| {
    // The header says nothing that we believe; a chunk without its first bytes is not looked at.
    let mut file = vec![0; 4096];
    file.extend_from_slice(b"ElfChnk\0");
    file.extend_from_slice(bytes);
    let parser = Parser::default();
    for record in source::read_event_file(&file).records {
        let event = parser.parse(record);
        let _ = event.to_json();
    }
});
