//! Any request: target, headers and body cut from the bytes by zero bytes.
#![no_main]

use inspect::{Request, inspect};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(5, |byte| *byte == 0);
    let mut text = || std::str::from_utf8(parts.next().unwrap_or_default()).unwrap_or_default();
    let (target, name, value, agent) = (text(), text(), text(), text());
    let headers = [(name, value), ("user-agent", agent)];
    let body = bytes.rsplit(|byte| *byte == 0).next().unwrap_or_default();
    let request = Request {
        method: "POST",
        target,
        version: "1.1",
        headers: &headers,
        body,
        whole: bytes.len() % 2 == 0,
    };
    let verdict = inspect(&request);
    assert!((0.0..=1.0).contains(&verdict.score));
});
