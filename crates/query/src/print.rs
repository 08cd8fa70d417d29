//! A tree written as KQL.
//!
//! What the search bar made is read again as the same tree. Rules say things that KQL cannot
//! (regular expressions, `?`, exact case, parts of a moment, two fields compared, a text that begins
//! a message); these are written in a like manner, for people only.

use std::fmt::{self, Display, Formatter, Write};

use crate::kql::{holds_prose, is_special};
use crate::{
    Case, Comparison, FieldRef, Glyph, Literal, Matcher, Node, Placement, Predicate, Test,
    TextMatcher,
};

impl Display for Predicate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.node().fmt(f)
    }
}

impl Display for Node {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_char('*'),
            Self::And(nodes) => join(f, nodes, " and "),
            Self::Or(nodes) if nodes.is_empty() => f.write_str("not *"),
            Self::Or(nodes) => join(f, nodes, " or "),
            Self::Not(node) => {
                f.write_str("not ")?;
                within(f, node)
            }
            Self::Test(test) => test.fmt(f),
        }
    }
}

fn join(f: &mut Formatter<'_>, nodes: &[Node], word: &str) -> fmt::Result {
    if nodes.is_empty() {
        return f.write_char('*');
    }
    for (index, node) in nodes.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        within(f, node)?;
    }
    Ok(())
}

/// Writes a node that stands within another.
fn within(f: &mut Formatter<'_>, node: &Node) -> fmt::Result {
    match node {
        Node::And(_) | Node::Or(_) => write!(f, "({node})"),
        _ => write!(f, "{node}"),
    }
}

impl Display for Test {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field { field, matcher } => {
                bare(f, field.name())?;
                matcher_of(f, field, matcher)
            }
            Self::Anywhere(matcher) => text(f, matcher, Placement::Anywhere),
            Self::Fields { field, placement, case, other } => {
                bare(f, field.name())?;
                let verb = match placement {
                    Placement::Whole => "equals",
                    Placement::Start => "starts with",
                    Placement::End => "ends with",
                    Placement::Anywhere => "contains",
                };
                write!(f, " {verb} field ")?;
                bare(f, other.name())?;
                cased(f, *case)
            }
        }
    }
}

fn matcher_of(f: &mut Formatter<'_>, field: &FieldRef, matcher: &Matcher) -> fmt::Result {
    let sign = |f: &mut Formatter<'_>, comparison: Comparison| match comparison {
        Comparison::Equal => f.write_str(": "),
        other => write!(f, " {} ", other.as_str()),
    };
    match matcher {
        Matcher::Exists => f.write_str(": *"),
        Matcher::Text(matcher) => {
            f.write_str(": ")?;
            let usual = if holds_prose(field) { Placement::Anywhere } else { Placement::Whole };
            text(f, matcher, usual)
        }
        Matcher::Network(network) => write!(f, ": {network}"),
        Matcher::Number(comparison, number) => {
            sign(f, *comparison)?;
            write!(f, "{number}")
        }
        Matcher::Time(comparison, time) => {
            sign(f, *comparison)?;
            write!(f, "\"{time}\"")
        }
        Matcher::Part(part, number) => write!(f, " {} {number}", part.as_str()),
    }
}

/// Writes a test on text; `usual` is where a quoted text must stand.
fn text(f: &mut Formatter<'_>, matcher: &TextMatcher, usual: Placement) -> fmt::Result {
    match matcher {
        TextMatcher::Literal(literal) if literal.placement() == usual => {
            quoted(f, literal.text())?;
            cased(f, literal.case())
        }
        TextMatcher::Literal(literal) => {
            open_literal(f, literal)?;
            cased(f, literal.case())
        }
        TextMatcher::Wildcard(wildcard) => {
            // Where a text may stand anywhere, the outer stars go without saying.
            let mut glyphs = wildcard.glyphs();
            if let ([Glyph::Any, inner @ .., Glyph::Any], Placement::Anywhere) = (glyphs, usual) {
                glyphs = inner;
            }
            for glyph in glyphs {
                match glyph {
                    Glyph::Any => f.write_char('*')?,
                    Glyph::One => f.write_char('?')?,
                    Glyph::Char(character) => bare_character(f, *character)?,
                }
            }
            cased(f, wildcard.case())
        }
        TextMatcher::Regex(regex) => write!(f, "{regex:?}"),
    }
}

fn open_literal(f: &mut Formatter<'_>, literal: &Literal) -> fmt::Result {
    if matches!(literal.placement(), Placement::End | Placement::Anywhere) {
        f.write_char('*')?;
    }
    bare(f, literal.text())?;
    if matches!(literal.placement(), Placement::Start | Placement::Anywhere) {
        f.write_char('*')?;
    }
    Ok(())
}

fn cased(f: &mut Formatter<'_>, case: Case) -> fmt::Result {
    if case == Case::Exact { f.write_str(" (exact case)") } else { Ok(()) }
}

fn quoted(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' | '\\' => write!(f, "\\{character}")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            other => f.write_char(other)?,
        }
    }
    f.write_char('"')
}

fn bare(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    text.chars().try_for_each(|character| bare_character(f, character))
}

fn bare_character(f: &mut Formatter<'_>, character: char) -> fmt::Result {
    match character {
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        special if is_special(special) => write!(f, "\\{special}"),
        plain => f.write_char(plain),
    }
}
