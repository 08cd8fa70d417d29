//! What of a damaged store can be saved, and the saving of it.
//!
//! Nothing is deleted: what cannot be used is moved into `quarantine`, with a note beside it. An
//! event is listed once: what stands in the log or in a listed segment is not taken again.

mod examine;
mod save;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use catalog::{Catalog, RescuedTable, SegmentRow};

use crate::error::During;
use crate::folder;
use crate::lock::Lock;
use crate::{Config, StoreError};

const CATALOG: &str = "catalog.db";
/// The copy that is read, and what was saved of it, while it is found out what can be saved.
const COPY: &str = "catalog.copy";
const SAVED: &str = "catalog.saved";

/// A store that nobody else uses meanwhile.
#[derive(Debug)]
pub struct Patient {
    dir: PathBuf,
    catalog: Catalog,
    /// Why the catalog was replaced by what could be saved of it, and what that was.
    rescued: Option<(String, Vec<RescuedTable>)>,
    _lock: Lock,
}

/// What is to be done about one file.
#[derive(Debug)]
enum Step {
    /// The entry of a segment that is gone leaves the list.
    Forget(SegmentRow),
    /// A damaged segment gives way to what can be read of it.
    Rewrite { row: Option<SegmentRow>, file: PathBuf, keep: Keep },
    /// A whole segment is listed, anew or for the first time.
    List { row: Option<SegmentRow>, file: PathBuf },
}

/// Which events of a file are kept.
#[derive(Clone, Debug)]
enum Keep {
    All,
    /// Those that stand nowhere else.
    But(BTreeSet<u64>),
}

/// What can be saved and what not.
#[derive(Debug, Default)]
pub struct Plan {
    /// What will be saved, a sentence each.
    pub saved: Vec<String>,
    /// What cannot be saved, a sentence each.
    pub lost: Vec<String>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
    steps: Vec<Step>,
    positions: Vec<String>,
}

impl Plan {
    /// Tells whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.saved.is_empty() && self.lost.is_empty()
    }
}

impl Patient {
    /// Takes the folder, as the process that writes would, and opens its catalog, or what can be
    /// saved of it.
    pub fn admit(dir: &Path) -> Result<Self, StoreError> {
        folder::check_owner(dir)?;
        let lock = Lock::take(dir)?;
        for name in [COPY, SAVED] {
            clear(dir, name)?;
        }
        let path = dir.join(CATALOG);
        let why = if path.exists() {
            match Catalog::open(&path) {
                Ok(catalog) => {
                    return Ok(Self { dir: dir.to_owned(), catalog, rescued: None, _lock: lock });
                }
                Err(error @ catalog::CatalogError::Newer { .. }) => return Err(error.into()),
                Err(error) => error.to_string(),
            }
        } else {
            format!("{} is missing", path.display())
        };
        let rescued = rescue(dir)?;
        let catalog = Catalog::open(&dir.join(SAVED))?;
        let why = why.lines().collect::<Vec<_>>().join("; ");
        Ok(Self { dir: dir.to_owned(), catalog, rescued: Some((why, rescued)), _lock: lock })
    }

    /// Gives the catalog, or what was saved of it.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Reads everything and tells what can be saved; `progress` is told how many bytes were read.
    pub fn examine(
        &self,
        config: &Config,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Plan, StoreError> {
        examine::examine(self, config, progress)
    }

    /// Saves what can be saved, and gives the folder free.
    pub fn save(self, plan: Plan, config: &Config) -> Result<(), StoreError> {
        save::save(self, plan, config)
    }

    /// Leaves everything as it is.
    pub fn leave(self) -> Result<(), StoreError> {
        let dir = self.dir.clone();
        drop(self);
        [COPY, SAVED].into_iter().try_for_each(|name| clear(&dir, name))
    }
}

/// Saves what can be read of the catalog beside it.
fn rescue(dir: &Path) -> Result<Vec<RescuedTable>, StoreError> {
    for end in ["", "-wal"] {
        let from = dir.join(format!("{CATALOG}{end}"));
        if from.exists() {
            let to = dir.join(format!("{COPY}{end}"));
            std::fs::copy(&from, &to).during(|| format!("copy {}", from.display()))?;
        }
    }
    let rescued = catalog::rescue(&dir.join(COPY), &dir.join(SAVED))?;
    clear(dir, COPY)?;
    Ok(rescued)
}

/// Deletes a database of ours that was made on the way.
fn clear(dir: &Path, name: &str) -> Result<(), StoreError> {
    for end in ["", "-wal", "-shm", "-journal"] {
        let path = dir.join(format!("{name}{end}"));
        if path.exists() {
            std::fs::remove_file(&path).during(|| format!("delete {}", path.display()))?;
        }
    }
    Ok(())
}
