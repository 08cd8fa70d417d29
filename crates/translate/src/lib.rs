//! Foreign rule sets to Sigma.
//!
//! [`wazuh`] reads the XML rules of Wazuh and OSSEC, [`aggregation`] the counting conditions that
//! Sigma had before it had correlations. Both give text: Sigma's YAML, to be kept beside other rules
//! and read, changed and loaded like them. What has no counterpart is never guessed: it is an
//! [`Untranslated`], with its place and the reason.
//!
//! The crate is pure: it takes texts and gives texts.

pub mod aggregation;
mod detection;
pub mod wazuh;
mod yaml;

use std::fmt;

/// A file to be translated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// What the file is called where places are told.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// A file of Sigma rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigmaFile {
    /// The file that it was made of.
    pub source: String,
    /// The YAML.
    pub text: String,
    /// How many rules of the source it holds.
    pub rules: usize,
}

/// A rule that was not translated, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untranslated {
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The rule's id there, if the fault is a rule's.
    pub rule: Option<String>,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Untranslated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, column, rule, reason } = self;
        write!(f, "{path}:{line}:{column}: ")?;
        if let Some(rule) = rule {
            write!(f, "rule {rule}: ")?;
        }
        f.write_str(reason)
    }
}
