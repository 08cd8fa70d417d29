//! `bartizan restore`: a backup becomes a data folder.

use std::path::PathBuf;

use crate::backup::{self, Manifest};
use crate::failure::Outcome;
use crate::interrupt::Interrupt;
use crate::output::complain;

/// Puts a backup back as a new data folder, after every byte of it was compared.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan restore /mnt/backup/bartizan --data /var/lib/bartizan
  bartizan doctor --data /var/lib/bartizan

A folder that holds anything is refused. Where a file of the backup is damaged it is named, and
nothing is restored. The master key is put back only where the backup holds it; otherwise bring it to
the place that the configuration names.")]
pub(crate) struct Args {
    /// The folder of the backup
    from: PathBuf,
    /// The data folder to make
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let interrupt = Interrupt::listen()?;
    let manifest = backup::restore(&args.from, &args.data, &interrupt)?;
    let Manifest { at, product, ledger, files, damaged, missing, with_key, .. } = &manifest;
    for file in damaged {
        complain(&format!("damaged   {file} was so before it was backed up"));
    }
    for file in missing {
        complain(&format!("missing   {file} was not there when the backup was taken"));
    }
    complain(&format!("restored  {}", args.data.display()));
    complain(&format!("moment    {at}, by version {product}"));
    complain(&format!(
        "events    {} in {} segments, {} in the log",
        ledger.in_segments,
        ledger.segments,
        ledger.in_log.map_or_else(|| "an unknown number".to_owned(), |count| count.to_string())
    ));
    complain(&format!("files     {}", files.len()));
    if files.iter().any(|file| file.path == "keyring.json") && !with_key {
        complain(
            "key       bring the master key: it was not in the backup, and nothing opens without it",
        );
    }
    Ok(Outcome::Done)
}
