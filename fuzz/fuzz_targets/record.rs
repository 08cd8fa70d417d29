//! Any record, through every format: an event comes out, its record untouched, its JSON valid UTF-8.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use model::{Clock, Origin, Record, Text, Timestamp};
use parse::{FORMATS, Parser, ParserConfig};

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    // The first byte chooses the format: the automatic one, or any of the table by force.
    let row = FORMATS.get(usize::from(*first) % (FORMATS.len() + 1));
    let parser = row.and_then(|format| Parser::with_format(format.id));
    let parser = parser.unwrap_or_else(|| Parser::new(ParserConfig::default()));
    let received_at = Timestamp::from_seconds(1_780_000_000);
    let clock = if first % 2 == 0 { Clock::Live } else { Clock::File(received_at) };
    // A first line may name the columns, as a log does.
    let named = text.strip_prefix("#Fields:").and_then(|rest| rest.split_once('\n'));
    let (columns, text) = named.map_or((None, text), |(names, text)| (Some(names.into()), text));
    let event = parser.parse(Record {
        text: Text::from(text),
        received_at,
        origin: Arc::new(Origin { clock, columns, ..Origin::default() }),
        truncated_bytes: 0,
        escaped_bytes: 0,
    });
    assert_eq!(event.original(), text);
    let _ = event.to_json();
});
