//! One HTTP request to a verdict: is it an attack, of which class, where, and how was it hidden.
//!
//! ```
//! use inspect::{AccessLog, Class, inspect_access_log};
//!
//! let verdict = inspect_access_log(&AccessLog {
//!     method: "GET",
//!     target: "/item?id=1%2527%20or%201%3D1--",
//!     referrer: None,
//!     user_agent: None,
//! });
//! assert!(verdict.attack);
//! assert_eq!(verdict.findings[0].class, Class::SqlInjection);
//! ```
//!
//! The way of a request: it is cut into parts before anything is decoded (`parts`), each part is
//! scanned once for bytes and literals that any attack needs (`bytes`, `prefilter`), encodings
//! are peeled off to a fixpoint (`peel`), and only then do the classes that were called confirm
//! by grammar (`classes`). A request that calls no class is let go without an allocation. What no
//! single part shows, whose request it is and where it ends, is judged on the request as a whole.
//! Where the answer is known, it tells how the attack went ([`Verdict::judge`]).

mod access_log;
mod bytes;
mod class;
mod classes;
mod engine;
mod grams;
mod literals;
mod magic;
mod outcome;
mod parts;
mod peel;
mod prefilter;
mod request;
mod site;
mod verdict;
mod words;

pub use access_log::{AccessLog, inspect_access_log};
pub use class::Class;
pub use classes::{CLASSES, ClassRow, REQUEST_CLASSES, RequestClassRow};
pub use engine::{ATTACK_SCORE_MIN, inspect};
pub use outcome::{Answer, Judged, Outcome};
pub use request::Request;
pub use verdict::{EVIDENCE_BYTES_MAX, FINDINGS_MAX, Finding, Grade, Layer, Place, Verdict};
