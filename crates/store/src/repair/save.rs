//! Saves what can be saved. Files are durable before the list names them, and what they replace is
//! moved aside afterwards, so that a stop in between leaves nothing worse.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use catalog::{Catalog, Committed, GivingUp, Linking, Publish, Reason, SegmentId, SegmentRow};

use super::examine::split;
use super::{CATALOG, Keep, Patient, Plan, SAVED, Step, clear};
use crate::clock::now;
use crate::error::During;
use crate::folder::{number_of, segment_files, set_aside};
use crate::index::path_beside;
use crate::segment::{Gathered, Rewriter, day_name, look, salvage};
use crate::wal::{self, sync_dir};
use crate::{Config, StoreError, chain};

pub(super) fn save(patient: Patient, plan: Plan, config: &Config) -> Result<(), StoreError> {
    let Patient { dir, catalog, rescued, _lock } = patient;
    let catalog = match rescued {
        None => catalog,
        Some((why, _)) => {
            // The last connection takes the side files with it.
            drop(catalog);
            exchange_catalog(&dir, &why)?
        }
    };
    for folder in ["segments", "wal"].map(|name| dir.join(name)) {
        std::fs::create_dir_all(&folder).during(|| format!("create {}", folder.display()))?;
    }
    let mut saver = Saver {
        number: next_number(&dir, &catalog)?,
        dir: &dir,
        config,
        into: Vec::new(),
        out: Vec::new(),
        aside: Vec::new(),
    };
    for step in plan.steps {
        saver.step(step)?;
    }
    let Saver { into, out, aside, .. } = saver;
    let key = chain::begin(&dir, &catalog, config)?;
    let expected = catalog.committed()?;
    let last = into.iter().map(|row| row.last_id.saturating_add(1)).max().unwrap_or_default();
    let linking = Linking { key: &key, at: now(), reason: Reason::Repair };
    let committed = Committed { expected, next: expected.max(last) };
    let checkpoints = &[];
    catalog.publish(&Publish {
        segments: &into,
        removed: &out,
        committed,
        checkpoints,
        linking,
        giving_up: GivingUp::default(),
    })?;
    catalog.forget_checkpoints(&plan.positions)?;
    if !catalog.check_chain(&key)?.faults.is_empty() {
        catalog.begin_chain_again(&key, now())?;
    }
    for (path, note) in aside {
        if path.exists() {
            leave_note(&set_aside(&dir, &path)?, &note)?;
        }
    }
    Ok(())
}

/// Puts what was saved of the catalog in its place.
fn exchange_catalog(dir: &Path, why: &str) -> Result<Catalog, StoreError> {
    for end in ["", "-wal", "-shm"] {
        let path = dir.join(format!("{CATALOG}{end}"));
        if path.exists() {
            let target = set_aside(dir, &path)?;
            if end.is_empty() {
                leave_note(&target, why)?;
            }
        }
    }
    let (from, to) = (dir.join(SAVED), dir.join(CATALOG));
    std::fs::rename(&from, &to)
        .and_then(|()| sync_dir(dir))
        .during(|| format!("put {} in its place", to.display()))?;
    clear(dir, SAVED)?;
    Ok(Catalog::open(&to)?)
}

/// Gives a number that no file of the store begins with.
fn next_number(dir: &Path, catalog: &Catalog) -> Result<u64, StoreError> {
    let listed = catalog.segments()?.into_iter().map(|row| PathBuf::from(row.file));
    let named = segment_files(dir)?.into_iter().chain(listed).filter_map(|path| number_of(&path));
    let logs = wal::list(&dir.join("wal"))?;
    Ok(named.chain(logs).max().unwrap_or_default() + 1)
}

struct Saver<'s> {
    dir: &'s Path,
    config: &'s Config,
    number: u64,
    into: Vec<SegmentRow>,
    out: Vec<SegmentId>,
    /// Files that are not used any more, and why.
    aside: Vec<(PathBuf, String)>,
}

impl Saver<'_> {
    fn step(&mut self, step: Step) -> Result<(), StoreError> {
        match step {
            Step::Forget(row) => {
                self.out.push(row.id);
                let note = format!("{} was listed, and nothing of it could be read", row.file);
                self.aside.push((self.dir.join(&row.file), note));
            }
            Step::Unindex(row) => {
                self.out.push(row.id);
                let index = path_beside(&self.dir.join(&row.file));
                self.aside.push((index, format!("the index of {} was damaged", row.file)));
                self.into.push(SegmentRow { index_bytes: 0, index_digest: [0; 32], ..row });
            }
            Step::List { row, file } => {
                self.out.extend(row.map(|row| row.id));
                let name = self.settle(&file)?;
                let entry = self.entry(&name)?;
                self.into.push(entry);
            }
            Step::Rewrite { row, file, keep } => {
                let entry = self.rewrite(&file, &keep)?;
                let note = format!(
                    "{} was damaged; {} events of it stand in {}",
                    file.display(),
                    entry.events,
                    entry.file
                );
                self.out.extend(row.map(|row| row.id));
                self.into.push(entry);
                self.aside.push((file, note));
            }
        }
        Ok(())
    }

    /// Gives the name of a file among the segments, where it is moved if it lies elsewhere.
    fn settle(&mut self, file: &Path) -> Result<String, StoreError> {
        if let Ok(name) = file.strip_prefix(self.dir)
            && name.starts_with("segments")
        {
            return Ok(name.display().to_string());
        }
        let day = day_name(look(file, self.config.keyring.as_ref())?.first_time);
        let (_, old) = split(file);
        let mut name = format!("segments/{day}/{old}");
        if self.dir.join(&name).exists() {
            name = self.name(&day);
        }
        let target = self.dir.join(&name);
        let folder = target.parent().unwrap_or(self.dir).to_owned();
        let what = || format!("move {} to {}", file.display(), target.display());
        std::fs::create_dir_all(&folder).during(what)?;
        std::fs::rename(file, &target).and_then(|()| sync_dir(&folder)).during(what)?;
        Ok(name)
    }

    fn name(&mut self, day: &str) -> String {
        let number = self.number;
        self.number += 1;
        format!("segments/{day}/{number:08}-0.parquet")
    }

    fn entry(&self, name: &str) -> Result<SegmentRow, StoreError> {
        let look = look(&self.dir.join(name), self.config.keyring.as_ref())?;
        let mut gathered = Gathered::new();
        salvage(self.dir, name, &look, self.config, &mut |events| {
            gathered.add(&events);
            Ok(())
        })?;
        gathered.row(self.dir, name, &look, self.config)
    }

    fn rewrite(&mut self, file: &Path, keep: &Keep) -> Result<SegmentRow, StoreError> {
        let look = look(file, self.config.keyring.as_ref())?;
        let name = self.name(&day_name(look.first_time));
        let mut rewriter = Rewriter::create(self.dir, name, &look.columns, self.config)?;
        let (folder, old) = split(file);
        salvage(&folder, &old, &look, self.config, &mut |mut events| {
            if let Keep::But(doubles) = keep {
                events.retain(|event| !doubles.contains(&event.id.0));
            }
            rewriter.add(&events)
        })?;
        rewriter.finish()
    }
}

/// Tells beside a file why it lies there.
fn leave_note(path: &Path, note: &str) -> Result<(), StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".note");
    let note_path = PathBuf::from(name);
    let write = || {
        let mut file = std::fs::File::create(&note_path)?;
        writeln!(file, "{}: {note}", now())?;
        file.sync_all()
    };
    write().during(|| format!("write {}", note_path.display()))
}
