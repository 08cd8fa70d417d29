//! Any bytes, as a visitor of the decoy `rdp` sends them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| honeypot::fuzzing::fuzz("rdp", bytes));
