//! What arrived in the last days, as far as rules ask: the log sources and the fields of what passed
//! the line, as it notes them itself; where that does not go back far enough, those of the newest
//! stored events of each kind as well.

use std::path::Path;
use std::time::{Duration, Instant};

use detect::Health;
use model::Timestamp;
use query::{Case, FieldRef, Literal, Matcher, Node, Placement, Predicate, TextMatcher};
use sigma::RuleSet;
use store::{Cell, Order, Scope, Search, SqlLimits, Store};

/// What tells one kind of events from another: the format, and what events say of themselves.
const KINDS: [&str; 6] =
    ["event.module", "winlog.channel", "Channel", "product", "category", "service"];
/// Bounds the kinds that are told apart.
const KINDS_MAX: usize = 1_000;
/// Bounds the events that are looked at of one kind, and of all.
const SAMPLE_MAX: usize = 2_000;
const EVENTS_MAX: usize = 200_000;
/// How long it may take to tell the kinds, and to find the events of one.
const KINDS_WITHIN: Duration = Duration::from_mins(5);
const SAMPLE_WITHIN: Duration = Duration::from_secs(10);

/// What arrived.
pub(crate) struct Arrivals {
    from: Timestamp,
    /// What the line noted until its last checkpoint, and what the store's events tell.
    noted: Option<Health>,
    stored: Option<Health>,
    /// How many stored events were looked at.
    events: usize,
    /// Whether something was left out for want of time or room.
    pub(crate) is_partial: bool,
}

impl Arrivals {
    /// Looks at what arrived since a moment; `checkpoint` is that of the line.
    pub(crate) fn since(store: &Store, checkpoint: &Path, from: Timestamp) -> anyhow::Result<Self> {
        // Without one of use, the events themselves tell.
        let noted = pipeline::Remembered::read(checkpoint, store.keyring());
        let noted = noted.ok().flatten().map(|kept| kept.health);
        let goes_back = |health: &Health| health.since().is_some_and(|since| since <= from);
        let is_enough = noted.as_ref().is_some_and(goes_back);
        let mut arrivals = Self { from, noted, stored: None, events: 0, is_partial: false };
        if !is_enough {
            arrivals.look_at_store(store)?;
        }
        Ok(arrivals)
    }

    fn look_at_store(&mut self, store: &Store) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (kinds, is_partial) = runtime.block_on(kinds(store, self.from))?;
        self.is_partial = is_partial;
        let mut health = Health::new();
        let sample = (EVENTS_MAX / kinds.len().max(1)).clamp(1, SAMPLE_MAX);
        for kind in kinds {
            let mut scope = Scope::of(Predicate::new(is_of(&kind)));
            scope.from = self.from;
            scope.deadline = Some(Instant::now() + SAMPLE_WITHIN);
            let search = Search { scope, order: Order::Newest, limit: sample, cursor: None };
            let found = store.search(&search)?;
            self.is_partial |= !found.is_complete;
            self.events += found.events.len();
            found.events.iter().for_each(|event| health.observe(event));
        }
        self.stored = Some(health);
        Ok(())
    }

    /// Tells whether nothing arrived at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.events == 0 && self.noted.as_ref().is_none_or(|health| health.since().is_none())
    }

    /// Tells of each rule whether it could have fired: its log source came, with the fields that it
    /// needs.
    pub(crate) fn able(&self, rules: &RuleSet, now: Timestamp) -> Vec<bool> {
        let mut able = vec![false; rules.rules().len()];
        // The stored events are of that time by their own word; a live one by its receipt.
        let known = [(&self.noted, self.from), (&self.stored, Timestamp::MIN)];
        for (health, from) in known {
            let of_all = health.iter().flat_map(|health| health.of_all(rules, now));
            for (able, rule) in able.iter_mut().zip(of_all) {
                *able |= rule.could.is_some_and(|could| could >= from);
            }
        }
        able
    }
}

/// The values of [`KINDS`] that the events of one kind have.
type Kind = Vec<Option<String>>;

async fn kinds(store: &Store, from: Timestamp) -> anyhow::Result<(Vec<Kind>, bool)> {
    let columns = KINDS.map(|name| format!("field('{name}')")).join(", ");
    let sql = format!("SELECT DISTINCT {columns} FROM events WHERE @timestamp >= '{from}'");
    let limits = SqlLimits { rows: KINDS_MAX, deadline: Some(Instant::now() + KINDS_WITHIN) };
    let mut rows = store.sql(&sql, limits).await?;
    let mut kinds = Vec::new();
    while let Some(batch) = rows.next().await? {
        kinds.extend(batch.iter().map(|row| row.iter().map(text).collect()));
    }
    Ok((kinds, rows.is_truncated()))
}

fn text(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Text(text) => Some(text.clone()),
        Cell::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Gives the test of the events of a kind.
fn is_of(kind: &Kind) -> Node {
    let test = |(name, value): (&&str, &Option<String>)| match value {
        Some(value) => {
            let literal = Literal::new(Placement::Whole, Case::Exact, value);
            Node::field(FieldRef::by_name(name), Matcher::Text(TextMatcher::Literal(literal)))
        }
        None => Node::Not(Box::new(Node::field(FieldRef::by_name(name), Matcher::Exists))),
    };
    Node::And(KINDS.iter().zip(kind).map(test).collect())
}

#[cfg(test)]
mod tests {
    use model::{Event, Field};

    use super::*;

    #[test]
    fn a_kind_takes_its_events_and_no_others() {
        let mut event = Event::default();
        event.set(Field::EventModule, "json");
        event.set_path("product", "okta");
        let kind = |module: &str, product: Option<&str>| -> Kind {
            let mut kind = vec![None; KINDS.len()];
            kind[0] = Some(module.to_owned());
            kind[3] = product.map(str::to_owned);
            kind
        };
        let takes = |kind: &Kind| Predicate::new(is_of(kind)).matches(&event);
        assert!(takes(&kind("json", Some("okta"))));
        assert!(!takes(&kind("json", None)));
        assert!(!takes(&kind("sshd", Some("okta"))));
    }
}
