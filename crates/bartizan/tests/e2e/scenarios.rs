//! What `simulate --scenario` sends raises the alert that it names, in the product as it runs.

use crate::console::Console;
use crate::product::{Place, Product, bartizan, eventually};

/// Gives every scenario's name, its days, and the title of its rule.
fn scenarios() -> Vec<(String, u64, String)> {
    let listed = bartizan().args(["simulate", "--list", "--output", "json"]).output().unwrap();
    assert!(listed.status.success());
    let text = String::from_utf8(listed.stdout).unwrap();
    let row = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        (text("name"), row["days"].as_u64().unwrap(), text("rule"))
    };
    text.lines().map(row).collect()
}

#[test]
fn a_scenario_of_hours_raises_its_alert_over_syslog() {
    let place = Place::new();
    let mut product = Product::start(&place.configure(""));
    let console = Console::set_up(&mut product);
    let to = format!("udp://{}", product.address("syslog_udp"));
    let all = scenarios();
    for name in ["beacon", "dns-tunnel", "port-scan", "slow-guessing"] {
        let (_, _, rule) = all.iter().find(|(one, ..)| one == name).unwrap();
        // Slow enough that no datagram is lost.
        let ran = bartizan()
            .args(["simulate", "--scenario", name, "--rate", "1000", "--to", &to])
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        assert!(String::from_utf8_lossy(&ran.stderr).contains(&**rule));
        eventually(rule, || {
            let alerts = console.get("/api/v1/alerts");
            let alerts = alerts["items"].as_array().unwrap();
            alerts.iter().any(|alert| alert["title"] == **rule).then_some(())
        });
    }
}

#[test]
fn a_scenario_of_days_is_told_of_its_file() {
    let place = Place::new();
    for (name, days, rule) in scenarios().into_iter().filter(|(_, days, _)| *days > 1) {
        // Three weeks of a house take a while in a debug build.
        if days > 8 {
            continue;
        }
        let file = place.path(&name);
        let to = format!("file:{}", file.display());
        let ran = bartizan().args(["simulate", "--scenario", &name, "--to", &to]).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let hunted = bartizan().arg("hunt").arg(&file).output().unwrap();
        let told = String::from_utf8_lossy(&hunted.stdout);
        assert!(told.contains(&rule), "{name}: {told}");
    }
}
