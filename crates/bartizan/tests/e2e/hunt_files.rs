//! `bartizan hunt` over folders of mixed files: order, filters, damage, and Windows event files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::product::{Place, bartizan};

/// Hunts and gives the detections, the exit code and what was told.
fn hunt(arguments: &[&str], folder: &Path) -> (Vec<Value>, i32, String) {
    let Output { status, stdout, stderr } =
        bartizan().args(["hunt", "--output", "json"]).args(arguments).arg(folder).output().unwrap();
    let text = String::from_utf8(stdout).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (rows, status.code().unwrap(), String::from_utf8_lossy(&stderr).into_owned())
}

fn times(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["time"].as_str().unwrap()).collect()
}

/// Failures to log in from one address, one a second from `second` on.
fn failures(second: u32, count: u32) -> String {
    (second..second + count)
        .map(|second| {
            format!(
                "2026-11-20T06:58:{second:02}Z web1 sshd[7]: Failed password for root from \
                 203.0.113.9 port 51514 ssh2\n"
            )
        })
        .collect()
}

#[test]
fn correlations_see_all_files_in_the_order_of_time() {
    let place = Place::new();
    let folder = place.path("logs");
    fs::create_dir_all(folder.join("old")).unwrap();
    // Neither file is enough, and the names stand against the order of time.
    fs::write(folder.join("a.log"), failures(13, 3)).unwrap();
    fs::write(folder.join("b.log"), failures(10, 3)).unwrap();
    let (rows, code, told) = hunt(&[], &folder);
    assert_eq!(code, 0, "{told}");
    let brute = rows.iter().find(|row| row["rule.title"] == "SSH brute force");
    let brute = brute.unwrap_or_else(|| panic!("{rows:#?}"));
    assert_eq!(brute["time"], "2026-11-20T06:58:15.000Z");
    assert_eq!(brute["count"], 6);
    assert!(times(&rows).is_sorted());

    let (late, ..) = hunt(&["--from", "2026-11-20T06:58:11Z"], &folder);
    assert!(late.iter().all(|row| row["rule.title"] != "SSH brute force"));
    let (none, ..) = hunt(&["--to", "2026-11-20"], &folder);
    assert!(none.is_empty());
    let (critical, ..) = hunt(&["--level", "critical"], &folder);
    assert!(critical.iter().all(|row| row["rule.level"] == "critical"));
}

/// Gives the corpora's event files and rules, or tells why the test is skipped.
#[expect(clippy::print_stdout, reason = "a test tells why it is skipped")]
fn corpora() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    let there = root.join("evtx/sigma-regression").is_dir() && root.join("sigma/rules").is_dir();
    if !there {
        println!("skipped: no event files at {}", root.display());
    }
    there.then_some(root)
}

#[test]
fn event_files_give_the_same_whatever_the_threads() {
    let Some(corpora) = corpora() else { return };
    let folder = corpora.join("evtx/sigma-regression/rules/windows/builtin");
    let rules = corpora.join("sigma/rules/windows/builtin");
    let arguments = ["--no-default-rules", "--rules", rules.to_str().unwrap(), "--threads"];
    // Beside the files lies what is no log, and is told of.
    let (one, code, told) = hunt(&[&arguments[..], &["1"]].concat(), &folder);
    let (four, ..) = hunt(&[&arguments[..], &["4"]].concat(), &folder);
    assert!(code == 0 || code == 3, "{told}");
    assert!(!one.is_empty());
    assert!(times(&one).is_sorted());
    assert_eq!(one, four);
}

#[test]
fn a_damaged_event_file_gives_what_can_be_read() {
    let Some(corpora) = corpora() else { return };
    let place = Place::new();
    let mut found = Vec::new();
    event_files(&corpora.join("evtx/sigma-regression/rules/windows/builtin"), &mut found);
    found.sort();
    let whole = fs::read(&found[0]).unwrap();
    let path = place.path("cut.evtx");
    fs::write(&path, &whole[..whole.len() - 1000]).unwrap();
    let output = bartizan().arg("parse").arg(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("cut.evtx: chunk 0: the file ends within it"), "{told}");
    let text = String::from_utf8(output.stdout).unwrap();
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(first["event"]["module"], "windows");
    assert!(first["event"]["original"].as_str().unwrap().starts_with("<Event "));
    assert!(first["winlog"]["channel"].is_string() && first["winlog"]["event_id"].is_string());
}

fn event_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            event_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "evtx") {
            found.push(path);
        }
    }
}
