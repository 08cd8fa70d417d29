//! What a query puts aside on disk when its memory is used up.
//!
//! A file of this kind has no name from the start, and all of it is sealed by a key that is nowhere
//! but in memory: nobody else can open it, and what a crash leaves behind can never be read. That
//! holds whether or not the store itself is sealed.
//!
//! ```text
//! frame   length of the sealed bytes (4, little-endian) │ sealed bytes, with the frame's number as context
//! ```

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::spill_file::{SpillFile, SpillWriter, TempFileFactory};
use futures::Stream;
use seal::DataKey;

use crate::StoreError;
use crate::error::During;

/// How much is sealed at a time.
const FRAME_BYTES: usize = 256 << 10;
const LENGTH_BYTES: u64 = 4;

/// Makes the files of all queries, and counts what they take.
#[derive(Debug)]
pub(super) struct Spill {
    dir: PathBuf,
    used: Arc<AtomicU64>,
    bytes_max: u64,
}

impl Spill {
    /// Gives what makes files in a folder, which together take so many bytes at most.
    pub(super) fn new(dir: PathBuf, bytes_max: u64) -> Self {
        Self { dir, used: Arc::default(), bytes_max }
    }
}

impl TempFileFactory for Spill {
    fn create_temp_file(&self, _: &str) -> Result<Arc<dyn SpillFile>> {
        let file = nameless(&self.dir).map_err(super::read::outer)?;
        let key = DataKey::generate()
            .map_err(|error| DataFusionError::Execution(format!("spill file: {error}")))?;
        let inner = Inner {
            file,
            key,
            written: Mutex::new(Written::default()),
            used: Arc::clone(&self.used),
            bytes_max: self.bytes_max,
        };
        Ok(Arc::new(Sealed(Arc::new(inner))))
    }
}

/// Makes a file without a name.
fn nameless(dir: &Path) -> std::result::Result<File, StoreError> {
    tempfile::tempfile_in(dir).during(|| format!("make a file for a query in {}", dir.display()))
}

/// One file.
#[derive(Clone, Debug)]
struct Sealed(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: File,
    key: DataKey,
    written: Mutex<Written>,
    used: Arc<AtomicU64>,
    bytes_max: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Written {
    bytes: u64,
    frames: u64,
}

impl Inner {
    fn written(&self) -> Written {
        *self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a frame.
    fn put(&self, text: &[u8]) -> io::Result<()> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let context = written.frames.to_le_bytes();
        let sealed = self.key.seal(&context, text).map_err(io::Error::other)?;
        let length = u32::try_from(sealed.len()).map_err(io::Error::other)?;
        let taken = LENGTH_BYTES + u64::from(length);
        if self.used.fetch_add(taken, Ordering::Relaxed) + taken > self.bytes_max {
            self.used.fetch_sub(taken, Ordering::Relaxed);
            return Err(io::Error::other(format!(
                "the query needs more than the {} bytes of disk that queries may take; narrow it",
                self.bytes_max
            )));
        }
        let at = written.bytes;
        let done = self
            .file
            .write_all_at(&length.to_le_bytes(), at)
            .and_then(|()| self.file.write_all_at(&sealed, at + LENGTH_BYTES));
        if let Err(error) = done {
            self.used.fetch_sub(taken, Ordering::Relaxed);
            return Err(error);
        }
        *written = Written { bytes: at + taken, frames: written.frames + 1 };
        Ok(())
    }

    /// Gives the frame of that number, which begins at `at`, and where the next one does; nothing
    /// past the last.
    fn get(&self, frame: u64, at: u64) -> io::Result<Option<(Bytes, u64)>> {
        if at >= self.written().bytes {
            return Ok(None);
        }
        let mut length = [0; 4];
        self.file.read_exact_at(&mut length, at)?;
        let length = u32::from_le_bytes(length);
        let mut sealed = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut sealed, at + LENGTH_BYTES)?;
        let text = self.key.open(&frame.to_le_bytes(), &sealed).map_err(io::Error::other)?;
        Ok(Some((Bytes::from(text), at + LENGTH_BYTES + u64::from(length))))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.used.fetch_sub(self.written().bytes, Ordering::Relaxed);
    }
}

impl SpillFile for Sealed {
    fn size(&self) -> Option<u64> {
        Some(self.0.written().bytes)
    }

    fn read_stream(&self) -> Result<Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>> {
        let inner = Arc::clone(&self.0);
        let frames = futures::stream::unfold(Some((0_u64, 0_u64)), move |place| {
            let next = place.and_then(|(frame, at)| match inner.get(frame, at) {
                Ok(Some((text, after))) => Some((Ok(text), Some((frame + 1, after)))),
                Ok(None) => None,
                Err(error) => Some((Err(DataFusionError::IoError(error)), None)),
            });
            std::future::ready(next)
        });
        Ok(Box::pin(frames))
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>> {
        let room = Vec::with_capacity(FRAME_BYTES);
        Ok(Box::new(Writer { file: self.clone(), waiting: room }))
    }
}

/// Gathers a frame's worth and seals it.
#[derive(Debug)]
struct Writer {
    file: Sealed,
    waiting: Vec<u8>,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = FRAME_BYTES.saturating_sub(self.waiting.len()).max(1);
        let taken = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.waiting.extend_from_slice(taken);
        if self.waiting.len() >= FRAME_BYTES {
            self.flush()?;
        }
        Ok(taken.len())
    }

    /// Readers may come before the writer is done: what was flushed, they must find.
    fn flush(&mut self) -> io::Result<()> {
        if !self.waiting.is_empty() {
            self.file.0.put(&self.waiting)?;
            self.waiting.clear();
        }
        Ok(())
    }
}

impl SpillWriter for Writer {
    fn finish(&mut self) -> Result<()> {
        self.flush().map_err(DataFusionError::IoError)
    }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt as _;

    use super::*;

    #[test]
    fn what_was_written_comes_back_and_is_not_plain_on_disk() {
        let dir = tempfile::tempdir().unwrap();
        let spill = Spill::new(dir.path().to_owned(), 4 << 20);
        let inner = {
            let file = nameless(dir.path()).unwrap();
            let key = DataKey::generate().unwrap();
            let written = Mutex::default();
            Arc::new(Inner {
                file,
                key,
                written,
                used: Arc::clone(&spill.used),
                bytes_max: 4 << 20,
            })
        };
        let file = Sealed(Arc::clone(&inner));
        let text: Vec<u8> = b"a plain secret ".iter().copied().cycle().take(700_001).collect();
        let mut writer = file.open_writer().unwrap();
        writer.write_all(&text).unwrap();
        writer.finish().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let frames: Vec<Bytes> =
            runtime.block_on(file.read_stream().unwrap().try_collect()).unwrap();
        assert_eq!(frames.concat(), text);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "it has no name");
        let mut raw = vec![0; usize::try_from(inner.written().bytes).unwrap()];
        inner.file.read_exact_at(&mut raw, 0).unwrap();
        assert!(!raw.windows(12).any(|bytes| bytes == b"plain secret"));

        // A frame in the place of another is not taken for it.
        assert!(inner.get(1, 0).is_err());
        drop((file, writer, inner));
        assert_eq!(spill.used.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn all_files_together_are_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let spill = Spill::new(dir.path().to_owned(), 1 << 20);
        let files: Vec<_> = (0..4).map(|_| spill.create_temp_file("x").unwrap()).collect();
        let write = |file: &Arc<dyn SpillFile>| {
            let mut writer = file.open_writer()?;
            writer.write_all(&vec![7; 300_000]).map_err(DataFusionError::IoError)?;
            writer.finish()
        };
        let outcomes: Vec<bool> = files.iter().map(|file| write(file).is_ok()).collect();
        assert_eq!(outcomes, [true, true, true, false]);
        drop(files);
        write(&spill.create_temp_file("x").unwrap()).unwrap();
    }
}
