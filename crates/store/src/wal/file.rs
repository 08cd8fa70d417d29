//! The files of the log: their names, their header, their creation.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use model::FieldNames;

use super::frame::{put_text, take, take_text};
use crate::StoreError;
use crate::error::During;

const MAGIC: [u8; 8] = *b"BARTIWAL";
const VERSION: u32 = 1;
/// How the payloads are kept: as they are. A file with another number (payloads encrypted with the
/// data key) is refused by a version that does not know it, never misread.
const CODEC_PLAIN: u32 = 0;

/// The beginning of a log file.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    /// XORed into the check of every record.
    pub(crate) salt: u32,
    /// The first event id that was free when the file was begun.
    pub(crate) next_id: u64,
    /// Which field each number stands for.
    pub(crate) names: FieldNames,
}

/// Gives the path of the file of that number.
pub(crate) fn path_of(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:08}.wal"))
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

/// Creates the file of that number and makes it durable; gives it, its salt and its length.
pub(super) fn create(path: &Path, next_id: u64) -> io::Result<(File, u32, u64)> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    // Keyed from the system's randomness; the standard library's own way to reach it.
    let random = RandomState::new().build_hasher().finish();
    let salt = u32::try_from(random & u64::from(u32::MAX)).unwrap_or_default();
    let header = encode(salt, next_id);
    file.write_all(&header)?;
    file.sync_all()?;
    if let Some(dir) = path.parent() {
        sync_dir(dir)?;
    }
    Ok((file, salt, u64::try_from(header.len()).unwrap_or_default()))
}

/// Makes the names in a folder durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

pub(super) fn encode(salt: u32, next_id: u64) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&CODEC_PLAIN.to_le_bytes());
    bytes.extend_from_slice(&salt.to_le_bytes());
    bytes.extend_from_slice(&next_id.to_le_bytes());
    put_text(&FieldNames::current(), &mut bytes);
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

/// Reads the header and gives it with its length; `Ok(None)` where it is torn or damaged.
pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<Option<(Header, usize)>, StoreError> {
    let Some((codec, header, length)) = parse(bytes) else { return Ok(None) };
    if codec != (VERSION, CODEC_PLAIN) {
        let reason = format!("log version {}, codec {} is not known here", codec.0, codec.1);
        return Err(StoreError::damaged(path.display().to_string(), reason));
    }
    Ok(Some((header, length)))
}

fn parse(bytes: &[u8]) -> Option<((u32, u32), Header, usize)> {
    let mut rest = bytes.strip_prefix(&MAGIC)?;
    let version = u32::from_le_bytes(take(&mut rest)?);
    let codec = u32::from_le_bytes(take(&mut rest)?);
    let salt = u32::from_le_bytes(take(&mut rest)?);
    let next_id = u64::from_le_bytes(take(&mut rest)?);
    let names = FieldNames::parse(&take_text(&mut rest)?);
    let covered = bytes.len() - rest.len();
    let crc = u32::from_le_bytes(take(&mut rest)?);
    (crc32fast::hash(bytes.get(..covered)?) == crc).then_some(())?;
    Some(((version, codec), Header { salt, next_id, names }, covered + 4))
}
