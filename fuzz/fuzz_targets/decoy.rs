//! Any bytes, as a client of a decoy that is a machine: MySQL, PostgreSQL, MongoDB, Remote Desktop, SMB.
#![no_main]

use honeypot::rehearse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // A megabyte of questions has answers of a bounded size.
    assert!(rehearse(bytes) < 256 << 20);
});
