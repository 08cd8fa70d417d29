//! Where an exported answer goes: a file, which appears when it is whole, or standard output.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use store::ExportFormat;

use crate::failure::{Outcome, ending};
use crate::output::{complain, told};

/// Where an exported answer goes.
#[derive(Debug)]
pub(crate) struct Target {
    kind: Kind,
    bar: ProgressBar,
    bytes: u64,
}

#[derive(Debug)]
enum Kind {
    Standard,
    /// The file is written under the first name and gets the second when it is whole.
    File {
        file: File,
        part: PathBuf,
        whole: PathBuf,
    },
    Over,
}

impl Target {
    /// Opens it; nothing is visible under the file's name yet.
    pub(crate) fn open(file: Option<&Path>, format: ExportFormat) -> anyhow::Result<Self> {
        let kind = match file {
            Some(whole) => {
                let mut part = whole.as_os_str().to_owned();
                part.push(".part");
                let part = PathBuf::from(part);
                let file = File::create(&part)
                    .with_context(|| format!("cannot write {}", part.display()))?;
                Kind::File { file, part, whole: whole.to_owned() }
            }
            None if format == ExportFormat::Parquet => {
                let sentence = "a Parquet file is not for the terminal: name it with --file";
                return Err(ending(Outcome::Usage, sentence));
            }
            None => Kind::Standard,
        };
        Ok(Self { bar: bar(matches!(kind, Kind::File { .. })), kind, bytes: 0 })
    }

    /// Writes what came; so many rows were given until then.
    pub(crate) fn write(&mut self, bytes: &[u8], rows: u64) -> anyhow::Result<()> {
        self.bytes += u64::try_from(bytes.len()).unwrap_or_default();
        self.bar.set_position(self.bytes);
        if !self.bar.is_hidden() {
            self.bar.set_message(format!("{rows} rows"));
        }
        match &mut self.kind {
            Kind::Standard => told(io::stdout().lock().write_all(bytes)),
            Kind::File { file, part, .. } => {
                file.write_all(bytes).with_context(|| format!("cannot write {}", part.display()))
            }
            Kind::Over => Ok(()),
        }
    }

    /// Gives the file its name; it is whole.
    pub(crate) fn finish(mut self, rows: u64) -> anyhow::Result<()> {
        self.bar.finish_and_clear();
        match std::mem::replace(&mut self.kind, Kind::Over) {
            Kind::File { file, part, whole } => {
                let named = file.sync_all().and_then(|()| std::fs::rename(&part, &whole));
                if named.is_err() {
                    // It is told that there is no file; that a part of it stays is the lesser evil.
                    let _ = std::fs::remove_file(&part);
                }
                named.with_context(|| format!("cannot write {}", whole.display()))?;
                complain(&format!("{rows} rows in {}", whole.display()));
                Ok(())
            }
            Kind::Standard => told(io::stdout().lock().flush()),
            Kind::Over => Ok(()),
        }
    }
}

impl Drop for Target {
    /// Leaves nothing behind that looks like a file.
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        if let Kind::File { part, .. } = &self.kind {
            let _ = std::fs::remove_file(part);
        }
    }
}

fn bar(to_file: bool) -> ProgressBar {
    if !to_file || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(8));
    if let Ok(style) = ProgressStyle::with_template("{spinner} {bytes}, {msg}, {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}
