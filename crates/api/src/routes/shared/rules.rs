//! The wire format of a rule.

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
        }
    }
}
