//! The wire format of what an installation says of a rule.

use model::Level;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ApiError, RuleOverride};

/// Bounds the exceptions of one rule.
const EXCEPTIONS_MAX: usize = 100;
/// Bounds one exception, and the reason.
const TEXT_CHARS_MAX: usize = 4_000;

/// What an installation says of a rule.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RuleOverride)]
pub(crate) struct OverrideView {
    /// Whether it may match.
    enabled: Option<bool>,
    /// How bad its findings are.
    level: Option<String>,
    /// What it no longer matches, in the search bar's language.
    #[serde(default)]
    exceptions: Vec<String>,
    /// Why.
    #[serde(default)]
    reason: String,
}

impl From<RuleOverride> for OverrideView {
    fn from(own: RuleOverride) -> Self {
        let RuleOverride { enabled, level, exceptions, reason } = own;
        let level = level.map(|level| level.as_str().to_owned());
        Self { enabled, level, exceptions, reason }
    }
}

impl OverrideView {
    pub(crate) fn read(self) -> Result<RuleOverride, ApiError> {
        let Self { enabled, level, exceptions, reason } = self;
        let level = match level {
            None => None,
            Some(word) => Some(
                Level::parse(&word)
                    .ok_or_else(|| ApiError::BadRequest(format!("{word:?} is no level")))?,
            ),
        };
        let is_long = |text: &String| text.chars().count() > TEXT_CHARS_MAX;
        if exceptions.len() > EXCEPTIONS_MAX || exceptions.iter().any(is_long) || is_long(&reason) {
            return Err(ApiError::TooLarge);
        }
        let exceptions: Vec<String> =
            exceptions.iter().map(|exception| exception.trim().to_owned()).collect();
        for exception in &exceptions {
            if exception.is_empty() {
                return Err(ApiError::BadRequest("an exception is not empty".to_owned()));
            }
            query::Predicate::parse(exception)?;
        }
        Ok(RuleOverride { enabled, level, exceptions, reason })
    }
}
