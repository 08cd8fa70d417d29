use std::fmt::Write;

use expect_test::{Expect, expect};
use model::{Clock, Text};
use proptest::prelude::*;

use super::super::shared::testing;
use super::*;

#[test]
fn combined() {
    check(
        r#"203.0.113.9 - ann [21/Nov/2026:06:58:00 +0100] "GET /a.php?b=c%20d HTTP/1.1" 200 512 "https://example.org/" "Mozilla/5.0 (X11)""#,
        expect![[r"
            @timestamp = 2026-11-21T05:58:00.000Z
            event.category = web
            event.outcome = success
            event.type = access
            http.request.method = GET
            http.request.referrer = https://example.org/
            http.response.body.bytes = 512
            http.response.status_code = 200
            http.version = 1.1
            source.ip = 203.0.113.9
            url.original = /a.php?b=c%20d
            url.path = /a.php
            url.query = b=c%20d
            user.name = ann
            user_agent.original = Mozilla/5.0 (X11)
        "]],
    );
}

#[test]
fn of_traefik() {
    check(
        r#"203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] "GET /a?b=c HTTP/2.0" 403 9 "https://www.example.org/" "Mozilla/5.0 \x22(X11)" 49 "web@docker" "http://192.0.2.10:80" 12ms"#,
        expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            event.category = web
            event.duration = 12000000
            event.outcome = failure
            event.type = access
            http.request.method = GET
            http.request.referrer = https://www.example.org/
            http.response.body.bytes = 9
            http.response.status_code = 403
            http.version = 2.0
            source.ip = 203.0.113.9
            url.original = /a?b=c
            url.path = /a
            url.query = b=c
            user_agent.original = Mozilla/5.0 \x22(X11)
            traefik.access.router_name = web@docker
            traefik.access.server_url = http://192.0.2.10:80
        "]],
    );
    check(
        r#"203.0.113.9 - ann [21/Nov/2026:06:58:00 +0000] "GET / HTTP/1.1" 404 19 "-" "-" 50 "-" "-" 0ms"#,
        expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            event.category = web
            event.duration = 0
            event.outcome = failure
            event.type = access
            http.request.method = GET
            http.response.body.bytes = 19
            http.response.status_code = 404
            http.version = 1.1
            source.ip = 203.0.113.9
            url.original = /
            url.path = /
            user.name = ann
        "]],
    );
    // It escapes nothing: neither in the target, which over HTTP/2 may hold anything, nor in headers.
    check(
        r#"203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] "GET /a" 200 1 "-" "fake HTTP/2.0" 403 9 "-" "x" 1 "y" "z" 3ms" 49 "web@docker" "http://192.0.2.10:80" 12ms"#,
        expect![[r#"
            @timestamp = 2026-11-21T06:58:00.000Z
            event.category = web
            event.duration = 12000000
            event.outcome = failure
            event.type = access
            http.request.method = GET
            http.response.body.bytes = 9
            http.response.status_code = 403
            http.version = 2.0
            source.ip = 203.0.113.9
            url.original = /a" 200 1 "-" "fake
            url.path = /a" 200 1 "-" "fake
            user_agent.original = x" 1 "y" "z" 3ms
            traefik.access.router_name = web@docker
            traefik.access.server_url = http://192.0.2.10:80
        "#]],
    );
}

#[test]
fn common() {
    check(
        r#"2001:db8::9 - - [21/Nov/2026:06:58:00 +0000] "HEAD / HTTP/1.0" 304 -"#,
        expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            event.category = web
            event.outcome = success
            event.type = access
            http.request.method = HEAD
            http.response.status_code = 304
            http.version = 1.0
            source.ip = 2001:db8::9
            url.original = /
            url.path = /
        "]],
    );
}

#[test]
fn virtual_host() {
    check(
        r#"www.example.org:443 203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] "GET / HTTP/2.0" 404 0 "-" "-""#,
        expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            event.category = web
            event.outcome = failure
            event.type = access
            http.request.method = GET
            http.response.body.bytes = 0
            http.response.status_code = 404
            http.version = 2.0
            source.ip = 203.0.113.9
            url.domain = www.example.org
            url.original = /
            url.path = /
            url.port = 443
        "]],
    );
    check(
        r#"192.0.2.1 203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] "GET / HTTP/2.0" 404 0 "-" "-""#,
        expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            event.category = web
            event.outcome = failure
            event.type = access
            http.request.method = GET
            http.response.body.bytes = 0
            http.response.status_code = 404
            http.version = 2.0
            source.ip = 203.0.113.9
            url.domain = 192.0.2.1
            url.original = /
            url.path = /
        "]],
    );
}

#[test]
fn client_by_name_and_no_client() {
    check(
        r#"host.example.org - - [21/Nov/2026:06:58:00 +0000] "GET / HTTP/1.1" 500 1"#,
        expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            event.category = web
            event.outcome = failure
            event.type = access
            http.request.method = GET
            http.response.body.bytes = 1
            http.response.status_code = 500
            http.version = 1.1
            source.address = host.example.org
            source.domain = host.example.org
            url.original = /
            url.path = /
        "]],
    );
    check(
        r#"- - - [21/Nov/2026:06:58:00 +0000] "GET / HTTP/1.1" 500 1"#,
        expect![[r"
        @timestamp = 2026-11-21T06:58:00.000Z
        event.category = web
        event.outcome = failure
        event.type = access
        http.request.method = GET
        http.response.body.bytes = 1
        http.response.status_code = 500
        http.version = 1.1
        url.original = /
        url.path = /
    "]],
    );
}

#[test]
fn user_names() {
    check(
        r#"203.0.113.9 - Ann van Dam [x] [21/Nov/2026:06:58:00 +0000] "GET / HTTP/1.1" 401 1"#,
        expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            event.category = web
            event.outcome = failure
            event.type = access
            http.request.method = GET
            http.response.body.bytes = 1
            http.response.status_code = 401
            http.version = 1.1
            source.ip = 203.0.113.9
            url.original = /
            url.path = /
            user.name = Ann van Dam [x]
        "]],
    );
    check(
        r#"203.0.113.9 - "" [21/Nov/2026:06:58:00 +0000] "GET / HTTP/1.1" 401 1"#,
        expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            event.category = web
            event.outcome = failure
            event.type = access
            http.request.method = GET
            http.response.body.bytes = 1
            http.response.status_code = 401
            http.version = 1.1
            source.ip = 203.0.113.9
            url.original = /
            url.path = /
        "]],
    );
    // Apache writes a quote in a name as \", and so the name cannot pass for the request.
    check(
        r#"203.0.113.9 - a\" [21/Nov/2025:06:58:00 +0000] \"GET /fake HTTP/1.1\" 200 1 [21/Nov/2026:06:58:00 +0000] "GET / HTTP/1.1" 401 1"#,
        expect![[r#"
            @timestamp = 2026-11-21T06:58:00.000Z
            event.category = web
            event.outcome = failure
            event.type = access
            http.request.method = GET
            http.response.body.bytes = 1
            http.response.status_code = 401
            http.version = 1.1
            source.ip = 203.0.113.9
            url.original = /
            url.path = /
            user.name = a" [21/Nov/2025:06:58:00 +0000] "GET /fake HTTP/1.1" 200 1
        "#]],
    );
}

#[test]
fn requests_that_are_none() {
    check(
        r#"203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] "\x16\x03\x01\x02" 400 226 "-" "-""#,
        expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            event.category = web
            event.outcome = failure
            event.type = access
            http.response.body.bytes = 226
            http.response.status_code = 400
            source.ip = 203.0.113.9
            http.request.line = 
        "]],
    );
    check(
        r#"203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] "" 400 0 "-" "-""#,
        expect![[r"
        @timestamp = 2026-11-21T06:58:00.000Z
        event.category = web
        event.outcome = failure
        event.type = access
        http.response.body.bytes = 0
        http.response.status_code = 400
        source.ip = 203.0.113.9
    "]],
    );
    check(
        r#"203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] "-" 408 - "-" "-""#,
        expect![[r"
        @timestamp = 2026-11-21T06:58:00.000Z
        event.category = web
        event.outcome = failure
        event.type = access
        http.response.status_code = 408
        source.ip = 203.0.113.9
    "]],
    );
    check(
        r#"203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] "GET /old" 200 9 "-" "-""#,
        expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            event.category = web
            event.outcome = success
            event.type = access
            http.request.method = GET
            http.response.body.bytes = 9
            http.response.status_code = 200
            source.ip = 203.0.113.9
            url.original = /old
            url.path = /old
        "]],
    );
}

#[test]
fn requests_of_other_shapes() {
    check(
        r#"203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] "CONNECT [2001:db8::1]:443 HTTP/1.1" 405 0 "-" "-""#,
        expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            event.category = web
            event.outcome = failure
            event.type = access
            http.request.method = CONNECT
            http.response.body.bytes = 0
            http.response.status_code = 405
            http.version = 1.1
            source.ip = 203.0.113.9
            url.domain = 2001:db8::1
            url.original = [2001:db8::1]:443
            url.port = 443
        "]],
    );
    check(
        r#"203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] "GET http://example.org:8080/x?y#z HTTP/1.1" 404 0 "-" "-""#,
        expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            event.category = web
            event.outcome = failure
            event.type = access
            http.request.method = GET
            http.response.body.bytes = 0
            http.response.status_code = 404
            http.version = 1.1
            source.ip = 203.0.113.9
            url.domain = example.org
            url.original = http://example.org:8080/x?y#z
            url.path = /x
            url.port = 8080
            url.query = y#z
            url.scheme = http
        "]],
    );
    check(
        r#"203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] "GET /a b\xD0\xBF\xff?q=\"<x>\" HTTP/1.1" 404 0 "-" "() { :;}; echo \"x\"""#,
        expect![[r#"
            @timestamp = 2026-11-21T06:58:00.000Z
            event.category = web
            event.outcome = failure
            event.type = access
            http.request.method = GET
            http.response.body.bytes = 0
            http.response.status_code = 404
            http.version = 1.1
            source.ip = 203.0.113.9
            url.original = /a bп\xff?q="<x>"
            url.path = /a bп\xff
            url.query = q="<x>"
            user_agent.original = () { :;}; echo "x"
        "#]],
    );
}

#[test]
fn what_administrators_add() {
    check(
        r#"203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] "GET / HTTP/1.1" 200 5 "-" "curl/8" "198.51.100.7, 10.0.0.1" rt=0.005 uct="0.000" up="a b" 12 "web@docker" 3ms"#,
        expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            event.category = web
            event.outcome = success
            event.type = access
            http.request.method = GET
            http.response.body.bytes = 5
            http.response.status_code = 200
            http.version = 1.1
            source.ip = 203.0.113.9
            url.original = /
            url.path = /
            user_agent.original = curl/8
            access.rt = 0.005
            access.uct = 0.000
            access.up = a b
            access.extra = 198.51.100.7, 10.0.0.1, 12, web@docker, 3ms
        "]],
    );
}

#[test]
fn other_lines() {
    for text in [
        "",
        "\"",
        "203.0.113.9 - - [21/Nov/2026:06:58:00 +0000]",
        "203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] \"GET / HTTP/1.1",
        "203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] \"GET / HTTP/1.1\"",
        "203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] \"GET / HTTP/1.1\" OK 5",
        "203.0.113.9 - - [31/Nov/2026:06:58:00 +0000] \"GET / HTTP/1.1\" 200 5",
        " [21/Nov/2026:06:58:00 +0000] \"GET / HTTP/1.1\" 200 5",
    ] {
        let received_at = Timestamp::default();
        let context = Context {
            received_at,
            clock: Clock::Live,
            utc_offset_seconds: 0,
            tag: "",
            columns: "",
        };
        let mut event = Event::new(Text::from(text), received_at);
        assert!(parse(text, &mut event, &context).is_err(), "{text}");
    }
}

/// Writes a text as Apache does.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            control if control.is_control() => {
                for byte in control.to_string().bytes() {
                    write!(out, "\\x{byte:02x}").unwrap();
                }
            }
            other => out.push(other),
        }
    }
    out
}

proptest! {
    #[test]
    fn written_and_read_again(
        user in "[^ -][^\\n]{0,20}[^ ]",
        path in "/\\PC{0,30}",
        query in "[^ ]\\PC{0,30}",
        agent in "[^-][^\\n]{1,30}",
        status in 100_u16..600,
        bytes: u32,
    ) {
        // A target does not end with spaces.
        let (path, query) = (path.replace('?', ""), query.trim_end_matches(' '));
        let request = format!("POST {path}?{query} HTTP/1.1");
        let line = format!(
            r#"203.0.113.9 - {} [21/Nov/2026:06:58:00 +0000] "{}" {status} {bytes} "-" "{}""#,
            escaped(&user), escaped(&request), escaped(&agent),
        );
        let text = Text::from(line.as_str());
        let received_at = Timestamp::default();
        let context = Context { received_at, clock: Clock::Live, utc_offset_seconds: 0, tag: "", columns: "" };
        let mut event = Event::new(text.clone(), received_at);
        prop_assert!(recognises(&text));
        prop_assert_eq!(parse(&text, &mut event, &context), Ok(()));
        prop_assert_eq!(event.text(Field::UserName), Some(user.as_str()));
        prop_assert_eq!(event.text(Field::UrlPath), Some(path.as_str()));
        prop_assert_eq!(event.text(Field::UrlQuery), Some(query));
        prop_assert_eq!(event.text(Field::UserAgentOriginal), Some(agent.as_str()));
        prop_assert_eq!(event.integer(Field::ResponseStatus), Some(i64::from(status)));
        prop_assert_eq!(event.integer(Field::ResponseBodyBytes), Some(i64::from(bytes)));
    }

    #[test]
    fn any_line_is_survived(text in "\\PC{0,20}[\\[\\] \"\\\\/0-9A-z]{0,60}") {
        let context = Context {
            received_at: Timestamp::default(),
            clock: Clock::Live,
            utc_offset_seconds: 0,
            tag: "",
            columns: "",
        };
        let _ = parse(&text, &mut Event::default(), &context);
        let _ = recognises(&text);
    }
}

#[track_caller]
fn check(text: &str, expect: Expect) {
    assert!(recognises(text));
    testing::check(&FORMAT, text, expect);
}
