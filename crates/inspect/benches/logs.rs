//! What a line of each kind of access log costs on the way to an event, and the inspection of that event,
//! in processor time: everyday requests, made anew each round.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use inspect::{AccessLog, inspect_access_log};
use model::{Clock, Event, Field, Origin, Record, Text, Timestamp};
use parse::Parser;
use rustix::time::{ClockId, clock_gettime};

const ROUNDS: usize = 15;
const LINES: usize = 10_000;
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// What the lines are, and how the line of a number is made.
type Shape = (&'static str, fn(usize) -> String);

#[expect(clippy::print_stdout, reason = "a bench tells its figures")]
fn main() {
    println!("{:<16} {:>10} {:>10} {:>8}", "ns a line", "event", "inspection", "of one");
    let mut first = None;
    for (name, make) in SHAPES {
        let (parse, inspect) = measure(&records(name, *make));
        let share = parse / *first.get_or_insert(parse);
        println!("{name:<16} {parse:>10.0} {inspect:>10.0} {share:>8.2}");
    }
}

/// Gives the least processor time that a line took to become an event, and the event to be inspected.
fn measure(records: &[Record]) -> (f64, f64) {
    let parser = Parser::default();
    let lines = f64::from(u32::try_from(records.len()).unwrap_or(u32::MAX));
    let each = |time: Duration| time.as_secs_f64() / lines * 1e9;
    let (mut parse, mut inspect) = (f64::INFINITY, f64::INFINITY);
    let mut spent: Vec<Event> = Vec::new();
    for _ in 0..ROUNDS {
        let batch = records.to_vec();
        let before = now();
        let events: Vec<Event> = batch
            .into_iter()
            .map(|record| match spent.pop() {
                Some(old) => parser.parse_again(record, old),
                None => parser.parse(record),
            })
            .collect();
        parse = parse.min(each(now().saturating_sub(before)));
        let before = now();
        for event in &events {
            black_box(inspect_access_log(&AccessLog {
                method: event.text(Field::RequestMethod).unwrap_or_default(),
                target: event.text(Field::UrlOriginal).unwrap_or_default(),
                referrer: event.text(Field::RequestReferrer),
                user_agent: event.text(Field::UserAgentOriginal),
            }));
        }
        inspect = inspect.min(each(now().saturating_sub(before)));
        spent = black_box(events);
    }
    (parse, inspect)
}

/// Gives the processor time of this thread so far.
fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or(0))
}

const SHAPES: &[Shape] = &[
    ("combined", |n| {
        format!(
            "203.0.113.{} - - [21/Nov/2026:06:58:{:02} +0000] \"GET /shop/item?id={n}&page=2 HTTP/1.1\" 200 {n} \"https://www.example.org/start\" \"{AGENT}\"",
            n % 255,
            n % 60
        )
    }),
    ("common", |n| {
        format!(
            "203.0.113.{} - - [21/Nov/2026:06:58:{:02} +0000] \"GET /shop/item?id={n}&page=2 HTTP/1.1\" 200 {n}",
            n % 255,
            n % 60
        )
    }),
    ("Traefik", |n| {
        format!(
            "203.0.113.{} - - [21/Nov/2026:06:58:{:02} +0000] \"GET /shop/item?id={n}&page=2 HTTP/1.1\" 200 {n} \"https://www.example.org/start\" \"{AGENT}\" {n} \"web@docker\" \"http://192.0.2.10:80\" 12ms",
            n % 255,
            n % 60
        )
    }),
    ("IIS", |n| {
        format!(
            "2026-11-21 06:58:{:02} 192.0.2.1 GET /shop/item id={n}&page=2 443 - 203.0.113.{} {} https://www.example.org/start 200 0 0 15",
            n % 60,
            n % 255,
            AGENT.replace(' ', "+")
        )
    }),
    ("IIS, named", |n| {
        format!(
            "2026-11-21 06:58:{:02} 192.0.2.1 GET /shop/item id={n}&page=2 443 - 203.0.113.{} {} https://www.example.org/start 200 0 0 15",
            n % 60,
            n % 255,
            AGENT.replace(' ', "+")
        )
    }),
    ("HAProxy", |n| {
        format!(
            "203.0.113.{}:51514 [21/Nov/2026:06:58:{:02}.123] web~ app/app1 10/0/30/69/109 200 {n} - - ---- 1/1/1/1/0 0/0 {{www.example.org|{AGENT}|https://www.example.org/start}} \"GET /shop/item?id={n}&page=2 HTTP/1.1\"",
            n % 255,
            n % 60
        )
    }),
    ("ALB", |n| {
        format!(
            "https 2026-11-21T06:58:{:02}.186641Z app/web/490d68 203.0.113.{}:44740 192.0.2.10:80 0.086 0.048 0.037 200 200 120 {n} \"GET https://www.example.org:443/shop/item?id={n}&page=2 HTTP/1.1\" \"{AGENT}\" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/t/7 \"Root=1-5\" \"www.example.org\" \"-\" 1 2026-11-21T06:58:00.186000Z \"forward\" \"-\" \"-\" \"192.0.2.10:80\" \"200\" \"-\" \"-\"",
            n % 60,
            n % 255
        )
    }),
    ("classic ELB", |n| {
        format!(
            "2026-11-21T06:58:{:02}.186641Z web 203.0.113.{}:44740 192.0.2.10:80 0.086 0.048 0.037 200 200 120 {n} \"GET https://www.example.org:443/shop/item?id={n}&page=2 HTTP/1.1\" \"{AGENT}\" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2",
            n % 60,
            n % 255
        )
    }),
    ("CloudFront", |n| {
        format!(
            "2026-11-21\t06:58:{:02}\tCDG50-P2\t{n}\t203.0.113.{}\tGET\td1.cloudfront.net\t/shop/item\t200\thttps://www.example.org/start\t{}\tid={n}&page=2\t-\tMiss\t375WZm==\twww.example.org\thttps\t62\t0.113\t-\tTLSv1.3\tTLS_AES_128_GCM_SHA256\tMiss\tHTTP/2.0\t-\t-\t51754\t0.113\tMiss\ttext/html\t20\t-\t-",
            n % 60,
            n % 255,
            AGENT.replace(' ', "%20")
        )
    }),
    ("Envoy", |n| {
        format!(
            "[2026-11-21T06:58:{:02}.123Z] \"GET /shop/item?id={n}&page=2 HTTP/1.1\" 200 - 0 {n} 15 14 \"203.0.113.{}\" \"{AGENT}\" \"cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2\" \"www.example.org\" \"192.0.2.10:80\"",
            n % 60,
            n % 255
        )
    }),
    ("Squid", |n| {
        format!(
            "1795244280.123    245 203.0.113.{} TCP_MISS/200 {n} GET http://www.example.org/shop/item?id={n}&page=2 - HIER_DIRECT/198.51.100.7 text/html",
            n % 255
        )
    }),
    ("nginx JSON", |n| {
        format!(
            "{{\"time\":\"2026-11-21T06:58:{:02}+00:00\",\"remote_addr\":\"203.0.113.{}\",\"request_method\":\"GET\",\"request_uri\":\"/shop/item?id={n}&page=2\",\"status\":\"200\",\"body_bytes_sent\":\"{n}\",\"request_time\":\"0.005\",\"http_referer\":\"https://www.example.org/start\",\"http_user_agent\":\"{AGENT}\"}}",
            n % 60,
            n % 255
        )
    }),
    ("Traefik JSON", |n| {
        format!(
            "{{\"ClientAddr\":\"203.0.113.{}:39496\",\"ClientHost\":\"203.0.113.9\",\"DownstreamContentSize\":{n},\"DownstreamStatus\":200,\"Duration\":357313,\"RequestHost\":\"www.example.org\",\"RequestMethod\":\"GET\",\"RequestPath\":\"/shop/item?id={n}&page=2\",\"StartUTC\":\"2026-11-21T06:58:00Z\",\"request_User-Agent\":\"{AGENT}\",\"request_Referer\":\"https://www.example.org/start\",\"time\":\"2026-11-21T06:58:{:02}Z\"}}",
            n % 255,
            n % 60
        )
    }),
    ("Caddy", |n| {
        format!(
            "{{\"level\":\"info\",\"ts\":1795244{}.25,\"logger\":\"http.log.access\",\"msg\":\"handled request\",\"request\":{{\"remote_ip\":\"203.0.113.{}\",\"client_ip\":\"203.0.113.9\",\"proto\":\"HTTP/2.0\",\"method\":\"GET\",\"host\":\"www.example.org\",\"uri\":\"/shop/item?id={n}&page=2\",\"headers\":{{\"User-Agent\":[\"{AGENT}\"],\"Referer\":[\"https://www.example.org/start\"],\"Accept\":[\"*/*\"]}}}},\"duration\":0.0027,\"size\":{n},\"status\":200}}",
            280 + n % 60,
            n % 255
        )
    }),
];

/// The columns that the log of a shape has named.
const COLUMNS: &[(&str, &str)] = &[(
    "IIS, named",
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken",
)];

/// Gives the records as a source does: all of one chunk.
fn records(name: &str, make: fn(usize) -> String) -> Vec<Record> {
    let mut chunk = String::new();
    let ranges: Vec<_> = (0..LINES)
        .map(|n| {
            let start = chunk.len();
            chunk.push_str(&make(n));
            start..chunk.len()
        })
        .collect();
    let chunk: Arc<str> = Arc::from(chunk);
    let received_at = Timestamp::parse("2026-11-21T07:00:00Z").unwrap_or_default();
    let columns = COLUMNS.iter().find(|(shape, _)| *shape == name);
    let origin = Arc::new(Origin {
        input: "file".to_owned(),
        clock: Clock::File(received_at),
        columns: columns.map(|(_, columns)| Arc::from(*columns)),
        ..Origin::default()
    });
    ranges
        .into_iter()
        .filter_map(|range| {
            Some(Record {
                text: Text::slice(&chunk, range)?,
                received_at,
                origin: Arc::clone(&origin),
                truncated_bytes: 0,
                escaped_bytes: 0,
            })
        })
        .collect()
}
