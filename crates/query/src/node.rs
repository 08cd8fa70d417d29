//! The tree of a predicate.

use model::{Event, Timestamp};

use crate::{
    Case, Comparison, FieldRef, Network, Number, Placement, SyntaxError, TextMatcher, TimePart, kql,
};

/// Bounds how deep a tree may nest, and so the stack that walking it takes; whoever builds trees
/// from somebody's text holds to it.
pub const DEPTH_MAX: usize = 64;

/// A test over an event and what joins tests.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Every event.
    All,
    /// The events that pass each of them; of none, every event.
    And(Vec<Node>),
    /// The events that pass one of them; of none, no event.
    Or(Vec<Node>),
    /// The events that do not pass. An event that lacks the field of a test does not pass the test,
    /// so it passes the negation.
    Not(Box<Node>),
    /// One test.
    Test(Test),
}

/// One test over an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// One of the field's values passes; an event without the field does not pass.
    Field {
        /// Where to look.
        field: FieldRef,
        /// What to look for.
        matcher: Matcher,
    },
    /// Free text: `event.original` or `message` passes.
    Anywhere(TextMatcher),
    /// One of the field's values holds one of the values of another field.
    Fields {
        /// Where to look.
        field: FieldRef,
        /// Where in it the other's value must stand.
        placement: Placement,
        /// Whether case counts.
        case: Case,
        /// Whose values to look for.
        other: FieldRef,
    },
}

/// What a value must be.
#[derive(Clone, Debug, PartialEq)]
pub enum Matcher {
    /// Any value.
    Exists,
    /// A text; other values count as the text that [`model::Value`]'s `Display` gives.
    Text(TextMatcher),
    /// An address within a network, as itself or written out.
    Network(Network),
    /// A number, or a text that is one, that stands so to a bound.
    Number(Comparison, Number),
    /// A moment, or a text that is one in RFC 3339, that stands so to a bound.
    Time(Comparison, Timestamp),
    /// A moment whose part (hour, week, …) in UTC is that number.
    Part(TimePart, i64),
}

/// A compiled test over events, cheap to share.
#[derive(Clone, Debug, PartialEq)]
pub struct Predicate {
    node: Node,
}

impl Predicate {
    /// Reads a text of the search bar; an empty text matches every event.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        kql::parse(text).map(|node| Self { node })
    }

    /// Gives the predicate of a tree.
    pub fn new(node: Node) -> Self {
        Self { node }
    }

    /// Gives the tree.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Tells whether an event passes.
    pub fn matches(&self, event: &Event) -> bool {
        self.node.matches(event)
    }
}

impl Node {
    /// Gives the test of one field.
    pub fn field(field: impl Into<FieldRef>, matcher: Matcher) -> Self {
        Self::Test(Test::Field { field: field.into(), matcher })
    }
}

impl Default for Predicate {
    /// Gives the predicate that matches every event.
    fn default() -> Self {
        Self { node: Node::All }
    }
}
