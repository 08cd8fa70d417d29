//! Log files as they grow, through every way of rotating them.
//!
//! A file is known by device, inode and a digest of its first bytes, not by its name. So:
//!
//! - renamed: the old file is read to its end, then the new one from its beginning;
//! - copied and truncated: what the copy holds past our position is read from the copy;
//! - rotated while we were not running: found again beside its old name and read to its end;
//! - an inode used anew: another file, read from its beginning.
//!
//! The position travels in the batch with the lines that lead to it, and is kept with them or not at all.
//! A batch that the line refuses is sent again, so no line is lost and none comes twice.
//!
//! A line counts when its line feed is there: a writer that flushes in the middle of a line may take any
//! time to finish it. Half a line is a record only when its file is over: rotated away, and silent.

mod delivery;
mod position;
mod tail;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;

use model::Origin;
use serde::{Deserialize, Serialize};

use super::Source;
use crate::codec::{CodecKind, CodecSettings};
use crate::config::{Faults, LINE_BYTES_DEFAULT};
use crate::input::Input;
use crate::running::{SourceError, Starter};
use watch::{Group, Watch};

pub(crate) const SOURCE: Source =
    Source { id: "file", summary: "log files as they grow, through their rotation", start };

const PATTERNS_MAX: usize = 1000;

/// One `[[inputs.file]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileConfig {
    /// Which files: paths or patterns such as `/var/log/nginx/*.log`. Compressed files are left out.
    pub paths: Vec<String>,
    /// Which of them not.
    pub exclude: Vec<String>,
    /// Where files begin that exist when the input runs for the first time.
    pub from: From,
    /// The format of the lines; otherwise it is recognised line by line.
    pub format: Option<String>,
    /// Where a line is cut.
    pub line_bytes_max: usize,
    /// How often the files are looked at.
    pub poll_ms: u64,
    /// How the lines are written.
    pub codec: CodecKind,
    /// The file that holds the codec's keys, one a line.
    pub key_file: Option<PathBuf>,
    /// The environment variable that holds the codec's keys, where no file does.
    pub key_env: Option<String>,
    /// How many seconds old a token may be when it is read; any age unless set.
    pub token_age_seconds_max: Option<u64>,
}

/// Where files begin that exist when the input runs for the first time. All later ones are read whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum From {
    /// At their beginning. These lines are old, so their own time counts, however long ago.
    #[default]
    Start,
    /// At their end: only what is written from now on.
    End,
}

impl Default for FileConfig {
    fn default() -> Self {
        Self {
            paths: Vec::new(),
            exclude: Vec::new(),
            from: From::Start,
            format: None,
            line_bytes_max: LINE_BYTES_DEFAULT,
            poll_ms: 250,
            codec: CodecKind::Plain,
            key_file: None,
            key_env: None,
            token_age_seconds_max: None,
        }
    }
}

impl FileConfig {
    pub(crate) fn validate(&self, path: &str, faults: &mut Faults) {
        if self.paths.is_empty() {
            faults.add(format!("{path}.paths"), "must name a file or a pattern");
        }
        for (key, patterns) in [("paths", &self.paths), ("exclude", &self.exclude)] {
            if patterns.len() > PATTERNS_MAX {
                faults.add(format!("{path}.{key}"), format!("holds more than {PATTERNS_MAX}"));
            }
            for (index, pattern) in patterns.iter().enumerate() {
                if let Err(error) = glob::Pattern::new(pattern) {
                    let message = format!("is no pattern: {error}");
                    faults.add(format!("{path}.{key}[{index}]"), message);
                }
            }
        }
        faults.line_bytes(path, self.line_bytes_max);
        faults.within(format!("{path}.poll_ms"), self.poll_ms, 10..=60_000);
        self.codec().validate(path, faults);
    }

    fn codec(&self) -> CodecSettings<'_> {
        CodecSettings {
            kind: self.codec,
            key_file: self.key_file.as_deref(),
            key_env: self.key_env.as_deref(),
            token_age_seconds_max: self.token_age_seconds_max,
        }
    }
}

fn start(starter: &mut Starter<'_>) -> Result<(), SourceError> {
    let configs = &starter.config.file;
    if configs.is_empty() {
        return Ok(());
    }
    let origin = starter.origin(SOURCE.id);
    let group = |config: &FileConfig| {
        let origin = Origin { format: config.format.clone(), ..origin.clone() };
        Ok(Group::new(config, &origin, config.codec().open(SOURCE.id)?))
    };
    let groups = configs.iter().map(group).collect::<Result<_, SourceError>>()?;
    let patterns: Vec<&str> =
        configs.iter().flat_map(|config| &config.paths).map(String::as_str).collect();
    let input = Input::reading(SOURCE.id, patterns.join(", "));
    starter.show(&input);
    let mut watch = Watch::new(groups, Arc::clone(&input), starter);
    starter.spawn_blocking(&input, move || watch.run());
    Ok(())
}

#[cfg(test)]
mod tests;
