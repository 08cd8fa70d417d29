//! What the store asks of the machine: the time, and the room on the disk.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use model::Timestamp;

use crate::clock;

/// The room on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes that may still be written.
    pub free: u64,
    /// Bytes in all.
    pub total: u64,
}

/// Tells the time.
type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
/// Tells the room on the disk that holds a folder.
type Disk = Arc<dyn Fn(&Path) -> io::Result<Space> + Send + Sync>;

/// Where the time and the room on the disk are told; a test tells its own.
#[derive(Clone)]
pub struct Surroundings {
    /// Tells the time.
    pub clock: Clock,
    /// Tells the room on the disk that holds a folder.
    pub disk: Disk,
}

impl Surroundings {
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

impl Default for Surroundings {
    fn default() -> Self {
        Self { clock: Arc::new(clock::now), disk: Arc::new(machine_space) }
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Surroundings")
    }
}

fn machine_space(folder: &Path) -> io::Result<Space> {
    let told = rustix::fs::statvfs(folder)?;
    Ok(Space {
        free: told.f_bavail.saturating_mul(told.f_frsize),
        total: told.f_blocks.saturating_mul(told.f_frsize),
    })
}
