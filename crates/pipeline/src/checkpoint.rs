//! What the rules remember, kept on disk beside the events, with the event before which it was true.
//!
//! The line takes it between two groups, and a thread of its own writes it: beside the old one, to
//! the disk, and over it. So there is always a whole one, and after a crash only the events after it
//! are looked at again.
//!
//! With keys the file is sealed: rules remember users and addresses.
//!
//! ```text
//! plain    magic 1 │ event │ length of the memory │ memory │ health │ CRC
//! sealed   magic 2 │ wrapped data key │ what a plain file would be, sealed
//! ```

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use detect::{Health, Memory};
use model::EventId;
use seal::{Keyring, OVERHEAD_BYTES, SealError, WRAPPED_BYTES};

const MAGIC: &[u8; 8] = b"bartmem1";
const MAGIC_SEALED: &[u8; 8] = b"bartmem2";
const SEALED_CONTEXT: &[u8] = b"bartizan memory";
/// What stands before the memory: the magic, the event, the memory's length. After it comes the health.
const HEAD_BYTES: usize = 24;
/// Bounds a file that is read; what a memory may hold fits.
const BYTES_MAX: u64 = 2 << 30;
/// How long after a checkpoint the next is taken while records come.
const EVERY: Duration = Duration::from_secs(10);
/// The same while none come.
const EVERY_WHEN_IDLE: Duration = Duration::from_secs(1);
/// Taking and writing them may take this part of the time.
const SHARE: u32 = 100;

/// What the rules remembered, and before which event.
#[derive(Debug, Default)]
pub struct Remembered {
    /// The first event that the rules had not seen.
    pub next: EventId,
    /// What they remembered then.
    pub memory: Memory,
    /// What had passed until then, and what had fired.
    pub health: Health,
}

/// Why a checkpoint is of no use.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
    /// It is of another version, or no checkpoint.
    #[error("it is of another version")]
    Version,
    /// It does not open.
    #[error("it {0}")]
    Sealed(SealError),
    /// It is sealed, and there is no key.
    #[error("it is sealed, and no key was given")]
    NoKey,
    /// It was cut short or changed.
    #[error("it is damaged")]
    Damaged,
}

impl Remembered {
    /// Reads the checkpoint of a file; `None` where there is none. One that is not sealed needs no
    /// keys.
    pub fn read(path: &Path, keyring: Option<&Keyring>) -> Result<Option<Self>, CheckpointError> {
        let length = match fs::metadata(path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CheckpointError::Unreadable(error)),
        };
        if length > BYTES_MAX {
            return Err(CheckpointError::Damaged);
        }
        let bytes = fs::read(path).map_err(CheckpointError::Unreadable)?;
        Self::open(&bytes, keyring).map(Some)
    }

    fn open(bytes: &[u8], keyring: Option<&Keyring>) -> Result<Self, CheckpointError> {
        let Some(sealed) = bytes.strip_prefix(MAGIC_SEALED) else { return Self::decode(bytes) };
        let keyring = keyring.ok_or(CheckpointError::NoKey)?;
        let parts = sealed.split_at_checked(WRAPPED_BYTES);
        let (wrapped, sealed) = parts.ok_or(CheckpointError::Damaged)?;
        let key = keyring.unwrap_key(wrapped).map_err(CheckpointError::Sealed)?;
        let opened = key.open(SEALED_CONTEXT, sealed).map_err(CheckpointError::Sealed)?;
        Self::decode(&opened)
    }

    fn decode(bytes: &[u8]) -> Result<Self, CheckpointError> {
        use CheckpointError::{Damaged, Version};
        let (head, rest) = bytes.split_at_checked(HEAD_BYTES).ok_or(Damaged)?;
        let head = head.strip_prefix(MAGIC).ok_or(Version)?;
        let (next, length) = head.split_first_chunk::<8>().ok_or(Damaged)?;
        let length: &[u8; 8] = length.try_into().map_err(|_| Damaged)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| Damaged)?;
        let (memory, rest) = rest.split_at_checked(length).ok_or(Damaged)?;
        let (health, checksum) = rest.split_last_chunk::<4>().ok_or(Damaged)?;
        let checked = bytes.get(..bytes.len() - checksum.len()).ok_or(Damaged)?;
        if *checksum != crc32fast::hash(checked).to_le_bytes() {
            return Err(Damaged);
        }
        let memory = Memory::restore(memory).map_err(|_| Version)?;
        // Health is won again by itself; of another version it costs no more than the past.
        let health = std::str::from_utf8(health).ok().and_then(Health::restore).unwrap_or_default();
        Ok(Self { next: EventId(u64::from_le_bytes(*next)), memory, health })
    }
}

/// Gives the bytes of a checkpoint.
fn encode(now: &Moment<'_>) -> Vec<u8> {
    let next = now.next;
    let memory = now.memory.snapshot();
    let health = now.health.snapshot();
    let length = u64::try_from(memory.len()).unwrap_or(u64::MAX);
    let mut bytes = Vec::with_capacity(HEAD_BYTES + memory.len() + health.len() + 4);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&next.0.to_le_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&memory);
    bytes.extend_from_slice(health.as_bytes());
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Gives the bytes as they go to the disk.
fn seal(bytes: Vec<u8>, keyring: Option<&Keyring>) -> Result<Vec<u8>, SealError> {
    let Some(keyring) = keyring else { return Ok(bytes) };
    let (key, wrapped) = keyring.data_key()?;
    let mut sealed =
        Vec::with_capacity(MAGIC_SEALED.len() + wrapped.len() + bytes.len() + OVERHEAD_BYTES);
    sealed.extend_from_slice(MAGIC_SEALED);
    sealed.extend_from_slice(&wrapped);
    let from = sealed.len();
    sealed.extend_from_slice(&bytes);
    key.seal_from(SEALED_CONTEXT, &mut sealed, from)?;
    Ok(sealed)
}

/// What a checkpoint is made of.
pub(crate) struct Moment<'m> {
    pub(crate) next: EventId,
    pub(crate) memory: &'m Memory,
    /// Locked, so that nobody reads it meanwhile; that is short.
    pub(crate) health: MutexGuard<'m, Health>,
}

/// Keeps checkpoints in one file.
#[derive(Debug)]
pub(crate) struct Keeper {
    outlet: Option<Sender<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
    /// What the last one took to write, in nanoseconds.
    written_in: Arc<AtomicU64>,
    taken_in: Duration,
    taken_at: Instant,
    next: EventId,
}

impl Keeper {
    /// Gives a keeper; `next` is what the file says already.
    pub(crate) fn start(
        path: PathBuf,
        next: EventId,
        keyring: Option<Keyring>,
    ) -> io::Result<Self> {
        let (outlet, inlet) = bounded(1);
        let written_in = Arc::new(AtomicU64::new(0));
        let told = Arc::clone(&written_in);
        let thread = thread::Builder::new()
            .name("line-checkpoint".to_owned())
            .spawn(move || write_all(&path, &inlet, &told, keyring.as_ref()))?;
        Ok(Self {
            outlet: Some(outlet),
            thread: Some(thread),
            written_in,
            taken_in: Duration::ZERO,
            taken_at: Instant::now(),
            next,
        })
    }

    /// Takes a checkpoint if it is time for one; must be called between two groups. `is_idle` tells
    /// that no records came for a while.
    pub(crate) fn keep<'m>(&mut self, next: EventId, pace: Pace, now: impl FnOnce() -> Moment<'m>) {
        let least = match pace {
            Pace::Busy => EVERY,
            Pace::Idle => EVERY_WHEN_IDLE,
        };
        let cost = self.taken_in + Duration::from_nanos(self.written_in.load(Ordering::Relaxed));
        let pause = least.max(cost.saturating_mul(SHARE));
        let Some(outlet) = &self.outlet else { return };
        if next == self.next || self.taken_at.elapsed() < pause || outlet.is_full() {
            return;
        }
        let began = Instant::now();
        let bytes = encode(&now());
        (self.taken_in, self.taken_at) = (began.elapsed(), began);
        match outlet.try_send(bytes) {
            Ok(()) => self.next = next,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }

    /// Writes the last checkpoint, and waits until it is written.
    pub(crate) fn finish(mut self, now: &Moment<'_>) {
        if let Some(outlet) = self.outlet.take() {
            // A thread that is gone said why.
            let _ = outlet.send(encode(now));
        }
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that keeps what rules remember panicked");
        }
    }
}

/// Whether records come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// They do.
    Busy,
    /// None came for a while.
    Idle,
}

fn write_all(path: &Path, inlet: &Receiver<Vec<u8>>, told: &AtomicU64, keyring: Option<&Keyring>) {
    let mut failed = false;
    for bytes in inlet {
        let began = Instant::now();
        let sealed = seal(bytes, keyring).map_err(io::Error::other);
        match sealed.and_then(|bytes| write(path, &bytes)) {
            Ok(()) => failed = false,
            // Told once: the next attempt comes within seconds.
            Err(error) if !failed => {
                failed = true;
                let path = path.display();
                tracing::warn!(%error, "what the rules remember cannot be written to {path}");
            }
            Err(_) => {}
        }
        let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        told.store(took, Ordering::Relaxed);
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use model::Timestamp;

    use super::*;

    fn moment<'m>(memory: &'m Memory, health: &'m Mutex<Health>) -> Moment<'m> {
        Moment { next: EventId(77), memory, health: health.lock().unwrap() }
    }

    #[test]
    fn read_again_as_it_was_written() {
        read_again(None);
    }

    #[test]
    fn sealed_read_again_as_it_was_written() {
        let path = read_again(Some(&Keyring::generate().unwrap()));
        let bytes = fs::read(path.path().join("memory")).unwrap();
        assert!(!bytes.windows(4).any(|window| window == b"rule"));
        let told = |keyring| Remembered::open(&bytes, keyring).unwrap_err().to_string();
        assert_eq!(told(None), "it is sealed, and no key was given");
        let other = Keyring::generate().unwrap();
        assert_eq!(
            told(Some(&other)),
            "it does not open with this key: it was changed, or belongs to another key"
        );
        for length in 0..bytes.len() {
            assert!(Remembered::open(&bytes[..length], Some(&other)).is_err(), "cut at {length}");
        }
    }

    fn read_again(keyring: Option<&Keyring>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("memory");
        assert!(Remembered::read(&path, keyring).unwrap().is_none());
        let keeper = Keeper::start(path.clone(), EventId(0), keyring.cloned()).unwrap();
        let (memory, health) = (Memory::new(), Mutex::new(Health::new()));
        health.lock().unwrap().hit("rule", Timestamp::from_seconds(7));
        keeper.finish(&moment(&memory, &health));
        let read = Remembered::read(&path, keyring).unwrap().unwrap();
        assert_eq!(read.next, EventId(77));
        assert_eq!(read.memory.snapshot(), memory.snapshot());
        assert_eq!(read.health.snapshot(), health.lock().unwrap().snapshot());
        folder
    }

    #[test]
    fn damage_is_found_wherever_it_is() {
        let (memory, health) = (Memory::new(), Mutex::new(Health::new()));
        let whole = encode(&moment(&memory, &health));
        assert!(Remembered::decode(&whole).is_ok());
        for length in 0..whole.len() {
            assert!(Remembered::decode(&whole[..length]).is_err(), "cut at {length}");
        }
        for place in 0..whole.len() {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            assert!(Remembered::decode(&changed).is_err(), "changed at {place}");
        }
    }
}
