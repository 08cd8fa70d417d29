//! What an input tells about itself while it runs.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use model::{Record, Timestamp};

use crate::lines::length;

/// Bounds the text of a told fault.
const FAULT_BYTES_MAX: usize = 500;

/// All inputs that were started; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Inputs(Vec<Arc<Input>>);

impl Inputs {
    pub(crate) fn push(&mut self, input: Arc<Input>) {
        self.0.push(input);
    }

    /// Gives how each input stands at this moment, in the order of the configuration.
    pub fn status(&self) -> Vec<InputStatus> {
        self.0.iter().map(|input| input.status()).collect()
    }
}

/// One input's standing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputStatus {
    /// Its name, such as `syslog_udp`.
    pub name: &'static str,
    /// Where it listens, with the port that the system chose.
    pub address: Option<SocketAddr>,
    /// What it reads where that is no address, such as the patterns of the files.
    pub reads: Option<String>,
    /// How many records it handed on.
    pub received: u64,
    /// How many bytes of text those had.
    pub bytes: u64,
    /// How many records were lost for want of room, in the process or in the system.
    pub dropped: u64,
    /// How many records were cut at the length bound.
    pub truncated: u64,
    /// How many records held bytes that were not UTF-8.
    pub escaped: u64,
    /// How many records the codec could not decode, such as tokens that are not authentic.
    pub undecoded: u64,
    /// How many connections, requests or batches were refused.
    pub refused: u64,
    /// How many other faults there were, such as files that cannot be read.
    pub errors: u64,
    /// How many connections or files are open.
    pub open: u64,
    /// When the last record came.
    pub last_received: Option<Timestamp>,
    /// Whether it runs.
    pub state: InputState,
    /// The last fault in words.
    pub fault: Option<String>,
}

/// Whether an input runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputState {
    /// It runs.
    Running,
    /// It came to its end, or was told to stop.
    Ended,
    /// A defect ended it; the others go on.
    Panicked,
}

/// The live counters of one input.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) name: &'static str,
    address: Option<SocketAddr>,
    reads: Option<String>,
    received: AtomicU64,
    bytes: AtomicU64,
    dropped: AtomicU64,
    truncated: AtomicU64,
    escaped: AtomicU64,
    undecoded: AtomicU64,
    refused: AtomicU64,
    errors: AtomicU64,
    open: AtomicU64,
    last_received: AtomicI64,
    told: Mutex<(InputState, Option<String>)>,
}

impl Input {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            address: None,
            reads: None,
            received: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            truncated: AtomicU64::new(0),
            escaped: AtomicU64::new(0),
            undecoded: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            open: AtomicU64::new(0),
            last_received: AtomicI64::new(i64::MIN),
            told: Mutex::new((InputState::Running, None)),
        }
    }

    pub(crate) fn listening(name: &'static str, address: SocketAddr) -> Arc<Self> {
        Arc::new(Self { address: Some(address), ..Self::new(name) })
    }

    pub(crate) fn reading(name: &'static str, what: String) -> Arc<Self> {
        Arc::new(Self { reads: Some(what), ..Self::new(name) })
    }

    /// Counts records that were handed on.
    pub(crate) fn count(&self, records: &Counted) {
        self.received.fetch_add(records.records, Ordering::Relaxed);
        self.bytes.fetch_add(records.bytes, Ordering::Relaxed);
        self.truncated.fetch_add(records.truncated, Ordering::Relaxed);
        self.escaped.fetch_add(records.escaped, Ordering::Relaxed);
        self.undecoded.fetch_add(records.undecoded, Ordering::Relaxed);
        if let Some(at) = records.last {
            self.last_received.fetch_max(at.nanos(), Ordering::Relaxed);
        }
    }

    pub(crate) fn dropped(&self, records: u64) {
        self.dropped.fetch_add(records, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn open(&self, count: u64) {
        self.open.store(count, Ordering::Relaxed);
    }

    /// Counts a fault and keeps its text for whoever looks.
    pub(crate) fn fault(&self, text: &str) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        let cut = text.char_indices().nth(FAULT_BYTES_MAX).map_or(text.len(), |(at, _)| at);
        let text = text.get(..cut).unwrap_or_default().to_owned();
        self.told.lock().unwrap_or_else(PoisonError::into_inner).1 = Some(text);
    }

    pub(crate) fn ended(&self, state: InputState) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).0 = state;
    }

    fn status(&self) -> InputStatus {
        let (state, fault) = self.told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let last = self.last_received.load(Ordering::Relaxed);
        InputStatus {
            name: self.name,
            address: self.address,
            reads: self.reads.clone(),
            received: self.received.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            truncated: self.truncated.load(Ordering::Relaxed),
            escaped: self.escaped.load(Ordering::Relaxed),
            undecoded: self.undecoded.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            errors: self.errors.load(Ordering::Relaxed),
            open: self.open.load(Ordering::Relaxed),
            last_received: (last != i64::MIN).then(|| Timestamp::from_nanos(last)),
            state,
            fault,
        }
    }
}

/// What records add to the counters; taken before they are handed on and are out of sight.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) records: u64,
    bytes: u64,
    truncated: u64,
    escaped: u64,
    undecoded: u64,
    last: Option<Timestamp>,
}

impl Counted {
    pub(crate) fn of<'a>(records: impl IntoIterator<Item = &'a Record>) -> Self {
        let mut counted = Self::default();
        for record in records {
            counted.records += 1;
            counted.bytes += length(record.text.as_bytes());
            counted.truncated += u64::from(record.truncated_bytes > 0);
            counted.escaped += u64::from(record.escaped_bytes > 0);
            counted.undecoded += u64::from(record.origin.undecoded.is_some());
            counted.last = Some(record.received_at);
        }
        counted
    }
}

/// Gives the time of receipt: the one place of this crate that reads the clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Gives a system time as a moment, such as that of a file's last change.
pub(crate) fn moment(time: SystemTime) -> Timestamp {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => Timestamp::default().plus(since),
        Err(before) => Timestamp::default().minus(before.duration()),
    }
}
