//! The three kinds of pattern: OS_Match (`sregex`), OS_Regex and PCRE2.
//!
//! OS_Match is plain text with `^`, `$`, `|` and a leading `!`. OS_Regex adds `\w \d \s \t \p \W \D
//! \S \.`, each of which `+` or `*` may follow; everything else in it is plain text, `.` and `[`
//! too. Both ignore case. OS_Regex does not go back once `\p*` has taken something; what stands here
//! does, and so may match a little more.

use crate::detection::{Node, Value, escaped};

/// Bounds a pattern; Wazuh's own bound is 20 KB, the engine's for expressions 8 KB.
const PATTERN_BYTES_MAX: usize = 20 << 10;
const EXPRESSION_BYTES_MAX: usize = 8 << 10;
/// Bounds the memory of an expression, as the engine does.
const COMPILED_BYTES_MAX: usize = 4 << 20;

/// How a pattern is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    Match,
    Regex,
    Pcre2,
    /// The whole value, as it stands.
    Text,
}

/// What a pattern is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target<'t> {
    /// The record: as a whole, or without its header.
    Record,
    /// A field.
    Field(&'t str),
}

impl Syntax {
    /// Reads the attribute `type`.
    pub(crate) fn parse(word: &str) -> Result<Self, String> {
        match word {
            "osmatch" | "sregex" => Ok(Self::Match),
            "osregex" => Ok(Self::Regex),
            "pcre2" => Ok(Self::Pcre2),
            "string" => Ok(Self::Text),
            other => {
                Err(format!("the type `{other}` is none of osmatch, osregex, pcre2 and string"))
            }
        }
    }
}

/// Gives the test that a pattern stands for.
pub(crate) fn node(syntax: Syntax, pattern: &str, target: Target<'_>) -> Result<Node, String> {
    if pattern.is_empty() {
        return Err("an empty pattern".to_owned());
    }
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(format!("a pattern of over {PATTERN_BYTES_MAX} bytes"));
    }
    match syntax {
        Syntax::Text => Ok(plain(&[Part::whole(pattern)], target)),
        Syntax::Pcre2 => {
            let pattern = of_pcre2(pattern);
            checked(&pattern)?;
            Ok(expression(target, "re", &[pattern]))
        }
        Syntax::Match => {
            let (negated, pattern) = match pattern.strip_prefix('!') {
                Some(rest) => (true, rest),
                None => (false, pattern),
            };
            let parts = pattern.split('|').map(match_part).collect::<Result<Vec<_>, _>>()?;
            let node = plain(&parts, target);
            Ok(if negated { Node::not(node) } else { node })
        }
        Syntax::Regex => of_regex(pattern, target),
    }
}

/// A plain text and whether it is held at its ends.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    text: String,
    start: bool,
    end: bool,
}

impl Part {
    fn whole(text: &str) -> Self {
        Self { text: text.to_owned(), start: true, end: true }
    }

    fn modifier(&self) -> &'static str {
        match (self.start, self.end) {
            (true, true) => "",
            (true, false) => "|startswith",
            (false, true) => "|endswith",
            (false, false) => "|contains",
        }
    }

    fn expression(&self) -> String {
        let (start, end) = (if self.start { "^" } else { "" }, if self.end { "$" } else { "" });
        format!("{start}{}{end}", regex::escape(&self.text))
    }

    /// Gives the value; a whole number is compared as one, however the field holds it.
    fn value(&self) -> Value {
        let number = self.text.parse().ok().filter(|number: &u64| {
            self.start && self.end && number.to_string() == self.text && self.text.len() < 16
        });
        number.map_or_else(|| Value::Text(escaped(&self.text)), Value::Number)
    }
}

fn match_part(text: &str) -> Result<Part, String> {
    let (start, rest) = (text.starts_with('^'), text.strip_prefix('^').unwrap_or(text));
    let (end, rest) = (rest.ends_with('$'), rest.strip_suffix('$').unwrap_or(rest));
    if rest.is_empty() {
        return Err("an alternative without text".to_owned());
    }
    Ok(Part { text: rest.to_owned(), start, end })
}

/// Gives the test of plain texts, those of one kind under one key.
fn plain(parts: &[Part], target: Target<'_>) -> Node {
    match target {
        Target::Field(field) => {
            let kinds = ["", "|startswith", "|endswith", "|contains"];
            Node::any(kinds.iter().filter_map(|kind| {
                let values: Vec<Value> =
                    parts.iter().filter(|part| part.modifier() == *kind).map(Part::value).collect();
                (!values.is_empty()).then(|| Node::test(format!("{field}{kind}"), values))
            }))
        }
        Target::Record => {
            let (held, free): (Vec<&Part>, Vec<&Part>) =
                parts.iter().partition(|part| part.start || part.end);
            let words =
                free.iter().map(|part| Value::Text(escaped(&part.text))).collect::<Vec<_>>();
            let held: Vec<String> = held.iter().map(|part| part.expression()).collect();
            Node::any(
                (!words.is_empty())
                    .then(|| Node::test("", words))
                    .into_iter()
                    .chain((!held.is_empty()).then(|| expression(target, "re|i", &held))),
            )
        }
    }
}

fn expression(target: Target<'_>, modifier: &str, patterns: &[String]) -> Node {
    let field = if let Target::Field(field) = target { field } else { "" };
    let values = patterns.iter().map(|pattern| Value::Text(pattern.clone())).collect();
    Node::test(format!("{field}|{modifier}"), values)
}

/// Tells why an expression cannot be run.
fn checked(pattern: &str) -> Result<(), String> {
    if pattern.len() > EXPRESSION_BYTES_MAX {
        return Err(format!("a regular expression of over {EXPRESSION_BYTES_MAX} bytes"));
    }
    match regex::RegexBuilder::new(pattern).size_limit(COMPILED_BYTES_MAX).build() {
        Ok(_) => Ok(()),
        Err(error) => {
            let shown = error.to_string();
            let last = shown.lines().last().unwrap_or_default().trim_start_matches("error: ");
            Err(format!("regular expression: {last}"))
        }
    }
}

/// Writes a Perl-compatible expression for an engine of the linear kind; what that has not, it
/// refuses itself.
fn of_pcre2(pattern: &str) -> String {
    let mut written = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            written.push(character);
            continue;
        }
        match characters.next() {
            // There a plain sign, here the boundary of a word.
            Some(sign @ ('<' | '>')) => written.push(sign),
            Some('Z') => written.push_str(r"\z"),
            Some('h') => written.push_str(r"[ \t]"),
            Some(other) => written.extend(['\\', other]),
            None => written.push('\\'),
        }
    }
    written
}

/// Gives the test of an OS_Regex: plain texts where it is no more than that.
fn of_regex(pattern: &str, target: Target<'_>) -> Result<Node, String> {
    let alternatives = alternatives(pattern)?;
    let plain_parts: Option<Vec<Part>> = alternatives.iter().map(Alternative::plain).collect();
    if let Some(parts) = plain_parts {
        return Ok(plain(&parts, target));
    }
    let expressions: Vec<String> = alternatives.iter().map(Alternative::expression).collect();
    for written in &expressions {
        checked(&format!("(?i){written}"))?;
    }
    Ok(expression(target, "re|i", &expressions))
}

#[derive(Debug, Default)]
struct Alternative {
    start: bool,
    end: bool,
    pieces: Vec<Piece>,
}

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(char),
    Class(&'static str, Option<char>),
}

impl Alternative {
    fn plain(&self) -> Option<Part> {
        let text: Option<String> = self
            .pieces
            .iter()
            .map(|piece| if let Piece::Text(character) = piece { Some(*character) } else { None })
            .collect();
        text.map(|text| Part { text, start: self.start, end: self.end })
    }

    fn expression(&self) -> String {
        let mut written = String::from(if self.start { "^" } else { "" });
        for piece in &self.pieces {
            match piece {
                Piece::Text(character) => {
                    written.push_str(&regex::escape(character.encode_utf8(&mut [0; 4])));
                }
                Piece::Class(class, times) => {
                    written.push_str(class);
                    written.extend(times);
                }
            }
        }
        written.push_str(if self.end { "$" } else { "" });
        written
    }
}

fn alternatives(pattern: &str) -> Result<Vec<Alternative>, String> {
    let mut done = Vec::new();
    let mut open = Alternative::default();
    let mut groups = 0_usize;
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                let Some(sign) = characters.next() else {
                    return Err("a backslash ends the pattern".to_owned());
                };
                let piece = match class(sign) {
                    Some(class) => {
                        Piece::Class(class, characters.next_if(|next| matches!(next, '+' | '*')))
                    }
                    None if matches!(sign, '$' | '(' | ')' | '\\' | '|' | '<') => Piece::Text(sign),
                    None => return Err(format!("`\\{sign}` means nothing in OS_Regex")),
                };
                open.pieces.push(piece);
            }
            '|' if groups > 0 => {
                return Err("alternatives within parentheses, which OS_Regex has not".to_owned());
            }
            '|' => done.push(std::mem::take(&mut open)),
            '(' => groups += 1,
            ')' => groups = groups.saturating_sub(1),
            '^' if open.pieces.is_empty() && !open.start => open.start = true,
            '$' if characters.peek().is_none_or(|next| matches!(next, '|' | ')')) => {
                open.end = true;
            }
            plain => open.pieces.push(Piece::Text(plain)),
        }
    }
    done.push(open);
    if done.iter().any(|alternative| alternative.pieces.is_empty()) {
        return Err("an alternative without text".to_owned());
    }
    Ok(done)
}

fn class(sign: char) -> Option<&'static str> {
    Some(match sign {
        'w' => "[A-Za-z0-9_@-]",
        'W' => "[^A-Za-z0-9_@-]",
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => " ",
        'S' => "[^ ]",
        't' => r"\t",
        'p' => r#"[()*+,\-.:;<=>?\[\]!"'#$%&|{}]"#,
        '.' => ".",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_patterns() {
        check(
            Syntax::Match,
            "illegal user|invalid user",
            Target::Record,
            expect![[r#"
            : Text("illegal user") Text("invalid user")"#]],
        );
        check(
            Syntax::Match,
            "^Failed|ssh2$|(x)",
            Target::Record,
            expect![[r#"
            (any : Text("(x)"), |re|i: Text("^Failed") Text("ssh2$"))"#]],
        );
        check(
            Syntax::Match,
            "!^root$|admin",
            Target::Field("user.name"),
            expect![[r#"
            (not (any user.name: Text("root"), user.name|contains: Text("admin")))"#]],
        );
        check(
            Syntax::Match,
            "^404$|^5",
            Target::Field("s"),
            expect![[r#"
            (any s: Number(404), s|startswith: Text("5"))"#]],
        );
        check(Syntax::Match, r"*.exe?", Target::Record, expect![[r#": Text("\\*.exe\\?")"#]]);
        check(Syntax::Match, "a||b", Target::Record, expect!["! an alternative without text"]);
        check(Syntax::Text, "a|b", Target::Field("f"), expect![[r#"f: Text("a|b")"#]]);
    }

    #[test]
    fn the_old_expressions() {
        check(
            Syntax::Regex,
            r"^\S+ failed for (\w+)$",
            Target::Record,
            expect![[r#"
            |re|i: Text("^[^ ]+ failed for [A-Za-z0-9_@-]+$")"#]],
        );
        check(
            Syntax::Regex,
            r"10.0.0.\d|\(root\)",
            Target::Field("f"),
            expect![[r#"
            f|re|i: Text("10\\.0\\.0\\.[0-9]") Text("\\(root\\)")"#]],
        );
        check(Syntax::Regex, "^4625$", Target::Field("EventID"), expect!["EventID: Number(4625)"]);
        check(
            Syntax::Regex,
            "(a|b)",
            Target::Record,
            expect!["! alternatives within parentheses, which OS_Regex has not"],
        );
        check(Syntax::Regex, r"\b", Target::Record, expect![[r"! `\b` means nothing in OS_Regex"]]);
    }

    #[test]
    fn perl_expressions() {
        check(
            Syntax::Pcre2,
            r"(?i)\<script\>",
            Target::Field("u"),
            expect![[r#"
            u|re: Text("(?i)<script>")"#]],
        );
        check(
            Syntax::Pcre2,
            r"a(?=b)",
            Target::Record,
            expect![
                "! regular expression: look-around, including look-ahead and look-behind, is not supported"
            ],
        );
        check(
            Syntax::Pcre2,
            r"(a)\1",
            Target::Record,
            expect!["! regular expression: backreferences are not supported"],
        );
    }

    proptest! {
        /// Whatever stands in a pattern, it comes out as an expression that can be run, or not at all.
        #[test]
        fn no_pattern_makes_a_broken_expression(pattern in r"[\\a-d.+*|^$()!\[\]{}?é ]{1,40}") {
            for syntax in [Syntax::Match, Syntax::Regex, Syntax::Pcre2] {
                let Ok(node) = node(syntax, &pattern, Target::Field("f")) else { continue };
                expressions(&node, &mut |written| assert!(regex::Regex::new(written).is_ok()));
            }
        }

        /// An OS_Regex of plain characters means what OS_Match takes it for.
        #[test]
        fn plain_text_is_the_same_in_both(pattern in r"\^?[a-z .:-]{1,12}(\|[a-z .]{1,5})?\$?") {
            let of = |syntax| node(syntax, &pattern, Target::Field("f"));
            prop_assert_eq!(of(Syntax::Match), of(Syntax::Regex));
        }
    }

    fn expressions(node: &Node, each: &mut impl FnMut(&str)) {
        match node {
            Node::Test(test) if test.key.contains("|re") => {
                for value in &test.values {
                    if let Value::Text(text) = value {
                        each(text);
                    }
                }
            }
            Node::All(nodes) | Node::Any(nodes) => {
                for node in nodes {
                    expressions(node, each);
                }
            }
            Node::Not(inner) => expressions(inner, each),
            _ => {}
        }
    }

    #[track_caller]
    fn check(syntax: Syntax, pattern: &str, target: Target<'_>, expect: Expect) {
        let shown = match node(syntax, pattern, target) {
            Ok(node) => show(&node),
            Err(reason) => format!("! {reason}"),
        };
        expect.assert_eq(&shown);
    }

    fn show(node: &Node) -> String {
        let list = |nodes: &[std::sync::Arc<Node>]| {
            nodes.iter().map(|node| show(node)).collect::<Vec<_>>().join(", ")
        };
        match node {
            Node::Test(test) => {
                let values: Vec<String> =
                    test.values.iter().map(|value| format!("{value:?}")).collect();
                format!("{}: {}", test.key, values.join(" "))
            }
            Node::All(nodes) => format!("(all {})", list(nodes)),
            Node::Any(nodes) => format!("(any {})", list(nodes)),
            Node::Not(inner) => format!("(not {})", show(inner)),
            other => format!("{other:?}"),
        }
    }
}
