//! What `serve` knows and a hunt may use: tables of addresses, the model of requests, what is usual at
//! each site, and who touched a decoy. All of it is read, and nothing is changed.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use detect::Indicators;
use detect::models::Model;
use enrich::Databases;
use pipeline::Remembered;

use crate::output::complain;
use crate::place::{self, Place};
use crate::{keys, memory, model_file};

/// Where that is; nowhere unless it is named.
#[derive(Debug, clap::Args)]
pub(super) struct KnownArgs {
    /// Uses what the `serve` of this configuration knows: its databases of addresses, its model of requests,
    /// what is usual at its sites
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The same of a data folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// By which input the files would have come: it names the site of a log that names no host
    #[arg(long, value_name = "NAME", default_value = "file")]
    input: String,
}

/// What is known before the first file is read.
#[derive(Default)]
pub(super) struct Known {
    pub(super) databases: Databases,
    pub(super) model: Option<Arc<Model>>,
    pub(super) indicators: Indicators,
}

impl KnownArgs {
    fn is_named(&self) -> bool {
        self.config.is_some() || self.data.is_some()
    }

    /// Gives what the input of the events is called.
    pub(super) fn input(&self) -> String {
        if self.is_named() { self.input.clone() } else { "hunt".to_owned() }
    }

    /// Reads it.
    pub(super) fn open(&self) -> anyhow::Result<Known> {
        if !self.is_named() {
            return Ok(Known::default());
        }
        let place = Place::of(self.config.clone(), self.data.clone());
        let config = place.config()?;
        let databases = Databases::start(&config.enrich)?;
        let file = model_file::of(&config);
        let model = model_file::read(&file)
            .map_err(|message| anyhow::anyhow!("{}: {message}", file.display()))?;
        // A configuration may be of use before its first start; a folder that is named must hold something.
        if self.data.is_none() && !place::has_catalog(&config)? {
            return Ok(Known { databases, model: model.map(Arc::new), ..Known::default() });
        }
        let (config, catalog) = place.catalog()?;
        let keyring = keys::open(&config, &catalog)?;
        let file = memory::file(&config);
        let shown = file.display().to_string();
        let remembered = Remembered::read(&file, keyring.as_ref())
            .with_context(|| format!("cannot read what serve remembers, {shown}"))?;
        if remembered.is_none() {
            complain(&format!("{shown}: serve has kept nothing yet; no site is known"));
        }
        let indicators = remembered.map(|kept| kept.memory.indicators()).unwrap_or_default();
        Ok(Known { databases, model: model.map(Arc::new), indicators })
    }
}
