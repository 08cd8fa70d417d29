use expect_test::{Expect, expect};
use model::Event;

use super::*;
use crate::reading::yaml;

#[test]
fn texts() {
    check("f: Ab", expect![[r#"f: "ab""#]]);
    check("f|contains: [a, b]", expect!["f: *a* or f: *b*"]);
    check("f|contains|all: [a, b]", expect!["f: *a* and f: *b*"]);
    check("f|startswith: 'a*b'", expect!["f: a*b*"]);
    check("f|endswith|cased: B", expect!["f: *B (exact case)"]);
    check("f|exact: B", expect![[r#"f: "b""#]]);
    check("f: 'a?'", expect!["f: a?"]);
    check("f|neq: [a, b]", expect![[r#"not (f: "a" or f: "b")"#]]);
    check("f: [1, x, 1.5]", expect![[r#"f: 1 or f: "x" or f: 1.5"#]]);
    check("f|contains: 7045", expect!["f: *7045*"]);
    check("f: [null, '']", expect![[r#"not f: * or f: """#]]);
    check("f: true", expect![[r#"f: "true""#]]);
    check("'|all': [a, b]", expect!["a and b"]);
}

#[test]
fn encodings() {
    check("f|base64: foobar", expect![[r#"f: "zm9vymfy""#]]);
    check(
        "f|base64offset|contains: '/bin/sh'",
        expect!["f: *l2jpbi9za* or f: *9iaw4vc2* or f: *vymlul3no*"],
    );
    check(
        "f|wide|base64offset|contains: http",
        expect!["f: *aab0ahqaca* or f: *gadab0ahaa* or f: *oahqadabwa*"],
    );
    check("f|utf16|base64: ab", expect![[r#"f: "//5hagia""#]]);
    check("f|utf16be|base64: ab", expect![[r#"f: "ageayg==""#]]);
    check(
        "f|windash|contains: ' -f /x-y'",
        expect![[
            r"f: *\ -f\ -x-y* or f: *\ -f\ /x-y* or f: *\ -f\ –x-y* or f: *\ -f\ —x-y* or f: *\ -f\ ―x-y* or f: *\ /f\ -x-y* or f: *\ /f\ /x-y* or f: *\ /f\ –x-y* or f: *\ /f\ —x-y* or f: *\ /f\ ―x-y* or f: *\ –f\ -x-y* or f: *\ –f\ /x-y* or f: *\ –f\ –x-y* or f: *\ –f\ —x-y* or f: *\ –f\ ―x-y* or f: *\ —f\ -x-y* or f: *\ —f\ /x-y* or f: *\ —f\ –x-y* or f: *\ —f\ —x-y* or f: *\ —f\ ―x-y* or f: *\ ―f\ -x-y* or f: *\ ―f\ /x-y* or f: *\ ―f\ –x-y* or f: *\ ―f\ —x-y* or f: *\ ―f\ ―x-y*"
        ]],
    );
    check("f|expand: 'a%one%b%two%'", expect![[r#"f: ax*b%one% or f: "a1b%one%""#]]);
    check("f|expand: '%none%'", expect!["1:11 nothing is known of the placeholder %none%"]);
    check("f|base64: 'a*'", expect!["1:11 `base64` cannot hold wildcards"]);
}

#[test]
fn everything_else() {
    check("f|re: '^a.+b$'", expect!["f: /^a.+b$/"]);
    check("f|re|i|m|s: a", expect!["f: /a/ims"]);
    check("f|re: '(a'", expect!["1:7 regular expression: unclosed group"]);
    check("f|cidr: [10.0.0.0/8, '2001:db8::/32']", expect!["f: 10.0.0.0/8 or f: 2001:db8::/32"]);
    check("f|cidr: ten", expect!["1:9 expected a network such as 10.0.0.0/8"]);
    check("f|exists: true", expect!["f: *"]);
    check("f|exists: false", expect!["not f: *"]);
    check("f|exists: maybe", expect!["1:11 `exists` takes true or false"]);
    check("f|fieldref: g", expect!["f equals field g"]);
    check("f|fieldref|endswith: g", expect!["f ends with field g"]);
    check("f|gt: 5", expect!["f > 5"]);
    check("f|lte: 1.5", expect!["f <= 1.5"]);
    check("f|gte: 2026-01-01T00:00:00Z", expect![[r#"f >= "2026-01-01T00:00:00.000Z""#]]);
    check("f|lt: x", expect!["1:7 expected a number"]);
    check("f|hour: [22, 23]", expect!["f hour 22 or f hour 23"]);
    check("f|week: x", expect!["1:9 expected a whole number"]);
    check("f|nonsense: x", expect!["1:1 unknown modifier `nonsense`"]);
    check("f|re|contains: x", expect!["1:1 `contains`, `startswith` and `endswith` are for texts"]);
    check(
        "f|contains|cidr: 10.0.0.0/8",
        expect!["1:1 `contains`, `startswith` and `endswith` are for texts"],
    );
    check("f|re|cidr: x", expect!["1:1 `cidr` does not go with what stands before it"]);
    check("f: []", expect!["1:1 an item needs a value"]);
}

#[test]
fn names_of_the_web_and_of_unix() {
    let web = Logsource { category: Some("webserver".to_owned()), ..Logsource::default() };
    let unix = Logsource { product: Some("linux".to_owned()), ..Logsource::default() };
    check_in("sc-status: 404", &web, expect!["sc-status: 404 or http.response.status_code: 404"]);
    check_in(
        "CommandLine: null",
        &unix,
        expect!["not (CommandLine: * or process.command_line: *)"],
    );
    check_in(
        "cs-host|fieldref: c-ip",
        &web,
        expect![
            "cs-host equals field c-ip or cs-host equals field source.ip or url.domain equals field c-ip or url.domain equals field source.ip"
        ],
    );
}

#[test]
fn base64_at_every_offset_is_found() {
    for before in ["", "x", "xy", "xyz"] {
        let text = STANDARD.encode(format!("{before}/bin/bash -i and more"));
        let node = compiled("f|base64offset|contains: /bin/bash", &Logsource::default()).unwrap();
        let mut event = Event::default();
        event.set_path("f", text.as_str());
        assert!(node.matches(&event), "{text}");
    }
}

fn compiled(text: &str, logsource: &Logsource) -> Result<Node, Fault> {
    let (documents, _) = yaml::parse(text);
    let (key, value) = &documents[0].entries()[0];
    let placeholders = Placeholders::from([
        ("one".to_owned(), vec!["1".to_owned(), "x*".to_owned()]),
        ("two".to_owned(), vec!["%one%".to_owned()]),
    ]);
    compile(key, value, &Scope::new(logsource, &placeholders))
}

#[track_caller]
fn check(text: &str, expect: Expect) {
    check_in(text, &Logsource::default(), expect);
}

#[track_caller]
fn check_in(text: &str, logsource: &Logsource, expect: Expect) {
    let said = match compiled(text, logsource) {
        Ok(node) => node.to_string(),
        Err(fault) => format!("{}:{} {}", fault.line, fault.column, fault.message),
    };
    expect.assert_eq(&said);
}
