//! The command line: one row a command, each in a file of its own.

mod audit;
mod backup;
mod completions;
mod decoy;
mod doctor;
mod flows;
mod hunt;
mod inspect;
mod keep;
mod key;
mod model;
mod parse;
mod query;
mod restore;
mod rules;
mod scan;
mod search;
mod serve;
mod simulate;
mod token;
mod user;

use clap::{Parser, Subcommand};

use crate::failure::Outcome;

/// A whole SIEM in one process: collects logs, understands them, detects, keeps, alerts.
#[derive(Debug, Parser)]
#[command(name = "bartizan", version, max_term_width = 100, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the product can be asked to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the whole product
    Serve(serve::Args),
    /// Reads records and prints the events that would be stored, as JSON lines
    Parse(parse::Args),
    /// Runs the rules over old files
    Hunt(hunt::Args),
    /// Reads captured packets: flows, and what protocols say
    Flows(flows::Args),
    /// Judges HTTP requests
    Inspect(inspect::Args),
    /// Trains, measures and shows the model of what is usual in requests
    Model(model::Args),
    /// Asks the store in SQL, read-only
    Query(query::Args),
    /// Asks the store as the search bar does, in KQL
    Search(search::Args),
    /// Lists, shows, checks, tests and imports rules
    Rules(rules::Args),
    /// Finds open ports, what serves there, and what changed
    Scan(scan::Args),
    /// Sends realistic sample traffic to a real input
    Simulate(simulate::Args),
    /// Shows what is kept and for how long; holds, releases, purges, merges
    Store(keep::Args),
    /// Shows what decoys recorded: sessions, transcripts, files in quarantine
    Decoy(decoy::Args),
    /// Makes, changes and shows the keys that seal what is kept
    Key(key::Args),
    /// Manages who may log in
    User(user::Args),
    /// Manages tokens, with which programs use the API
    Token(token::Args),
    /// Shows who did what, and who was not let in
    Audit(audit::Args),
    /// Looks whether everything is in order
    Doctor(doctor::Args),
    /// Copies everything that is stored to a folder, beside a running product
    Backup(backup::Args),
    /// Puts a backup back as a data folder
    Restore(restore::Args),
    /// Prints completions for a shell
    Completions(completions::Args),
}

impl Command {
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        match self {
            Self::Serve(args) => serve::run(&args),
            Self::Parse(args) => parse::run(&args),
            Self::Hunt(args) => hunt::run(&args),
            Self::Flows(args) => flows::run(&args),
            Self::Inspect(args) => inspect::run(&args),
            Self::Model(args) => model::run(&args),
            Self::Query(args) => query::run(&args),
            Self::Search(args) => search::run(&args),
            Self::Rules(args) => rules::run(&args),
            Self::Scan(args) => scan::run(&args),
            Self::Simulate(args) => simulate::run(&args),
            Self::Store(args) => keep::run(&args),
            Self::Decoy(args) => decoy::run(&args),
            Self::Key(args) => key::run(&args),
            Self::User(args) => user::run(&args),
            Self::Token(args) => token::run(&args),
            Self::Audit(args) => audit::run(&args),
            Self::Doctor(args) => doctor::run(&args),
            Self::Backup(args) => backup::run(&args),
            Self::Restore(args) => restore::run(&args),
            Self::Completions(args) => completions::run(&args),
        }
    }
}
