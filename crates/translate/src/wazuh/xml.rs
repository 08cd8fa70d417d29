//! The XML of rule files, as it is found rather than as the standard has it.
//!
//! A file has several roots; a `<` within a pattern stands bare or after a backslash, a `&` bare.
//! Nothing declared in the document is ever expanded, so that no text can grow.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// Bounds one file.
pub(crate) const FILE_BYTES_MAX: usize = 4 << 20;
/// Bounds the nesting; rules have three levels.
const DEPTH_MAX: usize = 16;
/// Bounds the elements of a file.
const ELEMENTS_MAX: usize = 200_000;
/// Bounds the attributes that are read of an element.
const ATTRIBUTES_MAX: usize = 32;
/// Bounds the faults that are told of a file.
const FAULTS_MAX: usize = 100;
/// Stands for a `<` that begins no tag: one byte like it, so that places stay as they are.
const BARE_LESS: &str = "\u{1}";

/// An element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    /// The text directly in it, as it stands.
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// Something at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) reason: String,
}

/// What a file holds.
#[derive(Debug, Default)]
pub(crate) struct Document {
    pub(crate) roots: Vec<Element>,
    pub(crate) faults: Vec<Fault>,
    /// The comments before the first element: who wrote it, under what licence.
    pub(crate) heading: Vec<String>,
}

impl Element {
    /// Gives an attribute's value.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn fault(&self, reason: impl Into<String>) -> Fault {
        Fault { line: self.line, column: self.column, reason: reason.into() }
    }
}

/// Reads a file. What is broken ends where it breaks: the elements before it stand.
pub(crate) fn read(text: &str) -> Document {
    let mut building = Building { starts: line_starts(text), ..Building::default() };
    if text.len() > FILE_BYTES_MAX {
        building.fault(text, 0, format!("the file is over {FILE_BYTES_MAX} bytes"));
        return building.document;
    }
    let text = match text.split_once(BARE_LESS) {
        Some((before, _)) => {
            building.fault(text, before.len(), "a control character, which XML has not".to_owned());
            before
        }
        None => text,
    };
    let tame = tame(text);
    let mut reader = Reader::from_str(&tame);
    let config = reader.config_mut();
    config.allow_dangling_amp = true;
    config.allow_unmatched_ends = true;
    config.check_end_names = false;
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        match reader.read_event() {
            Ok(Event::Eof) => break,
            Ok(event) => {
                if !building.take(text, at, event) {
                    return building.document;
                }
            }
            Err(error) => {
                let at = usize::try_from(reader.error_position()).unwrap_or(usize::MAX);
                building.fault(text, at, error.to_string());
                break;
            }
        }
    }
    if let Some(open) = building.open.first() {
        let fault = open.fault(format!("<{}> is never closed", open.name));
        building.document.faults.push(fault);
        while building.close() {}
    }
    building.document
}

#[derive(Default)]
struct Building {
    document: Document,
    open: Vec<Element>,
    elements: usize,
    starts: Vec<usize>,
}

impl Building {
    /// Takes an event in; gives whether to go on.
    fn take(&mut self, text: &str, at: usize, event: Event<'_>) -> bool {
        match event {
            Event::Start(start) => return self.begin(text, at, &start),
            Event::Empty(start) => {
                let more = self.begin(text, at, &start);
                self.close();
                return more;
            }
            Event::End(end) => {
                let name = end.name().into_inner().trim().to_owned();
                match self.open.iter().rposition(|element| element.name == name) {
                    Some(place) => {
                        if let Some(unclosed) = self.open.get(place + 1) {
                            let fault =
                                unclosed.fault(format!("<{}> is never closed", unclosed.name));
                            self.push_fault(fault);
                        }
                        while self.open.len() > place && self.close() {}
                    }
                    None => self.fault(text, at, format!("</{name}> closes nothing that is open")),
                }
            }
            Event::Text(said) => self.say(&said),
            Event::CData(said) => self.say(&said),
            Event::GeneralRef(reference) => self.say(&resolved(&reference)),
            Event::Comment(said) => {
                if self.document.roots.is_empty() && self.open.is_empty() {
                    self.document.heading.push(said.replace(BARE_LESS, "<"));
                }
            }
            Event::DocType(_) => {
                self.fault(text, at, "document type declarations are not read".to_owned());
            }
            Event::Decl(_) | Event::PI(_) | Event::Eof => {}
        }
        true
    }

    fn begin(&mut self, text: &str, at: usize, start: &BytesStart<'_>) -> bool {
        self.elements += 1;
        if self.elements > ELEMENTS_MAX {
            self.fault(text, at, format!("more than {ELEMENTS_MAX} elements"));
            return false;
        }
        if self.open.len() >= DEPTH_MAX {
            self.fault(text, at, format!("nested deeper than {DEPTH_MAX}"));
            return false;
        }
        let (line, column) = self.place(text, at);
        let attributes = start
            .attributes()
            .with_checks(false)
            .take(ATTRIBUTES_MAX)
            .filter_map(Result::ok)
            .map(|attribute| {
                let value = attribute.value.replace(BARE_LESS, "<");
                let value = quick_xml::escape::unescape(&value)
                    .map_or_else(|_| value.clone(), std::borrow::Cow::into_owned);
                (attribute.key.into_inner().to_owned(), value)
            })
            .collect();
        let name = start.name().into_inner().to_owned();
        self.open.push(Element { name, attributes, line, column, ..Element::default() });
        true
    }

    /// Closes the innermost open element.
    fn close(&mut self) -> bool {
        let Some(element) = self.open.pop() else { return false };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.document.roots.push(element),
        }
        true
    }

    fn say(&mut self, text: &str) {
        if let Some(element) = self.open.last_mut() {
            element.text.push_str(&text.replace(BARE_LESS, "<"));
        }
    }

    fn fault(&mut self, text: &str, at: usize, reason: String) {
        let (line, column) = self.place(text, at);
        self.push_fault(Fault { line, column, reason });
    }

    fn push_fault(&mut self, fault: Fault) {
        if self.document.faults.len() < FAULTS_MAX {
            self.document.faults.push(fault);
        }
    }

    /// Gives the line and the column of a byte, both from 1.
    fn place(&self, text: &str, at: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= at);
        let start = line.checked_sub(1).and_then(|line| self.starts.get(line)).copied();
        let column = text.get(start.unwrap_or(0)..at).map_or(0, |before| before.chars().count());
        (line.max(1), column + 1)
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// Replaces each `<` that begins no tag.
fn tame(text: &str) -> String {
    let mut tame = String::with_capacity(text.len());
    let mut before = '\0';
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let begins = |next: &char| next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?');
        let bare = character == '<' && (before == '\\' || !characters.peek().is_some_and(begins));
        if bare {
            tame.push_str(BARE_LESS);
        } else {
            tame.push(character);
        }
        before = if before == '\\' && character == '\\' { '\0' } else { character };
    }
    tame
}

/// Gives what `&lt;` and `&#60;` stand for; any other reference stands for itself.
fn resolved(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return character.to_string();
    }
    match &**reference {
        "lt" => "<".to_owned(),
        "gt" => ">".to_owned(),
        "amp" => "&".to_owned(),
        "quot" => "\"".to_owned(),
        "apos" => "'".to_owned(),
        other => format!("&{other};"),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn several_roots_and_bare_signs() {
        check(
            "<!-- Ann -->\n<var name=\"X\">a</var>\n<group name='g,'>\n  <rule id=\"1\" noalert=\"1\">\n    \
             <match>\\<script|a < b & c&lt;d &nbsp; é</match><same_user />\n  </rule>\n</group>\n",
            expect![[r#"
                # Ann
                2:1 var name="X" | a
                3:1 group name="g,"
                  4:3 rule id="1" noalert="1"
                    5:5 match | \<script|a < b & c<d &nbsp; é
                    5:52 same_user
            "#]],
        );
    }

    #[test]
    fn what_is_broken() {
        check(
            "<group><rule id=\"1\"><match>a</group>\n</rule>\n<rule id=\"2\">",
            expect![[r#"
                1:1 group
                  1:8 rule id="1"
                    1:21 match | a
                3:1 rule id="2"
                ! 1:8 <rule> is never closed
                ! 2:1 </rule> closes nothing that is open
                ! 3:1 <rule> is never closed
            "#]],
        );
        check(
            "<group",
            expect![[r"
            ! 1:1 syntax error: tag not closed: `>` not found before end of input
        "]],
        );
        check(
            &"<a>".repeat(17),
            expect![[r"
            ! 1:49 nested deeper than 16
        "]],
        );
    }

    #[test]
    fn a_bomb_is_not_lit() {
        let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>\n<group>&b;</group>";
        check(
            bomb,
            expect![[r"
                2:1 group | &b;
                ! 1:1 document type declarations are not read
            "]],
        );
    }

    fn check(text: &str, expect: Expect) {
        let document = read(text);
        let mut shown = String::new();
        for said in &document.heading {
            writeln!(shown, "#{}", said.trim_end()).unwrap();
        }
        document.roots.iter().for_each(|root| show(root, 0, &mut shown));
        for Fault { line, column, reason } in &document.faults {
            writeln!(shown, "! {line}:{column} {reason}").unwrap();
        }
        expect.assert_eq(&shown);
    }

    fn show(element: &Element, depth: usize, out: &mut String) {
        let Element { name, line, column, .. } = element;
        write!(out, "{}{line}:{column} {name}", "  ".repeat(depth)).unwrap();
        for (key, value) in &element.attributes {
            write!(out, " {key}={value:?}").unwrap();
        }
        if !element.text.trim().is_empty() {
            write!(out, " | {}", element.text).unwrap();
        }
        out.push('\n');
        element.children.iter().for_each(|child| show(child, depth + 1, out));
    }
}
