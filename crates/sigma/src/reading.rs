//! From YAML to rules: each document on its own, each fault with its place.
//!
//! [`yaml`] reads the text, within bounds; [`collection`] and [`document`] make rules of it, [`detection`],
//! [`condition`] and [`modifiers`] their trees; [`loader`] lets rules find those that they name, and lays
//! [`filter`]s and [`overrides`] over them. [`budget`] bounds what one rule may stand for.

pub(crate) mod budget;
pub(crate) mod collection;
pub(crate) mod condition;
pub(crate) mod detection;
pub(crate) mod document;
pub(crate) mod filter;
pub(crate) mod loader;
pub(crate) mod modifiers;
pub(crate) mod overrides;
pub(crate) mod value;
pub(crate) mod yaml;
