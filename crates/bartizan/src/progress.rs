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

/// Moves the bar to where the import is.
pub(crate) fn show(bar: &ProgressBar, progress: &Progress) {
    bar.set_position(progress.bytes_done);
    if !bar.is_hidden() {
        bar.set_message(format!("{} of {} files", progress.files_done, progress.files));
    }
}

/// Tells what could not be read, and how the command ends because of it.
pub(crate) fn tell_faults(import: &Import) -> Outcome {
    for fault in import.faults() {
        complain(&printable(&format!("{}: {}", fault.path.display(), fault.message)));
    }
    if import.faults().is_empty() { Outcome::Done } else { Outcome::Unreadable }
}
