//! `bartizan doctor`: is everything in order?

use std::path::Path;

use crate::failure::Outcome;
use crate::output::{Cell, Printer, Shape};
use crate::place::Place;
use crate::rules::{self, Shipped};

/// Bytes that should be free where the data is kept.
const FREE_BYTES_MIN: u64 = 1 << 30;

/// Looks whether everything is in order, and says what to do where it is not.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan doctor
  bartizan doctor --data /var/lib/bartizan --output json

It only reads, and may run beside `bartizan serve`. It ends with 1 where something is wrong.")]
pub(crate) struct Args {
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
    let mut findings = Vec::new();
    match args.place.config() {
        Err(error) => findings.push(finding(State::Fault, "configuration", format!("{error:#}"))),
        Ok(config) => {
            findings.push(finding(State::Fine, "configuration", "no fault"));
            look_at_folder(&config.data, &mut findings);
            look_at_rules(&config.rules, &mut findings);
        }
    }
    look_at_data(&args.place, &mut findings);
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

fn look_at_folder(folder: &Path, findings: &mut Vec<Finding>) {
    use std::os::unix::fs::PermissionsExt as _;
    let shown = folder.display();
    let Ok(metadata) = std::fs::metadata(folder) else {
        findings.push(finding(State::Note, "data folder", format!("{shown} is not there yet")));
        return;
    };
    let mode = metadata.permissions().mode() & 0o777;
    findings.push(if mode & 0o077 == 0 {
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

fn look_at_rules(config: &crate::config::Rules, findings: &mut Vec<Finding>) {
    let shipped = if config.shipped { Shipped::With } else { Shipped::Without };
    match rules::load(shipped, &config.folders) {
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

fn look_at_data(place: &Place, findings: &mut Vec<Finding>) {
    let catalog = match place.catalog() {
        Ok((_, catalog)) => catalog,
        Err(error) => {
            findings.push(finding(State::Note, "catalog", format!("{error:#}")));
            return;
        }
    };
    findings.push(match catalog.has_administrator() {
        Ok(true) => finding(State::Fine, "administrator", "set up"),
        Ok(false) => finding(
            State::Note,
            "administrator",
            "not set up: open the link that `bartizan serve` prints",
        ),
        Err(error) => finding(State::Fault, "administrator", error.to_string()),
    });
    match place.reader() {
        Err(error) => findings.push(finding(State::Fault, "store", format!("{error:#}"))),
        Ok(store) => {
            let stats = store.stats();
            let events = stats.in_memory + stats.in_segments;
            findings.push(finding(
                State::Fine,
                "events",
                format!(
                    "{events}: {} in {} segments ({} MB), {} in the log",
                    stats.in_segments,
                    stats.segments,
                    stats.segment_bytes >> 20,
                    stats.in_memory
                ),
            ));
            findings.push(match (stats.missing, stats.quarantined) {
                (0, 0) => {
                    finding(State::Fine, "store", "every segment is there, nothing set aside")
                }
                (missing, aside) => finding(
                    State::Fault,
                    "store",
                    format!(
                        "{missing} segments missing, {aside} damaged parts of the log set aside"
                    ),
                ),
            });
        }
    }
}
