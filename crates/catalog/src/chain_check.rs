//! Compares the chain with itself, and the list of segments with the chain.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Transaction;

use crate::chain::{ChainKey, Link, is_begun, row_digest, walk};
use crate::chain_fold::{Fold, KeptLinks, fold_of};
use crate::segments::list;
use crate::{Catalog, CatalogError, ChainHead, Reason, SegmentRow};

/// Faults that are told one by one; further ones are counted.
const FAULTS_MAX: usize = 1000;
/// Links in a row that do not match the key and are told one by one.
const CHANGED_TOLD_MAX: usize = 20;

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainFault {
    /// The segment that it is about, where it is about one.
    pub file: Option<String>,
    /// What is wrong, in one sentence.
    pub sentence: String,
}

/// What the chain tells.
#[derive(Clone, Debug, Default)]
pub struct ChainReport {
    /// Whether a chain was ever begun.
    pub is_begun: bool,
    /// Every listed segment, as the list has it.
    pub rows: Vec<SegmentRow>,
    /// How many links there are.
    pub links: u64,
    /// What is wrong, at most a thousand.
    pub faults: Vec<ChainFault>,
    /// How many faults there are beyond those.
    pub more_faults: u64,
    /// The mac of each link that is kept, and of the place where older ones were folded.
    pub macs: BTreeMap<u64, Vec<u8>>,
    /// The link that brought in each segment that should be listed.
    pub listed: BTreeMap<String, Link>,
    /// The digests of the files that went out of the list on purpose, as far back as links are kept.
    pub gone: BTreeSet<Vec<u8>>,
    /// Whether every link is as it was written, and none is missing between them.
    pub is_sound: bool,
    /// The end of the chain.
    pub head: Option<ChainHead>,
    /// The place up to which links were folded.
    pub folded: u64,
}

impl Catalog {
    /// Compares every link with the one before it, and every entry of the list with its link.
    pub fn check_chain(&self, key: &ChainKey) -> Result<ChainReport, CatalogError> {
        let head = self.chain_head();
        let mut report = self.read(|transaction| {
            let mut report = check_links(transaction, key)?;
            report.is_sound = report.faults.is_empty();
            report.is_begun = is_begun(transaction)?;
            report.rows = list(transaction)?;
            Ok(report)
        })?;
        report.head = head.unwrap_or_default();
        report.check_rows();
        Ok(report)
    }
}

/// Compares every link with the one before it.
pub(crate) fn check_links(
    transaction: &Transaction<'_>,
    key: &ChainKey,
) -> Result<ChainReport, CatalogError> {
    let fold = fold_of(transaction)?;
    let mut walker = Walker {
        key,
        kept: KeptLinks::default(),
        kept_count: 0,
        place: (fold.upto, fold.last_mac.clone()),
        changed: Vec::new(),
        report: ChainReport { folded: fold.upto, ..ChainReport::default() },
        fold,
    };
    walk(transaction, &mut |link| walker.link(link))?;
    Ok(walker.finish())
}

struct Walker<'k> {
    key: &'k ChainKey,
    fold: Fold,
    kept: KeptLinks,
    kept_count: u64,
    /// Place and mac of the link before.
    place: (u64, Vec<u8>),
    /// Links in a row that do not match the key.
    changed: Vec<Link>,
    report: ChainReport,
}

impl Walker<'_> {
    fn link(&mut self, link: Result<Link, String>) {
        self.report.links += 1;
        let link = match link {
            Ok(link) => link,
            Err(error) => {
                self.report.fault(None, format!("a link of the chain cannot be read ({error})"));
                return;
            }
        };
        if link.is_authentic(self.key) {
            self.tell_changed();
        } else {
            self.changed.push(link.clone());
        }
        if link.sequence <= self.fold.upto {
            self.kept.add(&link);
            self.kept_count += 1;
        } else {
            self.follow(&link);
        }
        self.report.macs.insert(link.sequence, link.mac.clone());
        if link.is_in {
            self.report.gone.remove(&link.digest);
            self.report.listed.insert(link.file.clone(), link);
        } else {
            self.report.listed.remove(&link.file);
            if link.reason != Reason::Repair.as_str() {
                self.report.gone.insert(link.digest);
            }
        }
    }

    fn follow(&mut self, link: &Link) {
        let (before, mac) = std::mem::replace(&mut self.place, (link.sequence, link.mac.clone()));
        let (first, last) = (before + 1, link.sequence.saturating_sub(1));
        if first == last {
            self.report.fault(None, format!("link {first} was removed from the chain"));
        } else if first < last {
            let sentence = format!("links {first} to {last} were removed from the chain");
            self.report.fault(None, sentence);
        } else if link.previous != mac {
            let sentence = format!("{} does not follow link {before}", link.sentence());
            self.report.fault(Some(&link.file), sentence);
        }
    }

    /// Tells of the links in a row that do not match the key.
    fn tell_changed(&mut self) {
        let changed = std::mem::take(&mut self.changed);
        if changed.len() <= CHANGED_TOLD_MAX {
            for link in changed {
                let sentence = format!("{} was changed", link.sentence());
                self.report.fault(Some(&link.file), sentence);
            }
        } else if let (Some(first), Some(last)) = (changed.first(), changed.last()) {
            let sentence = format!(
                "links {} to {} do not match the key of this store: they were changed, or made \
                 with another key",
                first.sequence, last.sequence
            );
            self.report.fault(None, sentence);
        }
    }

    fn finish(mut self) -> ChainReport {
        let failed = u64::try_from(self.changed.len()).unwrap_or_default();
        if failed > 1 && failed == self.report.links {
            self.changed.clear();
            let sentence = "no link of the chain matches the key of this store: the key is another";
            self.report.fault(None, sentence.to_owned());
        }
        self.tell_changed();
        let is_whole = self.kept_count == self.fold.kept;
        if !is_whole || !self.fold.is_authentic(self.key, &self.kept) {
            let sentence = format!(
                "the chain up to link {} is not as it was when older links were folded",
                self.fold.upto
            );
            self.report.fault(None, sentence);
        }
        if self.fold.upto > 0 {
            self.report.macs.entry(self.fold.upto).or_insert(self.fold.last_mac);
        }
        self.report
    }
}

impl ChainReport {
    /// Adds a fault, unless there are too many.
    pub fn fault(&mut self, file: Option<&str>, sentence: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(ChainFault { file: file.map(str::to_owned), sentence });
        } else {
            self.more_faults += 1;
        }
    }

    fn check_rows(&mut self) {
        if !self.is_begun && self.links == 0 {
            return;
        }
        if self.links == 0 && !self.rows.is_empty() {
            self.fault(None, "all links of the chain were removed".to_owned());
            return;
        }
        let mut sentences: Vec<(String, String)> = Vec::new();
        for row in &self.rows {
            let file = &row.file;
            let sentence = match self.listed.get(file) {
                None => format!("{file} is listed, and no link of the chain brought it in"),
                Some(link) if link.digest != row.digest => {
                    format!("the digest of {file} in the catalog was changed")
                }
                Some(link) if link.row_digest != row_digest(row) => {
                    format!("the entry of {file} in the catalog was changed")
                }
                Some(_) => continue,
            };
            sentences.push((file.clone(), sentence));
        }
        let rows: BTreeSet<&str> = self.rows.iter().map(|row| row.file.as_str()).collect();
        for (file, link) in &self.listed {
            if !rows.contains(file.as_str()) {
                let sentence = format!(
                    "{file} was removed from the list: it came in with link {} at {} and never \
                     went out",
                    link.sequence, link.at
                );
                sentences.push((file.clone(), sentence));
            }
        }
        for (file, sentence) in sentences {
            self.fault(Some(&file), sentence);
        }
    }
}
