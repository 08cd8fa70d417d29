//! How the lines of a file are written where they are no plain text: each is decoded on its own,
//! before it becomes a record.
//!
//! ```toml
//! [[inputs.file]]
//! paths = ["/var/log/app/*.log"]
//! codec = "fernet"
//! key_file = "/etc/bartizan/app.keys"
//! ```
//!
//! The place in a file is counted in its bytes as they lie, whatever they decode to. A line that
//! cannot be decoded is a record too, as it came, whose origin says so.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use model::Origin;
use seal::{Fernet, fernet_token_bytes};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::chunk::Chunk;
use crate::config::Faults;
use crate::heading::Heading;
use crate::input::now;
use crate::lines::{Line, Splitter, Trim, length};
use crate::running::SourceError;

/// A file of keys is a few lines.
const KEY_FILE_BYTES_MAX: u64 = 64 * 1024;
const CUT: &str = "longer than the bound";

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodecKind {
    /// As they are.
    #[default]
    Plain,
    /// Each as a Fernet token.
    Fernet,
}

/// What a codec is made of, as an input's table or a command's options have it.
#[derive(Clone, Copy, Debug, Default)]
pub struct CodecSettings<'s> {
    /// Which codec.
    pub kind: CodecKind,
    /// The file that holds the keys.
    pub key_file: Option<&'s Path>,
    /// The environment variable that holds the keys.
    pub key_env: Option<&'s str>,
    /// How many seconds old a token may be when it is read.
    pub token_age_seconds_max: Option<u64>,
}

/// Decodes lines; cheap to clone.
#[derive(Clone, Debug)]
pub struct Codec {
    fernet: Fernet,
}

impl CodecSettings<'_> {
    pub(crate) fn validate(&self, path: &str, faults: &mut Faults) {
        let keys = [("key_file", self.key_file.is_some()), ("key_env", self.key_env.is_some())];
        let age = ("token_age_seconds_max", self.token_age_seconds_max.is_some());
        match self.kind {
            CodecKind::Plain => {
                for (key, _) in keys.into_iter().chain([age]).filter(|(_, is_set)| *is_set) {
                    faults.add(format!("{path}.{key}"), "is for the codec `fernet` only");
                }
            }
            CodecKind::Fernet if keys.iter().filter(|(_, is_set)| *is_set).count() != 1 => {
                let message = "needs its keys: set one of key_file and key_env";
                faults.add(format!("{path}.codec"), message);
            }
            CodecKind::Fernet => {}
        }
    }

    /// Reads the keys and gives the codec, or `None` where lines are plain. `input` is what wants it.
    pub fn open(&self, input: &'static str) -> Result<Option<Codec>, SourceError> {
        match self.kind {
            CodecKind::Plain => Ok(None),
            CodecKind::Fernet => Ok(Some(Codec { fernet: self.fernet(input)? })),
        }
    }

    /// Reads the keys of Fernet. `input` is what wants them.
    pub fn fernet(&self, input: &'static str) -> Result<Fernet, SourceError> {
        let (place, text) = match (self.key_file, self.key_env) {
            (Some(path), _) => (path.display().to_string(), read_keys(path)?),
            (None, Some(name)) => {
                let place = format!("the variable {name}");
                let text = std::env::var(name).map_err(|error| SourceError::Keys {
                    input,
                    place: place.clone(),
                    message: format!("cannot be read: {error}"),
                })?;
                (place, Zeroizing::new(text))
            }
            (None, None) => {
                let message = "set neither as a file nor as a variable".to_owned();
                return Err(SourceError::Keys { input, place: "they are".to_owned(), message });
            }
        };
        let fernet = Fernet::from_text(&text).map_err(|fault| SourceError::Keys {
            input,
            place,
            message: fault.to_string(),
        })?;
        let age_max = self.token_age_seconds_max.map(Duration::from_secs);
        Ok(fernet.with_age_max(age_max))
    }
}

/// Reads a file of keys; it is not read past a bound, for it may be anything.
fn read_keys(path: &Path) -> Result<Zeroizing<String>, SourceError> {
    use std::io::Read as _;
    let mut text = Zeroizing::new(String::new());
    std::fs::File::open(path)
        .and_then(|file| file.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text))
        .map_err(|error| SourceError::Read { path: path.display().to_string(), error })?;
    Ok(text)
}

/// Gives what cuts a stream into lines, such that a decoded one is at most `line_bytes_max` long.
pub(crate) fn splitter(codec: Option<&Codec>, line_bytes_max: usize) -> Splitter {
    let bytes_max = match codec {
        Some(_) => fernet_token_bytes(line_bytes_max),
        None => line_bytes_max,
    };
    Splitter::new(bytes_max, Trim::Cr)
}

/// Decodes the lines of one read on their way to become records.
#[derive(Debug)]
pub(crate) struct Decoder<'c> {
    codec: Option<&'c Codec>,
    heading: &'c mut Heading,
    line_bytes_max: usize,
    now: u64,
    room: Vec<u8>,
    /// The origin of the last line that was not decoded, and what it follows from: a file of nothing
    /// else would have one a line otherwise.
    undecoded: Option<(Arc<Origin>, Arc<Origin>)>,
}

impl<'c> Decoder<'c> {
    pub(crate) fn new(
        codec: Option<&'c Codec>,
        line_bytes_max: usize,
        heading: &'c mut Heading,
    ) -> Self {
        let now = codec.map_or(0, |_| now().nanos() / 1_000_000_000);
        let now = u64::try_from(now).unwrap_or_default();
        Self { codec, heading, line_bytes_max, now, room: Vec::new(), undecoded: None }
    }

    /// Adds a line to the chunk, decoded where there is a codec. A token is one record, whatever
    /// line breaks stand in it: its writer alone says where a line of the log ends.
    pub(crate) fn push(&mut self, line: Line<'_>, origin: &Arc<Origin>, chunk: &mut Chunk) {
        let Some(codec) = self.codec else {
            return chunk.push(line, self.heading.origin(line, origin));
        };
        let fault = if line.truncated_bytes > 0 {
            CUT
        } else {
            match codec.fernet.open(line.bytes.trim_ascii(), self.now, &mut self.room) {
                Ok(text) => {
                    let text = text.strip_suffix(b"\n").unwrap_or(text);
                    let text = text.strip_suffix(b"\r").unwrap_or(text);
                    if !text.is_empty() {
                        let line = cut(text, 0, self.line_bytes_max);
                        chunk.push(line, self.heading.origin(line, origin));
                    }
                    return;
                }
                Err(fault) => fault.as_str(),
            }
        };
        let origin = self.undecoded(fault, origin);
        chunk.push(cut(line.bytes, line.truncated_bytes, self.line_bytes_max), &origin);
    }

    fn undecoded(&mut self, fault: &'static str, origin: &Arc<Origin>) -> Arc<Origin> {
        if let Some((of, made)) = &self.undecoded
            && Arc::ptr_eq(of, origin)
            && made.undecoded == Some(fault)
        {
            return Arc::clone(made);
        }
        let made = Arc::new(Origin { undecoded: Some(fault), ..Origin::clone(origin) });
        self.undecoded = Some((Arc::clone(origin), Arc::clone(&made)));
        made
    }
}

fn cut(bytes: &[u8], truncated_bytes: u64, bytes_max: usize) -> Line<'_> {
    let kept = bytes.get(..bytes_max).unwrap_or(bytes);
    Line { bytes: kept, truncated_bytes: truncated_bytes + length(bytes) - length(kept) }
}

#[cfg(test)]
mod tests;
