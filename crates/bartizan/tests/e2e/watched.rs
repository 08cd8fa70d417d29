//! The product watches itself: who is not let in to the console is recorded, is an event, and an alert.

use crate::console::Console;
use crate::product::{Place, Product, bartizan, eventually};

#[test]
fn guessing_at_the_console_is_audited_kept_and_told() {
    let place = Place::new();
    let mut product = Product::start(&place.configure(""));
    let console = Console::set_up(&mut product);
    let live = console.live();

    // Five wrong ones, and from then on nobody is heard.
    for number in 0..8 {
        let status = console.try_log_in("admin", "not the passphrase");
        assert_eq!(status, if number < 5 { 401 } else { 429 });
    }
    let alert = loop {
        let alert = live.next("alert");
        if alert["title"].as_str().unwrap().contains("own console") {
            break alert;
        }
    };
    assert_eq!(alert["entity"]["value"], "127.0.0.1");

    let events = eventually("the attempts as events", || {
        let found = console.get("/api/v1/events?q=event.module:console&order=oldest");
        let items = found["items"].as_array().unwrap().clone();
        (items.len() >= 6).then_some(items)
    });
    assert_eq!(events[0]["event"]["reason"], "wrong password");
    assert_eq!(events[0]["user"]["name"], "admin");
    assert_eq!(events[5]["event"]["reason"], "too many attempts");
    let text = serde_json::to_string(&events).unwrap();
    assert!(!text.contains("passphrase"), "{text}");

    let audit = console.get("/api/v1/audit");
    let of = |action: &str| {
        let items = audit["items"].as_array().unwrap();
        items.iter().find(|item| item["action"] == action).unwrap().clone()
    };
    assert_eq!(
        (of("log_in_refused")["times"].as_u64(), of("log_in_refused")["by"].as_str()),
        (Some(5), Some("admin"))
    );
    // The first was written at once, the others with this question.
    assert_eq!(of("log_in_held_off")["times"], 3);
    assert_eq!(product.stop(), Some(0));

    let listed = bartizan()
        .args(["audit", "--refused", "--output", "json", "--data"])
        .arg(place.path("data"))
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let lines: Vec<serde_json::Value> =
        listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{listed}");
    assert_eq!(lines[1]["detail"].as_str().unwrap().split(';').next(), Some("wrong password"));
}

#[test]
fn a_program_holds_a_token_until_it_is_taken_back() {
    let place = Place::new();
    let mut product = Product::start(&place.configure(""));
    let console = Console::set_up(&mut product);
    let data = place.path("data");
    let token = |arguments: &[&str]| {
        let mut token = bartizan();
        let output = token.arg("token").args(arguments).arg("--data").arg(&data).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, made, _) = token(&["add", "backup", "--user", "admin", "--days", "7"]);
    assert_eq!(code, Some(0));
    let secret = made.trim();
    // Beside the running product, at once.
    assert_eq!(console.as_program(secret, "/api/v1/ledger"), 200);
    assert_eq!(console.as_program(secret, "/api/v1/audit"), 403, "it only reads");
    assert_eq!(console.as_program("btz_made_up", "/api/v1/ledger"), 401);
    let (_, listed, _) = token(&["list", "--output", "json"]);
    let listed: serde_json::Value = serde_json::from_str(listed.trim()).unwrap();
    assert_eq!((&listed["name"], &listed["from"]), (&"backup".into(), &"127.0.0.1".into()));
    assert!(!listed.to_string().contains(secret));
    assert_eq!(token(&["revoke", "1"]).0, Some(0));
    assert_eq!(console.as_program(secret, "/api/v1/ledger"), 401);
    assert_eq!(token(&["revoke", "1"]).0, Some(1));
    assert_eq!(token(&["add", "x", "--user", "nobody"]).0, Some(1));

    // Nothing that is kept opens anything: neither the catalog nor its side files hold the token.
    assert_eq!(product.stop(), Some(0));
    for file in std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path()) {
        if file.is_file() {
            let bytes = std::fs::read(&file).unwrap();
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{}", file.display());
        }
    }
}
