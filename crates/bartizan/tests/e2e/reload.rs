//! Rules that change while the product runs.

use std::path::Path;

use crate::console::Console;
use crate::product::{Place, Product, eventually};

#[test]
fn a_rule_written_while_it_runs_makes_alerts_without_a_restart() {
    let place = Place::new();
    let mut product = Product::start(&place.configure(""));
    let console = Console::set_up(&mut product);
    let live = console.live();
    let folder = place.path("data").join("rules");

    write_slowly(&folder.join("teapot.yml"), &rule("teapot", "short and stout"));
    let news = live.next("rules");
    assert_eq!(news["added"], 1, "{news}");
    assert_eq!(news["faults"], 0, "{news}");

    product.send_udp(&["<13>Nov 21 06:58:00 web1 kettle[1]: short and stout".to_owned()]);
    let alert = live.next("alert");
    assert_eq!(alert["title"], "teapot");

    // A rule that is wrong is told of with its place, and takes nothing else away.
    std::fs::write(folder.join("wrong.yml"), "title: wrong\ndetection: {s: {a|what: 1}}\n")
        .unwrap();
    let news = live.next("rules");
    assert_eq!(news["faults"], 1, "{news}");
    let rules = console.get("/api/v1/rules");
    let fault = &rules["faults"][0];
    assert!(fault["path"].as_str().unwrap().ends_with("wrong.yml"), "{fault}");
    assert!(fault["line"].as_u64().unwrap() > 0 && fault["kept"] == false, "{fault}");
    assert!(has_rule(&rules, "teapot"));

    // A rule that ran and is damaged stays in force as it was.
    std::fs::write(folder.join("teapot.yml"), "title: teapot\nlogsource: {").unwrap();
    live.next("rules");
    let rules = console.get("/api/v1/rules");
    assert!(has_rule(&rules, "teapot"));
    let faults = rules["faults"].as_array().unwrap();
    let kept = faults.iter().find(|fault| fault["kept"] == true).unwrap();
    assert!(kept["path"].as_str().unwrap().ends_with("teapot.yml"), "{kept}");
    assert!(console.text("/metrics").contains("\nbartizan_rule_faults 2\n"));

    // A rule whose file is gone is gone.
    std::fs::remove_file(folder.join("teapot.yml")).unwrap();
    std::fs::remove_file(folder.join("wrong.yml")).unwrap();
    let news = live.next("rules");
    assert_eq!((&news["removed"], &news["faults"]), (&1.into(), &0.into()), "{news}");
    assert!(!has_rule(&console.get("/api/v1/rules"), "teapot"));
}

#[test]
fn a_correlation_that_is_half_way_survives_a_reload() {
    let place = Place::new();
    let mut product = Product::start(&place.configure(""));
    let console = Console::set_up(&mut product);
    let live = console.live();
    let logins = |range: std::ops::Range<usize>| range.map(failed_login).collect::<Vec<_>>();

    product.send_udp(&logins(0..3));
    eventually("three are stored", || {
        let rows = console.sql("SELECT count(*) FROM events");
        (rows[0][0].as_u64() == Some(3)).then_some(())
    });
    let folder = place.path("data").join("rules");
    std::fs::write(folder.join("teapot.yml"), rule("teapot", "short and stout")).unwrap();
    let news = console.post("/api/v1/rules/reload", &serde_json::json!({}));
    assert_eq!(news["added"], 1, "{news}");
    product.send_udp(&logins(3..6));

    let alert = loop {
        let alert = live.next("alert");
        if alert["title"].as_str().unwrap().to_lowercase().contains("brute") {
            break alert;
        }
    };
    assert_eq!(alert["count"], 6, "{alert}");
}

pub(crate) fn failed_login(number: usize) -> String {
    format!(
        "<38>Nov 21 06:58:0{number} web1 sshd[4242]: \
         Failed password for invalid user admin from 203.0.113.9 port {} ssh2",
        51_514 + number
    )
}

fn rule(title: &str, keyword: &str) -> String {
    format!(
        "title: {title}\nid: {title}\nlevel: high\nlogsource: {{product: linux}}\n\
         detection: {{words: ['{keyword}'], condition: words}}\n"
    )
}

fn has_rule(rules: &serde_json::Value, id: &str) -> bool {
    rules["items"].as_array().unwrap().iter().any(|rule| rule["id"] == id)
}

/// Writes as some editors do: a file beside, and a name that is there and then is not.
fn write_slowly(path: &Path, text: &str) {
    std::fs::write(path, &text[..text.len() / 2]).unwrap();
    let beside = path.with_extension("yml~");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(&beside, path).unwrap();
}
