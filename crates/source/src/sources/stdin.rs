//! Standard input: one record a line, until its end.
//!
//! A read from a terminal or a pipe cannot be called back, so its thread is not waited for at the end:
//! the process takes it along.

use std::io::Read;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;

use model::{Batch, Origin};
use serde::{Deserialize, Serialize};

use super::Source;
use crate::chunk::Chunk;
use crate::codec::{self, Codec, CodecKind, CodecSettings, Decoder};
use crate::config::{Faults, LINE_BYTES_DEFAULT};
use crate::heading::Heading;
use crate::input::{Counted, Input, now};
use crate::lines::Splitter;
use crate::outlet::{Closed, Outlet, Stop};
use crate::running::{SourceError, Starter, told};

pub(crate) const SOURCE: Source =
    Source { id: "stdin", summary: "standard input, one record a line", start };

const READ_BYTES_MAX: usize = 64 * 1024;

/// `[inputs.stdin]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StdinConfig {
    /// Whether it is on.
    pub enabled: bool,
    /// Where a line is cut.
    pub line_bytes_max: usize,
    /// The format of the lines; otherwise it is recognised line by line.
    pub format: Option<String>,
    /// How the lines are written.
    pub codec: CodecKind,
    /// The file that holds the codec's keys, one a line.
    pub key_file: Option<PathBuf>,
    /// The environment variable that holds the codec's keys, where no file does.
    pub key_env: Option<String>,
    /// How many seconds old a token may be when it is read; any age unless set.
    pub token_age_seconds_max: Option<u64>,
}

impl Default for StdinConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            line_bytes_max: LINE_BYTES_DEFAULT,
            format: None,
            codec: CodecKind::Plain,
            key_file: None,
            key_env: None,
            token_age_seconds_max: None,
        }
    }
}

impl StdinConfig {
    pub(crate) fn validate(&self, path: &str, faults: &mut Faults) {
        faults.line_bytes(path, self.line_bytes_max);
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
    let config = &starter.config.stdin;
    if !config.enabled {
        return Ok(());
    }
    let input = Input::reading(SOURCE.id, "standard input".to_owned());
    let format = config.format.clone();
    let codec = config.codec().open(SOURCE.id)?;
    let reader = Reader {
        input: Arc::clone(&input),
        outlet: starter.outlet.clone(),
        stop: starter.stop.clone(),
        origin: Arc::new(Origin { format, ..starter.origin(SOURCE.id) }),
        heading: Heading::default(),
        splitter: codec::splitter(codec.as_ref(), config.line_bytes_max),
        codec,
        line_bytes_max: config.line_bytes_max,
    };
    starter.show(&input);
    let run = move || {
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| reader.run(std::io::stdin())));
        told(&input, outcome);
    };
    std::thread::Builder::new()
        .name(SOURCE.id.to_owned())
        .spawn(run)
        .map(drop)
        .map_err(|error| SourceError::Thread { input: SOURCE.id, error })
}

struct Reader {
    input: Arc<Input>,
    outlet: Outlet,
    stop: Stop,
    origin: Arc<Origin>,
    splitter: Splitter,
    heading: Heading,
    codec: Option<Codec>,
    line_bytes_max: usize,
}

impl Reader {
    fn run(mut self, mut stream: impl Read) {
        let mut buffer = vec![0; READ_BYTES_MAX];
        let mut chunk = Chunk::default();
        while !self.stop.is_told() {
            match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => {
                    let bytes = buffer.get(..length).unwrap_or_default();
                    let mut decoder =
                        Decoder::new(self.codec.as_ref(), self.line_bytes_max, &mut self.heading);
                    self.splitter
                        .feed(bytes, &mut |line| decoder.push(line, &self.origin, &mut chunk));
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.input.fault(&error.to_string());
                    break;
                }
            }
            if self.hand_on(std::mem::take(&mut chunk)).is_err() {
                return;
            }
        }
        let mut decoder = Decoder::new(self.codec.as_ref(), self.line_bytes_max, &mut self.heading);
        self.splitter.finish(&mut |line| decoder.push(line, &self.origin, &mut chunk));
        // The line has ended, or the input has: nothing more to do either way.
        let _ = self.hand_on(chunk);
    }

    fn hand_on(&self, chunk: Chunk) -> Result<(), Closed> {
        if chunk.is_empty() {
            return Ok(());
        }
        let records = chunk.into_records(now());
        let counted = Counted::of(&records);
        self.outlet.send_blocking(Batch { records, ..Batch::default() }, &self.stop)?;
        self.input.count(&counted);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_and_the_last_half() {
        let (sender, batches) = crossbeam_channel::bounded(10);
        let (_told, stop) = Stop::new();
        let reader = Reader {
            input: Input::reading(SOURCE.id, String::new()),
            outlet: Outlet::new(sender),
            stop,
            origin: Arc::new(Origin { input: SOURCE.id.to_owned(), ..Origin::default() }),
            heading: Heading::default(),
            splitter: codec::splitter(None, 100),
            codec: None,
            line_bytes_max: 100,
        };
        reader.run(&b"one\r\n\ntwo\nhalf"[..]);
        let texts: Vec<String> = batches
            .iter()
            .flat_map(|batch| batch.records)
            .map(|record| record.text.to_string())
            .collect();
        assert_eq!(texts, ["one", "two", "half"]);
    }
}
