//! A test over an event: its tree, its evaluation, and the search bar's language that makes it.
//!
//! ```
//! # use model::{Event, Field};
//! # use query::Predicate;
//! let mut event = Event::default();
//! event.set(Field::SourceIp, "203.0.113.9");
//! event.set(Field::UserName, "Root");
//! let predicate = Predicate::parse("source.ip: 203.0.113.0/24 and user.name: root").unwrap();
//! assert!(predicate.matches(&event));
//! ```
//!
//! A search, a drill-down and the condition of a Sigma rule all become the same [`Node`] tree.
//! [`Predicate::matches`] says what a tree means; whoever translates it (the store, into columns) is
//! held to give the same answer.

mod compare;
mod evaluate;
mod field;
mod fold;
mod kql;
mod needs;
mod network;
mod node;
mod print;
mod regex;
mod text;

pub use compare::{Comparison, Number, TimePart};
pub use field::FieldRef;
pub use fold::{fold, fold_text};
pub use kql::SyntaxError;
pub use network::Network;
pub use node::{DEPTH_MAX, Matcher, Node, Predicate, Test};
pub use regex::{Regex, RegexError, RegexFlags};
pub use text::{Case, Glyph, Literal, Placement, TextMatcher, Wildcard};
