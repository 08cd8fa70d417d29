//! What rules remember outlives the process, however it ends.

use serde_json::Value;

use crate::console::Console;
use crate::product::{Place, Product, bartizan, eventually};
use crate::reload::failed_login;

#[test]
fn killed_in_the_middle_of_a_brute_force_the_alert_comes_once() {
    let place = Place::new();
    let config = place.configure("");
    let mut product = Product::start(&config);
    let console = Console::set_up(&mut product);
    send(&mut product, &console, 0..3, 3);
    // The kill must fall after a checkpoint in one run of this test and may fall before it in another:
    // here it is waited for, below it is not.
    eventually("a checkpoint is kept", || place.path("data").join("memory").exists().then_some(()));
    product.kill();

    let mut product = Product::start(&config);
    let console = console.at(&mut product);
    assert!(brute_force(&console).is_empty());
    send(&mut product, &console, 3..6, 6);
    let alerts = eventually("the alert is there", || {
        Some(brute_force(&console)).filter(|alerts| !alerts.is_empty())
    });
    assert_eq!((alerts.len(), &alerts[0]["count"]), (1, &6.into()), "{alerts:?}");
    product.kill();

    // Nothing is told again, neither after a kill nor after an end in order.
    for _ in 0..2 {
        let mut product = Product::start(&config);
        let console = console.at(&mut product);
        let alerts = brute_force(&console);
        assert_eq!((alerts.len(), &alerts[0]["count"]), (1, &6.into()), "{alerts:?}");
        assert_eq!(product.stop(), Some(0));
    }
}

#[test]
fn a_checkpoint_that_is_damaged_costs_nothing_but_time() {
    let place = Place::new();
    let config = place.configure("");
    let mut product = Product::start(&config);
    let console = Console::set_up(&mut product);
    send(&mut product, &console, 0..3, 3);
    assert_eq!(product.stop(), Some(0));
    let file = place.path("data").join("memory");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();

    let mut product = Product::start(&config);
    assert!(product.line("memory").contains("is damaged"));
    let console = console.at(&mut product);
    send(&mut product, &console, 3..6, 6);
    let alerts = eventually("the alert is there", || {
        Some(brute_force(&console)).filter(|alerts| !alerts.is_empty())
    });
    assert_eq!((alerts.len(), &alerts[0]["count"]), (1, &6.into()), "{alerts:?}");
}

fn send(product: &mut Product, console: &Console, logins: std::ops::Range<usize>, stored: u64) {
    product.send_udp(&logins.map(failed_login).collect::<Vec<_>>());
    eventually("they are stored", || {
        let rows = console.sql("SELECT count(*) FROM events");
        (rows[0][0].as_u64() == Some(stored)).then_some(())
    });
}

fn brute_force(console: &Console) -> Vec<Value> {
    let alerts = console.get("/api/v1/alerts");
    let is_one = |alert: &&Value| alert["title"].as_str().unwrap().to_lowercase().contains("brute");
    alerts["items"].as_array().unwrap().iter().filter(is_one).cloned().collect()
}

#[test]
fn what_rules_could_do_and_would_have_done_is_told_beside_a_running_product() {
    let place = Place::new();
    let config = place.configure("");
    let mut product = Product::start(&config);
    let console = Console::set_up(&mut product);
    send(&mut product, &console, 0..6, 6);
    let ask = |arguments: &[&str]| -> Vec<Value> {
        let mut command = bartizan();
        let output = command.args(arguments).arg("--config").arg(&config).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() || told.contains("nothing has passed"), "{told}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let of = |rows: &[Value], title: &str| {
        let is_it = |row: &&Value| row["title"].as_str().unwrap().to_lowercase().contains(title);
        rows.iter().find(is_it).cloned()
    };
    eventually("the health is kept", || {
        let rows = ask(&["rules", "health", "--output", "json"]);
        let brute = of(&rows, "ssh brute")?;
        (brute["state"] == "able" && brute["hits"].as_u64() >= Some(1)).then_some(())
    });
    let health = console.get("/api/v1/rules/health");
    let items = health["items"].as_array().unwrap();
    assert!(items.iter().any(|item| item["verdict"] == "able"));
    assert!(items.iter().any(|item| item["verdict"] == "silent"));

    // A rule that is not in force, over what is stored.
    let rule = place.path("new.yml");
    let text = "title: odd name\nid: odd\nlevel: low\nlogsource: {service: sshd}\n\
        detection: {s: {user.name: admin}, condition: s}\n";
    std::fs::write(&rule, text).unwrap();
    let rule = rule.to_str().unwrap();
    let found = ask(&["rules", "test", "--last", "365d", "--rule", rule, "--output", "json"]);
    assert_eq!(found.len(), 6, "{found:?}");
    assert_eq!(found[0]["rule.title"], "odd name");

    // Switched off, it fires no more; its history is still there to be asked.
    let id = of(&ask(&["rules", "list", "--output", "json"]), "ssh brute").unwrap();
    let path = format!("/api/v1/rules/{}/override", id["id"].as_str().unwrap());
    let off = console.put(&path, &serde_json::json!({ "enabled": false, "reason": "a test" }));
    assert_eq!(off["own"]["enabled"], false, "{off}");
    let rows = ask(&["rules", "health", "--output", "json"]);
    assert_eq!(of(&rows, "ssh brute").unwrap()["state"], "disabled");
    let id = id["id"].as_str().unwrap();
    let found = ask(&["rules", "test", "--last", "365d", "--rule", id, "--output", "json"]);
    assert_eq!(found.len(), 1, "{found:?}");
}
