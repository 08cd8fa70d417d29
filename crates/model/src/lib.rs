//! The nouns that travel down the line.
//!
//! Everything above imports this crate and it imports nothing of ours. It does no I/O and never
//! reads the clock: time comes with the record.

mod alert;
mod batch;
mod detection;
mod event;
mod fields;
mod json;
mod names;
mod schema;
mod text;
mod time;
mod value;
mod wire;

pub use alert::{Alert, AlertId, Status, Verdict};
pub use batch::{BATCH_KEY, Batch, Checkpoint, Clock, Origin, Receipt, Record, Refusal};
pub use detection::{Detection, Entity, EntityKind, Level, RuleHeader};
pub use event::{Event, EventId, Extra};
pub use json::{json_plain_length, write_json_string};
pub use names::{NameTable, SentName};
pub use schema::{Field, FieldKind, SCHEMA, SchemaRow};
pub use text::Text;
pub use time::{Civil, Timestamp};
pub use value::{List, Value, ValueKind};
pub use wire::{DecodeError, FieldNames};
