//! `bartizan doctor --verify`: every stored file read whole, the chain of digests, the anchors.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;

use anyhow::Context as _;
use catalog::Catalog;
use store::{Anchor, Verified};

use super::{DAMAGED_TOLD_MAX, Finding, State, finding};
use crate::config::Config;
use crate::{keys, progress};

/// Anchors of one file that are compared, the first and the last ones.
const ANCHORS_MAX: usize = 1_000_000;
/// Bounds a line of a log that anchors were sent to.
const LINE_BYTES_MAX: u64 = 64 << 10;

pub(super) fn look(
    config: &Config,
    catalog: &Catalog,
    files: &[PathBuf],
    findings: &mut Vec<Finding>,
) {
    match verify(config, catalog, files) {
        Err(error) => findings.push(finding(State::Fault, "segments", format!("{error:#}"))),
        Ok(verified) => tell(&verified, findings),
    }
}

fn verify(config: &Config, catalog: &Catalog, files: &[PathBuf]) -> anyhow::Result<Verified> {
    let keyring = keys::open(config, catalog)?;
    let mut anchors = Vec::new();
    // The configured one may not be there yet.
    let configured = config.store.anchor.file.iter().filter(|file| file.exists());
    for file in files.iter().chain(configured) {
        read_anchors(file, &mut anchors)?;
    }
    let bar = progress::bytes(store::bytes_to_verify(catalog)?);
    let bounds = config.store.bounds(keyring);
    let verified =
        store::verify(&config.data, catalog, &bounds, &anchors, &mut |read| bar.inc(read));
    bar.finish_and_clear();
    Ok(verified?)
}

/// Reads the anchors of a file: its own lines, or those among the lines of a log.
fn read_anchors(path: &PathBuf, anchors: &mut Vec<Anchor>) -> anyhow::Result<()> {
    let shown = path.display();
    let file = File::open(path).with_context(|| format!("cannot read the anchors {shown}"))?;
    let mut file = BufReader::new(file);
    let before = anchors.len();
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = file.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
        if read.with_context(|| format!("cannot read the anchors {shown}"))? == 0 {
            break;
        }
        if let Some(anchor) = Anchor::parse(&String::from_utf8_lossy(&line)) {
            anyhow::ensure!(anchors.len() < ANCHORS_MAX, "{shown} holds too many anchors");
            anchors.push(anchor);
        }
    }
    anyhow::ensure!(anchors.len() > before, "there is no anchor in {shown}");
    Ok(())
}

fn tell(verified: &Verified, findings: &mut Vec<Finding>) {
    let notes = verified.notes.iter();
    findings.extend(notes.map(|note| finding(State::Note, "chain", note.as_str())));
    let told = verified.faults.iter().take(DAMAGED_TOLD_MAX);
    findings.extend(told.map(|fault| finding(State::Fault, "segment", fault.as_str())));
    let count = u64::try_from(verified.faults.len()).unwrap_or(u64::MAX) + verified.more_faults;
    let read = format!("{} segments read ({} MB)", verified.segments, verified.bytes >> 20);
    let chain = match &verified.head {
        Some(head) => format!("{} links, the last of {}", verified.links, head.at),
        None => "no link yet".to_owned(),
    };
    let anchors = match verified.anchors {
        0 => {
            "no anchor to hold it to: its end could have been cut off (see store.anchor)".to_owned()
        }
        count => format!("anchors compared: {count}"),
    };
    findings.push(if count == 0 {
        finding(
            State::Fine,
            "segments",
            format!("all is as it was written: {read}; {chain}; {anchors}"),
        )
    } else {
        let advice = format!("faults: {count}; {read}; {chain}; {anchors}");
        finding(State::Fault, "segments", advice)
    });
}
