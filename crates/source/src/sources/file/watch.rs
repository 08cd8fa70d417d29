//! Looks at all files, again and again: finds new ones, reads on in the others, sends what came.

mod rotation;

use std::collections::{HashMap, HashSet};
use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use glob::Pattern;
use model::Origin;
use tokio::runtime::Handle;

use super::position::{FileId, Position, gone};
use super::tail::{Begin, Change, Opened, Tail};
use super::{FileConfig, From};
use crate::chunk::Chunk;
use crate::codec::Codec;
use crate::input::Input;
use crate::lines::length_of;
use crate::outlet::{Closed, Stop};
use crate::running::Starter;

use super::delivery::{Delivery, Load};
use rotation::{Copied, is_compressed};

/// Files that are open at one time.
const FILES_MAX: usize = 4096;
/// Positions that are remembered.
const POSITIONS_MAX: usize = 65_536;
/// Faults that were told and are not told again until they pass.
const TOLD_MAX: usize = 4096;
const READ_BYTES_MAX: usize = 512 * 1024;
/// Past it a batch is sent, although other files have more.
const BATCH_BYTES_MAX: usize = 1024 * 1024;
/// How often the patterns are walked, unless the files are looked at more often yet.
const SCAN_EVERY: Duration = Duration::from_secs(1);
const POLLS_A_SCAN: u32 = 4;
/// A writer may go on with a file that was rotated away, until it is told to open the new one. Tests
/// have no time for that.
const AWAY_IDLE_MAX: Duration = Duration::from_millis(if cfg!(test) { 300 } else { 30_000 });
/// A file that is silent for so long is closed, and looked at from outside.
const OPEN_IDLE_MAX: Duration = Duration::from_mins(5);

/// The files of one `[[inputs.file]]`.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) origin: Origin,
    pub(super) line_bytes_max: usize,
    pub(super) codec: Option<Codec>,
    patterns: Vec<String>,
    exclude: Vec<Pattern>,
    from: From,
    poll: Duration,
}

impl Group {
    pub(super) fn new(config: &FileConfig, origin: &Origin, codec: Option<Codec>) -> Self {
        Self {
            origin: origin.clone(),
            line_bytes_max: config.line_bytes_max,
            codec,
            patterns: config.paths.clone(),
            exclude: config.exclude.iter().filter_map(|text| Pattern::new(text).ok()).collect(),
            from: config.from,
            poll: Duration::from_millis(config.poll_ms),
        }
    }

    fn leads_to(&self, path: &Path) -> bool {
        let fits = |text: &String| Pattern::new(text).is_ok_and(|it| it.matches_path(path));
        self.patterns.iter().any(fits)
    }
}

/// All files that are watched.
#[derive(Debug)]
pub(super) struct Watch {
    groups: Vec<Group>,
    tails: Vec<Tail>,
    /// How far files have been read that are not open.
    known: HashMap<FileId, Position>,
    /// How files looked that were read to their end and closed.
    quiet: HashMap<FileId, (u64, Option<SystemTime>)>,
    told: HashSet<String>,
    /// What was written before is old; once all files have been found, new ones are live.
    first_scan: bool,
    input: Arc<Input>,
    delivery: Delivery,
    stop: Stop,
}

impl Watch {
    pub(super) fn new(groups: Vec<Group>, input: Arc<Input>, starter: &Starter<'_>) -> Self {
        let positions = starter.checkpoints.iter().filter_map(Position::from_checkpoint);
        let known: HashMap<FileId, Position> = positions.take(POSITIONS_MAX).collect();
        let mut groups = groups;
        for group in &mut groups {
            // It has run before: whatever is new to it was written while we were away.
            if known.values().any(|position| group.leads_to(Path::new(&position.path))) {
                group.from = From::Start;
            }
        }
        Self {
            groups,
            tails: Vec::new(),
            known,
            quiet: HashMap::new(),
            told: HashSet::new(),
            first_scan: true,
            delivery: Delivery::new(starter.outlet.clone(), starter.stop.clone(), &input),
            input,
            stop: starter.stop.clone(),
        }
    }

    /// Watches until it is told to stop, or until the line has ended.
    pub(super) fn run(&mut self) {
        let runtime = Handle::current();
        let poll = self.groups.iter().map(|group| group.poll).min().unwrap_or(SCAN_EVERY);
        let scan_every = (poll * POLLS_A_SCAN).min(SCAN_EVERY);
        let mut buffer = vec![0; READ_BYTES_MAX];
        let mut scanned: Option<Instant> = None;
        while !self.stop.is_told() {
            if scanned.is_none_or(|at| at.elapsed() >= scan_every) {
                self.scan();
                scanned = Some(Instant::now());
            }
            match self.round(&mut buffer) {
                Err(Closed) => return,
                Ok(0) => {
                    let mut stop = self.stop.clone();
                    let waited = async { tokio::time::timeout(poll, stop.told()).await.is_ok() };
                    runtime.block_on(waited);
                }
                Ok(_) => {}
            }
        }
    }

    /// Reads on in every file once, and sends what came; gives how many bytes that were.
    fn round(&mut self, buffer: &mut [u8]) -> Result<usize, Closed> {
        let mut load = Load::default();
        let mut read = 0;
        let mut index = 0;
        while index < self.tails.len() {
            match self.read_one(index, buffer, &mut load.chunk) {
                Ok(bytes) => read += bytes,
                Err(error) => {
                    let path = self.tails.get(index).map(|tail| tail.path.clone());
                    self.tell(&path.unwrap_or_default(), &error);
                }
            }
            index += 1;
            if load.chunk.bytes() >= BATCH_BYTES_MAX {
                self.send(&mut load)?;
            }
        }
        self.close_silent(&mut load);
        self.input.open(length_of(self.tails.len()));
        self.send(&mut load)?;
        Ok(read)
    }

    fn read_one(
        &mut self,
        index: usize,
        buffer: &mut [u8],
        chunk: &mut Chunk,
    ) -> io::Result<usize> {
        let Some(tail) = self.tails.get_mut(index) else { return Ok(0) };
        match tail.look()? {
            Change::None => Ok(0),
            Change::Grown => tail.read(buffer, chunk),
            Change::Truncated => {
                let (old, id, group) = (tail.position(), tail.id, tail.group);
                // Where a copy has the rest of a line, the line is read there.
                if !self.recover(&old, id, group)
                    && let Some(tail) = self.tails.get_mut(index)
                {
                    tail.finish(chunk);
                }
                let Some(tail) = self.tails.get_mut(index) else { return Ok(0) };
                tail.rewind();
                tail.read(buffer, chunk)
            }
        }
    }

    fn send(&mut self, load: &mut Load) -> Result<(), Closed> {
        for tail in &mut self.tails {
            if let Some(position) = tail.moved() {
                load.checkpoints.push(position.to_checkpoint(tail.id));
            }
        }
        self.delivery.deliver(std::mem::take(load))
    }

    /// Closes files that are over, and those that have been silent for long.
    fn close_silent(&mut self, load: &mut Load) {
        let mut index = 0;
        while let Some(tail) = self.tails.get_mut(index) {
            let idle = tail.active.elapsed();
            let metadata = tail.metadata().ok();
            let deleted =
                metadata.as_ref().is_some_and(|it| std::os::unix::fs::MetadataExt::nlink(it) == 0);
            let over = tail.away && idle >= AWAY_IDLE_MAX;
            if !over && idle < OPEN_IDLE_MAX {
                index += 1;
                continue;
            }
            if over {
                tail.finish(&mut load.chunk);
            }
            let mut position = tail.position();
            if over {
                // Its name now belongs to another file, and must not lead to this one again.
                position.path.clear();
            }
            if deleted {
                load.checkpoints.push(gone(tail.id));
                self.known.remove(&tail.id);
            } else {
                load.checkpoints.push(position.to_checkpoint(tail.id));
                if over || position.offset == metadata.as_ref().map_or(0, Metadata::len) {
                    self.quiet.insert(tail.id, metadata.map_or((0, None), |it| looks(&it)));
                }
                remember(&mut self.known, (tail.id, position));
            }
            self.tails.swap_remove(index);
        }
    }

    /// Walks the patterns, and opens what is new.
    fn scan(&mut self) {
        let mut seen: HashMap<FileId, PathBuf> = HashMap::new();
        for index in 0..self.groups.len() {
            for path in self.files_of(index) {
                match std::fs::metadata(&path) {
                    Ok(metadata) if metadata.is_file() => {
                        let id = FileId::of(&metadata);
                        if seen.contains_key(&id) {
                            continue;
                        }
                        seen.insert(id, path.clone());
                        self.found(&path, &metadata, index);
                    }
                    Ok(_) => {}
                    // It was there a moment ago: rotated away meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => self.tell(&path, &error),
                }
            }
        }
        for tail in &mut self.tails {
            match seen.get(&tail.id) {
                Some(path) => {
                    tail.path.clone_from(path);
                    tail.away = false;
                }
                None => tail.away = true,
            }
        }
        self.quiet.retain(|id, _| seen.contains_key(id));
        self.first_scan = false;
    }

    /// Gives the files that a group's patterns lead to, in order.
    fn files_of(&mut self, index: usize) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let mut faults = Vec::new();
        let Some(group) = self.groups.get(index) else { return files };
        for found in group.patterns.iter().filter_map(|pattern| glob::glob(pattern).ok()).flatten()
        {
            match found {
                Ok(path) if group.exclude.iter().any(|pattern| pattern.matches_path(&path)) => {}
                Ok(path) if is_compressed(&path) => {}
                Ok(path) => files.push(path),
                Err(error) => faults.push((error.path().to_owned(), error.into())),
            }
        }
        for (path, error) in faults {
            self.tell(&path, &error);
        }
        files
    }

    /// Opens a file that is there, unless it is open, or read to its end.
    fn found(&mut self, path: &Path, metadata: &Metadata, group: usize) {
        let id = FileId::of(metadata);
        if self.tails.iter().any(|tail| tail.id == id)
            || self.quiet.get(&id) == Some(&looks(metadata))
        {
            return;
        }
        if self.tails.len() >= FILES_MAX {
            let error = io::Error::other(format!("more than {FILES_MAX} files are open"));
            return self.tell(path, &error);
        }
        match Opened::open(path) {
            // An empty one says nothing about itself yet: it may become anything.
            Ok(Some(opened)) if opened.length() > 0 => self.begin(opened, path, group),
            Ok(_) => {}
            Err(error) => self.tell(path, &error),
        }
    }

    /// Decides where the reading of a file begins that was not open.
    fn begin(&mut self, opened: Opened, path: &Path, group: usize) {
        let id = opened.id();
        self.told.remove(&told_key(path));
        self.quiet.remove(&id);
        let offset = match self.known.remove(&id) {
            Some(position) if position.fits(&opened.head, opened.length()) => position.offset,
            Some(position) => {
                // Truncated while it was closed, or another file that got the same inode.
                self.recover(&position, id, group);
                0
            }
            None => match self.copied(path, &opened) {
                Copied::No => self.offset_of_new(path, &opened, group),
                Copied::FromOpen => return,
                Copied::From(offset) => offset,
            },
        };
        let backlog_end = if self.first_scan { opened.length() } else { 0 };
        self.open(opened, path, (group, Begin { offset, backlog_end }));
    }

    fn open(&mut self, opened: Opened, path: &Path, begin: (usize, Begin)) {
        let (index, begin) = begin;
        let Some(group) = self.groups.get(index) else { return };
        self.tails.push(Tail::new(opened, path, (index, group), begin));
    }

    /// Tells of a fault once, until it has passed.
    fn tell(&mut self, path: &Path, error: &io::Error) {
        if self.told.len() >= TOLD_MAX {
            self.told.clear();
        }
        if self.told.insert(told_key(path)) {
            let text = format!("cannot read {}: {error}", path.display());
            tracing::warn!(input = self.input.name, "{text}");
            self.input.fault(&text);
        }
    }
}

fn told_key(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn looks(metadata: &Metadata) -> (u64, Option<SystemTime>) {
    (metadata.len(), metadata.modified().ok())
}

fn remember(known: &mut HashMap<FileId, Position>, entry: (FileId, Position)) {
    if known.len() < POSITIONS_MAX {
        known.insert(entry.0, entry.1);
    }
}
