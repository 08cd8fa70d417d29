//! The product from outside: the real binary, its real ports, its real exit codes.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that does not find what it looks for ends there"
)]

mod alert;
mod ask;
mod backup;
mod bad_input;
mod capture;
mod commands;
mod console;
mod crash;
mod enrich;
mod fernet;
mod hunt;
mod hunt_files;
mod import;
mod inspect;
mod keep;
mod keys;
mod models;
mod product;
mod reload;
mod relp;
mod restart;
mod scan;
mod scenarios;
mod watched;
