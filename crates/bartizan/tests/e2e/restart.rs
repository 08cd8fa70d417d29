//! What rules remember outlives the process, however it ends.

use serde_json::Value;

use crate::console::Console;
use crate::product::{Place, Product, eventually};
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
