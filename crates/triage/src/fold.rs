//! Detections join alerts.
//!
//! What an alert holds of its detections is a sum, a span, a set bounded at its newest, or what the
//! latest says: so it does not matter in which portions the detections come.

use std::collections::HashMap;

use catalog::Alerts;
use model::{Alert, AlertId, Detection, Entity, EventId, Status};

use crate::{Change, ChangeKind, TriageError};

/// Evidence kept of one alert; the newest stay.
pub(crate) const EVIDENCE_MAX: usize = 100;

pub(crate) fn fold(
    alerts: Alerts<'_>,
    detections: &[Detection],
) -> Result<Vec<Change>, TriageError> {
    group(detections).into_iter().map(|group| join(alerts, &group)).collect()
}

/// Gives the detections of each rule and entity together, in the order in which they first come.
fn group(detections: &[Detection]) -> Vec<Vec<&Detection>> {
    let mut places: HashMap<(&str, Option<&Entity>), usize> = HashMap::new();
    let mut groups: Vec<Vec<&Detection>> = Vec::new();
    for detection in detections {
        let key = (detection.rule.id.as_str(), detection.entity.as_ref());
        let place = *places.entry(key).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(detection),
            None => groups.push(vec![detection]),
        }
    }
    groups
}

/// Lets detections of one rule and entity join their alert, or makes it.
fn join(alerts: Alerts<'_>, group: &[&Detection]) -> Result<Change, TriageError> {
    let [first, rest @ ..] = group else {
        return Err(TriageError::Unfit("an alert needs a detection"));
    };
    if let Some(mut alert) = alerts.active(&first.rule.id, first.entity.as_ref())? {
        for detection in group {
            absorb(&mut alert, detection);
        }
        alerts.grow(&alert)?;
        return Ok(Change { kind: ChangeKind::Grown, alert });
    }
    let mut alert = begin(first);
    for detection in rest {
        absorb(&mut alert, detection);
    }
    alert.id = alerts.insert(&alert)?;
    Ok(Change { kind: ChangeKind::Created, alert })
}

fn begin(detection: &Detection) -> Alert {
    let mut alert = Alert {
        id: AlertId::default(),
        rule_id: detection.rule.id.clone(),
        title: String::new(),
        level: detection.rule.level,
        tags: Vec::new(),
        entity: detection.entity.clone(),
        summary: String::new(),
        status: Status::Open,
        verdict: None,
        assignee: None,
        count: 0,
        first: detection.first,
        last: detection.time,
        events: Vec::new(),
        simulated: true,
        version: 1,
    };
    absorb(&mut alert, detection);
    alert
}

fn absorb(alert: &mut Alert, detection: &Detection) {
    // The database's numbers are signed, and a count past that says no more.
    let most = i64::MAX.unsigned_abs();
    alert.count = alert.count.saturating_add(detection.fresh).min(most);
    alert.first = alert.first.min(detection.first);
    alert.simulated &= detection.simulated;
    keep_newest(&mut alert.events, &detection.events);
    if detection.time >= alert.last {
        alert.last = detection.time;
        alert.summary.clone_from(&detection.summary);
        alert.title.clone_from(&detection.rule.title);
        alert.level = detection.rule.level;
        alert.tags.clone_from(&detection.rule.tags);
    }
}

fn keep_newest(kept: &mut Vec<EventId>, more: &[EventId]) {
    kept.extend_from_slice(more);
    kept.sort_unstable();
    kept.dedup();
    let over = kept.len().saturating_sub(EVIDENCE_MAX);
    kept.drain(..over);
}
