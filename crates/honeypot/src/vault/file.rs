//! One sealed file: frames behind a wrapped key.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use seal::{DataKey, Keyring, SealError, WRAPPED_BYTES};

use super::VaultError;

const MAGIC: &[u8; 8] = b"BTDECOY1";
/// Bounds a frame that is read.
const FRAME_BYTES_MAX: u32 = 4 << 20;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// What the file is, as JSON.
    Head,
    /// A piece of what passed or was left.
    Piece,
    /// How it ended, as JSON.
    End,
    /// All of a small file.
    Whole,
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Self::Head => 0,
            Self::Piece => 1,
            Self::End => 2,
            Self::Whole => 3,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Self::Head, Self::Piece, Self::End, Self::Whole].into_iter().find(|k| k.byte() == byte)
    }
}

/// A sealed file that is written; it is open only while a frame is appended, so that ten thousand of
/// them take no descriptors.
#[derive(Debug)]
pub(super) struct SealedFile {
    path: PathBuf,
    key: DataKey,
    frames: u64,
    bytes: u64,
}

impl SealedFile {
    pub(super) fn create(path: PathBuf, keyring: &Keyring) -> Result<Self, VaultError> {
        let sealed = |error| VaultError::Sealed { path: path.clone(), error };
        let (key, wrapped) = keyring.data_key().map_err(sealed)?;
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&wrapped);
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let written = opened.and_then(|mut file| file.write_all(&head));
        written.map_err(|error| VaultError::File { path: path.clone(), error })?;
        let bytes = u64::try_from(head.len()).unwrap_or_default();
        Ok(Self { path, key, frames: 0, bytes })
    }

    pub(super) fn append(&mut self, kind: Kind, bytes: &[u8]) -> Result<(), VaultError> {
        let mut frame = Vec::with_capacity(bytes.len() + 64);
        frame.extend_from_slice(&[0; 4]);
        frame.push(kind.byte());
        frame.extend_from_slice(bytes);
        let sealed = self.key.seal_from(&self.frames.to_be_bytes(), &mut frame, 4);
        sealed.map_err(|error| VaultError::Sealed { path: self.path.clone(), error })?;
        let length = u32::try_from(frame.len().saturating_sub(4)).unwrap_or(u32::MAX);
        for (to, from) in frame.iter_mut().zip(length.to_be_bytes()) {
            *to = from;
        }
        let opened = OpenOptions::new().append(true).open(&self.path);
        let written = opened.and_then(|mut file| {
            file.write_all(&frame).inspect_err(|_| {
                // On a full disk a part of it may lie there, behind which nothing more would open.
                let _ = file.set_len(self.bytes);
            })
        });
        written.map_err(|error| VaultError::File { path: self.path.clone(), error })?;
        self.frames += 1;
        self.bytes += u64::try_from(frame.len()).unwrap_or_default();
        Ok(())
    }

    /// Gives how many bytes it takes on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// A sealed file that is read.
#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    key: DataKey,
    frames: u64,
}

impl Reader {
    pub(super) fn open(path: &Path, keyring: &Keyring) -> Result<Self, VaultError> {
        let at = |error| VaultError::File { path: path.to_owned(), error };
        let sealed = |error| VaultError::Sealed { path: path.to_owned(), error };
        let mut file = BufReader::new(File::open(path).map_err(at)?);
        let mut magic = [0; MAGIC.len()];
        let mut wrapped = [0; WRAPPED_BYTES];
        file.read_exact(&mut magic).map_err(at)?;
        file.read_exact(&mut wrapped).map_err(at)?;
        if magic != *MAGIC {
            return Err(sealed(SealError::Malformed("a file of the decoys")));
        }
        let key = keyring.unwrap_key(&wrapped).map_err(sealed)?;
        Ok(Self { path: path.to_owned(), file, key, frames: 0 })
    }

    /// Gives the next frame; `None` at the end, and where the file was cut within one.
    pub(super) fn next(&mut self) -> Result<Option<(Kind, Vec<u8>)>, VaultError> {
        let Some(length) = self.length()? else { return Ok(None) };
        let mut sealed = Vec::new();
        let read = self.file.by_ref().take(u64::from(length)).read_to_end(&mut sealed);
        read.map_err(|error| VaultError::File { path: self.path.clone(), error })?;
        if sealed.len() < usize::try_from(length).unwrap_or(usize::MAX) {
            return Ok(None);
        }
        let opened = self.key.open(&self.frames.to_be_bytes(), &sealed);
        let mut frame = opened.map_err(|error| self.sealed(error))?;
        self.frames += 1;
        let kind = frame.first().and_then(|byte| Kind::of(*byte));
        let kind = kind.ok_or_else(|| self.sealed(SealError::Malformed("a frame")))?;
        frame.remove(0);
        Ok(Some((kind, frame)))
    }

    /// Gives the last frame without opening those before it.
    pub(super) fn last(&mut self) -> Result<Option<(Kind, Vec<u8>)>, VaultError> {
        let path = self.path.clone();
        let at = |error| VaultError::File { path: path.clone(), error };
        let end = self.file.get_ref().metadata().map_err(at)?.len();
        loop {
            let start = self.file.stream_position().map_err(at)?;
            let Some(length) = self.length()? else { return Ok(None) };
            let after = start + 4 + u64::from(length);
            if after >= end {
                self.file.seek_relative(-4).map_err(at)?;
                return self.next();
            }
            self.file.seek_relative(i64::from(length)).map_err(at)?;
            self.frames += 1;
        }
    }

    fn length(&mut self) -> Result<Option<u32>, VaultError> {
        let mut length = [0; 4];
        if self.file.read_exact(&mut length).is_err() {
            return Ok(None);
        }
        let length = u32::from_be_bytes(length);
        if length > FRAME_BYTES_MAX {
            return Err(self.sealed(SealError::Malformed("a frame")));
        }
        Ok(Some(length))
    }

    fn sealed(&self, error: SealError) -> VaultError {
        VaultError::Sealed { path: self.path.clone(), error }
    }
}
