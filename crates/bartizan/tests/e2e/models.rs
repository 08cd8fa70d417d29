//! The model of requests: trained, measured, shown, and taken up while the product runs.

use std::path::Path;
use std::process::Output;

use crate::console::Console;
use crate::product::{Place, Product, bartizan};

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
