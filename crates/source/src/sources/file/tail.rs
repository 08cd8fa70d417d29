//! One open file.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use model::{Clock, Origin};

use super::position::{FileId, HEAD_BYTES_MAX, Position};
use super::watch::Group;
use crate::chunk::Chunk;
use crate::codec::{self, Codec, Decoder};
use crate::heading::Heading;
use crate::input::moment;
use crate::lines::{Splitter, length_of};

/// How far back the beginning of a file's unfinished last line is looked for.
const LAST_LINE_BYTES_MAX: u64 = 64 * 1024;

/// How far back the line is looked for in which a log names its columns.
const HEADING_BYTES_MAX: u64 = 256 * 1024;

/// A file just opened, with what it begins with.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) metadata: Metadata,
    pub(super) head: Vec<u8>,
}

impl Opened {
    /// Opens a plain file; gives `None` for anything else.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        // A pipe of that name must not hold us up while it is opened.
        let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let head = head_of(&file)?;
        Ok(Some(Self { file, metadata, head }))
    }

    pub(super) fn id(&self) -> FileId {
        FileId::of(&self.metadata)
    }

    pub(super) fn length(&self) -> u64 {
        self.metadata.len()
    }

    /// Gives where the last line begins if it has no line feed yet, otherwise the end.
    pub(super) fn end(&self) -> u64 {
        let from = self.length().saturating_sub(LAST_LINE_BYTES_MAX);
        let mut bytes = vec![0; usize::try_from(self.length() - from).unwrap_or(0)];
        if self.file.read_exact_at(&mut bytes, from).is_err() {
            return self.length();
        }
        match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => from + length_of(at) + 1,
            None if from == 0 => 0,
            None => self.length(),
        }
    }
}

impl Opened {
    /// Gives the columns that hold for a line at `offset`: the last ones named not too far before it, or
    /// else those that the file begins with.
    fn heading(&self, offset: u64) -> Heading {
        let from = offset.saturating_sub(HEADING_BYTES_MAX);
        let mut bytes = vec![0; usize::try_from(offset - from).unwrap_or(0)];
        if self.file.read_exact_at(&mut bytes, from).is_err() {
            return Heading::default();
        }
        let near = Heading::after(&bytes);
        if near.is_empty() && from > 0 { Heading::after(&self.head) } else { near }
    }
}

fn head_of(file: &File) -> io::Result<Vec<u8>> {
    let mut head = vec![0; HEAD_BYTES_MAX];
    let mut length = 0;
    while let Some(room @ [_, ..]) = head.get_mut(length..) {
        match file.read_at(room, length_of(length)) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    head.truncate(length);
    Ok(head)
}

/// Where a file's reading begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begin {
    pub(super) offset: u64,
    /// Up to here it was written before we ran: those lines' own time counts.
    pub(super) backlog_end: u64,
}

/// One file that is being read.
#[derive(Debug)]
pub(super) struct Tail {
    pub(super) id: FileId,
    pub(super) path: PathBuf,
    pub(super) group: usize,
    /// No pattern leads to it any more: it is read to its end and then let go.
    pub(super) away: bool,
    /// When it last gave anything.
    pub(super) active: Instant,
    file: File,
    read_offset: u64,
    backlog_end: u64,
    splitter: Splitter,
    heading: Heading,
    codec: Option<Codec>,
    line_bytes_max: usize,
    backlog: Arc<Origin>,
    live: Arc<Origin>,
    head: Vec<u8>,
    seen: (u64, Option<SystemTime>),
    /// The position that was last sent along with a batch.
    checkpointed: Option<u64>,
}

/// What became of a file since it was looked at last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    None,
    Grown,
    Truncated,
}

impl Tail {
    pub(super) fn new(opened: Opened, path: &Path, group: (usize, &Group), begin: Begin) -> Self {
        let (index, group) = group;
        let written = opened.metadata.modified().map_or_else(|_| crate::input::now(), moment);
        let live =
            Origin { path: Some(path.to_string_lossy().into_owned()), ..group.origin.clone() };
        let backlog = Origin { clock: Clock::File(written), ..live.clone() };
        let heading = match &group.codec {
            None => opened.heading(begin.offset),
            Some(_) => Heading::default(),
        };
        let mut head = opened.head.clone();
        head.truncate(usize::try_from(begin.offset).unwrap_or(usize::MAX));
        Self {
            id: opened.id(),
            path: path.to_owned(),
            group: index,
            away: false,
            active: Instant::now(),
            file: opened.file,
            read_offset: begin.offset,
            backlog_end: begin.backlog_end,
            splitter: codec::splitter(group.codec.as_ref(), group.line_bytes_max),
            heading,
            codec: group.codec.clone(),
            line_bytes_max: group.line_bytes_max,
            backlog: Arc::new(backlog),
            live: Arc::new(live),
            head,
            seen: (0, None),
            checkpointed: None,
        }
    }

    /// Gives where the next line begins.
    pub(super) fn offset(&self) -> u64 {
        self.read_offset.saturating_sub(self.splitter.pending())
    }

    pub(super) fn position(&self) -> Position {
        Position::new(&self.path, self.offset(), &self.head)
    }

    pub(super) fn metadata(&self) -> io::Result<Metadata> {
        self.file.metadata()
    }

    /// Tells whether another file begins as this one does, as far as both are known.
    pub(super) fn begins_like(&self, head: &[u8]) -> bool {
        let both = self.head.len().min(head.len());
        both > 0 && self.head.get(..both) == head.get(..both)
    }

    /// Looks what became of the file.
    pub(super) fn look(&mut self) -> io::Result<Change> {
        let metadata = self.file.metadata()?;
        let now = (metadata.len(), metadata.modified().ok());
        if metadata.len() < self.read_offset {
            return Ok(Change::Truncated);
        }
        if now != self.seen && !self.head.is_empty() {
            // It may have been truncated and have grown past our place again.
            let head = head_of(&self.file)?;
            if !head.starts_with(&self.head) {
                return Ok(Change::Truncated);
            }
        }
        self.seen = now;
        let grown = metadata.len() > self.read_offset;
        Ok(if grown { Change::Grown } else { Change::None })
    }

    /// Reads on, up to the length of `buffer`; gives how many bytes came.
    pub(super) fn read(&mut self, buffer: &mut [u8], chunk: &mut Chunk) -> io::Result<usize> {
        let old = self.read_offset < self.backlog_end;
        let room = if old { self.backlog_end - self.read_offset } else { u64::MAX };
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(buffer.len());
        let length =
            match self.file.read_at(buffer.get_mut(..room).unwrap_or_default(), self.read_offset) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
                Err(error) => return Err(error),
            };
        let bytes = buffer.get(..length).unwrap_or_default();
        self.keep_head(bytes);
        let origin = if old { &self.backlog } else { &self.live };
        let mut decoder = Decoder::new(self.codec.as_ref(), self.line_bytes_max, &mut self.heading);
        self.splitter.feed(bytes, &mut |line| decoder.push(line, origin, chunk));
        self.read_offset += length_of(length);
        if length > 0 {
            self.active = Instant::now();
        }
        Ok(length)
    }

    fn keep_head(&mut self, bytes: &[u8]) {
        if length_of(self.head.len()) == self.read_offset {
            let room = HEAD_BYTES_MAX.saturating_sub(self.head.len());
            self.head.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        }
    }

    /// Begins the file anew, for it was truncated.
    pub(super) fn rewind(&mut self) {
        self.read_offset = 0;
        self.backlog_end = 0;
        self.head.clear();
        self.seen = (0, None);
        self.checkpointed = None;
        // What was carried of a line, and of columns, belongs to the old content.
        self.heading.clear();
        self.splitter.finish(&mut |_| ());
    }

    /// Gives half a line as a record, for no more will come.
    pub(super) fn finish(&mut self, chunk: &mut Chunk) {
        let origin = if self.read_offset <= self.backlog_end { &self.backlog } else { &self.live };
        let mut decoder = Decoder::new(self.codec.as_ref(), self.line_bytes_max, &mut self.heading);
        self.splitter.finish(&mut |line| decoder.push(line, origin, chunk));
    }

    /// Gives the position if it has moved since it was asked for last.
    pub(super) fn moved(&mut self) -> Option<Position> {
        let offset = self.offset();
        if self.checkpointed == Some(offset) {
            return None;
        }
        self.checkpointed = Some(offset);
        Some(self.position())
    }
}
