//! Old files and folders of them, read once from beginning to end, packed or not.
//!
//! A plain iterator without tasks or channels. A file that cannot be read, or not to its end, is told
//! and counted, and the next one follows. The records' own time counts, however long ago.

mod unpack;
mod walk;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{Clock, Origin, Record};

use crate::chunk::Chunk;
use crate::config::LINE_BYTES_DEFAULT;
use crate::input::{moment, now};
use crate::lines::{Splitter, Trim, length_of};
use crate::running::SourceError;
use unpack::Unpacked;

const READ_BYTES_MAX: usize = 256 * 1024;
/// Faults that are kept in words; all are counted.
const FAULTS_MAX: usize = 1000;

/// What is to be done with the files.
#[derive(Clone, Debug)]
pub struct ImportConfig {
    /// The name that stands in `bartizan.input`.
    pub input: String,
    /// The format of the lines; otherwise it is recognised line by line.
    pub format: Option<String>,
    /// Where a line is cut.
    pub line_bytes_max: usize,
    /// About how much text a batch holds.
    pub batch_bytes: usize,
    /// How much is unpacked of one file; the rest is left out, and told.
    pub unpacked_bytes_max: u64,
}

impl Default for ImportConfig {
    fn default() -> Self {
        Self {
            input: "import".to_owned(),
            format: None,
            line_bytes_max: LINE_BYTES_DEFAULT,
            batch_bytes: 1024 * 1024,
            unpacked_bytes_max: 64 * 1024 * 1024 * 1024,
        }
    }
}

/// What could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportFault {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    pub message: String,
}

/// How far an import has come. Bytes are those on disk, packed as they may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many files there are.
    pub files: u64,
    /// How many of them are done.
    pub files_done: u64,
    /// How many bytes they have; unknown for standard input.
    pub bytes: u64,
    /// How many of these are read.
    pub bytes_done: u64,
    /// How many records came.
    pub records: u64,
    /// How many records were cut at the length bound.
    pub truncated: u64,
    /// How many faults there were.
    pub faults: u64,
}

/// Reads files; each item is a batch of records of one file, in order.
#[derive(Debug)]
pub struct Import {
    config: ImportConfig,
    waiting: std::vec::IntoIter<walk::Found>,
    reading: Option<Reading>,
    buffer: Vec<u8>,
    progress: Progress,
    bytes_read: Arc<AtomicU64>,
    faults: Vec<ImportFault>,
}

/// The file that is being read.
#[derive(Debug)]
struct Reading {
    path: PathBuf,
    stream: Unpacked,
    splitter: Splitter,
    origin: Arc<Origin>,
    unpacked: u64,
    /// Some of the file has been handed on, so that its first bytes are no byte-order mark.
    begun: bool,
}

impl Import {
    /// Finds the files. A folder is walked whole, in the order of names; `-` is standard input.
    pub fn new(paths: &[PathBuf], config: ImportConfig) -> Result<Self, SourceError> {
        let walk = walk::walk(paths)?;
        let progress = Progress {
            files: length_of(walk.files.len()),
            bytes: walk.files.iter().map(|file| file.bytes).sum(),
            ..Progress::default()
        };
        let mut import = Self {
            config,
            waiting: walk.files.into_iter(),
            reading: None,
            buffer: vec![0; READ_BYTES_MAX],
            progress,
            bytes_read: Arc::new(AtomicU64::new(0)),
            faults: Vec::new(),
        };
        for fault in walk.faults {
            import.fault(fault.path, fault.message);
        }
        Ok(import)
    }

    /// Gives how far it has come.
    pub fn progress(&self) -> Progress {
        Progress { bytes_done: self.bytes_read.load(Ordering::Relaxed), ..self.progress }
    }

    /// Gives what could not be read so far.
    pub fn faults(&self) -> &[ImportFault] {
        &self.faults
    }

    fn fault(&mut self, path: PathBuf, message: String) {
        self.progress.faults += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(ImportFault { path, message });
        }
    }

    /// Opens the next file that can be read.
    fn open_next(&mut self) -> Option<Reading> {
        loop {
            let found = self.waiting.next()?;
            match self.open(&found.path) {
                Ok(reading) => return Some(reading),
                Err(message) => {
                    self.progress.files_done += 1;
                    // Its bytes will not come: the progress must still reach its end.
                    self.bytes_read.fetch_add(found.bytes, Ordering::Relaxed);
                    self.fault(found.path, message);
                }
            }
        }
    }

    fn open(&self, path: &Path) -> Result<Reading, String> {
        let mut origin = Origin {
            input: self.config.input.clone(),
            format: self.config.format.clone(),
            clock: Clock::File(now()),
            ..Origin::default()
        };
        let stream: Box<dyn Read> = if walk::is_stdin(path) {
            Box::new(std::io::stdin())
        } else {
            let file = File::open(path).map_err(|error| error.to_string())?;
            let written = file.metadata().and_then(|metadata| metadata.modified());
            origin.clock = Clock::File(written.map_or_else(|_| now(), moment));
            origin.path = Some(path.to_string_lossy().into_owned());
            Box::new(file)
        };
        Ok(Reading {
            path: path.to_owned(),
            stream: unpack::unpack(stream, &self.bytes_read).map_err(|error| error.to_string())?,
            splitter: Splitter::new(self.config.line_bytes_max, Trim::Cr),
            origin: Arc::new(origin),
            unpacked: 0,
            begun: false,
        })
    }

    /// Reads the file on, up to a batch; tells whether there is more of it, or why there is not.
    fn read(&mut self, reading: &mut Reading, chunk: &mut Chunk) -> Result<bool, String> {
        while chunk.bytes() < self.config.batch_bytes {
            let length = match reading.stream.read(&mut self.buffer) {
                Ok(0) => return Ok(false),
                Ok(length) => length,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(format!("not read to its end: {error}")),
            };
            let mut bytes = self.buffer.get(..length).unwrap_or_default();
            if !reading.begun {
                reading.begun = true;
                if let Some(what) = unpack::not_text(bytes) {
                    return Err(format!("is no text, but {what}"));
                }
                bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            }
            reading.splitter.feed(bytes, &mut |line| chunk.push(line, &reading.origin));
            reading.unpacked = reading.unpacked.saturating_add(length_of(length));
            if reading.unpacked > self.config.unpacked_bytes_max {
                let bound = self.config.unpacked_bytes_max;
                return Err(format!("unpacks to more than {bound} bytes; the rest is left out"));
            }
        }
        Ok(true)
    }
}

impl Iterator for Import {
    type Item = Vec<Record>;

    fn next(&mut self) -> Option<Vec<Record>> {
        loop {
            let mut reading = match self.reading.take() {
                Some(reading) => reading,
                None => self.open_next()?,
            };
            let mut chunk = Chunk::with_capacity(self.config.batch_bytes);
            let read = self.read(&mut reading, &mut chunk);
            if read == Ok(true) {
                self.reading = Some(reading);
            } else {
                self.progress.files_done += 1;
                reading.splitter.finish(&mut |line| chunk.push(line, &reading.origin));
                if let Err(message) = read {
                    self.fault(reading.path, message);
                }
            }
            if !chunk.is_empty() {
                let records = chunk.into_records(now());
                let cut = records.iter().filter(|record| record.truncated_bytes > 0).count();
                self.progress.records += length_of(records.len());
                self.progress.truncated += length_of(cut);
                return Some(records);
            }
        }
    }
}

#[cfg(test)]
mod tests;
