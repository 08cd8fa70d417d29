//! What belongs to a backup: the list of its files with their digests, and where it came from.
//!
//! The file has two lines of JSON: the manifest, and the digest of that line.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Component, Path};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::copy::{hexadecimal, sync_folder};
use crate::failure::{Outcome, ending};

/// What the file is called.
pub(crate) const NAME: &str = "manifest.json";
const KIND: &str = "bartizan backup";
/// The one format that there is.
const FORMAT: u32 = 1;
/// Bounds what is read; a million files take some 300 MB.
const BYTES_MAX: u64 = 1 << 30;

/// A backup, as its manifest tells of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(super) kind: String,
    pub(super) format: u32,
    /// The version of the product that took it.
    pub(crate) product: String,
    /// The moment that it is of.
    pub(crate) at: String,
    /// The data folder that it was taken from.
    pub(crate) data: String,
    /// What the store held.
    pub(crate) ledger: Ledger,
    /// Whether the master key is in it.
    pub(crate) with_key: bool,
    /// The folder in which all but the segments lie.
    pub(crate) snapshot: String,
    /// Segments that did not match their digest when they were copied, and were copied all the same.
    pub(crate) damaged: Vec<String>,
    /// Segments that were listed and not there.
    pub(crate) missing: Vec<String>,
    /// Every file.
    pub(crate) files: Vec<Kept>,
}

/// What the store held at that moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ledger {
    /// How many segments there were.
    pub(crate) segments: u64,
    /// How many events stood in them.
    pub(crate) in_segments: u64,
    /// How many stood in the log alone; unknown where no key was at hand to read it.
    pub(crate) in_log: Option<u64>,
    /// The first identity that no event had; unknown likewise.
    pub(crate) next_id: Option<u64>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    /// Where it lies in a data folder.
    pub(crate) path: String,
    /// Where it lies in the backup.
    pub(crate) stored: String,
    /// How long it is.
    pub(crate) bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub(crate) sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seal {
    sha256: String,
}

/// The part of a manifest that every format has.
#[derive(Deserialize)]
struct Head {
    kind: String,
    format: u32,
}

impl Manifest {
    /// Begins the manifest of a backup that this version takes.
    pub(super) fn begin() -> Self {
        Self {
            kind: KIND.to_owned(),
            format: FORMAT,
            product: env!("CARGO_PKG_VERSION").to_owned(),
            at: String::new(),
            data: String::new(),
            ledger: Ledger::default(),
            with_key: false,
            snapshot: String::new(),
            damaged: Vec::new(),
            missing: Vec::new(),
            files: Vec::new(),
        }
    }

    /// Reads the manifest of a backup; `None` where there is none.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Option<Self>> {
        let path = folder.join(NAME);
        let shown = path.display();
        let file = match File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            file => file.with_context(|| format!("cannot read {shown}"))?,
        };
        let mut text = String::new();
        let read = file.take(BYTES_MAX).read_to_string(&mut text);
        let damaged =
            || ending(Outcome::Fault, format!("{shown} is damaged: the backup is broken"));
        match read {
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => return Err(damaged()),
            read => read.with_context(|| format!("cannot read {shown}"))?,
        };
        let (line, rest) = text.split_once('\n').ok_or_else(damaged)?;
        let seal: Seal = serde_json::from_str(rest).map_err(|_| damaged())?;
        if seal.sha256 != hexadecimal(&Sha256::digest(line)) {
            return Err(damaged());
        }
        let head: Head = serde_json::from_str(line).map_err(|_| damaged())?;
        if head.kind != KIND {
            return Err(damaged());
        }
        if head.format != FORMAT {
            let sentence = format!(
                "{shown} has format {}, and this version knows {FORMAT}: restore with the version that took it",
                head.format
            );
            return Err(ending(Outcome::Fault, sentence));
        }
        let manifest: Self = serde_json::from_str(line).map_err(|_| damaged())?;
        if !is_below(&manifest.snapshot) {
            return Err(damaged());
        }
        for file in &manifest.files {
            if !is_below(&file.path) || !is_below(&file.stored) {
                let sentence = format!("{shown} names a file outside of the folder: {}", file.path);
                return Err(ending(Outcome::Fault, sentence));
            }
        }
        Ok(Some(manifest))
    }

    /// Writes the manifest, durably and at once: from now on the backup is this one.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let path = folder.join(NAME);
        let line = serde_json::to_string(self)?;
        let seal = serde_json::to_string(&Seal { sha256: hexadecimal(&Sha256::digest(&line)) })?;
        let beside = folder.join("manifest.new");
        let write = || {
            let mut file = File::create(&beside)?;
            writeln!(file, "{line}\n{seal}")?;
            file.sync_all()?;
            fs::rename(&beside, &path)?;
            sync_folder(folder)
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }

    /// Gives how many bytes the files have.
    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).fold(0, u64::saturating_add)
    }
}

/// Tells whether a path stays below the folder that it is joined to.
fn is_below(path: &str) -> bool {
    let mut parts = Path::new(path).components();
    !path.is_empty() && parts.all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let file = |path: &str| Kept {
            path: path.to_owned(),
            stored: format!("segments/{path}"),
            bytes: 3,
            sha256: "00".to_owned(),
        };
        Manifest {
            at: "2026-11-21T07:00:00Z".to_owned(),
            data: "/data".to_owned(),
            snapshot: "snapshot-1".to_owned(),
            files: vec![file("a"), file("b")],
            ..Manifest::begin()
        }
    }

    #[test]
    fn written_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Manifest::read(folder.path()).unwrap().is_none());
        manifest().write(folder.path()).unwrap();
        let read = Manifest::read(folder.path()).unwrap().unwrap();
        assert_eq!((read.files, read.ledger), (manifest().files, Ledger::default()));
    }

    #[test]
    fn any_flipped_byte_is_found() {
        let folder = tempfile::tempdir().unwrap();
        manifest().write(folder.path()).unwrap();
        let path = folder.path().join(NAME);
        let whole = fs::read(&path).unwrap();
        // The last byte is the line feed, which means nothing.
        for at in 0..whole.len() - 1 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            fs::write(&path, bytes).unwrap();
            let error = Manifest::read(folder.path()).unwrap_err().to_string();
            assert!(error.contains("manifest.json is damaged"), "byte {at}: {error}");
        }
    }

    #[test]
    fn a_path_that_leads_out_is_refused() {
        for path in ["../a", "/a", "a/../../b", ""] {
            let folder = tempfile::tempdir().unwrap();
            let mut hostile = manifest();
            path.clone_into(&mut hostile.files[0].path);
            hostile.write(folder.path()).unwrap();
            let error = Manifest::read(folder.path()).unwrap_err().to_string();
            assert!(error.contains("outside of the folder"), "{error}");
        }
    }

    #[test]
    fn a_newer_format_is_told() {
        let folder = tempfile::tempdir().unwrap();
        Manifest { format: 2, ..manifest() }.write(folder.path()).unwrap();
        let error = Manifest::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("has format 2, and this version knows 1"), "{error}");
    }
}
