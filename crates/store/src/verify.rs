//! Is everything as it was written? The list against the chain, every file against the list, the
//! chain against what was anchored outside.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use catalog::{Catalog, ChainHead, ChainReport, SegmentRow};
use sha2::{Digest as _, Sha256};

use crate::anchor::Anchor;
use crate::{Config, StoreError, chain};

const READ_BYTES: usize = 256 << 10;
const DIGEST_BYTES: usize = 32;
/// What a segment begins and ends with, sealed or plain.
const MAGICS: [&[u8; 4]; 2] = [b"PARE", b"PAR1"];

/// What was found out about a store.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    /// How many segments are listed.
    pub segments: u64,
    /// How many bytes of them were read.
    pub bytes: u64,
    /// How many links the chain has.
    pub links: u64,
    /// How many anchors were compared with the chain.
    pub anchors: u64,
    /// The end of the chain.
    pub head: Option<ChainHead>,
    /// What is wrong, a sentence each, at most a thousand.
    pub faults: Vec<String>,
    /// How many faults there are beyond those.
    pub more_faults: u64,
    /// What is worth knowing and not wrong.
    pub notes: Vec<String>,
}

/// How many bytes a whole verification reads.
pub fn bytes_to_verify(catalog: &Catalog) -> Result<u64, StoreError> {
    Ok(catalog.segments()?.iter().map(|row| row.bytes.saturating_add(index_of(row).0)).sum())
}

/// Reads the chain and every listed segment whole, and compares them with each other and with the
/// anchors; `progress` is told how many bytes more were read. May run beside the process that writes.
pub fn verify(
    dir: &Path,
    catalog: &Catalog,
    config: &Config,
    anchors: &[Anchor],
    progress: &mut dyn FnMut(u64),
) -> Result<Verified, StoreError> {
    let mut notes = Vec::new();
    let key = chain::key(dir, config)?;
    let mut report = match &key {
        Some(key) => catalog.check_chain(key)?,
        None => ChainReport { rows: catalog.segments()?, ..ChainReport::default() },
    };
    if key.is_none() && catalog.chain_head()?.is_some() {
        let path = dir.join("chain.key");
        report.fault(None, format!("{} is missing: the chain cannot be verified", path.display()));
    } else if !report.is_begun && key.is_none() || report.links == 0 && report.faults.is_empty() {
        notes.push("the chain has no link yet".to_owned());
    }
    let adopted = report.listed.values().filter(|link| link.reason == "adopt").count();
    if adopted > 0 {
        notes.push(format!("{adopted} segments are older than the chain: what they were before it began, it cannot tell"));
    }
    let mut checker = Checker { dir, catalog, report, bytes: 0, progress };
    checker.files()?;
    checker.anchors(anchors, &mut notes);
    let Checker { report, bytes, .. } = checker;
    Ok(Verified {
        segments: u64::try_from(report.rows.len()).unwrap_or_default(),
        bytes,
        links: report.links,
        anchors: u64::try_from(anchors.len()).unwrap_or_default(),
        head: report.head,
        faults: report.faults.into_iter().map(|fault| fault.sentence).collect(),
        more_faults: report.more_faults,
        notes,
    })
}

/// Looks at each listed segment without reading it: whether it is there, as long as it was written,
/// and begins and ends as a segment does. Gives a sentence for each that is not.
pub fn look(dir: &Path, catalog: &Catalog) -> Result<Vec<String>, StoreError> {
    let rows = catalog.segments()?;
    let mut faults: Vec<(String, String)> = Vec::new();
    for row in &rows {
        let (index_bytes, _) = index_of(row);
        let segment = (row.file.clone(), row.bytes, true);
        let index = (index_bytes > 0).then(|| (index_name(&row.file), index_bytes, false));
        for (file, bytes, is_segment) in [Some(segment), index].into_iter().flatten() {
            if let Some(fault) = glance(dir, &file, bytes, is_segment) {
                faults.push((row.file.clone(), fault));
            }
        }
    }
    if !faults.is_empty() {
        // What went out of the list since it was read is not missing.
        let now: BTreeSet<String> = catalog.segments()?.into_iter().map(|row| row.file).collect();
        faults.retain(|(file, _)| now.contains(file));
    }
    Ok(faults.into_iter().map(|(_, sentence)| sentence).collect())
}

fn glance(dir: &Path, file: &str, bytes: u64, is_segment: bool) -> Option<String> {
    let look = || -> io::Result<Option<String>> {
        let opened = File::open(dir.join(file))?;
        let length = opened.metadata()?.len();
        if length != bytes {
            return Ok(Some(wrong_length(file, length, bytes)));
        }
        let (mut first, mut last) = ([0; 4], [0; 4]);
        opened.read_exact_at(&mut first, 0)?;
        opened.read_exact_at(&mut last, length.saturating_sub(4))?;
        let is_ours = !is_segment || (first == last && MAGICS.contains(&&first));
        Ok((!is_ours).then(|| format!("{file} does not begin and end as a segment does")))
    };
    look().unwrap_or_else(|error| Some(unreadable(file, &error)))
}

fn wrong_length(file: &str, found: u64, written: u64) -> String {
    let what = if found < written { "was truncated" } else { "has grown" };
    format!("{file} {what}: it is {found} bytes long and was written with {written}")
}

fn unreadable(file: &str, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => format!("{file} is missing"),
        _ => format!("{file} cannot be read: {error}"),
    }
}

struct Checker<'c> {
    dir: &'c Path,
    catalog: &'c Catalog,
    report: ChainReport,
    bytes: u64,
    progress: &'c mut dyn FnMut(u64),
}

/// A file and what it should be.
struct Expected {
    /// The segment that it belongs to.
    segment: String,
    file: String,
    bytes: u64,
    digest: Vec<u8>,
}

impl Checker<'_> {
    fn files(&mut self) -> Result<(), StoreError> {
        let all: Vec<Expected> =
            self.report.rows.iter().flat_map(|row| self.expected(row)).collect();
        let owners: BTreeMap<Vec<u8>, String> =
            all.iter().map(|one| (one.digest.clone(), one.file.clone())).collect();
        for expected in &all {
            let Some(sentence) = self.file(expected, &owners) else { continue };
            // It may have gone out of the list while others were read.
            let rows = self.catalog.segments()?;
            if rows.iter().any(|row| row.file == expected.segment) {
                self.report.fault(Some(&expected.segment), sentence);
            }
        }
        Ok(())
    }

    /// Gives what the files of a segment should be: what the chain says, where it says it.
    fn expected(&self, row: &SegmentRow) -> Vec<Expected> {
        let link = self.report.listed.get(&row.file);
        let of_link = |digest: &Vec<u8>, of_row: [u8; DIGEST_BYTES]| {
            if digest.len() == DIGEST_BYTES { digest.clone() } else { of_row.to_vec() }
        };
        let (index_bytes, index_digest) = index_of(row);
        let mut all = vec![Expected {
            segment: row.file.clone(),
            file: row.file.clone(),
            bytes: row.bytes,
            digest: link.map_or(row.digest.to_vec(), |link| of_link(&link.digest, row.digest)),
        }];
        if index_bytes > 0 {
            all.push(Expected {
                segment: row.file.clone(),
                file: index_name(&row.file),
                bytes: index_bytes,
                digest: link.map_or(index_digest.to_vec(), |link| {
                    of_link(&link.index_digest, index_digest)
                }),
            });
        }
        all
    }

    fn file(&mut self, expected: &Expected, owners: &BTreeMap<Vec<u8>, String>) -> Option<String> {
        let file = &expected.file;
        let (digest, length) = match self.digest(&self.dir.join(file)) {
            Ok(read) => read,
            Err(error) => return Some(unreadable(file, &error)),
        };
        if digest.as_slice() == expected.digest {
            return None;
        }
        if let Some(other) = owners.get(digest.as_slice()).filter(|other| *other != file) {
            return Some(format!("{file} holds what was written as {other}: they were swapped"));
        }
        if length != expected.bytes {
            return Some(wrong_length(file, length, expected.bytes));
        }
        Some(format!("{file} was changed: its bytes are not those that were written"))
    }

    fn digest(&mut self, path: &Path) -> io::Result<([u8; DIGEST_BYTES], u64)> {
        let mut file = File::open(path)?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; READ_BYTES];
        let mut length = 0;
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => {
                    hash.update(buffer.get(..read).unwrap_or_default());
                    let read = u64::try_from(read).unwrap_or_default();
                    length += read;
                    (self.progress)(read);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.bytes += length;
        Ok((hash.finalize().into(), length))
    }

    fn anchors(&mut self, anchors: &[Anchor], notes: &mut Vec<String>) {
        let head = self.report.head.as_ref().map_or(0, |head| head.sequence);
        let folded = self.report.folded;
        let mut older = 0_u64;
        for anchor in anchors {
            let Anchor { sequence, at, .. } = anchor;
            let sentence = match self.report.macs.get(sequence) {
                Some(mac) if mac.as_slice() == anchor.mac => continue,
                Some(_) => format!(
                    "link {sequence} is not the one that was anchored at {at}: the chain was rewritten"
                ),
                None if *sequence > head => format!(
                    "the chain ends at link {head}, and link {sequence} was anchored at {at}: its end was cut off"
                ),
                None if *sequence < folded => {
                    older += 1;
                    continue;
                }
                None => format!("link {sequence}, anchored at {at}, was removed from the chain"),
            };
            self.report.fault(None, sentence);
        }
        if older > 0 {
            notes.push(format!("{older} anchors are older than the links that are kept"));
        }
    }
}

/// Gives the name of the index beside a segment.
fn index_name(file: &str) -> String {
    PathBuf::from(file).with_extension("index").display().to_string()
}

/// Gives length and digest of a segment's index; zeros where it has none.
fn index_of(row: &SegmentRow) -> (u64, [u8; DIGEST_BYTES]) {
    (row.index_bytes, row.index_digest)
}
