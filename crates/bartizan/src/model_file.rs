//! The file of a model of requests in the data folder, which goes before the shipped one.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use detect::models::{MODEL_BYTES_MAX, Model};

use crate::config::Config;

/// Gives where the file lies.
pub(crate) fn of(config: &Config) -> PathBuf {
    config.data.join("requests.model")
}

/// Reads a model; `None` where there is no file.
pub(crate) fn read(path: &Path) -> Result<Option<Model>, String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot be read: {error}")),
    };
    let mut bytes = Vec::new();
    let most = u64::try_from(MODEL_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    Model::decode(&bytes).map(Some).map_err(|error| error.to_string())
}
