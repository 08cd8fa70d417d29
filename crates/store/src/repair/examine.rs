//! Finds out what can be saved. Nothing is changed here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use catalog::{ChainReport, SegmentRow};

use super::{Keep, Patient, Plan, Step};
use crate::folder::{entries, is_segment, segment_files};
use crate::index::path_beside;
use crate::secret::show_position;
use crate::segment::{Look, Salvaged, Segment, digest_of, look, salvage};
use crate::{Config, StoreError, chain, wal};

pub(super) fn examine(
    patient: &Patient,
    config: &Config,
    progress: &mut dyn FnMut(u64),
) -> Result<Plan, StoreError> {
    let report = match chain::key(&patient.dir, config)? {
        Some(key) => patient.catalog.check_chain(&key)?,
        None => ChainReport { rows: patient.catalog.segments()?, ..ChainReport::default() },
    };
    let mut examiner = Examiner {
        patient,
        config,
        progress,
        plan: Plan::default(),
        stored: Vec::new(),
        gone: report.gone.clone(),
        written: report
            .listed
            .iter()
            .map(|(file, link)| (file.clone(), link.digest.clone()))
            .collect(),
    };
    examiner.tell_rescued();
    examiner.tell_unlisted(&report);
    let mut damaged = Vec::new();
    let mut published = 0;
    for row in &report.rows {
        let is_told = report.faults.iter().any(|fault| fault.file.as_ref() == Some(&row.file));
        match examiner.listed(row, is_told) {
            Some(log) => published = published.max(log),
            None => damaged.push(row.clone()),
        }
    }
    examiner.log(published)?;
    for row in damaged {
        examiner.damaged(row)?;
    }
    examiner.unlisted(&report)?;
    examiner.positions()?;
    if report.is_begun && !report.is_sound {
        let note = "the chain of digests begins anew: what was before it can no longer tell";
        examiner.plan.saved.push(note.to_owned());
    }
    Ok(examiner.plan)
}

struct Examiner<'e> {
    patient: &'e Patient,
    config: &'e Config,
    progress: &'e mut dyn FnMut(u64),
    plan: Plan,
    stored: Vec<Stored>,
    /// Digests of files that went out of the list on purpose.
    gone: BTreeSet<Vec<u8>>,
    /// Digests of the listed files, as the chain has them.
    written: BTreeMap<String, Vec<u8>>,
}

/// Events that are stored already.
struct Stored {
    first: u64,
    last: u64,
    ids: Ids,
}

enum Ids {
    Known(BTreeSet<u64>),
    /// Read when they are asked for.
    Of(PathBuf),
}

impl Examiner<'_> {
    fn tell_rescued(&mut self) {
        let Some((why, tables)) = &self.patient.rescued else { return };
        self.plan.lost.push(format!("the catalog as it was: {why}"));
        for table in tables {
            let (name, rows) = (&table.name, table.rows);
            match &table.fault {
                // It is made anew from the files.
                Some(_) | None if name == "segments" => {}
                Some(fault) => {
                    let fault = fault.lines().next().unwrap_or_default();
                    let told = format!("{name}: {rows} rows can be saved, others not ({fault})");
                    self.plan.lost.push(told);
                }
                None if rows > 0 => self.plan.saved.push(format!("{name}: all {rows} rows")),
                None => {}
            }
        }
    }

    /// Tells of segments that the chain knows and neither the list nor the disk has.
    fn tell_unlisted(&mut self, report: &ChainReport) {
        let listed: BTreeSet<&str> = report.rows.iter().map(|row| row.file.as_str()).collect();
        for (file, link) in &report.listed {
            if !listed.contains(file.as_str()) && !self.patient.dir.join(file).exists() {
                let told =
                    format!("{file}: {} events; it is in neither list nor folder", link.events);
                self.plan.lost.push(told);
            }
        }
    }

    /// Looks at a listed segment; gives its log where it is whole, and nothing where it is not.
    fn listed(&mut self, row: &SegmentRow, is_told: bool) -> Option<u64> {
        let path = self.patient.dir.join(&row.file);
        let (digest, bytes) = digest_of(&path).ok()?;
        (self.progress)(bytes);
        let segment = Segment::of(&self.patient.dir, row.clone(), self.config.keyring.as_ref());
        let segment = segment.ok().filter(|_| digest == row.digest && !is_told)?;
        let index = self.patient.dir.join(path_beside(Path::new(&row.file)));
        if row.index_bytes > 0
            && !digest_of(&index).is_ok_and(|(digest, _)| digest == row.index_digest)
        {
            let shown = index.display();
            self.plan.lost.push(format!("{shown}: an index, without which searches take longer"));
            self.plan.saved.push(format!("{}: {} events, without index", row.file, row.events));
            self.plan.steps.push(Step::Unindex(row.clone()));
        }
        self.stored.push(Stored { first: row.first_id, last: row.last_id, ids: Ids::Of(path) });
        Some(segment.stats.log)
    }

    /// Looks at the log, whose good records come into the store by themselves at the next start.
    fn log(&mut self, published: u64) -> Result<(), StoreError> {
        let folder = self.patient.dir.join("wal");
        if !folder.is_dir() {
            return Ok(());
        }
        for number in wal::list(&folder)?.into_iter().filter(|number| *number > published) {
            let path = wal::path_of(&folder, number);
            let read = wal::read(&path, self.config.keyring.as_ref())?;
            let events = read.contents.iter().flat_map(|content| &content.events);
            let ids: BTreeSet<u64> = events.map(|event| event.id.0).collect();
            let (shown, count) = (path.display(), ids.len());
            if read.damage != wal::Damage::None {
                self.plan
                    .lost
                    .push(format!("{shown}: records that are damaged, or were not finished"));
                self.plan.saved.push(format!("{shown}: {count} events in whole records"));
            }
            if let (Some(first), Some(last)) = (ids.first(), ids.last()) {
                self.stored.push(Stored { first: *first, last: *last, ids: Ids::Known(ids) });
            }
        }
        Ok(())
    }

    /// Looks what can be read of a listed segment that is not as it was written.
    fn damaged(&mut self, row: SegmentRow) -> Result<(), StoreError> {
        let path = self.patient.dir.join(&row.file);
        let (file, events) = (row.file.clone(), row.events);
        if !path.exists() {
            self.plan.lost.push(format!(
                "{file}: {events} events from {} to {}; it is missing: restore it from a backup",
                row.first_time, row.last_time
            ));
            self.plan.steps.push(Step::Forget(row));
            return Ok(());
        }
        if !self.candidate(&path, Some(row.clone()))? {
            self.plan.steps.push(Step::Forget(row));
        }
        Ok(())
    }

    /// Looks at the files that are not listed, the largest first: what was merged is preferred to
    /// its parts.
    fn unlisted(&mut self, report: &ChainReport) -> Result<(), StoreError> {
        let dir = &self.patient.dir;
        let listed: BTreeSet<PathBuf> = report.rows.iter().map(|row| dir.join(&row.file)).collect();
        let mut files = segment_files(dir)?;
        files.extend(entries(&dir.join("quarantine"))?.into_iter().filter(|one| is_segment(one)));
        let gone = self.patient.catalog.gone_files()?;
        let gone: BTreeSet<PathBuf> = gone.iter().map(|file| dir.join(file)).collect();
        files.retain(|path| !listed.contains(path) && !gone.contains(path));
        files.sort_by_key(|path| {
            std::cmp::Reverse(std::fs::metadata(path).map_or(0, |metadata| metadata.len()))
        });
        for path in files {
            let digest = digest_of(&path);
            if digest.is_ok_and(|(digest, _)| self.gone.contains(digest.as_slice())) {
                let shown = path.display();
                self.plan
                    .notes
                    .push(format!("{shown} went out of the list on purpose, and stays so"));
            } else {
                self.candidate(&path, None)?;
            }
        }
        Ok(())
    }

    /// Looks what of a file stands nowhere else; tells whether something is to be done with it.
    fn candidate(&mut self, path: &Path, row: Option<SegmentRow>) -> Result<bool, StoreError> {
        let shown = path.display().to_string();
        let known = row.as_ref().map(|row| row.events);
        let look = match look(path, self.config.keyring.as_ref()) {
            Ok(look) => look,
            Err(error) => {
                let count = known.map_or(String::new(), |known| format!(" {known} events;"));
                let told = format!("{shown}:{count} nothing of it can be read ({error})");
                self.tell_lost(row.is_some(), told);
                return Ok(false);
            }
        };
        let doubles = self.doubles(&look)?;
        let (salvaged, fresh) = self.read(path, &look, &doubles)?;
        let lost = known.unwrap_or_default().max(look.events).saturating_sub(salvaged.rows);
        if lost > 0 {
            let reason = salvaged.reason.unwrap_or_default();
            let told = format!("{shown}: {lost} events that cannot be read ({reason})");
            self.tell_lost(row.is_some(), told);
        }
        if fresh.is_empty() {
            if row.is_none() && salvaged.rows > 0 {
                self.plan.notes.push(format!("{shown}: all its events stand elsewhere; it stays"));
            }
            return Ok(false);
        }
        let is_whole = lost == 0 && fresh.len() == usize::try_from(salvaged.rows).unwrap_or(0);
        let count = fresh.len();
        self.stored.push(Stored {
            first: look.first_id,
            last: look.last_id,
            ids: Ids::Known(fresh),
        });
        let is_changed = row.as_ref().is_some_and(|row| {
            let linked = self.written.get(&row.file).map(Vec::as_slice);
            let is_one = |digest: [u8; 32]| digest == row.digest || linked == Some(&digest);
            !digest_of(path).is_ok_and(|(digest, _)| is_one(digest))
        });
        if is_whole && !is_changed {
            self.plan.saved.push(format!("{shown}: {count} events, listed from the file itself"));
            self.plan.steps.push(Step::List { row, file: path.to_owned() });
            return Ok(true);
        }
        let doubt = if is_changed { ", some of which may have been changed" } else { "" };
        self.plan.saved.push(format!("{shown}: {count} events into a new segment{doubt}"));
        let keep = if doubles.is_empty() { Keep::All } else { Keep::But(doubles) };
        self.plan.steps.push(Step::Rewrite { row, file: path.to_owned(), keep });
        Ok(true)
    }

    /// Tells of events that are lost; what lies aside was told of when it came there.
    fn tell_lost(&mut self, is_listed: bool, sentence: String) {
        if is_listed {
            self.plan.lost.push(sentence);
        } else {
            self.plan.notes.push(sentence);
        }
    }

    /// Reads a file as far as it can be read; gives the identities that stand nowhere else.
    fn read(
        &mut self,
        path: &Path,
        look: &Look,
        doubles: &BTreeSet<u64>,
    ) -> Result<(Salvaged, BTreeSet<u64>), StoreError> {
        let (dir, file) = split(path);
        let mut fresh = BTreeSet::new();
        let salvaged = salvage(&dir, &file, look, self.config, &mut |events| {
            fresh.extend(events.iter().map(|event| event.id.0).filter(|id| !doubles.contains(id)));
            Ok(())
        })?;
        (self.progress)(std::fs::metadata(path).map_or(0, |metadata| metadata.len()));
        Ok((salvaged, fresh))
    }

    /// Gives the identities within the span of a file that are stored already.
    fn doubles(&mut self, look: &Look) -> Result<BTreeSet<u64>, StoreError> {
        let mut doubles = BTreeSet::new();
        for stored in &mut self.stored {
            if stored.last < look.first_id || stored.first > look.last_id {
                continue;
            }
            if let Ids::Of(path) = &stored.ids {
                let (dir, file) = split(path);
                let mut ids = BTreeSet::new();
                let of_stored = crate::segment::look(path, self.config.keyring.as_ref())?;
                salvage(&dir, &file, &of_stored, self.config, &mut |events| {
                    ids.extend(events.iter().map(|event| event.id.0));
                    Ok(())
                })?;
                stored.ids = Ids::Known(ids);
            }
            if let Ids::Known(ids) = &stored.ids {
                doubles.extend(ids.range(look.first_id..=look.last_id));
            }
        }
        Ok(doubles)
    }

    /// Looks whether the positions of the sources can be read.
    fn positions(&mut self) -> Result<(), StoreError> {
        for kept in self.patient.catalog.checkpoints()? {
            let key = kept.key.clone();
            if show_position(self.config.keyring.as_ref(), kept).is_err() {
                self.plan.lost.push(format!(
                    "how far {key} had been read: it is read again, and what it holds still comes twice"
                ));
                self.plan.positions.push(key);
            }
        }
        Ok(())
    }
}

/// Parts a path into its folder and its name.
pub(super) fn split(path: &Path) -> (PathBuf, String) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    (path.parent().unwrap_or(path).to_owned(), name)
}
