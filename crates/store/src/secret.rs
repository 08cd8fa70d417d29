//! What the catalog keeps of events: sealed, and bound to the row in which it stands.
//!
//! Texts that were kept before there were keys stay readable.

use model::Checkpoint;
use seal::{Keyring, is_sealed_text};

use crate::StoreError;

/// Gives a text as the catalog keeps it; `place` names its row.
pub(crate) fn hide(
    keyring: Option<&Keyring>,
    place: &str,
    text: String,
) -> Result<String, StoreError> {
    match keyring {
        None => Ok(text),
        Some(keyring) => {
            keyring.seal_text(place, &text).map_err(|error| StoreError::sealed(place, error))
        }
    }
}

/// Gives a text that the catalog kept.
pub(crate) fn show(
    keyring: Option<&Keyring>,
    place: &str,
    kept: String,
) -> Result<String, StoreError> {
    if !is_sealed_text(&kept) {
        return Ok(kept);
    }
    let keyring =
        keyring.ok_or_else(|| StoreError::sealed(place, "is sealed, and no key was given"))?;
    keyring.open_text(place, &kept).map_err(|error| StoreError::sealed(place, error))
}

/// Gives checkpoints as the catalog keeps them.
pub(crate) fn hide_positions(
    keyring: Option<&Keyring>,
    checkpoints: &[Checkpoint],
) -> Result<Vec<Checkpoint>, StoreError> {
    let hidden = checkpoints.iter().map(|one| {
        let position = hide(keyring, &place_of(&one.key), one.position.clone())?;
        Ok(Checkpoint { key: one.key.clone(), position })
    });
    hidden.collect()
}

/// Gives a checkpoint that the catalog kept.
pub(crate) fn show_position(
    keyring: Option<&Keyring>,
    kept: Checkpoint,
) -> Result<Checkpoint, StoreError> {
    let position = show(keyring, &place_of(&kept.key), kept.position)?;
    Ok(Checkpoint { key: kept.key, position })
}

fn place_of(source: &str) -> String {
    format!("the position of {source} in the catalog")
}
