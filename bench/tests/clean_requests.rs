//! A request that holds nothing is let go without asking for memory.

use bench::allocations::{Counting, counts};
use inspect::{AccessLog, Request, inspect, inspect_access_log};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";

const TARGETS: &[&str] = &[
    "/",
    "/index.html",
    "/blog/2014/02/presentations-and-slides.html",
    "/shop/item?id=4711&colour=dark-blue&size=42",
    "/search?q=gardening&page=2&sort=price",
    "/api/v1/users/42/orders?limit=50&offset=100",
    "/static/js/app.3f2c1a.js?v=1.2.3",
];

#[test]
fn clean_requests_ask_for_no_memory() {
    let lines: Vec<AccessLog<'_>> = TARGETS
        .iter()
        .map(|target| AccessLog {
            method: "GET",
            target,
            referrer: Some("https://www.example.com/blog/"),
            user_agent: Some(AGENT),
        })
        .collect();
    let headers =
        [("Host", "www.example.com"), ("User-Agent", AGENT), ("Cookie", "session=4f1d; lang=en")];
    let whole = Request {
        method: "POST",
        target: "/cart",
        version: "HTTP/1.1",
        headers: &headers,
        body: b"item=17&count=2",
        whole: true,
    };
    // The tables are built once, by the first who asks.
    assert!(lines.iter().all(|line| !inspect_access_log(line).attack));
    assert!(!inspect(&whole).attack);
    for line in &lines {
        let before = counts().calls;
        let verdict = inspect_access_log(line);
        assert_eq!(counts().calls - before, 0, "{}", line.target);
        assert!(!verdict.attack);
    }
    let before = counts().calls;
    let verdict = inspect(&whole);
    assert_eq!(counts().calls - before, 0, "the whole request");
    assert!(!verdict.attack);
}
