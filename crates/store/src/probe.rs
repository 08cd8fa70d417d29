//! Whether what is written is sealed indeed: tried out, not believed.
//!
//! A library that was built without encryption writes plain text when it is asked to encrypt, and
//! says nothing. So at every start a small store of its own is made beside the data, with the same
//! keys and by the same code; a text that nobody could have guessed goes through its log, its
//! segments and its catalog, is looked for in the raw bytes of every file, and read back.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catalog::Catalog;
use model::{Checkpoint, Event, EventId, Field, Text, Timestamp};
use seal::DataKey;

use crate::clock::now;
use crate::error::During;
use crate::{Config, KeepConfig, Seal, Seals, Store, StoreError};

/// What the small store takes, and some.
const ROOM_BYTES: u64 = 16 << 20;
/// How long a piece of the text is that may not be seen.
const PIECE_BYTES: usize = 8;

/// Makes sure that what is written in this folder is sealed, and can be read back; with no keys that
/// seal there is nothing to see to.
pub fn probe(dir: &Path, config: &Config) -> Result<(), StoreError> {
    if config.sealing().is_none() {
        return Ok(());
    }
    if !has_room(dir) {
        // What is stored can be read on a full disk, and nothing can be written plain either.
        tracing::warn!("the disk is full: whether what is written is sealed could not be tried");
        return Ok(());
    }
    let folder = dir.join("probe");
    // What a stop left behind.
    remove(&folder)?;
    let outcome = examine(&folder, config);
    remove(&folder)?;
    outcome
}

fn has_room(dir: &Path) -> bool {
    let free = rustix::fs::statvfs(dir).map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    // Where nobody tells, it is tried.
    free.is_ok_and(|free| free >= ROOM_BYTES) || free.is_err()
}

fn remove(folder: &Path) -> Result<(), StoreError> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).during(|| format!("delete {}", folder.display()))
        }
        _ => Ok(()),
    }
}

fn examine(folder: &Path, config: &Config) -> Result<(), StoreError> {
    let canary = canary()?;
    std::fs::create_dir_all(folder).during(|| format!("create {}", folder.display()))?;
    let catalog = || Ok::<_, StoreError>(Catalog::open(&folder.join("catalog.db"))?);
    // Nobody compacts or gives up what is there for a moment.
    let keep = KeepConfig { free_gb: Some(0.0), ..KeepConfig::default() };
    let config = Config { keep_every: None, keep, ..config.clone() };
    let store = Store::open(folder, catalog()?, config.clone())?;
    let events: Vec<Arc<Event>> = (0..2).map(|id| event(id, &canary, now())).collect();
    let checkpoint = Checkpoint { key: "probe".to_owned(), position: canary.clone() };
    for event in &events {
        store.append(&[Arc::clone(event)], std::slice::from_ref(&checkpoint))?;
        look_for(&canary, folder)?;
        // The first goes into a segment, the second stays in the log.
        if event.id == EventId(0) {
            store.flush()?;
        }
    }
    look_for(&canary, folder)?;
    let reader = Store::open_reader(folder, catalog()?, config)?;
    let read: Vec<String> =
        reader.since(EventId(0), 2)?.iter().map(|event| event.to_json()).collect();
    let written: Vec<String> = events.iter().map(|event| event.to_json()).collect();
    if read != written || reader.checkpoints() != [checkpoint] {
        let reason = "does not give back what was sealed into it: this build cannot be trusted";
        return Err(StoreError::sealed(folder.display().to_string(), reason));
    }
    Ok(())
}

/// Gives a text that no file holds by chance.
fn canary() -> Result<String, StoreError> {
    let key = DataKey::generate().map_err(|error| StoreError::Internal(error.to_string()))?;
    let mut text = String::from("c");
    for byte in key.bytes().iter().take(16) {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

fn event(id: u64, canary: &str, now: Timestamp) -> Arc<Event> {
    let line = format!("probe {canary} from {canary}");
    let mut event = Event::new(Text::from(line.as_str()), now);
    event.id = EventId(id);
    event.time = now;
    for field in [Field::UserName, Field::HostName, Field::Message, Field::UrlPath] {
        event.set(field, canary);
    }
    event.set_path("probe.text", canary);
    Arc::new(event)
}

/// Fails where a file shows a piece of the text, or a segment or a log is plain.
fn look_for(canary: &str, folder: &Path) -> Result<(), StoreError> {
    let pieces: Vec<&[u8]> = canary.as_bytes().windows(PIECE_BYTES).collect();
    for path in files(folder)? {
        let bytes = match std::fs::read(&path) {
            // The log goes once it stands in a segment.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            read => read.during(|| format!("read {}", path.display()))?,
        };
        if bytes.windows(PIECE_BYTES).any(|window| pieces.contains(&window)) {
            return Err(shown(&path));
        }
    }
    let Seals { segments, logs } = Seals::of(folder)?;
    match segments.iter().chain(&logs).find(|file| !matches!(file.seal, Seal::Key(_))) {
        Some(file) => Err(shown(&file.path)),
        None => Ok(()),
    }
}

fn shown(path: &Path) -> StoreError {
    let reason = "came out as plain text where it had to be sealed: this build does not encrypt, \
                  and the store stays closed";
    StoreError::sealed(path.display().to_string(), reason)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let what = || format!("list {}", folder.display());
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).during(what)? {
            let path = entry.during(what)?.path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                found.push(path);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use seal::Keyring;

    use super::*;

    fn config() -> Config {
        Config { keyring: Some(Keyring::generate().unwrap()), ..Config::default() }
    }

    #[test]
    fn what_seals_passes_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("probe/left/behind")).unwrap();
        probe(dir.path(), &config()).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_writer_that_does_not_seal_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let plain = Config { write_plain: true, ..config() };
        let told = examine(&dir.path().join("probe"), &plain).unwrap_err().to_string();
        expect!["DIR/probe/wal/00000001.wal came out as plain text where it had to be sealed: this build does not encrypt, and the store stays closed"]
            .assert_eq(&told.replace(dir.path().to_str().unwrap(), "DIR"));
    }

    #[test]
    fn a_plain_segment_is_found_by_its_texts_and_by_its_magic() {
        for canary in [Some(canary().unwrap()), None] {
            let dir = tempfile::tempdir().unwrap();
            let catalog = Catalog::open(&dir.path().join("catalog.db")).unwrap();
            let store = Store::open(dir.path(), catalog, Config::default()).unwrap();
            let text = canary.clone().unwrap_or_default();
            store.append(&[event(0, &text, now())], &[]).unwrap();
            store.flush().unwrap();
            let looked = look_for(&canary.unwrap_or_else(|| "not in there".to_owned()), dir.path());
            assert!(looked.is_err());
        }
    }
}
