//! Speaks HTTP to the listener and knows no function of it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;

use expect_test::{Expect, expect};
use model::Refusal;

use crate::sources::testing::Line;

const PLAIN: &str = "POST /ingest HTTP/1.1\r\nContent-Type: text/plain\r\n";
const JSON: &str = "POST /ingest HTTP/1.1\r\nContent-Type: application/json\r\n";

#[test]
fn plain_lines() {
    check(
        PLAIN,
        b"one\r\n\ntwo\ncaf\xe9",
        expect![[r#"
        200 {"accepted":3}
        one
        two
        caf\xE9"#]],
    );
}

#[test]
fn json_array() {
    check(
        JSON,
        br#" [ {"a": [1, "]"]} , "one\ttwo", 3, {"b":"\u00e9"} ] "#,
        expect![[r#"
        200 {"accepted":4}
        {"a": [1, "]"]}
        one	two
        3
        {"b":"\u00e9"}"#]],
    );
}

#[test]
fn one_json_value() {
    check(
        JSON,
        b"{\"a\":\n1}",
        expect![[r#"
        200 {"accepted":1}
        {"a":
        1}"#]],
    );
}

#[test]
fn json_lines_sent_as_json() {
    check(
        JSON,
        b"{\"a\":1}\n{\"b\":2}\n",
        expect![[r#"
        200 {"accepted":2}
        {"a":1}
        {"b":2}"#]],
    );
}

#[test]
fn broken_json() {
    check(
        JSON,
        b"[{\"a\":1},",
        expect![[
            r#"400 {"type":"about:blank","title":"Bad Request","status":400,"code":"bad_body","detail":"bad JSON: EOF while parsing a value at line 1 column 9"}"#
        ]],
    );
    check(
        JSON,
        &b"[".repeat(100_000),
        expect![[
            r#"400 {"type":"about:blank","title":"Bad Request","status":400,"code":"bad_body","detail":"bad JSON: EOF while parsing a list at line 1 column 100000"}"#
        ]],
    );
}

#[test]
fn nothing_at_all() {
    check(PLAIN, b"\n\n", expect![[r#"200 {"accepted":0}"#]]);
}

#[test]
fn packed() {
    let head = "POST /ingest HTTP/1.1\r\nContent-Encoding: gzip\r\n";
    check(
        head,
        &gzip(b"one\ntwo\n"),
        expect![[r#"
        200 {"accepted":2}
        one
        two"#]],
    );
    check(
        head,
        b"not packed at all\n",
        expect![[
            r#"400 {"type":"about:blank","title":"Bad Request","status":400,"code":"bad_body","detail":"not gzip: invalid gzip header"}"#
        ]],
    );
    let unknown = "POST /ingest HTTP/1.1\r\nContent-Encoding: br\r\n";
    check(
        unknown,
        b"one\n",
        expect![[
            r#"415 {"type":"about:blank","title":"Unsupported Media Type","status":415,"code":"unknown_encoding","detail":"only gzip is understood"}"#
        ]],
    );
}

#[test]
fn too_long_packed_or_not() {
    let too_long = expect![[
        r#"413 {"type":"about:blank","title":"Payload Too Large","status":413,"code":"body_too_long","detail":"the body is too long"}"#
    ]];
    let head = "POST /ingest HTTP/1.1\r\nContent-Encoding: gzip\r\n";
    check(head, &gzip(&vec![b'a'; 1_000_000]), too_long);
    check(
        PLAIN,
        &vec![b'a'; 20_000],
        expect![[
            r#"413 {"type":"about:blank","title":"Payload Too Large","status":413,"code":"body_too_long","detail":"the body is too long"}"#
        ]],
    );
}

#[test]
fn too_many_records() {
    check(
        PLAIN,
        &b"a\n".repeat(101),
        expect![[
            r#"413 {"type":"about:blank","title":"Payload Too Large","status":413,"code":"too_many_records","detail":"send fewer records at a time"}"#
        ]],
    );
    check(
        JSON,
        format!("[{}1]", "1,".repeat(100)).as_bytes(),
        expect![[
            r#"413 {"type":"about:blank","title":"Payload Too Large","status":413,"code":"too_many_records","detail":"send fewer records at a time"}"#
        ]],
    );
}

#[test]
fn other_paths() {
    check(
        "GET /healthz HTTP/1.1\r\n",
        b"",
        expect![[r"
        200 ok
    "]],
    );
    check(
        "GET / HTTP/1.1\r\n",
        b"",
        expect![[
            r#"404 {"type":"about:blank","title":"Not Found","status":404,"code":"not_found","detail":"records are posted to /ingest"}"#
        ]],
    );
}

#[test]
fn only_with_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "secret-1\n").unwrap();
    let line = Line::start(10, |config| {
        config.http.enabled = true;
        config.http.token_file = Some(file.to_str().unwrap().to_owned());
    });
    let with = |authorization: &str| {
        let asked = ask(line.address("http"), &format!("{PLAIN}{authorization}"), b"one");
        while !asked.is_finished() {
            line.take();
        }
        asked.join().unwrap().0
    };
    assert_eq!(with(""), 401);
    assert_eq!(with("Authorization: Bearer secret-2\r\n"), 401);
    assert_eq!(with("Authorization: secret-1\r\n"), 401);
    assert_eq!(with("Authorization: Bearer secret-1\r\n"), 200);
    assert_eq!(line.texts(1), ["one"]);
    line.stop();
}

#[test]
fn answered_only_when_durable() {
    let line = Line::start(10, |config| config.http.enabled = true);
    let asked = ask(line.address("http"), PLAIN, b"one");
    let batch = line.batches.recv().unwrap();
    assert!(!asked.is_finished());
    assert_eq!(line.status("http").received, 0);
    batch.receipt.unwrap().settle(Ok(()));
    assert_eq!(asked.join().unwrap().0, 200);
    assert_eq!(line.status("http").received, 1);
    line.stop();
}

#[test]
fn named_batches_are_known_again() {
    let line = Line::start(10, |config| config.http.enabled = true);
    let key = |name: &str, body: &[u8]| {
        let asked = ask(line.address("http"), &format!("{PLAIN}X-Batch-Id: {name}\r\n"), body);
        let batch = line.batches.recv().unwrap();
        batch.receipt.unwrap().settle(Ok(()));
        assert_eq!(asked.join().unwrap().0, 200);
        batch.checkpoints[0].key.clone()
    };
    assert_eq!(key("a", b"one\ntwo"), key("a", b"one\r\ntwo\n"));
    assert_ne!(key("a", b"one\ntwo"), key("b", b"one\ntwo"));
    assert_ne!(key("a", b"one\ntwo"), key("a", b"onetwo"));
    let long = format!("{PLAIN}X-Batch-Id: {}\r\n", "x".repeat(129));
    assert_eq!(ask(line.address("http"), &long, b"one").join().unwrap().0, 400);
    line.stop();
}

#[test]
fn refused_by_the_line() {
    let line = Line::start(10, |config| config.http.enabled = true);
    let refusals = [
        (Refusal::Busy, 429),
        (Refusal::Failed("write failed".to_owned()), 503),
        (Refusal::Failed("No space left on device".to_owned()), 507),
    ];
    for (refusal, status) in refusals {
        let asked = ask(line.address("http"), PLAIN, b"one");
        line.batches.recv().unwrap().receipt.unwrap().settle(Err(refusal));
        assert_eq!(asked.join().unwrap().0, status);
    }
    assert_eq!(line.status("http").refused, 3);
    line.stop();
}

#[test]
fn no_room_at_the_moment() {
    let line = Line::start(1, |config| config.http.enabled = true);
    let waiting = ask(line.address("http"), PLAIN, b"one");
    while line.batches.is_empty() {
        std::thread::yield_now();
    }
    assert_eq!(ask(line.address("http"), PLAIN, b"two").join().unwrap().0, 429);
    assert_eq!(line.texts(1), ["one"]);
    assert_eq!(waiting.join().unwrap().0, 200);
    line.stop();
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[track_caller]
fn check(head: &str, body: &[u8], expect: Expect) {
    let line = Line::start(10, |config| {
        config.http.enabled = true;
        config.http.body_bytes_max = 16_384;
        config.http.unpacked_bytes_max = 100_000;
        config.http.records_max = 100;
        if body.len() > 50_000 {
            config.http.body_bytes_max = 200_000;
        }
    });
    let asked = ask(line.address("http"), head, body);
    while !asked.is_finished() {
        line.take();
    }
    let (status, answer) = asked.join().unwrap();
    let mut shown = vec![format!("{status} {answer}")];
    shown.extend(line.stop().0);
    expect.assert_eq(&shown.join("\n"));
}

/// Sends one request, and gives the status and the body of its answer.
fn ask(address: SocketAddr, head: &str, body: &[u8]) -> JoinHandle<(u16, String)> {
    let length = body.len();
    let mut request =
        format!("{head}Host: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n")
            .into_bytes();
    request.extend_from_slice(body);
    std::thread::spawn(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(&request).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        (status, body.to_owned())
    })
}
