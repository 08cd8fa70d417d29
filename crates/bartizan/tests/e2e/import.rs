//! Rules from elsewhere: brought in, changed, taken away, and what they cover.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::console::Console;
use crate::product::{Place, Product, bartizan, eventually};

const LOGIN: &str = "title: A log-in as root\nid: 6f1c\nauthor: Ann Example\nlicense: CC0-1.0\n\
    tags: [attack.initial-access, attack.t1078.003]\nlogsource: {product: linux, service: sshd}\n\
    detection: {s: {user.name: root, event.outcome: success}, condition: s}\n";
const WINDOWS: &str = "title: A new process\nid: 7a2d\ntags: [attack.execution, attack.t1059]\n\
    logsource: {product: windows, category: process_creation}\n\
    detection: {s: {Image|endswith: evil.exe}, condition: s}\n";
const COUNTED: &str = "title: Many failures\nid: 8b3e\nlogsource: {product: linux, service: sshd}\n\
    detection:\n    s:\n        event.outcome: failure\n    timeframe: 5m\n    condition: s | count() by source.ip >= 3\n";
const BROKEN: &str = "title: Broken\nid: 9c4f\ndetection:\n  s:\n    a|nosuch: 1\n  condition: s\n";
const OLD: &str = "title: Old\nid: old\nstatus: deprecated\ndetection: {s: {a: b}, condition: s}\n";

/// A checkout with rules that run, one that does not, and other files.
fn checkout(place: &Place) -> PathBuf {
    let checkout = place.path("checkout");
    write(&checkout.join("LICENSE"), "Do as you like.\n");
    write(&checkout.join("rules/linux/login.yml"), LOGIN);
    write(&checkout.join("rules/linux/counted.yml"), COUNTED);
    write(&checkout.join("rules/windows/process.yml"), WINDOWS);
    write(&checkout.join("rules/broken.yml"), BROKEN);
    write(&checkout.join("rules/old.yml"), OLD);
    write(&checkout.join("rules/settings.yml"), "a: b\n");
    write(&checkout.join("rules/README.md"), "# Rules\n");
    write(&checkout.join(".git/config.yml"), LOGIN);
    checkout.join("rules")
}

fn import(place: &Place, rules: &Path, more: &[&str]) -> Ran {
    let mut command = bartizan();
    command.args(["rules", "import", "--output", "json", "--data"]).arg(place.path("data"));
    run(command.arg(rules).args(["--name", "shop"]).args(more))
}

fn show(place: &Place, rule: &str) -> Value {
    let mut command = bartizan();
    command.args(["rules", "show", rule, "--output", "json", "--data"]);
    run(command.arg(place.path("data"))).json()
}

#[test]
fn a_checkout_comes_in_with_its_licence() {
    let place = Place::new();
    let rules = checkout(&place);
    let import = |more: &[&str]| import(&place, &rules, more);

    let ran = import(&["--dry-run"]);
    assert_eq!(ran.code, Some(1), "{}", ran.errors);
    assert!(!place.path("data").exists());

    let ran = import(&[]);
    assert_eq!(ran.code, Some(1), "{}", ran.errors);
    assert!(ran.errors.contains("broken.yml:5:5: unknown modifier `nosuch`"), "{}", ran.errors);
    let report = ran.json();
    let numbers = ["rules", "files", "files_added", "set_aside", "deprecated_or_unsupported"];
    assert_eq!(numbers.map(|name| report[name].as_u64().unwrap()), [4, 3, 4, 1, 1], "{report}");
    assert_eq!((&report["counts_rewritten"], &report["other_files"]), (&1.into(), &2.into()));
    let folder = place.path("data").join("rules/shop");
    assert_eq!(fs::read_to_string(folder.join("LICENSE")).unwrap(), "Do as you like.\n");
    let note = fs::read_to_string(folder.join("SOURCE")).unwrap();
    assert!(note.contains("checkout/rules") && note.contains("licence: LICENSE"), "{note}");

    // Who wrote a rule, and under what licence, stays to be seen.
    let shown = show(&place, "6f1c");
    assert_eq!((&shown["author"], &shown["licence"]), (&"Ann Example".into(), &"CC0-1.0".into()));
    assert_eq!(shown["fields"], serde_json::json!(["event.outcome", "user.name"]));
}

#[test]
fn an_import_is_renewed_and_taken_away() {
    let place = Place::new();
    let rules = checkout(&place);
    let folder = place.path("data").join("rules/shop");
    let import = |more: &[&str]| import(&place, &rules, more);
    import(&[]);

    // The next import tells what changed, and keeps what a hand changed.
    write(&rules.join("linux/login.yml"), &LOGIN.replace("A log-in", "Any log-in"));
    fs::remove_file(rules.join("windows/process.yml")).unwrap();
    fs::remove_file(rules.join("broken.yml")).unwrap();
    write(&folder.join("linux/login.yml"), &LOGIN.replace("A log-in", "My log-in"));
    let overrides = place.path("data").join("rules/overrides.yml");
    write(&overrides, "- rule: 6f1c\n  level: high\n");
    let ran = import(&[]);
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    let report = ran.json();
    let numbers = ["files_added", "files_changed", "files_removed", "files_unchanged"];
    assert_eq!(numbers.map(|name| report[name].as_u64().unwrap()), [0, 1, 1, 2], "{report}");
    assert!(ran.errors.contains("changed by hand"), "{}", ran.errors);
    assert!(folder.join("linux/login.yml.edited").exists() && !folder.join("windows").exists());
    assert!(overrides.exists());
    assert_eq!(import(&[]).json()["files_unchanged"], 3);
    let shown = show(&place, "6f1c");
    assert_eq!((&shown["level"], &shown["title"]), (&"high".into(), &"Any log-in as root".into()));

    // The same rules under another name are there already.
    let ran = run(bartizan()
        .args(["rules", "import", "--name", "again", "--data"])
        .arg(place.path("data"))
        .arg(&rules));
    assert_eq!(ran.code, Some(1));
    assert!(ran.errors.contains("another rule has the id 6f1c, in "), "{}", ran.errors);

    fs::remove_file(folder.join("linux/login.yml.edited")).unwrap();
    let remove = || {
        let mut command = bartizan();
        run(command.args(["rules", "import", "--remove", "shop", "--data"]).arg(place.path("data")))
    };
    assert_eq!((remove().code, folder.exists()), (Some(0), false));
    assert_eq!(remove().code, Some(1));
}

#[test]
fn what_cannot_be_brought_in_is_said() {
    let place = Place::new();
    let data = place.path("data");
    let import = |arguments: &[&str]| {
        run(bartizan().args(["rules", "import"]).args(arguments).arg("--data").arg(&data))
    };
    let missing = place.path("nosuch");
    assert_eq!(import(&[missing.to_str().unwrap()]).code, Some(3));
    assert_eq!(import(&[]).code, Some(2));
    let empty = place.path("empty");
    fs::create_dir(&empty).unwrap();
    let ran = import(&[empty.to_str().unwrap()]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.errors.contains("--wazuh"), "{}", ran.errors);
    for name in ["../up", "", ".hidden", "a/b", "-x"] {
        let ran = import(&[empty.to_str().unwrap(), &format!("--name={name}")]);
        assert_eq!(ran.code, Some(2), "{name}: {}", ran.errors);
    }
    // A name that would break the note that is kept of it.
    let odd = place.path("odd");
    write(&odd.join("a\nb.yml"), LOGIN);
    write(&odd.join("c d.yml"), LOGIN);
    let ran = import(&[odd.to_str().unwrap()]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.errors.contains("control characters"), "{}", ran.errors);
    assert_eq!(import(&["--remove", "odd"]).code, Some(0));

    // A folder of the user's own is not taken over.
    write(&data.join("rules/mine/own.yml"), LOGIN);
    let ran = import(&[data.join("rules/mine").to_str().unwrap(), "--name", "mine"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.errors.contains("--name"), "{}", ran.errors);
    assert_eq!(import(&["--remove", "mine"]).code, Some(1));
    assert!(data.join("rules/mine/own.yml").exists());
}

#[test]
fn translated_rules_raise_alerts_in_the_running_product() {
    let place = Place::new();
    let ossec = place.path("ossec");
    write(
        &ossec.join("local_rules.xml"),
        "<!-- Author: Ann Example -->\n<group name=\"local,\">\n  \
         <rule id=\"100001\" level=\"10\">\n    <if_sid>5000</if_sid>\n    <match>short and stout</match>\n    \
         <description>A teapot</description>\n    <mitre><id>T1078</id></mitre>\n  </rule>\n  \
         <rule id=\"100002\" level=\"5\"><if_sid>9999</if_sid><description>Lost</description></rule>\n</group>\n",
    );
    write(
        &place.path("base/base.xml"),
        "<group name=\"base,\"><rule id=\"5000\" level=\"0\"><category>syslog</category></rule></group>",
    );
    let mut product = Product::start(&place.configure(""));
    let console = Console::set_up(&mut product);
    let live = console.live();
    let data = place.path("data");
    let ran = run(bartizan()
        .args(["rules", "import", "--wazuh", "--output", "json", "--data"])
        .arg(&data)
        .arg(&ossec)
        .arg("--base")
        .arg(place.path("base")));
    assert_eq!(ran.code, Some(1), "{}", ran.errors);
    assert!(
        ran.errors.contains("local_rules.xml:9:3: rule 100002: it builds on rule 9999"),
        "{}",
        ran.errors
    );
    let report = ran.json();
    assert_eq!((&report["wazuh_rules"], &report["wazuh_translated"]), (&2.into(), &1.into()));
    assert_eq!(live.next("rules")["added"], 1);

    product.send_udp(&["<13>Nov 21 06:58:00 web1 kettle[1]: short and stout".to_owned()]);
    let alert = live.next("alert");
    assert_eq!(alert["title"], "A teapot");

    // What arrived decides what is covered.
    let coverage = |more: &[&str]| {
        run(bartizan().args(["rules", "coverage", "--output", "-", "--data"]).arg(&data).args(more))
    };
    let here = eventually("the event is stored", || {
        let ran = coverage(&[]);
        let layer: Value = serde_json::from_str(&ran.out).ok()?;
        score(&layer, "T1078").map(|_| layer)
    });
    assert_eq!(
        (&here["versions"]["layer"], &here["domain"]),
        (&"4.5".into(), &"enterprise-attack".into())
    );
    let all: Value = serde_json::from_str(&coverage(&["--all"]).out).unwrap();
    let count = |layer: &Value| layer["techniques"].as_array().unwrap().len();
    assert!(count(&here) < count(&all), "{} {}", count(&here), count(&all));
    // What is switched off finds nothing.
    write(&data.join("rules/overrides.yml"), "- rule: wazuh_100001\n  enabled: false\n");
    let without: Value = serde_json::from_str(&coverage(&[]).out).unwrap();
    assert!(score(&without, "T1078") < score(&here, "T1078"));
    // No web server logs here.
    assert!(score(&here, "T1190") < score(&all, "T1190"));
}

fn score(layer: &Value, technique: &str) -> Option<u64> {
    let techniques = layer["techniques"].as_array()?;
    techniques.iter().find(|entry| entry["techniqueID"] == technique)?["score"].as_u64()
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn run(command: &mut std::process::Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), out: text(output.stdout), errors: text(output.stderr) }
}

struct Ran {
    code: Option<i32>,
    out: String,
    errors: String,
}

impl Ran {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{}{}", self.out, self.errors))
    }
}
