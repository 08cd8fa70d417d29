//! `bartizan doctor`: is everything in order?

mod repair;
mod verify;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use catalog::Catalog;

use crate::backup::Last;
use crate::clock::now;
use crate::config::{Config, Encryption};
use crate::failure::Outcome;
use crate::keys;
use crate::output::{Cell, Printer, Shape};
use crate::place::{Place, has_catalog};
use crate::rules;

/// Bytes that should be free where the data is kept.
const FREE_BYTES_MIN: u64 = 1 << 30;
/// A backup that is older is told.
const BACKUP_AGE_MAX: Duration = Duration::from_hours(7 * 24);
const SECONDS_A_DAY: u64 = 24 * 60 * 60;
/// Damaged segments that are told by name; all are counted.
const DAMAGED_TOLD_MAX: usize = 20;

/// Looks whether everything is in order, and says what to do where it is not.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan doctor
  bartizan doctor --data /var/lib/bartizan --output json
  bartizan doctor --verify --anchor /mnt/elsewhere/anchors.jsonl
  bartizan doctor --repair
  bartizan doctor --repair --yes

Without --repair it only reads, and may run beside `bartizan serve`. --verify reads every stored file
whole and compares it with the chain of digests; an anchor, a line that was kept elsewhere, shows
whether that chain was cut off at its end. --repair tells what can be saved and what not, and does
it with --yes, while nothing else runs upon the data. It ends with 1 where something is wrong.")]
pub(crate) struct Args {
    /// Reads every stored file whole, and compares it with the chain of digests
    #[arg(long, conflicts_with = "repair")]
    verify: bool,
    /// A file with anchors of the chain, such as a log that they were sent to; besides the configured one
    #[arg(long, value_name = "FILE", requires = "verify")]
    anchor: Vec<PathBuf>,
    /// Tells what of damaged data can be saved
    #[arg(long)]
    repair: bool,
    /// Saves it
    #[arg(long, requires = "repair")]
    yes: bool,
    /// The shape of the report
    #[arg(long, value_enum, default_value_t)]
    output: Shape,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Fine,
    Note,
    Fault,
}

struct Finding {
    state: State,
    what: &'static str,
    found: String,
}

fn finding(state: State, what: &'static str, found: impl Into<String>) -> Finding {
    Finding { state, what, found: found.into() }
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    if args.repair {
        return repair::run(&args.place, args.yes, args.output);
    }
    let mut findings = Vec::new();
    match args.place.config() {
        Err(error) => findings.push(finding(State::Fault, "configuration", format!("{error:#}"))),
        Ok(config) => {
            findings.push(finding(State::Fine, "configuration", "no fault"));
            look_at_folder(&args.place, &config.data, &mut findings);
            look_at_rules(&config, &mut findings);
            look_at_data(args, &config, &mut findings);
        }
    }
    let mut printer = Printer::new(args.output, &["state", "what", "found"])?;
    for finding in &findings {
        let state = match finding.state {
            State::Fine => "ok",
            State::Note => "note",
            State::Fault => "FAULT",
        };
        printer.row(&[state.into(), finding.what.into(), Cell::Text(finding.found.clone())])?;
    }
    printer.finish()?;
    let is_faulty = findings.iter().any(|finding| finding.state == State::Fault);
    Ok(if is_faulty { Outcome::Fault } else { Outcome::Done })
}

fn look_at_folder(place: &Place, folder: &Path, findings: &mut Vec<Finding>) {
    use std::os::unix::fs::PermissionsExt as _;
    let shown = folder.display();
    let metadata = match std::fs::metadata(folder) {
        Ok(metadata) => metadata,
        // Before the first start there is none; but who names one means one that is there.
        Err(error) if error.kind() == io::ErrorKind::NotFound && place.named().is_none() => {
            findings.push(finding(State::Note, "data folder", format!("{shown} is not there yet")));
            return;
        }
        Err(error) => {
            findings.push(finding(State::Fault, "data folder", format!("{shown}: {error}")));
            return;
        }
    };
    if !metadata.is_dir() {
        findings.push(finding(State::Fault, "data folder", format!("{shown} is no folder")));
        return;
    }
    let mode = metadata.permissions().mode() & 0o777;
    let of_others = mode & 0o077;
    findings.push(if of_others == 0 {
        finding(State::Fine, "data folder", format!("{shown}, for its owner alone"))
    } else {
        let advice = format!("{shown} can be read by others ({mode:o}): chmod 700 {shown}");
        finding(State::Note, "data folder", advice)
    });
    match rustix::fs::statvfs(folder) {
        Ok(space) => {
            let free = space.f_bavail.saturating_mul(space.f_frsize);
            let state = if free < FREE_BYTES_MIN { State::Fault } else { State::Fine };
            findings.push(finding(state, "free space", format!("{} MB", free >> 20)));
        }
        Err(error) => findings.push(finding(State::Note, "free space", error.to_string())),
    }
}

fn look_at_rules(config: &Config, findings: &mut Vec<Finding>) {
    let sources = config.rule_sources();
    match rules::load_in_force(&sources) {
        Err(error) => findings.push(finding(State::Fault, "rules", format!("{error:#}"))),
        Ok(loaded) => {
            let count = loaded.rules.rules().len();
            findings.push(if loaded.faults.is_empty() {
                finding(State::Fine, "rules", format!("{count}, none set aside"))
            } else {
                let aside = loaded.faults.len();
                finding(
                    State::Fault,
                    "rules",
                    format!("{count}, set aside: {aside}; see `bartizan rules check`"),
                )
            });
        }
    }
}

fn look_at_data(args: &Args, config: &Config, findings: &mut Vec<Finding>) {
    match has_catalog(config) {
        Ok(true) => {}
        Ok(false) => {
            let advice = format!("none in {}: `bartizan serve` makes it", config.data.display());
            findings.push(finding(State::Note, "catalog", advice));
            return;
        }
        Err(error) => {
            findings.push(finding(State::Fault, "catalog", format!("{error:#}")));
            return;
        }
    }
    match args.place.catalog() {
        Err(error) => findings.push(finding(State::Fault, "catalog", format!("{error:#}"))),
        Ok((_, catalog)) => {
            look_at_users(&catalog, findings);
            look_at_key(config, &catalog, findings);
            look_at_store(&args.place, findings);
            if args.verify {
                verify::look(config, &catalog, &args.anchor, findings);
            } else {
                look_at_segments(&config.data, &catalog, findings);
            }
            look_at_quarantine(&config.data.join("quarantine"), findings);
            look_at_backup(&catalog, findings);
        }
    }
}

fn look_at_backup(catalog: &Catalog, findings: &mut Vec<Finding>) {
    findings.push(match Last::read(catalog) {
        Err(error) => finding(State::Fault, "backup", format!("{error:#}")),
        Ok(None) => finding(State::Note, "backup", "never taken: `bartizan backup FOLDER`"),
        Ok(Some(last)) => {
            let age = last.age(now()).unwrap_or_default();
            let state = if age > BACKUP_AGE_MAX { State::Note } else { State::Fine };
            let days = age.as_secs() / SECONDS_A_DAY;
            finding(state, "backup", format!("{} of {}, {days} days old", last.target, last.at))
        }
    });
}

fn look_at_users(catalog: &Catalog, findings: &mut Vec<Finding>) {
    findings.push(match catalog.has_administrator() {
        Ok(true) => finding(State::Fine, "administrator", "set up"),
        Ok(false) => finding(
            State::Note,
            "administrator",
            "not set up: open the link that `bartizan serve` prints",
        ),
        Err(error) => finding(State::Fault, "administrator", error.to_string()),
    });
}

fn look_at_key(config: &Config, catalog: &Catalog, findings: &mut Vec<Finding>) {
    let source = keys::source(config);
    findings.push(match keys::open(config, catalog) {
        Err(error) => finding(State::Fault, "key", format!("{error:#}")),
        Ok(_) if config.store.encryption == Encryption::Off => {
            let advice = "store.encryption is off: whoever gets the disk reads what is written";
            finding(State::Note, "key", advice)
        }
        Ok(None) => finding(State::Note, "key", "none yet: nothing is sealed"),
        Ok(Some(_)) if keys::lies_beside(config, &source) => {
            let advice = format!(
                "{source} lies beside the data: whoever gets the disk gets the key, and whoever \
                 loses it loses the data; move it (bartizan key rotate --to-file) and keep a copy"
            );
            finding(State::Note, "key", advice)
        }
        Ok(Some(_)) => finding(State::Fine, "key", format!("what is stored opens, from {source}")),
    });
}

fn look_at_store(place: &Place, findings: &mut Vec<Finding>) {
    let store = match place.reader() {
        Ok(store) => store,
        Err(error) => {
            findings.push(finding(State::Fault, "store", format!("{error:#}")));
            return;
        }
    };
    let stats = store.stats();
    let events = stats.in_memory + stats.in_segments;
    let (segments, megabytes) = (stats.segments, stats.segment_bytes >> 20);
    findings.push(finding(
        State::Fine,
        "events",
        format!(
            "{events}: {} in {segments} segments ({megabytes} MB), {} in the log",
            stats.in_segments, stats.in_memory
        ),
    ));
    findings.push(match stats.missing {
        0 => finding(State::Fine, "store", "every segment is there"),
        missing => {
            let advice = format!(
                "segments that are missing or cannot be opened: {missing}; restore them from a backup"
            );
            finding(State::Fault, "store", advice)
        }
    });
}

/// Looks at every segment without reading it: whether it is there, and as long as it was written.
fn look_at_segments(folder: &Path, catalog: &Catalog, findings: &mut Vec<Finding>) {
    match store::look(folder, catalog) {
        Err(error) => findings.push(finding(State::Fault, "segments", error.to_string())),
        Ok(faults) if faults.is_empty() => {
            let told = "each is there, as long as it was written (--verify reads them whole)";
            findings.push(finding(State::Fine, "segments", told));
        }
        Ok(faults) => {
            let told = faults.iter().take(DAMAGED_TOLD_MAX);
            findings.extend(told.map(|told| finding(State::Fault, "segment", told.as_str())));
            let advice = format!(
                "damaged: {}; restore them from a backup, or see what --repair can save",
                faults.len()
            );
            findings.push(finding(State::Fault, "segments", advice));
        }
    }
}

fn look_at_quarantine(folder: &Path, findings: &mut Vec<Finding>) {
    let shown = folder.display();
    let count = std::fs::read_dir(folder).map(|entries| {
        // Notes tell of the files beside them.
        entries
            .flatten()
            .filter(|one| one.path().extension().is_none_or(|end| end != "note"))
            .count()
    });
    findings.push(match count {
        Ok(count) if count > 0 => {
            let advice = format!(
                "set aside: {count} in {shown}; see what --repair can save of them, then move them"
            );
            finding(State::Fault, "quarantine", advice)
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            finding(State::Fault, "quarantine", format!("{shown}: {error}"))
        }
        _ => finding(State::Fine, "quarantine", "nothing set aside"),
    });
}
