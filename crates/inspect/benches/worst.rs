//! The most processor time that one request can take: texts made to be slow, at two lengths. Where the
//! work is in proportion to the length, four times the length takes four times the time.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::hint::black_box;
use std::time::Duration;

use inspect::{Request, inspect};
use rustix::time::{ClockId, clock_gettime};

const LENGTHS: [usize; 2] = [16 * 1024, 64 * 1024];
const ROUNDS: usize = 5;

/// What is repeated, what stands before and behind.
const PATTERNS: &[&str] = &[
    "%25",
    "%2525",
    "%u0025",
    "%",
    "+",
    "&amp;",
    "&#38;",
    "&",
    "\\u005c",
    "\\",
    "\\x5c",
    "((((",
    "(",
    ")",
    "[",
    "{",
    "{{",
    "${",
    "${${",
    "${jndi:",
    "$(",
    "`",
    "'",
    "\"",
    "\\\"",
    "name=",
    "filename*0=a;",
    "'or '",
    "' or 1=1 ",
    "1 or ",
    "or ",
    "/*",
    "*/",
    "/*!",
    "--\n",
    "#\n",
    "union select ",
    "select(",
    "case when ",
    "0x41,",
    "a'||'",
    "char(65),",
    "<",
    "<a ",
    "<!--",
    "<script",
    "<svg/onload=",
    "<a b=\"",
    "<img src=x ",
    "onerror=",
    "javascript:",
    "&#x6a;",
    "../",
    "..\\",
    "./",
    "/",
    "//",
    "..;/",
    "etc/passwd",
    "%2e%2e%2f",
    ";",
    ";id",
    "|cat ",
    "&&",
    "$IFS",
    "a=b;",
    "cat /etc/passwd;",
    "c''at ",
    "\\\n",
    "\r\n",
    "\r\nA:",
    "%0d%0a",
    "$ne",
    "[$ne]=",
    "http://",
    "http://127.0.0.1/",
    "//a@b",
    "*)(",
    "(|(a=*",
    "(&(",
    "O:8:",
    "a:1:{",
    "s:1:\"a\";",
    "rO0AB",
    "<?php ",
    "<?",
    "<!ENTITY ",
    "<!DOCTYPE a [",
    "%a;",
    "<!--#",
    "{%",
    "{{7*",
    "#{",
    "<%=",
    "a",
    "A",
    "=",
    "QUJD",
    "JTI1",
    "é",
    "\u{ff1c}",
    "\0",
    "\u{3000}",
    "a,",
    "a b",
    "0",
    "1.",
    "x=1&",
    "a[b]=",
    "a=1;",
    "__proto__",
    "constructor[",
    "Nmap ",
    "sqlmap ",
    "and ",
    "not ",
    "like ",
    "sleep(",
    "waitfor delay ",
];

fn main() {
    let mut told: Vec<(Duration, f64, String)> = Vec::new();
    for (place, make) in PLACES {
        for pattern in PATTERNS {
            let [short, long] = LENGTHS.map(|length| {
                let text = pattern.repeat(length.div_ceil(pattern.len()));
                time(&make(&text))
            });
            let growth = long.as_secs_f64() / short.as_secs_f64().max(1e-9);
            told.push((long, growth, format!("{pattern:?} in {place}")));
        }
    }
    told.sort_by_key(|(time, ..)| *time);
    for (time, growth, name) in told.iter().rev().take(25) {
        println!(
            "{:>10.2} ms  {growth:>5.1} times the quarter's  {name}",
            time.as_secs_f64() * 1e3
        );
    }
    told.retain(|(time, growth, _)| *growth > 6.0 && *time > Duration::from_millis(2));
    for (time, growth, name) in told.iter().rev() {
        println!("grows: {:>10.2} ms  {growth:>5.1}  {name}", time.as_secs_f64() * 1e3);
    }
}

/// One request: the target, the headers, the body.
struct Made {
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// Where the text is put.
type Place = (&'static str, fn(&str) -> Made);

const PLACES: &[Place] = &[
    ("path", |text| Made { target: format!("/{text}"), headers: Vec::new(), body: String::new() }),
    ("query value", |text| Made {
        target: format!("/?a={text}"),
        headers: Vec::new(),
        body: String::new(),
    }),
    ("query", |text| Made {
        target: format!("/?{text}"),
        headers: Vec::new(),
        body: String::new(),
    }),
    ("user agent", |text| with("user-agent", text, "")),
    ("referrer", |text| with("referer", &format!("http://a/?b={text}"), "")),
    ("cookie", |text| with("cookie", text, "")),
    ("body", |text| with("content-type", "text/plain", text)),
    ("form", |text| with("content-type", "application/x-www-form-urlencoded", text)),
    ("JSON value", |text| {
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        with("content-type", "application/json", &format!("{{\"a\":\"{text}\"}}"))
    }),
    ("JSON", |text| with("content-type", "application/json", text)),
    ("multipart", |text| {
        let body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"{text}\"\r\n\r\n{text}\r\n--b--"
        );
        with("content-type", "multipart/form-data; boundary=b", &body)
    }),
    ("disposition", |text| {
        let head = format!("--b\r\nContent-Disposition: form-data; {text}\r\n\r\nv\r\n");
        with("content-type", "multipart/form-data; boundary=b", &head)
    }),
    ("content type", |text| {
        with("content-type", &format!("multipart/form-data; boundary=b; {text}"), "--b\n\nv--b")
    }),
];

fn with(name: &str, value: &str, body: &str) -> Made {
    Made {
        target: "/".to_owned(),
        headers: vec![(name.to_owned(), value.to_owned())],
        body: body.to_owned(),
    }
}

fn time(made: &Made) -> Duration {
    let headers: Vec<(&str, &str)> =
        made.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let request = Request {
        method: "POST",
        target: &made.target,
        version: "1.1",
        headers: &headers,
        body: made.body.as_bytes(),
        whole: true,
    };
    let rounds = (0..ROUNDS).map(|_| {
        let before = now();
        black_box(inspect(black_box(&request)));
        now().saturating_sub(before)
    });
    rounds.min().unwrap_or_default()
}

/// Gives the processor time of this thread so far.
fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or(0))
}
