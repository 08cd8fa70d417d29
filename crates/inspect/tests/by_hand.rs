//! Attacks as testers spell them by hand, each engine's own way, and honest values that look alike.
//!
//! Every one of the first is found in a form's field, and every one of the second is let pass in a
//! form, in a query and in JSON. Whole requests with more than one field stand below.

mod spellings;

use inspect::{Class, Request, Verdict, inspect};
use spellings::{markup, path, rest, shell, sql};

/// The classes whose lists are long enough for files of their own.
const LONG: &[(&str, &[&str], &[&str])] = &[
    ("sql", sql::ATTACKS, sql::HONEST),
    ("markup", markup::ATTACKS, markup::HONEST),
    ("shell", shell::ATTACKS, shell::HONEST),
    ("path", path::ATTACKS, path::HONEST),
];

#[test]
fn spellings_are_found() {
    let mut missed = Vec::new();
    for (class, attacks, _) in LONG.iter().chain(rest::CLASSES) {
        for attack in *attacks {
            if !form(attack).attack {
                missed.push(format!("{class}: {attack:?} {:?}", form(attack).findings));
            }
        }
    }
    assert!(missed.is_empty(), "{} missed: {missed:#?}", missed.len());
}

#[test]
fn lookalikes_are_let_pass() {
    let mut alarms = Vec::new();
    for (class, _, honest) in LONG.iter().chain(rest::CLASSES) {
        for value in *honest {
            for verdict in [form(value), query(value), json(value)] {
                if verdict.attack {
                    alarms.push(format!("{class}: {value:?} {:?}", verdict.findings));
                }
            }
        }
    }
    assert!(alarms.is_empty(), "{} alarms: {alarms:#?}", alarms.len());
}

/// Payloads cut in pieces that are nothing by themselves: servers join the values of one name with
/// commas, programs with nothing, and the case of the name says nothing to some.
#[test]
fn values_of_one_name_are_joined() {
    for query in [
        "a=1%20union/*&a=*/select%201,2,3",
        "a=1'%20union/*&b=2&A=*/select%201,2--",
        "a=-1%20union%20sel&a=ect%201,2,3",
        "a=<scr&x=1&a=ipt>alert(1)</script>",
        "a=127.0.0.1;ca&a=t%20/etc/passwd",
        "a=../../et&a=c/passwd",
        "a=1&b=1&c=1&d=1&e=1&a=1&b=1&c=1&d=1&e=1%20union/*&e=*/select%201,2",
    ] {
        assert!(target(&format!("/item?{query}")).attack, "{query}");
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        assert!(post(&headers, query).attack, "{query}");
    }
    for query in
        ["tag=a&tag=b&tag=c", "size=S&size=M&Size=L", "q=O'Neill&q=or&q=O'Brien", "f=1--&f=2"]
    {
        assert!(!target(&format!("/item?{query}")).attack, "{query}");
    }
}

/// Keys by which a program's own objects are reached, in names of fields.
#[test]
fn names_of_fields_reach_into_objects() {
    for (query, class) in [
        ("__proto__[x]=1", Class::PrototypePollution),
        ("constructor[prototype][x]=1", Class::PrototypePollution),
        ("a[constructor][prototype][x]=1", Class::PrototypePollution),
        ("__proto__.x=1", Class::PrototypePollution),
        ("a.__proto__.x=1", Class::PrototypePollution),
        ("user[$ne]=1", Class::NosqlInjection),
        ("user[$regex]=.*", Class::NosqlInjection),
        ("user[$gt]=&pass[$gt]=", Class::NosqlInjection),
        ("[$where]=sleep(1)", Class::NosqlInjection),
        ("user[%24ne]=1", Class::NosqlInjection),
    ] {
        let verdict = target(&format!("/login?{query}"));
        let found = verdict.findings.iter().any(|finding| finding.class == class);
        assert!(verdict.attack && found, "{query} {:?}", verdict.findings);
    }
    for query in ["price[min]=1&price[max]=2", "user[name]=x", "a[0][b]=c", "constructor=Ferrari"] {
        assert!(!target(&format!("/login?{query}")).attack, "{query}");
    }
}

/// Lengths that two readers read in two ways.
#[test]
fn lengths_are_read_in_two_ways() {
    for header in [
        ("Transfer-Encoding", "xchunked"),
        ("Transfer-Encoding", " chunked, x"),
        ("Transfer-Encoding", "chunked;x=y, identity"),
        ("Transfer-Encoding", "\"chunked\""),
        ("Transfer-Encoding", "'chunked'"),
        ("Transfer-Encoding", "chunk"),
        ("Transfer-Encoding", "chunked\u{b}"),
        ("Transfer-Encoding", "\u{0}chunked"),
        ("Transfer-Encoding", "chunked\r\nX: y"),
        ("Transfer-Encoding", "c\u{212a}unked"),
        ("Transfer-Encoding", "identity, chunked, identity"),
        ("Transfer-Encoding", "chunked, chunked"),
        ("Transfer-Encoding\u{b}", "chunked"),
        ("Transfer-Encoding :", "chunked"),
        (" Transfer-Encoding", "chunked"),
        ("Transfer_Encoding", "chunked"),
        ("X-A\r\nTransfer-Encoding", "chunked"),
        ("Content-Length", "-1"),
        ("Content-Length", "1, 2"),
        ("Content-Length", "0x10"),
        ("Content-Length", "1e1"),
        ("Content-Length ", "5"),
        ("Content_Length", "5"),
    ] {
        let verdict = post(&[header], "a=b");
        let found = verdict.findings.iter().any(|f| f.class == Class::RequestSmuggling);
        assert!(verdict.attack && found, "{header:?} {:?}", verdict.findings);
    }
    for header in [
        ("Transfer-Encoding", "chunked"),
        ("Transfer-Encoding", "gzip, chunked"),
        ("Transfer-Encoding", "CHUNKED"),
        ("Content-Length", "3"),
        ("TE", "trailers"),
        ("Trailer", "X-Checksum"),
        ("X-Content-Length-Note", "a"),
    ] {
        assert!(!post(&[header], "a=b").attack, "{header:?}");
    }
}

/// What a form in parts is declared as.
const FORM: &str = "multipart/form-data; boundary=b";
/// Heads of a part whose file runs to one reader or another.
const HEADS: &[&str] = &[
    "Content-Disposition: form-data; name=f; filename=\"a.jpg\"; filename=\"x.php\"",
    "Content-Disposition: form-data; name=f; filename=\"x.php\"; filename=\"a.jpg\"",
    "Content-Disposition: form-data; name=f; filename=\"a.jpg\"; filename*=UTF-8''x.p%68p",
    "Content-Disposition: form-data; name=f; filename*0=\"x.p\"; filename*1=\"hp\"",
    "Content-Disposition: form-data; name=f; filename='x.php'",
    "Content-Disposition: form-data; name=f; filename=x.php",
    "Content-Disposition: form-data; name=f; FILENAME = x.php",
    "Content-Disposition: form-data; name=f; filename=\"x.php",
    "Content-Disposition: form-data; name=f;\r\n filename=\"x.php\"",
    "Content-Disposition: form-data; name=f; filename=\"x.p\\hp\"",
    "content-disposition\t:form-data;name=f;filename=x.php",
    "Content-Disposition: x; filename=a.jpg\r\nContent-Disposition: x; filename=x.php",
    "X: y\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename=x.php",
];
/// Types of a request whose boundary is found by one reader or another.
const TYPES: &[&str] = &[
    FORM,
    "multipart/form-data; boundary=\"b\"",
    "multipart/form-data; BOUNDARY = b",
    "multipart/form-data; boundary=b, x",
    "multipart/form-data; boundary=z; boundary=b",
    "multipart/form-data",
    "multipart/form-data; boundary=other",
    "multipart/mixed; boundary=b",
    "Multipart/Form-Data; charset=utf-8; boundary=b",
];

/// Forms in parts, of which one reader sees one file and another a second.
#[test]
fn files_are_judged_by_every_name() {
    for head in HEADS {
        for end in ["\r\n--b--\r\n", "\r\n--b", ""] {
            uploads(&[("Content-Type", FORM)], &format!("--b\r\n{head}\r\n\r\nx{end}"));
        }
    }
    let body = "--b\r\nContent-Disposition: form-data; name=f; filename=x.php\r\n\r\nx\r\n--b--";
    for media in TYPES {
        uploads(&[("Content-Type", media)], body);
    }
    let [plain, form] = [("Content-Type", "text/plain"), ("Content-Type", FORM)];
    uploads(&[plain, form], body);
    uploads(&[form, plain], body);
}

#[test]
fn honest_forms_in_parts() {
    let headers = [("Content-Type", FORM)];
    for head in [
        "name=\"a\"; title=\"x.php\"",
        "name=\"x.php\"",
        "name=f; filename=\"a.jpg\"",
        "name=f; filename=\"photo of 'x.php'.jpg\"",
        "name=f; filename=\"C:\\photos\\a.jpg\"; filename*=UTF-8''a.jpg",
    ] {
        let body = format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\nv\r\n--b--");
        let verdict = post(&headers, &body);
        assert!(!verdict.attack, "{head} {:?}", verdict.findings);
    }
    let body = "--b\r\nContent-Disposition: form-data; name=t\r\nContent-Disposition: y; name=\"<svg onload=alert(1)>\"\r\n\r\nv\r\n--b--";
    assert!(post(&headers, body).attack, "a second name");
}

fn uploads(headers: &[(&str, &str)], body: &str) {
    let verdict = post(headers, body);
    let found = verdict.findings.iter().any(|f| f.class == Class::MaliciousUpload);
    assert!(verdict.attack && found, "{headers:?} {body} {:?}", verdict.findings);
}

/// Documents in encodings that a filter of bytes does not read.
#[test]
fn documents_in_wide_characters() {
    let text =
        "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>";
    let wide = |swap: bool| -> Vec<u8> {
        let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
        units.flat_map(|unit| if swap { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    for body in [wide(false), wide(true), text.as_bytes().to_vec()] {
        let headers = [("Host", "shop.example"), ("Content-Type", "application/xml")];
        let verdict = inspect(&Request {
            method: "POST",
            target: "/feed",
            version: "HTTP/1.1",
            headers: &headers,
            body: &body,
            whole: true,
        });
        let found = verdict.findings.iter().any(|f| f.class == Class::XmlExternalEntity);
        assert!(verdict.attack && found, "{:?}", verdict.findings);
    }
}

fn form(value: &str) -> Verdict {
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    post(&headers, &format!("id={}", percent(value)))
}

fn query(value: &str) -> Verdict {
    target(&format!("/item?id={}", percent(value)))
}

fn json(value: &str) -> Verdict {
    let body = serde_json::json!({ "id": 17, "text": value }).to_string();
    post(&[("Content-Type", "application/json")], &body)
}

fn target(target: &str) -> Verdict {
    inspect(&Request {
        method: "GET",
        target,
        version: "HTTP/1.1",
        headers: &[("Host", "shop.example")],
        body: b"",
        whole: true,
    })
}

fn post(headers: &[(&str, &str)], body: &str) -> Verdict {
    let headers: Vec<(&str, &str)> =
        [("Host", "shop.example")].iter().chain(headers).copied().collect();
    inspect(&Request {
        method: "POST",
        target: "/item",
        version: "HTTP/1.1",
        headers: &headers,
        body: body.as_bytes(),
        whole: true,
    })
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            _ => format!("%{byte:02x}"),
        })
        .collect()
}
