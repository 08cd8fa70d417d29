//! The same for the same seed, in the shares that were asked for, and nothing that points at anybody.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use expect_test::expect;

use super::*;
use crate::stage::Channel;

fn generator(seed: u64, step_ms: u64) -> Generator {
    Generator::new(Config {
        seed,
        start: Timestamp::parse("2026-11-21T06:58:00Z").unwrap(),
        step: Duration::from_millis(step_ms),
        ..Config::default()
    })
}

#[test]
fn the_first_of_seed_one() {
    let mut shown = String::new();
    for sample in generator(1, 100).take(12) {
        writeln!(shown, "{:?} {} | {}", sample.kind, sample.label, sample.frame).unwrap();
    }
    expect![[r#"
        Benign api_call | <190>Nov 21 06:58:00 web-2.simulated.example nginx: 192.0.2.194 - - [21/Nov/2026:06:58:00 +0000] "GET /api/v2/products?limit=50&offset=9739&sort=-price HTTP/1.1" 200 78984 "-" "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
        Named sql_injection | <190>Nov 21 06:58:00 shop.simulated.example nginx: 203.0.113.43 - - [21/Nov/2026:06:58:00 +0000] "GET /profile?name=1%27%20AND%20SLEEP%285%29--%20- HTTP/1.1" 500 512 "-" "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
        Hidden double_percent | <190>Nov 21 06:58:00 shop.simulated.example nginx: 198.51.100.13 - - [21/Nov/2026:06:58:00 +0000] "GET /index.php?page=%253Cscript%253Ealert%2528document.cookie%2529%253C%252Fscript%253E HTTP/1.1" 200 14361 "-" "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
        Benign api_call | <190>Nov 21 06:58:00 shop.simulated.example nginx: 192.0.2.135 - - [21/Nov/2026:06:58:00 +0000] "GET /api/v2/products?limit=50&offset=4574&sort=-price HTTP/1.1" 200 49013 "-" "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
        Named new_account | <86>Nov 21 06:58:00 files.simulated.example useradd[80529]: new group: name=svc-print, GID=1160
        Named new_account | <86>1 2026-11-21T06:58:00.500Z files.simulated.example useradd 27656 - - new user: name=svc-print, UID=1160, GID=1160, home=/home/svc-print, shell=/bin/bash, from=/dev/pts/0
        Named new_account | <86>Nov 21 06:58:00 files.simulated.example usermod[29783]: add 'svc-print' to group 'sudo'
        Hidden base64_parameter | <190>Nov 21 06:58:00 shop.simulated.example nginx: 198.51.100.134 - - [21/Nov/2026:06:58:00 +0000] "GET /images/resize?src=Li4vLi4vLi4vLi4vLi4vLi4vZXRjL3NoYWRvdw HTTP/1.1" 200 15122 "-" "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        Benign page_views | <190>Nov 21 06:58:00 shop.simulated.example nginx: 2001:db8:1:a::3 - - [21/Nov/2026:06:58:00 +0000] "GET / HTTP/1.1" 200 87547 "https://shop.example.com/" "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        Benign page_views | <190>Nov 21 06:58:00 web-1.simulated.example nginx: 2001:db8:1:a::3 - - [21/Nov/2026:06:58:00 +0000] "GET /shop HTTP/1.1" 200 58526 "https://shop.example.com/" "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        Benign page_views | <190>Nov 21 06:58:01 shop.simulated.example nginx: 2001:db8:1:a::3 - - [21/Nov/2026:06:58:01 +0000] "GET /static/site.css HTTP/1.1" 200 79866 "https://shop.example.com/" "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        Benign page_views | <190>Nov 21 06:58:01 web-1.simulated.example nginx: 2001:db8:1:a::3 - - [21/Nov/2026:06:58:01 +0000] "GET /feed.xml HTTP/1.1" 200 67597 "https://shop.example.com/" "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    "#]].assert_eq(&shown);
}

#[test]
fn the_same_seed_gives_the_same_samples() {
    assert!(generator(7, 10).take(5000).eq(generator(7, 10).take(5000)));
    assert!(!generator(7, 10).take(50).eq(generator(8, 10).take(50)));
}

#[test]
fn the_kinds_keep_their_shares() {
    let mut counts: HashMap<Kind, usize> = HashMap::new();
    for sample in generator(3, 10).take(30_000) {
        *counts.entry(sample.kind).or_default() += 1;
    }
    assert!(counts.values().all(|count| (9_900..=10_100).contains(count)), "{counts:?}");

    let mix = Mix::parse("benign=9, named=1").unwrap();
    let config = Config { mix, ..Config::default() };
    let named = Generator::new(config).take(10_000).filter(|it| it.kind == Kind::Named).count();
    assert!((950..=1050).contains(&named), "{named}");
}

#[test]
fn no_mix_at_all() {
    assert_eq!(Mix::parse("benign=0"), None);
    assert_eq!(Mix::parse("evil=1"), None);
    assert_eq!(Mix::parse(""), None);
}

#[test]
fn every_scene_plays_on_its_day() {
    let seen: HashSet<&str> = generator(5, 10).take(20_000).map(|sample| sample.label).collect();
    let all: Vec<&str> = SCENES.iter().copied().flatten().map(|scene| scene.label).collect();
    let unseen: Vec<&&str> = all.iter().filter(|label| !seen.contains(**label)).collect();
    assert!(unseen.is_empty(), "{unseen:?}");
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len(), "labels are told apart");
}

#[test]
fn times_never_run_ahead_and_never_back() {
    for step_ms in [1, 100, 10_000] {
        let start = Timestamp::parse("2026-11-21T06:58:00Z").unwrap();
        let mut last = start;
        for (index, sample) in generator(11, step_ms).take(5000).enumerate() {
            let due = start.plus(Duration::from_millis(step_ms * u64::try_from(index).unwrap()));
            assert!(sample.time >= last && sample.time <= due, "{sample:?}");
            last = sample.time;
        }
    }
}

#[test]
fn lines_hold_no_line_feed_and_fit_a_datagram() {
    for sample in generator(13, 10).take(20_000) {
        assert!(!sample.frame.contains('\n') && !sample.line.contains('\n'), "{}", sample.line);
        assert!(sample.frame.len() < 65_000 && sample.frame.starts_with('<'));
        assert!(sample.frame.contains(".simulated.example "), "{}", sample.frame);
        assert_eq!(sample.channel == Channel::Access, sample.line.contains(" HTTP/1.1\" "));
    }
}

#[test]
fn nobody_real_is_ever_named() {
    for sample in generator(19, 10).take(20_000) {
        // The browsers' names hold version numbers that look like addresses.
        let said = sample.line.rsplit_once(" \"").map_or(&*sample.line, |(said, _)| said);
        let (before, after) = said.split_once("\"user_agent\"").unwrap_or((said, ""));
        let after = after.split_once("\"source\"").map_or("", |(_, after)| after);
        let said = format!("{before} {after}");
        let words = said.split(|c: char| !c.is_ascii_digit() && c != '.');
        for address in words.filter_map(|word| word.parse::<std::net::Ipv4Addr>().ok()) {
            let [a, b, c, _] = address.octets();
            // Those for documentation, and those for benchmarks.
            let documented = matches!((a, b, c), (192, 0, 2) | (198, 51, 100) | (203, 0, 113))
                || matches!((a, b), (198, 18 | 19));
            assert!(documented || address.is_loopback(), "{}", sample.line);
        }
    }
}

/// Each address with its failures: when, and as whom.
type Failures = HashMap<String, Vec<Timestamp>>;

fn failures(samples: impl Iterator<Item = Sample>) -> Failures {
    let mut failures = Failures::new();
    for sample in samples.filter(|sample| sample.line.contains("Failed password for ")) {
        let (_, peer) = sample.line.rsplit_once(" from ").unwrap();
        let address = peer.split(' ').next().unwrap().to_owned();
        failures.entry(address).or_default().push(sample.time);
    }
    failures
}

#[test]
fn brute_force_passes_the_threshold_and_the_slow_one_does_not() {
    let minute = Duration::from_mins(1);
    let most_in_a_minute = |label: &'static str, step_ms| {
        let samples = generator(17, step_ms).take(20_000).filter(move |it| it.label == label);
        let busiest = |times: &Vec<Timestamp>| {
            times
                .iter()
                .map(|t| times.iter().filter(|u| **u >= *t && u.since(*t) < minute).count())
                .max()
        };
        let mut most: Vec<usize> = failures(samples).values().filter_map(busiest).collect();
        most.sort_unstable();
        (most[0], most[most.len() - 1])
    };
    for step_ms in [20, 1000, 20_000] {
        assert!(most_in_a_minute("ssh_brute_force", step_ms).0 > 5);
        assert!(most_in_a_minute("slow_brute_force", step_ms).1 <= 5);
    }
}
