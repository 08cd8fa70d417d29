//! One record of the log.
//!
//! The check is the CRC-32 of length and payload, XORed with the file's salt. So a text that an
//! attacker sends and that looks like a record is never taken for one when a damaged file is
//! searched for its next good record: he does not know the salt.

use std::ops::Range;
use std::sync::Arc;

use model::{Checkpoint, Event, FieldNames};
use seal::SealError;

use super::sealing::{SEALED_MORE_BYTES, Sealing};
use crate::StoreError;

/// Begins every record, so that the next one can be found behind a damaged one.
const MARKER: [u8; 4] = [0xb7, b'W', b'A', b'L'];
/// Marker, length, check.
const PREFIX_BYTES: usize = 12;
/// Bounds one record; a batch is bounded far below by its source.
const PAYLOAD_BYTES_MAX: usize = 256 << 20;
/// The one kind of payload there is: checkpoints, then events.
const KIND_BATCH: u8 = 1;

/// A record, ready to be written but for what only its file knows.
#[derive(Debug)]
pub(crate) struct Frame {
    bytes: Vec<u8>,
}

/// What a record holds.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) events: Vec<Arc<Event>>,
    pub(crate) checkpoints: Vec<Checkpoint>,
    /// The size of the events, encoded.
    pub(crate) bytes: u64,
}

impl Frame {
    /// Encodes a batch.
    pub(crate) fn of_batch(
        events: &[Arc<Event>],
        checkpoints: &[Checkpoint],
    ) -> Result<Self, StoreError> {
        let guess = events.first().map_or(64, |event| event.original().len() * 2 + 256);
        let mut bytes = Vec::with_capacity(PREFIX_BYTES + events.len() * guess);
        bytes.extend_from_slice(&[0; PREFIX_BYTES]);
        bytes.push(KIND_BATCH);
        put_length(checkpoints.len(), &mut bytes);
        for checkpoint in checkpoints {
            put_text(&checkpoint.key, &mut bytes);
            put_text(&checkpoint.position, &mut bytes);
        }
        put_length(events.len(), &mut bytes);
        for event in events {
            event.encode(&mut bytes);
        }
        let payload = bytes.len() - PREFIX_BYTES;
        if payload + SEALED_MORE_BYTES > PAYLOAD_BYTES_MAX {
            return Err(StoreError::TooLarge { bytes: payload });
        }
        Ok(Self { bytes })
    }

    /// Gives the record's bytes for the file of that salt: sealed, where the file is, as the record
    /// of that place. It can be done once.
    pub(super) fn record(
        &mut self,
        salt: u32,
        sealing: Option<(&Sealing, u64)>,
    ) -> Result<&[u8], SealError> {
        if let Some((sealing, place)) = sealing {
            sealing.seal(place, &mut self.bytes, PREFIX_BYTES)?;
        }
        if let Some((prefix, payload)) = self.bytes.split_first_chunk_mut::<PREFIX_BYTES>() {
            let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes();
            let check = (crc_of(length, payload) ^ salt).to_le_bytes();
            for (to, from) in prefix.iter_mut().zip(MARKER.iter().chain(&length).chain(&check)) {
                *to = *from;
            }
        }
        Ok(&self.bytes)
    }

    /// Gives how many bytes the record takes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// Gives where the payload of the record at `at` stands and where the record ends, or `None` where
/// there is no good record, or where more bytes were checked in all than the budget allows.
pub(crate) fn record_at(
    bytes: &[u8],
    at: usize,
    salt: u32,
    budget: &mut usize,
) -> Option<(Range<usize>, usize)> {
    let mut rest = bytes.get(at..)?.strip_prefix(&MARKER)?;
    let length = take::<4>(&mut rest)?;
    let check = u32::from_le_bytes(take::<4>(&mut rest)?);
    let size = usize::try_from(u32::from_le_bytes(length)).ok()?;
    let payload = rest.get(..size).filter(|_| size <= PAYLOAD_BYTES_MAX)?;
    *budget = budget.checked_sub(size).unwrap_or_default();
    (*budget > 0 && crc_of(length, payload) ^ salt == check).then_some(())?;
    let start = at + PREFIX_BYTES;
    Some((start..start + size, start + size))
}

/// Gives where the next record may begin, at or after `from`.
pub(crate) fn next_marker(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    rest.windows(MARKER.len()).position(|window| window == MARKER).map(|found| from + found)
}

/// Reads a payload; `None` where it is not one.
pub(crate) fn content(mut payload: &[u8], names: &FieldNames) -> Option<Content> {
    let rest = &mut payload;
    let [KIND_BATCH] = take::<1>(rest)? else { return None };
    let mut content = Content::default();
    for _ in 0..take_length(rest)? {
        let key = take_text(rest)?;
        let position = take_text(rest)?;
        content.checkpoints.push(Checkpoint { key, position });
    }
    let events = take_length(rest)?;
    content.bytes = u64::try_from(rest.len()).ok()?;
    for _ in 0..events {
        content.events.push(Arc::new(Event::decode(rest, names).ok()?));
    }
    rest.is_empty().then_some(content)
}

fn crc_of(length: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(payload);
    hasher.finalize()
}

pub(super) fn put_length(length: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}

pub(super) fn put_text(text: &str, out: &mut Vec<u8>) {
    put_bytes(text.as_bytes(), out);
}

pub(super) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_length(bytes.len(), out);
    out.extend_from_slice(bytes);
}

pub(super) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}

pub(super) fn take_length(bytes: &mut &[u8]) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(take(bytes)?)).ok()
}

pub(super) fn take_text(bytes: &mut &[u8]) -> Option<String> {
    std::str::from_utf8(take_bytes(bytes)?).ok().map(str::to_owned)
}

pub(super) fn take_bytes<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = take_length(bytes)?;
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}
