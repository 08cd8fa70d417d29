//! Conditions: which selections must match together.
//!
//! ```text
//! selection and not 1 of filter_*
//! ```

use std::collections::HashMap;

use query::{DEPTH_MAX, Node};

use crate::reading::budget::Budget;

/// Bounds what `N of` is written out to.
const COMBINATIONS_MAX: usize = 1_000;

/// A selection by its name.
pub(crate) type Selection = (String, Node);

/// Gives the tree of a condition, or what is wrong and at which character.
pub(crate) fn compile(
    text: &str,
    selections: &[Selection],
    budget: &Budget,
) -> Result<Node, (usize, String)> {
    if let Some(at) = text.find('|') {
        return Err((at, "aggregations are written as correlation rules today".to_owned()));
    }
    let named = selections.iter().rev().map(|(name, node)| (name.as_str(), node)).collect();
    let mut parser = Parser {
        words: words(text),
        at: 0,
        depth: 0,
        end: text.chars().count(),
        selections,
        named,
        budget,
    };
    let node = parser.any_of()?;
    match parser.peek() {
        None => Ok(node),
        Some(word) => parser.error(format!("expected `and` or `or` before `{word}`")),
    }
}

/// Splits into words and parentheses, each with its place.
fn words(text: &str) -> Vec<(usize, String)> {
    let mut words: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (at, character) in text.chars().enumerate() {
        match character {
            space if space.is_whitespace() => open = false,
            '(' | ')' => {
                words.push((at, character.to_string()));
                open = false;
            }
            other => match words.last_mut() {
                Some((_, word)) if open => word.push(other),
                _ => {
                    words.push((at, other.to_string()));
                    open = true;
                }
            },
        }
    }
    words
}

struct Parser<'s> {
    words: Vec<(usize, String)>,
    at: usize,
    depth: usize,
    end: usize,
    selections: &'s [Selection],
    named: HashMap<&'s str, &'s Node>,
    budget: &'s Budget,
}

type Parsed = Result<Node, (usize, String)>;

impl Parser<'_> {
    fn peek(&self) -> Option<&str> {
        self.words.get(self.at).map(|(_, word)| word.as_str())
    }

    fn take(&mut self, keyword: &str) -> bool {
        let found = self.peek().is_some_and(|word| word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(found);
        found
    }

    fn error<T>(&self, message: impl Into<String>) -> Result<T, (usize, String)> {
        let place = self.words.get(self.at).map_or(self.end, |(place, _)| *place);
        Err((place, message.into()))
    }

    fn take_room(&self, tests: usize) -> Result<(), (usize, String)> {
        self.budget.take_tests(tests).or_else(|message| self.error(message))
    }

    fn any_of(&mut self) -> Parsed {
        let mut nodes = vec![self.all_of()?];
        while self.take("or") {
            nodes.push(self.all_of()?);
        }
        Ok(join(nodes, Node::Or))
    }

    fn all_of(&mut self) -> Parsed {
        let mut nodes = vec![self.negation()?];
        while self.take("and") {
            nodes.push(self.negation()?);
        }
        Ok(join(nodes, Node::And))
    }

    fn negation(&mut self) -> Parsed {
        if self.take("not") {
            return self.deeper(|parser| Ok(Node::Not(Box::new(parser.negation()?))));
        }
        if self.take("(") {
            let node = self.deeper(Self::any_of)?;
            return if self.take(")") { Ok(node) } else { self.error("expected `)`") };
        }
        self.selection()
    }

    fn deeper(&mut self, inner: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        self.depth += 1;
        // Each level may stand for a pair of joins besides itself, and selections nest below.
        if self.depth > DEPTH_MAX / 4 {
            return self.error("too many parentheses or `not` within one another");
        }
        let node = inner(self)?;
        self.depth -= 1;
        Ok(node)
    }

    /// Reads a selection's name or `… of …`.
    fn selection(&mut self) -> Parsed {
        let Some(word) = self.peek().map(str::to_owned) else {
            return self.error("expected the name of a selection");
        };
        let of =
            self.words.get(self.at + 1).is_some_and(|(_, next)| next.eq_ignore_ascii_case("of"));
        if !of {
            let Some(node) = self.named.get(word.as_str()).copied() else {
                return self.error(format!("there is no selection `{word}`"));
            };
            self.take_room(size(node))?;
            self.at += 1;
            return Ok(node.clone());
        }
        let wanted = match word.to_ascii_lowercase().as_str() {
            "all" => None,
            "any" => Some(1),
            number => match number.parse::<usize>() {
                Ok(number) => Some(number),
                Err(_) => return self.error("before `of` stands `all`, `any` or a number"),
            },
        };
        self.at += 2;
        let chosen = self.chosen()?;
        match wanted {
            None => Ok(join(chosen, Node::And)),
            Some(0) => self.error("`0 of` always holds"),
            Some(1) => Ok(join(chosen, Node::Or)),
            Some(wanted) => self.at_least(wanted, &chosen),
        }
    }

    /// Reads `them` or a name with stars, and gives the selections it means.
    fn chosen(&mut self) -> Result<Vec<Node>, (usize, String)> {
        let Some(pattern) = self.peek().map(str::to_owned) else {
            return self.error("expected `them` or a name such as `filter_*`");
        };
        let means = |name: &str| match pattern.as_str() {
            "them" => !name.starts_with('_'),
            pattern => star_match(pattern, name),
        };
        let nodes: Vec<&Node> =
            self.selections.iter().filter(|(name, _)| means(name)).map(|(_, node)| node).collect();
        if nodes.is_empty() {
            return self.error(format!("there is no selection `{pattern}`"));
        }
        // Looking through all of them is work too, each time that a condition asks for it.
        let looked = self.selections.len();
        self.take_room(looked + nodes.iter().map(|node| size(node)).sum::<usize>())?;
        let nodes = nodes.into_iter().cloned().collect();
        self.at += 1;
        Ok(nodes)
    }

    /// Writes `N of` out as every choice of that many.
    fn at_least(&self, wanted: usize, nodes: &[Node]) -> Parsed {
        let mut choices: Vec<(usize, Vec<&Node>)> = vec![(0, Vec::new())];
        for _ in 0..wanted.min(nodes.len() + 1) {
            choices = choices
                .iter()
                .flat_map(|(from, taken)| {
                    nodes.iter().enumerate().skip(*from).map(|(index, node)| {
                        (index + 1, taken.iter().copied().chain([node]).collect())
                    })
                })
                .take(COMBINATIONS_MAX + 1)
                .collect();
            if choices.len() > COMBINATIONS_MAX {
                return self.error(format!("`{wanted} of` {} selections is too many", nodes.len()));
            }
        }
        self.take_room(choices.iter().flat_map(|(_, taken)| taken).map(|node| size(node)).sum())?;
        let all = |taken: Vec<&Node>| Node::And(taken.into_iter().cloned().collect());
        Ok(Node::Or(choices.into_iter().map(|(_, taken)| all(taken)).collect()))
    }
}

/// Gives how many tests and joins a tree has.
pub(crate) fn size(node: &Node) -> usize {
    match node {
        Node::And(nodes) | Node::Or(nodes) => 1 + nodes.iter().map(size).sum::<usize>(),
        Node::Not(node) => 1 + size(node),
        Node::All | Node::Test(_) => 1,
    }
}

fn join(mut nodes: Vec<Node>, join: fn(Vec<Node>) -> Node) -> Node {
    match (nodes.len(), nodes.pop()) {
        (1, Some(only)) => only,
        (_, last) => join(nodes.into_iter().chain(last).collect()),
    }
}

/// Tells whether a name fits a pattern with stars.
fn star_match(pattern: &str, name: &str) -> bool {
    use query::{Case, Glyph, TextMatcher};
    let glyphs: Vec<Glyph> =
        pattern.chars().map(|c| if c == '*' { Glyph::Any } else { Glyph::Char(c) }).collect();
    TextMatcher::from_glyphs(Case::Exact, &glyphs).matches(name)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use query::Predicate;

    use super::*;

    #[test]
    fn forms() {
        check("a", expect![[r#""a""#]]);
        check("a and not b", expect![[r#""a" and not "b""#]]);
        check("a or b and x1", expect![[r#""a" or ("b" and "x1")"#]]);
        check(
            "(a or b) and not (x1 or not x2)",
            expect![[r#"("a" or "b") and not ("x1" or not "x2")"#]],
        );
        check("1 of x*", expect![[r#""x1" or "x2" or "x3""#]]);
        check("all of x*", expect![[r#""x1" and "x2" and "x3""#]]);
        check("a AND 1 OF x*", expect![[r#""a" and ("x1" or "x2" or "x3")"#]]);
        check("2 of x*", expect![[r#"("x1" and "x2") or ("x1" and "x3") or ("x2" and "x3")"#]]);
        check("4 of x*", expect!["not *"]);
        check("any of x1", expect![[r#""x1""#]]);
        check("not 1 of them", expect![[r#"not ("a" or "b" or "x1" or "x2" or "x3")"#]]);
        check("all of _hidden*", expect![[r#""_hidden""#]]);
    }

    #[test]
    fn faults() {
        check("", expect!["0: expected the name of a selection"]);
        check("a and", expect!["5: expected the name of a selection"]);
        check("c", expect!["0: there is no selection `c`"]);
        check("a b", expect!["2: expected `and` or `or` before `b`"]);
        check("(a", expect!["2: expected `)`"]);
        check("1 of y*", expect!["5: there is no selection `y*`"]);
        check("some of x*", expect!["0: before `of` stands `all`, `any` or a number"]);
        check("a | count() > 5", expect!["2: aggregations are written as correlation rules today"]);
        check(&"not ".repeat(99), expect!["68: too many parentheses or `not` within one another"]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        let selections: Vec<Selection> = ["a", "b", "x1", "x2", "x3", "_hidden"]
            .map(|name| (name.to_owned(), Predicate::parse(name).unwrap().node().clone()))
            .into();
        match compile(text, &selections, &Budget::default()) {
            Ok(node) => expect.assert_eq(&node.to_string()),
            Err((at, message)) => expect.assert_eq(&format!("{at}: {message}")),
        }
    }
}
