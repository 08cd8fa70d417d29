//! The store as its callers see it.

#![expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "small known numbers; a test that finds nothing ends there"
)]

#[cfg(feature = "sql")]
mod ask;
mod crash;
#[cfg(feature = "sql")]
mod export;
mod index;
mod keep;
mod odd;
mod power;
mod questions;
mod readers;
mod repair;
mod samples;
mod sealed;
#[cfg(feature = "sql")]
mod sql;
mod together;
mod v1;
mod verify;
