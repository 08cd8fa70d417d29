//! The commands of one run: what they print, where, and the code they end with.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::console::Console;
use crate::product::{Place, Product, bartizan, eventually};

/// `{"id":"p","request_line":"GET /?q=1%27%20or%201=1-- HTTP/1.1"}` and a line feed, in gzip.
const PACKED_REQUEST: &[u8] = &[
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 202, 76, 81, 178, 82, 42, 80, 210, 81, 42, 74, 45,
    44, 77, 45, 46, 137, 207, 201, 204, 75, 5, 10, 185, 187, 134, 40, 232, 219, 23, 218, 26, 170,
    26, 153, 171, 26, 25, 228, 23, 1, 9, 67, 91, 67, 93, 93, 5, 143, 144, 144, 0, 125, 67, 61, 67,
    165, 90, 46, 0, 99, 254, 220, 67, 63, 0, 0, 0,
];

const GOOD_RULE: &str = "title: Marked\nlogsource:\n  product: linux\ndetection:\n  keywords:\n    \
    - brandmark\n  condition: keywords\n";
const BAD_RULE: &str = "title: Bad\ndetection:\n  sel:\n    a|nosuch: 1\n  condition: sel\n";

#[test]
fn a_reader_that_left_ends_a_command_in_peace() {
    let place = Place::new();
    let log = place.path("app.log");
    std::fs::write(&log, "one line\n".repeat(2_000)).unwrap();
    let log = log.to_str().unwrap();
    for arguments in [
        &["parse", log][..],
        &["parse", "--formats"],
        &["inspect", log],
        &["rules", "list"],
        &["rules", "list", "--output", "json"],
        &["completions", "bash"],
        &["doctor"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = bartizan()
            .args(arguments)
            .current_dir(place.path("."))
            .stdout(writer)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
            .wait_with_output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*errors), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    let place = Place::new();
    let missing = place.path("nosuch.log");
    for command in ["parse", "hunt", "inspect"] {
        let ran = run(bartizan().arg(command).arg(&missing));
        assert_eq!((ran.code, &*ran.out), (Some(3), ""), "{command}: {}", ran.errors);
        assert_eq!(ran.errors.matches("nosuch.log").count(), 1, "{command}: {}", ran.errors);
        assert_eq!(ran.errors.matches("No such file").count(), 1, "{command}: {}", ran.errors);
    }
    let ran = run(bartizan().args(["rules", "check"]).arg(&missing));
    assert_eq!(ran.code, Some(3), "{}", ran.errors);
    let ran = run(bartizan().args(["search", "x", "--data"]).arg(place.path("nosuch")));
    assert_eq!(ran.code, Some(3), "{}", ran.errors);
    assert!(ran.errors.contains("--data"), "{}", ran.errors);
}

#[test]
fn the_name_of_a_file_cannot_forge_what_is_told() {
    let place = Place::new();
    let folder = place.path("logs");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("a\u{202e}\x1b[31m\nb.evtx"), "ElfFile\0\0\0").unwrap();
    let ran = run(bartizan().arg("parse").arg(&folder));
    assert_eq!(ran.code, Some(3));
    assert_eq!(ran.errors.lines().count(), 1, "{}", ran.errors);
    assert!(ran.errors.contains("a\\u{202e}\\x1b[31m\\x0ab.evtx: "), "{}", ran.errors);
}

#[test]
fn every_request_has_its_answer_in_its_place() {
    let place = Place::new();
    let input = place.path("requests");
    let long = format!("{{\"id\":\"long\",\"request_line\":\"GET /{}\"}}", "a".repeat(17 << 20));
    let lines = [
        r#"{"id":"first","request_line":"GET /?q=1%27%20or%201=1-- HTTP/1.1","headers":[]}"#,
        r#"{"id":"half","request_line":"#,
        r#"{"id":"nothing asked"}"#,
        &long,
        r#"{"id":7,"request_line":"POST / HTTP/1.1","body_b64":"@@"}"#,
        r#"203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] "GET /?q=<script>alert(1)</script> HTTP/1.1" 200 1 "-" "-""#,
        r#"{"id":"last","request_line":"GET / HTTP/1.1","headers":[["host","shop.example"]]}"#,
    ];
    std::fs::write(&input, lines.join("\n")).unwrap();
    let ran = run(bartizan().arg("inspect").arg(&input));
    assert_eq!(ran.code, Some(1), "{}", ran.errors);
    assert!(ran.errors.contains("not judged: 4 of 7"), "{}", ran.errors);
    let answers = ran.json();
    let ids: Vec<String> = answers.iter().map(|answer| answer["id"].to_string()).collect();
    assert_eq!(ids, ["\"first\"", "2", "\"nothing asked\"", "4", "7", "6", "\"last\""]);
    let attacks: Vec<Option<bool>> =
        answers.iter().map(|answer| answer["attack"].as_bool()).collect();
    assert_eq!(attacks, [Some(true), None, None, None, None, Some(true), Some(false)]);
    for (answer, part) in [(1, "EOF"), (2, "request_line"), (3, "16777216"), (4, "body_b64")] {
        let error = answers[answer]["error"].as_str().unwrap();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_verdict_tells_how_it_stands_and_what_became_of_it() {
    let place = Place::new();
    let input = place.path("requests");
    let lines = [
        r#"203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] "GET /?id=1%27%20or%201=1-- HTTP/1.1" 500 1 "-" "curl/8.5.0""#,
        r#"203.0.113.9 - - [21/Nov/2026:06:58:00 +0000] "GET /a HTTP/1.1" 200 1 "-" "curl/8.5.0""#,
        r#"{"id":"forged","request_line":"POST /mail HTTP/1.1","headers":[["Host","shop.example"],["Cookie","s=1"],["Origin","https://evil.test"]],"body":"to=eve","status":403}"#,
    ];
    std::fs::write(&input, lines.join("\n")).unwrap();
    let ran = run(bartizan().arg("inspect").arg(&input));
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    let answers = ran.json();
    let of = |answer: usize, name: &str| answers[answer][name].clone();
    assert_eq!(of(0, "classes"), serde_json::json!(["sql_injection"]));
    assert_eq!((of(0, "outcome"), of(2, "outcome")), ("failed".into(), "refused".into()));
    assert!(of(0, "adjusted_score").as_f64() > of(0, "score").as_f64());
    assert!(of(2, "adjusted_score").as_f64() < of(2, "score").as_f64());
    assert_eq!(answers[0]["evidence"][0]["grade"], "breaks_out");
    assert_eq!(answers[2]["evidence"][0]["class"], "cross_site_request_forgery");
    assert!(of(0, "not_observable").to_string().contains("cross_site_request_forgery"));
    assert_eq!(of(2, "not_observable"), serde_json::json!([]));
    assert_eq!((of(1, "attack"), of(1, "classes")), (false.into(), serde_json::json!([])));
    assert_eq!(answers[1]["evidence"][0]["grade"], "mention");

    let ran = run(bartizan().args(["inspect", "--attacks", "--output", "table"]).arg(&input));
    assert_eq!((ran.code, ran.out.lines().count()), (Some(0), 4), "{}", ran.out);
    assert!(ran.out.contains("breaks_out") && ran.out.contains("refused"), "{}", ran.out);
}

#[test]
fn packed_requests_are_unpacked() {
    let place = Place::new();
    let packed = place.path("requests.gz");
    std::fs::write(&packed, PACKED_REQUEST).unwrap();
    let ran = run(bartizan().arg("inspect").arg(&packed));
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    let answers = ran.json();
    assert_eq!(answers.len(), 1);
    assert_eq!((&answers[0]["id"], &answers[0]["attack"]), (&"p".into(), &true.into()));

    std::fs::write(&packed, &PACKED_REQUEST[..40]).unwrap();
    let ran = run(bartizan().arg("inspect").arg(&packed));
    assert_eq!(ran.code, Some(3), "{}", ran.errors);
    assert!(ran.errors.contains("requests.gz: not read to its end"), "{}", ran.errors);
}

#[test]
fn a_rule_set_aside_is_no_success() {
    let place = Place::new();
    let log = place.path("app.log");
    std::fs::write(&log, "<13>Nov 21 06:58:00 web1 app: a brandmark\n").unwrap();
    let rules = place.path("rules");
    std::fs::create_dir(&rules).unwrap();
    let ran = run(bartizan().args(["rules", "check"]).arg(&rules));
    assert_eq!(ran.code, Some(1), "an empty folder is a mistyped one: {}", ran.errors);
    assert!(ran.errors.contains("no rule in") && ran.errors.contains(".yml"), "{}", ran.errors);

    let hunt = || {
        let mut command = bartizan();
        command.args(["hunt", "--no-default-rules", "--output", "json", "--rules"]);
        run(command.arg(&rules).arg(&log))
    };
    std::fs::write(rules.join("good.yml"), GOOD_RULE).unwrap();
    let ran = hunt();
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    let found = ran.json();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["rule.title"], "Marked");

    std::fs::write(rules.join("bad\x1b[31m.yml"), BAD_RULE).unwrap();
    let ran = hunt();
    assert_eq!(ran.code, Some(1), "{}", ran.errors);
    assert_eq!(ran.json(), found, "the rest runs");
    assert!(ran.errors.contains("bad\\x1b[31m.yml:"), "{}", ran.errors);
}

#[test]
fn what_is_asked_in_a_wrong_way() {
    for (arguments, told) in [
        (&["hunt", "--utc-offset", "99999999", "."][..], "-840..=840"),
        (&["parse", "--utc-offset", "-841"], "-840..=840"),
        (&["parse", "--format", "nosuch"], "known: "),
        (&["simulate", "--to", "8.8.8.8:514", "--count", "1"], "--anywhere"),
        (&["simulate", "--to", "gopher://x"], "udp://"),
        (&["simulate", "--to", "127.0.0.1:9", "--scenario", "nosuch"], "known: beacon, "),
        (&["simulate", "--to", "127.0.0.1:9", "--scenario", "rare-program"], "bartizan hunt PATH"),
        (&["search", "x", "--last", "soon"], "90s"),
    ] {
        let ran = run(bartizan().args(arguments));
        assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{arguments:?}: {}", ran.errors);
        assert!(ran.errors.contains(told), "{arguments:?}: {}", ran.errors);
    }
}

#[test]
fn damage_to_the_stored_data_is_found_and_told() {
    let place = Place::new();
    let data = place.path("data");
    let nosuch = doctor(&place.path("nosuch"));
    assert_eq!(nosuch.code, Some(1), "{}", nosuch.out);
    assert_eq!(nosuch.state("data folder"), "FAULT");

    let anchors = place.path("anchors.jsonl");
    store_a_line(&place, &format!("[store.anchor]\nfile = '{}'\n", anchors.display()));
    let kept = std::fs::read_to_string(&anchors).unwrap();
    assert!(kept.starts_with("{\"chain\":\"bartizan\",\"sequence\":1,"), "{kept}");
    let sound = doctor(&data);
    for what in ["data folder", "administrator", "store", "segments", "quarantine"] {
        assert_eq!(sound.state(what), "ok", "{}", sound.out);
    }
    // The folder may be named before the action and after it.
    let password = place.path("password");
    std::fs::write(&password, "another long passphrase\n").unwrap();
    let mut add = bartizan();
    add.args(["user", "add", "ada", "--password-file"]).arg(&password).arg("--data").arg(&data);
    assert_eq!(run(&mut add).code, Some(0));
    let listed = run(bartizan().args(["user", "--data"]).arg(&data).arg("list"));
    assert!(listed.out.contains("ada"), "{}{}", listed.out, listed.errors);

    let verify = || {
        let mut doctor = bartizan();
        doctor.args(["doctor", "--verify", "--output", "json", "--anchor"]).arg(&anchors);
        run(doctor.arg("--data").arg(&data))
    };
    let verified = verify();
    assert_eq!(verified.state("segments"), "ok", "{}", verified.out);
    assert!(verified.out.contains("anchors compared: 1"), "{}", verified.out);

    let mut files = segments(&data.join("segments"));
    files.retain(|file| file.extension().is_some_and(|end| end == "parquet"));
    let segment = files.remove(0);
    let whole = std::fs::read(&segment).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    std::fs::write(&segment, flipped).unwrap();
    assert_eq!(doctor(&data).state("segments"), "ok", "without reading it is not found");
    let damaged = verify();
    assert_eq!((damaged.code, &*damaged.state("segment")), (Some(1), "FAULT"), "{}", damaged.out);
    assert!(damaged.out.contains(segment.file_name().unwrap().to_str().unwrap()));

    std::fs::remove_file(&segment).unwrap();
    assert_eq!(doctor(&data).state("store"), "FAULT");
    let search = run(bartizan().args(["search", "stored", "--data"]).arg(&data));
    assert!(search.errors.contains("segments not read: 1"), "{}", search.errors);

    std::fs::write(data.join("catalog.db"), "no database at all, but long enough to be one")
        .unwrap();
    let foreign = doctor(&data);
    assert_eq!((foreign.code, &*foreign.state("catalog")), (Some(1), "FAULT"), "{}", foreign.out);
}

#[test]
fn what_is_damaged_is_saved_when_asked() {
    let place = Place::new();
    let data = place.path("data");
    store_a_line(&place, "");
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(data.join(format!("catalog.db{end}")));
    }
    let serve = run(bartizan().args(["serve", "--data"]).arg(&data));
    assert_eq!(serve.code, Some(1), "{}", serve.errors);
    assert!(serve.errors.contains("doctor --repair"), "{}", serve.errors);
    assert!(!data.join("catalog.db").exists(), "none was made: {}", serve.errors);

    let repair = |more: &[&str]| {
        let mut doctor = bartizan();
        doctor.args(["doctor", "--repair", "--output", "json"]).args(more);
        run(doctor.arg("--data").arg(&data))
    };
    let told = repair(&[]);
    assert_eq!(told.code, Some(1), "{}{}", told.out, told.errors);
    assert!(told.out.contains("1 events, listed from the file itself"), "{}", told.out);
    assert!(told.errors.contains("--repair --yes"), "{}", told.errors);
    let saved = repair(&["--yes"]);
    assert_eq!(saved.code, Some(0), "{}{}", saved.out, saved.errors);
    assert!(saved.errors.contains("1 events in 1 segments"), "{}", saved.errors);
    let search =
        run(bartizan().args(["search", "stored", "--output", "json", "--data"]).arg(&data));
    assert_eq!(search.json().len(), 1, "{}", search.errors);
    let again = repair(&[]);
    assert_eq!((again.code, &*again.out), (Some(0), ""), "{}", again.errors);
}

/// Lets the product store one line and end, so that it stands in a segment.
fn store_a_line(place: &Place, more: &str) {
    let mut product = Product::start(&place.configure(more));
    let console = Console::set_up(&mut product);
    product.send_udp(&["<13>Nov 21 06:58:00 web1 app: to be stored".to_owned()]);
    eventually("the line is stored", || {
        let rows = console.sql("SELECT event.original FROM events");
        (!rows.is_empty()).then_some(())
    });
    assert_eq!(product.stop(), Some(0));
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { segments(&path) } else { vec![path] }).collect()
}

fn doctor(data: &Path) -> Ran {
    run(bartizan().args(["doctor", "--output", "json", "--data"]).arg(data))
}

pub(crate) fn run(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), errors: text(output.stderr) }
}

pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) errors: String,
}

impl Ran {
    pub(crate) fn json(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Gives what doctor says of something; nothing where it does not speak of it.
    fn state(&self, what: &str) -> String {
        let found = self.json().into_iter().find(|finding| finding["what"] == what);
        found.map_or_else(String::new, |finding| finding["state"].as_str().unwrap().to_owned())
    }
}
