//! Reads a log file back after a stop of any kind.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use model::FieldNames;
use seal::Keyring;

use super::file::{Header, decode, sync_dir, unseal};
use super::frame::{Content, content, next_marker, record_at};
use super::sealing::Sealing;
use crate::StoreError;
use crate::error::During;

/// Bounds the search behind a damaged record, in lengths of the file: a text full of markers would
/// otherwise have the rest of the file checked once for each of them.
const CHECKS_MAX: usize = 8;

/// What a log file gave.
#[derive(Debug)]
pub(crate) struct Replayed {
    /// `None` where not even the header can be read.
    pub(crate) header: Option<Header>,
    pub(crate) contents: Vec<Content>,
    pub(crate) damage: Damage,
    good: Vec<Range<usize>>,
    header_length: usize,
}

impl Replayed {
    /// Tells whether the file was begun, wholly or by half, and nothing stands behind that.
    pub(crate) fn is_bare(&self) -> bool {
        self.contents.is_empty() && matches!(self.damage, Damage::None | Damage::Tail(0))
    }
}

/// How whole a log file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// All of it is good.
    None,
    /// From here on nothing is good: a record that was being written when the machine stopped.
    Tail(u64),
    /// Something is bad and good records stand behind it.
    Middle,
}

/// Reads all good records of a file.
pub(crate) fn read(path: &Path, keyring: Option<&Keyring>) -> Result<Replayed, StoreError> {
    let bytes = std::fs::read(path).during(|| format!("read {}", path.display()))?;
    let Some((header, header_length)) = decode(path, &bytes)? else {
        // Half a header has nothing behind it; one that rotted has records.
        let is_half = next_marker(&bytes, 0).is_none();
        return Ok(Replayed {
            header: None,
            contents: Vec::new(),
            damage: if is_half { Damage::Tail(0) } else { Damage::Middle },
            good: Vec::new(),
            header_length: 0,
        });
    };
    let covered = bytes.get(..header_length).unwrap_or_default();
    let mut opening = Opening { sealing: unseal(path, &header, covered, keyring)?, next: 0 };
    let mut replayed = Replayed {
        header: None,
        contents: Vec::new(),
        damage: Damage::None,
        good: Vec::new(),
        header_length,
    };
    let mut budget = bytes.len().saturating_mul(CHECKS_MAX);
    let mut at = header_length;
    while at < bytes.len() {
        let record = record_at(&bytes, at, header.salt, &mut budget).and_then(|(payload, end)| {
            let read = opening.content(bytes.get(payload)?, &header.names)?;
            Some((read, end))
        });
        if let Some((read, end)) = record {
            if matches!(replayed.damage, Damage::Tail(_)) {
                replayed.damage = Damage::Middle;
            }
            replayed.contents.push(read);
            replayed.good.push(at..end);
            at = end;
        } else if budget == 0 {
            // Good records may stand behind: the file must be kept aside, not cut.
            replayed.damage = Damage::Middle;
            break;
        } else {
            if replayed.damage == Damage::None {
                replayed.damage = Damage::Tail(u64::try_from(at).unwrap_or(u64::MAX));
            }
            at = next_marker(&bytes, at + 1).unwrap_or(bytes.len());
        }
    }
    replayed.header = Some(header);
    Ok(replayed)
}

/// Reads payloads as the file keeps them.
struct Opening {
    sealing: Option<Sealing>,
    /// The least place that the next record may have.
    next: u64,
}

impl Opening {
    fn content(&mut self, payload: &[u8], names: &FieldNames) -> Option<Content> {
        let Some(sealing) = &self.sealing else { return content(payload, names) };
        let (place, opened) = sealing.open(payload)?;
        let read = content(&opened, names).filter(|_| place >= self.next)?;
        self.next = place.saturating_add(1);
        Some(read)
    }
}

/// Makes a file durable that another process wrote.
pub(crate) fn sync(path: &Path) -> Result<(), StoreError> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.during(|| format!("sync {}", path.display()))
}

/// Cuts a torn tail off.
pub(crate) fn cut_tail(path: &Path, at: u64) -> Result<(), StoreError> {
    let cut = || {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(at)?;
        file.sync_all()
    };
    cut().during(|| format!("cut the torn tail of {}", path.display()))
}

/// Puts a damaged file aside and leaves its good records in its place.
///
/// The old bytes are linked into `quarantine` before the new file replaces them, so that a stop in
/// between leaves both, and the next start does the same again.
pub(crate) fn quarantine(path: &Path, replayed: &Replayed, aside: &Path) -> Result<(), StoreError> {
    let mend = || {
        std::fs::create_dir_all(aside)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let free = (0_u32..).map(|number| aside.join(format!("{name}.{number}")));
        for target in free.take(1000) {
            match std::fs::hard_link(path, &target) {
                Ok(()) => break,
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        sync_dir(aside)?;
        let Some(dir) = path.parent().filter(|_| replayed.header.is_some()) else {
            std::fs::remove_file(path)?;
            return path.parent().map_or(Ok(()), sync_dir);
        };
        let bytes = std::fs::read(path)?;
        let mended = path.with_extension("mended");
        let mut file = File::create(&mended)?;
        file.write_all(bytes.get(..replayed.header_length).unwrap_or_default())?;
        for range in &replayed.good {
            file.write_all(bytes.get(range.clone()).unwrap_or_default())?;
        }
        file.sync_all()?;
        std::fs::rename(&mended, path)?;
        sync_dir(dir)
    };
    mend().during(|| format!("quarantine {}", path.display()))
}
