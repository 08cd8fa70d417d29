//! Writes the ring: one thread for all that captures, so that no disk holds the capture up.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::format;
use super::index::{FlowKey, Growing};
use crate::decode::{Decoded, decode};
use crate::packet::{Raw, link};

/// Into how many files the ring is divided, at least; each goes as a whole.
const FILES_MIN: u64 = 16;
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Flows of one file; a flood of forged addresses begins new files earlier.
const FLOWS_A_FILE_MAX: usize = 250_000;
/// Bundles that wait for the disk; what comes on top is left out.
const WAITING_MAX: usize = 64;
/// A bundle is handed over when it is so long.
const BUNDLE_BYTES: usize = 512 * 1024;
const PATIENCE: Duration = Duration::from_millis(200);

/// The link layers that are captured; their places are the interfaces of the files.
const LINKS: [u32; 2] = [link::ETHERNET, link::RAW];

/// Packets on their way to the disk.
#[derive(Debug, Default)]
struct Bundle {
    /// As they lie in the file.
    bytes: Vec<u8>,
    marks: Vec<Mark>,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    key: Option<FlowKey>,
    time_ns: u64,
    length: u64,
}

/// Takes packets for the ring; each thread that captures has its own.
#[derive(Debug)]
pub(crate) struct Recorder {
    bundle: Bundle,
    outlet: Sender<Bundle>,
    dropped: Arc<AtomicU64>,
}

impl Clone for Recorder {
    fn clone(&self) -> Self {
        Self {
            bundle: Bundle::default(),
            outlet: self.outlet.clone(),
            dropped: Arc::clone(&self.dropped),
        }
    }
}

/// The end at which the disk is; it runs on a thread of its own until all recorders are gone.
#[derive(Debug)]
pub(crate) struct Writer {
    inlet: Receiver<Bundle>,
    files: Files,
    open: Option<Open>,
    dropped: Arc<AtomicU64>,
}

impl Recorder {
    /// Opens the ring in a folder, at most so many bytes long.
    pub(crate) fn open(folder: &Path, bytes_max: u64) -> io::Result<(Self, Writer)> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let files = Files::find(folder, bytes_max)?;
        let (outlet, inlet) = crossbeam_channel::bounded(WAITING_MAX);
        let recorder = Self { bundle: Bundle::default(), outlet, dropped: Arc::default() };
        let dropped = Arc::clone(&recorder.dropped);
        Ok((recorder, Writer { inlet, files, open: None, dropped }))
    }

    /// Takes a packet.
    pub(crate) fn take(&mut self, raw: &Raw<'_>) {
        let key = match decode(raw) {
            Decoded::Packet(packet) => Some(FlowKey::of(&packet)),
            Decoded::Fragment(fragment) => Some(FlowKey::of(&fragment.packet)),
            Decoded::Other | Decoded::Malformed => None,
        };
        let place = LINKS.iter().position(|link| *link == raw.link);
        let Some(interface) = place.and_then(|place| u16::try_from(place).ok()) else { return };
        let before = self.bundle.bytes.len();
        let out = &mut self.bundle.bytes;
        format::packet(interface, raw.time_ns, raw.wire_length, raw.bytes, out);
        let length = u64::try_from(out.len() - before).unwrap_or(0);
        if length > 0 {
            self.bundle.marks.push(Mark { key, time_ns: raw.time_ns, length });
        }
        if self.bundle.bytes.len() >= BUNDLE_BYTES {
            self.hand_over();
        }
    }

    /// Hands over what was taken; what the disk has no time for is left out.
    pub(crate) fn hand_over(&mut self) {
        if self.bundle.marks.is_empty() {
            return;
        }
        let bundle = std::mem::take(&mut self.bundle);
        let count = u64::try_from(bundle.marks.len()).unwrap_or(0);
        if self.outlet.try_send(bundle).is_err() {
            self.dropped.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// Gives how many packets were left out, of all recorders of the ring.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
impl Recorder {
    /// Waits until there is room for another bundle.
    pub(super) fn wait_for_the_disk(&self) {
        while self.outlet.is_full() {
            std::thread::yield_now();
        }
    }
}

impl Writer {
    /// Writes until all recorders are gone. `told` takes what goes wrong, which ends nothing: the next
    /// file is tried anew.
    pub(crate) fn run(mut self, told: impl Fn(&str)) {
        loop {
            let outcome = match self.inlet.recv_timeout(PATIENCE) {
                Ok(bundle) => self.write(&bundle).inspect_err(|_| {
                    let lost = u64::try_from(bundle.marks.len()).unwrap_or(0);
                    self.dropped.fetch_add(lost, Ordering::Relaxed);
                }),
                Err(RecvTimeoutError::Timeout) => Ok(()),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if let Err(error) = outcome {
                told(&format!(
                    "cannot write packets below {}: {error}",
                    self.files.folder.display()
                ));
                if let Some(open) = self.open.take().filter(Open::is_empty) {
                    // As far as it can be removed: what stays is found below.
                    let _ = fs::remove_file(&open.path);
                }
                // What was begun and not finished counts too.
                if let Ok(files) = Files::find(&self.files.folder, self.files.bytes_max) {
                    self.files = files;
                }
                // A full disk is asked again at its own speed; what comes meanwhile is counted as dropped.
                std::thread::sleep(PATIENCE);
            }
        }
        if let Err(error) = self.close() {
            told(&format!("cannot finish packets below {}: {error}", self.files.folder.display()));
        }
    }

    fn write(&mut self, bundle: &Bundle) -> io::Result<()> {
        let Some(first) = bundle.marks.first() else { return Ok(()) };
        let more = u64::try_from(bundle.bytes.len()).unwrap_or(u64::MAX);
        if self.open.as_ref().is_some_and(|open| !open.has_room(more, self.files.file_bytes_max)) {
            self.close()?;
        }
        let open = match &mut self.open {
            Some(open) => open,
            None => self.open.insert(self.files.begin(first.time_ns)?),
        };
        open.write(bundle)
    }

    fn close(&mut self) -> io::Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let (path, bytes) = open.finish()?;
        self.files.whole.push((path, bytes));
        Ok(())
    }
}

/// The file that grows.
#[derive(Debug)]
struct Open {
    path: PathBuf,
    file: File,
    bytes: u64,
    index: Growing,
}

impl Open {
    fn has_room(&self, more: u64, bytes_max: u64) -> bool {
        // An entry of the index is shorter than the packet that makes it by far.
        let with = self.bytes.saturating_add(more).saturating_add(self.index.bytes());
        with.saturating_add(more / 4) <= bytes_max && self.index.flows() < FLOWS_A_FILE_MAX
    }

    fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    fn write(&mut self, bundle: &Bundle) -> io::Result<()> {
        self.file.write_all(&bundle.bytes)?;
        for mark in &bundle.marks {
            self.index.note(mark.key, mark.time_ns, self.bytes, mark.length);
            self.bytes += mark.length;
        }
        Ok(())
    }

    /// Writes the index; gives the file, and how much both take.
    fn finish(self) -> io::Result<(PathBuf, u64)> {
        let index = self.index.finish();
        let bytes = self.bytes.saturating_add(u64::try_from(index.len()).unwrap_or(0));
        let aside = self.path.with_extension("new");
        if let Err(error) = private(&aside).and_then(|mut file| file.write_all(&index)) {
            // Without an index the file is read whole; half of one would be in the way.
            let _ = fs::remove_file(&aside);
            return Err(error);
        }
        fs::rename(&aside, self.path.with_extension(INDEX))?;
        Ok((self.path, bytes))
    }
}

pub(super) const PACKETS: &str = "pcapng";
pub(super) const INDEX: &str = "index";

/// The files that are whole, the oldest first.
#[derive(Debug)]
struct Files {
    folder: PathBuf,
    bytes_max: u64,
    file_bytes_max: u64,
    whole: Vec<(PathBuf, u64)>,
}

impl Files {
    /// Finds what an earlier process has left. What was never finished has no index, and is read whole.
    fn find(folder: &Path, bytes_max: u64) -> io::Result<Self> {
        let mut whole = Vec::new();
        for path in packet_files(folder)? {
            let length = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
            let bytes = length(&path).saturating_add(length(&path.with_extension(INDEX)));
            whole.push((path, bytes));
        }
        let file_bytes_max = (bytes_max / FILES_MIN).min(FILE_BYTES_MAX);
        let mut files = Self { folder: folder.to_owned(), bytes_max, file_bytes_max, whole };
        files.make_room()?;
        Ok(files)
    }

    /// Removes the oldest until another whole file fits.
    fn make_room(&mut self) -> io::Result<()> {
        let mut have: u64 = self.whole.iter().map(|(_, bytes)| *bytes).sum();
        while have.saturating_add(self.file_bytes_max) > self.bytes_max && !self.whole.is_empty() {
            let (oldest, bytes) = self.whole.remove(0);
            for path in [oldest.with_extension(INDEX), oldest] {
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            have = have.saturating_sub(bytes);
        }
        Ok(())
    }

    fn begin(&mut self, first_ns: u64) -> io::Result<Open> {
        self.make_room()?;
        // Names sort by time; a clock that was set back must not overwrite what is there.
        let mut name = first_ns;
        if let Some((last, _)) = self.whole.last()
            && let Some(last) = time_of(last)
        {
            name = name.max(last.saturating_add(1));
        }
        let path = self.folder.join(format!("{name:020}.{PACKETS}"));
        let mut file = private(&path)?;
        let mut beginning = Vec::new();
        format::begin(&LINKS, &mut beginning);
        if let Err(error) = file.write_all(&beginning) {
            // A full disk is tried again and again: it must not fill with files that hold nothing.
            fs::remove_file(&path)?;
            return Err(error);
        }
        let bytes = u64::try_from(beginning.len()).unwrap_or(0);
        Ok(Open { path, file, bytes, index: Growing::default() })
    }
}

/// Gives the files of the ring, the oldest first.
pub(super) fn packet_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == PACKETS) && time_of(&path).is_some() {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

/// Gives when the first packet of a file came, by its name.
pub(super) fn time_of(path: &Path) -> Option<u64> {
    path.file_stem()?.to_str().filter(|name| name.len() == 20)?.parse().ok()
}

fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}
