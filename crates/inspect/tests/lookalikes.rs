//! Honest requests that look like attacks to whoever matches words: none may raise an alarm.

use inspect::{Request, inspect};

/// Values as people and programs send them.
const VALUES: &[&str] = &[
    "O'Brien",
    "5'11\" tall; weighs 80 kg -- roughly",
    "rock 'n' roll and rhythm 'n' blues",
    "select a plan from the list or call us",
    "union select committee report (2019)",
    "drop table reservations at 5; update the guest list",
    "order by phone; delivery to your table or pick-up",
    "1=1 is always true",
    "http:8080",
    "'90s or '80s",
    "songs of the '90s and '80s",
    "sqrt(2) + sqrt(3)",
    "sin(x) + cos(y) = 1",
    "max(a, b) - min(a, b)",
    "load csv from disk",
    "https:443",
    "John said \"or else\" and left",
    "Fish & Chips; Bangers & Mash",
    "C:\\Program Files\\App\\bin",
    "a < b && c > d || e == f",
    "I <3 Rust <grin>",
    "<b>bold</b> and <i>italic</i> with <a href=\"https://example.com/\">link</a>",
    "if (a[i] > b) { swap(a, b); }",
    "SELECT name FROM products WHERE price > 10",
    "query { user(id: 4) { name, friends(first: 10) { edges { node { name } } } } }",
    "{\"theme\":\"dark\",\"filters\":{\"price\":[10,20],\"in_stock\":true}}",
    "#main > ul.nav li:nth-child(2) a[href^='http']",
    "Hello {{first_name}}, your code is ${code}",
    "price: $(100) or best offer",
    "## Title\n\n- item `ls -la`\n- run `cat file.txt` to see it\n",
    "| id | name |\n|----|------|\n| 1 | a |",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "../images/logo.png",
    "see ./docs/../README.md for details",
    "~/.config/nvim/init.lua",
    "javascript: the good parts",
    "what does document.cookie do in the browser",
    "online=true; only=1",
    "To: the manager\nFrom: the staff\nSubject: tea",
    "Dear Sir,\r\n\r\nplease call me; echo is my dog.\r\nid card attached.",
    "(cn=staff)",
    "x^2 + y^2 = r^2 (r > 0) and x = y",
    "50% off!!! -- today only #sale",
    "name LIKE 'a%' in our docs",
    "sleep(8) hours a night",
    "find . and think",
    "AT&T; T&C's apply",
    "node, perl, python & ruby developers",
    "https://example.com/path?x=1&y=2#top",
    "https://www.example.org/?next=/a/b/../c",
    "user@example.com, admin@example.com",
    "12:30-14:00; 15:00-16:00",
    "2024-01-01' to '2024-12-31",
    "MATCH (n:Person)-[:KNOWS]->(m) RETURN n",
    "contains(Name,'ab''c') and Price gt 98",
    "git commit -m 'fix: a or b'",
    "{\"$schema\": \"https://json-schema.org/draft/2020-12/schema\"}",
    "the <title> tag; the \"script\" problem explained",
    "eval and alert are words (really)",
    "it's 6 o'clock or later",
    "Q&A: is it 'yes' or 'no'?",
];

/// Programs that call themselves by honest names.
const AGENTS: &[&str] = &[
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
    "Dalvik/2.1.0 (Linux; U; Android 13; SM-A536B Build/TP1A.220624.014)",
    "curl/8.5.0",
    "python-requests/2.32.3",
    "Tiny Tiny RSS/1.11 (http://tt-rss.org/)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
];

#[test]
fn values_are_clean_wherever_they_stand() {
    let mut alarms = Vec::new();
    for value in VALUES {
        let target = format!("/search?q={}", percent(value));
        let form = format!("id=17&text={}", percent(value));
        let json = serde_json::json!({ "id": 17, "text": value }).to_string();
        for (target, media, body) in [
            (target.as_str(), "", ""),
            ("/comment", "application/x-www-form-urlencoded", form.as_str()),
            ("/api/items", "application/json", json.as_str()),
        ] {
            let headers = [("Content-Type", media)];
            let (method, version, body) = ("POST", "HTTP/1.1", body.as_bytes());
            let verdict =
                inspect(&Request { method, target, version, headers: &headers, body, whole: true });
            if verdict.attack {
                alarms.push(format!("{value:?}: {:?}", verdict.findings));
            }
        }
    }
    assert!(alarms.is_empty(), "{}", alarms.join("\n"));
}

#[test]
fn honest_programs_are_clean() {
    for agent in AGENTS {
        let headers = [("User-Agent", *agent), ("Accept", "text/html,*/*;q=0.8")];
        let verdict = inspect(&Request {
            method: "GET",
            target: "/",
            version: "HTTP/1.1",
            headers: &headers,
            body: b"",
            whole: true,
        });
        // A library's name is told as a hint, and nothing else is said of it.
        let hints = usize::from(agent.starts_with("curl/") || agent.starts_with("python-"));
        assert!(!verdict.attack && verdict.findings.len() == hints, "{agent}: {verdict:?}");
    }
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
