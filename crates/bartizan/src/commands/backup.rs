//! `bartizan backup`: a copy of everything, beside the process that writes it.

use std::path::{Path, PathBuf};

use catalog::Catalog;
use seal::Source;
use store::{Stats, Store};

use crate::backup::{self, Last, Taken, Wanted};
use crate::failure::{Outcome, ending};
use crate::interrupt::Interrupt;
use crate::keys;
use crate::output::complain;
use crate::place::Place;

/// Copies everything that is stored to a folder, as it is at one moment; `bartizan serve` goes on.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan backup /mnt/backup/bartizan
  bartizan backup /mnt/backup/bartizan --data /var/lib/bartizan --verify
  bartizan backup /var/lib/bartizan-copy --link

It holds the events, alerts, users, audit, own rules and overrides, and the keyring. It does NOT hold
the master key, without which a sealed store can never be read, unless --with-key says so: keep that
key elsewhere. Nor does it hold the configuration file, folders of rules outside of the data folder,
and what was set aside in quarantine.

The next backup into the same folder copies only what is new; until it is whole, the one before is.
Ends with 1 where something stored was damaged or missing, which is told and does not keep the rest
from being copied.")]
pub(crate) struct Args {
    /// The folder of the backup: an empty one, or one that holds an earlier backup
    target: PathBuf,
    /// Links segments instead of copying them where the target is on the same disk: quick and small,
    /// but a fault of that disk takes both
    #[arg(long)]
    link: bool,
    /// Reads again what the target holds already
    #[arg(long)]
    verify: bool,
    /// Puts the master key into the backup: whoever gets the one then has the other
    #[arg(long)]
    with_key: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let (config, catalog) = args.place.catalog()?;
    let interrupt = Interrupt::listen()?;
    let key = match keys::source(&config) {
        Source::File(path) => Some(path),
        source if args.with_key => {
            let sentence = format!("--with-key needs a key in a file, and it comes from {source}");
            return Err(ending(Outcome::Usage, sentence));
        }
        _ => None,
    };
    // What is sealed is copied as it is: without the key it cannot be counted, and that is all.
    let keyring = keys::open(&config, &catalog);
    if let Err(error) = &keyring {
        complain(&format!("the copy is not opened to be counted: {error:#}"));
    }
    let open = |folder: &Path| match &keyring {
        Ok(keyring) => open(config.store.bounds(keyring.clone()), folder).map(Some),
        Err(_) => Ok(None),
    };
    let taken = backup::take(
        &Wanted {
            data: &config.data,
            catalog: &catalog,
            target: &args.target,
            link: args.link,
            verify: args.verify,
            key: key.as_deref(),
            with_key: args.with_key,
            open: &open,
        },
        &interrupt,
    )?;
    tell(&taken, &args.target);
    let manifest = &taken.manifest;
    let target = args.target.canonicalize().unwrap_or_else(|_| args.target.clone());
    let last = Last { at: manifest.at.clone(), target: target.display().to_string() };
    last.keep(&catalog)?;
    let is_whole =
        taken.fault.is_none() && manifest.damaged.is_empty() && manifest.missing.is_empty();
    Ok(if is_whole { Outcome::Done } else { Outcome::Fault })
}

/// Opens a copy to be read.
fn open(bounds: store::Config, folder: &Path) -> anyhow::Result<Stats> {
    let catalog = Catalog::open(&folder.join("catalog.db"))?;
    Ok(Store::open_reader(folder, catalog, bounds)?.stats())
}

fn tell(taken: &Taken, target: &Path) {
    let Taken { manifest, copied, kept, fault } = taken;
    let ledger = &manifest.ledger;
    if let Some(fault) = fault {
        complain(&format!("fault     the copy does not open: {fault}"));
    }
    for file in &manifest.damaged {
        complain(&format!("damaged   {file} does not match its digest, and was copied as it is"));
    }
    for file in &manifest.missing {
        complain(&format!("missing   {file} is listed, and is not there"));
    }
    complain(&format!("backup    {} of {}", target.display(), manifest.at));
    complain(&format!(
        "events    {} in {} segments, {} in the log",
        ledger.in_segments,
        ledger.segments,
        ledger.in_log.map_or_else(|| "an unknown number".to_owned(), |count| count.to_string())
    ));
    complain(&format!(
        "files     {}: {} bytes copied, {} bytes there already or linked",
        manifest.files.len(),
        copied,
        kept
    ));
    if manifest.files.iter().any(|file| file.path == "keyring.json") && !manifest.with_key {
        complain(
            "key       the master key is NOT in the backup: without it nothing of this can be read",
        );
    } else if manifest.with_key {
        complain("key       the master key is in the backup: whoever gets it can read everything");
    }
}
