//! Which data folder a command means, and how it is opened.

use std::path::PathBuf;

use anyhow::Context as _;
use catalog::Catalog;
use store::Store;

use crate::config::{self, Config};
use crate::failure::{Outcome, ending};

/// Where the data is.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// The configuration file (TOML)
    #[arg(long, value_name = "FILE", env = "BARTIZAN_CONFIG")]
    config: Option<PathBuf>,
    /// Where everything is kept; goes before the configuration
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Place {
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

    /// Opens the catalog of an existing data folder.
    pub(crate) fn catalog(&self) -> anyhow::Result<(Config, Catalog)> {
        let config = self.config()?;
        let file = config.data.join("catalog.db");
        if !file.is_file() {
            let folder = config.data.display();
            let sentence = format!(
                "there is no data in {folder}; name the folder with --data, or start `bartizan serve` first"
            );
            return Err(ending(Outcome::Unreadable, sentence));
        }
        let catalog = Catalog::open(&file).with_context(|| format!("{}", file.display()))?;
        Ok((config, catalog))
    }

    /// Opens the store to be read, beside a process that may be writing it.
    pub(crate) fn reader(&self) -> anyhow::Result<Store> {
        let (config, catalog) = self.catalog()?;
        Ok(Store::open_reader(&config.data, catalog, config.store.bounds())?)
    }
}
