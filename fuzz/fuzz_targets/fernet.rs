//! Whatever a line holds, it opens only where its signature is right, and what was sealed opens.

#![no_main]

use libfuzzer_sys::fuzz_target;
use seal::Fernet;

const KEYS: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4= AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

fuzz_target!(|bytes: &[u8]| {
    let fernet = Fernet::from_text(KEYS).unwrap();
    let mut room = Vec::new();
    let _ = fernet.open(bytes, 0, &mut room);
    let token = fernet.seal(bytes, 1).unwrap();
    assert_eq!(fernet.open(token.as_bytes(), 1, &mut room), Ok(bytes));
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Fernet::from_text(text);
    }
});
