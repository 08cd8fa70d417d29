//! `bartizan completions`: for bash, zsh, fish and others.

use std::io::{self, Write as _};

use clap::CommandFactory as _;

use super::Cli;
use crate::failure::Outcome;
use crate::output::told;

/// Prints completions for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  bartizan completions bash > /etc/bash_completion.d/bartizan")]
pub(crate) struct Args {
    /// The shell
    shell: clap_complete::Shell,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    // Into memory first: it panics where it cannot write.
    clap_complete::generate(args.shell, &mut Cli::command(), "bartizan", &mut script);
    told(io::stdout().lock().write_all(&script))?;
    Ok(Outcome::Done)
}
