//! What changes, for those who watch: a ring of the latest changes that each watcher reads at its own
//! pace.
//!
//! Nobody waits for a watcher. One that is too slow, or that comes back from too long ago, is told to
//! fetch anew what it shows.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::{Alert, AlertId};
use tokio::sync::watch;
use triage::{Change, ChangeKind};

use crate::{RulesNews, Simulation, token};

/// Changes kept for watchers that come back.
const RING_MAX: usize = 2_000;
/// Alerts told at once; of more, a watcher fetches its list anew.
const ALERTS_AT_ONCE_MAX: usize = 200;

/// Where the line tells of changed alerts; clones share it.
#[derive(Clone)]
pub struct Live(Arc<Hub>);

struct Hub {
    /// Names this run of the process: places of another run mean nothing.
    run: String,
    ring: Mutex<Ring>,
    stopping: watch::Sender<bool>,
}

#[derive(Default)]
struct Ring {
    /// The number of the change that comes next.
    next: u64,
    changes: VecDeque<Item>,
}

#[derive(Clone)]
enum Item {
    Alert(ChangeKind, Arc<Alert>),
    Simulation(Simulation),
    Rules(RulesNews),
    Refetch,
}

/// How far a watcher has read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    run: String,
    next: u64,
}

/// What a watcher has not seen.
#[derive(Debug, Default)]
pub(crate) struct News {
    pub(crate) alerts: Vec<(ChangeKind, Arc<Alert>)>,
    pub(crate) simulation: Option<Simulation>,
    pub(crate) rules: Option<RulesNews>,
    /// Whether it must fetch anew what it shows.
    pub(crate) refetch: bool,
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

impl Live {
    /// Gives a ring without changes.
    pub fn new() -> Self {
        let run = token::random().unwrap_or_default().chars().take(8).collect();
        Self(Arc::new(Hub { run, ring: Mutex::default(), stopping: watch::Sender::new(false) }))
    }

    /// Tells of changed alerts; never waits.
    pub fn publish(&self, changes: Vec<Change>) {
        if changes.len() > ALERTS_AT_ONCE_MAX {
            return self.push(Item::Refetch);
        }
        for Change { kind, alert } in changes {
            self.push(Item::Alert(kind, Arc::new(alert)));
        }
    }

    /// Tells that so much changed that lists must be fetched anew.
    pub fn publish_refetch(&self) {
        self.push(Item::Refetch);
    }

    /// Tells that sample traffic was started or has ended.
    pub fn publish_simulation(&self, simulation: Simulation) {
        self.push(Item::Simulation(simulation));
    }

    /// Tells that the rules were loaded again.
    pub fn publish_rules(&self, news: RulesNews) {
        self.push(Item::Rules(news));
    }

    fn push(&self, item: Item) {
        let mut ring = self.ring();
        ring.next += 1;
        ring.changes.push_back(item);
        if ring.changes.len() > RING_MAX {
            ring.changes.pop_front();
        }
    }

    /// Ends every stream.
    pub(crate) fn stop(&self) {
        self.0.stopping.send_replace(true);
    }

    /// Gives the flag that turns when the process stops.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.0.stopping.subscribe()
    }

    /// Gives the place after the latest change.
    pub(crate) fn head(&self) -> Place {
        Place { run: self.0.run.clone(), next: self.ring().next }
    }

    /// Gives what changed after a place, the latest state of each alert once, and moves the place.
    pub(crate) fn news(&self, place: &mut Place) -> News {
        let head = self.head();
        let unread = self.unread(place);
        *place = head;
        let mut news = News { refetch: unread.is_none(), ..News::default() };
        let mut seen: HashMap<AlertId, usize> = HashMap::new();
        for item in unread.unwrap_or_default() {
            match item {
                Item::Refetch => news.refetch = true,
                Item::Simulation(simulation) => news.simulation = Some(simulation),
                Item::Rules(rules) => news.rules = Some(rules),
                Item::Alert(kind, alert) => {
                    let at = *seen.entry(alert.id).or_insert(news.alerts.len());
                    match news.alerts.get_mut(at) {
                        None => news.alerts.push((kind, alert)),
                        // What the watcher has not seen yet is still new to it.
                        Some(earlier) if earlier.0 == ChangeKind::Created => earlier.1 = alert,
                        Some(earlier) => *earlier = (kind, alert),
                    }
                }
            }
        }
        if news.alerts.len() > ALERTS_AT_ONCE_MAX {
            news.alerts.clear();
            news.refetch = true;
        }
        news
    }

    /// Gives the changes after a place, or `None` where some of them are no longer kept.
    fn unread(&self, place: &Place) -> Option<Vec<Item>> {
        let ring = self.ring();
        let count = usize::try_from(ring.next.checked_sub(place.next)?).ok()?;
        let seen = ring.changes.len().checked_sub(count)?;
        (place.run == self.0.run).then(|| ring.changes.iter().skip(seen).cloned().collect())
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Reads what its `Display` wrote; what is no place of ours becomes one of another run.
    pub(crate) fn parse(text: &str) -> Self {
        let read = text
            .rsplit_once('-')
            .and_then(|(run, next)| Some(Self { run: run.to_owned(), next: next.parse().ok()? }));
        read.unwrap_or(Self { run: String::new(), next: 0 })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.run, self.next)
    }
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Live")
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use model::{Level, Status, Timestamp};

    use super::*;

    #[test]
    fn the_latest_state_of_each_alert_once() {
        use ChangeKind::{Created, Edited, Grown};
        check(
            &[(1, Created, 1), (2, Grown, 5), (1, Grown, 2), (2, Edited, 5), (1, Edited, 3)],
            expect!["created 1 with 3, edited 2 with 5"],
        );
    }

    #[test]
    fn too_many_alerts_at_once() {
        let many: Vec<_> = (0..201).map(|id| (id, ChangeKind::Created, 1)).collect();
        check(&many, expect!["refetch"]);
    }

    #[test]
    fn further_back_than_is_kept() {
        let many: Vec<_> = (0..2_001).map(|_| (1, ChangeKind::Grown, 1)).collect();
        check(&many, expect!["refetch"]);
        check(&many[1..], expect!["grown 1 with 1"]);
    }

    #[test]
    fn a_place_of_another_run() {
        let live = Live::new();
        for text in ["other-0", "other-1", "", "-", "x"] {
            assert!(live.news(&mut Place::parse(text)).refetch);
        }
        let mut place = Place::parse(&live.head().to_string());
        assert!(!live.news(&mut place).refetch);
    }

    #[track_caller]
    fn check(changes: &[(i64, ChangeKind, u64)], expect: Expect) {
        let live = Live::new();
        let mut place = live.head();
        for (id, kind, count) in changes {
            live.publish(vec![Change { kind: *kind, alert: alert(*id, *count) }]);
        }
        let news = live.news(&mut place);
        let mut told: Vec<String> = news
            .alerts
            .iter()
            .map(|(kind, alert)| format!("{} {} with {}", kind.as_str(), alert.id, alert.count))
            .collect();
        told.extend(news.refetch.then(|| "refetch".to_owned()));
        expect.assert_eq(&told.join(", "));
        assert!(live.news(&mut place).alerts.is_empty());
    }

    fn alert(id: i64, count: u64) -> Alert {
        Alert {
            id: AlertId(id),
            rule_id: String::new(),
            title: String::new(),
            level: Level::Low,
            tags: Vec::new(),
            entity: None,
            summary: String::new(),
            status: Status::Open,
            verdict: None,
            assignee: None,
            count,
            first: Timestamp::default(),
            last: Timestamp::default(),
            events: Vec::new(),
            simulated: false,
            version: 1,
        }
    }
}
