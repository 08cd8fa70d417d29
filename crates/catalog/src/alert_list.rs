//! Which alerts there are: lists by filter and order, counts, counts over time.

use std::fmt;

use model::{Alert, EntityKind, Level, Status, Timestamp};

use crate::alerts::{COLUMNS, alert, level, rank, status};
use crate::sql::{Sql, signed, unsigned};
use crate::{Catalog, CatalogError};

/// Words of a text filter past this number are not looked at.
const WORDS_MAX: usize = 8;
/// Bounds the buckets of one histogram.
const BUCKETS_MAX: u32 = 1_000;

/// Which alerts; what is empty or `None` does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// Any of these states of the work.
    pub statuses: Vec<Status>,
    /// Any of these levels.
    pub levels: Vec<Level>,
    /// The rule's identity.
    pub rule_id: Option<String>,
    /// The kind of entity.
    pub entity_kind: Option<EntityKind>,
    /// The entity's name or address.
    pub entity_value: Option<String>,
    /// Who works on it.
    pub assignee: Option<AssigneeFilter>,
    /// A tag of the rule.
    pub tag: Option<String>,
    /// Words that all stand in its title, summary, entity, rule or tags; case does not count.
    pub text: Option<String>,
    /// Last happening at this moment or later.
    pub from: Option<Timestamp>,
    /// Last happening before this moment.
    pub to: Option<Timestamp>,
}

/// Whose alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssigneeFilter {
    /// Those on which nobody works.
    Nobody,
    /// Those of a user.
    User(String),
}

/// The order of a list, the greatest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AlertSort {
    /// By the last happening.
    #[default]
    Last,
    /// By the first happening.
    First,
    /// By level, then by the last happening.
    Level,
    /// By how many happenings.
    Count,
}

/// Where a page of a list ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertCursor(Vec<i64>);

/// One page of a list.
#[derive(Clone, Debug)]
pub struct AlertPage {
    /// The alerts, in order.
    pub items: Vec<Alert>,
    /// Where the next page begins, if there is one.
    pub next: Option<AlertCursor>,
    /// How many alerts pass the filter, over all pages.
    pub total: u64,
}

/// What is asked of a list.
#[derive(Clone, Debug, Default)]
pub struct AlertQuery {
    /// Which alerts.
    pub filter: AlertFilter,
    /// In which order.
    pub sort: AlertSort,
    /// After which place.
    pub after: Option<AlertCursor>,
    /// How many at most.
    pub limit: u32,
}

/// How many alerts are in a state and of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertCount {
    /// The state of the work.
    pub status: Status,
    /// How bad.
    pub level: Level,
    /// How many.
    pub count: u64,
}

/// A span of time, cut into equal buckets.
#[derive(Clone, Copy, Debug)]
pub struct AlertSpan {
    /// The first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub to: Timestamp,
    /// How many buckets, one to a thousand.
    pub buckets: u32,
}

/// How many alerts of a level happened last within one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertBucket {
    /// The bucket's place, from zero.
    pub bucket: u32,
    /// How bad.
    pub level: Level,
    /// How many.
    pub count: u64,
}

impl AlertSpan {
    /// Gives how long one bucket is; the last one may reach past the end.
    pub fn width_nanos(self) -> i64 {
        let span = self.to.nanos().saturating_sub(self.from.nanos()).max(1);
        let buckets = i64::from(self.buckets.clamp(1, BUCKETS_MAX));
        span / buckets + i64::from(span % buckets != 0)
    }
}

impl Catalog {
    /// Gives one page of the alerts that pass a filter.
    pub fn alerts(&self, query: &AlertQuery) -> Result<AlertPage, CatalogError> {
        self.read(|transaction| {
            let mut count = Sql::new("SELECT count(*) FROM alerts WHERE ");
            query.filter.push(&mut count);
            let total = count.query(transaction, |row| unsigned(row, 0))?.into_iter().sum();

            let keys = query.sort.columns();
            let mut page = Sql::new(&format!("SELECT {COLUMNS} FROM alerts WHERE "));
            query.filter.push(&mut page);
            if let Some(AlertCursor(after)) = &query.after {
                if after.len() != keys.len() {
                    return Err(CatalogError::OutOfRange("the cursor"));
                }
                page.push(&format!(" AND ({}) < (", keys.join(", ")));
                page.bind_all(after.iter().copied());
                page.push(")");
            }
            page.push(&format!(" ORDER BY {} DESC LIMIT ", keys.join(" DESC, ")));
            // One more than asked: whether it comes tells whether there is a next page.
            page.bind(i64::from(query.limit) + 1);
            let mut items = page.query(transaction, alert)?;
            let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
            let more = items.len() > limit;
            items.truncate(limit);
            let next = items.last().filter(|_| more).map(|last| query.sort.cursor(last));
            Ok(AlertPage { items, next: next.transpose()?, total })
        })
    }

    /// Gives how many alerts there are in each state and of each level.
    pub fn alert_counts(&self) -> Result<Vec<AlertCount>, CatalogError> {
        self.read(|transaction| {
            Sql::new("SELECT status, level, count(*) FROM alerts GROUP BY status, level").query(
                transaction,
                |row| {
                    let count = unsigned(row, 2)?;
                    Ok(AlertCount { status: status(row, 0)?, level: level(row, 1)?, count })
                },
            )
        })
    }

    /// Gives how many alerts that pass a filter happened last within each bucket; empty buckets are
    /// left out.
    pub fn alert_histogram(
        &self,
        filter: &AlertFilter,
        span: AlertSpan,
    ) -> Result<Vec<AlertBucket>, CatalogError> {
        self.read(|transaction| {
            let mut sql = Sql::new("SELECT (last_at - ");
            sql.bind(span.from.nanos());
            sql.push(") / ");
            sql.bind(span.width_nanos());
            sql.push(" AS bucket, level, count(*) FROM alerts WHERE ");
            filter.push(&mut sql);
            sql.push(" AND last_at >= ");
            sql.bind(span.from.nanos());
            sql.push(" AND last_at < ");
            sql.bind(span.to.nanos());
            sql.push(" GROUP BY bucket, level ORDER BY bucket, level");
            sql.query(transaction, |row| {
                Ok(AlertBucket {
                    bucket: row.get(0)?,
                    level: level(row, 1)?,
                    count: unsigned(row, 2)?,
                })
            })
        })
    }
}

impl AlertFilter {
    /// Appends the filter as one condition.
    pub(crate) fn push(&self, sql: &mut Sql) {
        sql.push("1 = 1");
        if !self.statuses.is_empty() {
            sql.push(" AND status IN (");
            sql.bind_all(self.statuses.iter().map(|status| status.as_str().to_owned()));
            sql.push(")");
        }
        if !self.levels.is_empty() {
            sql.push(" AND level IN (");
            sql.bind_all(self.levels.iter().map(|level| rank(*level)));
            sql.push(")");
        }
        let kind = self.entity_kind.map(|kind| kind.as_str().to_owned());
        let equal = [
            ("rule_id", &self.rule_id),
            ("entity_kind", &kind),
            ("entity_value", &self.entity_value),
        ];
        for (column, wanted) in equal {
            if let Some(wanted) = wanted {
                sql.push(&format!(" AND {column} = "));
                sql.bind(wanted.clone());
            }
        }
        match &self.assignee {
            None => {}
            Some(AssigneeFilter::Nobody) => sql.push(" AND assignee IS NULL"),
            Some(AssigneeFilter::User(name)) => {
                sql.push(" AND assignee = ");
                sql.bind(name.clone());
            }
        }
        self.push_text(sql);
        if let Some(from) = self.from {
            sql.push(" AND last_at >= ");
            sql.bind(from.nanos());
        }
        if let Some(to) = self.to {
            sql.push(" AND last_at < ");
            sql.bind(to.nanos());
        }
    }

    fn push_text(&self, sql: &mut Sql) {
        const TEXT: &str = "lower(title || ' ' || summary || ' ' || entity_value || ' ' || \
             rule_id || tags)";
        if let Some(tag) = &self.tag {
            sql.push(" AND tags LIKE ");
            sql.bind(format!("%\n{}\n%", escape_like(tag)));
            sql.push(" ESCAPE '\\'");
        }
        let words = self.text.iter().flat_map(|text| text.split_whitespace());
        for word in words.take(WORDS_MAX) {
            sql.push(&format!(" AND {TEXT} LIKE "));
            sql.bind(format!("%{}%", escape_like(&word.to_lowercase())));
            sql.push(" ESCAPE '\\'");
        }
    }
}

fn escape_like(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

impl AlertSort {
    /// Every order.
    pub const ALL: [Self; 4] = [Self::Last, Self::First, Self::Level, Self::Count];

    /// Gives the order's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::First => "first",
            Self::Level => "level",
            Self::Count => "count",
        }
    }

    /// Reads the order's word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.as_str() == word)
    }

    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Last => &["last_at", "id"],
            Self::First => &["first_at", "id"],
            Self::Level => &["level", "last_at", "id"],
            Self::Count => &["happenings", "id"],
        }
    }

    fn cursor(self, alert: &Alert) -> Result<AlertCursor, CatalogError> {
        let id = alert.id.0;
        Ok(AlertCursor(match self {
            Self::Last => vec![alert.last.nanos(), id],
            Self::First => vec![alert.first.nanos(), id],
            Self::Level => vec![rank(alert.level), alert.last.nanos(), id],
            Self::Count => vec![signed(alert.count)?, id],
        }))
    }
}

impl AlertCursor {
    /// Reads what its `Display` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let numbers: Vec<i64> =
            text.split('.').map(|word| word.parse().ok()).collect::<Option<_>>()?;
        (2..=3).contains(&numbers.len()).then_some(Self(numbers))
    }
}

impl fmt::Display for AlertCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&words.join("."))
    }
}
