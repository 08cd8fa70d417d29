//! What is damaged is saved as far as it can be: every event once, nothing deleted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use catalog::{Catalog, ChainKey, Committed, GivingUp, Linking, Publish, Reason};
use model::{Event, Timestamp};
use store::{Config, Patient, Store, StoreError, verify};
use tempfile::TempDir;

use crate::crash::{all_of, copy};
use crate::samples::{Kind, events, json};

/// Three flushed batches and one that stands in the log only; all events in their order.
struct Sound {
    dir: TempDir,
    kind: Kind,
    all: Vec<Arc<Event>>,
}

impl Sound {
    fn make(kind: Kind) -> Self {
        let (dir, store) = kind.fresh(Config::default());
        let mut all = Vec::new();
        for number in 0..4 {
            let batch = events(number * 50..number * 50 + 50, number + 1);
            store.append(&batch, &[]).unwrap();
            all.extend(batch);
            if number < 3 {
                store.flush().unwrap();
            }
        }
        drop(store);
        Self { dir, kind, all }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn catalog(&self) -> Catalog {
        Catalog::open(&self.path().join("catalog.db")).unwrap()
    }

    fn files(&self) -> Vec<PathBuf> {
        let rows = self.catalog().segments().unwrap();
        rows.into_iter().map(|row| self.path().join(row.file)).collect()
    }

    fn config(&self) -> Config {
        self.kind.config(Config::default())
    }

    /// Repairs, and gives what was saved and what was lost.
    fn repair(&self) -> (Vec<String>, Vec<String>) {
        let before = tempfile::tempdir().unwrap();
        copy(self.path(), before.path());
        let patient = Patient::admit(self.path()).unwrap();
        let plan = patient.examine(&self.config(), &mut |_| {}).unwrap();
        let told = (plan.saved.clone(), plan.lost.clone());
        patient.leave().unwrap();
        let patient = Patient::admit(self.path()).unwrap();
        let plan = patient.examine(&self.config(), &mut |_| {}).unwrap();
        assert_eq!((&plan.saved, &plan.lost), (&told.0, &told.1), "to look changes nothing");
        patient.save(plan, &self.config()).unwrap();
        told
    }

    /// Opens the store, compares its events with those, and everything with its digests.
    #[track_caller]
    fn holds(&self, expected: &[Arc<Event>]) {
        let store = self.kind.open(self.path(), Config::default());
        assert_eq!(json(&all_of(&store)), json(expected));
        assert!(store.stats().is_balanced());
        let next = store.next_id();
        assert!(next >= 200, "{next}");
        let more = events(next..next + 5, 77);
        store.append(&more, &[]).unwrap();
        store.close().unwrap();
        let again = self.kind.open(self.path(), Config::default());
        assert_eq!(all_of(&again).len(), expected.len() + 5);
        drop(again);
        let verified =
            verify(self.path(), &self.catalog(), &self.config(), &[], &mut |_| {}).unwrap();
        assert_eq!(verified.faults, Vec::<String>::new());
        let patient = Patient::admit(self.path()).unwrap();
        let plan = patient.examine(&self.config(), &mut |_| {}).unwrap();
        assert!(plan.is_empty(), "nothing is left to do: {plan:?}");
    }

    fn quarantined(&self) -> usize {
        std::fs::read_dir(self.path().join("quarantine")).map_or(0, Iterator::count)
    }
}

#[test]
fn nothing_is_damaged() {
    Kind::both(|kind| {
        let sound = Sound::make(kind);
        assert_eq!(sound.repair(), (vec![], vec![]));
        sound.holds(&sound.all);
    });
}

#[test]
fn a_catalog_that_is_gone() {
    Kind::both(|kind| {
        let sound = Sound::make(kind);
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(sound.path().join(format!("catalog.db{end}")));
        }
        let refused = Store::open(sound.path(), sound.catalog(), sound.config()).unwrap_err();
        assert!(matches!(refused, StoreError::CatalogLost { segments: 6, .. }), "{refused}");
        assert_eq!(sound.quarantined(), 0, "nothing was made worse");
        std::fs::remove_file(sound.path().join("catalog.db")).unwrap();
        let (saved, lost) = sound.repair();
        assert_eq!(saved.len(), 6, "{saved:?}");
        assert!(lost[0].contains("catalog.db is missing"), "{lost:?}");
        sound.holds(&sound.all);
    });
}

#[test]
fn a_catalog_that_is_damaged() {
    Kind::both(|kind| {
        for from in [0, 4096] {
            let sound = Sound::make(kind);
            let path = sound.path().join("catalog.db");
            drop(sound.catalog());
            let mut bytes = std::fs::read(&path).unwrap();
            bytes[from..].fill(0xAB);
            std::fs::write(&path, &bytes).unwrap();
            assert!(Catalog::open(&path).is_err());
            sound.repair();
            assert!(std::fs::read(sound.path().join("quarantine/catalog.db")).unwrap() == bytes);
            sound.holds(&sound.all);
        }
    });
}

#[test]
fn a_segment_with_a_damaged_page() {
    Kind::both(|kind| {
        let sound = Sound::make(kind);
        let file = sound.files().remove(1);
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[4..200].fill(0xff);
        std::fs::write(&file, bytes).unwrap();
        let row = sound.catalog().segments().unwrap().remove(1);
        let (_, lost) = sound.repair();
        assert_eq!(lost.len(), 1, "{lost:?}");
        assert!(lost[0].contains(&format!("{} events", row.events)), "{lost:?}");
        let kept: Vec<_> = {
            let store = kind.open(sound.path(), Config::default());
            all_of(&store)
        };
        assert_eq!(kept.len(), 200 - usize::try_from(row.events).unwrap());
        assert!(sound.quarantined() >= 2, "the file and its note");
        sound.holds(&kept);
    });
}

#[test]
fn segments_that_are_gone_and_cut() {
    Kind::both(|kind| {
        let sound = Sound::make(kind);
        let files = sound.files();
        std::fs::remove_file(&files[0]).unwrap();
        let cut = std::fs::File::options().write(true).open(&files[3]).unwrap();
        cut.set_len(1000).unwrap();
        let (_, lost) = sound.repair();
        assert_eq!(lost.len(), 2, "{lost:?}");
        assert!(lost.iter().any(|told| told.contains("it is missing")), "{lost:?}");
        assert!(lost.iter().any(|told| told.contains("nothing of it can be read")), "{lost:?}");
        let store = kind.open(sound.path(), Config::default());
        let kept = all_of(&store);
        drop(store);
        assert!((100..200).contains(&kept.len()));
        sound.holds(&kept);
    });
}

#[test]
fn an_index_that_is_damaged() {
    Kind::both(|kind| {
        let sound = Sound::make(kind);
        let index = sound.files()[2].with_extension("index");
        let mut bytes = std::fs::read(&index).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&index, bytes).unwrap();
        let (saved, lost) = sound.repair();
        assert_eq!((saved.len(), lost.len()), (1, 1), "{saved:?} {lost:?}");
        sound.holds(&sound.all);
    });
}

#[test]
fn an_entry_and_the_chain_that_were_changed() {
    Kind::both(|kind| {
        let sound = Sound::make(kind);
        let sql = rusqlite::Connection::open(sound.path().join("catalog.db")).unwrap();
        sql.execute_batch(
            "UPDATE segments SET first_time = 0, stats = 'x' WHERE id = 2;
             DELETE FROM chain WHERE sequence = 3;",
        )
        .unwrap();
        drop(sql);
        let (saved, lost) = sound.repair();
        assert_eq!(lost, Vec::<String>::new());
        assert_eq!(saved.len(), 3, "{saved:?}");
        assert!(saved[2].contains("begins anew"), "{saved:?}");
        sound.holds(&sound.all);
    });
}

#[test]
fn an_older_catalog_that_was_put_back() {
    Kind::both(|kind| {
        let (dir, store) = kind.fresh(Config::default());
        let first = events(0..100, 1);
        store.append(&first, &[]).unwrap();
        store.flush().unwrap();
        store.close().unwrap();
        let old = std::fs::read(dir.path().join("catalog.db")).unwrap();
        let store = kind.open(dir.path(), Config::default());
        let second = events(100..200, 2);
        store.append(&second, &[]).unwrap();
        store.close().unwrap();
        std::fs::write(dir.path().join("catalog.db"), old).unwrap();
        let store = kind.open(dir.path(), Config::default());
        assert_eq!(json(&all_of(&store)), json(&first));
        assert_eq!(store.next_id(), 200, "what lies aside keeps its numbers");
        let third = events(200..230, 3);
        store.append(&third, &[]).unwrap();
        store.close().unwrap();
        let sound = Sound { dir, kind, all: [first, second, third].concat() };
        sound.repair();
        sound.holds(&sound.all);
    });
}

#[test]
fn what_went_on_purpose_stays_gone() {
    let sound = Sound::make(Kind::Plain);
    let row = sound.catalog().segments().unwrap().remove(0);
    let text = std::fs::read_to_string(sound.path().join("chain.key")).unwrap();
    let mut key = [0; 32];
    for (place, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[place * 2..place * 2 + 2], 16).unwrap();
    }
    let committed = sound.catalog().committed().unwrap();
    let publish = Publish {
        segments: &[],
        removed: &[row.id],
        committed: Committed { expected: committed, next: committed },
        checkpoints: &[],
        giving_up: GivingUp::default(),
        linking: Linking {
            key: &ChainKey::new(&key),
            at: Timestamp::from_seconds(9),
            reason: Reason::Purge,
        },
    };
    sound.catalog().publish(&publish).unwrap();
    assert_eq!(sound.repair(), (vec![], vec![]));
}

#[test]
fn not_beside_a_process_that_writes() {
    let sound = Sound::make(Kind::Sealed);
    let store = sound.kind.open(sound.path(), Config::default());
    let refused = Patient::admit(sound.path()).unwrap_err();
    assert!(refused.to_string().contains(&format!("process {}", std::process::id())), "{refused}");
    drop(store);
    Patient::admit(sound.path()).unwrap();
}
