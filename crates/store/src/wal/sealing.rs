//! Sealed records: AES-256-GCM with the file's own data key, whose wrapped form stands in the header.
//!
//! ```text
//! payload   nonce (12) │ sealed payload │ tag (16) │ place in the file (8, little-endian)
//! ```
//!
//! A record opens only in the file, behind the header, at the place and with the length with which it
//! was sealed, and places only grow: one that was copied, moved or put into another file is bad.

use seal::{DataKey, OVERHEAD_BYTES, SealError};
use sha2::{Digest as _, Sha256};

/// How much longer a sealed payload is.
pub(super) const SEALED_MORE_BYTES: usize = OVERHEAD_BYTES + PLACE_BYTES;
const PLACE_BYTES: usize = 8;
const PURPOSE: &[u8] = b"bartizan log record";

/// Seals and opens the records of one file.
#[derive(Debug)]
pub(super) struct Sealing {
    key: DataKey,
    /// What is the same for all records: purpose, file number, header.
    file: Vec<u8>,
}

impl Sealing {
    pub(super) fn new(key: DataKey, number: u64, header: &[u8]) -> Self {
        let mut file = PURPOSE.to_vec();
        file.extend_from_slice(&number.to_le_bytes());
        file.extend_from_slice(&Sha256::digest(header));
        Self { key, file }
    }

    fn context(&self, place: u64, sealed_bytes: usize) -> Vec<u8> {
        let mut context = self.file.clone();
        context.extend_from_slice(&place.to_le_bytes());
        context.extend_from_slice(&sealed_bytes.to_le_bytes());
        context
    }

    /// Seals the payload that begins at `from`, as the record of that place.
    pub(super) fn seal(
        &self,
        place: u64,
        record: &mut Vec<u8>,
        from: usize,
    ) -> Result<(), SealError> {
        let sealed_bytes = record.len().saturating_sub(from) + OVERHEAD_BYTES;
        self.key.seal_from(&self.context(place, sealed_bytes), record, from)?;
        record.extend_from_slice(&place.to_le_bytes());
        Ok(())
    }

    /// Gives the place and the payload of a sealed record.
    pub(super) fn open(&self, payload: &[u8]) -> Option<(u64, Vec<u8>)> {
        let (sealed, place) = payload.split_last_chunk::<PLACE_BYTES>()?;
        let place = u64::from_le_bytes(*place);
        let opened = self.key.open(&self.context(place, sealed.len()), sealed).ok()?;
        Some((place, opened))
    }
}
