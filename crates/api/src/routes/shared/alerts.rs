//! The wire format of alerts, out and in.

use catalog::User;
use model::{Alert, EntityKind, Level, Status, Verdict};
use serde::{Deserialize, Deserializer, Serialize};
use triage::{AlertFilter, AssigneeFilter, Edit, HistoryEntry, Patch};
use utoipa::{IntoParams, ToSchema};

use super::RuleView;
use crate::ApiError;
use crate::extract::moment;

/// An alert as the console sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Alert)]
pub(crate) struct AlertView {
    id: String,
    rule_id: String,
    title: String,
    level: &'static str,
    tags: Vec<String>,
    entity: Option<EntityView>,
    summary: String,
    status: &'static str,
    verdict: Option<&'static str>,
    assignee: Option<String>,
    /// How many happenings it stands on.
    count: u64,
    first: String,
    last: String,
    /// How many events are kept as evidence.
    events: usize,
    simulated: bool,
    /// Grows with each edit.
    version: u64,
}

/// Who an alert is about.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Entity)]
struct EntityView {
    #[serde(rename = "type")]
    kind: &'static str,
    value: String,
}

/// An alert with its history and its rule.
#[derive(Serialize, ToSchema)]
pub(in crate::routes) struct AlertDetail {
    #[serde(flatten)]
    pub(in crate::routes) alert: AlertView,
    pub(in crate::routes) history: Vec<HistoryView>,
    /// The rule, if it still runs.
    pub(in crate::routes) rule: Option<RuleView>,
}

/// One thing that happened to an alert.
#[derive(Serialize, ToSchema)]
pub(in crate::routes) struct HistoryView {
    at: String,
    by: String,
    change: String,
    note: Option<String>,
}

/// Which alerts, in the query and in bulk edits.
#[derive(Clone, Debug, Default, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
pub(in crate::routes) struct FilterParams {
    /// Some of `open`, `acknowledged`, `closed`, with commas between them.
    status: Option<String>,
    /// Some of `informational`, `low`, `medium`, `high`, `critical`, with commas between them.
    level: Option<String>,
    /// The rule's identity.
    rule: Option<String>,
    /// A name or an address; with `address:`, `host:` or `user:` before it, of that kind.
    entity: Option<String>,
    /// A user, `me`, or `none`.
    assignee: Option<String>,
    /// A tag of the rule.
    tag: Option<String>,
    /// Words that all stand in title, summary, entity, rule or tags.
    q: Option<String>,
    /// Last happening at this time or later.
    from: Option<String>,
    /// Last happening before this time.
    to: Option<String>,
}

/// The names of [`FilterParams`]; a bulk edit with another name must not be taken for one without.
pub(in crate::routes) const FILTER_NAMES: &[&str] =
    &["status", "level", "rule", "entity", "assignee", "tag", "q", "from", "to"];

/// What becomes of an alert; what is absent stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::routes) struct ChangeBody {
    status: Option<String>,
    verdict: Option<String>,
    /// A user; `null` for nobody.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    assignee: Assignee,
    note: Option<String>,
}

/// Who is to work on it; `null` is told apart from what is absent.
#[derive(Clone, Debug, Default)]
enum Assignee {
    #[default]
    Absent,
    Nobody,
    User(String),
}

impl<'de> Deserialize<'de> for Assignee {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = Option::<String>::deserialize(from)?;
        Ok(name.map_or(Self::Nobody, Self::User))
    }
}

impl From<&Alert> for AlertView {
    fn from(alert: &Alert) -> Self {
        Self {
            id: alert.id.to_string(),
            rule_id: alert.rule_id.clone(),
            title: alert.title.clone(),
            level: alert.level.as_str(),
            tags: alert.tags.clone(),
            entity: alert.entity.as_ref().map(|entity| EntityView {
                kind: entity.kind.as_str(),
                value: entity.value.clone(),
            }),
            summary: alert.summary.clone(),
            status: alert.status.as_str(),
            verdict: alert.verdict.map(Verdict::as_str),
            assignee: alert.assignee.clone(),
            count: alert.count,
            first: alert.first.to_string(),
            last: alert.last.to_string(),
            events: alert.events.len(),
            simulated: alert.simulated,
            version: alert.version,
        }
    }
}

impl From<HistoryEntry> for HistoryView {
    fn from(entry: HistoryEntry) -> Self {
        let HistoryEntry { at, by, change, note } = entry;
        Self { at: at.to_string(), by, change, note }
    }
}

impl FilterParams {
    /// Reads the filter; `me` is the caller's name.
    pub(in crate::routes) fn read(&self, me: &str) -> Result<AlertFilter, ApiError> {
        let (entity_kind, entity_value) = match given(self.entity.as_ref()) {
            None => (None, None),
            Some(entity) => split_entity(entity),
        };
        let assignee = given(self.assignee.as_ref()).map(|assignee| match assignee {
            "none" => AssigneeFilter::Nobody,
            "me" => AssigneeFilter::User(me.to_owned()),
            name => AssigneeFilter::User(name.to_owned()),
        });
        Ok(AlertFilter {
            statuses: words("status", self.status.as_ref(), Status::parse)?,
            levels: words("level", self.level.as_ref(), Level::parse)?,
            rule_id: given(self.rule.as_ref()).map(str::to_owned),
            entity_kind,
            entity_value,
            assignee,
            tag: given(self.tag.as_ref()).map(str::to_owned),
            text: given(self.q.as_ref()).map(str::to_owned),
            from: moment("from", self.from.as_ref())?,
            to: moment("to", self.to.as_ref())?,
        })
    }
}

impl ChangeBody {
    /// Reads the change; an assignee must be one of `users`.
    pub(in crate::routes) fn read(&self, users: &[User]) -> Result<Edit, ApiError> {
        let assignee = match &self.assignee {
            Assignee::Absent => Patch::Keep,
            Assignee::Nobody => Patch::Clear,
            Assignee::User(name) => {
                let known = users.iter().find(|user| !user.disabled && user.name == *name);
                let known = known.ok_or_else(|| ApiError::UnknownUser(name.clone()))?;
                Patch::Set(known.name.clone())
            }
        };
        Ok(Edit {
            status: word("status", self.status.as_deref(), Status::parse)?,
            verdict: word("verdict", self.verdict.as_deref(), Verdict::parse)?,
            assignee,
            note: self.note.clone(),
        })
    }
}

fn given(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.is_empty())
}

fn split_entity(entity: &str) -> (Option<EntityKind>, Option<String>) {
    let kinded = entity
        .split_once(':')
        .and_then(|(kind, value)| Some((EntityKind::parse(kind)?, value.to_owned())));
    match kinded {
        Some((kind, value)) => (Some(kind), Some(value)),
        None => (None, Some(entity.to_owned())),
    }
}

fn words<T>(
    name: &str,
    text: Option<&String>,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, ApiError> {
    let words = given(text).into_iter().flat_map(|text| text.split(','));
    words.map(|word| read_word(name, word.trim(), &parse)).collect()
}

fn word<T>(
    name: &str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, ApiError> {
    text.map(|word| read_word(name, word, parse)).transpose()
}

fn read_word<T>(name: &str, word: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, ApiError> {
    parse(word).ok_or_else(|| ApiError::BadRequest(format!("{word:?} is no {name}")))
}
