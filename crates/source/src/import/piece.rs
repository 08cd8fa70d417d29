//! A piece of a file, between the reading of it and the making of records.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{Clock, Origin, Record};

use super::ImportFault;
use super::evtx::{self, ChunkCutter, RawChunk};
use crate::chunk::Chunk;
use crate::input::now;

/// What was read of one file at once.
#[derive(Debug)]
pub struct Piece {
    path: PathBuf,
    lines: Chunk,
    chunks: Vec<(RawChunk, Arc<Origin>)>,
}

/// The records of a piece, and what of it could not be read.
#[derive(Debug, Default)]
pub struct Opened {
    /// The records, in order.
    pub records: Vec<Record>,
    /// What could not be read.
    pub faults: Vec<ImportFault>,
}

impl Piece {
    pub(super) fn new(path: &Path, bytes: usize) -> Self {
        Self { path: path.to_owned(), lines: Chunk::with_capacity(bytes), chunks: Vec::new() }
    }

    pub(super) fn lines(&mut self) -> &mut Chunk {
        &mut self.lines
    }

    pub(super) fn push_chunk(&mut self, chunk: RawChunk, origin: &Arc<Origin>) {
        self.chunks.push((chunk, Arc::clone(origin)));
    }

    /// Gives how much was read.
    pub(super) fn bytes(&self) -> usize {
        self.lines.bytes() + self.chunks.iter().map(|(chunk, _)| chunk.bytes.len()).sum::<usize>()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.chunks.is_empty()
    }

    /// Gives the file that the piece is of.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes records of it; what costs most, and needs nothing of the import.
    pub fn open(self) -> Opened {
        let Self { path, mut lines, chunks } = self;
        let mut faults = Vec::new();
        for (chunk, origin) in chunks {
            evtx::read(chunk, &origin, &mut lines, &mut |message| {
                faults.push(ImportFault { path: path.clone(), message });
            });
        }
        Opened { records: lines.into_records(now()), faults }
    }
}

/// Reads a Windows event file that lies in memory; what cannot be read of it is told.
pub fn read_event_file(bytes: &[u8]) -> Opened {
    let path = Path::new("event file");
    let format = Some(evtx::FORMAT.to_owned());
    let origin = Arc::new(Origin { format, clock: Clock::File(now()), ..Origin::default() });
    let mut piece = Piece::new(path, 0);
    let mut cutter = ChunkCutter::default();
    cutter.feed(bytes, &mut |chunk| piece.push_chunk(chunk, &origin));
    let finished = cutter.finish(&mut |chunk| piece.push_chunk(chunk, &origin));
    let mut opened = piece.open();
    if let Err(message) = finished {
        opened.faults.push(ImportFault { path: path.to_owned(), message: message.to_owned() });
    }
    opened
}
