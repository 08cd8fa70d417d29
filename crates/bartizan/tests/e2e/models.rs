//! The model of requests: trained, measured, shown, and taken up while the product runs.

use std::path::Path;
use std::process::Output;

use crate::console::Console;
use crate::product::{Place, Product, bartizan, eventually};

fn model(data: &Path, words: &[&str]) -> Output {
    bartizan().arg("model").args(words).arg("--data").arg(data).output().unwrap()
}

fn told(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(text).unwrap()
}

/// Four hundred usual requests of a log, and three attacks.
fn log() -> String {
    let line = |target: &str| {
        format!(
            "198.51.100.7 - - [21/Nov/2026:06:58:00 +0000] \"GET {target} HTTP/1.1\" 200 512 \"-\" \"Mozilla/5.0\"\n"
        )
    };
    let usual = (0..400).map(|number| line(&format!("/item?id={number}&page={}", number % 9)));
    let attack = line("/item?id=1%27%20UNION%20SELECT%20password%20FROM%20users--");
    usual.chain(std::iter::repeat_n(attack, 3)).collect()
}

#[test]
fn trained_measured_and_shown() {
    let place = Place::new();
    let data = place.path("data");
    std::fs::create_dir_all(&data).unwrap();
    let shipped = model(&data, &["inspect", "--output", "json"]);
    let shipped: serde_json::Value = serde_json::from_slice(&shipped.stdout).unwrap();
    assert_eq!(shipped["model"], "shipped");
    assert!(shipped["requests"].as_u64().unwrap() > 1_000);

    let log_file = place.path("access.log");
    std::fs::write(&log_file, log()).unwrap();
    let trained = model(&data, &["train", log_file.to_str().unwrap(), "--trees", "20"]);
    assert!(trained.status.success(), "{}", told(&trained));
    assert!(told(&trained).contains("(360 requests)"), "{}", told(&trained));
    assert!(told(&trained).contains("attacks left out: 3"), "{}", told(&trained));
    let file = data.join("requests.model");
    let first = std::fs::read(&file).unwrap();
    model(&data, &["train", log_file.to_str().unwrap(), "--trees", "20"]);
    assert_eq!(first, std::fs::read(&file).unwrap(), "the same seed gives the same model");

    let shown = told(&model(&data, &["inspect"]));
    assert!(shown.contains("access.log") && shown.contains("20 trees"), "{shown}");
    for figure in ["requests kept back: 40", "attacks left out: 3", "AUC against them"] {
        assert!(shown.contains(figure), "{figure} in {shown}");
    }
    let facts = model(&data, &["inspect", "--output", "json"]);
    let facts: serde_json::Value = serde_json::from_slice(&facts.stdout).unwrap();
    assert_eq!((&facts["seed"], &facts["requests"]), (&1.into(), &360.into()), "{facts}");
    assert_eq!(facts["figures"]["attacks left out"], 3.0, "{facts}");
    assert_ne!(facts["identity"], shipped["identity"], "{facts}");
    let request =
        ["inspect", "--request", "GET /item?id=1%2527%3B%7C%7Cx&page=2", "--output", "json"];
    let explained = model(&data, &request);
    let explained: serde_json::Value = serde_json::from_slice(&explained.stdout).unwrap();
    assert!(explained["score"].as_f64().unwrap() > 0.9, "{explained}");
    assert!(!explained["leading"].as_array().unwrap().is_empty(), "{explained}");

    let labelled = place.path("labelled.jsonl");
    let row = |target: &str, label: u8| {
        format!("{{\"request_line\":\"GET {target} HTTP/1.1\",\"headers\":[],\"label\":{label}}}\n")
    };
    let rows: String = (0..50)
        .map(|number| row(&format!("/item?id={number}&page=3"), 0))
        .chain([row("/item?id=1%27%20or%201=1--", 1)])
        .collect();
    std::fs::write(&labelled, rows).unwrap();
    let measured = model(&data, &["evaluate", labelled.to_str().unwrap(), "--output", "json"]);
    assert!(measured.status.success(), "{}", told(&measured));
    let first = String::from_utf8(measured.stdout).unwrap();
    let first: serde_json::Value = serde_json::from_str(first.lines().next().unwrap()).unwrap();
    assert_eq!((&first["score"], &first["requests"]), (&"forest".into(), &51.into()), "{first}");
}

#[test]
fn what_is_no_model_and_too_little_is_told() {
    let place = Place::new();
    let data = place.path("data");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(data.join("requests.model"), "nothing").unwrap();
    let shown = model(&data, &["inspect"]);
    assert_eq!(shown.status.code(), Some(1));
    assert!(told(&shown).contains("requests.model: no model of this version"), "{}", told(&shown));
    let few = place.path("few.log");
    std::fs::write(&few, log().lines().take(9).collect::<Vec<_>>().join("\n")).unwrap();
    let trained = model(&data, &["train", few.to_str().unwrap()]);
    assert_eq!(trained.status.code(), Some(1));
    assert!(told(&trained).contains("at least 100 are needed"), "{}", told(&trained));
}

#[test]
fn a_broken_model_in_the_data_folder_is_told_and_a_good_one_taken_up() {
    let place = Place::new();
    let data = place.path("data");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(data.join("requests.model"), "bartmdl1 and no more").unwrap();
    let mut product = Product::start(&place.configure(""));
    let console = Console::set_up(&mut product);
    let live = console.live();
    let rules = console.get("/api/v1/rules");
    let fault = &rules["faults"][0];
    assert!(fault["path"].as_str().unwrap().ends_with("requests.model"), "{fault}");
    let message = fault["message"].as_str().unwrap();
    assert!(message.contains("the model of requests before it stays in force"), "{message}");

    let log_file = place.path("access.log");
    std::fs::write(&log_file, log()).unwrap();
    let trained = model(&data, &["train", log_file.to_str().unwrap(), "--trees", "20"]);
    assert!(trained.status.success(), "{}", told(&trained));
    let news = live.next("rules");
    assert_eq!(news["faults"], 0, "{news}");
    std::fs::write(data.join("requests.model"), "bartmdl1 and no more").unwrap();
    let news = live.next("rules");
    assert_eq!(news["faults"], 1, "{news}");
}

#[test]
fn a_hunt_may_use_what_serve_learned_and_changes_nothing_there() {
    let place = Place::new();
    let (data, log_file) = (place.path("data"), place.path("site.log"));
    let line = |source: &str, target: &str, status: u16| {
        format!(
            "{source} - - [21/Nov/2026:06:58:00 +0000] \"GET {target} HTTP/1.1\" {status} 512 \"-\" \"Mozilla/5.0\"\n"
        )
    };
    let usual: String = (0..700)
        .map(|number| {
            line(&format!("2001:db8:{number}::1"), &format!("/item?id={}", 100 + number), 200)
        })
        .collect();
    std::fs::write(&log_file, usual).unwrap();
    let config =
        place.configure(&format!("[[inputs.file]]\npaths = [{log_file:?}]\nfrom = \"start\"\n"));
    let mut product = Product::start(&config);
    let console = Console::set_up(&mut product);
    eventually("the log is stored", || {
        let rows = console.sql("SELECT count(*) FROM events");
        (rows[0][0].as_u64() == Some(700)).then_some(())
    });
    assert_eq!(product.stop(), Some(0));

    let old = place.path("old.log");
    std::fs::write(&old, line("203.0.113.9", "/item?id=7%7E%7Ex%5Ey%7E%7E(0)", 500)).unwrap();
    let hunt = |words: &[&str]| {
        let output = bartizan().arg("hunt").arg(&old).args(words).output().unwrap();
        (output.status.code(), told(&output))
    };
    let title = "Unusual request made the server fail";
    let (code, alone) = hunt(&[]);
    assert!(code == Some(0) && !alone.contains(title), "{alone}");
    let before = std::fs::read(data.join("memory")).unwrap();
    for known in [["--data", data.to_str().unwrap()], ["--config", config.to_str().unwrap()]] {
        let (code, found) = hunt(&known);
        assert!(code == Some(0) && found.contains(title), "{found}");
        assert!(found.contains("(usually 3 to 3)"), "{found}");
    }
    assert_eq!(std::fs::read(data.join("memory")).unwrap(), before);
    let (code, missing) = hunt(&["--data", place.path("nowhere").to_str().unwrap()]);
    assert!(code == Some(3) && missing.contains("there is no data in"), "{code:?} {missing}");
}
