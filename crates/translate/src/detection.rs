//! What a rule asks of an event, as a tree, and its `detection` in Sigma.

use std::fmt;
use std::sync::Arc;

use crate::yaml;

/// Bounds the tests of one rule, those of the rules that it builds on among them.
pub(crate) const TESTS_MAX: usize = 600;

/// The events that a rule is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Logsource {
    pub(crate) product: Option<&'static str>,
    pub(crate) category: Option<&'static str>,
    pub(crate) service: Option<&'static str>,
}

/// A value of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A text in Sigma's notation, its wildcards escaped where they are none.
    Text(String),
    Number(u64),
    True,
}

/// `field|modifier: values`, one of which must hold; without a field, keywords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Test {
    pub(crate) key: String,
    pub(crate) values: Vec<Value>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Always,
    Never,
    Test(Test),
    /// The event is of this source; the test tells so as well where routing does not. Events of
    /// Windows come in several forms, and have none of their own.
    Source(Logsource, Option<Test>),
    All(Vec<Arc<Node>>),
    Any(Vec<Arc<Node>>),
    Not(Arc<Node>),
}

impl Node {
    pub(crate) fn test(key: impl Into<String>, values: Vec<Value>) -> Self {
        Self::Test(Test { key: key.into(), values })
    }

    /// Gives the node that holds where all of them do.
    pub(crate) fn all(nodes: impl IntoIterator<Item = Self>) -> Self {
        let mut kept: Vec<Arc<Self>> = Vec::new();
        for node in nodes {
            match node {
                Self::Always => {}
                Self::Never => return Self::Never,
                Self::All(inner) => {
                    inner
                        .into_iter()
                        .filter(|node| !kept.contains(node))
                        .collect::<Vec<_>>()
                        .into_iter()
                        .for_each(|node| kept.push(node));
                }
                node => {
                    let node = Arc::new(node);
                    if !kept.contains(&node) {
                        kept.push(node);
                    }
                }
            }
        }
        Self::joined(kept, Self::Always, Self::All)
    }

    /// Gives the node that holds where one of them does.
    pub(crate) fn any(nodes: impl IntoIterator<Item = Self>) -> Self {
        let mut kept: Vec<Arc<Self>> = Vec::new();
        for node in nodes {
            match node {
                Self::Never => {}
                Self::Always => return Self::Always,
                Self::Any(inner) => kept.extend(inner),
                node => kept.push(Arc::new(node)),
            }
        }
        Self::joined(kept, Self::Never, Self::Any)
    }

    pub(crate) fn not(node: Self) -> Self {
        match node {
            Self::Always => Self::Never,
            Self::Never => Self::Always,
            Self::Not(inner) => Arc::unwrap_or_clone(inner),
            node => Self::Not(Arc::new(node)),
        }
    }

    fn joined(mut nodes: Vec<Arc<Self>>, none: Self, many: fn(Vec<Arc<Self>>) -> Self) -> Self {
        match (nodes.len(), nodes.pop()) {
            (_, None) => none,
            (1, Some(only)) => Arc::unwrap_or_clone(only),
            (_, Some(last)) => {
                nodes.push(last);
                many(nodes)
            }
        }
    }

    /// Gives how many tests it is made of.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Always | Self::Never => 0,
            Self::Test(_) | Self::Source(..) => 1,
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().map(|node| node.size()).sum(),
            Self::Not(node) => node.size(),
        }
    }

    /// Gives the source of every event that it holds for, as far as it tells.
    pub(crate) fn logsource(&self) -> Logsource {
        match self {
            Self::Source(logsource, _) => *logsource,
            Self::All(nodes) => nodes.iter().fold(Logsource::default(), |known, node| {
                let more = node.logsource();
                Logsource {
                    product: known.product.or(more.product),
                    category: known.category.or(more.category),
                    service: known.service.or(more.service),
                }
            }),
            Self::Any(nodes) => {
                let mut each = nodes.iter().map(|node| node.logsource());
                let first = each.next().unwrap_or_default();
                each.fold(first, |common, other| Logsource {
                    product: common.product.filter(|name| other.product == Some(*name)),
                    category: common.category.filter(|name| other.category == Some(*name)),
                    service: common.service.filter(|name| other.service == Some(*name)),
                })
            }
            _ => Logsource::default(),
        }
    }
}

impl Logsource {
    pub(crate) const fn product(product: &'static str) -> Self {
        Self { product: Some(product), category: None, service: None }
    }

    fn covers(&self, other: &Self) -> bool {
        (other.product.is_none() || self.product == other.product)
            && (other.category.is_none() || self.category == other.category)
            && (other.service.is_none() || self.service == other.service)
    }
}

/// Tells an event of Windows by itself, in each of the forms in which they come.
fn of_windows() -> Node {
    let names = [Value::Text("windows".to_owned())];
    Node::any([
        Node::test("event.module", names.into()),
        Node::test("winlog.channel|exists", vec![Value::True]),
        Node::test("Channel|exists", vec![Value::True]),
    ])
}

/// Why a tree has no `detection`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unwritable {
    Always,
    Never,
    TooLarge,
}

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Always => "it asks nothing of an event: it would match every one",
            Self::Never => "it can never match: the rules that build on it always take its place",
            Self::TooLarge => {
                return write!(f, "with the rules that it builds on it has over {TESTS_MAX} tests");
            }
        })
    }
}

/// Appends `logsource` and `detection`.
pub(crate) fn write(node: &Node, out: &mut String) -> Result<(), Unwritable> {
    match node {
        Node::Always => return Err(Unwritable::Always),
        Node::Never => return Err(Unwritable::Never),
        _ if node.size() > TESTS_MAX => return Err(Unwritable::TooLarge),
        _ => {}
    }
    let logsource = node.logsource();
    let mut writer = Writer { logsource, selections: Vec::new() };
    let condition = writer.condition(node, Place::Top)?;
    if writer.selections.is_empty() {
        return Err(Unwritable::Always);
    }
    let parts = [
        ("product", logsource.product),
        ("category", logsource.category),
        ("service", logsource.service),
    ];
    if parts.iter().any(|(_, name)| name.is_some()) {
        yaml::line(out, 0, "logsource:");
    }
    for (key, name) in parts {
        if let Some(name) = name {
            yaml::pair(out, 4, key, name);
        }
    }
    yaml::line(out, 0, "detection:");
    for (number, selection) in writer.selections.iter().enumerate() {
        yaml::line(out, 4, &format!("{}:", name(number)));
        for test in selection {
            test.write(selection.len() == 1, out);
        }
    }
    yaml::line(out, 4, &format!("condition: {condition}"));
    Ok(())
}

fn name(number: usize) -> String {
    format!("selection{}", number + 1)
}

impl Test {
    fn is_keywords(&self) -> bool {
        self.key.is_empty()
    }

    fn write(&self, alone: bool, out: &mut String) {
        if self.is_keywords() && alone {
            self.values
                .iter()
                .for_each(|value| yaml::line(out, 8, &format!("- {}", value.scalar())));
            return;
        }
        let key = yaml::scalar(&self.key);
        match self.values.as_slice() {
            [only] => yaml::line(out, 8, &format!("{key}: {}", only.scalar())),
            values => {
                yaml::line(out, 8, &format!("{key}:"));
                for value in values {
                    yaml::line(out, 12, &format!("- {}", value.scalar()));
                }
            }
        }
    }
}

impl Value {
    fn scalar(&self) -> String {
        match self {
            Self::Text(text) => yaml::scalar(text),
            Self::Number(number) => number.to_string(),
            Self::True => "true".to_owned(),
        }
    }
}

/// Gives a text of Sigma's that means this text: its wildcards and backslashes escaped.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '\\' | '*' | '?') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Inside,
}

struct Writer {
    logsource: Logsource,
    /// Each is a map of tests, all of which must hold.
    selections: Vec<Vec<Test>>,
}

impl Writer {
    /// Gives the text of a node; within another it stands in parentheses if it has several parts.
    fn condition(&mut self, node: &Node, place: Place) -> Result<String, Unwritable> {
        Ok(match node {
            Node::Always => return Err(Unwritable::Always),
            Node::Never => return Err(Unwritable::Never),
            Node::Test(test) | Node::Source(_, Some(test)) => self.selection(vec![test.clone()]),
            Node::Source(logsource, None) if self.logsource.covers(logsource) => {
                return Err(Unwritable::Always);
            }
            Node::Source(..) => self.condition(&of_windows(), place)?,
            Node::Not(inner) => format!("not {}", self.condition(inner, Place::Inside)?),
            Node::Any(nodes) => {
                let parts: Vec<String> = nodes
                    .iter()
                    .map(|node| self.condition(node, Place::Inside))
                    .collect::<Result<_, _>>()?;
                enclosed(&parts, " or ", place)
            }
            Node::All(nodes) => self.all(nodes, place)?,
        })
    }

    /// Puts the tests of different fields into one selection.
    fn all(&mut self, nodes: &[Arc<Node>], place: Place) -> Result<String, Unwritable> {
        let mut groups: Vec<Vec<Test>> = Vec::new();
        let mut others = Vec::new();
        for node in nodes {
            let test = match &**node {
                Node::Test(test) | Node::Source(_, Some(test)) => Some(test.clone()),
                // Routing alone tells it.
                Node::Source(logsource, None) if self.logsource.covers(logsource) => continue,
                _ => None,
            };
            let Some(test) = test else {
                others.push(node);
                continue;
            };
            let open = groups.iter_mut().find(|group| {
                !test.is_keywords()
                    && group.iter().all(|other| other.key != test.key && !other.is_keywords())
            });
            match open {
                Some(group) => group.push(test),
                None => groups.push(vec![test]),
            }
        }
        let mut parts: Vec<String> =
            groups.into_iter().map(|group| self.selection(group)).collect();
        for node in others {
            parts.push(self.condition(node, Place::Inside)?);
        }
        if parts.is_empty() {
            return Err(Unwritable::Always);
        }
        Ok(enclosed(&parts, " and ", place))
    }

    fn selection(&mut self, tests: Vec<Test>) -> String {
        let known = self.selections.iter().position(|selection| *selection == tests);
        name(known.unwrap_or_else(|| {
            self.selections.push(tests);
            self.selections.len() - 1
        }))
    }
}

fn enclosed(parts: &[String], word: &str, place: Place) -> String {
    match parts {
        [only] => only.clone(),
        parts if place == Place::Inside => format!("({})", parts.join(word)),
        parts => parts.join(word),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn is(field: &str, value: &str) -> Node {
        Node::test(field, vec![Value::Text(value.to_owned())])
    }

    #[test]
    fn fields_share_a_selection_and_negations_stand_apart() {
        check(
            &Node::all([
                is("a", "1"),
                is("b|contains", "x"),
                is("a", "2"),
                Node::not(Node::any([is("c", "3"), is("", "word")])),
                Node::test("p", vec![Value::Number(22), Value::True]),
            ]),
            expect![[r"
                detection:
                    selection1:
                        a: '1'
                        b|contains: x
                        p:
                            - 22
                            - true
                    selection2:
                        a: '2'
                    selection3:
                        c: '3'
                    selection4:
                        - word
                    condition: selection1 and selection2 and not (selection3 or selection4)
            "]],
        );
    }

    #[test]
    fn a_source_is_named_once() {
        let linux = Logsource { product: Some("linux"), category: None, service: Some("sshd") };
        let Node::Test(program) = is("process.name", "sshd") else { unreachable!() };
        check(
            &Node::all([Node::Source(linux, Some(program)), is("", "Failed")]),
            expect![[r"
                logsource:
                    product: linux
                    service: sshd
                detection:
                    selection1:
                        process.name: sshd
                    selection2:
                        - Failed
                    condition: selection1 and selection2
            "]],
        );
        let windows = || Node::Source(Logsource::product("windows"), None);
        check(
            &Node::all([windows(), is("EventID", "1")]),
            expect![[r"
                logsource:
                    product: windows
                detection:
                    selection1:
                        EventID: '1'
                    condition: selection1
            "]],
        );
        check(&windows(), expect!["it asks nothing of an event: it would match every one"]);
        check(
            &Node::any([Node::all([windows(), is("EventID", "1")]), is("a", "1")]),
            expect![[r"
                detection:
                    selection1:
                        EventID: '1'
                    selection2:
                        event.module: windows
                    selection3:
                        winlog.channel|exists: true
                    selection4:
                        Channel|exists: true
                    selection5:
                        a: '1'
                    condition: (selection1 and (selection2 or selection3 or selection4)) or selection5
            "]],
        );
    }

    #[track_caller]
    fn check(node: &Node, expect: Expect) {
        let mut out = String::new();
        match write(node, &mut out) {
            Ok(()) => expect.assert_eq(&out),
            Err(error) => expect.assert_eq(&error.to_string()),
        }
    }
}
