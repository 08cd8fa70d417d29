//! Capture files as an input, packed or not: each file is read once, no faster than the store takes what it tells.
//!
//! A file is known by its name and length, and how much of what it tells was handed on is kept with
//! those very events: a restart in the middle goes on where it was, and repeats nothing.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use model::Checkpoint;
use source::{Closed, Running, Sensor};

use super::config::CaptureConfig;
use crate::file::PcapReader;
use crate::flow::Flows;
use crate::json::Lines;
use crate::traffic::{Home, MINUTE_NS, Meter, Traffic};

/// How often what is remembered of files that are gone is forgotten.
const FORGET_EVERY: Duration = Duration::from_mins(10);
/// How often it is looked for new files. One that changed within this time may still be written.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const STEP: Duration = Duration::from_millis(100);
const PIECE_BYTES: usize = 256 * 1024;
/// Lines that are handed on together; few enough that what waits for the store is little.
const LINES_A_BATCH: usize = 1000;
/// Files that are looked at; past it the rest is told as a fault.
const FILES_MAX: usize = 100_000;
const KEY_PREFIX: &str = "capture:";
const WHOLE: &str = "whole";

/// Starts to read the capture files of the configuration. `checkpoints` are the store's.
pub fn start_files(
    running: &mut Running,
    config: &CaptureConfig,
    home: &Home,
    checkpoints: &[Checkpoint],
) {
    if config.files.is_empty() {
        return;
    }
    let sensor = running.sensor("pcap", config.files.join(", "));
    let ours = checkpoints.iter().filter(|checkpoint| checkpoint.key.starts_with(KEY_PREFIX));
    let known = ours.map(|checkpoint| (checkpoint.key.clone(), checkpoint.position.clone()));
    let mut folder = Folder {
        known: known.collect(),
        config: config.clone(),
        home: home.clone(),
        sensor: sensor.clone(),
        faults: HashMap::new(),
    };
    running.run_blocking(&sensor, move || {
        // The end of the line is the end of this too.
        let _closed: Result<(), Closed> = folder.run();
    });
}

/// The files that are watched.
struct Folder {
    /// How far each file was read, by its key.
    known: HashMap<String, String>,
    config: CaptureConfig,
    home: Home,
    sensor: Sensor,
    /// Files that could not be opened, with their length then: told once.
    faults: HashMap<PathBuf, u64>,
}

impl Folder {
    fn run(&mut self) -> Result<(), Closed> {
        let mut forgot: Option<Instant> = None;
        while !self.sensor.is_stopped() {
            if forgot.is_none_or(|forgot| forgot.elapsed() >= FORGET_EVERY) {
                self.forget_what_is_gone()?;
                forgot = Some(Instant::now());
            }
            for (path, metadata) in self.find() {
                if self.sensor.is_stopped() {
                    return Ok(());
                }
                self.read(&path, &metadata)?;
            }
            let until = Instant::now() + LOOK_EVERY;
            while Instant::now() < until && !self.sensor.is_stopped() {
                std::thread::sleep(STEP);
            }
        }
        Ok(())
    }

    /// What is gone needs no memory.
    fn forget_what_is_gone(&mut self) -> Result<(), Closed> {
        let is_gone = |path: &Path| {
            fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        };
        self.faults.retain(|path, _| !is_gone(path));
        let keys = self.known.keys().filter(|key| path_of(key).is_none_or(is_gone));
        let gone: Vec<String> = keys.cloned().collect();
        for key in gone {
            self.known.remove(&key);
            let checkpoint = Checkpoint { key, position: String::new() };
            self.sensor.send_from_file(Vec::new(), checkpoint)?;
        }
        Ok(())
    }

    /// Finds the files that were not read whole and are not being written.
    fn find(&mut self) -> Vec<(PathBuf, Metadata)> {
        let mut found = Vec::new();
        let patterns = self.config.files.iter().filter_map(|pattern| glob::glob(pattern).ok());
        for path in patterns.flatten().flatten() {
            let Ok(metadata) = fs::metadata(&path) else { continue };
            // A time that lies ahead says nothing of whether it is still written.
            let changed = metadata.modified().ok().and_then(|changed| changed.elapsed().ok());
            let is_due = metadata.is_file()
                && metadata.len() > 0
                && changed.is_none_or(|age| age >= LOOK_EVERY)
                && self.known.get(&key_of(&path, &metadata)).is_none_or(|far| far != WHOLE);
            if !is_due {
                continue;
            }
            if found.len() >= FILES_MAX {
                self.sensor
                    .fault(&format!("more than {FILES_MAX} capture files wait; the rest later"));
                break;
            }
            found.push((path, metadata));
        }
        found.sort_by(|one, other| one.0.cmp(&other.0));
        found.dedup_by(|one, other| one.0 == other.0);
        found
    }

    fn read(&mut self, path: &Path, metadata: &Metadata) -> Result<(), Closed> {
        let file = match source::open_unpacked(path) {
            Ok(file) => file,
            Err(error) => {
                let length = metadata.len();
                if self.faults.insert(path.to_owned(), length) != Some(length) {
                    self.sensor.fault(&format!("cannot read {}: {error}", path.display()));
                }
                return Ok(());
            }
        };
        self.faults.remove(path);
        let key = key_of(path, metadata);
        let done = self.known.get(&key).and_then(|far| far.parse().ok()).unwrap_or(0);
        tracing::info!(file = %path.display(), "reads a capture file");
        let mut reading = Reading {
            flows: Flows::new(self.config.flows(&self.home, Vec::new())),
            meter: Meter::new(Vec::new()),
            traffic: Traffic::of_the_past(),
            minute: None,
            lines: Lines::default(),
            sensor: self.sensor.of_file(path, metadata.modified().ok()),
            key: key.clone(),
            told: 0,
            done,
        };
        if reading.run(file, path)? {
            self.known.insert(key, WHOLE.to_owned());
        }
        Ok(())
    }
}

/// One file that is being read.
struct Reading {
    flows: Flows,
    meter: Meter,
    traffic: Traffic,
    minute: Option<u64>,
    lines: Lines,
    sensor: Sensor,
    key: String,
    /// How many lines the file has told so far, and how many of those were handed on before.
    told: u64,
    done: u64,
}

impl Reading {
    /// Reads the file; tells whether it came to its end.
    fn run(&mut self, mut file: impl Read, path: &Path) -> Result<bool, Closed> {
        let mut reader = PcapReader::new();
        let mut piece = vec![0; PIECE_BYTES];
        let fault = loop {
            if self.sensor.is_stopped() {
                return Ok(false);
            }
            let read = match file.read(&mut piece) {
                Ok(0) => break reader.finish().err().map(|fault| fault.to_string()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => break Some(error.to_string()),
            };
            let bytes = piece.get(..read).unwrap_or_default();
            let outcome = reader.feed(bytes, &mut |raws| {
                self.flows.read(raws, &mut self.lines, &mut self.meter);
                if let Some(last) = raws.last() {
                    let minute = last.time_ns / MINUTE_NS;
                    close_minute(
                        &mut self.minute,
                        minute,
                        &mut self.meter,
                        &mut self.traffic,
                        &mut self.lines,
                    );
                }
            });
            if !self.meter.is_settled() {
                self.meter.settle(&mut self.traffic, &mut self.lines);
            }
            if self.lines.len() >= LINES_A_BATCH {
                self.hand_on(false)?;
            }
            if let Err(fault) = outcome {
                break Some(fault.to_string());
            }
        };
        if let Some(fault) = fault {
            self.sensor.fault(&format!("{}: {fault}", path.display()));
        }
        while self.flows.finish_file(&mut self.lines) {
            self.hand_on(false)?;
        }
        close_minute(
            &mut self.minute,
            u64::MAX,
            &mut self.meter,
            &mut self.traffic,
            &mut self.lines,
        );
        self.hand_on(true)?;
        Ok(true)
    }

    /// Hands on what was told, with how far that is, and waits for room.
    fn hand_on(&mut self, is_end: bool) -> Result<(), Closed> {
        let all = std::mem::take(&mut self.lines);
        let mut batch = Vec::new();
        for line in all.iter() {
            self.told += 1;
            if self.told > self.done {
                batch.push(line.to_owned());
            }
            if batch.len() >= LINES_A_BATCH {
                let position = self.told.to_string();
                let checkpoint = Checkpoint { key: self.key.clone(), position };
                self.sensor.send_from_file(std::mem::take(&mut batch), checkpoint)?;
            }
        }
        if is_end || !batch.is_empty() {
            let position = if is_end { WHOLE.to_owned() } else { self.told.to_string() };
            let checkpoint = Checkpoint { key: self.key.clone(), position };
            self.sensor.send_from_file(batch, checkpoint)?;
        }
        Ok(())
    }
}

/// Tells the minute that is over when packets of a later one come.
fn close_minute(
    current: &mut Option<u64>,
    minute: u64,
    meter: &mut Meter,
    traffic: &mut Traffic,
    lines: &mut Lines,
) {
    let before = *current.get_or_insert(minute);
    if minute > before {
        meter.settle_all(traffic, lines);
        traffic.close_minute(before.saturating_mul(MINUTE_NS), lines);
        *current = Some(minute);
    }
}

fn key_of(path: &Path, metadata: &Metadata) -> String {
    format!("{KEY_PREFIX}{}:{}", metadata.len(), path.display())
}

fn path_of(key: &str) -> Option<&Path> {
    let (_, path) = key.strip_prefix(KEY_PREFIX)?.split_once(':')?;
    Some(Path::new(path))
}
