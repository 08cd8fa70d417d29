//! Which data folder a command means, and how it is opened.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use catalog::{Catalog, CatalogError};
use store::Store;

use crate::config::{self, Config};
use crate::failure::{Outcome, ending};
use crate::keys;
use crate::output::complain;

/// Segments that are told by name where an answer cannot be the whole one; all are counted.
const DAMAGED_TOLD_MAX: usize = 20;

/// Where the data is.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// The configuration file (TOML)
    #[arg(long, value_name = "FILE", env = "BARTIZAN_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// Where everything is kept; goes before the configuration
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
}

impl Place {
    /// Gives the place of a configuration, of a data folder, or of both.
    pub(crate) fn of(config: Option<PathBuf>, data: Option<PathBuf>) -> Self {
        Self { config, data }
    }

    /// Gives the configuration, with the data folder that is meant.
    pub(crate) fn config(&self) -> anyhow::Result<Config> {
        let variables: Vec<(String, String)> = std::env::vars().collect();
        let mut config = config::load(self.config.as_deref(), &variables)?.map_err(|faults| {
            let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
            ending(Outcome::Fault, told.join("\n"))
        })?;
        if let Some(data) = &self.data {
            config.data.clone_from(data);
        }
        Ok(config)
    }

    /// Gives the data folder that was named on the command line.
    pub(crate) fn named(&self) -> Option<&Path> {
        self.data.as_deref()
    }

    /// Opens the catalog of an existing data folder.
    pub(crate) fn catalog(&self) -> anyhow::Result<(Config, Catalog)> {
        let config = self.config()?;
        if !has_catalog(&config)? {
            let folder = config.data.display();
            let sentence = format!(
                "there is no data in {folder}; name the folder with --data, or start `bartizan serve` first"
            );
            return Err(ending(Outcome::Unreadable, sentence));
        }
        let catalog = Catalog::open(&catalog_file(&config)).map_err(on_one_line)?;
        Ok((config, catalog))
    }

    /// Opens the store to be read, beside a process that may be writing it.
    pub(crate) fn reader(&self) -> anyhow::Result<Store> {
        let (config, catalog) = self.catalog()?;
        let keyring = keys::open(&config, &catalog)?;
        Ok(Store::open_reader(&config.data, catalog, config.store.bounds(keyring))?)
    }

    /// Opens the store as the one that writes it, for what must be done now; an error where another
    /// process has it open.
    pub(crate) fn owner(&self) -> anyhow::Result<Store> {
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
        let (config, catalog) = self.catalog()?;
        let keyring = keys::open(&config, &catalog)?;
        // Nothing is done that was not asked for.
        let bounds = store::Config { keep_every: None, ..config.store.bounds(keyring) };
        Ok(Store::open(&config.data, catalog, bounds)?)
    }
}

/// Makes a folder for its owner alone: what lies there tells of others.
pub(crate) fn make_private(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))
}

/// Tells whether there is a catalog; a folder that may not be looked into is an error.
pub(crate) fn has_catalog(config: &Config) -> anyhow::Result<bool> {
    let file = catalog_file(config);
    file.try_exists().with_context(|| format!("cannot look at {}", file.display()))
}

/// Tells where an answer cannot be the whole one.
pub(crate) fn tell_gaps(store: &Store) {
    let damaged = store.damaged();
    for store::Damage { file, reason, .. } in damaged.iter().take(DAMAGED_TOLD_MAX) {
        complain(&format!("not read: {file}: {reason}"));
    }
    if !damaged.is_empty() {
        complain(&format!(
            "segments not read: {}; this answer is from what is left (bartizan doctor)",
            damaged.len()
        ));
    }
}

/// Gives the file of the catalog.
pub(crate) fn catalog_file(config: &Config) -> PathBuf {
    config.data.join("catalog.db")
}

/// The database tells of damage on several lines; a sentence of ours has one.
fn on_one_line(error: CatalogError) -> CatalogError {
    match error {
        CatalogError::Damaged { path, detail } => {
            let detail = detail.lines().collect::<Vec<_>>().join("; ");
            CatalogError::Damaged { path, detail }
        }
        error => error,
    }
}
