//! Windows events, as XML: what an event file holds, what Event Viewer shows, what collectors send.
//!
//! ```text
//! <Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider
//!  Name="Microsoft-Windows-Sysmon"/><EventID>1</EventID>…</System><EventData><Data
//!  Name="Image">C:\Windows\explorer.exe</Data>…</EventData></Event>
//! ```
//!
//! Fields stand where winlogbeat has them: `winlog.channel`, `winlog.event_id`,
//! `winlog.event_data.NAME`, `winlog.user_data.NAME`, all of them as text; the usual ones of Sysmon
//! and of the security log also under their names in the Elastic Common Schema, in its kinds.

mod ecs;
mod xml;

use std::borrow::Cow;

use model::{Event, Field, Timestamp, Value};

use self::ecs::Mapping;
use self::xml::{Attributes, Token, Xml, unescaped};
use crate::{Context, Format, ParseError};

/// The format's row.
pub(crate) const FORMAT: Format = Format {
    id: "windows",
    summary: "Windows events as XML",
    programs: &[],
    recognises: |text| body(text).starts_with("<Event"),
    parse,
};

/// A name that does not follow from the element's own.
const EVENT_DATA: &str = "winlog.event_data.";
const USER_DATA: &str = "winlog.user_data.";

/// Values without a name that are kept; the record holds them all.
const UNNAMED_MAX: usize = 100;
/// How many values an event usually has; room for so many is made at once.
const VALUES_USUAL: usize = 32;

/// Elements of `System` whose text is a field.
const SYSTEM: &[(&str, &str)] = &[
    ("Channel", "winlog.channel"),
    ("Computer", "winlog.computer_name"),
    ("EventID", "winlog.event_id"),
    ("EventRecordID", "winlog.record_id"),
    ("Keywords", "winlog.keywords"),
    ("Opcode", "winlog.opcode"),
    ("Task", "winlog.task"),
    ("Version", "winlog.version"),
];

/// Attributes of elements of `System` that are a field.
const SYSTEM_ATTRIBUTES: &[(&str, &str, &str)] = &[
    ("Correlation", "ActivityID", "winlog.activity_id"),
    ("Correlation", "RelatedActivityID", "winlog.related_activity_id"),
    ("Execution", "ProcessID", "winlog.process.pid"),
    ("Execution", "ThreadID", "winlog.process.thread.id"),
    ("Provider", "EventSourceName", "winlog.event_source_name"),
    ("Provider", "Guid", "winlog.provider_guid"),
    ("Provider", "Name", "winlog.provider_name"),
    ("Security", "UserID", "winlog.user.identifier"),
];

fn body(text: &str) -> &str {
    let text = text.trim_start_matches(['\u{feff}', ' ', '\r', '\n', '\t']);
    match text.strip_prefix("<?xml") {
        Some(prolog) => prolog.split_once("?>").map_or("", |(_, body)| body).trim_start(),
        None => text,
    }
}

fn parse(text: &str, event: &mut Event, _: &Context<'_>) -> Result<(), ParseError> {
    let mut reader = Reader { xml: Xml::new(body(text)), event, name: String::new() };
    match reader.xml.next()? {
        Some(Token::Open { name: "Event", empty: false, .. }) => reader.event(),
        _ => Err(ParseError::Missing("Event")),
    }
}

struct Reader<'t, 'e> {
    xml: Xml<'t>,
    event: &'e mut Event,
    /// The dotted name that is being written, used again and again.
    name: String,
}

/// An element of the data that is being read.
struct Leaf<'t> {
    name: Option<&'t str>,
    text: &'t str,
}

impl<'t> Reader<'t, '_> {
    fn event(&mut self) -> Result<(), ParseError> {
        let mut system = false;
        loop {
            match self.xml.next()?.ok_or(ParseError::Missing("end"))? {
                Token::Open { name: "System", empty: false, .. } => {
                    self.system()?;
                    system = true;
                }
                Token::Open { name: "EventData" | "ProcessingErrorData", empty: false, .. } => {
                    self.data(EVENT_DATA)?;
                }
                Token::Open { name: "UserData", empty: false, .. } => self.data(USER_DATA)?,
                Token::Open { name: "RenderingInfo", empty: false, .. } => self.rendering()?,
                Token::Open { empty: false, .. } => {
                    self.xml.element_text()?;
                }
                Token::Open { .. } | Token::Text(_) => {}
                Token::Close if system => {
                    ecs::finish(self.event);
                    return Ok(());
                }
                Token::Close => return Err(ParseError::Missing("System")),
            }
        }
    }

    fn system(&mut self) -> Result<(), ParseError> {
        self.event.set(Field::HostOsType, "windows");
        self.event.set(Field::EventKind, "event");
        loop {
            match self.xml.next()?.ok_or(ParseError::Missing("end of System"))? {
                Token::Close => return Ok(()),
                Token::Text(_) => {}
                Token::Open { name, attributes, empty } => {
                    let text = if empty { "" } else { self.xml.element_text()?.trim() };
                    self.of_system(name, attributes, text);
                }
            }
        }
    }

    fn of_system(&mut self, element: &str, attributes: Attributes<'t>, text: &'t str) {
        for (attribute, value) in attributes.iter().filter(|(_, value)| !value.is_empty()) {
            let row = SYSTEM_ATTRIBUTES.iter().find(|row| (row.0, row.1) == (element, attribute));
            if let Some((_, _, field)) = row {
                self.event.set_extra(field, &*unescaped(value));
            }
        }
        if let Some((_, field)) = SYSTEM.iter().find(|row| row.0 == element && !text.is_empty()) {
            set(self.event, field, text);
        }
        match element {
            "Provider" => {
                if let Some(name) = attributes.get("Name") {
                    self.event.set(Field::EventProvider, &*unescaped(name));
                }
            }
            "EventID" => self.event.set(Field::EventCode, text),
            "Computer" => self.event.set(Field::HostName, text),
            "TimeCreated" => {
                let time = attributes.get("SystemTime").and_then(Timestamp::parse);
                self.event.time = time.unwrap_or(self.event.time);
            }
            "Level" => {
                self.event.set(Field::EventSeverity, text);
                self.event.set(Field::LogLevel, level(text));
            }
            _ => {}
        }
    }

    /// Reads values: `<Data Name="…">`, `<Data>`, or elements named as they like, however deep.
    fn data(&mut self, prefix: &str) -> Result<(), ParseError> {
        let mapping = Mapping::of(self.event);
        let mut unnamed: Vec<Cow<'t, str>> = Vec::new();
        let mut depth = 0_usize;
        let mut open: Option<Leaf<'t>> = None;
        self.event.reserve_extras(VALUES_USUAL);
        loop {
            match self.xml.next()?.ok_or(ParseError::Missing("end of the data"))? {
                Token::Open { name, attributes, empty } => {
                    let leaf = self.leaf(prefix, name, attributes, &mapping);
                    if empty {
                        self.value(prefix, &leaf, &mapping, &mut unnamed);
                    } else {
                        depth += 1;
                        open = Some(leaf);
                    }
                }
                Token::Text(text) => {
                    if let Some(leaf) = &mut open {
                        leaf.text = text;
                    }
                }
                Token::Close => {
                    if let Some(leaf) = open.take() {
                        self.value(prefix, &leaf, &mapping, &mut unnamed);
                    }
                    let Some(outer) = depth.checked_sub(1) else { break };
                    depth = outer;
                }
            }
        }
        self.unnamed(prefix, &unnamed);
        Ok(())
    }

    /// Gives what an element's text is to be called, and keeps its other attributes.
    fn leaf(
        &mut self,
        prefix: &str,
        element: &'t str,
        attributes: Attributes<'t>,
        mapping: &Mapping,
    ) -> Leaf<'t> {
        let mut name = (element != "Data").then_some(element);
        for (attribute, value) in attributes.iter() {
            match attribute {
                "Name" if element == "Data" => name = Some(value),
                "xmlns" => {}
                _ if attribute.contains(':') => {}
                _ => self.named(prefix, attribute, value, mapping),
            }
        }
        Leaf { name, text: "" }
    }

    fn value(
        &mut self,
        prefix: &str,
        leaf: &Leaf<'t>,
        mapping: &Mapping,
        unnamed: &mut Vec<Cow<'t, str>>,
    ) {
        match leaf.name {
            Some(name) => self.named(prefix, name, leaf.text, mapping),
            None if unnamed.len() < UNNAMED_MAX => unnamed.push(unescaped(leaf.text)),
            None => {}
        }
    }

    fn named(&mut self, prefix: &str, name: &str, text: &'t str, mapping: &Mapping) {
        self.name.clear();
        self.name.push_str(prefix);
        self.name.push_str(name);
        set(self.event, &self.name, text);
        mapping.write(self.event, name, text);
    }

    /// Keeps values without names as winlogbeat does, `param1` and on, and together as `Data`.
    fn unnamed(&mut self, prefix: &str, values: &[Cow<'t, str>]) {
        for (index, value) in values.iter().enumerate() {
            self.event.set_extra(&format!("{prefix}param{}", index + 1), &**value);
        }
        let values = values.iter().map(|value| Value::Text(value));
        self.event.set_path_list(&format!("{prefix}Data"), values);
    }

    /// Reads what a collector has put into words.
    fn rendering(&mut self) -> Result<(), ParseError> {
        let mut depth = 0_usize;
        loop {
            match self.xml.next()?.ok_or(ParseError::Missing("end of RenderingInfo"))? {
                Token::Open { name: "Message", empty: false, .. } => {
                    let text = self.xml.element_text()?;
                    self.event.set(Field::Message, &*unescaped(text));
                }
                Token::Open { empty: false, .. } => depth += 1,
                Token::Open { .. } | Token::Text(_) => {}
                Token::Close => match depth.checked_sub(1) {
                    Some(outer) => depth = outer,
                    None => return Ok(()),
                },
            }
        }
    }
}

/// Sets a field to a text whose escapes are still to be undone.
fn set(event: &mut Event, name: &str, text: &str) {
    event.set_extra(name, &*unescaped(text));
}

fn level(number: &str) -> &'static str {
    match number {
        "1" => "critical",
        "2" => "error",
        "3" => "warning",
        "5" => "verbose",
        _ => "information",
    }
}
