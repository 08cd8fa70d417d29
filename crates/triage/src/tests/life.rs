//! An alert's life, told in steps.

use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

use crate::{
    AlertFilter, AlertQuery, AlertSort, AssigneeFilter, ChangeKind, Edit, EditId, EditRequest,
    Patch, Signature, Targets, Triage, Undo,
};
use catalog::Catalog;
use expect_test::{Expect, expect};
use model::{
    AlertId, Detection, Entity, EntityKind, EventId, Level, RuleHeader, Status, Timestamp, Verdict,
};

#[test]
fn detections_join_until_the_alert_is_closed() {
    check(
        |room| {
            room.detect("sweep", "203.0.113.9", 10);
            room.detect("sweep", "203.0.113.9", 12);
            room.detect("sweep", "203.0.113.10", 13);
            room.detect("spray", "203.0.113.9", 14);
            room.edit(1, |edit| edit.verdict = Some(Verdict::Benign));
            room.detect("sweep", "203.0.113.9", 20);
        },
        expect![[r#"
            created 1: 3, 10 to 10, events [1]
            grown 1: 6, 10 to 12, events [1, 2]
            created 2: 3, 13 to 13, events [3]
            created 3: 3, 14 to 14, events [4]
            1 changed: 1 v2 closed Some("benign");
            created 4: 3, 20 to 20, events [5]
        "#]],
    );
}

#[test]
fn closing_needs_a_verdict_and_opening_takes_it_back() {
    check(
        |room| {
            room.detect("sweep", "203.0.113.9", 10);
            room.edit(1, |edit| edit.status = Some(Status::Closed));
            room.edit(1, |edit| {
                edit.status = Some(Status::Acknowledged);
                edit.verdict = Some(Verdict::Benign);
            });
            room.edit(1, |edit| edit.verdict = Some(Verdict::FalsePositive));
            room.edit(1, |edit| edit.status = Some(Status::Open));
            room.history(1);
        },
        expect![[r#"
            created 1: 3, 10 to 10, events [1]
            closing an alert needs a verdict
            only a closed alert has a verdict
            1 changed: 1 v2 closed Some("false_positive");
            1 changed: 1 v3 open None;
            at 10 bartizan: created | 
            at 20 ada: closed, false positive | 
            at 20 ada: open | 
        "#]],
    );
}

#[test]
fn every_change_stands_in_the_history_and_none_that_is_no_change() {
    check(
        |room| {
            room.detect("sweep", "203.0.113.9", 10);
            room.edit(1, |edit| {
                edit.status = Some(Status::Acknowledged);
                edit.assignee = Patch::Set("ada".to_owned());
            });
            room.edit(1, |edit| edit.status = Some(Status::Acknowledged));
            room.edit(1, |edit| edit.note = Some("  asked the owner ".to_owned()));
            room.edit(1, |edit| edit.note = Some("  ".to_owned()));
            room.edit(1, |edit| edit.assignee = Patch::Clear);
            room.history(1);
        },
        expect![[r"
            created 1: 3, 10 to 10, events [1]
            1 changed: 1 v2 acknowledged None;
            0 changed:
            1 changed: 1 v3 acknowledged None;
            0 changed:
            1 changed: 1 v4 acknowledged None;
            at 10 bartizan: created | 
            at 20 ada: acknowledged, assigned to ada | 
            at 20 ada: noted | asked the owner
            at 20 ada: unassigned | 
        "]],
    );
}

#[test]
fn an_edit_upon_an_old_version_is_refused_and_growing_makes_none() {
    check(
        |room| {
            room.detect("sweep", "203.0.113.9", 10);
            room.detect("sweep", "203.0.113.9", 11);
            room.edit_version(1, 1);
            room.edit_version(1, 1);
            room.edit_version(7, 1);
        },
        expect![[r"
            created 1: 3, 10 to 10, events [1]
            grown 1: 6, 10 to 11, events [1, 2]
            1 changed: 1 v2 open None;
            alert 1 was changed meanwhile: it is at version 2
            no alert 7
        "]],
    );
}

#[test]
fn all_that_pass_a_filter_and_back_again() {
    check(
        |room| {
            for host in 0..5 {
                room.detect("sweep", &format!("203.0.113.{host}"), 10 + host);
            }
            let edit = room.edit_all("113.3");
            room.undo(edit, "ada", 30);
            let edit = room.edit_all("sweep");
            room.edit(2, |edit| edit.assignee = Patch::Set("bob".to_owned()));
            room.undo(edit, "bob", 60);
            room.undo(edit, "ada", 6000);
            room.undo(edit, "ada", 60);
            room.undo(edit, "ada", 61);
            room.history(3);
        },
        expect![[r#"
            created 1: 3, 10 to 10, events [1]
            created 2: 3, 11 to 11, events [2]
            created 3: 3, 12 to 12, events [3]
            created 4: 3, 13 to 13, events [4]
            created 5: 3, 14 to 14, events [5]
            1 changed: 4 v2 closed Some("duplicate");
            1 changed: 4 v3 open None;
            5 changed: 1 v2 closed Some("duplicate"); 2 v2 closed Some("duplicate"); 3 v2 closed Some("duplicate"); 4 v4 closed Some("duplicate"); 5 v2 closed Some("duplicate");
            1 changed: 2 v3 closed Some("duplicate");
            this edit cannot be taken back any more
            this edit cannot be taken back any more
            4 changed: 1 v3 open None; 3 v3 open None; 4 v5 open None; 5 v3 open None;
            0 changed:
            at 12 bartizan: created | 
            at 20 ada: closed, duplicate | 
            at 60 ada: undone, open | 
        "#]],
    );
}

#[test]
fn pages_follow_each_other() {
    check(
        |room| {
            for host in 0..5 {
                room.detect("sweep", &format!("203.0.113.{host}"), 10 + host % 2);
            }
            for sort in AlertSort::ALL {
                room.pages(sort);
            }
        },
        expect![[r"
            created 1: 3, 10 to 10, events [1]
            created 2: 3, 11 to 11, events [2]
            created 3: 3, 10 to 10, events [3]
            created 4: 3, 11 to 11, events [4]
            created 5: 3, 10 to 10, events [5]
            last: [4, 2] of 5 [5, 3] of 5 [1] of 5
            first: [4, 2] of 5 [5, 3] of 5 [1] of 5
            level: [4, 2] of 5 [5, 3] of 5 [1] of 5
            count: [5, 4] of 5 [3, 2] of 5 [1] of 5
        "]],
    );
}

#[test]
fn filters() {
    check(
        |room| {
            room.detect("sweep", "203.0.113.9", 10);
            room.detect("spray", "100%_a\\b", 11);
            room.edit(2, |edit| edit.assignee = Patch::Set("ada".to_owned()));
            let filter = AlertFilter::default;
            let text = |text: &str| AlertFilter { text: Some(text.to_owned()), ..filter() };
            room.count("SWEEP 113", &text("SWEEP 113"));
            room.count("113 spray", &text("113 spray"));
            room.count("0%_a\\b", &text("0%_a\\b"));
            room.count("0_%", &text("0_%"));
            room.count("' OR 1=1 --", &text("' OR 1=1 --"));
            let tag = |tag: &str| AlertFilter { tag: Some(tag.to_owned()), ..filter() };
            room.count("tag attack.t1046", &tag("attack.t1046"));
            room.count("tag attack.t104", &tag("attack.t104"));
            let nobody = Some(AssigneeFilter::Nobody);
            room.count("nobody's", &AlertFilter { assignee: nobody, ..filter() });
            let ada = Some(AssigneeFilter::User("ada".to_owned()));
            room.count("ada's", &AlertFilter { assignee: ada, ..filter() });
            let levels = vec![Level::High, Level::Critical];
            room.count("high", &AlertFilter { levels, ..filter() });
            let statuses = vec![Status::Closed];
            room.count("closed", &AlertFilter { statuses, ..filter() });
            let (from, to) = (Some(Timestamp::from_seconds(10)), Some(Timestamp::from_seconds(11)));
            room.count("within", &AlertFilter { from, to, ..filter() });
        },
        expect![[r"
            created 1: 3, 10 to 10, events [1]
            created 2: 3, 11 to 11, events [2]
            1 changed: 2 v2 open None;
            SWEEP 113: [1]
            113 spray: []
            0%_a\b: [2]
            0_%: []
            ' OR 1=1 --: []
            tag attack.t1046: [2, 1]
            tag attack.t104: []
            nobody's: [1]
            ada's: [2]
            high: [2]
            closed: []
            within: [1]
        "]],
    );
}

struct Room {
    triage: Triage,
    told: String,
    events: u64,
    _folder: tempfile::TempDir,
}

impl Room {
    fn detect(&mut self, rule: &str, address: &str, second: i64) {
        self.events += 1;
        let detection = detection(rule, address, second, self.events);
        for change in self.triage.fold(&[detection]).unwrap() {
            let (kind, alert) = (change.kind.as_str(), change.alert);
            assert!(change.kind != ChangeKind::Created || alert.count == 3);
            writeln!(
                self.told,
                "{kind} {}: {}, {} to {}, events {:?}",
                alert.id,
                alert.count,
                alert.first.seconds(),
                alert.last.seconds(),
                alert.events.iter().map(|id| id.0).collect::<Vec<_>>()
            )
            .unwrap();
        }
    }

    fn edit(&mut self, id: i64, change: impl FnOnce(&mut Edit)) {
        let mut edit = Edit::default();
        change(&mut edit);
        self.make(Targets::One(AlertId(id), None), &edit);
    }

    fn edit_version(&mut self, id: i64, version: u64) {
        let edit = Edit { note: Some("seen".to_owned()), ..Edit::default() };
        self.make(Targets::One(AlertId(id), Some(version)), &edit);
    }

    fn edit_all(&mut self, text: &str) -> EditId {
        let filter = AlertFilter { text: Some(text.to_owned()), ..AlertFilter::default() };
        let edit = Edit { verdict: Some(Verdict::Duplicate), ..Edit::default() };
        self.make(Targets::All(&filter), &edit).unwrap()
    }

    fn make(&mut self, targets: Targets<'_>, edit: &Edit) -> Option<EditId> {
        let signature = Signature { by: "ada", at: Timestamp::from_seconds(20) };
        let edited = self.triage.edit(&EditRequest { targets, edit, signature });
        self.tell(edited)
    }

    fn undo(&mut self, edit: EditId, by: &str, second: i64) {
        let signature = Signature { by, at: Timestamp::from_seconds(second) };
        let edited = self.triage.undo(Undo { edit, signature });
        self.tell(edited);
    }

    fn tell(&mut self, edited: Result<crate::Edited, crate::TriageError>) -> Option<EditId> {
        match edited {
            Ok(edited) => {
                write!(self.told, "{} changed:", edited.changed).unwrap();
                for change in edited.changes {
                    let alert = change.alert;
                    let verdict = alert.verdict.map(Verdict::as_str);
                    let status = alert.status.as_str();
                    write!(self.told, " {} v{} {status} {verdict:?};", alert.id, alert.version)
                        .unwrap();
                }
                writeln!(self.told).unwrap();
                Some(edited.edit)
            }
            Err(error) => {
                writeln!(self.told, "{error}").unwrap();
                None
            }
        }
    }

    fn history(&mut self, id: i64) {
        for entry in self.triage.history(AlertId(id)).unwrap() {
            let (at, note) = (entry.at.seconds(), entry.note.unwrap_or_default());
            writeln!(self.told, "at {at} {}: {} | {note}", entry.by, entry.change).unwrap();
        }
    }

    fn pages(&mut self, sort: AlertSort) {
        write!(self.told, "{}:", sort.as_str()).unwrap();
        let mut query = AlertQuery { sort, limit: 2, ..AlertQuery::default() };
        loop {
            let page = self.triage.list(&query).unwrap();
            let ids: Vec<_> = page.items.iter().map(|alert| alert.id.0).collect();
            write!(self.told, " {ids:?} of {}", page.total).unwrap();
            query.after = page.next;
            if query.after.is_none() {
                break;
            }
        }
        writeln!(self.told).unwrap();
    }

    fn count(&mut self, name: &str, filter: &AlertFilter) {
        let query = AlertQuery { filter: filter.clone(), limit: 9, ..AlertQuery::default() };
        let page = self.triage.list(&query).unwrap();
        let ids: Vec<_> = page.items.iter().map(|alert| alert.id.0).collect();
        writeln!(self.told, "{name}: {ids:?}").unwrap();
    }
}

fn detection(rule: &str, address: &str, second: i64, event: u64) -> Detection {
    let level = if rule == "spray" { Level::High } else { Level::Medium };
    Detection {
        rule: Arc::new(RuleHeader {
            id: rule.to_owned(),
            title: format!("Rule {rule}"),
            level,
            tags: vec!["attack.discovery".to_owned(), "attack.t1046".to_owned()],
            ..RuleHeader::default()
        }),
        time: Timestamp::from_seconds(second),
        first: Timestamp::from_seconds(second),
        entity: Some(Entity { kind: EntityKind::Address, value: address.to_owned() }),
        source_ip: address.parse::<IpAddr>().ok(),
        count: 3,
        fresh: 3,
        summary: format!("{address} did it"),
        events: vec![EventId(event)],
        simulated: false,
    }
}

#[track_caller]
fn check(steps: impl FnOnce(&mut Room), expect: Expect) {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(&folder.path().join("catalog.db")).unwrap();
    let mut room =
        Room { triage: Triage::open(catalog), told: String::new(), events: 0, _folder: folder };
    steps(&mut room);
    expect.assert_eq(&room.told);
}
