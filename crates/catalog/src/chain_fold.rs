//! Folds the oldest links of the chain away, so that it does not grow without end.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{OptionalExtension, Transaction, params};
use sha2::{Digest as _, Sha256};

use crate::chain::{ChainKey, GENESIS, Link, last, put, walk};
use crate::sql::{signed, unsigned};
use crate::{CatalogError, chain_check};

/// Links kept when the older ones are folded; twice as many begin a folding.
pub(crate) const LINKS_KEPT: u64 = 100_000;
/// Where the kept links begin.
#[derive(Clone, Debug)]
pub(crate) struct Fold {
    pub(crate) upto: u64,
    pub(crate) last_mac: Vec<u8>,
    pub(crate) kept: u64,
    pub(crate) seal: Vec<u8>,
}

impl Fold {
    /// Gives where a chain begins from which nothing was folded.
    pub(crate) fn none() -> Self {
        Self { upto: 0, last_mac: GENESIS.to_vec(), kept: 0, seal: Vec::new() }
    }

    pub(crate) fn is_authentic(&self, key: &ChainKey, kept: &KeptLinks) -> bool {
        self.upto == 0 || key.is_mac(&self.canonical(kept), &self.seal)
    }

    pub(crate) fn canonical(&self, kept: &KeptLinks) -> Vec<u8> {
        let mut bytes = b"bartizan fold 1".to_vec();
        put(&mut bytes, &self.upto.to_be_bytes());
        put(&mut bytes, &self.last_mac);
        put(&mut bytes, &self.kept.to_be_bytes());
        put(&mut bytes, &kept.0.clone().finalize());
        bytes
    }
}

/// The links that a folding left, in their order.
#[derive(Clone, Default)]
pub(crate) struct KeptLinks(Sha256);

impl KeptLinks {
    pub(crate) fn add(&mut self, link: &Link) {
        self.0.update(link.sequence.to_be_bytes());
        self.0.update(&link.mac);
    }
}

pub(crate) fn fold_of(transaction: &Transaction<'_>) -> Result<Fold, CatalogError> {
    let found = transaction
        .prepare_cached("SELECT upto, last_mac, kept, seal FROM chain_fold")?
        .query_row([], |row| {
            Ok(Fold {
                upto: unsigned(row, 0)?,
                last_mac: row.get(1)?,
                kept: unsigned(row, 2)?,
                seal: row.get(3)?,
            })
        })
        .optional()?;
    Ok(found.unwrap_or_else(Fold::none))
}

pub(crate) fn keep_fold(transaction: &Transaction<'_>, fold: &Fold) -> Result<(), CatalogError> {
    transaction
        .prepare_cached(
            "INSERT INTO chain_fold (line, upto, last_mac, kept, seal) VALUES (1, ?1, ?2, ?3, ?4)
             ON CONFLICT (line) DO UPDATE SET upto = excluded.upto, last_mac = excluded.last_mac,
                 kept = excluded.kept, seal = excluded.seal",
        )?
        .execute(params![signed(fold.upto)?, fold.last_mac, signed(fold.kept)?, fold.seal])?;
    Ok(())
}

/// Folds all but the last `keep` links, once there are twice as many. A chain with a fault stays as
/// it is: folding must not bless what somebody changed.
pub(crate) fn fold(
    transaction: &Transaction<'_>,
    key: &ChainKey,
    keep: u64,
) -> Result<(), CatalogError> {
    let before = fold_of(transaction)?;
    let head = last(transaction)?.map_or(0, |(sequence, _, _)| sequence);
    if head.saturating_sub(before.upto) < keep.saturating_mul(2) {
        return Ok(());
    }
    if !chain_check::check_links(transaction, key)?.faults.is_empty() {
        return Ok(());
    }
    let upto = head.saturating_sub(keep);
    let mut listed: BTreeMap<String, Link> = BTreeMap::new();
    let mut last_mac = Vec::new();
    walk(transaction, &mut |link| {
        let Ok(link) = link else { return };
        if link.sequence > upto {
            return;
        }
        last_mac.clone_from(&link.mac);
        if link.is_in {
            listed.insert(link.file.clone(), link);
        } else {
            listed.remove(&link.file);
        }
    })?;
    let kept: BTreeMap<u64, Link> =
        listed.into_values().map(|link| (link.sequence, link)).collect();
    let mut links = KeptLinks::default();
    for link in kept.values() {
        links.add(link);
    }
    let count = u64::try_from(kept.len()).unwrap_or_default();
    let mut fold = Fold { upto, last_mac, kept: count, seal: Vec::new() };
    fold.seal = key.mac(&fold.canonical(&links));
    let numbers: BTreeSet<u64> = kept.into_keys().collect();
    delete_but(transaction, upto, &numbers)?;
    keep_fold(transaction, &fold)
}

fn delete_but(
    transaction: &Transaction<'_>,
    upto: u64,
    kept: &BTreeSet<u64>,
) -> Result<(), CatalogError> {
    let mut from = 0;
    let mut delete =
        transaction.prepare_cached("DELETE FROM chain WHERE sequence > ?1 AND sequence < ?2")?;
    for next in kept.iter().copied().chain([upto + 1]) {
        delete.execute([signed(from)?, signed(next)?])?;
        from = next;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;
    use crate::{Catalog, Committed, GivingUp, Linking, Publish, Reason, SegmentId, SegmentRow};

    fn key() -> ChainKey {
        ChainKey::new(&[3; 32])
    }

    /// Twelve segments come, and each goes when the third after it came.
    fn catalog(folder: &tempfile::TempDir) -> Catalog {
        let catalog = Catalog::open(&folder.path().join("catalog.db")).unwrap();
        let mut listed: Vec<SegmentId> = Vec::new();
        for number in 0..12 {
            let row = SegmentRow {
                id: SegmentId::default(),
                file: format!("file-{number}"),
                events: 1,
                bytes: 1,
                first_id: number,
                last_id: number,
                first_time: Timestamp::from_seconds(1),
                last_time: Timestamp::from_seconds(2),
                digest: [u8::try_from(number).unwrap(); 32],
                index_bytes: 0,
                index_digest: [0; 32],
                stats: "{}".to_owned(),
            };
            let removed: Vec<SegmentId> =
                if listed.len() > 2 { vec![listed.remove(0)] } else { Vec::new() };
            let publish = Publish {
                segments: &[row],
                removed: &removed,
                committed: Committed { expected: number, next: number + 1 },
                checkpoints: &[],
                linking: Linking {
                    key: &key(),
                    at: Timestamp::from_seconds(3),
                    reason: Reason::Compact,
                },
                giving_up: GivingUp::default(),
            };
            listed.extend(catalog.publish(&publish).unwrap());
        }
        catalog
    }

    fn fold_to(catalog: &Catalog, keep: u64) {
        catalog.write(|transaction| fold(transaction, &key(), keep)).unwrap();
    }

    fn change(catalog: &Catalog, sql: &str) {
        let changed: Result<(), CatalogError> =
            catalog.write(|transaction| Ok(transaction.execute_batch(sql)?));
        changed.unwrap();
    }

    fn faults(catalog: &Catalog) -> Vec<String> {
        let report = catalog.check_chain(&key()).unwrap();
        report.faults.into_iter().map(|fault| fault.sentence).collect()
    }

    #[test]
    fn a_folded_chain_tells_as_much() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = catalog(&folder);
        let begun = catalog.begin_chain(&key(), Timestamp::from_seconds(4)).unwrap();
        assert_eq!(begun, 3, "whoever published without a key has the rest adopted");
        let before = catalog.check_chain(&key()).unwrap();
        assert_eq!(before.faults, []);
        fold_to(&catalog, 20);
        assert_eq!(catalog.check_chain(&key()).unwrap().links, before.links, "not yet");
        for keep in [4, 2, 1] {
            fold_to(&catalog, keep);
            let after = catalog.check_chain(&key()).unwrap();
            assert_eq!(after.faults, [], "{keep}");
            assert!(after.links < before.links);
            assert_eq!(after.head, before.head);
            let files =
                |listed: &BTreeMap<String, Link>| listed.keys().cloned().collect::<Vec<_>>();
            assert_eq!(files(&after.listed), files(&before.listed));
        }
    }

    #[test]
    fn what_was_folded_cannot_be_changed() {
        for (sql, told) in [
            ("DELETE FROM chain WHERE sequence = (SELECT min(sequence) FROM chain)", "folded"),
            ("UPDATE chain_fold SET upto = upto - 1", "folded"),
            ("DELETE FROM chain_fold", "removed from the chain"),
            (
                "UPDATE chain SET events = 9 WHERE sequence = (SELECT min(sequence) FROM chain)",
                "was changed",
            ),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let catalog = catalog(&folder);
            fold_to(&catalog, 1);
            assert_eq!(faults(&catalog), Vec::<String>::new());
            change(&catalog, sql);
            let faults = faults(&catalog);
            assert!(faults.iter().any(|fault| fault.contains(told)), "{sql}: {faults:?}");
        }
    }

    #[test]
    fn what_was_changed_is_not_folded() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = catalog(&folder);
        change(&catalog, "DELETE FROM chain WHERE sequence = 4");
        let before = faults(&catalog);
        assert!(!before.is_empty());
        fold_to(&catalog, 1);
        assert_eq!(faults(&catalog), before);
    }
}
