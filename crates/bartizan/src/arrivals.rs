//! Which log sources arrive: what the store holds of the last days, by what tells its events apart.

use std::time::{Duration, Instant};

use model::{Event, Field, Timestamp};
use sigma::{Labels, Logsource};
use store::{Cell, SqlLimits, Store};

/// What tells an event's log source: the columns of the question, and the fields they are put into.
const KNOWN: [Field; 5] = [
    Field::EventModule,
    Field::ProcessName,
    Field::SyslogAppname,
    Field::EventProvider,
    Field::EventCode,
];
/// The same of events that come with names of their own.
const NAMED: [&str; 7] =
    ["Channel", "EventID", "winlog.channel", "winlog.event_id", "product", "category", "service"];
/// Bounds the different events that are told apart.
const KINDS_MAX: usize = 50_000;
/// How long the question may take.
const WITHIN: Duration = Duration::from_mins(5);

/// The kinds of events that arrived.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    /// An event of each kind, with nothing but what tells its log source.
    kinds: Vec<Event>,
    /// Whether there were more kinds than are told apart.
    pub(crate) truncated: bool,
}

impl Arrivals {
    /// Asks the store what arrived since a moment.
    pub(crate) fn since(store: &Store, from: Timestamp) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(Self::ask(store, from))
    }

    async fn ask(store: &Store, from: Timestamp) -> anyhow::Result<Self> {
        let known = KNOWN.iter().map(|field| field.name().to_owned());
        let named = NAMED.iter().map(|name| format!("field('{name}')"));
        let columns: Vec<String> = known.chain(named).collect();
        let columns = columns.join(", ");
        let sql = format!("SELECT DISTINCT {columns} FROM events WHERE @timestamp >= '{from}'");
        let limits = SqlLimits { rows: KINDS_MAX, deadline: Some(Instant::now() + WITHIN) };
        let mut rows = store.sql(&sql, limits).await?;
        let mut arrivals = Self::default();
        while let Some(batch) = rows.next().await? {
            arrivals.kinds.extend(batch.iter().map(|row| kind(row)));
        }
        arrivals.truncated = rows.is_truncated();
        Ok(arrivals)
    }

    /// Tells whether events of a log source arrived. An event that says nothing of a dimension may be
    /// of any source and runs through its rules; it is no sign that the source is there.
    pub(crate) fn has(&self, logsource: &Logsource) -> bool {
        self.kinds.iter().any(|kind| is_surely(kind, logsource))
    }

    /// Gives how many kinds of events there are.
    pub(crate) fn len(&self) -> usize {
        self.kinds.len()
    }
}

fn kind(row: &[Cell]) -> Event {
    let mut event = Event::default();
    let mut cells = row.iter();
    for (field, cell) in KNOWN.iter().zip(&mut cells) {
        if let Some(text) = text(cell) {
            event.set(*field, text.as_str());
        }
    }
    for (name, cell) in NAMED.iter().zip(cells) {
        match (text(cell), text(cell).and_then(|text| text.parse::<i64>().ok())) {
            (_, Some(number)) => event.set_path(name, number),
            (Some(text), None) => event.set_path(name, text.as_str()),
            (None, None) => {}
        }
    }
    event
}

fn text(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Text(text) if !text.is_empty() => Some(text.clone()),
        Cell::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Tells whether an event names each dimension of a log source, and as the source does.
fn is_surely(event: &Event, logsource: &Logsource) -> bool {
    let labels = Labels::of(event);
    let asked = [&logsource.product, &logsource.category, &logsource.service];
    let known = labels.words();
    logsource.fits_labels(&labels)
        && asked.iter().zip(known).all(|(asked, known)| asked.is_none() || known.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_without_labels_is_no_sign() {
        let logsource = |product: &str, service: &str| Logsource {
            product: Some(product.to_owned()).filter(|name| !name.is_empty()),
            category: None,
            service: Some(service.to_owned()).filter(|name| !name.is_empty()),
        };
        let mut event = Event::default();
        assert!(!is_surely(&event, &logsource("windows", "")));
        assert!(is_surely(&event, &Logsource::default()));
        event.set(Field::EventModule, "sshd");
        assert!(is_surely(&event, &logsource("linux", "sshd")));
        assert!(is_surely(&event, &logsource("linux", "")));
        assert!(!is_surely(&event, &logsource("linux", "auditd")));
        assert!(!is_surely(&event, &logsource("windows", "")));
    }
}
