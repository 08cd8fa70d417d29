//! `inspect` on access logs: whatever wrote a line, the request in it gets the same verdict.

use serde_json::{Value, json};

use crate::commands::run;
use crate::product::{Place, bartizan};

const ATTACK: &str = "/search?q=1%27%20UNION%20SELECT%20password%20FROM%20users--";
const BENIGN: &str = "/search?q=green+tea&page=2";
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64)";

#[test]
fn the_same_request_in_every_log_has_the_same_verdict() {
    let place = Place::new();
    let log = place.path("access.log");
    for (target, attack) in [(ATTACK, true), (BENIGN, false)] {
        let lines = logs(target);
        let text: Vec<&str> = lines.iter().map(|(_, line)| line.as_str()).collect();
        std::fs::write(&log, text.join("\n")).unwrap();
        let ran = run(bartizan().arg("inspect").arg(&log));
        assert_eq!((ran.code, &*ran.errors), (Some(0), ""), "{}", ran.out);
        let verdicts = ran.json();
        assert_eq!(verdicts.len(), lines.len());
        for ((log, _), verdict) in lines.iter().zip(&verdicts) {
            assert_eq!(told(verdict), told(&verdicts[0]), "{log}");
            assert_eq!(verdict["attack"], attack, "{log}");
        }
    }
}

/// What must be the same of a verdict whoever logged the request.
fn told(verdict: &Value) -> [Value; 6] {
    ["attack", "classes", "score", "adjusted_score", "outcome", "evidence"]
        .map(|name| verdict[name].clone())
}

fn logs(target: &str) -> Vec<(&'static str, String)> {
    let combined = format!(
        "198.51.100.7 - - [21/Nov/2026:06:58:00 +0000] \"GET {target} HTTP/1.1\" 200 5120 \"-\" \"{AGENT}\""
    );
    let alb = format!(
        "http 2026-11-21T06:58:00.000000Z app/my/50dc6c 198.51.100.7:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 34 5120 \"GET http://www.example.org:80{target} HTTP/1.1\" \"{AGENT}\" - - arn:aws:x \"Root=1-5833\" \"-\" \"-\" 0 2026-11-21T06:58:00.000000Z \"forward\" \"-\" \"-\" \"10.0.0.1:80\" \"200\" \"-\" \"-\""
    );
    [("combined", combined), ("alb", alb)].into_iter().chain(json_logs(target)).collect()
}

fn json_logs(target: &str) -> impl Iterator<Item = (&'static str, String)> {
    let (path, query) = target.split_once('?').unwrap();
    let lines = [
        (
            "caddy",
            json!({"level": "info", "ts": 1_795_244_280.5, "logger": "http.log.access", "msg": "handled request",
            "request": {"remote_ip": "198.51.100.7", "proto": "HTTP/2.0", "method": "GET", "host": "www.example.org",
                "uri": target, "headers": {"User-Agent": [AGENT], "Accept": ["*/*"]}},
            "duration": 0.001, "size": 5120, "status": 200}),
        ),
        (
            "traefik",
            json!({"ClientHost": "198.51.100.7", "DownstreamContentSize": 5120, "DownstreamStatus": 200,
            "Duration": 1_230_000, "RequestMethod": "GET", "RequestPath": target, "RequestHost": "www.example.org",
            "RequestProtocol": "HTTP/1.1", "request_User-Agent": AGENT, "time": "2026-11-21T06:58:00Z"}),
        ),
        (
            "nginx",
            json!({"time_iso8601": "2026-11-21T06:58:00+00:00", "remote_addr": "198.51.100.7",
            "request_method": "GET", "request_uri": target, "status": "200", "body_bytes_sent": "5120",
            "http_user_agent": AGENT}),
        ),
        (
            "nginx, request line",
            json!({"time_local": "21/Nov/2026:06:58:00 +0000", "remote_addr": "198.51.100.7",
            "request": format!("GET {target} HTTP/1.1"), "status": 200, "http_user_agent": AGENT}),
        ),
        (
            "envoy",
            json!({"start_time": "2026-11-21T06:58:00.000Z", "method": "GET", "path": target,
            "protocol": "HTTP/1.1", "response_code": 200, "response_flags": "-", "bytes_sent": 5120,
            "duration": 1, "user_agent": AGENT}),
        ),
        (
            "cloudfront",
            json!({"date": "2026-11-21", "time": "06:58:00", "c-ip": "198.51.100.7", "cs-method": "GET",
            "cs-uri-stem": path, "cs-uri-query": query, "sc-status": "200", "cs(User-Agent)": AGENT}),
        ),
        (
            "cloudflare",
            json!({"ClientIP": "198.51.100.7", "ClientRequestMethod": "GET", "ClientRequestURI": target,
            "EdgeResponseStatus": 200, "ClientRequestUserAgent": AGENT}),
        ),
        (
            "google",
            json!({"httpRequest": {"requestMethod": "GET", "status": 200, "userAgent": AGENT,
            "requestUrl": format!("https://www.example.org{target}")}}),
        ),
        (
            "azure",
            json!({"properties": {"clientIP": "198.51.100.7", "httpMethod": "GET", "requestUri": path,
            "requestQuery": query, "userAgent": AGENT, "httpStatus": 200}}),
        ),
        (
            "kong",
            json!({"request": {"method": "GET", "uri": target, "headers": {"user-agent": AGENT}},
            "response": {"status": 200}, "client_ip": "198.51.100.7"}),
        ),
        (
            "ECS",
            json!({"http": {"request": {"method": "GET"}, "response": {"status_code": 200}},
            "url": {"path": path, "query": query}, "user_agent": {"original": AGENT}}),
        ),
    ];
    lines.into_iter().map(|(log, line)| (log, line.to_string()))
}

#[test]
fn quotes_that_a_proxy_did_not_escape_hide_nothing() {
    let place = Place::new();
    let log = place.path("access.json");
    let line = r#"{"remote_addr":"198.51.100.7","request_method":"GET","request_uri":"/?q=\x22><script>alert(1)</script>","status":200}"#;
    std::fs::write(&log, line).unwrap();
    let ran = run(bartizan().arg("inspect").arg(&log));
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    assert_eq!(ran.json()[0]["classes"], json!(["cross_site_scripting"]));
}

#[test]
fn what_holds_no_request_is_counted_and_named() {
    let place = Place::new();
    let (first, second) = (place.path("a.log"), place.path("b.log"));
    let attack = &logs(ATTACK)[2].1;
    std::fs::write(
        &first,
        format!("{{\"level\":\"info\",\"msg\":\"server up\",\"status\":\"200\"}}\n\n{attack}\n"),
    )
    .unwrap();
    std::fs::write(&second, format!("{{\"torn\":\n{attack}\n")).unwrap();
    let ran = run(bartizan().arg("inspect").args([&first, &second]));
    assert_eq!(ran.code, Some(1), "{}", ran.errors);
    assert!(ran.errors.contains("not judged: 2 of 4"), "{}", ran.errors);
    let verdicts = ran.json();
    assert!(verdicts[0]["error"].as_str().unwrap().starts_with("no request: "), "{}", ran.out);
    assert!(verdicts[2]["error"].as_str().unwrap().contains("EOF"), "{}", ran.out);
    assert_eq!((&verdicts[1]["attack"], &verdicts[3]["attack"]), (&true.into(), &true.into()));
    assert_eq!([1, 3].map(|at: usize| verdicts[at]["id"].clone()), [2, 4]);
}

#[test]
fn a_format_that_is_named_counts_alone() {
    let place = Place::new();
    let log = place.path("mixed.log");
    let [combined, _, caddy, ..] = &logs(ATTACK)[..] else { panic!("three logs at least") };
    let ours = r#"{"request_line":"GET / HTTP/1.1"}"#;
    std::fs::write(&log, [&*combined.1, &*caddy.1, ours, "plain words"].join("\n")).unwrap();
    let judged = |format: &str| {
        let ran = run(bartizan().args(["inspect", "--format", format]).arg(&log));
        assert_eq!(ran.code, Some(1), "{format}: {}", ran.errors);
        let verdicts = ran.json();
        verdicts.iter().map(|verdict| verdict["error"].is_null()).collect::<Vec<_>>()
    };
    assert_eq!(judged("access"), [true, false, false, false]);
    assert_eq!(judged("json"), [false, true, false, false]);
    assert_eq!(judged("requests"), [false, false, true, false]);

    let ran = run(bartizan().args(["inspect", "--format", "nosuch"]).arg(&log));
    assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{}", ran.errors);
    assert!(ran.errors.contains("known: requests, "), "{}", ran.errors);
}
