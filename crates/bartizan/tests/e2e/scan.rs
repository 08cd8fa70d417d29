//! Scans from outside: by command beside a running product and without one, and by schedule.

use std::net::TcpListener;
use std::path::Path;
use std::process::Output;

use crate::console::Console;
use crate::product::{Place, Product, bartizan, eventually};

/// An address of loopback that no other test listens on.
const HOST: &str = "127.77.0.9";

#[test]
fn a_port_that_opens_between_two_scans_raises_an_alert() {
    let place = Place::new();
    let old = TcpListener::bind((HOST, 0)).unwrap();
    let new = TcpListener::bind((HOST, 0)).unwrap().local_addr().unwrap().port();
    let ports = format!("{},{new}", old.local_addr().unwrap().port());
    let config = place.configure(&format!(
        "[[scan.schedules]]\nname = \"nightly\"\ntargets = [\"{HOST}\"]\nports = \"{ports}\"\n\
         every = \"24h\"\nway = \"connect\"\nfingerprint = false\n"
    ));
    let mut product = Product::start(&config);
    let console = Console::set_up(&mut product);
    let live = console.live();
    let arguments = [HOST, "--ports", &ports, "--connect", "--output", "json"];
    let ends = |count: usize| {
        let sql =
            "SELECT count(*) FROM events WHERE event.module = 'scan' AND event.action = 'scan_end'";
        eventually("the scan is stored", || (console.sql(sql)[0][0] == count).then_some(()));
    };

    // The schedule is due some seconds after the start, and is the first scan of these ports.
    ends(1);
    let first = scan(&config, &arguments);
    assert_eq!(first.status.code(), Some(0));
    assert!(text(&first.stderr).contains("handed to the running product"), "{first:?}");
    let port = lines(&first)[0].clone();
    assert_eq!(port["event"]["action"], "port_open");
    assert_eq!(port["bartizan"]["scan"]["change"], "same");
    ends(2);

    let _opened = TcpListener::bind((HOST, new)).unwrap();
    let second = scan(&config, &arguments);
    let actions: Vec<_> =
        lines(&second).iter().map(|line| line["event"]["action"].clone()).collect();
    assert!(actions.contains(&"port_opened".into()), "{actions:?}");
    let alert = loop {
        let alert = live.next("alert");
        if alert["title"] == "Port newly open" {
            break alert;
        }
    };
    assert_eq!(alert["count"], 1);
    ends(3);
    assert_eq!(product.stop(), Some(0));

    let diff = scan(&config, &["diff", "--output", "json"]);
    let [change] = lines(&diff).try_into().unwrap();
    assert_eq!(
        (change["change"].clone(), change["destination.port"].clone()),
        ("opened".into(), new.into())
    );
    let alone = scan(&config, &arguments);
    assert!(text(&alone.stderr).contains("kept as scan"), "{alone:?}");
    let history = lines(&scan(&config, &["history", "--output", "json"]));
    assert_eq!(history.len(), 4);
    assert_eq!(history[0]["open"], 2);
    assert_eq!(history[3]["schedule"], "nightly");
}

#[test]
fn what_no_scan_should_do_is_refused() {
    let place = Place::new();
    let config = place.configure("");
    let refused = |arguments: &[&str], why: &str| {
        let output = scan(&config, arguments);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(text(&output.stderr).contains(why), "{output:?}");
    };
    refused(&["8.8.8.8"], "8.8.8.8 is a public address");
    refused(&["10.0.0.0/8", "--ports", "all"], "too many for one scan");
    refused(&["10.0.0.9-1"], "ends before it begins");
    refused(&["10.0.0.1", "--ports", "0"], "is no port");
    refused(&[], "name what is to be scanned");
    let kept = scan(&config, &[HOST, "--ports", "1", "--connect"]);
    assert_eq!(kept.status.code(), Some(0));
    assert!(text(&kept.stderr).contains("not kept: there is no data folder"), "{kept:?}");
}

fn scan(config: &Path, arguments: &[&str]) -> Output {
    bartizan().arg("scan").args(arguments).arg("--config").arg(config).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn lines(output: &Output) -> Vec<serde_json::Value> {
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
