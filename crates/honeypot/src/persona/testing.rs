//! Personas to test against, without waiting for keys each time.

use std::sync::OnceLock;

use super::*;
use crate::config::Bounds;
use crate::session::now;

/// Gives the persona of a seed.
pub(crate) fn persona(seed: u8) -> Persona {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::open(folder.path(), None, &Bounds::default()).unwrap();
    let kept = KeptPersona { seed: [seed; 32], born: 1_795_000_000, keys: some_keys() };
    Persona::keep(&vault, &kept).unwrap();
    Persona::open(&vault, &PersonaConfig::default(), now()).unwrap()
}

/// Keys are slow to make: once for all tests.
pub(super) fn some_keys() -> keys::KeptKeys {
    static MADE: OnceLock<Vec<u8>> = OnceLock::new();
    let made = || serde_json::to_vec(&keys::KeptKeys::generate().unwrap()).unwrap();
    serde_json::from_slice(MADE.get_or_init(made)).unwrap()
}
