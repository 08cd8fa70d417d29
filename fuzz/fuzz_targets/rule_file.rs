//! Any text, as a rule file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sigma::{RuleFile, RuleSet};

fuzz_target!(|text: &str| {
    let _ = RuleSet::load(&[RuleFile { path: "fuzz.yml".to_owned(), text: text.to_owned() }]);
});
