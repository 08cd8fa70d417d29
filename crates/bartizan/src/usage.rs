//! What this process has used.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Processor time and memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Of all threads, in the program and in the kernel.
    pub(crate) processor: Duration,
    /// The most memory that was resident at once.
    pub(crate) peak_bytes: u64,
}

/// Gives what was used until now.
pub(crate) fn now() -> Usage {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| {
        line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
    });
    Usage { processor: Duration::new(seconds, nanos), peak_bytes: peak.unwrap_or(0) * 1024 }
}
