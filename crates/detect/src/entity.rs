//! Whom an event is about.

use model::{Entity, EntityKind, Event, Field};

/// Where to look for whom an event is about, in this order.
pub(crate) const ENTITY_FIELDS: [(Field, EntityKind); 4] = [
    (Field::SourceIp, EntityKind::Address),
    (Field::UserName, EntityKind::User),
    (Field::UserTargetName, EntityKind::User),
    (Field::HostName, EntityKind::Host),
];

/// Gives whom an event is about.
pub(crate) fn entity(event: &Event) -> Option<Entity> {
    ENTITY_FIELDS.iter().find_map(|(field, kind)| entity_in(event, *field, *kind))
}

/// Gives whom a field of an event names.
pub(crate) fn entity_in(event: &Event, field: Field, kind: EntityKind) -> Option<Entity> {
    let value = event.get(field)?.each().next()?.to_string();
    (!value.is_empty()).then_some(Entity { kind, value })
}
