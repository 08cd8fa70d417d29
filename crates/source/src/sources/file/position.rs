//! Which file it is, and how far it has been read.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use model::Checkpoint;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How much of a file's beginning tells it from others.
pub(super) const HEAD_BYTES_MAX: usize = 1024;
const KEY_PREFIX: &str = "file:";

/// A file's place in its file system. The system uses it anew once the file is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }

    fn key(self) -> String {
        format!("{KEY_PREFIX}{}:{}", self.device, self.inode)
    }

    fn from_key(key: &str) -> Option<Self> {
        let (device, inode) = key.strip_prefix(KEY_PREFIX)?.split_once(':')?;
        Some(Self { device: device.parse().ok()?, inode: inode.parse().ok()? })
    }
}

/// How far a file has been read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Where the file was seen last.
    pub(super) path: String,
    /// Where the next line begins.
    pub(super) offset: u64,
    /// How many of the file's first bytes the digest covers: only such as have been read.
    head_bytes: usize,
    /// The digest of those.
    head: String,
}

impl Position {
    /// Gives the position at `offset` of a file whose first bytes, as far as they were read, are `head`.
    pub(super) fn new(path: &Path, offset: u64, head: &[u8]) -> Self {
        let head = head.get(..HEAD_BYTES_MAX).unwrap_or(head);
        let path = path.to_string_lossy().into_owned();
        Self { path, offset, head_bytes: head.len(), head: digest(head) }
    }

    /// Tells whether a file of this length that begins with `head` is the one of this position.
    pub(super) fn fits(&self, head: &[u8], length: u64) -> bool {
        length >= self.offset
            && head.get(..self.head_bytes).is_some_and(|head| digest(head) == self.head)
    }

    /// Tells whether the digest covers anything; it says nothing about a file that was empty.
    pub(super) fn is_telling(&self) -> bool {
        self.head_bytes > 0
    }

    pub(super) fn to_checkpoint(&self, id: FileId) -> Checkpoint {
        Checkpoint {
            key: id.key(),
            // A struct of texts and numbers can always be written.
            position: serde_json::to_string(self).unwrap_or_default(),
        }
    }

    /// Reads a checkpoint; those of other inputs, and of files that are gone, are none of ours.
    pub(super) fn from_checkpoint(checkpoint: &Checkpoint) -> Option<(FileId, Self)> {
        let id = FileId::from_key(&checkpoint.key)?;
        Some((id, serde_json::from_str(&checkpoint.position).ok()?))
    }
}

/// Gives the checkpoint that says that a file is gone: its position is empty.
pub(super) fn gone(id: FileId) -> Checkpoint {
    Checkpoint { key: id.key(), position: String::new() }
}

/// Half of a SHA-256 in hexadecimal: enough to tell files apart.
fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(32);
    for byte in Sha256::digest(bytes).iter().take(16) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read_again() {
        let id = FileId { device: 7, inode: 42 };
        let position = Position::new(Path::new("/var/log/a \"b\".log"), 5, b"hello world");
        let checkpoint = position.to_checkpoint(id);
        assert_eq!(checkpoint.key, "file:7:42");
        assert_eq!(Position::from_checkpoint(&checkpoint), Some((id, position)));
        assert_eq!(Position::from_checkpoint(&gone(id)), None);
    }

    #[test]
    fn the_digest_covers_only_what_was_read() {
        let position = Position::new(Path::new("a"), 3, b"hello");
        assert!(position.fits(b"hello there", 11));
        assert!(!position.fits(b"hell", 4));
        assert!(!position.fits(b"jello world", 11));
    }
}
