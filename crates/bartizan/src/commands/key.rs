//! `bartizan key`: the keys that seal what is kept.

mod export;
mod fernet;
mod generate;
mod rotate;
mod status;

use clap::Subcommand;

use crate::failure::Outcome;

/// Makes, changes and shows the keys that seal what is kept.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan key generate /etc/bartizan/master.key
  bartizan key status
  bartizan key rotate
  bartizan key fernet generate /etc/bartizan/app.keys
  bartizan key export bartizan-data/segments/2026-11-21/00000001-0.parquet

A master key seals the keyring (keyring.json in the data folder); a key of the keyring wraps one data
key for each file. Whoever has the master key and the data folder reads everything; without the
master key nobody ever does.")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Makes a master key in a new file
    Generate(generate::Args),
    /// Makes keys of Fernet, with which other programs encrypt their logs, and works with them
    Fernet(fernet::Args),
    /// Changes the master key; no data is written again
    Rotate(rotate::Args),
    /// Tells which keys there are, what they seal, and what is lost without them
    Status(status::Args),
    /// Prints the key of one segment, for other programs that read Parquet
    Export(export::Args),
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    match &args.action {
        Action::Generate(args) => generate::run(args),
        Action::Fernet(args) => fernet::run(args),
        Action::Rotate(args) => rotate::run(args),
        Action::Status(args) => status::run(args),
        Action::Export(args) => export::run(args),
    }
}
