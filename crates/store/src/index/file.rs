//! The file of an index: sections that are read one by one.
//!
//! ```text
//! file       magic "BZI", version 1 │ 1 if sealed, else 0 │ wrapped key, if sealed
//!            sections │ directory │ its length (4, little-endian) │ magic "BZI", version 1
//! section    sealed: nonce │ sealed text │ tag         plain: text │ CRC-32 (4, little-endian)
//! text       0 │ as it is, or 1 │ zstd
//! ```
//!
//! A section's number stands in the context of its seal, so that none can take another's place.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use seal::{DataKey, Keyring, SealError, WRAPPED_BYTES};
use sha2::{Digest as _, Sha256};

use crate::unzip::{length_of, unzip};

pub(super) const MAGIC: [u8; 4] = [b'B', b'Z', b'I', 1];
const TAIL_BYTES: u64 = 8;
/// Bounds what is read at once.
const SECTION_BYTES_MAX: usize = 16 << 20;
const ZSTD_LEVEL: i32 = 3;
const RAW: u8 = 0;
const SQUEEZED: u8 = 1;
/// The directory's number.
const DIRECTORY: u32 = u32::MAX;

/// What the key of an index follows from its segment's key for.
const PURPOSE: &str = "index";

/// Writes sections one after another.
pub(super) struct SectionWriter {
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
    number: u32,
    key: Option<DataKey>,
    zstd: zstd::bulk::Compressor<'static>,
}

/// A whole file.
pub(super) struct Written {
    pub(super) bytes: u64,
    pub(super) digest: [u8; 32],
}

fn refused(error: SealError) -> io::Error {
    io::Error::other(error.to_string())
}

impl SectionWriter {
    /// Begins a file; `key` is the segment's, with its wrapped form.
    pub(super) fn create(path: &Path, key: Option<(&DataKey, &[u8])>) -> io::Result<Self> {
        let own = key.map(|(key, _)| key.derive(PURPOSE)).transpose().map_err(refused)?;
        let mut writer = Self {
            file: BufWriter::new(File::create(path)?),
            hash: Sha256::new(),
            bytes: 0,
            number: 0,
            key: own,
            zstd: zstd::bulk::Compressor::new(ZSTD_LEVEL)?,
        };
        writer.put(&MAGIC)?;
        match key {
            Some((_, wrapped)) => {
                writer.put(&[1])?;
                writer.put(wrapped)?;
            }
            None => writer.put(&[0])?,
        }
        Ok(writer)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.bytes += u64::try_from(bytes.len()).unwrap_or_default();
        self.file.write_all(bytes)
    }

    /// Gives the number of the next section.
    pub(super) fn next(&self) -> u32 {
        self.number
    }

    /// Gives where the next section will begin.
    pub(super) fn position(&self) -> u64 {
        self.bytes
    }

    /// Writes a section and gives its length in the file.
    pub(super) fn add(&mut self, text: &[u8]) -> io::Result<u64> {
        let number = self.number;
        self.number += 1;
        self.section(number, text)
    }

    /// The same for bits that are packed already, and would not shrink further.
    pub(super) fn add_packed(&mut self, text: &[u8]) -> io::Result<u64> {
        let number = self.number;
        self.number += 1;
        let mut stored = Vec::with_capacity(text.len() + 32);
        stored.push(RAW);
        stored.extend_from_slice(text);
        self.store(number, stored)
    }

    fn section(&mut self, number: u32, text: &[u8]) -> io::Result<u64> {
        let squeezed = self.zstd.compress(text)?;
        let mut stored = Vec::with_capacity(text.len() + 32);
        // What hardly shrinks is left as it is, and read without the work.
        if squeezed.len() < text.len() - text.len() / 16 {
            stored.push(SQUEEZED);
            stored.extend_from_slice(&squeezed);
        } else {
            stored.push(RAW);
            stored.extend_from_slice(text);
        }
        self.store(number, stored)
    }

    fn store(&mut self, number: u32, mut stored: Vec<u8>) -> io::Result<u64> {
        match &self.key {
            Some(key) => key.seal_from(&context(number), &mut stored, 0).map_err(refused)?,
            None => stored.extend_from_slice(&crc32fast::hash(&stored).to_le_bytes()),
        }
        self.put(&stored)?;
        Ok(u64::try_from(stored.len()).unwrap_or_default())
    }

    /// Ends the file and makes it durable.
    pub(super) fn finish(mut self, directory: &[u8]) -> io::Result<Written> {
        let length = self.section(DIRECTORY, directory)?;
        let length = u32::try_from(length).map_err(io::Error::other)?;
        self.put(&length.to_le_bytes())?;
        self.put(&MAGIC)?;
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        Ok(Written { bytes: self.bytes, digest: self.hash.finalize().into() })
    }
}

fn context(number: u32) -> [u8; 9] {
    let [a, b, c, d] = number.to_le_bytes();
    [b'i', b'n', b'd', b'e', b'x', a, b, c, d]
}

/// Reads sections.
#[derive(Debug)]
pub(super) struct SectionReader {
    file: File,
    key: Option<DataKey>,
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.to_owned())
}

impl SectionReader {
    /// Opens a file and gives its directory.
    pub(super) fn open(path: &Path, keyring: Option<&Keyring>) -> io::Result<(Self, Vec<u8>)> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut head = [0; MAGIC.len() + 1];
        file.read_exact_at(&mut head, 0)?;
        let mut tail = [0; 8];
        let end = length.checked_sub(TAIL_BYTES).ok_or_else(|| invalid("it is cut short"))?;
        file.read_exact_at(&mut tail, end)?;
        let ([length @ .., _, _, _, _], [.., sealed]) = (tail, head);
        if !head.starts_with(&MAGIC) || !tail.ends_with(&MAGIC) {
            return Err(invalid("it does not begin and end as an index of this version does"));
        }
        let key = match (sealed, keyring) {
            (0, _) => None,
            (_, None) => return Err(invalid("it is sealed, and no key was given")),
            (_, Some(keyring)) => {
                let mut wrapped = [0; WRAPPED_BYTES];
                file.read_exact_at(&mut wrapped, 5)?;
                let key = keyring.unwrap_key(&wrapped).and_then(|key| key.derive(PURPOSE));
                Some(key.map_err(refused)?)
            }
        };
        let reader = Self { file, key };
        let length = u64::from(u32::from_le_bytes(length));
        let offset = end.checked_sub(length).ok_or_else(|| invalid("it is cut short"))?;
        let directory = reader.read(DIRECTORY, offset, length)?;
        Ok((reader, directory))
    }

    /// Reads one section.
    pub(super) fn read(&self, number: u32, offset: u64, length: u64) -> io::Result<Vec<u8>> {
        let length = usize::try_from(length).ok().filter(|length| *length <= SECTION_BYTES_MAX);
        let mut stored = vec![0; length.ok_or_else(|| invalid("a section is too long"))?];
        self.file.read_exact_at(&mut stored, offset)?;
        let text = if let Some(key) = &self.key {
            key.open(&context(number), &stored).map_err(refused)?
        } else {
            let (text, sum) =
                stored.split_last_chunk::<4>().ok_or_else(|| invalid("a section is empty"))?;
            if crc32fast::hash(text).to_le_bytes() != *sum {
                return Err(invalid("a section's checksum is wrong"));
            }
            stored.truncate(stored.len() - 4);
            stored
        };
        match text.split_first() {
            Some((&RAW, raw)) => Ok(raw.to_vec()),
            Some((&SQUEEZED, squeezed)) => expand(squeezed),
            _ => Err(invalid("a section is of no known kind")),
        }
    }
}

fn expand(squeezed: &[u8]) -> io::Result<Vec<u8>> {
    let length = length_of(squeezed).filter(|length| *length <= SECTION_BYTES_MAX);
    unzip(squeezed, length.ok_or_else(|| invalid("a section does not say how long it is"))?)
}
