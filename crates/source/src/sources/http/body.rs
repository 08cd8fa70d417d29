//! A posted body, unpacked and cut into records.

use std::fmt;
use std::io::Read;
use std::sync::Arc;

use axum::body::Bytes;
use flate2::read::MultiGzDecoder;
use model::Origin;
use serde::Deserializer;
use serde::de::{SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::HttpConfig;
use crate::chunk::Chunk;
use crate::heading::Heading;
use crate::lines::{Line, Splitter, Trim, length_of};

/// What a sender did wrong with its body.
#[derive(Debug)]
pub(super) enum BodyError {
    TooLong,
    TooMany,
    Encoding,
    Invalid(String),
}

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Plain,
    Gzip,
}

impl Encoding {
    pub(super) fn of(header: &str) -> Result<Self, BodyError> {
        match header.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Plain),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            _ => Err(BodyError::Encoding),
        }
    }
}

/// How a body holds its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// One array, or one value; or lines, where a sender takes JSON lines for JSON.
    Json,
    Lines,
}

impl Kind {
    pub(super) fn of(content_type: &str) -> Self {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/json") { Self::Json } else { Self::Lines }
    }
}

/// A body as it was sent.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) bytes: Bytes,
    pub(super) encoding: Encoding,
    pub(super) kind: Kind,
}

impl Posted {
    /// Gives the records of the body.
    pub(super) fn cut(
        &self,
        config: &HttpConfig,
        origin: &Arc<Origin>,
    ) -> Result<Chunk, BodyError> {
        let unpacked;
        let bytes: &[u8] = match self.encoding {
            Encoding::Plain => &self.bytes,
            Encoding::Gzip => {
                unpacked = unpack(&self.bytes, config.unpacked_bytes_max)?;
                &unpacked
            }
        };
        let mut cutter = Cutter {
            chunk: Chunk::with_capacity(bytes.len()),
            heading: Heading::default(),
            config,
            origin,
            too_many: false,
        };
        match self.kind {
            Kind::Lines => cutter.lines(bytes),
            Kind::Json => cutter.json(bytes)?,
        }
        if cutter.too_many { Err(BodyError::TooMany) } else { Ok(cutter.chunk) }
    }
}

fn unpack(bytes: &[u8], bytes_max: usize) -> Result<Vec<u8>, BodyError> {
    let mut unpacked = Vec::new();
    let bound = length_of(bytes_max).saturating_add(1);
    MultiGzDecoder::new(bytes)
        .take(bound)
        .read_to_end(&mut unpacked)
        .map_err(|error| BodyError::Invalid(format!("not gzip: {error}")))?;
    if unpacked.len() > bytes_max { Err(BodyError::TooLong) } else { Ok(unpacked) }
}

struct Cutter<'a> {
    chunk: Chunk,
    heading: Heading,
    config: &'a HttpConfig,
    origin: &'a Arc<Origin>,
    too_many: bool,
}

impl Cutter<'_> {
    fn lines(&mut self, bytes: &[u8]) {
        let mut splitter = Splitter::new(self.config.line_bytes_max, Trim::Cr);
        let mut each = |line: Line<'_>| self.push(line);
        splitter.feed(bytes, &mut each);
        splitter.finish(&mut each);
    }

    fn json(&mut self, bytes: &[u8]) -> Result<(), BodyError> {
        if bytes.trim_ascii_start().first() != Some(&b'[') {
            if let Ok(value) = serde_json::from_slice::<&RawValue>(bytes) {
                self.value(value.get());
            } else {
                self.lines(bytes);
            }
            return Ok(());
        }
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let read = reader.deserialize_seq(&mut *self).and_then(|()| reader.end());
        match read {
            Err(error) if !self.too_many => Err(BodyError::Invalid(format!("bad JSON: {error}"))),
            _ => Ok(()),
        }
    }

    /// Adds one element: its text as it stands, or what a string says.
    fn value(&mut self, raw: &str) {
        let said = raw.starts_with('"').then(|| serde_json::from_str::<String>(raw).ok()).flatten();
        let bytes = said.as_deref().unwrap_or(raw).as_bytes();
        let kept = bytes.get(..self.config.line_bytes_max).unwrap_or(bytes);
        let truncated_bytes = length_of(bytes.len() - kept.len());
        if !kept.is_empty() {
            self.push(Line { bytes: kept, truncated_bytes });
        }
    }

    fn push(&mut self, line: Line<'_>) {
        if self.chunk.records() >= self.config.records_max {
            self.too_many = true;
        } else {
            self.chunk.push(line, self.heading.origin(line, self.origin));
        }
    }
}

/// Takes the elements of an array one by one, so that no list of them is ever held.
impl<'de> Visitor<'de> for &mut Cutter<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element::<&RawValue>()? {
            self.value(element.get());
            if self.too_many {
                return Err(serde::de::Error::custom("too many records"));
            }
        }
        Ok(())
    }
}
