//! The key of the chain of segments, and its beginning.
//!
//! A sealed store derives the key from its keyring. A plain one has it in `chain.key`, beside the
//! data and for its owner alone: that shows damage and clumsy hands, not somebody who may read it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use catalog::{Catalog, ChainKey, Linking, Reason};
use seal::{DataKey, Keyring};

use crate::clock::now;
use crate::error::During;
use crate::live::Shared;
use crate::wal::sync_dir;
use crate::{Config, StoreError};

const PURPOSE: &str = "chain";
const KEY_DIGITS: usize = 64;
/// Faults that are told one by one at the start.
const TOLD_MAX: usize = 20;

/// Gives the key of the chain, if this store has one.
pub(crate) fn key(dir: &Path, config: &Config) -> Result<Option<ChainKey>, StoreError> {
    match &config.keyring {
        Some(keyring) => of_keyring(keyring).map(Some),
        None => of_file(dir),
    }
}

/// Gives the key of the chain for the process that writes: makes it where there is none, and begins
/// the chain where there is none.
pub(crate) fn begin(
    dir: &Path,
    catalog: &Catalog,
    config: &Config,
) -> Result<ChainKey, StoreError> {
    let key = match &config.keyring {
        Some(keyring) => {
            let key = of_keyring(keyring)?;
            take_over(dir, catalog, &key)?;
            key
        }
        None => match of_file(dir)? {
            Some(key) => key,
            None => make(dir)?,
        },
    };
    catalog.begin_chain(&key, now())?;
    Ok(key)
}

/// Compares the list with the chain at the start, adds a notice where they differ, and gives the
/// files whose entries are not as they were written.
pub(crate) fn doubted(
    catalog: &Catalog,
    key: &ChainKey,
    notices: &mut Vec<String>,
) -> Result<BTreeSet<String>, StoreError> {
    let report = catalog.check_chain(key)?;
    for fault in report.faults.iter().take(TOLD_MAX) {
        tracing::error!(fault = fault.sentence, "the list of segments is not as it was written");
    }
    if let Some(first) = report.faults.first() {
        let count = u64::try_from(report.faults.len()).unwrap_or(u64::MAX);
        notices.push(format!(
            "the list of segments is not as it was written: {} faults, the first: {} \
             (bartizan doctor --verify)",
            count.saturating_add(report.more_faults),
            first.sentence
        ));
    }
    Ok(report.faults.into_iter().filter_map(|fault| fault.file).collect())
}

impl Shared {
    /// Gives what links a step of the list into the chain.
    pub(crate) fn linking(&self, reason: Reason) -> Result<Linking<'_>, StoreError> {
        let key = self.chain.as_ref();
        let key = key.ok_or(StoreError::Closed { why: "it was opened for reading" })?;
        Ok(Linking { key, at: now(), reason })
    }
}

fn of_keyring(keyring: &Keyring) -> Result<ChainKey, StoreError> {
    let key = keyring.lasting_key(PURPOSE);
    let key = key.map_err(|error| StoreError::sealed("the chain of segments", error))?;
    Ok(ChainKey::new(key.bytes()))
}

fn path(dir: &Path) -> PathBuf {
    dir.join("chain.key")
}

fn of_file(dir: &Path) -> Result<Option<ChainKey>, StoreError> {
    let path = path(dir);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).during(|| format!("read {}", path.display())),
    };
    let key = parse(text.trim()).ok_or_else(|| {
        let reason = "is no key of a chain; restore it from a backup, or remove it and run `bartizan doctor --repair`";
        StoreError::sealed(path.display().to_string(), reason)
    })?;
    Ok(Some(ChainKey::new(&key)))
}

fn parse(text: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    if text.len() != KEY_DIGITS {
        return None;
    }
    for (place, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(place * 2..place * 2 + 2)?, 16).ok()?;
    }
    Some(key)
}

fn make(dir: &Path) -> Result<ChainKey, StoreError> {
    let key = DataKey::generate().map_err(|error| StoreError::sealed("chain.key", error))?;
    let mut text = String::with_capacity(KEY_DIGITS + 1);
    for byte in key.bytes() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.push('\n');
    let path = path(dir);
    let write = || {
        let fresh = path.with_extension("key.new");
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&fresh, &path)?;
        sync_dir(dir)
    };
    write().during(|| format!("write {}", path.display()))?;
    Ok(ChainKey::new(key.bytes()))
}

/// Lets a chain that was begun before the store was sealed go on under the keyring, if it is whole.
fn take_over(dir: &Path, catalog: &Catalog, key: &ChainKey) -> Result<(), StoreError> {
    let Some(before) = of_file(dir).ok().flatten() else { return Ok(()) };
    let of_before = catalog.check_chain(&before)?;
    if of_before.links == 0 || !of_before.faults.is_empty() {
        return Ok(());
    }
    catalog.begin_chain_again(key, now())?;
    let path = path(dir);
    std::fs::remove_file(&path).during(|| format!("delete {}", path.display()))
}
