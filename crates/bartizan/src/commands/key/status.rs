//! `bartizan key status`: which keys there are, and what they seal.

use std::collections::BTreeMap;

use seal::KeyringFile;
use store::{Seal, SealedFile, Seals};

use crate::config::{Config, Encryption};
use crate::failure::Outcome;
use crate::keys;
use crate::output::{Cell, Printer, Shape};
use crate::place::Place;

/// Tells where the key comes from, what each key of the keyring seals, and what is lost without it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan key status
  bartizan key status --data /var/lib/bartizan --output json

It ends with 1 where what is stored cannot be opened.")]
pub(crate) struct Args {
    /// The shape of the report
    #[arg(long, value_enum, default_value_t)]
    output: Shape,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let (config, catalog) = args.place.catalog()?;
    let mut rows = Vec::new();
    let encryption = match config.store.encryption {
        Encryption::On => "on: what is written is sealed",
        Encryption::Off => "off: what is written is plain",
    };
    rows.push(("encryption", encryption.to_owned()));
    let source = keys::source(&config);
    let file = KeyringFile::read(&keys::keyring_file(&config))?;
    let opened = keys::open(&config, &catalog);
    if let Some(file) = &file {
        let masters: Vec<String> = file.masters().map(|id| id.to_string()).collect();
        let more = if masters.len() > 1 { ", while a rotation is not done" } else { "" };
        rows.push(("master key", format!("{}{more}", masters.join(" or "))));
    }
    rows.push(("comes from", source.to_string()));
    rows.push((
        "opens",
        match &opened {
            Ok(Some(_)) => "yes".to_owned(),
            Ok(None) => "there is no keyring yet, and nothing is sealed".to_owned(),
            Err(error) => format!("NO: {error:#}"),
        },
    ));
    add_keys(&config, file.as_ref(), &mut rows)?;
    if file.is_some() {
        if keys::lies_beside(&config, &source) {
            let advice = "beside the data, in one folder: whoever gets the disk gets the key; move it elsewhere and name it in [store.key]";
            rows.push(("lies", advice.to_owned()));
        }
        let lost = format!(
            "without the master key, or without {}, every event, every index and what rules remember is lost for good; nobody can help then: keep copies of both elsewhere",
            keys::keyring_file(&config).display()
        );
        rows.push(("if it is lost", lost));
    }
    let mut printer = Printer::new(args.output, &["what", "found"])?;
    for (what, found) in rows {
        printer.row(&[what.into(), Cell::Text(found)])?;
    }
    printer.finish()?;
    Ok(if opened.is_ok() { Outcome::Done } else { Outcome::Fault })
}

/// Adds what each key of the keyring seals, and what is plain.
fn add_keys(
    config: &Config,
    file: Option<&KeyringFile>,
    rows: &mut Vec<(&'static str, String)>,
) -> anyhow::Result<()> {
    let seals = Seals::of(&config.data)?;
    let segments = count(&seals.segments);
    let logs = count(&seals.logs);
    let number = |counts: &BTreeMap<Seal, usize>, seal| counts.get(&seal).copied().unwrap_or(0);
    let told =
        |seal| format!("segments: {}, logs: {}", number(&segments, seal), number(&logs, seal));
    let known = file.map(KeyringFile::keys).unwrap_or_default();
    for key in known {
        let seal = Seal::Key(seal::KeyId(key.id));
        rows.push(("wrapping key", format!("{} of {}; {}", key.id, key.created, told(seal))));
    }
    for seal in segments.keys().chain(logs.keys()) {
        if let Seal::Key(id) = seal
            && known.iter().all(|key| key.id != id.0)
        {
            let sentence = format!("{} is NOT in the keyring; {}", id.0, told(*seal));
            rows.push(("wrapping key", sentence));
        }
    }
    rows.push(("plain", told(Seal::Plain)));
    if number(&segments, Seal::Damaged) + number(&logs, Seal::Damaged) > 0 {
        rows.push(("damaged", told(Seal::Damaged)));
    }
    Ok(())
}

fn count(files: &[SealedFile]) -> BTreeMap<Seal, usize> {
    let mut counts = BTreeMap::new();
    for file in files {
        *counts.entry(file.seal).or_default() += 1;
    }
    counts
}
