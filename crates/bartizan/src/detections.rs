//! Detections as rows, the same wherever they are printed.

use model::Detection;

use crate::output::Cell;

/// The columns of a detection.
pub(crate) const COLUMNS: [&str; 11] = [
    "time",
    "rule.id",
    "rule.title",
    "rule.level",
    "rule.tags",
    "entity.type",
    "entity.value",
    "source.ip",
    "count",
    "summary",
    "events",
];

/// Gives the cells of a detection.
pub(crate) fn row(detection: &Detection) -> Vec<Cell> {
    let rule = &detection.rule;
    let entity = detection.entity.as_ref();
    vec![
        detection.time.to_string().into(),
        rule.id.clone().into(),
        rule.title.clone().into(),
        rule.level.as_str().into(),
        Cell::List(rule.tags.clone()),
        entity.map(|entity| entity.kind.as_str()).into(),
        entity.map(|entity| entity.value.clone()).into(),
        detection.source_ip.map(|address| address.to_string()).into(),
        detection.count.into(),
        detection.summary.clone().into(),
        Cell::List(detection.events.iter().map(ToString::to_string).collect()),
    ]
}
