//! Many alerts at once.

use std::sync::Arc;

use crate::{AlertFilter, Edit, EditRequest, Signature, Targets, Triage, Undo};
use catalog::Catalog;
use model::{Detection, Entity, EntityKind, EventId, RuleHeader, Timestamp, Verdict};

#[test]
fn ten_thousand_closed_by_one_edit_and_opened_again() {
    const ALERTS: u64 = 10_000;
    let folder = tempfile::tempdir().unwrap();
    let triage = Triage::open(Catalog::open(&folder.path().join("catalog.db")).unwrap());
    let rule = Arc::new(RuleHeader { id: "sweep".to_owned(), ..RuleHeader::default() });
    let detections: Vec<Detection> = (0..ALERTS)
        .map(|host| Detection {
            rule: Arc::clone(&rule),
            time: Timestamp::from_seconds(1),
            first: Timestamp::from_seconds(1),
            entity: Some(Entity { kind: EntityKind::Host, value: host.to_string() }),
            source_ip: None,
            count: 1,
            fresh: 1,
            summary: String::new(),
            events: vec![EventId(host)],
            simulated: true,
        })
        .collect();
    assert_eq!(triage.fold(&detections).unwrap().len(), 10_000);

    let filter = AlertFilter::default();
    let edit = Edit { verdict: Some(Verdict::Benign), ..Edit::default() };
    let signature = Signature { by: "ada", at: Timestamp::from_seconds(2) };
    let targets = Targets::All(&filter);
    let edited = triage.edit(&EditRequest { targets, edit: &edit, signature }).unwrap();
    assert_eq!(edited.changed, ALERTS);
    assert_eq!(edited.changes.len(), 200);
    let undone = triage.undo(Undo { edit: edited.edit, signature }).unwrap();
    assert_eq!(undone.changed, ALERTS);
    let [open] = triage.counts().unwrap()[..] else { panic!("one state and level") };
    assert_eq!((open.status.as_str(), open.count), ("open", ALERTS));
}
