//! Whom a detection is about.

use model::{Entity, EntityKind, Event, Field};
use sigma::{Correlation, Rule, RuleKind};

/// The correlation whose events share the values of some fields.
pub(super) struct Groups<'r>(Option<&'r Correlation>);

impl<'r> Groups<'r> {
    /// Gives the groups of a rule.
    pub(super) fn of(rule: &'r Rule) -> Self {
        match &rule.kind {
            RuleKind::Correlation(correlation) => Self(Some(correlation)),
            RuleKind::Event(_) => Self(None),
        }
    }

    fn have(&self, field: Field) -> bool {
        self.0.is_some_and(|correlation| correlation.groups_by(field))
    }

    /// Gives whom the events have in common.
    pub(super) fn entity(&self, event: &Event) -> Option<Entity> {
        ENTITY_FIELDS
            .iter()
            .filter(|(field, _)| self.have(*field))
            .find_map(|(field, kind)| entity_in(event, *field, *kind))
    }

    /// Tells whether the events came from one address: where they are not grouped at all, the last
    /// one speaks for them.
    pub(super) fn one_address(&self) -> bool {
        self.0.is_none_or(|correlation| correlation.group_by.is_empty())
            || self.have(Field::SourceIp)
    }
}

/// Where to look for whom an event is about, in this order.
const ENTITY_FIELDS: [(Field, EntityKind); 4] = [
    (Field::SourceIp, EntityKind::Address),
    (Field::UserName, EntityKind::User),
    (Field::UserTargetName, EntityKind::User),
    (Field::HostName, EntityKind::Host),
];

/// Gives whom an event is about.
pub(super) fn entity(event: &Event) -> Option<Entity> {
    ENTITY_FIELDS.iter().find_map(|(field, kind)| entity_in(event, *field, *kind))
}

/// Gives whom a field of an event names.
pub(super) fn entity_in(event: &Event, field: Field, kind: EntityKind) -> Option<Entity> {
    let value = event.get(field)?.each().next()?.to_string();
    (!value.is_empty()).then_some(Entity { kind, value })
}
