//! The clock, for what the store itself does; the times of events come with the events.

use std::time::SystemTime;

use model::Timestamp;

/// Gives the moment that the machine's clock shows.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::default().plus(since)
}
