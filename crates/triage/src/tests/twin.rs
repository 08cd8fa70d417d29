//! The same detections and edits, taken by the catalog in portions and by a naive twin one by one.

use std::sync::Arc;

use crate::{AlertQuery, Edit, EditRequest, Signature, Targets, Triage};
use catalog::Catalog;
use model::{
    AlertId, Detection, Entity, EntityKind, EventId, Level, RuleHeader, Status, Timestamp, Verdict,
};
use proptest::prelude::*;

const EVIDENCE_MAX: usize = 100;

#[derive(Clone, Debug)]
enum Step {
    Detect(Detection),
    Close(i64),
    Acknowledge(i64),
    Open(i64),
}

/// What an alert must be, with all that it stands on.
#[derive(Debug)]
struct Twin {
    rule: String,
    entity: Option<Entity>,
    status: Status,
    detections: Vec<Detection>,
}

impl Twin {
    /// Gives the alert's whole state as text.
    fn tell(&self) -> String {
        let all = &self.detections;
        let latest = all.iter().max_by_key(|detection| detection.time).unwrap();
        let mut events: Vec<u64> =
            all.iter().flat_map(|detection| &detection.events).map(|id| id.0).collect();
        events.sort_unstable();
        events.dedup();
        let events = &events[events.len().saturating_sub(EVIDENCE_MAX)..];
        let count: u64 = all.iter().map(|detection| detection.fresh).sum();
        let first = all.iter().map(|detection| detection.first).min().unwrap();
        let simulated = all.iter().all(|detection| detection.simulated);
        let (status, level) = (self.status.as_str(), latest.rule.level);
        format!(
            "{} {:?} {status} {level} {} {count} {first} {} {events:?} {simulated}",
            self.rule, self.entity, latest.summary, latest.time
        )
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn any_portions_give_what_one_by_one_gives(
        steps in prop::collection::vec(step(), 1..60),
        portions in prop::collection::vec(1_usize..7, 60),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let triage = Triage::open(Catalog::open(&folder.path().join("catalog.db")).unwrap());
        in_portions(&triage, &steps, &portions);
        let query = AlertQuery { limit: 100, ..AlertQuery::default() };
        let mut found = triage.list(&query).unwrap().items;
        found.sort_by_key(|alert| alert.id);
        let found: Vec<String> = found
            .into_iter()
            .map(|alert| {
                let events: Vec<u64> = alert.events.iter().map(|id| id.0).collect();
                let (status, level) = (alert.status.as_str(), alert.level);
                format!(
                    "{} {:?} {status} {level} {} {} {} {} {events:?} {}",
                    alert.rule_id, alert.entity, alert.summary, alert.count, alert.first,
                    alert.last, alert.simulated
                )
            })
            .collect();
        let expected: Vec<String> = one_by_one(&steps).iter().map(Twin::tell).collect();
        prop_assert_eq!(found, expected);
    }
}

fn in_portions(triage: &Triage, steps: &[Step], portions: &[usize]) {
    let mut portions = portions.iter().cycle();
    let mut waiting = Vec::new();
    for step in steps {
        if let Step::Detect(detection) = step {
            waiting.push(detection.clone());
            continue;
        }
        fold(triage, &mut waiting, &mut portions);
        let (id, edit) = match step {
            Step::Close(id) => (id, Edit { verdict: Some(Verdict::Benign), ..Edit::default() }),
            Step::Acknowledge(id) => {
                (id, Edit { status: Some(Status::Acknowledged), ..Edit::default() })
            }
            Step::Open(id) => (id, Edit { status: Some(Status::Open), ..Edit::default() }),
            Step::Detect(_) => unreachable!(),
        };
        let signature = Signature { by: "ada", at: Timestamp::from_seconds(0) };
        let targets = Targets::Several(&[AlertId(*id)]);
        triage.edit(&EditRequest { targets, edit: &edit, signature }).unwrap();
    }
    fold(triage, &mut waiting, &mut portions);
}

fn fold<'p>(
    triage: &Triage,
    waiting: &mut Vec<Detection>,
    portions: &mut impl Iterator<Item = &'p usize>,
) {
    while !waiting.is_empty() {
        let portion = portions.next().unwrap().min(&waiting.len()).to_owned();
        let folded: Vec<Detection> = waiting.drain(..portion).collect();
        triage.fold(&folded).unwrap();
    }
}

fn one_by_one(steps: &[Step]) -> Vec<Twin> {
    let mut twins: Vec<Twin> = Vec::new();
    for step in steps {
        match step {
            Step::Detect(detection) => {
                let joins = twins.iter_mut().rev().find(|twin| {
                    twin.rule == detection.rule.id
                        && twin.entity == detection.entity
                        && twin.status != Status::Closed
                });
                match joins {
                    Some(twin) => twin.detections.push(detection.clone()),
                    None => twins.push(Twin {
                        rule: detection.rule.id.clone(),
                        entity: detection.entity.clone(),
                        status: Status::Open,
                        detections: vec![detection.clone()],
                    }),
                }
            }
            Step::Close(id) => set(&mut twins, *id, Status::Closed),
            Step::Acknowledge(id) => set(&mut twins, *id, Status::Acknowledged),
            Step::Open(id) => set(&mut twins, *id, Status::Open),
        }
    }
    twins
}

fn set(twins: &mut [Twin], id: i64, status: Status) {
    if let Some(twin) = usize::try_from(id - 1).ok().and_then(|place| twins.get_mut(place)) {
        twin.status = status;
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => detection().prop_map(Step::Detect),
        1 => (1_i64..6).prop_map(Step::Close),
        1 => (1_i64..6).prop_map(Step::Acknowledge),
        1 => (1_i64..6).prop_map(Step::Open),
    ]
}

fn detection() -> impl Strategy<Value = Detection> {
    let entity = prop::option::of(
        (0_usize..2).prop_map(|kind| Entity { kind: EntityKind::ALL[kind], value: "x".to_owned() }),
    );
    let rule = (0_usize..2, 0_usize..5);
    let events = prop::collection::vec(0_u64..400, 1..40);
    (rule, entity, (0_i64..20, 0_i64..9), 1_u64..9, events, any::<bool>()).prop_map(
        |((rule, level), entity, (second, before), count, events, simulated)| Detection {
            rule: Arc::new(RuleHeader {
                id: format!("rule_{rule}"),
                level: Level::ALL[level],
                ..RuleHeader::default()
            }),
            time: Timestamp::from_seconds(second),
            first: Timestamp::from_seconds(second - before),
            entity,
            source_ip: None,
            count: count + 1,
            fresh: count,
            summary: format!("{count} and {level}"),
            events: events.into_iter().map(EventId).collect(),
            simulated,
        },
    )
}
