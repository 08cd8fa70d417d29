//! When the last backup was taken, and where it is: kept in the catalog, for whoever looks after it.

use std::time::Duration;

use catalog::Catalog;
use model::Timestamp;
use serde::{Deserialize, Serialize};

const SETTING: &str = "backup";

/// The last backup that was whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Last {
    /// The moment that it is of.
    pub(crate) at: String,
    /// Its folder.
    pub(crate) target: String,
}

impl Last {
    /// Gives what is kept; `None` where there never was a backup.
    pub(crate) fn read(catalog: &Catalog) -> anyhow::Result<Option<Self>> {
        let text = catalog.setting(SETTING)?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    /// Keeps it.
    pub(crate) fn keep(&self, catalog: &Catalog) -> anyhow::Result<()> {
        Ok(catalog.set_setting(SETTING, &serde_json::to_string(self)?)?)
    }

    /// Gives how old it is.
    pub(crate) fn age(&self, now: Timestamp) -> Option<Duration> {
        Some(now.since(Timestamp::parse(&self.at)?))
    }
}
