//! `bartizan decoy`: what decoys recorded.
//!
//! Everything is read as it lies sealed in the data folder, beside a product that runs. What an intruder
//! typed is shown as text; a file in quarantine is written out only where that is asked for by its hash.

mod replay;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use honeypot::{DECOYS, Vault};

use crate::failure::{Outcome, ending};
use crate::keys;
use crate::output::{Cell, Printer, Shape, complain};
use crate::place::Place;

/// Shows what decoys recorded: sessions, transcripts, files in quarantine.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan decoy kinds
  bartizan decoy list
  bartizan decoy sessions --output json
  bartizan decoy replay 4f1c09aa27d3
  bartizan decoy replay 4f1c09aa27d3 --speed 4
  bartizan decoy quarantine
  bartizan decoy quarantine --take SHA256 --to sample.bin

Decoys are named in the configuration; none listens otherwise:
  [[decoys.services]]
  kind = \"ssh\"
  listen = \"0.0.0.0:2222\"
  [[decoys.services]]
  kind = \"telnet\"              # on its own high port, here 2323
  [[decoys.allow]]               # whose touches are not told
  ip = \"10.0.0.0/8\"
  service = \"ssh\"")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Lists the services that can be played
    Kinds(List),
    /// Lists the decoys of the configuration
    List(List),
    /// Lists the sessions that have a transcript, the newest first
    Sessions(List),
    /// Shows what passed in a session, with its timing
    Replay(replay::Args),
    /// Lists the files that intruders left, or takes one out
    Quarantine(Quarantine),
}

#[derive(Debug, clap::Args)]
struct List {
    /// The shape of the list
    #[arg(long, value_enum, default_value_t)]
    output: Shape,
}

#[derive(Debug, clap::Args)]
struct Quarantine {
    /// The shape of the list
    #[arg(long, value_enum, default_value_t)]
    output: Shape,
    /// The hash of a file that is to be written out as it came; it is malware until proved otherwise
    #[arg(long, value_name = "SHA256", requires = "to")]
    take: Option<String>,
    /// Where that file is written
    #[arg(long, value_name = "FILE", requires = "take")]
    to: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    let place = &args.place;
    match &args.action {
        Action::Kinds(list) => kinds(list),
        Action::List(list) => configured(list, place),
        Action::Sessions(list) => sessions(list, place),
        Action::Replay(args) => replay::run(args, &vault(place)?),
        Action::Quarantine(args) => quarantine(args, place),
    }
}

/// Opens what the decoys keep; it makes nothing.
fn vault(place: &Place) -> anyhow::Result<Vault> {
    let (config, catalog) = place.catalog()?;
    let folder = config.decoys_folder();
    if !folder.is_dir() {
        let sentence = format!(
            "no decoy ever ran with the data in {}; name some in the configuration (bartizan decoy --help)",
            config.data.display()
        );
        return Err(ending(Outcome::Unreadable, sentence));
    }
    let keyring = keys::open(&config, &catalog)?;
    Ok(Vault::open(&folder, keyring.as_ref(), &config.decoys.bounds)?)
}

fn kinds(list: &List) -> anyhow::Result<Outcome> {
    let mut printer = Printer::new(list.output, &["kind", "port", "plays"])?;
    for decoy in DECOYS {
        printer.row(&[
            Cell::Text(decoy.id.to_owned()),
            Cell::Plain(decoy.port.to_string()),
            Cell::Text(decoy.summary.to_owned()),
        ])?;
    }
    printer.finish()?;
    Ok(Outcome::Done)
}

fn configured(list: &List, place: &Place) -> anyhow::Result<Outcome> {
    let config = place.config()?;
    let mut printer = Printer::new(list.output, &["name", "kind", "listen"])?;
    for service in &config.decoys.services {
        let port = DECOYS.iter().find(|decoy| decoy.id == service.kind).map_or(0, |row| row.port);
        let listen = service.listen.map_or_else(|| format!("0.0.0.0:{port}"), |at| at.to_string());
        printer.row(&[
            Cell::Text(service.name.clone().unwrap_or_else(|| service.kind.clone())),
            Cell::Text(service.kind.clone()),
            Cell::Text(listen),
        ])?;
    }
    printer.finish()?;
    Ok(Outcome::Done)
}

fn sessions(list: &List, place: &Place) -> anyhow::Result<Outcome> {
    let columns = ["session", "began", "kind", "name", "source", "destination"];
    let mut printer = Printer::new(list.output, &columns)?;
    for head in vault(place)?.sessions() {
        let cells = [head.session, head.began, head.kind, head.name, head.source, head.destination];
        printer.row(&cells.map(Cell::Text))?;
    }
    printer.finish()?;
    Ok(Outcome::Done)
}

fn quarantine(args: &Quarantine, place: &Place) -> anyhow::Result<Outcome> {
    let vault = vault(place)?;
    if let (Some(hash), Some(to)) = (&args.take, &args.to) {
        return take(&vault, hash, to);
    }
    let columns = ["sha256", "bytes", "left_out", "came", "kind", "source", "session", "name"];
    let mut printer = Printer::new(args.output, &columns)?;
    for file in vault.quarantined() {
        printer.row(&[
            Cell::Text(file.sha256),
            Cell::Plain(file.bytes.to_string()),
            Cell::Plain(file.left_out.to_string()),
            Cell::Text(file.came),
            Cell::Text(file.kind),
            Cell::Text(file.source),
            Cell::Text(file.session),
            Cell::Text(file.name),
        ])?;
    }
    printer.finish()?;
    Ok(Outcome::Done)
}

/// Writes a file out as it came, for its owner to read and nobody to run.
fn take(vault: &Vault, hash: &str, to: &Path) -> anyhow::Result<Outcome> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let hash = hash.to_lowercase();
    let contents = vault.contents(&hash)?;
    let at = |error: std::io::Error| {
        ending(Outcome::Fault, format!("cannot write {}: {error}", to.display()))
    };
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(to).map_err(at)?;
    for piece in contents {
        file.write_all(&piece?).map_err(at)?;
    }
    complain(&format!("{} holds what an intruder left: do not run it", to.display()));
    Ok(Outcome::Done)
}
