//! From a log line to an alert on the live stream.

use std::time::{Duration, Instant};

use crate::console::Console;
use crate::product::{Place, Product};

#[test]
fn six_failed_logins_over_udp_reach_the_live_stream() {
    let place = Place::new();
    let mut product = Product::start(&place.configure(""));
    let console = Console::set_up(&mut product);
    let live = console.live();

    let lines: Vec<String> = (0..6).map(failed_login).collect();
    let sent = Instant::now();
    product.send_udp(&lines);

    let alert = loop {
        let alert = live.next("alert");
        if alert["title"].as_str().unwrap().to_lowercase().contains("brute") {
            break alert;
        }
    };
    // The bound is part of what is promised, not a measurement of speed.
    assert!(sent.elapsed() < Duration::from_secs(2), "took {:?}", sent.elapsed());
    assert_eq!(alert["entity"]["value"], "203.0.113.9");
    assert_eq!(alert["count"], 6);
    assert_eq!(alert["status"], "open");

    let id = alert["id"].as_str().unwrap();
    let evidence = console.get(&format!("/api/v1/alerts/{id}/events"));
    let originals: Vec<&str> = evidence["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["event"]["original"].as_str().unwrap())
        .collect();
    assert_eq!(originals, lines);
    let joined = console.sql(&format!(
        "SELECT a.entity_value, a.happenings, count(*) FROM alerts a \
         JOIN alert_events x ON x.alert_id = a.id JOIN events e ON e.event.id = x.event_id \
         WHERE a.id = {id} AND e.event.outcome = 'failure' GROUP BY 1, 2"
    ));
    let row: [serde_json::Value; 3] = ["203.0.113.9".into(), 6.into(), 6.into()];
    assert_eq!(joined, [row]);
    assert_eq!(product.stop(), Some(0));
}

fn failed_login(number: usize) -> String {
    format!(
        "<38>Nov 21 06:58:0{number} web1 sshd[4242]: \
         Failed password for invalid user admin from 203.0.113.9 port {} ssh2",
        51_514 + number
    )
}
