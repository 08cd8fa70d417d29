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
