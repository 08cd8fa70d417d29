//! KQL, the language of the search bar, as Kibana's users know it.
//!
//! ```text
//! source.ip: 203.0.113.0/24 and not user.name: (root or admin*) and event.duration >= 5s
//! "failed password" or message: accepted*publickey
//! ```
//!
//! Where we say more exactly than Kibana, or otherwise:
//!
//! - Case never counts. On most fields a value is the whole value; on `message`, `event.original` and
//!   `error.message`, and in free text, it is a part of the text, and of several words without quotes
//!   each must stand somewhere.
//! - A day or a minute without its seconds is the whole of it: `@timestamp: 2026-11-21`.
//! - `5s`, `250ms`, `2h` are nanoseconds, the unit of ECS durations.
//! - A colon may stand in the first word of a value (`source.ip: 2001:db8::1`).

mod parse;
mod scan;
mod value;

pub(crate) use parse::parse;
pub(crate) use scan::is_special;
pub(crate) use value::holds_prose;

/// Where and why a text of the search bar cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct SyntaxError {
    /// The place, counted in characters from 1.
    pub column: usize,
    /// What is wrong there, and what would be right.
    pub message: String,
}
