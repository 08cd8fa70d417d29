//! Bartizan: a whole SIEM in one process.
//!
//! This crate reads the command line and the configuration, lays the line, and waits for its end.
//! Whatever it knows of logs, rules, events or alerts, it asks of the crates below.

mod clock;
mod commands;
mod config;
mod demo;
mod examples;
mod failure;
mod interrupt;
mod log;
mod memory;
mod output;
mod place;
mod progress;
mod rules;
mod runtime;
mod span;
mod usage;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = commands::Cli::parse();
    match cli.command.run() {
        Ok(outcome) => outcome.code(),
        Err(error) => {
            // Whoever read our output has seen enough.
            if failure::is_closed_pipe(&error) {
                return failure::Outcome::Done.code();
            }
            let failure = failure::Failure::of(&error);
            output::complain(&format!("bartizan: {}", failure.sentence));
            failure.outcome.code()
        }
    }
}
