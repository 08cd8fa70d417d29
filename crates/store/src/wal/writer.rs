//! Writes records to the open file of the log.
//!
//! A group of records is written and synced as one. When either fails, the file is cut back to what
//! was durable before, and the next group goes to a new file: after a failed sync nobody knows what
//! the system still holds for the old one.
//!
//! A new file costs several waits for the disk. So the next one is made by a thread of its own while the
//! one before is written, and nobody's record waits for it.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use seal::Keyring;

use super::file::{Begun, create, path_of};
use super::frame::Frame;
use super::sealing::Sealing;
use crate::StoreError;
use crate::error::During;

/// The open file of the log.
#[derive(Debug)]
pub(crate) struct Writer {
    dir: PathBuf,
    number: u64,
    next_id: u64,
    keyring: Option<Keyring>,
    open: Option<Open>,
    /// A file whose end is not durable and could not be cut off yet, and where the good part ends.
    /// Nothing is acknowledged before that is done: after a crash it would stand beside what was
    /// written anew elsewhere.
    torn: Option<(File, u64)>,
    /// Whether half a file of the current number was left behind.
    is_begun: bool,
    /// The next file, on its way.
    ahead: Option<Ahead>,
}

#[derive(Debug)]
struct Ahead {
    number: u64,
    thread: JoinHandle<io::Result<Begun>>,
}

#[derive(Debug)]
struct Open {
    file: File,
    salt: u32,
    sealing: Option<Sealing>,
    /// How many records the file has.
    records: u64,
    durable: u64,
}

impl Writer {
    /// Gives a writer to the file of that number, which is made at the first append: a store can be
    /// opened and read when the disk is full. With a keyring it is sealed.
    pub(crate) fn begin(dir: &Path, number: u64, next_id: u64, keyring: Option<Keyring>) -> Self {
        Self {
            dir: dir.to_owned(),
            number,
            next_id,
            keyring,
            open: None,
            torn: None,
            is_begun: false,
            ahead: None,
        }
    }

    /// Gives the number of the file that is, or will be, written to.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Makes records durable, all or none.
    pub(crate) fn append(&mut self, frames: &mut [Frame]) -> Result<(), StoreError> {
        self.open_file()?;
        let Some(open) = &mut self.open else {
            return Err(StoreError::Internal("no log file is open".to_owned()));
        };
        match write_and_sync(open, frames) {
            Ok(written) => {
                open.durable += written;
                self.prepare();
                Ok(())
            }
            Err(error) => {
                self.abandon();
                Err(error).during(|| format!("write to the log {}", self.dir.display()))
            }
        }
    }

    /// Ends the file and begins the next one; where that fails, the next append tries again.
    pub(crate) fn rotate(&mut self, next_id: u64) {
        self.open = None;
        self.number += 1;
        self.next_id = next_id;
    }

    fn open_file(&mut self) -> Result<(), StoreError> {
        if self.open.is_some() {
            return Ok(());
        }
        self.cut_torn()
            .during(|| format!("cut a torn record off a log of {}", self.dir.display()))?;
        let path = path_of(&self.dir, self.number);
        if self.is_begun {
            remove(&path).during(|| format!("delete {}", path.display()))?;
            self.is_begun = false;
        }
        let prepared = self.prepared();
        match prepared.unwrap_or_else(|| create(&path, self.next_id, self.keyring.as_ref())) {
            Ok(Begun { file, salt, length, sealing }) => {
                self.open = Some(Open { file, salt, sealing, records: 0, durable: length });
                Ok(())
            }
            Err(error) => {
                // Half a header helps nobody, and would stand in the way of the next try.
                self.is_begun = remove(&path).is_err();
                Err(error).during(|| format!("create {}", path.display()))
            }
        }
    }

    /// Begins to make the next file, if nobody does yet.
    fn prepare(&mut self) {
        if self.ahead.is_some() {
            return;
        }
        let (number, next_id) = (self.number + 1, self.next_id);
        let (path, keyring) = (path_of(&self.dir, number), self.keyring.clone());
        let work = move || {
            create(&path, next_id, keyring.as_ref()).inspect_err(|_| {
                // Half a header helps nobody, and would stand in the way of the next try.
                let _ = remove(&path);
            })
        };
        // Where no thread can be had, the file is made when it is needed.
        let thread = std::thread::Builder::new().name("store-log-ahead".to_owned()).spawn(work);
        self.ahead = thread.ok().map(|thread| Ahead { number, thread });
    }

    /// Gives the file of the current number, if it was made ahead.
    fn prepared(&mut self) -> Option<io::Result<Begun>> {
        let ahead = self.ahead.take_if(|ahead| ahead.number <= self.number)?;
        let begun = ahead.thread.join().ok()?.ok()?;
        (ahead.number == self.number).then_some(Ok(begun))
    }

    /// Leaves the file, and cuts what is not durable off it, now or before the next append.
    fn abandon(&mut self) {
        let Some(open) = self.open.take() else { return };
        self.torn = Some((open.file, open.durable));
        if let Err(error) = self.cut_torn() {
            tracing::warn!(%error, file = self.number, "could not cut a torn record off the log yet");
        }
        self.number += 1;
    }

    fn cut_torn(&mut self) -> io::Result<()> {
        if let Some((file, durable)) = &self.torn {
            file.set_len(*durable)?;
            file.sync_all()?;
        }
        self.torn = None;
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let Some(Ahead { number, thread }) = self.ahead.take() else { return };
        if thread.join().is_ok_and(|begun| begun.is_ok()) {
            // Where it stays, the next start finds it empty and deletes it.
            let _ = remove(&path_of(&self.dir, number));
        }
    }
}

/// Deletes a file that may not be there.
fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn write_and_sync(open: &mut Open, frames: &mut [Frame]) -> io::Result<u64> {
    let mut written = 0;
    for frame in frames {
        let sealing = open.sealing.as_ref().map(|sealing| (sealing, open.records));
        let bytes = frame.record(open.salt, sealing).map_err(io::Error::other)?;
        open.file.write_all(bytes)?;
        open.records += 1;
        written += u64::try_from(bytes.len()).unwrap_or_default();
    }
    open.file.sync_data()?;
    Ok(written)
}
