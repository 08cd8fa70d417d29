//! Where scans are kept: in the store, by the process that has it open.
//!
//! A command that finds the store taken lays its events into the folder `scans` of the data, sealed
//! with the store's keys; the process that has the store looks there every second. The folder belongs
//! to the same user alone, and so do the events: nobody else can pass for a sensor.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use model::{Event, EventId, Origin, Record, Text};
use parse::{Parser, ParserConfig};
use query::Predicate;
use seal::{Keyring, WRAPPED_BYTES};
use store::{Order, Scope, Search, Store, StoreError};
use wire::scan::{PastRun, Plan, Records, compared_with};

use crate::clock::now;
use crate::config::Config;
use crate::place::{Place, has_catalog, make_private};

const FOLDER: &str = "scans";
const MAGIC_PLAIN: &[u8; 8] = b"bartscn1";
const MAGIC_SEALED: &[u8; 8] = b"bartscn2";
const SEALED_CONTEXT: &[u8] = b"bartizan scan";
/// A scan that is handed over is no larger; its open ports are bounded too.
const FILE_BYTES_MAX: u64 = 512 << 20;
/// Scans that wait to be taken over at most.
const FILES_MAX: usize = 1_000;
/// Earlier scans that are looked at.
const RUNS_MAX: usize = 256;
/// Events that are read at a time, and how often for one scan.
const EVENTS_AT_ONCE: usize = 20_000;
const PAGES_MAX: usize = 14;
const READ_WITHIN: Duration = Duration::from_mins(2);
/// Events that are made durable together.
const APPENDED_AT_ONCE: usize = 4_000;

/// The scans of a store.
pub(crate) struct Kept {
    store: Store,
    folder: PathBuf,
    taken: Option<PathBuf>,
}

/// Starts, for the running product, the scans that it makes by itself, and takes over those that
/// commands make.
pub(crate) fn start(running: &mut source::Running, config: &Config, store: Store) {
    let records = Box::new(Kept::of_product(store, &config.data));
    wire::scan::start(running, config.scan.clone(), records);
}

impl Kept {
    fn of_product(store: Store, data: &Path) -> Self {
        Self { store, folder: data.join(FOLDER), taken: None }
    }

    pub(crate) fn reader(place: &Place) -> anyhow::Result<Self> {
        let data = place.config()?.data;
        Ok(Self::of_product(place.reader()?, &data))
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Finds events of scans, the newest first; `each` says whether more are wanted.
    fn find(&self, kql: &str, limit: usize, each: &mut dyn FnMut(&Event)) -> Result<(), String> {
        let predicate = Predicate::parse(kql).map_err(|error| error.message)?;
        let mut scope = Scope::of(predicate);
        scope.deadline = Some(Instant::now() + READ_WITHIN);
        let mut search =
            Search { scope, order: Order::Newest, limit: limit.min(EVENTS_AT_ONCE), cursor: None };
        for _ in 0..PAGES_MAX {
            let found = self.store.search(&search).map_err(|error| error.to_string())?;
            found.events.iter().for_each(|event| each(event));
            if !found.is_complete {
                return Err("the time was up before all earlier scans were read".to_owned());
            }
            search.cursor = found.next;
            if search.cursor.is_none() || limit <= EVENTS_AT_ONCE {
                break;
            }
        }
        Ok(())
    }
}

impl Records for Kept {
    fn runs(&self) -> Result<Vec<PastRun>, String> {
        let mut runs = Vec::new();
        self.find("event.module: scan and event.dataset: scan.run", RUNS_MAX, &mut |event| {
            runs.extend(PastRun::of(event));
        })?;
        Ok(runs)
    }

    fn fill(&self, runs: &mut [PastRun]) -> Result<(), String> {
        for run in runs {
            let kql = format!(
                "event.dataset: scan.port and bartizan.scan.id: \"{}\"",
                run.id.replace(['"', '\\'], "")
            );
            self.find(&kql, usize::MAX, &mut |event| run.add(event))?;
        }
        Ok(())
    }

    fn handed_over(&mut self) -> Result<Option<Vec<String>>, String> {
        let Some(path) = next_file(&self.folder).map_err(|error| error.to_string())? else {
            return Ok(None);
        };
        let read = fs::metadata(&path).and_then(|file| {
            if file.len() > FILE_BYTES_MAX { Ok(Vec::new()) } else { fs::read(&path) }
        });
        let bytes = read.map_err(|error| format!("{}: {error}", path.display()))?;
        if let Some(text) = open(&bytes, self.store.keyring()) {
            self.taken = Some(path);
            return Ok(Some(text.lines().map(str::to_owned).collect()));
        }
        // Not to be met again every second; whoever looks finds it, and the fault names it.
        let aside = path.with_extension("unreadable");
        let moved = fs::rename(&path, &aside).or_else(|_| fs::remove_file(&path));
        let told = format!("{} is no scan of this store and was set aside", aside.display());
        moved.map_or_else(|error| Err(format!("{}: {error}", path.display())), |()| Err(told))
    }

    fn taken(&mut self) {
        if let Some(path) = self.taken.take() {
            // One that stays would be told twice: better that than a scan that is lost.
            let _ = fs::remove_file(path);
        }
    }
}

/// Gives the oldest scan that waits; those that are being written have another ending.
fn next_file(folder: &Path) -> std::io::Result<Option<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut files = BTreeMap::new();
    for entry in entries.take(FILES_MAX * 2) {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "scan") {
            let at = fs::metadata(&path)?.modified()?;
            files.insert((at, path.clone()), path);
        }
    }
    Ok(files.into_values().next())
}

/// Who keeps the events of a scan that a command makes.
pub(crate) enum Keeper {
    /// Nobody has the store open but this command.
    Own(Kept),
    /// Another process has: it takes them over.
    Other(Kept),
}

impl Keeper {
    /// Opens the store; `None` where there is none.
    pub(crate) fn open(place: &Place) -> anyhow::Result<Option<Self>> {
        let config = place.config()?;
        if !has_catalog(&config)? {
            return Ok(None);
        }
        match place.owner() {
            Ok(store) => Ok(Some(Self::Own(Kept::of_product(store, &config.data)))),
            Err(error) => match error.downcast_ref::<StoreError>() {
                Some(StoreError::Locked { .. }) => Ok(Some(Self::Other(Kept::reader(place)?))),
                _ => Err(error),
            },
        }
    }

    fn kept(&self) -> &Kept {
        match self {
            Self::Own(kept) | Self::Other(kept) => kept,
        }
    }

    /// Gives the earlier scans that a plan is compared with.
    pub(crate) fn compared_with(&self, plan: &Plan) -> anyhow::Result<Vec<PastRun>> {
        compared_with(plan, self.kept()).map_err(anyhow::Error::msg)
    }

    /// Keeps events; gives the sentence that tells where.
    pub(crate) fn keep(&mut self, id: &str, events: &[String]) -> anyhow::Result<String> {
        match self {
            Self::Own(kept) => {
                append(&kept.store, events)?;
                kept.store.flush()?;
                Ok(format!("kept as scan {id}; the rules see it when the product starts"))
            }
            Self::Other(kept) => {
                hand_over(kept, id, events)?;
                Ok(format!("handed to the running product as scan {id}"))
            }
        }
    }
}

/// Makes events of the lines and appends them, as the line would.
fn append(store: &Store, lines: &[String]) -> anyhow::Result<()> {
    let parser = Parser::new(ParserConfig::default());
    let origin = Arc::new(Origin {
        input: "scan".to_owned(),
        format: Some("sensor".to_owned()),
        ..Origin::default()
    });
    let mut next = store.next_id();
    let received_at = now();
    for part in lines.chunks(APPENDED_AT_ONCE) {
        let mut events = Vec::with_capacity(part.len());
        for line in part {
            let mut event = parser.parse(Record {
                text: Text::from(line.as_str()),
                received_at,
                origin: Arc::clone(&origin),
                truncated_bytes: 0,
                escaped_bytes: 0,
            });
            event.id = EventId(next);
            next += 1;
            events.push(Arc::new(event));
        }
        store.append(&events, &[])?;
    }
    Ok(())
}

/// Lays events where the process that has the store finds them.
fn hand_over(kept: &Kept, id: &str, events: &[String]) -> anyhow::Result<()> {
    make_private(&kept.folder)?;
    let waiting = fs::read_dir(&kept.folder)?.count();
    anyhow::ensure!(
        waiting < FILES_MAX,
        "{} holds {waiting} scans that nobody took over",
        kept.folder.display()
    );
    let bytes = seal(events.join("\n").as_bytes(), kept.store.sealing())?;
    let (path, whole) =
        (kept.folder.join(format!("{id}.part")), kept.folder.join(format!("{id}.scan")));
    let what = || format!("cannot write {}", path.display());
    let mut file = fs::File::create(&path).with_context(what)?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).with_context(what)?;
    fs::rename(&path, &whole).with_context(what)
}

fn seal(text: &[u8], keyring: Option<&Keyring>) -> anyhow::Result<Vec<u8>> {
    let Some(keyring) = keyring else { return Ok([MAGIC_PLAIN.as_slice(), text].concat()) };
    let (key, wrapped) = keyring.data_key()?;
    let sealed = key.seal(SEALED_CONTEXT, text)?;
    Ok([MAGIC_SEALED.as_slice(), &wrapped, &sealed].concat())
}

fn open(bytes: &[u8], keyring: Option<&Keyring>) -> Option<String> {
    let text = match bytes.split_at_checked(MAGIC_PLAIN.len())? {
        (magic, text) if magic == MAGIC_PLAIN => text.to_vec(),
        (magic, rest) if magic == MAGIC_SEALED => {
            let (wrapped, sealed) = rest.split_at_checked(WRAPPED_BYTES)?;
            keyring?.unwrap_key(wrapped).ok()?.open(SEALED_CONTEXT, sealed).ok()?
        }
        _ => return None,
    };
    String::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handed_over_opens_with_its_keys_alone() {
        let (ours, other) = (Keyring::generate().unwrap(), Keyring::generate().unwrap());
        let sealed = seal(b"secret host", Some(&ours)).unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_eq!(open(&sealed, Some(&ours)).as_deref(), Some("secret host"));
        assert_eq!(open(&sealed, Some(&other)), None);
        assert_eq!(open(&sealed, None), None);
        assert_eq!(open(b"bartscn", None), None);
        let plain = seal(b"text", None).unwrap();
        assert_eq!(open(&plain, Some(&ours)).as_deref(), Some("text"));
    }
}
