//! `bartizan key generate`: a master key in a new file.

use std::io;
use std::path::PathBuf;

use anyhow::Context as _;
use seal::MasterKey;

use crate::failure::{Outcome, ending};
use crate::output::complain;

/// Makes a master key in a new file, for its owner alone.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan key generate /etc/bartizan/master.key

An existing file is never written over. Name the file in the configuration:

  [store.key]
  file = \"/etc/bartizan/master.key\"")]
pub(crate) struct Args {
    /// The file to make
    file: PathBuf,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let key = MasterKey::generate()?;
    let shown = args.file.display();
    match key.write(&args.file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let sentence = format!("{shown} is there already, and a key is never written over");
            return Err(ending(Outcome::Fault, sentence));
        }
        written => written.with_context(|| format!("cannot write {shown}"))?,
    }
    complain(&format!("{shown} holds the master key {}", key.id()));
    complain("keep a copy elsewhere: without it, nothing that it seals can ever be read again");
    Ok(Outcome::Done)
}
