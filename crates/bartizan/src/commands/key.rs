//! `bartizan key`: the keys that seal what is kept.

mod fernet;
mod generate;

use clap::Subcommand;

use crate::failure::Outcome;

/// Makes, changes and shows the keys that seal what is kept.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan key generate /etc/bartizan/master.key
  bartizan key fernet generate /etc/bartizan/app.keys")]
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
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    match &args.action {
        Action::Generate(args) => generate::run(args),
        Action::Fernet(args) => fernet::run(args),
    }
}
