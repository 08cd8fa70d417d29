//! What must be transactional: alerts and their history, users and sessions, the list of segments.
//!
//! One SQLite file. One connection writes, a few read; every call blocks, so that asynchronous
//! callers use their blocking threads. The statements keep to SQL that other databases share, but
//! for opening and migrating. The clock is the caller's.

mod alert_edits;
mod alert_list;
mod alerts;
mod audit;
mod catalog;
mod chain;
mod chain_check;
mod chain_fold;
mod error;
mod keep;
mod logins;
mod records;
mod rescue;
mod schema;
mod segments;
mod sessions;
mod sql;
mod tokens;
mod users;

pub use alert_edits::{
    AlertPatch, EditId, EditRow, HistoryRow, Patch, Selection, Signature, WorkState,
};
pub use alert_list::{
    AlertBucket, AlertCount, AlertCursor, AlertFilter, AlertPage, AlertQuery, AlertSort, AlertSpan,
    AssigneeFilter,
};
pub use alerts::Alerts;
pub use audit::{AuditEntry, AuditPage, AuditRow, Refusal};
pub use catalog::Catalog;
pub use chain::{ChainHead, ChainKey, Link, Linking, Reason};
pub use chain_check::{ChainFault, ChainReport};
pub use error::{CatalogError, Fault};
pub use keep::{Hold, HoldId, Job, JobId, JobKind, JobState, NewHold, NewJob};
pub use logins::{Admission, Subject};
pub use rescue::{RescuedTable, rescue};
pub use segments::{Committed, GivingUp, Publish, SegmentId, SegmentRow};
pub use sessions::{NewSession, Session, SessionId, SessionSpan, TokenDigest};
pub use tokens::{NewToken, Token, TokenId};
pub use users::{NewUser, Role, User, UserId};
