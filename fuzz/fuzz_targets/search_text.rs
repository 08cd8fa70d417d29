//! Any text, as a search and as the record that is searched.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::{Event, Text, Timestamp};
use query::Predicate;

fuzz_target!(|text: &str| {
    if let Ok(predicate) = Predicate::parse(text) {
        let _ = predicate.matches(&Event::new(Text::from(text), Timestamp::default()));
    }
});
