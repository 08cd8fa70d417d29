//! YAML as a tree whose every node knows its place.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use crate::fault::Fault;

/// Bounds one file.
const FILE_BYTES_MAX: usize = 4 << 20;
/// Bounds the nesting, and so the stack that walking a tree takes.
const DEPTH_MAX: usize = 32;
/// Bounds the nodes of a file, and so what aliases can multiply.
const NODES_MAX: usize = 500_000;
/// Bounds what anchors and aliases copy, in bytes of text.
const COPIED_BYTES_MAX: usize = 16 << 20;
/// Bounds one list or map.
const ITEMS_MAX: usize = 20_000;

/// One node.
#[derive(Clone, Debug)]
pub(crate) struct Yaml {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Null,
    Flag(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Yaml>),
    Map(Vec<(Yaml, Yaml)>),
}

/// The place does not count.
impl PartialEq for Yaml {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Yaml {
    /// Gives the value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Yaml> {
        self.entries().iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// Gives the pairs of a map, or none.
    pub(crate) fn entries(&self) -> &[(Yaml, Yaml)] {
        if let Kind::Map(entries) = &self.kind { entries } else { &[] }
    }

    /// Gives the elements of a list, or the node itself.
    pub(crate) fn each(&self) -> &[Yaml] {
        if let Kind::List(items) = &self.kind { items } else { std::slice::from_ref(self) }
    }

    /// Gives the text of a text.
    pub(crate) fn text(&self) -> Option<&str> {
        if let Kind::Text(text) = &self.kind { Some(text) } else { None }
    }

    /// Gives any scalar as text; of null, none.
    pub(crate) fn scalar(&self) -> Option<String> {
        match &self.kind {
            Kind::Text(text) => Some(text.clone()),
            Kind::Integer(number) => Some(number.to_string()),
            Kind::Float(number) => Some(number.to_string()),
            Kind::Flag(flag) => Some(flag.to_string()),
            Kind::Null | Kind::List(_) | Kind::Map(_) => None,
        }
    }
}

/// Reads the documents of a file. What cannot be read ends the file: the documents before it stand.
pub(crate) fn parse(text: &str) -> (Vec<Yaml>, Option<Fault>) {
    let mut builder = Builder::default();
    if text.len() > FILE_BYTES_MAX {
        let fault = Fault {
            line: 1,
            column: 1,
            message: format!("the file is over {FILE_BYTES_MAX} bytes"),
        };
        return (Vec::new(), Some(fault));
    }
    for event in Parser::new_from_str(text) {
        let taken = match event {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => Err(Fault {
                line: error.marker().line(),
                column: error.marker().col() + 1,
                message: error.info().to_owned(),
            }),
        };
        if let Err(fault) = taken {
            return (builder.documents, Some(fault));
        }
    }
    (builder.documents, None)
}

#[derive(Default)]
struct Builder {
    documents: Vec<Yaml>,
    open: Vec<Open>,
    anchors: HashMap<usize, Yaml>,
    nodes: usize,
    copied_bytes: usize,
}

/// A list or map whose end has not come.
struct Open {
    node: Yaml,
    anchor: usize,
    key: Option<Yaml>,
    keys: HashSet<String>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let node = |kind| Yaml { line: span.start.line(), column: span.start.col() + 1, kind };
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let kind = match style {
                    ScalarStyle::Plain => plain(&text),
                    _ => Kind::Text(text.into_owned()),
                };
                self.add(node(kind), anchor)
            }
            Event::Alias(anchor) => {
                let place = node(Kind::Null);
                let Some(known) = self.anchors.get(&anchor) else {
                    return Err(Fault::at(&place, "this alias names nothing before it"));
                };
                // Counted before it is copied, so that no bomb goes off.
                let size = size(known);
                self.pay(size, &place)?;
                let kind = self.anchors.get(&anchor).map_or(Kind::Null, |known| known.kind.clone());
                self.add(Yaml { kind, ..place }, 0)
            }
            Event::SequenceStart(anchor, _) => self.begin(node(Kind::List(Vec::new())), anchor),
            Event::MappingStart(anchor, _) => self.begin(node(Kind::Map(Vec::new())), anchor),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { node, anchor, .. }) => self.add(node, anchor),
                None => Ok(()),
            },
            Event::DocumentStart(_) => {
                self.anchors.clear();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, node: Yaml, anchor: usize) -> Result<(), Fault> {
        if self.open.len() >= DEPTH_MAX {
            return Err(Fault::at(&node, format!("nested deeper than {DEPTH_MAX}")));
        }
        self.open.push(Open { node, anchor, key: None, keys: HashSet::new() });
        Ok(())
    }

    /// Counts a copy.
    fn pay(&mut self, (nodes, bytes): (usize, usize), place: &Yaml) -> Result<(), Fault> {
        self.nodes += nodes;
        self.copied_bytes += bytes;
        if self.nodes > NODES_MAX {
            return Err(Fault::at(place, format!("more than {NODES_MAX} nodes")));
        }
        if self.copied_bytes > COPIED_BYTES_MAX {
            let message = format!("aliases copy more than {COPIED_BYTES_MAX} bytes");
            return Err(Fault::at(place, message));
        }
        Ok(())
    }

    fn add(&mut self, node: Yaml, anchor: usize) -> Result<(), Fault> {
        self.pay((1, 0), &node)?;
        if anchor > 0 {
            self.pay(size(&node), &node)?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.documents.push(node);
            return Ok(());
        };
        let items = match &mut open.node.kind {
            Kind::Map(entries) => {
                match open.key.take() {
                    None => {
                        let Some(key) = key(&node) else {
                            return Err(Fault::at(&node, "a key is a text"));
                        };
                        if !open.keys.insert(key) {
                            return Err(Fault::at(&node, "this key stands twice"));
                        }
                        open.key = Some(node);
                    }
                    Some(key) => entries.push((key, node)),
                }
                entries.len()
            }
            Kind::List(items) => {
                items.push(node);
                items.len()
            }
            _ => 0,
        };
        if items > ITEMS_MAX {
            let place = last_of(&open.node).unwrap_or(&open.node);
            return Err(Fault::at(
                place,
                format!("more than {ITEMS_MAX} items in one list or map"),
            ));
        }
        Ok(())
    }
}

/// Gives the text by which a key is told from others.
fn key(node: &Yaml) -> Option<String> {
    if node.kind == Kind::Null { Some(String::new()) } else { node.scalar() }
}

fn last_of(node: &Yaml) -> Option<&Yaml> {
    match &node.kind {
        Kind::List(items) => items.last(),
        Kind::Map(entries) => entries.last().map(|(key, _)| key),
        _ => None,
    }
}

/// Gives how many nodes a copy has, and how many bytes of text.
pub(crate) fn size(node: &Yaml) -> (usize, usize) {
    let add = |(nodes, bytes): (usize, usize), (more, longer): (usize, usize)| {
        (nodes + more, bytes + longer)
    };
    match &node.kind {
        Kind::Text(text) => (1, text.len()),
        Kind::List(items) => items.iter().map(size).fold((1, 0), add),
        Kind::Map(entries) => {
            let sizes = entries.iter().map(|(key, value)| add(size(key), size(value)));
            sizes.fold((1, 0), add)
        }
        _ => (1, 0),
    }
}

/// Gives what a scalar without quotes means (the core schema).
fn plain(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" | "True" | "TRUE" => Kind::Flag(true),
        "false" | "False" | "FALSE" => Kind::Flag(false),
        _ => match query::Number::parse(text) {
            Some(query::Number::Integer(number)) => Kind::Integer(number),
            Some(query::Number::Float(number)) => Kind::Float(number),
            None => Kind::Text(text.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn what_breaks_a_file() {
        check("a: 1\na: 2\n", expect!["2:1 this key stands twice (0 documents)"]);
        check(
            "a: 1\n---\nb: [1\n---\nc: 1",
            expect!["4:1 while parsing a flow sequence, expected ',' or ']' (1 documents)"],
        );
        check(&"[".repeat(99), expect!["1:33 nested deeper than 32 (0 documents)"]);
        check("a: *nowhere", expect!["1:4 while parsing node, found unknown anchor (0 documents)"]);
        let level = |n: usize| {
            let below = format!("*a{}", n - 1);
            format!("a{n}: &a{n} [{}]\n", [below.as_str(); 10].join(","))
        };
        let bomb = (1..12).map(level).collect::<Vec<_>>().concat();
        check("a: *nowhere", expect!["1:4 while parsing node, found unknown anchor (0 documents)"]);
        check(&format!("a0: &a0 x\n{bomb}"), expect!["7:18 more than 500000 nodes (0 documents)"]);
    }

    #[test]
    fn aliases_are_copied() {
        let (documents, fault) = parse("a: &x {k: [1, 'two', ~]}\nb: *x\n");
        assert_eq!(fault, None);
        assert_eq!(documents[0].get("a"), documents[0].get("b"));
        assert_eq!(documents[0].get("b").map(|b| (b.line, b.column)), Some((2, 4)));
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        let (documents, fault) = parse(text);
        let fault = fault.unwrap();
        expect.assert_eq(&format!(
            "{}:{} {} ({} documents)",
            fault.line,
            fault.column,
            fault.message,
            documents.len()
        ));
    }
}
