//! Ours: entries that point into the record's text.

use std::ops::Range;
use std::sync::Arc;

use model::{Clock, Event, Field, Text, Timestamp, Value};
use parse::{Context, FORMATS, Format};

use crate::columns::Columns;
use crate::shape::{KNOWN, Kind, Shape, UNKNOWN, ssh};

pub(crate) struct Spans;

impl Shape for Spans {
    const NAME: &'static str = "model::Event";
    type Kept<'t> = Event;

    fn with<T>(lines: &[String], kind: Kind, then: impl FnOnce(&[Event]) -> T) -> T {
        let format = FORMATS.iter().find(|format| format.id == "json");
        let (chunk, ranges) = chunk(lines);
        let texts = ranges.into_iter().filter_map(|range| Text::slice(&chunk, range));
        let events: Vec<Event> = match (kind, format) {
            (Kind::Json, Some(format)) => texts.map(|text| read_json(text, format)).collect(),
            _ => texts.map(read_ssh).collect(),
        };
        then(&events)
    }

    fn read(event: &Event) -> usize {
        let known = KNOWN.iter().filter(|field| event.get(**field).is_some()).count();
        known + UNKNOWN.iter().filter(|name| event.get_extra(name).is_some()).count()
    }

    fn write(event: &Event, out: &mut String) {
        event.write_json(out);
    }

    fn append(event: &Event, columns: &mut Columns) {
        columns.time(event.time.nanos());
        columns.address(event.ip(Field::SourceIp));
        columns.texts(|field| {
            let value = event.get(field)?;
            value.as_text().or_else(|| value.each().next()?.as_text())
        });
        columns.numbers(|field| event.integer(field));
    }
}

/// Joins the lines into one shared text, as a source reads them.
pub(crate) fn chunk(lines: &[String]) -> (Arc<str>, Vec<Range<usize>>) {
    let mut text = String::with_capacity(lines.iter().map(|line| line.len() + 1).sum());
    let mut ranges = Vec::with_capacity(lines.len());
    for line in lines {
        let start = text.len();
        text.push_str(line);
        ranges.push(start..text.len());
        text.push('\n');
    }
    (Arc::from(text), ranges)
}

pub(crate) fn read_json(text: Text, format: &Format) -> Event {
    let context = Context {
        received_at: Timestamp::default(),
        clock: Clock::Live,
        utc_offset_seconds: 0,
        tag: "",
        columns: "",
    };
    let mut event = Event::new(text.clone(), Timestamp::default());
    // A line that is no JSON stays an event with nothing but its text.
    let _ = (format.parse)(&text, &mut event, &context);
    event
}

fn read_ssh(text: Text) -> Event {
    let mut event = Event::new(text.clone(), Timestamp::default());
    if let Some(ssh) = ssh(&text) {
        event.set(Field::EventAction, "ssh_login");
        event.set(Field::EventOutcome, ssh.outcome);
        event.set(Field::UserName, ssh.user);
        event.set(Field::SourceIp, Value::Text(ssh.address));
        event.set(Field::SourcePort, ssh.port);
    }
    event
}
