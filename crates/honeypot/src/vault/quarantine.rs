//! Files that intruders left: hashed and sealed while they come in, named by their hash, kept once.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use model::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::file::{Kind, Reader, SealedFile};
use super::shelf::ENDING;
use super::{Vault, VaultError};
use crate::text::{hex, shown};

/// What is held in memory before it is written.
const BUFFER_BYTES_MAX: usize = 32 * 1024;
const NAME_BYTES_MAX: usize = 512;
/// Bounds how many files are listed.
const LISTED_MAX: usize = 10_000;

/// A file in quarantine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantinedFile {
    /// The SHA-256 of what came, in hexadecimal.
    pub sha256: String,
    /// What the intruder called it.
    pub name: String,
    /// How many bytes are kept.
    pub bytes: u64,
    /// How many were left out at the bound.
    pub left_out: u64,
    /// When it came first, in RFC 3339.
    pub came: String,
    /// The session that it came in first.
    pub session: String,
    /// The kind of decoy.
    pub kind: String,
    /// Who left it.
    pub source: String,
}

/// A file on its way in.
#[derive(Debug)]
pub(crate) struct Incoming {
    vault: Arc<Vault>,
    reserved: u64,
    file: Option<SealedFile>,
    path: PathBuf,
    buffer: Vec<u8>,
    hash: Sha256,
    bytes: u64,
    bytes_max: u64,
    left_out: u64,
}

impl Incoming {
    pub(crate) fn new(vault: &Arc<Vault>) -> Self {
        let folder = vault.folder.join("quarantine");
        let name = format!("incoming-{}", super::transcript::session_id());
        Self {
            vault: Arc::clone(vault),
            reserved: 0,
            file: None,
            path: folder.join(name),
            buffer: Vec::new(),
            hash: Sha256::new(),
            bytes: 0,
            bytes_max: vault.bounds.file_mb_max.saturating_mul(1 << 20),
            left_out: 0,
        }
    }

    /// Takes the next piece; what is past the bound is counted and goes.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), VaultError> {
        let room = usize::try_from(self.bytes_max.saturating_sub(self.bytes)).unwrap_or(usize::MAX);
        let mut taken = bytes.get(..room).unwrap_or(bytes);
        let wanted = u64::try_from(taken.len()).unwrap_or(u64::MAX);
        let mut files = self.vault.quarantine.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = files.reserve(wanted);
        drop(files);
        if fits {
            self.reserved += wanted;
        } else {
            // No room among all that come at once: the rest of this file is left out.
            self.bytes_max = self.bytes;
            taken = &[];
        }
        self.hash.update(taken);
        self.bytes += u64::try_from(taken.len()).unwrap_or_default();
        let over = bytes.len() - taken.len();
        self.left_out = self.left_out.saturating_add(u64::try_from(over).unwrap_or(u64::MAX));
        for piece in taken.chunks(BUFFER_BYTES_MAX) {
            self.buffer.extend_from_slice(piece);
            if self.buffer.len() >= BUFFER_BYTES_MAX {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Counts what is not to be kept.
    pub(crate) fn leave_out(&mut self, bytes: usize) {
        self.left_out = self.left_out.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    fn flush(&mut self) -> Result<(), VaultError> {
        if self.file.is_none() {
            self.file = Some(SealedFile::create(self.path.clone(), &self.vault.keyring)?);
        }
        if let Some(file) = &mut self.file {
            file.append(Kind::Piece, &self.buffer)?;
        }
        self.buffer = Vec::new();
        Ok(())
    }

    /// Puts it into quarantine under its hash; what lies there already is not kept twice.
    pub(crate) fn finish(
        mut self,
        mut about: QuarantinedFile,
    ) -> Result<QuarantinedFile, VaultError> {
        self.flush()?;
        about.sha256 = hex(&std::mem::take(&mut self.hash).finalize());
        about.name = shown(about.name.as_bytes(), NAME_BYTES_MAX);
        about.bytes = self.bytes;
        about.left_out = self.left_out;
        if let Some(file) = &mut self.file {
            file.append(Kind::End, &serde_json::to_vec(&about).unwrap_or_default())?;
        }
        let Some(file) = self.file.take() else { return Ok(about) };
        let vault = Arc::clone(&self.vault);
        let mut files = vault.quarantine.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("{}{ENDING}", about.sha256);
        if files.has(&name) {
            drop(files);
            // Dropping what came removes it.
            self.file = Some(file);
            return Ok(about);
        }
        let (from, to) = (file.path(), files.folder().join(&name));
        let only_read = std::os::unix::fs::PermissionsExt::from_mode(0o400);
        let moved =
            std::fs::set_permissions(from, only_read).and_then(|()| std::fs::rename(from, &to));
        if let Err(error) = moved {
            drop(files);
            self.file = Some(file);
            return Err(VaultError::File { path: to, error });
        }
        files.put(name, file.bytes(), std::mem::take(&mut self.reserved));
        drop(files);
        Ok(about)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if self.file.is_some() {
            let _ = std::fs::remove_file(&self.path);
        }
        if self.reserved > 0 {
            let mut files = self.vault.quarantine.lock().unwrap_or_else(PoisonError::into_inner);
            files.release(self.reserved);
        }
    }
}

impl Vault {
    /// Begins to describe a file that a session leaves.
    pub(crate) fn about(
        name: &str,
        now: Timestamp,
        (session, kind, source): (&str, &str, String),
    ) -> QuarantinedFile {
        QuarantinedFile {
            sha256: String::new(),
            name: name.to_owned(),
            bytes: 0,
            left_out: 0,
            came: now.to_string(),
            session: session.to_owned(),
            kind: kind.to_owned(),
            source,
        }
    }

    /// Gives the files in quarantine, the newest first; those that do not open are left out.
    pub fn quarantined(&self) -> Vec<QuarantinedFile> {
        let names = self.quarantine.lock().unwrap_or_else(PoisonError::into_inner).names();
        let files = names.iter().rev().take(LISTED_MAX).filter_map(|name| {
            let path = self.folder.join("quarantine").join(name);
            let last = Reader::open(&path, &self.keyring).ok()?.last().ok()?;
            let (kind, bytes) = last?;
            serde_json::from_slice(&bytes).ok().filter(|_| kind == Kind::End)
        });
        files.collect()
    }

    /// Gives what a file in quarantine holds, piece by piece; it ends with the first that does not open.
    pub fn contents(
        &self,
        sha256: &str,
    ) -> Result<impl Iterator<Item = Result<Vec<u8>, VaultError>>, VaultError> {
        let is_hash = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        let path = self.folder.join("quarantine").join(format!("{sha256}{ENDING}"));
        if !is_hash || !path.exists() {
            return Err(VaultError::Unknown { what: "file", name: sha256.to_owned() });
        }
        let mut reader = Reader::open(&path, &self.keyring)?;
        Ok(std::iter::from_fn(move || match reader.next() {
            Ok(Some((Kind::Piece, bytes))) => Some(Ok(bytes)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
        .fuse())
    }
}
