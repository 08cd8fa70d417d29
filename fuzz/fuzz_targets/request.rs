//! Any request: target, headers and body cut from the bytes by zero bytes, and any answer to it.
#![no_main]

use inspect::{Answer, Request, inspect};
use libfuzzer_sys::fuzz_target;

/// Headers that change how the rest is read.
const NAMES: [&str; 8] = [
    "content-type",
    "transfer-encoding",
    "content-length",
    "origin",
    "referer",
    "cookie",
    "x-filename",
    "sec-fetch-site",
];

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(6, |byte| *byte == 0);
    let mut text = || std::str::from_utf8(parts.next().unwrap_or_default()).unwrap_or_default();
    let (target, name, value, agent, known) = (text(), text(), text(), text(), text());
    let chosen = NAMES[bytes.len() % NAMES.len()];
    // A type of its own may come twice: readers differ in which of the two they take.
    let headers = [("host", "shop.example"), (name, value), ("user-agent", agent), (chosen, known)];
    let body = bytes.rsplit(|byte| *byte == 0).next().unwrap_or_default();
    let request = Request {
        method: ["POST", "PUT", "GET"][bytes.len() % 3],
        target,
        version: "1.1",
        headers: &headers,
        body,
        whole: bytes.len() % 2 == 0,
    };
    let verdict = inspect(&request);
    assert!((0.0..=1.0).contains(&verdict.score));
    let answer = Answer {
        status: u16::try_from(bytes.len()).ok(),
        bytes: Some(1),
        milliseconds: Some(5_000),
        usual_bytes: Some(1 << 20),
        ..Answer::default()
    };
    assert!((0.0..=1.0).contains(&verdict.judge(&answer).score));
});
