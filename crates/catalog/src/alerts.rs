//! The rows of alerts. What an alert's life is, is decided above; here it is kept.

use model::{Alert, AlertId, Entity, EntityKind, EventId, Level, Status, Verdict};
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use crate::sql::{signed, unsigned};
use crate::{Catalog, CatalogError, records};

pub(crate) const COLUMNS: &str = "id, rule_id, title, level, tags, entity_kind, entity_value, \
     summary, status, verdict, assignee, happenings, first_at, last_at, evidence, simulated, \
     version";

/// The alerts within one writing transaction.
#[derive(Clone, Copy)]
pub struct Alerts<'t> {
    pub(crate) transaction: &'t Transaction<'t>,
}

impl std::fmt::Debug for Alerts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Alerts")
    }
}

impl Catalog {
    /// Runs `work` on the alerts in one transaction: all of it or, when it gives an error, nothing.
    pub fn alter_alerts<T, E: From<CatalogError>>(
        &self,
        work: impl FnOnce(Alerts<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.write(|transaction| work(Alerts { transaction }))
    }

    /// Gives one alert.
    pub fn alert(&self, id: AlertId) -> Result<Option<Alert>, CatalogError> {
        self.read(|transaction| one(transaction, id))
    }

    /// Gives alerts that were made before that one, or the last made, the last first.
    pub fn alerts_before(
        &self,
        before: Option<AlertId>,
        limit: u32,
    ) -> Result<Vec<Alert>, CatalogError> {
        self.read(|transaction| {
            let sql =
                format!("SELECT {COLUMNS} FROM alerts WHERE id < ?1 ORDER BY id DESC LIMIT ?2");
            let mut statement = transaction.prepare_cached(&sql)?;
            let before = before.map_or(i64::MAX, |id| id.0);
            let rows = statement.query_map(params![before, limit], alert)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

impl Alerts<'_> {
    /// Keeps up to which event all detections have become alerts, in the transaction that made them.
    pub fn keep_detected(self, upto: EventId) -> Result<(), CatalogError> {
        records::set(self.transaction, records::DETECTED_UPTO, &upto.to_string())
    }

    /// Gives one alert.
    pub fn get(self, id: AlertId) -> Result<Option<Alert>, CatalogError> {
        one(self.transaction, id)
    }

    /// Gives the newest alert of a rule and an entity that is not closed.
    pub fn active(
        self,
        rule_id: &str,
        entity: Option<&Entity>,
    ) -> Result<Option<Alert>, CatalogError> {
        let (kind, value) = entity_words(entity);
        let sql = format!(
            "SELECT {COLUMNS} FROM alerts
             WHERE rule_id = ?1 AND entity_kind = ?2 AND entity_value = ?3 AND status <> 'closed'
             ORDER BY id DESC LIMIT 1"
        );
        let mut statement = self.transaction.prepare_cached(&sql)?;
        Ok(statement.query_row(params![rule_id, kind, value], alert).optional()?)
    }

    /// Keeps a new alert and gives its identity; that of `alert` is not looked at.
    pub fn insert(self, alert: &Alert) -> Result<AlertId, CatalogError> {
        let (kind, value) = entity_words(alert.entity.as_ref());
        let id = self
            .transaction
            .prepare_cached(
                "INSERT INTO alerts (rule_id, title, level, tags, entity_kind, entity_value,
                     summary, status, verdict, assignee, happenings, first_at, last_at, evidence,
                     simulated, version)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
                 RETURNING id",
            )?
            .query_row(
                params![
                    alert.rule_id,
                    alert.title,
                    rank(alert.level),
                    join_tags(&alert.tags),
                    kind,
                    value,
                    alert.summary,
                    alert.status.as_str(),
                    alert.verdict.map(Verdict::as_str),
                    alert.assignee,
                    signed(alert.count)?,
                    alert.first.nanos(),
                    alert.last.nanos(),
                    join_ids(&alert.events),
                    alert.simulated,
                    signed(alert.version)?,
                ],
                |row| row.get(0),
            )?;
        Ok(AlertId(id))
    }

    /// Keeps what new detections change of an alert; the state of the work stays as it is.
    pub fn grow(self, alert: &Alert) -> Result<(), CatalogError> {
        self.transaction
            .prepare_cached(
                "UPDATE alerts SET title = ?2, level = ?3, tags = ?4, summary = ?5,
                     happenings = ?6, first_at = ?7, last_at = ?8, evidence = ?9, simulated = ?10
                 WHERE id = ?1",
            )?
            .execute(params![
                alert.id.0,
                alert.title,
                rank(alert.level),
                join_tags(&alert.tags),
                alert.summary,
                signed(alert.count)?,
                alert.first.nanos(),
                alert.last.nanos(),
                join_ids(&alert.events),
                alert.simulated,
            ])?;
        Ok(())
    }
}

fn one(transaction: &Transaction<'_>, id: AlertId) -> Result<Option<Alert>, CatalogError> {
    let sql = format!("SELECT {COLUMNS} FROM alerts WHERE id = ?1");
    Ok(transaction.prepare_cached(&sql)?.query_row([id.0], alert).optional()?)
}

/// Reads a row of [`COLUMNS`].
pub(crate) fn alert(row: &Row<'_>) -> Result<Alert, rusqlite::Error> {
    let tags: String = row.get(4)?;
    let kind: String = row.get(5)?;
    let value: String = row.get(6)?;
    let evidence: String = row.get(14)?;
    Ok(Alert {
        id: AlertId(row.get(0)?),
        rule_id: row.get(1)?,
        title: row.get(2)?,
        level: level(row, 3)?,
        tags: tags.lines().filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
        entity: EntityKind::parse(&kind).map(|kind| Entity { kind, value }),
        summary: row.get(7)?,
        status: status(row, 8)?,
        verdict: verdict(row, 9)?,
        assignee: row.get(10)?,
        count: unsigned(row, 11)?,
        first: model::Timestamp::from_nanos(row.get(12)?),
        last: model::Timestamp::from_nanos(row.get(13)?),
        events: evidence.split(' ').filter_map(|id| id.parse().ok()).map(EventId).collect(),
        simulated: row.get(15)?,
        version: unsigned(row, 16)?,
    })
}

pub(crate) fn status(row: &Row<'_>, column: usize) -> Result<Status, rusqlite::Error> {
    let word: String = row.get(column)?;
    Status::parse(&word).ok_or_else(|| unknown(column, &word))
}

pub(crate) fn verdict(row: &Row<'_>, column: usize) -> Result<Option<Verdict>, rusqlite::Error> {
    let Some(word) = row.get::<_, Option<String>>(column)? else { return Ok(None) };
    Verdict::parse(&word).map(Some).ok_or_else(|| unknown(column, &word))
}

pub(crate) fn level(row: &Row<'_>, column: usize) -> Result<Level, rusqlite::Error> {
    let place: u8 = row.get(column)?;
    Level::ALL.get(usize::from(place)).copied().ok_or_else(|| unknown(column, &place.to_string()))
}

/// Tells of a word that a later version may have written.
fn unknown(column: usize, word: &str) -> rusqlite::Error {
    let told = format!("unknown word {word:?}");
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, told.into())
}

/// Gives the level's place among the levels, so that the database can compare them.
pub(crate) fn rank(level: Level) -> i64 {
    let place = Level::ALL.into_iter().position(|other| other == level);
    place.and_then(|place| i64::try_from(place).ok()).unwrap_or(0)
}

/// What no entity is kept as: empty words, which compare as equal where NULL would not.
fn entity_words(entity: Option<&Entity>) -> (&str, &str) {
    entity.map_or(("", ""), |entity| (entity.kind.as_str(), &entity.value))
}

/// One tag a line, with a line's end on both sides of each, so that a whole tag can be looked for.
fn join_tags(tags: &[String]) -> String {
    let mut joined = String::from("\n");
    for tag in tags {
        joined.extend(tag.chars().map(|c| if c == '\n' { ' ' } else { c }));
        joined.push('\n');
    }
    joined
}

fn join_ids(ids: &[EventId]) -> String {
    let words: Vec<String> = ids.iter().map(ToString::to_string).collect();
    words.join(" ")
}
