//! Any bytes, read as an event of the write-ahead log.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::{Event, FieldNames};

fuzz_target!(|bytes: &[u8]| {
    let names = FieldNames::parse(&FieldNames::current());
    let mut rest = bytes;
    if let Ok(event) = Event::decode(&mut rest, &names) {
        let _ = event.to_json();
        let mut again = Vec::new();
        event.encode(&mut again);
    }
});
