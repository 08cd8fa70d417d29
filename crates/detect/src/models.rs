//! What is unusual: models of requests.

mod dice;
mod distance;
mod features;
mod forest;
mod model;
mod profile;
mod quality;
mod request;
mod score;
mod site;
mod sites;
mod tail;
mod votes;

pub use distance::Distance;
pub use features::{FEATURES, NAMES, ROW, Row, UNITS, features};
pub use forest::{Forest, SAMPLES_MAX, TREES_MAX};
pub use model::{About, Judged, MODEL_BYTES_MAX, Model, ModelError, ROWS_MAX, ROWS_MIN};
pub use quality::{Quality, quality};
pub use request::Request;
pub(crate) use score::mark;
pub use score::{HIGH, Score, score};
pub(crate) use sites::Sites;
pub use sites::{SiteView, Usual};

#[cfg(test)]
mod tests;
