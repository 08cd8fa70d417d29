//! Laying imported rules down, and taking them away.
//!
//! Only what differs is written, each file beside its place and then put there at once: a running
//! product that watches the folder sees whole files, and those that stayed the same not at all.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::manifest::{self, Manifest, digest};
use crate::failure::{Outcome, ending};

/// What a file is kept under that somebody changed by hand before it is replaced.
const EDITED: &str = "edited";

/// A named import in a folder of rules.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    folder: PathBuf,
    /// What was laid down before, if there was an import of this name.
    earlier: Option<Manifest>,
}

/// What is to be done, and what it changes.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Every file that there will be, by its place below the folder.
    files: BTreeMap<String, Vec<u8>>,
    changes: BTreeMap<String, Change>,
    edited: Vec<String>,
    manifest: Manifest,
}

/// What becomes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Added,
    Changed,
    Removed,
    Same,
}

/// What was taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Removed {
    pub(crate) files: usize,
    /// Whether anything that is not the import's stays in its folder.
    pub(crate) left: bool,
}

impl Import {
    /// Opens the place of an import; a folder that somebody else made is none.
    pub(crate) fn open(rules: &Path, name: &str) -> anyhow::Result<Self> {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
        let is_fine = name.starts_with(|letter: char| letter.is_ascii_alphanumeric())
            && name.len() <= 64
            && name.chars().all(plain);
        if !is_fine {
            let sentence = format!(
                "`{name}` cannot name an import: up to 64 letters, digits, dots, dashes and underscores"
            );
            return Err(ending(Outcome::Usage, sentence));
        }
        let folder = rules.join(name);
        let taken = |what: &str| {
            let shown = folder.display();
            ending(Outcome::Fault, format!("{shown} {what}; choose another name with --name"))
        };
        let earlier = match fs::symlink_metadata(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot look at {}", folder.display()));
            }
            Ok(metadata) if !metadata.is_dir() => return Err(taken("is no folder")),
            Ok(_) => {
                let note = fs::read_to_string(folder.join(manifest::NAME)).ok();
                let note = note.as_deref().and_then(Manifest::parse);
                Some(note.ok_or_else(|| taken("was not made by an import"))?)
            }
        };
        Ok(Self { folder, earlier })
    }

    /// Gives the folder of the import.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Gives the note of the import that is there.
    pub(crate) fn earlier(&self) -> Option<&Manifest> {
        self.earlier.as_ref()
    }

    /// Works out what laying these files down would change.
    pub(crate) fn plan(&self, files: BTreeMap<String, Vec<u8>>, manifest: Manifest) -> Plan {
        let mut plan = Plan { manifest, ..Plan::default() };
        let known = |path: &str| self.earlier.as_ref().and_then(|note| note.files.get(path));
        for (path, bytes) in &files {
            let now = fs::read(self.folder.join(path)).ok();
            let change = match &now {
                None => Change::Added,
                Some(now) if now == bytes => Change::Same,
                Some(_) => Change::Changed,
            };
            let edited =
                now.is_some_and(|now| known(path).is_none_or(|laid| *laid != digest(&now)));
            if edited && change == Change::Changed {
                plan.edited.push(path.clone());
            }
            plan.changes.insert(path.clone(), change);
            plan.manifest.files.insert(path.clone(), digest(bytes));
        }
        for (path, laid) in self.earlier.iter().flat_map(|note| &note.files) {
            if files.contains_key(path) {
                continue;
            }
            if let Ok(now) = fs::read(self.folder.join(path)) {
                plan.changes.insert(path.clone(), Change::Removed);
                if digest(&now) != *laid {
                    plan.edited.push(path.clone());
                }
            }
        }
        plan.files = files;
        plan
    }

    /// Does what was planned.
    pub(crate) fn lay_down(&self, plan: &Plan) -> anyhow::Result<()> {
        let cannot = |path: &Path| format!("cannot write {}", path.display());
        for path in &plan.edited {
            let place = self.folder.join(path);
            let aside = aside(&place);
            fs::rename(&place, &aside).with_context(|| cannot(&aside))?;
        }
        for (path, change) in &plan.changes {
            let place = self.folder.join(path);
            match (change, plan.files.get(path)) {
                (Change::Added | Change::Changed, Some(bytes)) => {
                    write(&place, bytes).with_context(|| cannot(&place))?;
                }
                (Change::Removed, _) => self.remove_file(path)?,
                _ => {}
            }
        }
        let note = self.folder.join(manifest::NAME);
        write(&note, plan.manifest.to_string().as_bytes()).with_context(|| cannot(&note))
    }

    /// Takes away what was laid down; what somebody else put there stays.
    pub(crate) fn remove(&self) -> anyhow::Result<Removed> {
        let Some(earlier) = &self.earlier else {
            let sentence = format!("there is no import in {}", self.folder.display());
            return Err(ending(Outcome::Fault, sentence));
        };
        let mut removed = Removed::default();
        for (path, laid) in &earlier.files {
            let place = self.folder.join(path);
            match fs::read(&place) {
                Ok(now) if digest(&now) == *laid => {
                    self.remove_file(path)?;
                    removed.files += 1;
                }
                // Somebody's own work now; but a rule that was to go must not run on.
                Ok(_) => {
                    let aside = aside(&place);
                    fs::rename(&place, &aside)
                        .with_context(|| format!("cannot write {}", aside.display()))?;
                    removed.files += 1;
                }
                Err(_) => {}
            }
        }
        fs::remove_file(self.folder.join(manifest::NAME))
            .with_context(|| format!("cannot remove the note in {}", self.folder.display()))?;
        // A folder that is not empty stays.
        removed.left = fs::remove_dir(&self.folder).is_err();
        Ok(removed)
    }

    /// Removes a file and the folders that are empty without it.
    fn remove_file(&self, path: &str) -> anyhow::Result<()> {
        let place = self.folder.join(path);
        match fs::remove_file(&place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", place.display()));
            }
            _ => {}
        }
        for folder in place.ancestors().skip(1).take_while(|folder| *folder != self.folder) {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }
}

impl Plan {
    /// Gives how many files become this.
    pub(crate) fn count(&self, change: Change) -> usize {
        self.changes.values().filter(|each| **each == change).count()
    }

    /// Gives the files that were changed by hand, and are kept aside before they are replaced.
    pub(crate) fn edited(&self) -> &[String] {
        &self.edited
    }
}

/// Gives the name under which a file is kept that was changed by hand; no rule is read from it.
fn aside(place: &Path) -> PathBuf {
    let mut name = place.as_os_str().to_owned();
    name.push(".");
    name.push(EDITED);
    PathBuf::from(name)
}

/// Writes a file beside its place, and puts it there at once.
fn write(place: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder)?;
    }
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let beside = place.with_file_name(format!(".{name}.new"));
    let mut file = fs::File::create(&beside)?;
    file.write_all(bytes)?;
    drop(file);
    fs::rename(&beside, place)
}
