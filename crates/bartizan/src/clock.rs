//! The clock, read here and handed down.

use std::time::SystemTime;

use model::Timestamp;

/// Gives the moment that the machine's clock shows.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::default().plus(since)
}
