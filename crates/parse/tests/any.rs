//! Whatever comes in, an event comes out, and it holds the record as it was.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::net::IpAddr;
use std::sync::Arc;

use model::{Clock, Field, Origin, Record, Text, Timestamp};
use parse::{FORMATS, Parser, ParserConfig};
use proptest::prelude::*;

fn record(text: &str, origin: Origin) -> Record {
    Record {
        text: Text::from(text),
        received_at: Timestamp::parse("2026-11-21T07:00:00Z").unwrap(),
        origin: Arc::new(origin),
        truncated_bytes: 0,
        escaped_bytes: 0,
    }
}

/// Pieces of records.
const PIECES: &[&str] = &[
    "<34>",
    "1 ",
    "- ",
    "Nov 21 06:58:00 ",
    "2026-11-21T06:58:00Z ",
    "web1 ",
    "sshd[1]: ",
    "sudo: ",
    "su: ",
    "cron[1]: ",
    "useradd[1]: ",
    "kernel: ",
    "systemd[1]: ",
    "[a b=\"c\"] ",
    "Failed password for ",
    "invalid user ",
    "root",
    " from ",
    "203.0.113.9",
    " port ",
    "22",
    " ssh2",
    ": ",
    "(root) CMD (",
    ")",
    "pam_unix(sshd:auth): ",
    "authentication failure; ",
    "rhost=",
    " user=",
    " : TTY=",
    " ; COMMAND=",
    "new user: name=",
    "'",
    "\"",
    "[",
    "]",
    "{",
    "}",
    "=",
    "IN=eth0 ",
    " SRC=",
    " DST=",
    "MAC=",
    "message repeated ",
    "5 times: [",
    "é",
    "\\",
    "\u{feff}",
    "\0",
    "CEF:0|",
    "LEEF:1.0|",
    "GET / HTTP/1.1",
    " - - [",
    "%",
    ".",
    "::",
    "last ",
    "type=EXECVE msg=audit(1795244280.123:4242): ",
    "node=web1 type=",
    "a0=6162",
    "msg='op=login acct=",
    "saddr=0200",
    "2026-11-21T06:58:00Z 14 [Note] ",
    "\t   14 Query\t",
    "Access denied for user '",
    "'@'",
    "20261121 06:58:00,db1,ann,203.0.113.9,14,0,CONNECT,",
    " FATAL:  ",
    "user \"",
    "ann@shop ",
    "4242:M 21 Nov 2026 06:58:00.123 * ",
    "REPLICAOF ",
    "1795244280.107412 [0 203.0.113.9:1] \"",
    "[pid 4242] [",
    "] OK LOGIN: Client \"",
    "Auth: [SMB2] user [W]\\[",
    "] at [x] status [",
    " remote host [ipv4:",
    "ann|203.0.113.9|unlinkat|ok|",
    "203.0.113.9:51514 TLS Error: ",
    "{\"EventID\":4732,\"TargetUserName\":",
    "203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] \"",
    "203.0.113.9:5 [21/Nov/2026:06:58:00.123] a b/c 1/2/3/4/5 200 7 - - ---- 1/1/1/1/0 0/0 ",
    "[2026-11-21T06:58:00.123Z] \"",
    "https 2026-11-21T06:58:00Z app 203.0.113.9:5 - 0.1 0.2 0.3 200 200 1 2 \"",
    "2026-11-21T06:58:00Z web 203.0.113.9:5 - 0.1 0.2 0.3 200 200 1 2 \"",
    "2026-11-21 06:58:00 192.0.2.1 GET /a - 80 - 203.0.113.9 ",
    "2026-11-21\t06:58:00\tX\t1\t203.0.113.9\tGET\t",
    "\" 200 512 \"",
    "\" \"",
    " - 0 512 15 14 \"",
    " 49 \"r\" \"u\" 12ms",
    "{a|b#22} ",
    "\\x22\\xC3",
    "%22%C3",
    "GET /a?b=c HTTP/1.1",
    " 200 0 0 15",
    "\t",
    "{\"request\":\"GET / HTTP/1.1\",\"remote_addr\":\"::1\",\"status\":200,\"x\":\"",
];

/// What logs say of their columns.
const COLUMNS: &[&str] = &[
    "",
    "date time cs-method cs-uri-stem",
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent)",
    "cs-uri date time",
    "cs-method",
    "a b c",
];

/// Records of pieces: put together at random they come near to every branch.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(PIECES.to_vec());
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_is_an_event(text in ".{0,200}") {
        let parser = Parser::new(ParserConfig::default());
        let event = parser.parse(record(&text, Origin::default()));
        prop_assert_eq!(event.original(), text.as_str());
        prop_assert!(event.text(Field::EventModule).is_some());
    }

    #[test]
    fn any_pieces_are_an_event(
        text in pieces(),
        forced in 0..FORMATS.len(),
        columns in prop::sample::select(COLUMNS.to_vec()),
    ) {
        let columns = Some(columns).filter(|names| !names.is_empty()).map(Arc::from);
        let origin = Origin { columns, ..Origin::default() };
        for parser in [
            Parser::new(ParserConfig { utc_offset_seconds: -3600 }),
            Parser::with_format(FORMATS[forced].id).unwrap(),
        ] {
            let event = parser.parse(record(&text, origin.clone()));
            prop_assert_eq!(event.original(), text.as_str());
            let module = event.text(Field::EventModule).unwrap();
            prop_assert!(module == "unknown" || FORMATS.iter().any(|format| format.id == module));
            // Every field can be told.
            let _ = event.to_string();
        }
    }

    /// Whatever the user's name, the address is the one that the server saw.
    #[test]
    fn user_names_cannot_forge_the_address(name in "[ -~]{0,60}", imitated in any::<bool>()) {
        let name = if imitated { format!("{name} from 10.0.0.1 port 1 ssh2") } else { name };
        let line = format!(
            "Nov 21 06:58:00 web1 sshd[1]: Failed password for invalid user {name} from 203.0.113.9 port 22 ssh2"
        );
        let event = Parser::default().parse(record(&line, Origin::default()));
        prop_assert_eq!(event.ip(Field::SourceIp), Some("203.0.113.9".parse::<IpAddr>().unwrap()));
        prop_assert_eq!(event.text(Field::EventAction), Some("ssh_login"));
        prop_assert_eq!(event.text(Field::UserName).unwrap_or(""), name);
    }
}

#[test]
fn the_origin_is_told() {
    let origin = Origin {
        input: "syslog_udp".to_owned(),
        path: Some("/var/log/auth.log".to_owned()),
        peer: Some("192.0.2.5".parse().unwrap()),
        simulated: true,
        ..Origin::default()
    };
    let mut record = record("hello", origin);
    record.truncated_bytes = 7;
    record.escaped_bytes = 3;
    let event = Parser::default().parse(record);
    expect_test::expect![[r"
        bartizan.escaped_bytes = 3
        bartizan.input = syslog_udp
        bartizan.simulated = true
        bartizan.truncated_bytes = 7
        event.module = unknown
        log.file.path = /var/log/auth.log
        message = hello
        observer.ip = 192.0.2.5
    "]]
    .assert_eq(&event.to_string());
}

#[test]
fn what_was_not_decoded_is_no_log_line() {
    let origin = Origin {
        undecoded: Some("not authentic"),
        format: Some("sshd".to_owned()),
        ..Origin::default()
    };
    let line =
        "Nov 21 06:58:00 web1 sshd[1]: Accepted password for eve from 203.0.113.9 port 22 ssh2";
    expect_test::expect![[r"
        bartizan.decode_fault = not authentic
        event.module = unknown
        message = Nov 21 06:58:00 web1 sshd[1]: Accepted password for eve from 203.0.113.9 port 22 ssh2
    "]]
    .assert_eq(&Parser::default().parse(record(line, origin)).to_string());
}

#[test]
fn live_times_are_held_and_old_files_are_not() {
    let claims = |line: &str, clock| {
        let event = Parser::default().parse(record(line, Origin { clock, ..Origin::default() }));
        let claimed = event.get(Field::ClaimedTime).map(|time| time.to_string());
        format!("{} {}", event.time, claimed.unwrap_or_default())
    };
    let file = Clock::File(Timestamp::parse("2019-03-01T00:00:00Z").unwrap());
    let told = [
        claims("<13>1 2026-11-21T06:58:00Z h a - - - x", Clock::Live),
        claims("<13>1 2026-11-20T06:58:00Z h a - - - x", Clock::Live),
        claims("<13>1 2036-11-20T06:58:00Z h a - - - x", Clock::Live),
        claims("Dec 24 06:58:00 h a: x", Clock::Live),
        claims("Dec 24 06:58:00 h a: x", file),
        claims("<13>1 2006-11-20T06:58:00Z h a - - - x", file),
    ];
    expect_test::expect![[r"
        2026-11-21T06:58:00.000Z 
        2026-11-20T07:00:00.000Z 2026-11-20T06:58:00.000Z
        2026-11-21T07:01:00.000Z 2036-11-20T06:58:00.000Z
        2026-11-20T07:00:00.000Z 2025-12-24T06:58:00.000Z
        2018-12-24T06:58:00.000Z 
        2006-11-20T06:58:00.000Z "]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn a_format_can_be_named() {
    let origin = Origin { format: Some("sudo".to_owned()), ..Origin::default() };
    let line = "ann : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/id";
    let event = Parser::default().parse(record(line, origin));
    assert_eq!(event.text(Field::EventModule), Some("sudo"));
    assert!(Parser::with_format("no such format").is_none());
    let event = Parser::with_format("sshd").unwrap().parse(record(line, Origin::default()));
    assert_eq!(event.text(Field::EventModule), Some("unknown"));
}

#[test]
fn lines_are_read_by_the_columns_that_their_log_named_last() {
    let read = |columns: &str, line: &str| {
        let columns = Some(Arc::from(columns));
        let event = Parser::default().parse(record(line, Origin { columns, ..Origin::default() }));
        format!(
            "{} {} {}",
            event.text(Field::EventModule).unwrap(),
            event.text(Field::UrlOriginal).unwrap_or("-"),
            event.text(Field::UserAgentOriginal).unwrap_or("-"),
        )
    };
    let told = [
        read("time date c-ip cs-method cs-uri-stem", "06:58:00 2026-11-21 192.0.2.9 GET /a"),
        read("cs-uri-stem cs(User-Agent) date time", "/a a+b 2026-11-21 06:58:00"),
        read("cs-uri-stem cs(User-Agent) date time", "/a\ta%2bb\t2026-11-21\t06:58:00"),
        // What does not fit is another log's line.
        read("cs-uri-stem date time", "something else"),
        read("cs-uri-stem date time", "/a 2026-11-21 nonsense"),
        read("date time client query", "2026-11-21 06:58:00 192.0.2.9 example.org"),
    ];
    expect_test::expect![[r"
        w3c /a -
        w3c /a a b
        cloudfront /a a+b
        unknown - -
        unknown - -
        unknown - -"]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn no_program_speaks_in_anothers_name() {
    let line = "Nov 21 06:58:00 web1 guestbook[1]: Accepted password for root from 203.0.113.9 port 22 ssh2";
    let event = Parser::default().parse(record(line, Origin::default()));
    assert_eq!(event.text(Field::EventModule), Some("syslog"));
    assert_ne!(event.text(Field::EventAction), Some("ssh_login"));
    assert_eq!(event.text(Field::ProcessName), Some("guestbook"));
}
