use expect_test::{Expect, expect};
use model::{Clock, Text, Timestamp};
use proptest::prelude::*;

use super::super::shared::testing;
use super::*;

#[test]
fn usual_names() {
    check(
        "CEF:0|Maker|Fire Wall|1.0|100|Worm stopped|10|src=203.0.113.9 dst=2001:db8::1 spt=1232 dpt=80 proto=TCP app=HTTP act=blocked suser=ann duser=root shost=a.example dhost=b.example request=http://example.org/a?b requestMethod=POST msg=It was stopped in time fname=x.exe filePath=/tmp/x.exe fileHash=d41d8cd98f00b204e9800998ecf8427e cnt=3 rt=1795244280250 start=Nov 21 2026 06:57:00 in=10 out=20 outcome=Failure reason=policy",
        expect![[r"
            @timestamp = 2026-11-21T06:58:00.250Z
            bartizan.repeat = 3
            destination.bytes = 20
            destination.domain = b.example
            destination.ip = 2001:db8::1
            destination.port = 80
            destination.user.name = root
            event.action = blocked
            event.code = 100
            event.outcome = failure
            event.reason = policy
            event.severity = 10
            event.start = 2026-11-21T06:57:00.000Z
            file.hash.md5 = d41d8cd98f00b204e9800998ecf8427e
            file.name = x.exe
            file.path = /tmp/x.exe
            http.request.method = POST
            message = It was stopped in time
            network.protocol = http
            network.transport = tcp
            observer.product = Fire Wall
            observer.vendor = Maker
            observer.version = 1.0
            rule.name = Worm stopped
            source.bytes = 10
            source.domain = a.example
            source.ip = 203.0.113.9
            source.port = 1232
            source.user.name = ann
            url.domain = example.org
            url.original = http://example.org/a?b
            url.path = /a
            url.query = b
            url.scheme = http
            user.name = ann
        "]],
    );
}

#[test]
fn labels() {
    check(
        "CEF:1|m|p|1|2|n|Low|cs1Label=Rule Name cs1=Block all cn1=5 cn1Label=Threat Level cs2=bare c6a2=2001:db8::1 c6a2Label=Source IPv6 Address",
        expect![[r"
            event.code = 2
            log.level = Low
            message = n
            observer.product = p
            observer.vendor = m
            observer.version = 1
            rule.name = n
            Rule_Name = Block all
            Threat_Level = 5
            cs2 = bare
            Source_IPv6_Address = 2001:db8::1
        "]],
    );
}

#[test]
fn escapes() {
    check(
        r"CEF:0|Ma\|ker|p\\q|1|2|a=b|3|msg=a\=b\\c\nd | e request=/x?y\=z&w=1 other=x\q",
        expect![[r"
            event.code = 2
            event.severity = 3
            message = a=b\c
            d | e
            observer.product = p\q
            observer.vendor = Ma|ker
            observer.version = 1
            rule.name = a=b
            url.original = /x?y=z&w=1
            url.path = /x
            url.query = y=z&w=1
            other = x\q
        "]],
    );
}

#[test]
fn value_that_imitates_a_name() {
    check(
        "CEF:0|m|p|1|2|n|3|src=203.0.113.9 msg=user said src\\=10.0.0.1 src=10.0.0.2",
        expect![[r"
        event.code = 2
        event.severity = 3
        message = user said src=10.0.0.1
        observer.product = p
        observer.vendor = m
        observer.version = 1
        rule.name = n
        source.ip = 203.0.113.9
    "]],
    );
}

#[test]
fn short_records() {
    check(
        "CEF:0|m|p|1|2|n|3|",
        expect![[r"
        event.code = 2
        event.severity = 3
        message = n
        observer.product = p
        observer.vendor = m
        observer.version = 1
        rule.name = n
    "]],
    );
    check(
        "CEF:0|||||||",
        expect![[r"
        message = 
        rule.name = 
    "]],
    );
    check("CEF:0|m|p|1", expect![[r#"Missing("header part")"#]]);
    check(
        "0|m|p|1|2|n|3|src=203.0.113.9",
        expect![[r"
        event.code = 2
        event.severity = 3
        message = n
        observer.product = p
        observer.vendor = m
        observer.version = 1
        rule.name = n
        source.ip = 203.0.113.9
    "]],
    );
    check("CEF:7|m|p|1|2|n|3|", expect![[r#"Invalid("version")"#]]);
}

#[test]
fn our_own_fields_cannot_be_set() {
    check(
        "CEF:0|m|p|1|2|n|3|bartizan.simulated=true event.module=x cs1Label=bartizan.repeat cs1=9",
        expect![[r"
        event.code = 2
        event.severity = 3
        message = n
        observer.product = p
        observer.vendor = m
        observer.version = 1
        rule.name = n
        sender.bartizan.simulated = true
        sender.event.module = x
        sender.bartizan.repeat = 9
    "]],
    );
}

#[test]
fn too_many_names_are_counted() {
    let text = format!("CEF:0|m|p|1|2|n|3|{}", "a=1 ".repeat(NAMES_MAX + 5));
    let text = Text::from(text);
    let mut event = Event::new(text.clone(), Timestamp::default());
    let context = Context {
        received_at: Timestamp::default(),
        clock: Clock::Live,
        utc_offset_seconds: 0,
        tag: "",
        columns: "",
    };
    parse(&text, &mut event, &context).unwrap();
    assert_eq!(event.integer(Field::FieldsDropped), Some(5));
}

proptest! {
    #[test]
    fn written_and_read_again(values in prop::collection::vec("[^ \\r\\n][^\\r\\n]{0,12}", 1..6)) {
        let mut line = "CEF:0|m|p|1|2|n|3|".to_owned();
        for (number, value) in values.iter().enumerate() {
            let value = value.replace('\\', "\\\\").replace('=', "\\=");
            line.push_str(&[" k", &number.to_string(), "=", &value].concat());
        }
        let text = Text::from(line);
        let mut event = Event::new(text.clone(), Timestamp::default());
        let context =
            Context { received_at: Timestamp::default(), clock: Clock::Live, utc_offset_seconds: 0, tag: "", columns: "" };
        prop_assert_eq!(parse(&text, &mut event, &context), Ok(()));
        for (number, value) in values.iter().enumerate() {
            let found = event.get_extra(&format!("k{number}"));
            prop_assert_eq!(found, Some(model::Value::Text(value.trim_end_matches(' '))));
        }
    }
}

#[track_caller]
fn check(text: &str, expect: Expect) {
    assert!(recognises(text));
    testing::check(&FORMAT, text, expect);
}
