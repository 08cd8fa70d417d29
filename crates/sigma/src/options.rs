//! What rules are loaded from, and with.

use std::collections::BTreeMap;

use crate::Overrides;

/// What `%name%` stands for in values with the modifier `expand`.
pub type Placeholders = BTreeMap<String, Vec<String>>;

/// What an installation says of its rules, besides the rule files.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What `%name%` stands for.
    pub placeholders: Placeholders,
    /// What is changed of single rules.
    pub overrides: Overrides,
}

/// A file of rules, read by somebody else.
#[derive(Clone, Debug)]
pub struct RuleFile {
    /// Its path, for people.
    pub path: String,
    /// What it holds.
    pub text: String,
}
