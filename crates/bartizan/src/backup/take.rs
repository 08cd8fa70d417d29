//! Takes a backup.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context as _;
use catalog::{Catalog, SegmentRow};
use seal::Source;
use store::READERS_FILE;

use super::copy::{Work, files_below, hexadecimal, make_folder, sync_tree};
use super::manifest::{Kept, Ledger, Manifest};
use super::snapshot::{CATALOG, LOG, kept, remove_if_there, snapshot};
use super::target::{SEGMENTS, SNAPSHOT, lay_out, lock, prepare, tidy};
use crate::clock::now;
use crate::failure::{Outcome, ending};
use crate::interrupt::Interrupt;
use crate::output::{complain, printable};
use crate::progress;

/// What of a data folder is copied in another way, or belongs to one machine and moment.
const OWN_WAY: [&str; 8] = [
    CATALOG,
    "catalog.db-wal",
    "catalog.db-shm",
    LOG,
    SEGMENTS,
    KEYRING,
    "store.lock",
    READERS_FILE,
];
pub(super) const KEYRING: &str = "keyring.json";
const KEY: &str = "master.key";
const KEY_BYTES_MAX: u64 = 256;
/// Damaged files that were set aside: no part of what is stored.
const QUARANTINE: &str = "quarantine";
/// How often it is begun anew because segments went while they were copied.
const TRIES_MAX: usize = 10;

/// What is to be taken, and how.
pub(crate) struct Wanted<'w> {
    pub(crate) data: &'w Path,
    pub(crate) catalog: &'w Catalog,
    pub(crate) target: &'w Path,
    /// Whether segments are linked where that can be done.
    pub(crate) link: bool,
    /// Whether what is in the target already is read again.
    pub(crate) verify: bool,
    /// The file that holds the master key, if one does.
    pub(crate) key: Option<&'w Path>,
    /// Whether it is to be in the backup.
    pub(crate) with_key: bool,
    /// Opens a copy and tells what is in it; `None` where no key is at hand.
    pub(crate) open: &'w dyn Fn(&Path) -> anyhow::Result<Option<store::Stats>>,
}

/// What was done.
pub(crate) struct Taken {
    pub(crate) manifest: Manifest,
    /// How many bytes were copied, and how many were in the target already or linked.
    pub(crate) copied: u64,
    pub(crate) kept: u64,
    /// Why the copy does not open as a store.
    pub(crate) fault: Option<String>,
}

/// Takes a backup; where it fails or is interrupted, the one before stays whole.
pub(crate) fn take(wanted: &Wanted<'_>, interrupt: &Interrupt) -> anyhow::Result<Taken> {
    let old = prepare(wanted.target, wanted.data)?;
    let _lock = lock(wanted.target)?;
    // A folder that cannot be written to is not being tidied either.
    let _reading = store::read_lock(wanted.data).ok();
    let at = now().to_string();
    let name = format!("{SNAPSHOT}{}", at.replace(':', "-"));
    let mut taking = Taking {
        wanted,
        // Its length is known once the segments are listed.
        work: Work::new(progress::bytes(1), interrupt),
        old: known(old.as_ref()),
        name,
        copied: 0,
        reused: 0,
        damaged: Vec::new(),
        missing: Vec::new(),
        fault: None,
    };
    let manifest = taking.run(at);
    taking.work.bar.finish_and_clear();
    match &manifest {
        Ok(manifest) => tidy(wanted.target, manifest),
        // The segments that came so far are of use to the next try.
        Err(_) => drop(fs::remove_dir_all(wanted.target.join(&taking.name))),
    }
    let Taking { copied, reused, fault, .. } = taking;
    Ok(Taken { manifest: manifest?, copied, kept: reused, fault })
}

/// What the backup before has of a file.
type Known = HashMap<String, Kept>;

fn known(old: Option<&Manifest>) -> Known {
    let files = old.into_iter().flat_map(|old| &old.files);
    files.map(|file| (file.path.clone(), file.clone())).collect()
}

struct Taking<'t> {
    wanted: &'t Wanted<'t>,
    work: Work<'t>,
    old: Known,
    name: String,
    copied: u64,
    reused: u64,
    damaged: Vec<String>,
    missing: Vec<String>,
    fault: Option<String>,
}

impl Taking<'_> {
    fn run(&mut self, at: String) -> anyhow::Result<Manifest> {
        let target = self.wanted.target;
        make_folder(&target.join(&self.name))?;
        for _ in 0..TRIES_MAX {
            (self.damaged, self.missing) = (Vec::new(), Vec::new());
            // Before the catalog and the log: what rules remember must not be of later events.
            let mut files = self.others()?;
            let folder = (target, self.name.as_str());
            let taken = snapshot(self.wanted.catalog, self.wanted.data, folder, &mut self.work)?;
            self.copied += taken.files.iter().map(|file| file.bytes).sum::<u64>();
            files.extend(taken.files);
            // After the log and the list of segments: keys are only ever added to it.
            files.extend(self.other(&self.wanted.data.join(KEYRING), KEYRING)?);
            if let Some(key) = self.wanted.key.filter(|_| self.wanted.with_key) {
                files.extend(self.other(key, KEY)?);
            }
            let bytes = taken.segments.iter().map(|row| row.bytes).sum();
            self.work.bar.set_length(bytes);
            self.work.bar.set_position(0);
            let Some(segments) = self.segments(&taken.segments)? else { continue };
            files.extend(segments);
            let ledger = self.ledger(&taken.segments, &files)?;
            sync_tree(target)?;
            let manifest = Manifest {
                at,
                data: self.wanted.data.display().to_string(),
                ledger,
                with_key: self.wanted.with_key,
                snapshot: self.name.clone(),
                damaged: std::mem::take(&mut self.damaged),
                missing: std::mem::take(&mut self.missing),
                files,
                ..Manifest::begin()
            };
            self.work.go_on()?;
            manifest.write(target)?;
            return Ok(manifest);
        }
        let sentence = "segments are merged or deleted more quickly than they can be copied; try again at a quieter moment";
        Err(ending(Outcome::Fault, sentence))
    }

    /// Copies all that is neither catalog nor log nor segment.
    fn others(&mut self) -> anyhow::Result<Vec<Kept>> {
        let Wanted { data, key, .. } = *self.wanted;
        let key = key.and_then(|key| key.canonicalize().ok());
        let skip = |path: &Path| {
            let own = OWN_WAY.iter().any(|name| path == Path::new(name));
            let whole = data.join(path);
            let is_key = key.is_some() && whole.canonicalize().ok() == key;
            let is_key = is_key || may_be_key(&whole);
            // Left by a stop while a file was being replaced.
            let half = path.extension().is_some_and(|end| end == "new" || end == "tmp");
            own || path == Path::new(QUARANTINE) || half || is_key
        };
        let mut files = Vec::new();
        let mut odd = |path: &Path| {
            complain(&printable(&format!(
                "left out: {} is neither file nor folder",
                path.display()
            )));
        };
        for below in files_below(data, &skip, &mut odd)? {
            let from = data.join(&below);
            let Some(path) = below.to_str() else {
                let shown = from.display();
                complain(&printable(&format!("left out: the name of {shown} is not UTF-8")));
                continue;
            };
            files.extend(self.other(&from, path)?);
        }
        Ok(files)
    }

    /// Copies a file to its place in the snapshot; `None` where it is not there, or was deleted
    /// meanwhile.
    fn other(&mut self, from: &Path, path: &str) -> anyhow::Result<Option<Kept>> {
        let mut file = match File::open(from) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            file => file.with_context(|| format!("cannot read {}", from.display()))?,
        };
        let to = self.wanted.target.join(&self.name).join(path);
        to.parent().map_or(Ok(()), make_folder)?;
        let read = self.work.copy(&mut file, from, &to)?;
        self.copied += read.bytes;
        Ok(Some(kept(path.to_owned(), &self.name, &read)))
    }

    /// Brings the segments into the target; `None` where one went meanwhile.
    fn segments(&mut self, rows: &[SegmentRow]) -> anyhow::Result<Option<Vec<Kept>>> {
        let mut files = Vec::new();
        for row in rows {
            self.work.go_on()?;
            let index = Path::new(&row.file).with_extension("index");
            let index = index.to_string_lossy().into_owned();
            let Some(segment) = self.segment(&row.file, Some(row))? else {
                if self.is_listed(&row.file)? {
                    self.missing.push(row.file.clone());
                    continue;
                }
                return Ok(None);
            };
            files.push(segment);
            files.extend(self.segment(&index, None)?);
        }
        Ok(Some(files))
    }

    fn is_listed(&self, file: &str) -> anyhow::Result<bool> {
        Ok(self.wanted.catalog.segments()?.iter().any(|row| row.file == file))
    }

    /// Brings one file of a segment into the target; `None` where it is not there.
    fn segment(&mut self, path: &str, row: Option<&SegmentRow>) -> anyhow::Result<Option<Kept>> {
        let from = self.wanted.data.join(path);
        let length = match fs::metadata(&from) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            metadata => metadata.with_context(|| format!("cannot read {}", from.display()))?.len(),
        };
        let digest = row.map(|row| hexadecimal(&row.digest));
        if let Some(there) = self.already(path, length, digest.as_deref())? {
            self.reused += there.bytes;
            return Ok(Some(there));
        }
        let target = self.wanted.target;
        let beside = target.join(SEGMENTS).join("copying");
        make_folder(&target.join(SEGMENTS))?;
        remove_if_there(&beside)?;
        let linked = self.wanted.link && fs::hard_link(&from, &beside).is_ok();
        let read = if linked {
            self.work.digest(&beside)?
        } else {
            let mut file = match File::open(&from) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                file => file.with_context(|| format!("cannot read {}", from.display()))?,
            };
            self.work.copy(&mut file, &from, &beside)?
        };
        if row.is_some_and(|row| row.digest != read.sha256) {
            self.damaged.push(path.to_owned());
        }
        let stored = stored(path, &hexadecimal(&read.sha256));
        let to = target.join(&stored);
        to.parent().map_or(Ok(()), make_folder)?;
        fs::rename(&beside, &to).with_context(|| format!("cannot write {}", to.display()))?;
        *(if linked { &mut self.reused } else { &mut self.copied }) += read.bytes;
        let sha256 = hexadecimal(&read.sha256);
        let kept = Kept { path: path.to_owned(), stored, bytes: read.bytes, sha256 };
        // Should all be begun anew, it is there.
        self.old.insert(path.to_owned(), kept.clone());
        Ok(Some(kept))
    }

    /// Gives what the target has of a file already.
    fn already(
        &mut self,
        path: &str,
        length: u64,
        digest: Option<&str>,
    ) -> anyhow::Result<Option<Kept>> {
        let Some(old) = self.old.get(path).cloned() else {
            return match digest {
                Some(digest) => self.left_over(path, length, digest),
                None => Ok(None),
            };
        };
        let there = self.wanted.target.join(&old.stored);
        let same = old.bytes == length
            && digest.is_none_or(|digest| old.sha256 == digest)
            && fs::metadata(&there).is_ok_and(|metadata| metadata.len() == length);
        if !same {
            return Ok(None);
        }
        if self.wanted.verify {
            let read = self.work.digest(&there)?;
            if hexadecimal(&read.sha256) != old.sha256 {
                let shown = there.display();
                complain(&format!("{shown} was damaged in the backup and is copied anew"));
                return Ok(None);
            }
        } else {
            self.work.bar.inc(length);
        }
        Ok(Some(old))
    }

    /// Gives what a backup that was broken off has left of a file.
    fn left_over(&mut self, path: &str, bytes: u64, digest: &str) -> anyhow::Result<Option<Kept>> {
        let stored = stored(path, digest);
        let there = self.wanted.target.join(&stored);
        if !fs::metadata(&there).is_ok_and(|metadata| metadata.len() == bytes) {
            return Ok(None);
        }
        let sha256 = hexadecimal(&self.work.digest(&there)?.sha256);
        let is_whole = sha256 == digest;
        Ok(is_whole.then(|| Kept { path: path.to_owned(), stored, bytes, sha256 }))
    }

    /// Opens what was copied as a store, and counts. What does not open is told: it may be all that
    /// there is.
    fn ledger(&mut self, rows: &[SegmentRow], files: &[Kept]) -> anyhow::Result<Ledger> {
        let mut ledger = Ledger {
            segments: u64::try_from(rows.len()).unwrap_or(u64::MAX),
            in_segments: rows.iter().map(|row| row.events).sum(),
            ..Ledger::default()
        };
        let trial = self.wanted.target.join(format!("{}/trial", self.name));
        lay_out(self.wanted.target, &trial, files)?;
        match (self.wanted.open)(&trial) {
            Ok(Some(stats)) => {
                ledger.in_log = Some(stats.in_memory);
                ledger.next_id = Some(stats.next_id);
            }
            Ok(None) => {}
            Err(error) => self.fault = Some(format!("{error:#}")),
        }
        fs::remove_dir_all(&trial).with_context(|| format!("cannot delete {}", trial.display()))?;
        Ok(ledger)
    }
}

/// Tells whether a file holds a master key, such as one that was rotated out.
fn may_be_key(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_small = || fs::metadata(path).is_ok_and(|it| it.is_file() && it.len() <= KEY_BYTES_MAX);
    name.starts_with(KEY) || (is_small() && Source::File(path.to_owned()).secret(|_| None).is_ok())
}

/// Gives where a file of a segment lies in a backup: named with its digest.
fn stored(path: &str, digest: &str) -> String {
    let digest = digest.get(..16).unwrap_or(digest);
    let (stem, end) = path.rsplit_once('.').unwrap_or((path, "parquet"));
    format!("{stem}-{digest}.{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_interrupted_or_comes_at_the_same_time_leaves_the_backup_before() {
        let folder = tempfile::tempdir().unwrap();
        let (data, target) = (folder.path().join("data"), folder.path().join("target"));
        fs::create_dir_all(data.join("rules")).unwrap();
        let catalog = Catalog::open(&data.join(CATALOG)).unwrap();
        fs::write(data.join("rules/a.yml"), "first").unwrap();
        fs::write(data.join("memory.new"), "half").unwrap();
        fs::write(data.join("odd.key"), "42".repeat(32)).unwrap();
        make_private(&data.join("odd.key"));
        let open = |_: &Path| Ok(None);
        let wanted = Wanted {
            data: &data,
            catalog: &catalog,
            target: &target,
            link: false,
            verify: false,
            key: None,
            with_key: false,
            open: &open,
        };
        let first = take(&wanted, &Interrupt::default()).unwrap();
        let mut paths: Vec<&str> =
            first.manifest.files.iter().map(|file| file.path.as_str()).collect();
        paths.sort_unstable();
        // Neither what was being written nor what is a master key by its looks.
        assert_eq!(paths, ["catalog.db", "rules/a.yml"]);
        let names = || {
            let below = files_below(&target, &|_| false, &mut |_| ()).unwrap();
            below.into_iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
        };
        let (before, text) = (names(), fs::read(target.join("manifest.json")).unwrap());

        fs::write(data.join("rules/a.yml"), "second").unwrap();
        let error = take(&wanted, &Interrupt::asked()).err().unwrap();
        assert!(error.to_string().contains("interrupted"), "{error:#}");
        {
            let _other = lock(&target).unwrap();
            let error = take(&wanted, &Interrupt::default()).err().unwrap();
            assert!(error.to_string().contains("is under way"), "{error:#}");
        }
        assert_eq!((names(), fs::read(target.join("manifest.json")).unwrap()), (before, text));

        take(&wanted, &Interrupt::default()).unwrap();
        let restored = folder.path().join("restored");
        super::super::restore(&target, &restored, &Interrupt::default()).unwrap();
        assert_eq!(fs::read_to_string(restored.join("rules/a.yml")).unwrap(), "second");
        let asked = folder.path().join("asked");
        assert!(super::super::restore(&target, &asked, &Interrupt::asked()).is_err());
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 3, "nothing half is left: {left:?}");
    }

    fn make_private(path: &Path) {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}
