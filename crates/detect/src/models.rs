//! What is unusual: models of requests.
//!
//! ```text
//! request ─▶ thirteen features ─▶ forest, distance ─┐  (the trained model: shipped, or DATA/requests.model)
//!         └▶ path template, parameters ─▶ profile ──┼─▶ sum of surprises ─▶ the site's quantiles ─▶ 0 to 1
//!            inspection's verdict ──────────────────┘
//! ```
//!
//! A [`Model`] is trained once and does not change. What is usual at a site is learned from its events,
//! in their order, by the memory of the engine, and shown to those who read records as a snapshot
//! ([`Usual`]). The score goes to the event before rules see it; rules decide.

mod answers;
mod calibration;
mod dice;
mod distance;
mod features;
mod forest;
mod keys;
mod model;
mod patterns;
mod profile;
mod quality;
mod quotas;
mod request;
mod score;
mod site;
mod sites;
mod tail;
mod usual;
mod votes;

pub(crate) use answers::Beside;
pub use distance::Distance;
pub use features::{FEATURES, NAMES, ROW, Row, UNITS, features};
pub use forest::{Forest, SAMPLES_MAX, TREES_MAX};
pub use model::{About, Judged, MODEL_BYTES_MAX, Model, ModelError, ROWS_MAX, ROWS_MIN};
pub use quality::{Quality, quality};
pub use request::Request;
pub(crate) use score::mark;
pub use score::{HIGH, Score, score};
pub(crate) use sites::Sites;
pub use usual::Usual;
pub(crate) use usual::{answer, site_key};

#[cfg(test)]
mod tests;
