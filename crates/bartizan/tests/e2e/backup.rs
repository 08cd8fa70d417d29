//! `bartizan backup` and `bartizan restore`: of a store at rest, beside one that is written, and what
//! is broken.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::product::{Place, Product, bartizan, eventually};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

const RULE: &str = "title: Own\nlogsource:\n  product: linux\ndetection:\n  keywords:\n    - brandmark\n  \
    condition: keywords\n";

#[test]
fn a_store_at_rest_comes_back_whole_and_only_what_is_new_is_copied() {
    let place = Place::new();
    let data = filled(&place, 1..900);
    std::fs::create_dir_all(data.join("rules")).unwrap();
    std::fs::write(data.join("rules/own.yml"), RULE).unwrap();
    let target = place.path("backup");
    let told = backup(&data, &target, &[]);
    assert!(told.1.contains("the master key is NOT in the backup"), "{}", told.1);
    ok(told);
    let doctor = bartizan().args(["doctor", "--data"]).arg(&data).output().unwrap();
    let found = String::from_utf8(doctor.stdout).unwrap();
    let of_backup = found.lines().find(|line| line.contains(" backup ")).unwrap();
    assert!(of_backup.contains("ok") && of_backup.contains("0 days old"), "{found}");
    let first = files(&target.join("segments"));
    assert!(first.len() > 1, "{first:?}");
    let restored = place.path("restored");
    ok(restore(&target, &restored));
    assert!(!restored.join("master.key").exists());
    bring_key(&data, &restored);
    assert_eq!(events(&restored), events(&data));
    assert_eq!(std::fs::read_to_string(restored.join("rules/own.yml")).unwrap(), RULE);
    assert_eq!(mode(&restored), 0o700);
    let doctor = bartizan().args(["doctor", "--verify", "--data"]).arg(&restored).output().unwrap();
    assert!(doctor.status.success(), "{}", String::from_utf8_lossy(&doctor.stdout));
    let (code, errors) = run(restore_command(&target, &restored));
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("is not empty"), "{errors}");

    // The restored store goes on where the other ended; a backup of it needs only what is new.
    let config = place.path("again.toml");
    let text = std::fs::read_to_string(place.path("bartizan.toml")).unwrap();
    std::fs::write(&config, text.replace(data.to_str().unwrap(), restored.to_str().unwrap()))
        .unwrap();
    let before = events(&restored);
    let mut product = Product::start(&config);
    post(&mut product, &lines(900..1200));
    assert_eq!(product.stop(), Some(0));
    let after = events(&restored);
    assert_eq!(after.len(), before.len() + 300);
    assert!(after.keys().skip(before.len()).all(|id| id > before.keys().last().unwrap()));
    ok(backup(&restored, &target, &["--verify"]));
    let second = files(&target.join("segments"));
    assert!(second.len() > first.len());
    for (path, changed) in &first {
        assert_eq!(second.get(path), Some(changed), "{path:?} was written again");
    }
    let third = place.path("third");
    ok(restore(&target, &third));
    bring_key(&data, &third);
    assert_eq!(events(&third), after);
    let snapshots = std::fs::read_dir(&target).unwrap().filter(|entry| {
        entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("snapshot-")
    });
    assert_eq!(snapshots.count(), 1, "the snapshot before is deleted");

    // A key that was rotated out is no less a key.
    let rotated = bartizan().args(["key", "rotate", "--data"]).arg(&data).output().unwrap();
    assert!(rotated.status.success(), "{}", String::from_utf8_lossy(&rotated.stderr));

    // With links where they can be made, and with the key where it is wanted.
    let linked = place.path("linked");
    ok(backup(&data, &linked, &["--link", "--with-key"]));
    let of = |path: &Path| std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(path).unwrap());
    let inodes: Vec<u64> = files(&data.join("segments")).keys().map(|path| of(path)).collect();
    for path in files(&linked.join("segments")).keys() {
        assert!(inodes.contains(&of(path)), "{path:?} is no link");
    }
    let names: Vec<String> = files(&linked)
        .into_keys()
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .filter(|name| name.contains("master"))
        .collect();
    assert_eq!(names, ["master.key"]);
    let fourth = place.path("fourth");
    ok(restore(&linked, &fourth));
    assert_eq!(events(&fourth), events(&data));
}

#[test]
fn a_flipped_byte_is_named_and_nothing_is_restored() {
    let place = Place::new();
    let data = filled(&place, 1..400);
    let target = place.path("backup");
    ok(backup(&data, &target, &[]));
    let restored = place.path("restored");
    let all = files(&target);
    let of_backup: Vec<&PathBuf> =
        all.keys().filter(|path| !path.ends_with("backup.lock")).collect();
    assert!(of_backup.len() > 3, "{of_backup:?}");
    for path in of_backup {
        let whole = std::fs::read(path).unwrap();
        let mut bytes = whole.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(path, &bytes).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let (code, errors) = run(restore_command(&target, &restored));
        assert_eq!(code, Some(1), "{name}: {errors}");
        assert!(errors.contains(&format!("{name} is damaged")), "{errors}");
        std::fs::remove_file(path).unwrap();
        let (code, errors) = run(restore_command(&target, &restored));
        assert!(code == Some(1) || code == Some(3), "{name}: {errors}");
        assert!(errors.contains(name), "{errors}");
        std::fs::write(path, &whole).unwrap();
    }
    assert!(!restored.exists());
    ok(restore(&target, &restored));
    bring_key(&data, &restored);
    assert_eq!(events(&restored), events(&data));

    // Of a store that is damaged itself all is kept that there is, and it is told.
    let old = std::fs::read(target.join("manifest.json")).unwrap();
    let segments: Vec<PathBuf> = files(&data.join("segments"))
        .into_keys()
        .filter(|path| path.extension().is_some_and(|end| end == "parquet"))
        .collect();
    let mut bytes = std::fs::read(&segments[0]).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&segments[0], bytes).unwrap();
    let (code, errors) = run(backup_command(&data, &place.path("damaged"), &[]));
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(code, Some(1), "{errors}");
    assert!(
        errors.contains(&format!("{} does not match its digest", name(&segments[0]))),
        "{errors}"
    );
    std::fs::remove_file(&segments[0]).unwrap();
    let (code, errors) = run(backup_command(&data, &target, &[]));
    assert_eq!(code, Some(1), "{errors}");
    assert!(
        errors.contains(&format!("{} is listed, and is not there", name(&segments[0]))),
        "{errors}"
    );
    assert_ne!(std::fs::read(target.join("manifest.json")).unwrap(), old);
    for from in ["damaged", "backup"] {
        let again = place.path(&format!("again-{from}"));
        let (code, errors) = restore(&place.path(from), &again);
        assert_eq!(code, Some(0), "{errors}");
        assert!(errors.contains(&name(&segments[0])), "{errors}");
    }

    // A folder of something else is left alone.
    std::fs::create_dir(place.path("other")).unwrap();
    std::fs::write(place.path("other/letter.txt"), "dear").unwrap();
    let (code, errors) = run(backup_command(&data, &place.path("other"), &[]));
    assert_eq!(code, Some(2), "{errors}");
    let (code, errors) = run(backup_command(&data, &data.join("inside"), &[]));
    assert_eq!(code, Some(2), "{errors}");
    assert!(!data.join("inside").exists());
}

#[test]
fn beside_a_store_that_is_written_nothing_acknowledged_is_missing() {
    let place = Place::new();
    let config = configure(&place);
    let data = place.path("data");
    let mut product = Product::start(&config);
    let address = product.address("http");
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let stop = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = (0..3_u32)
        .map(|sender| {
            let (acknowledged, stop) = (Arc::clone(&acknowledged), Arc::clone(&stop));
            std::thread::spawn(move || {
                let mut number = sender * 1_000_000;
                while !stop.load(Ordering::Relaxed) {
                    let batch = lines(number..number + 20);
                    number += 20;
                    post_to(address, &batch);
                    acknowledged.lock().unwrap().extend(batch);
                }
            })
        })
        .collect();
    for round in 0..4_usize {
        // Each falls upon other segments and another log file.
        eventually("more is acknowledged", || {
            (acknowledged.lock().unwrap().len() > 700 * (round + 1)).then_some(())
        });
        let before = acknowledged.lock().unwrap().clone();
        // The same target again and again: what is there already is part of the next.
        ok(backup(&data, &place.path("backup"), &[]));
        let restored = place.path(&format!("restored-{round}"));
        ok(restore(&place.path("backup"), &restored));
        bring_key(&data, &restored);
        let events = events(&restored);
        let mut texts: Vec<&String> = events.values().collect();
        texts.sort();
        let all = texts.len();
        texts.dedup();
        assert_eq!(texts.len(), all, "round {round}: some came twice");
        let lost: Vec<_> =
            before.iter().filter(|line| texts.binary_search(line).is_err()).collect();
        assert!(lost.is_empty(), "round {round}: acknowledged and not in the backup: {lost:?}");
    }
    stop.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.join().unwrap();
    }
    assert_eq!(product.stop(), Some(0));
}

fn configure(place: &Place) -> PathBuf {
    place.configure(&format!(
        "[inputs.http]\nenabled = true\nlisten = \"127.0.0.1:0\"\ntoken = \"{TOKEN}\"\n\
         [store]\ngeneration_events_max = 300\n"
    ))
}

/// Fills a store with lines, of which the last hundred stand in the log alone: the process was ended
/// as by a power cut.
fn filled(place: &Place, numbers: std::ops::Range<u32>) -> PathBuf {
    let config = configure(place);
    let last = numbers.end - 100;
    let mut product = Product::start(&config);
    for start in (numbers.start..last).step_by(100) {
        post(&mut product, &lines(start..(start + 100).min(last)));
    }
    assert_eq!(product.stop(), Some(0));
    let mut product = Product::start(&config);
    post(&mut product, &lines(last..numbers.end));
    product.kill();
    place.path("data")
}

fn lines(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|number| format!("line {number} of the log")).collect()
}

fn post(product: &mut Product, lines: &[String]) {
    post_to(product.address("http"), lines);
}

fn post_to(address: std::net::SocketAddr, lines: &[String]) {
    let response = ureq::post(format!("http://{address}/ingest"))
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "text/plain")
        .send(lines.join("\n"))
        .unwrap();
    assert_eq!(response.status(), 200);
}

/// Gives every event of a store that no process writes, by its identity.
fn events(data: &Path) -> BTreeMap<u64, String> {
    let output = bartizan()
        .args(["query", "SELECT event.id AS id, event.original AS line FROM events"])
        .args(["--limit", "1000000", "--output", "json", "--data"])
        .arg(data)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows = String::from_utf8(output.stdout).unwrap();
    let mut events = BTreeMap::new();
    for row in rows.lines() {
        let row: Value = serde_json::from_str(row).unwrap();
        let id = row["id"].as_u64().unwrap();
        let line = row["line"].as_str().unwrap().to_owned();
        assert_eq!(events.insert(id, line), None, "{id} is there twice");
    }
    assert!(!events.is_empty());
    events
}

fn backup_command(data: &Path, target: &Path, options: &[&str]) -> std::process::Command {
    let mut command = bartizan();
    command.arg("backup").arg(target).arg("--data").arg(data).args(options);
    command
}

fn restore_command(from: &Path, data: &Path) -> std::process::Command {
    let mut command = bartizan();
    command.arg("restore").arg(from).arg("--data").arg(data);
    command
}

fn backup(data: &Path, target: &Path, options: &[&str]) -> (Option<i32>, String) {
    run(backup_command(data, target, options))
}

fn restore(from: &Path, data: &Path) -> (Option<i32>, String) {
    run(restore_command(from, data))
}

fn run(mut command: std::process::Command) -> (Option<i32>, String) {
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// Brings the master key, as the person does who restores a backup without it.
fn bring_key(data: &Path, restored: &Path) {
    std::fs::copy(data.join("master.key"), restored.join("master.key")).unwrap();
}

#[track_caller]
fn ok((code, errors): (Option<i32>, String)) {
    assert_eq!(code, Some(0), "{errors}");
}

/// Gives the files below a folder, with when each was written.
fn files(folder: &Path) -> BTreeMap<PathBuf, std::time::SystemTime> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let written = std::fs::metadata(&path).unwrap().modified().unwrap();
            found.insert(path, written);
        }
    }
    found
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
