//! Bartizan: a whole SIEM in one process.
//!
//! This crate reads the command line and the configuration, lays the line, and waits for its end.
//! Whatever it knows of logs, rules, events or alerts, it asks of the crates below.

mod anchor;
mod arrivals;
mod backup;
mod clock;
mod codec;
mod commands;
mod config;
mod coverage;
mod demo;
mod detections;
mod examples;
mod export;
mod failure;
mod import;
mod interrupt;
mod keys;
mod log;
mod logins;
mod memory;
mod model_file;
mod output;
mod overrides;
mod place;
mod progress;
mod reload;
mod rules;
mod runtime;
mod scans;
mod span;
mod usage;
mod who;

use std::process::ExitCode;

use clap::Parser;

/// Events are made on one thread and let go on another; this allocator does that a tenth quicker than
/// the system's, and gives memory back.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = commands::Cli::parse();
    match cli.command.run() {
        Ok(outcome) => outcome.code(),
        Err(error) => {
            let failure = failure::Failure::of(&error);
            // Whoever read our output and left has seen enough: there is nothing to complain of.
            if failure.outcome != failure::Outcome::Done {
                output::complain(&format!("bartizan: {}", failure.sentence));
            }
            failure.outcome.code()
        }
    }
}
