//! A process that is killed while it merges and purges.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use catalog::{Catalog, JobKind};
use model::Event;
use query::Predicate;
use store::Config;

use super::{all_of, job};
use crate::samples::{Kind, Numbers, events};

const FOLDER: &str = "STORE_KEEP_TEST_FOLDER";

/// Not a test of its own: the process that [`killed_while_it_tidies`] kills.
#[test]
#[ignore = "run by killed_while_it_tidies"]
fn tidies_until_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let config = Config { generation_events_max: 25, keep_every: None, ..Config::default() };
    let store = Kind::Sealed.open(folder, config);
    let catalog = Catalog::open(&folder.join("catalog.db")).unwrap();
    for round in 0_u64.. {
        let next = store.next_id();
        store.append(&events(next..next + 13, next + 1), &[]).unwrap();
        println!("acknowledged {next}");
        if round % 10 == 9 {
            let id = catalog.add_job(&job(JobKind::Purge, "user.name: bob")).unwrap();
            println!("asked {id}");
            store.keep().unwrap();
            println!("purged {next}");
        }
    }
}

#[test]
fn killed_while_it_tidies() {
    let dir = tempfile::tempdir().unwrap();
    let predicate = Predicate::parse("user.name: bob").unwrap();
    let mut numbers = Numbers(11);
    let (mut acknowledged, mut purged_upto) = (Vec::new(), 0);
    for round in 0..10 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["keep::killed::tidies_until_killed", "--exact", "--ignored", "--nocapture"])
            .env(FOLDER, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let enough = 4 + numbers.below(60);
        let mut told = Vec::new();
        let lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
        for line in lines.map_while(Result::ok) {
            told.push(line);
            if told.len() as u64 == enough {
                std::thread::sleep(std::time::Duration::from_micros(numbers.below(30_000)));
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        let asked = |line: &String| line.contains("asked");
        let after = |line: &str, word: &str| -> Option<u64> {
            line.rsplit_once(word).and_then(|(_, id)| id.trim().parse().ok())
        };
        acknowledged.extend(told.iter().filter_map(|line| after(line, "acknowledged ")));
        let last = told.iter().filter_map(|line| after(line, "purged ")).next_back();
        purged_upto = last.map_or(purged_upto, |id| id + 13);
        let config = Config { keep_every: None, ..Config::default() };
        let store = Kind::Sealed.open(dir.path(), config);
        let all = all_of(&store);
        let mut ids: Vec<u64> = all.iter().map(|event| event.id.0).collect();
        ids.dedup();
        assert_eq!(ids.len(), all.len(), "round {round}: an event is there twice");
        let by_id: BTreeMap<u64, &Arc<Event>> =
            all.iter().map(|event| (event.id.0, event)).collect();
        let may_be_purged = told.iter().any(asked) || purged_upto > 0;
        for first in &acknowledged {
            for event in events(*first..first + 13, first + 1) {
                let found = by_id.get(&event.id.0);
                let is_bob = predicate.matches(&event);
                match found {
                    Some(found) => {
                        assert_eq!(found.to_json(), event.to_json());
                        assert!(!is_bob || event.id.0 >= purged_upto, "bob came back");
                    }
                    None => assert!(is_bob && may_be_purged, "event {} is lost", event.id),
                }
            }
        }
        assert_eq!(store.stats().orphans, 0, "round {round}");
        // What was cut off goes on at the next start.
        if numbers.below(2) == 0 {
            store.keep().unwrap();
            let catalog = Catalog::open(&dir.path().join("catalog.db")).unwrap();
            assert!(catalog.waiting_jobs().unwrap().is_empty());
        }
    }
    assert!(acknowledged.len() > 100 && purged_upto > 0);
}
