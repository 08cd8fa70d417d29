use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use model::{Clock, Field, Text};
use proptest::prelude::*;

use super::super::shared::testing;
use super::*;

#[test]
fn nested_and_flat_names() {
    check(
        r#"{"@timestamp":"2026-11-21T06:58:00Z","source":{"ip":"203.0.113.9","port":"51514"},"user.name":"ann","a":{"b":{"c":1.5,"d":true}},"process":{"pid":7}}"#,
        expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            process.pid = 7
            source.ip = 203.0.113.9
            source.port = 51514
            user.name = ann
            a.b.c = 1.5
            a.b.d = true
        "]],
    );
}

#[test]
fn escapes() {
    check(
        r#"{"user":{"name":"a\"b\\c\/d\n\t\u00e9\ud83d\ude00"},"k\u0065y":"\u0041","source.ip":"203.0.113.\u0039","half":"\ud83d x\udc00\ud83d\ud83d\ude00"}"#,
        expect![[r#"
            source.ip = 203.0.113.9
            user.name = a"b\c/d
            	é😀
            key = A
            half = � x��😀
        "#]],
    );
}

#[test]
fn arrays() {
    check(
        r#"{"tags":["one","tw\u006f",null,3],"x":[],"y":{},"z":null,"one":[1],"mixed":[1,{"a":[2]},[3]],"source":{"ip":["203.0.113.9","2001:db8::9"]},"destination.ip":["192.0.2.1","nowhere"]}"#,
        expect![[r#"
            source.ip = 203.0.113.9, 2001:db8::9
            tags = one, two, 3
            one = 1
            mixed = [1,{"a":[2]},[3]]
            destination.ip = 192.0.2.1, nowhere
        "#]],
    );
    check(
        "{\"a\":[\n{\"b\":\n1}\n]}",
        expect![[r#"
        a = [ {"b": 1} ]
    "#]],
    );
}

#[test]
fn numbers() {
    check(
        r#"{"a":-0,"b":9223372036854775807,"c":9223372036854775808,"d":1e400,"e":-1.5E-3,"f":0.1}"#,
        expect![[r"
            a = 0
            b = 9223372036854775807
            c = 9223372036854775808
            d = 1e400
            e = -0.0015
            f = 0.1
        "]],
    );
}

#[test]
fn names_that_come_twice() {
    check(
        r#"{"user":{"name":"first"},"user.name":"last","x":1,"x":"two","x":{"y":3}}"#,
        expect![[r"
            user.name = last
            x = two
            x.y = 3
        "]],
    );
}

#[test]
fn our_own_fields_cannot_be_set() {
    check(
        r#"{"bartizan":{"simulated":true,"repeat":99},"event":{"module":"sshd","id":"a\u0062","ingested":"2020-01-01T00:00:00Z","original":["x","y"]},"bartizan.new":1}"#,
        expect![[r"
            sender.bartizan.simulated = true
            sender.bartizan.repeat = 99
            sender.event.module = sshd
            sender.event.id = ab
            sender.event.ingested = 2020-01-01T00:00:00Z
            sender.event.original = x, y
            sender.bartizan.new = 1
        "]],
    );
}

#[test]
fn times() {
    check(
        r#"{"time":"2026-11-21 06:58:00.25+01:00"}"#,
        expect![[r"
        @timestamp = 2026-11-21T05:58:00.250Z
        time = 2026-11-21 06:58:00.25+01:00
    "]],
    );
    check(
        r#"{"ts":1795244280.25,"x":1}"#,
        expect![[r"
        @timestamp = 2026-11-21T06:58:00.250Z
        ts = 1795244280.25
        x = 1
    "]],
    );
    check(
        r#"{"timestamp":"1795244280250"}"#,
        expect![[r"
        @timestamp = 2026-11-21T06:58:00.250Z
        timestamp = 1795244280250
    "]],
    );
    check(
        r#"{"@timestamp":1795244280250,"time":5}"#,
        expect![[r"
        @timestamp = 2026-11-21T06:58:00.250Z
        @timestamp = 1795244280250
        time = 5
    "]],
    );
    check(
        r#"{"@timestamp":"yesterday","time":true}"#,
        expect![[r"
        @timestamp = yesterday
        time = true
    "]],
    );
}

/// As nginx writes it where the format lacks `escape=json`.
#[test]
fn escapes_of_an_access_log() {
    let read = |text: &str| {
        let event = read(text)?;
        Some((event.get_extra("a")?.to_string(), event.get_extra("b").map(|b| b.to_string())))
    };
    let undone = read(r#"{"a":"GET /?q=\x22\x5C\x0D\x0A\xC3\xA9\xff","b":"c\n"}"#).unwrap();
    assert_eq!(undone, ("GET /?q=\"\\\r\né\\xff".to_owned(), Some("c\n".to_owned())));
    // An end of a string that is escaped does not end it.
    assert_eq!(read(r#"{"a":"\x22,\x22b\x22:\x221"}"#), Some((r#"","b":"1"#.to_owned(), None)));
    // In JSON that is whole nothing is mended.
    assert_eq!(read(r#"{"a":"\\x22"}"#), Some((r"\x22".to_owned(), None)));
    assert_eq!(read(r#"{"a":"\x22"#), None);
    assert_eq!(read(r#"{"a":"\\","b":"\x22\q"}"#), None);
}

#[test]
fn no_json() {
    for text in [
        "{",
        "{}x",
        "{\"a\":1,}",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":-}",
        "{\"a\":1e}",
        "{\"a\":1e+}",
        "{\"a\":tru}",
        "{\"a\":truex}",
        "{\"a\":\"\u{1}\"}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\u00é\"}",
        "{\"a\":\"\\",
        "{\"a\":\"b",
        "{\"a\":[1,]}",
        "{\"a\":[1 2]}",
        "{\"a\":[{]}",
        "{\"a\":[{\"b\":01}]}",
        "{\"a\":1 \"b\":2}",
        "[1]",
        "1",
        "",
        "{\u{a0}}",
    ] {
        assert!(read(text).is_none(), "{text}");
        assert!(serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_err());
    }
}

#[test]
fn too_deep() {
    let nested = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    assert!(read(&nested(64)).is_some());
    assert!(read(&nested(65)).is_none());
    let listed = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(read(&listed(63)).is_some());
    assert!(read(&listed(64)).is_none());
    assert!(read(&"{\"a\":[".repeat(100_000)).is_none());
}

fn read(text: &str) -> Option<Event> {
    let received_at = Timestamp::default();
    let context =
        Context { received_at, clock: Clock::Live, utc_offset_seconds: 0, tag: "", columns: "" };
    let text = Text::from(text);
    let mut event = Event::new(text.clone(), received_at);
    parse(&text, &mut event, &context).ok().map(|()| event)
}

/// What the naive twin finds: each leaf under its dotted name, the last of a name.
fn leaves(value: &serde_json::Value, path: &str, found: &mut BTreeMap<String, serde_json::Value>) {
    use serde_json::Value as Json;
    match value {
        Json::Object(object) => {
            for (key, inner) in object {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                leaves(inner, &path, found);
            }
        }
        Json::Null => {}
        Json::Array(array) if array.iter().all(|one| !one.is_object() && !one.is_array()) => {
            let plain: Vec<Json> = array.iter().filter(|one| !one.is_null()).cloned().collect();
            match plain.as_slice() {
                [] => {}
                [single] => drop(found.insert(path.to_owned(), single.clone())),
                _ => drop(found.insert(path.to_owned(), Json::Array(plain))),
            }
        }
        other => drop(found.insert(path.to_owned(), other.clone())),
    }
}

fn as_json(value: Value<'_>) -> serde_json::Value {
    match value {
        Value::Text(text) => text.into(),
        Value::Integer(number) => number.into(),
        Value::Float(number) => number.into(),
        Value::Flag(flag) => flag.into(),
        Value::Json(json) => serde_json::from_str(json).unwrap(),
        Value::List(list) => list.iter().map(as_json).collect(),
        Value::Address(_) | Value::Time(_) => unreachable!("no known field is among the names"),
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        // Tells a whole number from a fraction, as the twin does.
        any::<i32>().prop_map(|number| (f64::from(number) + 0.5).into()),
        "\\PC{0,12}".prop_map(Into::into),
        ".{0,3}[\"\\\\\n\u{1}]{0,4}".prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::btree_map("[a-d\"é]{1,2}", inner, 0..5)
                .prop_map(|map| map.into_iter().collect::<serde_json::Value>()),
        ]
    })
}

proptest! {
    #[test]
    fn every_leaf_is_found_as_the_twin_finds_it(
        object in prop::collection::btree_map("[a-d\"é\u{1}]{1,2}", any_json(), 0..8),
        pretty: bool,
    ) {
        let json: serde_json::Value = object.into_iter().collect();
        let text = if pretty { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) };
        let text = text.unwrap();
        let event = read(&text).unwrap();
        let mut expected = BTreeMap::new();
        leaves(&json, "", &mut expected);
        let found: BTreeMap<String, serde_json::Value> =
            event.extras().map(|extra| (extra.name.to_owned(), as_json(extra.value))).collect();
        prop_assert_eq!(found, expected);
        let written = event.to_json();
        prop_assert!(serde_json::from_str::<serde_json::Value>(&written).is_ok());
        prop_assert!(!written.contains('\n'));
    }

    #[test]
    fn valid_is_what_the_twin_finds_valid(
        text in "[{}\\[\\],:\"\\\\eEtrufalsn0-9.+ \t-]{0,24}|\\{\"a\":[{}\\[\\],:\"\\\\eEtrufalsn0-9.+ -]{0,16}\\}"
    ) {
        type Object = serde_json::Map<String, serde_json::Value>;
        let twin = serde_json::from_str::<Object>(&text);
        // The twin has no number for 1e999, and no text for half of a pair.
        let lenient = twin.as_ref().is_err_and(|error| {
            let told = error.to_string();
            told.contains("out of range") || told.contains("surrogate") || told.contains("hex escape")
        });
        prop_assert!(lenient || read(&text).is_some() == twin.is_ok(), "{}", text);
    }
}

#[track_caller]
fn check(text: &str, expect: Expect) {
    assert!(recognises(text));
    testing::check(&FORMAT, text, expect);
}

#[test]
fn known_names_take_their_kind() {
    let event =
        read(r#"{"source":{"port":"22","ip":"::1"},"http.response.status_code":200}"#).unwrap();
    assert_eq!(event.port(Field::SourcePort), Some(22));
    assert_eq!(event.integer(Field::ResponseStatus), Some(200));
    assert!(event.ip(Field::SourceIp).is_some());
}

#[test]
fn a_request_told_by_cloudflare() {
    check(
        r#"{"ClientIP":"198.51.100.7","ClientRequestHost":"www.example.org","ClientRequestMethod":"GET","ClientRequestURI":"/search?q=1%27%20or%201=1--","ClientRequestProtocol":"HTTP/2","EdgeResponseBytes":5120,"EdgeResponseStatus":403,"EdgeStartTimestamp":"2026-11-21T06:58:00Z","RayID":"8a1","ClientRequestUserAgent":"curl/8.5.0"}"#,
        expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            event.category = web
            event.dataset = cloudflare.http
            event.outcome = failure
            event.type = access
            http.request.id = 8a1
            http.request.method = GET
            http.response.bytes = 5120
            http.response.status_code = 403
            http.version = 2
            source.ip = 198.51.100.7
            url.domain = www.example.org
            url.original = /search?q=1%27%20or%201=1--
            url.path = /search
            url.query = q=1%27%20or%201=1--
            user_agent.original = curl/8.5.0
            ClientIP = 198.51.100.7
            ClientRequestHost = www.example.org
            ClientRequestMethod = GET
            ClientRequestURI = /search?q=1%27%20or%201=1--
            ClientRequestProtocol = HTTP/2
            EdgeResponseBytes = 5120
            EdgeResponseStatus = 403
            EdgeStartTimestamp = 2026-11-21T06:58:00Z
            RayID = 8a1
            ClientRequestUserAgent = curl/8.5.0
        "]],
    );
}

#[test]
fn a_request_told_by_google() {
    check(
        r#"{"httpRequest":{"requestMethod":"GET","requestUrl":"https://www.example.org/search?q=1%27%20or%201=1--","requestSize":"100","status":200,"responseSize":"5120","userAgent":"curl/8.5.0","remoteIp":"198.51.100.7","latency":"0.125s"},"timestamp":"2026-11-21T06:58:00Z"}"#,
        expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            event.category = web
            event.dataset = gcp.loadbalancing
            event.duration = 125000000
            event.outcome = success
            event.type = access
            http.request.bytes = 100
            http.request.method = GET
            http.response.bytes = 5120
            http.response.status_code = 200
            source.ip = 198.51.100.7
            url.domain = www.example.org
            url.original = /search?q=1%27%20or%201=1--
            url.path = /search
            url.query = q=1%27%20or%201=1--
            url.scheme = https
            user_agent.original = curl/8.5.0
            httpRequest.requestMethod = GET
            httpRequest.requestUrl = https://www.example.org/search?q=1%27%20or%201=1--
            httpRequest.requestSize = 100
            httpRequest.status = 200
            httpRequest.responseSize = 5120
            httpRequest.userAgent = curl/8.5.0
            httpRequest.remoteIp = 198.51.100.7
            httpRequest.latency = 0.125s
            timestamp = 2026-11-21T06:58:00Z
        "]],
    );
}

#[test]
fn a_request_told_by_amazon() {
    check(
        r#"{"timestamp":1795244280123,"webaclId":"acl","action":"BLOCK","httpRequest":{"clientIp":"198.51.100.7","headers":[{"name":"Host","value":"www.example.org"}],"uri":"/search","args":"q=1%27%20or%201=1--","httpVersion":"HTTP/1.1","httpMethod":"GET","requestId":"r1"}}"#,
        expect![[r#"
            @timestamp = 2026-11-21T06:58:00.123Z
            event.action = BLOCK
            event.category = web
            event.dataset = aws.waf
            event.outcome = failure
            event.type = access
            http.request.id = r1
            http.request.method = GET
            http.version = 1.1
            source.ip = 198.51.100.7
            url.original = /search?q=1%27%20or%201=1--
            url.path = /search
            url.query = q=1%27%20or%201=1--
            timestamp = 1795244280123
            webaclId = acl
            action = BLOCK
            httpRequest.clientIp = 198.51.100.7
            httpRequest.headers = [{"name":"Host","value":"www.example.org"}]
            httpRequest.uri = /search
            httpRequest.args = q=1%27%20or%201=1--
            httpRequest.httpVersion = HTTP/1.1
            httpRequest.httpMethod = GET
            httpRequest.requestId = r1
        "#]],
    );
}

#[test]
fn a_request_told_by_azure() {
    check(
        r#"{"timeStamp":"2026-11-21T06:58:00Z","operationName":"ApplicationGatewayAccess","properties":{"clientIP":"198.51.100.7","clientPort":4711,"httpMethod":"GET","requestUri":"/search","requestQuery":"q=1%27%20or%201=1--","userAgent":"curl/8.5.0","httpStatus":200,"sentBytes":5120,"host":"www.example.org"}}"#,
        expect![[r"
            @timestamp = 2026-11-21T06:58:00.000Z
            event.category = web
            event.dataset = azure.applicationgateway
            event.outcome = success
            event.type = access
            http.request.method = GET
            http.response.bytes = 5120
            http.response.status_code = 200
            source.ip = 198.51.100.7
            source.port = 4711
            url.domain = www.example.org
            url.original = /search?q=1%27%20or%201=1--
            url.path = /search
            url.query = q=1%27%20or%201=1--
            user_agent.original = curl/8.5.0
            timeStamp = 2026-11-21T06:58:00Z
            operationName = ApplicationGatewayAccess
            properties.clientIP = 198.51.100.7
            properties.clientPort = 4711
            properties.httpMethod = GET
            properties.requestUri = /search
            properties.requestQuery = q=1%27%20or%201=1--
            properties.userAgent = curl/8.5.0
            properties.httpStatus = 200
            properties.sentBytes = 5120
            properties.host = www.example.org
        "]],
    );
}

#[test]
fn a_request_told_by_kong() {
    check(
        r#"{"request":{"method":"GET","uri":"/search?q=1%27%20or%201=1--","size":100,"headers":{"user-agent":"curl/8.5.0","host":"www.example.org"}},"response":{"status":200,"size":5120},"client_ip":"198.51.100.7","started_at":1795244280123}"#,
        expect![[r"
            @timestamp = 2026-11-21T06:58:00.123Z
            event.category = web
            event.dataset = kong.access
            event.outcome = success
            event.type = access
            http.request.bytes = 100
            http.request.method = GET
            http.response.bytes = 5120
            http.response.status_code = 200
            source.ip = 198.51.100.7
            url.domain = www.example.org
            url.original = /search?q=1%27%20or%201=1--
            url.path = /search
            url.query = q=1%27%20or%201=1--
            user_agent.original = curl/8.5.0
            request.method = GET
            request.uri = /search?q=1%27%20or%201=1--
            request.size = 100
            request.headers.user-agent = curl/8.5.0
            request.headers.host = www.example.org
            response.status = 200
            response.size = 5120
            client_ip = 198.51.100.7
            started_at = 1795244280123
        "]],
    );
}
