//! Transcripts: what passed in a session, both ways and with its timing.
//!
//! ```text
//! piece   way (1) │ milliseconds since the beginning (4) │ length (4) │ bytes, and so on
//! ```

use std::path::Path;
use std::sync::PoisonError;

use model::Timestamp;
use serde::{Deserialize, Serialize};

use super::file::{Kind, Reader, SealedFile};
use super::shelf::ENDING;
use super::{Vault, VaultError};
use crate::text::hex;

/// What is held in memory before it is written.
const BUFFER_BYTES_MAX: usize = 8 * 1024;
/// What a piece takes beside its bytes.
const PIECE_HEAD_BYTES: u64 = 9;
/// Bounds how many sessions are listed.
const LISTED_MAX: usize = 10_000;

/// Who said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The intruder.
    In,
    /// The decoy.
    Out,
}

/// What a transcript is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranscriptHead {
    /// The session's id, as in `session.id`.
    pub session: String,
    /// The kind of decoy.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Who came.
    pub source: String,
    /// Where to.
    pub destination: String,
    /// When, in RFC 3339.
    pub began: String,
}

/// Something that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranscriptPart {
    /// How long after the beginning, in milliseconds.
    pub after_ms: u32,
    /// Who said it.
    pub way: Way,
    /// What.
    pub bytes: Vec<u8>,
}

/// A whole transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    /// What it is of.
    pub head: TranscriptHead,
    /// What was said, in order.
    pub parts: Vec<TranscriptPart>,
    /// How much was left out at the bound, in bytes; `None` where the session did not end properly.
    pub left_out: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Ending {
    left_out: u64,
}

/// Writes one transcript: a file is made with the first words that are too many for the buffer, or at
/// the end.
#[derive(Debug)]
pub(crate) struct Writer {
    head: TranscriptHead,
    began: Timestamp,
    file: Option<SealedFile>,
    buffer: Vec<u8>,
    room: u64,
    reserved: u64,
    left_out: u64,
}

impl Writer {
    pub(crate) fn new(head: TranscriptHead, began: Timestamp, bytes_max: u64) -> Self {
        Self {
            head,
            began,
            file: None,
            buffer: Vec::new(),
            room: bytes_max,
            reserved: 0,
            left_out: 0,
        }
    }

    /// Notes something that was said.
    pub(crate) fn note(
        &mut self,
        vault: &Vault,
        way: Way,
        now: Timestamp,
        bytes: &[u8],
    ) -> Result<(), VaultError> {
        let room = usize::try_from(self.room).unwrap_or(usize::MAX);
        let taken = bytes.get(..room).unwrap_or(bytes);
        let length = u64::try_from(taken.len()).unwrap_or(u64::MAX);
        // Many small pieces take more than what they say.
        self.room = self.room.saturating_sub(length.saturating_add(PIECE_HEAD_BYTES));
        let all = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.left_out = self.left_out.saturating_add(all - length);
        let after = u32::try_from(now.since(self.began).as_millis()).unwrap_or(u32::MAX);
        for piece in taken.chunks(BUFFER_BYTES_MAX) {
            self.buffer.push(u8::from(way == Way::Out));
            self.buffer.extend_from_slice(&after.to_be_bytes());
            let length = u32::try_from(piece.len()).unwrap_or(u32::MAX);
            self.buffer.extend_from_slice(&length.to_be_bytes());
            self.buffer.extend_from_slice(piece);
            if self.buffer.len() >= BUFFER_BYTES_MAX {
                self.flush(vault)?;
            }
        }
        Ok(())
    }

    /// Writes what is held. Where that fails, as on a full disk, or where all who write at once have
    /// taken the room, it is left out, and so is all that follows: the memory stays bounded, and what is
    /// written stays readable.
    fn flush(&mut self, vault: &Vault) -> Result<(), VaultError> {
        let held = std::mem::take(&mut self.buffer);
        let bytes = u64::try_from(held.len()).unwrap_or(u64::MAX);
        let mut files = vault.transcripts.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = files.reserve(bytes);
        drop(files);
        self.reserved += if fits { bytes } else { 0 };
        let written = if fits { self.write(vault, &held) } else { Ok(()) };
        if !fits || written.is_err() {
            self.room = 0;
            self.left_out = self.left_out.saturating_add(bytes);
        }
        written
    }

    fn write(&mut self, vault: &Vault, held: &[u8]) -> Result<(), VaultError> {
        if self.file.is_none() {
            let folder = vault.folder.join("transcripts");
            let name = format!("{:015}-{}{ENDING}", self.began.millis(), self.head.session);
            let mut file = SealedFile::create(folder.join(name), &vault.keyring)?;
            file.append(Kind::Head, &serde_json::to_vec(&self.head).unwrap_or_default())?;
            self.file = Some(file);
        }
        if let Some(file) = &mut self.file {
            file.append(Kind::Piece, held)?;
        }
        Ok(())
    }

    /// Ends it; a session in which nothing was said leaves none.
    pub(crate) fn end(mut self, vault: &Vault) -> Result<(), VaultError> {
        let flushed = if self.buffer.is_empty() { Ok(()) } else { self.flush(vault) };
        let ended = self.file.as_mut().map_or(Ok(()), |file| {
            let ending = Ending { left_out: self.left_out };
            file.append(Kind::End, &serde_json::to_vec(&ending).unwrap_or_default())
        });
        let mut files = vault.transcripts.lock().unwrap_or_else(PoisonError::into_inner);
        match &self.file {
            // What lies there counts, ended properly or not.
            Some(file) => {
                let name = file.path().file_name().and_then(|name| name.to_str());
                files.put(name.unwrap_or_default().to_owned(), file.bytes(), self.reserved);
            }
            None => files.release(self.reserved),
        }
        flushed.and(ended)
    }
}

impl Vault {
    /// Gives the sessions that have a transcript, the newest first; those that do not open are left
    /// out.
    pub fn sessions(&self) -> Vec<TranscriptHead> {
        let names = self.transcripts.lock().unwrap_or_else(PoisonError::into_inner).names();
        let heads = names.iter().rev().take(LISTED_MAX).filter_map(|name| {
            let path = self.folder.join("transcripts").join(name);
            head(&mut Reader::open(&path, &self.keyring).ok()?).ok()
        });
        heads.collect()
    }

    /// Gives what passed in a session.
    pub fn transcript(&self, session: &str) -> Result<Transcript, VaultError> {
        let ending = format!("-{session}{ENDING}");
        let files = self.transcripts.lock().unwrap_or_else(PoisonError::into_inner);
        let found = files.names().into_iter().find(|name| name.ends_with(&ending));
        drop(files);
        let unknown = || VaultError::Unknown { what: "session", name: session.to_owned() };
        let name = found.ok_or_else(unknown)?;
        read(&self.folder.join("transcripts").join(name), self)
    }
}

fn head(reader: &mut Reader) -> Result<TranscriptHead, VaultError> {
    let unknown = || VaultError::Unknown { what: "beginning", name: "transcript".to_owned() };
    let (kind, bytes) = reader.next()?.ok_or_else(unknown)?;
    let head = serde_json::from_slice(&bytes).ok().filter(|_| kind == Kind::Head);
    head.ok_or_else(unknown)
}

fn read(path: &Path, vault: &Vault) -> Result<Transcript, VaultError> {
    let mut reader = Reader::open(path, &vault.keyring)?;
    let head = head(&mut reader)?;
    let (mut parts, mut left_out) = (Vec::new(), None);
    while let Some((kind, bytes)) = reader.next()? {
        match kind {
            Kind::Piece => split(&bytes, &mut parts),
            Kind::End => {
                left_out = serde_json::from_slice::<Ending>(&bytes).ok().map(|end| end.left_out);
            }
            Kind::Head | Kind::Whole => {}
        }
    }
    Ok(Transcript { head, parts, left_out })
}

fn split(mut bytes: &[u8], parts: &mut Vec<TranscriptPart>) {
    while let Some((way, rest)) = bytes.split_first() {
        let Some((after, rest)) = rest.split_first_chunk() else { return };
        let Some((length, rest)) = rest.split_first_chunk() else { return };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let Some((text, rest)) = rest.split_at_checked(length) else { return };
        let way = if *way == 0 { Way::In } else { Way::Out };
        let after_ms = u32::from_be_bytes(*after);
        parts.push(TranscriptPart { after_ms, way, bytes: text.to_vec() });
        bytes = rest;
    }
}

/// Makes a session's id.
pub(crate) fn session_id() -> String {
    let mut bytes = [0; 6];
    // Without randomness ids are alike, which only makes them harder to tell apart.
    let _ = getrandom::fill(&mut bytes);
    hex(&bytes)
}
