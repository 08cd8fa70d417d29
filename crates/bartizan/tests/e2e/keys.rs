//! Keys from outside: what is stored is sealed, what opens it, and what is said when nothing does.

use std::path::Path;

use crate::product::{Place, Product, bartizan, eventually};

/// Runs a command upon the place's data; gives its exit code and what it printed, folders left out.
fn run(place: &Place, arguments: &[&str]) -> (Option<i32>, String, String) {
    let config = place.path("bartizan.toml");
    let output = bartizan().args(arguments).arg("--config").arg(config).output().unwrap();
    let root = place.path("data").parent().unwrap().display().to_string();
    let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&root, "ROOT");
    (output.status.code(), told(&output.stdout), told(&output.stderr))
}

fn found(place: &Place) -> usize {
    let (code, out, errors) = run(place, &["search", "canary", "--output", "json"]);
    assert_eq!(code, Some(0), "{errors}");
    out.lines().count()
}

fn refused(place: &Place, arguments: &[&str]) -> String {
    let (code, _, errors) = run(place, arguments);
    assert_ne!(code, Some(0), "{errors}");
    errors.trim_end().to_owned()
}

/// Starts, stores one line and stops in order, so that it stands in a segment.
fn store_one(place: &Place, config: &Path, number: usize) {
    let mut product = Product::start(config);
    product.send_udp(&[format!("<38>Nov 21 13:00:00 web app[1]: canary {number}")]);
    eventually("the line is stored", || (found(place) == number).then_some(()));
    assert_eq!(product.stop(), Some(0));
}

fn shows_canary(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return shows_canary(&path);
        }
        std::fs::read(path).unwrap().windows(6).any(|window| window == b"canary")
    })
}

#[test]
fn sealed_from_the_first_start_and_after_each_change_of_keys() {
    let place = Place::new();
    let config = place.configure("");
    store_one(&place, &config, 1);
    assert!(!shows_canary(&place.path("data")));
    let first = std::fs::read(place.path("data/master.key")).unwrap();

    let (code, _, errors) = run(&place, &["key", "rotate"]);
    assert_eq!(code, Some(0), "{errors}");
    assert_ne!(std::fs::read(place.path("data/master.key")).unwrap(), first);
    assert!(errors.contains("ROOT/data/master.key.old-"), "{errors}");
    store_one(&place, &config, 2);

    // Out of the data folder.
    let moved = place.path("elsewhere.key").display().to_string();
    let (code, _, errors) = run(&place, &["key", "rotate", "--to-file", &moved]);
    assert_eq!(code, Some(0), "{errors}");
    let told = refused(&place, &["search", "canary"]);
    assert!(told.contains("keyring.json opens with the master key "), "{told}");
    let config = place.configure(&format!("[store.key]\nfile = '{moved}'\n"));
    store_one(&place, &config, 3);

    let (code, out, _) = run(&place, &["key", "status", "--output", "json"]);
    assert_eq!(code, Some(0));
    assert_eq!(out.matches("segments: 1, logs: 0").count(), 3, "{out}");
    assert!(out.contains("segments: 0, logs: 0") && !out.contains("beside the data"), "{out}");
}

#[test]
fn a_rotation_that_is_cut_off_leaves_a_key_that_opens() {
    let place = Place::new();
    let config = place.configure("");
    store_one(&place, &config, 1);
    let data = place.path("data");
    let key = |name: &str| data.join(name);
    let before = [key("keyring.json"), key("master.key")].map(|path| std::fs::read(path).unwrap());
    // A new key was made, and nothing else was done yet; and one step further, with half a keyring.
    std::fs::copy(key("master.key"), key("master.key.new")).unwrap();
    std::fs::write(key("keyring.json.new"), &before[0][..50]).unwrap();
    assert_eq!(found(&place), 1);
    let (code, _, errors) = run(&place, &["key", "rotate"]);
    assert_eq!(code, Some(0), "{errors}");
    assert_eq!(found(&place), 1);

    // The old key is kept, and opens the keyring of before: that of a backup. (That both keys open the
    // keyring between the two steps is tried where the file is written, in the crate of the keys.)
    std::fs::write(key("keyring.json"), &before[0]).unwrap();
    assert!(refused(&place, &["search", "canary"]).contains("opens with the master key"));
    std::fs::write(key("master.key"), &before[1]).unwrap();
    assert_eq!(found(&place), 1);
}

#[test]
fn what_opens_nothing_is_said_in_one_sentence_and_makes_nothing_worse() {
    let place = Place::new();
    let config = place.configure("");
    store_one(&place, &config, 1);
    let data = place.path("data");
    let (ring, key) = (data.join("keyring.json"), data.join("master.key"));
    let aside = |path: &Path| path.with_extension("aside");
    let serve = || {
        let output = bartizan().args(["serve", "--config"]).arg(&config).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).lines().last().unwrap().to_owned()
    };

    std::fs::rename(&key, aside(&key)).unwrap();
    assert!(serve().contains("master.key is not there; what is stored opens with the master key "));
    assert!(!key.exists(), "no other key was made");

    std::fs::rename(&ring, aside(&ring)).unwrap();
    assert!(serve().contains("keyring.json is not there, and "));
    assert!(!key.exists() && !ring.exists(), "no other keyring was made");

    // The keyring of another store, with its key.
    let other = Place::new();
    Product::start(&other.configure("")).kill();
    for name in ["keyring.json", "master.key"] {
        std::fs::copy(other.path("data").join(name), data.join(name)).unwrap();
    }
    assert!(serve().contains("keyring.json is the keyring of another store"));
    assert!(refused(&place, &["search", "canary"]).contains("of another store"));

    std::fs::rename(aside(&ring), &ring).unwrap();
    std::fs::rename(aside(&key), &key).unwrap();
    assert_eq!(found(&place), 1);
}

#[test]
fn plain_where_it_is_asked_for() {
    let place = Place::new();
    let off = place.configure("[store]\nencryption = \"off\"\n");
    store_one(&place, &off, 1);
    assert!(!place.path("data/keyring.json").exists());
    // On again: what is plain is read, what comes is sealed; and off once more.
    store_one(&place, &place.configure(""), 2);
    store_one(&place, &place.configure("[store]\nencryption = \"off\"\n"), 3);
    let (_, out, _) = run(&place, &["key", "status", "--output", "json"]);
    assert!(out.contains("segments: 2, logs: 0") && out.contains("segments: 1, logs: 0"), "{out}");
}
