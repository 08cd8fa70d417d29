//! The wire format of a rule.

use model::Level;
use serde::Serialize;
use utoipa::ToSchema;

use crate::RuleItem;

/// A rule.
#[derive(Serialize, ToSchema)]
#[schema(as = Rule)]
pub(crate) struct RuleView {
    id: String,
    title: String,
    level: &'static str,
    status: String,
    tags: Vec<String>,
    description: String,
    path: String,
    logsource: String,
    kind: String,
    references: Vec<String>,
    false_positives: Vec<String>,
    author: String,
    license: String,
    /// Whether it may match at all.
    enabled: bool,
    /// Whether it makes alerts of its own; one that serves a correlation only does not.
    reports: bool,
    /// The level that its file gives, where the installation set another.
    level_given: Option<&'static str>,
    /// What the installation takes out of it, in the search bar's language.
    exceptions: Vec<String>,
    /// Why the installation changed it.
    reason: String,
}

impl From<&RuleItem> for RuleView {
    fn from(rule: &RuleItem) -> Self {
        let rule = rule.clone();
        Self {
            id: rule.id,
            title: rule.title,
            level: rule.level.as_str(),
            status: rule.status,
            tags: rule.tags,
            description: rule.description,
            path: rule.path,
            logsource: rule.logsource,
            kind: rule.kind,
            references: rule.references,
            false_positives: rule.false_positives,
            author: rule.author,
            license: rule.license,
            enabled: rule.enabled,
            reports: rule.reports,
            level_given: rule.level_given.map(Level::as_str),
            exceptions: rule.exceptions,
            reason: rule.reason,
        }
    }
}
