//! The files of the log: their names, their header, their creation.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use model::FieldNames;
use seal::Keyring;

use super::frame::{put_bytes, put_text, take, take_bytes, take_text};
use super::sealing::Sealing;
use crate::StoreError;
use crate::error::During;

const MAGIC: [u8; 8] = *b"BARTIWAL";
/// Version and codec of a file whose payloads stand as they are. A file with other numbers is refused
/// by a version that does not know them, never misread.
const PLAIN: (u32, u32) = (1, 0);
/// Version and codec of a file whose payloads are sealed.
const SEALED: (u32, u32) = (2, 1);

/// No header is longer.
const HEADER_BYTES_MAX: u64 = 64 << 10;

/// The beginning of a log file.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    /// XORed into the check of every record.
    pub(crate) salt: u32,
    /// An event id; those before it were given before the file was begun, of one made ahead before the file
    /// in front of it.
    pub(crate) next_id: u64,
    /// Which field each number stands for.
    pub(crate) names: FieldNames,
    /// The data key that seals the records, where they are sealed.
    pub(super) wrapped: Option<Vec<u8>>,
}

/// Gives the path of the file of that number.
pub(crate) fn path_of(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:08}.wal"))
}

/// Gives the number of a file.
pub(super) fn number_of(path: &Path) -> u64 {
    let number = path.file_stem().and_then(|stem| stem.to_str());
    number.and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// Lists the numbers of the files that there are, in order.
pub(crate) fn list(dir: &Path) -> Result<Vec<u64>, StoreError> {
    let what = || format!("list {}", dir.display());
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(dir).during(what)? {
        let name = entry.during(what)?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".wal"));
        numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// A file that was just begun.
#[derive(Debug)]
pub(super) struct Begun {
    pub(super) file: File,
    pub(super) salt: u32,
    /// How long the header is.
    pub(super) length: u64,
    pub(super) sealing: Option<Sealing>,
}

/// Creates the file of that number and makes it durable.
pub(super) fn create(path: &Path, next_id: u64, keyring: Option<&Keyring>) -> io::Result<Begun> {
    let key = keyring.map(Keyring::data_key).transpose().map_err(io::Error::other)?;
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    // Keyed from the system's randomness; the standard library's own way to reach it.
    let random = RandomState::new().build_hasher().finish();
    let salt = u32::try_from(random & u64::from(u32::MAX)).unwrap_or_default();
    let header = encode(salt, next_id, key.as_ref().map(|(_, wrapped)| wrapped.as_slice()));
    file.write_all(&header)?;
    file.sync_all()?;
    if let Some(dir) = path.parent() {
        sync_dir(dir)?;
    }
    let sealing = key.map(|(key, _)| Sealing::new(key, number_of(path), &header));
    let length = u64::try_from(header.len()).unwrap_or_default();
    Ok(Begun { file, salt, length, sealing })
}

/// Makes the names in a folder durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn encode(salt: u32, next_id: u64, wrapped: Option<&[u8]>) -> Vec<u8> {
    let (version, codec) = if wrapped.is_some() { SEALED } else { PLAIN };
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&version.to_le_bytes());
    bytes.extend_from_slice(&codec.to_le_bytes());
    bytes.extend_from_slice(&salt.to_le_bytes());
    bytes.extend_from_slice(&next_id.to_le_bytes());
    if let Some(wrapped) = wrapped {
        put_bytes(wrapped, &mut bytes);
    }
    put_text(&FieldNames::current(), &mut bytes);
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// Reads the header and gives it with its length; `Ok(None)` where it is torn or damaged.
pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<Option<(Header, usize)>, StoreError> {
    let Some((kind, header, length)) = parse(bytes) else { return Ok(None) };
    if kind != PLAIN && kind != SEALED {
        let reason = format!("log version {}, codec {} is not known here", kind.0, kind.1);
        return Err(StoreError::damaged(path.display().to_string(), reason));
    }
    Ok(Some((header, length)))
}

/// Gives the wrapped data key of a file whose records are sealed; `Ok(None)` of a plain or damaged one.
pub(crate) fn wrapped_key(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let what = || format!("read {}", path.display());
    let mut bytes = Vec::new();
    let file = File::open(path).during(what)?;
    file.take(HEADER_BYTES_MAX).read_to_end(&mut bytes).during(what)?;
    Ok(decode(path, &bytes)?.and_then(|(header, _)| header.wrapped))
}

/// Gives what opens the records, where they are sealed.
pub(super) fn unseal(
    path: &Path,
    header: &Header,
    bytes: &[u8],
    keyring: Option<&Keyring>,
) -> Result<Option<Sealing>, StoreError> {
    let Some(wrapped) = &header.wrapped else { return Ok(None) };
    let sealed =
        |reason: &dyn ToString| StoreError::sealed(path.display().to_string(), reason.to_string());
    let keyring = keyring.ok_or_else(|| sealed(&"is sealed, and no key was given"))?;
    let key = keyring.unwrap_key(wrapped).map_err(|error| sealed(&error))?;
    Ok(Some(Sealing::new(key, number_of(path), bytes)))
}

fn parse(bytes: &[u8]) -> Option<((u32, u32), Header, usize)> {
    let mut rest = bytes.strip_prefix(&MAGIC)?;
    let version = u32::from_le_bytes(take(&mut rest)?);
    let codec = u32::from_le_bytes(take(&mut rest)?);
    let salt = u32::from_le_bytes(take(&mut rest)?);
    let next_id = u64::from_le_bytes(take(&mut rest)?);
    // A later version keeps one of these two headers, so that it is told from a damaged one.
    let is_plain = (version, codec) == PLAIN;
    let wrapped = if is_plain { None } else { Some(take_bytes(&mut rest)?.to_vec()) };
    let names = FieldNames::parse(&take_text(&mut rest)?);
    let covered = bytes.len() - rest.len();
    let crc = u32::from_le_bytes(take(&mut rest)?);
    (crc32fast::hash(bytes.get(..covered)?) == crc).then_some(())?;
    Some(((version, codec), Header { salt, next_id, names, wrapped }, covered + 4))
}
