//! Any bytes as a model of requests: an error, or a model that judges.
#![no_main]

use detect::models::{Model, features};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(model) = Model::decode(bytes) {
        let judged = model.judge(&features(b"/x?y=z", b""));
        assert!(judged.surprise.is_finite());
    }
    // With a right checksum, so that what lies behind it is read too.
    let mut whole = [b"bartmdl1", bytes].concat();
    whole.extend(crc32fast::hash(&whole).to_le_bytes());
    if let Ok(model) = Model::decode(&whole) {
        let judged = model.judge(&features(bytes, b"a=1"));
        assert!(judged.surprise.is_finite() && (0.0..=1.0).contains(&judged.forest));
        let again = Model::decode(&model.encode()).expect("what was read can be written");
        assert_eq!(again.encode(), model.encode());
        assert_eq!(again.identity(), model.identity());
    }
});
