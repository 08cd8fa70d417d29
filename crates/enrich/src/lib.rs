//! Adds fields to events from tables in memory: where an address is, and whose network it is in.
//!
//! The tables are databases in MaxMind's format, which the configuration names: of cities or countries, of
//! networks' owners, from whoever makes them. They are read whole, watched, and swapped when the file
//! changes; one that is broken is told of once, and what was read of it before stays in force.
//!
//! ```text
//! Databases ─▶ Lookup (one for each thread that reads events) ─▶ source.geo.*, source.as.*
//! ```

mod database;
mod databases;
mod lookup;

pub use databases::{Config, Databases};
pub use lookup::Lookup;
