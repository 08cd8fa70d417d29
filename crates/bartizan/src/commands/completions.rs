//! `bartizan completions`: for bash, zsh, fish and others.

use std::io;

use clap::CommandFactory as _;

use super::Cli;
use crate::failure::Outcome;

/// Prints completions for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  bartizan completions bash > /etc/bash_completion.d/bartizan")]
pub(crate) struct Args {
    /// The shell
    shell: clap_complete::Shell,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    clap_complete::generate(args.shell, &mut Cli::command(), "bartizan", &mut io::stdout());
    Ok(Outcome::Done)
}
