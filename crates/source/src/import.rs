//! Old files and folders of them, read once from beginning to end, packed or not.
//!
//! A plain iterator without tasks or channels. A file that cannot be read, or not to its end, is told
//! and counted, and the next one follows. The records' own time counts, however long ago.

mod evtx;
mod piece;
mod reader;
mod unpack;
mod walk;

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{Clock, Origin, Record};

use crate::chunk::Chunk;
use crate::codec::{self, Codec, Decoder};
use crate::config::LINE_BYTES_DEFAULT;
use crate::heading::Heading;
use crate::input::{moment, now};
use crate::lines::{Line, Splitter, length_of};
use crate::running::SourceError;
use evtx::ChunkCutter;
pub use piece::{Opened, Piece, read_event_file};
pub use reader::{Reader, ReaderKind};
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
    /// What the lines of text files are decoded with.
    pub codec: Option<Codec>,
    /// Where a line is cut.
    pub line_bytes_max: usize,
    /// About how much text a batch holds.
    pub batch_bytes: usize,
    /// How much is unpacked of one file; the rest is left out, and told.
    pub unpacked_bytes_max: u64,
    /// Kinds of files that others read.
    pub readers: &'static [ReaderKind],
}

impl Default for ImportConfig {
    fn default() -> Self {
        Self {
            input: "import".to_owned(),
            format: None,
            codec: None,
            line_bytes_max: LINE_BYTES_DEFAULT,
            batch_bytes: 1024 * 1024,
            unpacked_bytes_max: 64 * 1024 * 1024 * 1024,
            readers: &[],
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
    /// How many records the codec could not decode.
    pub undecoded: u64,
    /// How many faults there were.
    pub faults: u64,
}

/// Reads files; each item is a batch of records of one file, in order.
///
/// What costs most, to make records of what was read, can be done elsewhere at the same time:
/// [`Import::next_piece`] only reads, and [`Piece::open`] does the rest.
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
    cutter: Cutter,
    heading: Heading,
    origin: Arc<Origin>,
    unpacked: u64,
}

/// What cuts a file into records.
#[derive(Debug)]
enum Cutter {
    /// Nothing has been read yet.
    Unknown,
    Lines(Splitter),
    Events(ChunkCutter),
    Other(Box<dyn Reader>),
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

    /// Counts a fault that somebody else found in a file.
    pub fn report(&mut self, fault: ImportFault) {
        self.fault(fault.path, fault.message);
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
        let stream: Box<dyn Read + Send> = if walk::is_stdin(path) {
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
            cutter: Cutter::Unknown,
            heading: Heading::default(),
            origin: Arc::new(origin),
            unpacked: 0,
        })
    }

    /// Reads the file on, up to a batch; tells whether there is more of it, or why there is not.
    fn read(&mut self, reading: &mut Reading, piece: &mut Piece) -> Result<bool, String> {
        while piece.bytes() < self.config.batch_bytes {
            let length = match reading.stream.read(&mut self.buffer) {
                Ok(0) => return Ok(false),
                Ok(length) => length,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(format!("not read to its end: {error}")),
            };
            let mut bytes = self.buffer.get(..length).unwrap_or_default();
            if let Cutter::Unknown = reading.cutter {
                bytes = reading.begin(bytes, &self.config)?;
            }
            reading.feed(bytes, &self.config, piece)?;
            reading.unpacked = reading.unpacked.saturating_add(length_of(length));
            if reading.unpacked > self.config.unpacked_bytes_max {
                let bound = self.config.unpacked_bytes_max;
                return Err(format!("unpacks to more than {bound} bytes; the rest is left out"));
            }
        }
        Ok(true)
    }

    /// Reads the next piece of a file, without making records of it.
    pub fn next_piece(&mut self) -> Option<Piece> {
        loop {
            let mut reading = match self.reading.take() {
                Some(reading) => reading,
                None => self.open_next()?,
            };
            let mut piece = Piece::new(&reading.path, self.config.batch_bytes);
            let read = self.read(&mut reading, &mut piece);
            if read == Ok(true) {
                self.reading = Some(reading);
            } else {
                self.progress.files_done += 1;
                let finished = reading.finish(&self.config, &mut piece);
                if let Err(message) = read.and(finished) {
                    self.fault(reading.path, message);
                }
            }
            if !piece.is_empty() {
                return Some(piece);
            }
        }
    }

    /// Counts what became of a piece, and keeps what could not be read of it.
    pub fn settle(&mut self, opened: &mut Opened) {
        let cut = opened.records.iter().filter(|record| record.truncated_bytes > 0).count();
        self.progress.records += length_of(opened.records.len());
        self.progress.truncated += length_of(cut);
        let undecoded = opened.records.iter().filter(|record| record.origin.undecoded.is_some());
        self.progress.undecoded += length_of(undecoded.count());
        for fault in opened.faults.drain(..) {
            self.fault(fault.path, fault.message);
        }
    }
}

impl Reading {
    /// Tells by a file's first bytes what it holds, and gives what of them is to be read.
    fn begin<'b>(&mut self, bytes: &'b [u8], config: &ImportConfig) -> Result<&'b [u8], String> {
        if bytes.starts_with(evtx::MAGIC) {
            let format = Some(evtx::FORMAT.to_owned());
            self.origin = Arc::new(Origin { format, ..Origin::clone(&self.origin) });
            self.cutter = Cutter::Events(ChunkCutter::default());
            return Ok(bytes);
        }
        if let Some(kind) = config.readers.iter().find(|kind| (kind.recognises)(bytes)) {
            let format = Some(kind.format.to_owned());
            self.origin = Arc::new(Origin { format, ..Origin::clone(&self.origin) });
            self.cutter = Cutter::Other((kind.open)());
            return Ok(bytes);
        }
        let splitter = codec::splitter(config.codec.as_ref(), config.line_bytes_max);
        self.cutter = Cutter::Lines(splitter);
        match unpack::not_text(bytes) {
            Some(what) => Err(format!("is no text, but {what}")),
            None => Ok(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)),
        }
    }

    fn feed(
        &mut self,
        bytes: &[u8],
        config: &ImportConfig,
        piece: &mut Piece,
    ) -> Result<(), String> {
        match &mut self.cutter {
            Cutter::Unknown => {}
            Cutter::Lines(splitter) => {
                let mut decoder =
                    Decoder::new(config.codec.as_ref(), config.line_bytes_max, &mut self.heading);
                let chunk = piece.lines();
                splitter.feed(bytes, &mut |line| decoder.push(line, &self.origin, chunk));
            }
            Cutter::Events(cutter) => {
                cutter.feed(bytes, &mut |chunk| piece.push_chunk(chunk, &self.origin));
            }
            Cutter::Other(reader) => {
                reader.feed(bytes, &mut |record| whole(record, &self.origin, piece.lines()))?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, config: &ImportConfig, piece: &mut Piece) -> Result<(), String> {
        match &mut self.cutter {
            Cutter::Unknown => {}
            Cutter::Lines(splitter) => {
                let mut decoder =
                    Decoder::new(config.codec.as_ref(), config.line_bytes_max, &mut self.heading);
                let chunk = piece.lines();
                splitter.finish(&mut |line| decoder.push(line, &self.origin, chunk));
            }
            Cutter::Events(cutter) => {
                cutter.finish(&mut |chunk| piece.push_chunk(chunk, &self.origin))?;
            }
            Cutter::Other(reader) => {
                reader.finish(&mut |record| whole(record, &self.origin, piece.lines()))?;
            }
        }
        Ok(())
    }
}

/// Keeps a record as it was made.
fn whole(record: &str, origin: &Arc<Origin>, chunk: &mut Chunk) {
    chunk.push(Line { bytes: record.as_bytes(), truncated_bytes: 0 }, origin);
}

/// Opens a file, unpacked as it is read; `-` is standard input.
pub fn open_unpacked(path: &Path) -> io::Result<impl Read + Send + fmt::Debug + use<>> {
    let stream: Box<dyn Read + Send> =
        if walk::is_stdin(path) { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
    unpack::unpack(stream, &Arc::new(AtomicU64::new(0)))
}

/// Finds the files that an import of these paths would read, and what it could not look into.
pub fn find_files(paths: &[PathBuf]) -> Result<(Vec<PathBuf>, Vec<ImportFault>), SourceError> {
    let walk = walk::walk(paths)?;
    Ok((walk.files.into_iter().map(|file| file.path).collect(), walk.faults))
}

impl Iterator for Import {
    type Item = Vec<Record>;

    fn next(&mut self) -> Option<Vec<Record>> {
        loop {
            let mut opened = self.next_piece()?.open();
            self.settle(&mut opened);
            if !opened.records.is_empty() {
                return Some(opened.records);
            }
        }
    }
}

#[cfg(test)]
mod tests;
