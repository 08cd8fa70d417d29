//! What several resources do with events.

use std::time::Instant;

use model::Event;
use serde_json::value::RawValue;

use crate::ApiError;

/// Gives an event as it is written, without reading that again.
pub(crate) fn raw(event: &Event) -> Result<Box<RawValue>, ApiError> {
    RawValue::from_string(event.to_json()).map_err(|error| unreadable(event, &error))
}

/// Gives the milliseconds since a moment.
pub(crate) fn millis(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Gives the error of an event that cannot be written.
pub(crate) fn unreadable(event: &Event, error: &serde_json::Error) -> ApiError {
    ApiError::Internal(format!("event {} is written as no JSON: {error}", event.id))
}
