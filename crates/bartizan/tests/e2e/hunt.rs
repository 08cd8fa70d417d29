//! `bartizan hunt` over thousands of SSH lines, against an independent count.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::product::{Place, bartizan};

const RULE_TITLE: &str = "SSH brute force";

#[test]
fn the_sources_that_an_independent_count_gives() {
    let place = Place::new();
    let log = generate();
    assert!(log.lines().count() > 5_000);
    std::fs::write(place.path("auth.log"), &log).unwrap();

    let output = bartizan()
        .args(["hunt", "--output", "json", "--stats"])
        .arg(place.path("auth.log"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let mut found = BTreeSet::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let detection: serde_json::Value = serde_json::from_str(line).unwrap();
        if detection["rule.title"] == RULE_TITLE {
            assert_eq!(detection["entity.type"], "address");
            found.insert(detection["entity.value"].as_str().unwrap().to_owned());
        }
    }
    let expected = count(&log);
    assert!(expected.len() > 20, "the log must hold attacks: {}", expected.len());
    assert_eq!(found, expected);
}

/// The independent count: no parser, no engine; words, seconds, a list for each address.
fn count(log: &str) -> BTreeSet<String> {
    let mut failures: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for line in log.lines().filter(|line| line.contains(": Failed password for ")) {
        let clock: Vec<u64> = line[7..15].split(':').map(|part| part.parse().unwrap()).collect();
        let day: u64 = line[4..6].trim().parse().unwrap();
        let second = ((day * 24 + clock[0]) * 60 + clock[1]) * 60 + clock[2];
        let words: Vec<&str> = line.split(' ').collect();
        let from = words.iter().rposition(|word| *word == "from").unwrap();
        failures.entry(words[from + 1]).or_default().push(second);
    }
    failures
        .into_iter()
        .filter(|(_, seconds)| {
            seconds.iter().any(|start| {
                // A minute reaches from a second to the same second of the next.
                let window = *start..=start + 60;
                seconds.iter().filter(|second| window.contains(second)).count() > 5
            })
        })
        .map(|(address, _)| address.to_owned())
        .collect()
}

/// Sources with every rate around the threshold, in the order of time, among other lines.
fn generate() -> String {
    let mut seed = 0x5eed_u64;
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut lines: Vec<(u64, String)> = Vec::new();
    for source in 0..400_u64 {
        let address = format!("203.0.{}.{}", 113 + source / 250, 1 + source % 250);
        let mut second = random(20 * 3600);
        let pause = 1 + random(30);
        for attempt in 0..2 + random(24) {
            second += 1 + random(pause);
            let user = ["root", "invalid user admin", "invalid user a from b", "git"]
                [usize::try_from(random(4)).unwrap()];
            let port = 1024 + random(60_000);
            lines.push((
                second,
                format!(
                    "sshd[{}]: Failed password for {user} from {address} port {port} ssh2",
                    100 + attempt
                ),
            ));
            if random(5) == 0 {
                lines.push((
                    second,
                    "CRON[77]: pam_unix(cron:session): session opened for user root by (uid=0)"
                        .to_owned(),
                ));
            }
            if random(9) == 0 {
                lines.push((
                    second,
                    format!("sshd[9]: Accepted publickey for deploy from 198.51.100.7 port {port} ssh2: ED25519 SHA256:abc"),
                ));
            }
        }
    }
    lines.sort_by_key(|(second, _)| *second);
    let mut log = String::new();
    for (second, text) in lines {
        let (hour, minute, rest) = (second / 3600, second / 60 % 60, second % 60);
        writeln!(
            log,
            "Nov {:2} {:02}:{minute:02}:{rest:02} web1 {text}",
            20 + hour / 24,
            hour % 24
        )
        .unwrap();
    }
    log
}

#[test]
fn overrides_count_as_they_do_in_the_running_product() {
    let place = Place::new();
    let log = place.path("auth.log");
    std::fs::write(
        &log,
        "Nov 21 06:58:00 web1 sshd[1]: Accepted password for root from 203.0.113.9 port 5 ssh2\n",
    )
    .unwrap();
    let rules = place.path("rules");
    std::fs::create_dir(&rules).unwrap();
    let rule = |name: &str| {
        format!(
            "title: {name}\nid: {name}\nlogsource: {{product: linux, service: sshd}}\n\
             detection: {{s: {{user.name: root}}, condition: s}}\nlevel: low\n"
        )
    };
    for name in ["louder", "muted", "spared"] {
        std::fs::write(rules.join(format!("{name}.yml")), rule(name)).unwrap();
    }
    let hunt = |more: &[&std::ffi::OsStr]| {
        let mut hunt = bartizan();
        hunt.args(["hunt", "--no-default-rules", "--output", "json", "--rules"]).arg(&rules);
        let output = hunt.args(more).arg(&log).output().unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        let mut told: Vec<String> = lines
            .lines()
            .map(|line| {
                let found: serde_json::Value = serde_json::from_str(line).unwrap();
                format!(
                    "{} {}",
                    found["rule.id"].as_str().unwrap(),
                    found["rule.level"].as_str().unwrap()
                )
            })
            .collect();
        told.sort();
        (output.status.code(), told)
    };
    assert_eq!(hunt(&[]).1, ["louder low", "muted low", "spared low"]);
    let text = "- rule: muted\n  enabled: false\n- rule: louder\n  level: high\n\
        - rule: spared\n  exceptions: ['source.ip: 203.0.113.0/24']\n";
    let elsewhere = place.path("changed.yml");
    std::fs::write(&elsewhere, text).unwrap();
    let named = ["--overrides".as_ref(), elsewhere.as_os_str()];
    assert_eq!(hunt(&named), (Some(0), vec!["louder high".to_owned()]));
    // The folder's own counts by itself, as in the data folder.
    std::fs::write(rules.join("overrides.yml"), "- rule: muted\n  enabled: false\n").unwrap();
    assert_eq!(hunt(&[]).1, ["louder low", "spared low"]);
    assert_eq!(hunt(&named).1, ["louder high"], "what is named goes before");
    let missing = place.path("nosuch.yml");
    assert_eq!(hunt(&["--overrides".as_ref(), missing.as_os_str()]).0, Some(3));
}
