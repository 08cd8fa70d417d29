//! How far long work has come: a bar on a terminal, nothing in a pipe.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use source::{Import, Progress};

use crate::failure::Outcome;
use crate::output::{complain, printable};

/// Gives a bar over the bytes of an import.
pub(crate) fn bar(progress: &Progress) -> ProgressBar {
    if !std::io::stderr().is_terminal() || progress.bytes == 0 {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(progress.bytes);
    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(8));
    let template = "{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left, {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// Gives a bar over so many bytes.
pub(crate) fn bytes(bytes: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() || bytes == 0 {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(bytes);
    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(8));
    let template = "{wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// Gives a bar over so many files.
pub(crate) fn files(count: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() || count == 0 {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(u64::try_from(count).unwrap_or(u64::MAX));
    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(8));
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos} of {len} files, {eta} left") {
        bar.set_style(style);
    }
    bar
}

/// Gives a bar over so many things of a kind.
pub(crate) fn counted(count: u64, kind: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() || count == 0 {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(count);
    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(8));
    let template = format!("{{wide_bar}} {{pos}} of {{len}} {kind}, {{eta}} left, {{msg}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar
}

/// Moves the bar to where the import is.
pub(crate) fn show(bar: &ProgressBar, progress: &Progress) {
    bar.set_position(progress.bytes_done);
    if !bar.is_hidden() {
        bar.set_message(format!("{} of {} files", progress.files_done, progress.files));
    }
}

/// How many faults of one file are told; a file damaged throughout has thousands.
const FAULTS_A_FILE: usize = 5;

/// Tells what could not be read, and how the command ends because of it.
pub(crate) fn tell_faults(import: &Import) -> Outcome {
    let mut rest = import.faults();
    while let Some(first) = rest.first() {
        let alike = rest.iter().take_while(|fault| fault.path == first.path).count();
        let (of_file, after) = rest.split_at(alike);
        let path = first.path.display();
        for fault in of_file.iter().take(FAULTS_A_FILE) {
            complain(&printable(&format!("{path}: {}", fault.message)));
        }
        if alike > FAULTS_A_FILE {
            complain(&printable(&format!("{path}: and {} more", alike - FAULTS_A_FILE)));
        }
        rest = after;
    }
    let told = u64::try_from(import.faults().len()).unwrap_or(u64::MAX);
    let untold = import.progress().faults.saturating_sub(told);
    if untold > 0 {
        complain(&format!("and {untold} more faults in these or further files"));
    }
    let undecoded = import.progress().undecoded;
    if undecoded > 0 {
        complain(&format!(
            "records that could not be decoded and stand as they came: {undecoded} (bartizan.decode_fault says why)"
        ));
    }
    if import.faults().is_empty() { Outcome::Done } else { Outcome::Unreadable }
}
