//! Holds the data folder for one process.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use crate::StoreError;
use crate::error::During;

/// A process that was just ended, or is just starting a child, may hold the lock for a moment.
const LOCK_TRIES_MAX: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(25);
/// A process number is shorter.
const HOLDER_BYTES_MAX: u64 = 20;

/// Holds the data folder for this process as long as it lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    pub(crate) fn take(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join("store.lock");
        let what = || format!("open {}", path.display());
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = file.during(what)?;
        for _ in 0..LOCK_TRIES_MAX {
            match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {
                    // Who holds it helps whoever finds it held; the lock itself is the system's.
                    let _ = file
                        .set_len(0)
                        .and_then(|()| file.write_all(std::process::id().to_string().as_bytes()));
                    return Ok(Self { _file: file });
                }
                Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(LOCK_PAUSE),
                Err(error) => return Err(error.into()).during(what),
            }
        }
        let mut holder = String::new();
        let read = file.take(HOLDER_BYTES_MAX).read_to_string(&mut holder);
        let number = read.ok().and_then(|_| holder.trim().parse::<u32>().ok());
        let holder = number.map_or("another process".to_owned(), |id| format!("process {id}"));
        Err(StoreError::Locked { folder: dir.to_owned(), holder })
    }
}
