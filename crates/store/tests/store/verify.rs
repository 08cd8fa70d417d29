//! Tampering of every kind is found and named.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;
use rusqlite::Connection;
use store::{Anchor, Config, Store, Verified, look, verify};
use tempfile::TempDir;

use crate::crash::copy;
use crate::samples::{Kind, events};

/// A store of five segments and its anchor, closed; each test works on a copy.
struct Whole {
    dir: TempDir,
    files: Vec<String>,
    anchor: Anchor,
}

static PLAIN: LazyLock<Whole> = LazyLock::new(|| Whole::make(Kind::Plain));
static SEALED: LazyLock<Whole> = LazyLock::new(|| Whole::make(Kind::Sealed));

impl Whole {
    fn make(kind: Kind) -> Self {
        let (dir, store) = kind.fresh(Config::default());
        for number in 0..3 {
            store.append(&events(number * 40..number * 40 + 40, number + 1), &[]).unwrap();
            store.flush().unwrap();
        }
        let head = store.chain_head().unwrap().unwrap();
        let anchor = Anchor::parse(&Anchor::line(&head)).unwrap();
        store.close().unwrap();
        let catalog = catalog::Catalog::open(&dir.path().join("catalog.db")).unwrap();
        let mut rows = catalog.segments().unwrap();
        rows.sort_by_key(|row| row.id);
        let files = rows.into_iter().map(|row| row.file).collect();
        Self { dir, files, anchor }
    }

    fn of(kind: Kind) -> &'static Self {
        match kind {
            Kind::Plain => &PLAIN,
            Kind::Sealed => &SEALED,
        }
    }
}

struct Copy {
    dir: TempDir,
    kind: Kind,
}

impl Copy {
    fn of(kind: Kind) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy(Whole::of(kind).dir.path(), dir.path());
        Self { dir, kind }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn file(&self, number: usize) -> PathBuf {
        self.path().join(&Whole::of(self.kind).files[number])
    }

    fn sql(&self, text: &str) {
        let connection = Connection::open(self.path().join("catalog.db")).unwrap();
        connection.execute_batch(text).unwrap();
    }

    fn verify(&self) -> Verified {
        let catalog = catalog::Catalog::open(&self.path().join("catalog.db")).unwrap();
        let anchors = [Whole::of(self.kind).anchor.clone()];
        let config = self.kind.config(Config::default());
        let mut read = 0;
        let verified =
            verify(self.path(), &catalog, &config, &anchors, &mut |more| read += more).unwrap();
        assert_eq!(verified.bytes, read);
        verified
    }

    /// Compares what is found; the names of files stand as their numbers.
    #[track_caller]
    fn finds(&self, expected: &[&str]) {
        let shown = |text: &String| {
            let mut text = text.clone();
            for (number, file) in Whole::of(self.kind).files.iter().enumerate() {
                text = text.replace(file.as_str(), &format!("<{number}>"));
            }
            text
        };
        let found: Vec<String> = self.verify().faults.iter().map(shown).collect();
        assert_eq!(found, expected);
    }
}

fn tampered(change: impl Fn(&Copy), expected: &[&str]) {
    for kind in [Kind::Plain, Kind::Sealed] {
        let copy = Copy::of(kind);
        change(&copy);
        copy.finds(expected);
    }
}

#[test]
fn nothing_was_touched() {
    tampered(|_| {}, &[]);
    let copy = Copy::of(Kind::Plain);
    let verified = copy.verify();
    assert_eq!((verified.links, verified.segments, verified.anchors), (6, 6, 1));
    let mode = std::fs::metadata(copy.path().join("chain.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0);
}

#[test]
fn a_segment_was_changed() {
    tampered(
        |copy| flip(&copy.file(1), 100),
        &["<1> was changed: its bytes are not those that were written"],
    );
}

#[test]
fn a_segment_was_removed() {
    tampered(|copy| std::fs::remove_file(copy.file(2)).unwrap(), &["<2> is missing"]);
}

#[test]
fn a_segment_was_truncated() {
    for kind in [Kind::Plain, Kind::Sealed] {
        let copy = Copy::of(kind);
        let file = copy.file(0);
        let length = std::fs::metadata(&file).unwrap().len();
        std::fs::File::options().write(true).open(&file).unwrap().set_len(length - 9).unwrap();
        let told = format!(
            "<0> was truncated: it is {} bytes long and was written with {length}",
            length - 9
        );
        copy.finds(&[&told]);
        let catalog = catalog::Catalog::open(&copy.path().join("catalog.db")).unwrap();
        assert_eq!(look(copy.path(), &catalog).unwrap().len(), 1, "found without being read");
    }
}

#[test]
fn two_segments_were_swapped() {
    let swap = |copy: &Copy| {
        let aside = copy.path().join("aside");
        std::fs::rename(copy.file(0), &aside).unwrap();
        std::fs::rename(copy.file(3), copy.file(0)).unwrap();
        std::fs::rename(&aside, copy.file(3)).unwrap();
    };
    tampered(
        swap,
        &[
            "<0> holds what was written as <3>: they were swapped",
            "<3> holds what was written as <0>: they were swapped",
        ],
    );
}

#[test]
fn a_segment_and_its_digest_were_changed_together() {
    let change = |copy: &Copy| {
        flip(&copy.file(1), 100);
        let digest = <sha2::Sha256 as sha2::Digest>::digest(std::fs::read(copy.file(1)).unwrap());
        let mut digits = String::new();
        for byte in digest {
            write!(digits, "{byte:02x}").unwrap();
        }
        copy.sql(&format!("UPDATE segments SET digest = x'{digits}' WHERE id = 2"));
    };
    tampered(
        change,
        &[
            "the digest of <1> in the catalog was changed",
            "<1> was changed: its bytes are not those that were written",
        ],
    );
}

#[test]
fn an_entry_of_the_list_was_changed() {
    tampered(
        |copy| copy.sql("UPDATE segments SET first_time = 0 WHERE id = 3"),
        &["the entry of <2> in the catalog was changed"],
    );
}

#[test]
fn an_entry_of_the_list_was_removed_with_its_file() {
    for kind in [Kind::Plain, Kind::Sealed] {
        let copy = Copy::of(kind);
        std::fs::remove_file(copy.file(1)).unwrap();
        copy.sql("DELETE FROM segments WHERE id = 2");
        let faults = copy.verify().faults;
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with(&Whole::of(kind).files[1]), "{faults:?}");
        assert!(faults[0].contains("was removed from the list: it came in with link 2 at "));
    }
}

#[test]
fn a_link_was_removed() {
    tampered(
        |copy| copy.sql("DELETE FROM chain WHERE sequence = 2"),
        &[
            "link 2 was removed from the chain",
            "<1> is listed, and no link of the chain brought it in",
        ],
    );
}

#[test]
fn a_link_was_changed() {
    tampered(
        |copy| copy.sql("UPDATE chain SET events = events + 1 WHERE sequence = 3"),
        &["link 3 (flush of <2>, in) was changed"],
    );
}

#[test]
fn links_were_reordered() {
    let change = |copy: &Copy| {
        copy.sql(
            "UPDATE chain SET sequence = 99 WHERE sequence = 2;
             UPDATE chain SET sequence = 2 WHERE sequence = 3;
             UPDATE chain SET sequence = 3 WHERE sequence = 99;",
        );
    };
    tampered(
        change,
        &[
            "link 2 (flush of <2>, in) does not follow link 1",
            "link 3 (flush of <1>, in) does not follow link 2",
            "link 2 (flush of <2>, in) was changed",
            "link 3 (flush of <1>, in) was changed",
            "link 4 (flush of <3>, in) does not follow link 3",
        ],
    );
}

#[test]
fn the_chain_was_cut_at_its_end_with_all_that_it_spoke_of() {
    for kind in [Kind::Plain, Kind::Sealed] {
        let copy = Copy::of(kind);
        std::fs::remove_file(copy.file(5)).unwrap();
        copy.sql("DELETE FROM chain WHERE sequence = 6; DELETE FROM segments WHERE id = 6");
        let faults = copy.verify().faults;
        assert_eq!(faults.len(), 1, "{faults:?}");
        let told = "the chain ends at link 5, and link 6 was anchored at ";
        assert!(faults[0].starts_with(told), "{faults:?}");
    }
}

#[test]
fn the_chain_was_removed() {
    for kind in [Kind::Plain, Kind::Sealed] {
        let copy = Copy::of(kind);
        copy.sql("DELETE FROM chain");
        let faults = copy.verify().faults;
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert_eq!(faults[0], "all links of the chain were removed");
        assert!(faults[1].starts_with("the chain ends at link 0, and link 6 was anchored at "));
    }
}

#[test]
fn the_chain_is_of_another_key() {
    let copy = Copy::of(Kind::Plain);
    std::fs::write(copy.path().join("chain.key"), "5a".repeat(32)).unwrap();
    copy.finds(&["no link of the chain matches the key of this store: the key is another"]);
    std::fs::remove_file(copy.path().join("chain.key")).unwrap();
    let faults = copy.verify().faults;
    assert!(faults[0].contains("chain.key is missing"), "{faults:?}");
}

#[test]
fn a_store_without_a_chain_is_adopted_once() {
    let copy = Copy::of(Kind::Plain);
    copy.sql("DELETE FROM chain; DELETE FROM settings WHERE name = 'chain_begun'");
    drop(copy.kind.open(copy.path(), Config::default()));
    let verified = copy.verify();
    assert_eq!(verified.links, 6);
    assert!(verified.notes[0].starts_with("6 segments are older than the chain"));
    assert!(verified.faults[0].contains("the chain was rewritten"), "the anchor is of the old one");
}

#[test]
fn a_chain_goes_on_when_the_store_is_sealed() {
    let copy = Copy::of(Kind::Plain);
    drop(Kind::Sealed.open(copy.path(), Config::default()));
    assert!(!copy.path().join("chain.key").exists());
    let sealed = Copy { dir: copy.dir, kind: Kind::Sealed };
    let catalog = catalog::Catalog::open(&sealed.path().join("catalog.db")).unwrap();
    let config = Kind::Sealed.config(Config::default());
    let verified = verify(sealed.path(), &catalog, &config, &[], &mut |_| {}).unwrap();
    assert_eq!((verified.faults.len(), verified.links), (0, 6), "{:?}", verified.faults);
    assert_eq!(verified.head.unwrap().sequence, 12);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_flipped_bit_of_a_segment(sealed: bool, index: bool, file in 0_usize..6, at: prop::sample::Index, bit in 0_u8..8) {
        let copy = Copy::of(if sealed { Kind::Sealed } else { Kind::Plain });
        let mut path = copy.file(file);
        let mut name = Whole::of(copy.kind).files[file].clone();
        if index {
            path.set_extension("index");
            name = name.replace(".parquet", ".index");
        }
        let mut bytes = std::fs::read(&path).unwrap();
        let place = at.index(bytes.len());
        bytes[place] ^= 1 << bit;
        std::fs::write(&path, bytes).unwrap();
        let faults = copy.verify().faults;
        prop_assert_eq!(faults.len(), 1);
        prop_assert!(faults[0].starts_with(&name), "{:?}", faults);

        // Whatever it is, everything else is answered, and what is not is told.
        let store = copy.kind.open(copy.path(), Config::default());
        let search = store::Search {
            scope: store::Scope::of(query::Predicate::default()),
            order: store::Order::Newest,
            limit: 1000,
            cursor: None,
        };
        let found = store.search(&search).unwrap();
        prop_assert!(found.events.len() == 120 || !found.unreadable.is_empty());
        let mut scope = store::Scope::of(query::Predicate::parse("not user.name: nobody").unwrap());
        (scope.from, scope.to) = (model::Timestamp::MIN, model::Timestamp::MAX);
        let counted = store.histogram(&store::Histogram { scope, buckets: 2 }).unwrap();
        prop_assert!(counted.total() == 120 || !counted.unreadable.is_empty());
        prop_assert!(found.events.len() >= 60);
        prop_assert!(!index || found.events.len() == 120, "an index only spares work");
    }

    #[test]
    fn every_flipped_bit_of_the_catalog_is_borne(at: prop::sample::Index, bit in 0_u8..8) {
        let copy = Copy::of(Kind::Sealed);
        let path = copy.path().join("catalog.db");
        let mut bytes = std::fs::read(&path).unwrap();
        let place = at.index(bytes.len());
        bytes[place] ^= 1 << bit;
        std::fs::write(&path, bytes).unwrap();
        // Refused with a sentence, or opened: never a panic, and never a file gone.
        if let Ok(catalog) = catalog::Catalog::open(&path) {
            let config = Kind::Sealed.config(Config::default());
            let _ = verify(copy.path(), &catalog, &config, &[], &mut |_| {});
            match Store::open(copy.path(), catalog, config) {
                Ok(store) => drop(store.search(&store::Search {
                    scope: store::Scope::of(query::Predicate::default()),
                    order: store::Order::Newest,
                    limit: 10,
                    cursor: None,
                })),
                Err(error) => prop_assert_eq!(error.to_string().lines().count(), 1),
            }
        }
        let kept = Whole::of(Kind::Sealed).files.iter().filter(|file| {
            let name = Path::new(file.as_str()).file_name().unwrap();
            copy.path().join(file).exists() || copy.path().join("quarantine").join(name).exists()
        });
        prop_assert_eq!(kept.count(), 6);
    }
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}
