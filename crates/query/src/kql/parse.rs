//! The grammar: `or` over `and` over `not` over a test, a free text or a pair of parentheses.

use super::scan::{Colon, Phrase, Scanner};
use super::value;
use crate::{Comparison, DEPTH_MAX, FieldRef, Glyph, Node, SyntaxError};

/// Bounds the work and the size of the tree.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// Reads a text of the search bar.
pub(crate) fn parse(text: &str) -> Result<Node, SyntaxError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(SyntaxError {
            column: 1,
            message: format!("the text is over {TEXT_BYTES_MAX} bytes"),
        });
    }
    let mut parser = Parser { scanner: Scanner::new(text), depth: 0 };
    if parser.scanner.peek().is_none() {
        return Ok(Node::All);
    }
    let node = parser.any_of(Scope::Top)?;
    match parser.scanner.peek() {
        None => Ok(node),
        Some(')') => parser.scanner.error("this `)` closes nothing"),
        Some(_) => parser.scanner.error("expected `and` or `or` before this"),
    }
}

/// What a bare value is compared with.
#[derive(Clone, Copy)]
enum Scope<'f> {
    /// A test of its own: `field: value`, or free text.
    Top,
    /// The values of this field.
    Field(&'f FieldRef),
}

struct Parser {
    scanner: Scanner,
    depth: usize,
}

impl Parser {
    fn any_of(&mut self, scope: Scope<'_>) -> Result<Node, SyntaxError> {
        self.joined("or", Node::Or, |parser| parser.all_of(scope))
    }

    fn all_of(&mut self, scope: Scope<'_>) -> Result<Node, SyntaxError> {
        self.joined("and", Node::And, |parser| parser.negation(scope))
    }

    fn joined(
        &mut self,
        keyword: &str,
        join: fn(Vec<Node>) -> Node,
        next: impl Fn(&mut Self) -> Result<Node, SyntaxError>,
    ) -> Result<Node, SyntaxError> {
        let first = next(self)?;
        if !self.scanner.take_keyword(keyword) {
            return Ok(first);
        }
        let mut nodes = vec![first, next(self)?];
        while self.scanner.take_keyword(keyword) {
            nodes.push(next(self)?);
        }
        Ok(join(nodes))
    }

    fn negation(&mut self, scope: Scope<'_>) -> Result<Node, SyntaxError> {
        if self.scanner.take_keyword("not") {
            return self.deeper(|parser| Ok(Node::Not(Box::new(parser.negation(scope)?))));
        }
        if self.scanner.peek() == Some('(') {
            return self.parentheses(scope);
        }
        if self.scanner.at_keyword() {
            return self.scanner.error("expected a test before this word; quote it to look for it");
        }
        match scope {
            Scope::Top => self.test(),
            Scope::Field(field) => {
                let phrase = self.scanner.phrase(Colon::Belongs)?;
                Ok(value::equals(field, &phrase))
            }
        }
    }

    fn parentheses(&mut self, scope: Scope<'_>) -> Result<Node, SyntaxError> {
        let opening = self.scanner.column();
        self.scanner.take('(');
        let node = self.deeper(|parser| parser.any_of(scope))?;
        match self.scanner.peek() {
            Some(')') => {
                self.scanner.take(')');
                Ok(node)
            }
            Some(_) => self.scanner.error("expected `and`, `or` or `)` before this"),
            None => {
                Err(SyntaxError { column: opening, message: "this `(` is never closed".to_owned() })
            }
        }
    }

    fn deeper(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<Node, SyntaxError>,
    ) -> Result<Node, SyntaxError> {
        self.depth += 1;
        // Each level may stand for a pair of joins besides itself.
        if self.depth > DEPTH_MAX / 3 {
            return self.scanner.error("too many parentheses or `not` within one another");
        }
        let node = inner(self)?;
        self.depth -= 1;
        Ok(node)
    }

    /// Reads `field: …`, `field >= value` or free text.
    fn test(&mut self) -> Result<Node, SyntaxError> {
        let phrase = self.scanner.phrase(Colon::Ends)?;
        let comparison = match self.scanner.peek() {
            Some(':') => Comparison::Equal,
            Some('>') => Comparison::Greater,
            Some('<') => Comparison::Less,
            _ => return Ok(value::anywhere(&phrase)),
        };
        let name = FieldName::of(&phrase)?;
        for sign in [':', '>', '<'] {
            if self.scanner.take(sign) {
                break;
            }
        }
        let comparison = self.or_equal(comparison);
        if comparison != Comparison::Equal {
            let FieldName::One(field) = name else {
                return Err(SyntaxError {
                    column: phrase.column,
                    message: "`*` cannot be compared: name a field".to_owned(),
                });
            };
            let bound = self.scanner.phrase(Colon::Belongs)?;
            return value::compares(&field, comparison, &bound);
        }
        match name {
            FieldName::Every => self.every_field(),
            FieldName::One(field) => self.field_values(&field),
        }
    }

    fn or_equal(&mut self, comparison: Comparison) -> Comparison {
        match comparison {
            Comparison::Greater if self.scanner.take('=') => Comparison::GreaterOrEqual,
            Comparison::Less if self.scanner.take('=') => Comparison::LessOrEqual,
            other => other,
        }
    }

    fn field_values(&mut self, field: &FieldRef) -> Result<Node, SyntaxError> {
        if self.scanner.peek() == Some('(') {
            return self.parentheses(Scope::Field(field));
        }
        let phrase = self.scanner.phrase(Colon::Belongs)?;
        Ok(value::equals(field, &phrase))
    }

    /// Reads the value after `*:`, which is free text.
    fn every_field(&mut self) -> Result<Node, SyntaxError> {
        if self.scanner.peek() == Some('(') {
            return self.scanner.error("after `*:` one value is expected");
        }
        Ok(value::anywhere(&self.scanner.phrase(Colon::Belongs)?))
    }
}

enum FieldName {
    One(FieldRef),
    Every,
}

impl FieldName {
    fn of(phrase: &Phrase) -> Result<Self, SyntaxError> {
        let error =
            |message: &str| Err(SyntaxError { column: phrase.column, message: message.to_owned() });
        let [word] = phrase.words.as_slice() else {
            return error("a field's name is one word");
        };
        if word.as_slice() == [Glyph::Any] {
            return Ok(Self::Every);
        }
        let name: Option<String> = word
            .iter()
            .map(|glyph| if let Glyph::Char(character) = glyph { Some(*character) } else { None })
            .collect();
        match name {
            Some(name) if name.is_empty() => error("expected a field's name"),
            Some(name) => Ok(Self::One(FieldRef::by_name(&name))),
            None => error("a field's name cannot hold `*`: name one field"),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tests_and_what_joins_them() {
        check("", expect!["*"]);
        check("  * ", expect!["*"]);
        check("user.name: root", expect![[r#"user.name: "root""#]]);
        check(
            "source.ip: 203.0.113.0/24 and not user.name: (root or admin*) and event.duration >= 5s",
            expect![[
                r#"source.ip: 203.0.113.0/24 and not (user.name: "root" or user.name: admin*) and event.duration >= 5000000000"#
            ]],
        );
        check("a: 1 or b: 2 and c: 3", expect![[r#"a: "1" or (b: "2" and c: "3")"#]]);
        check("NOT a:x AND (b:y OR c:z)", expect![[r#"not a: "x" and (b: "y" or c: "z")"#]]);
        check("source.ip: *", expect!["source.ip: *"]);
        check("a: (not b)", expect![[r#"not a: "b""#]]);
    }

    #[test]
    fn values_of_every_kind() {
        check("user.name: John  Smith", expect![[r#"user.name: "john smith""#]]);
        check(r#"user.name: "a \"b\" \\ c""#, expect![[r#"user.name: "a \"b\" \\ c""#]]);
        check(r"a: C\:\\Temp\\*", expect![[r"a: c\:\\temp\\*"]]);
        check("a: *x*", expect!["a: *x*"]);
        check("a: x*y", expect!["a: x*y"]);
        check(r"a: \*", expect![[r#"a: "*""#]]);
        check("source.ip: 2001:DB8::/32", expect!["source.ip: 2001:db8::/32"]);
        check("source.ip: \"203.0.113.9\"", expect!["source.ip: 203.0.113.9"]);
        check("source.ip: 203.0.*", expect!["source.ip: 203.0.*"]);
        check("client: 10.0.0.0/8", expect!["client: 10.0.0.0/8"]);
        check("http.response.status_code: 404", expect!["http.response.status_code: 404"]);
        check("http.response.status_code: 4*", expect!["http.response.status_code: 4*"]);
        check("bartizan.simulated: true", expect![[r#"bartizan.simulated: "true""#]]);
        check("bartizan.inspection.score > 0.5", expect!["bartizan.inspection.score > 0.5"]);
        check("event.duration < 1.5ms", expect!["event.duration < 1500000"]);
    }

    #[test]
    fn moments_are_as_long_as_they_are_written() {
        check(
            "@timestamp: 2026-11-21",
            expect![[
                r#"@timestamp >= "2026-11-21T00:00:00.000Z" and @timestamp < "2026-11-22T00:00:00.000Z""#
            ]],
        );
        check("@timestamp > 2026-11", expect![[r#"@timestamp >= "2026-12-01T00:00:00.000Z""#]]);
        check("@timestamp <= 2026", expect![[r#"@timestamp < "2027-01-01T00:00:00.000Z""#]]);
        check(
            "@timestamp >= 2026-11-21T06:58",
            expect![[r#"@timestamp >= "2026-11-21T06:58:00.000Z""#]],
        );
        check(
            r#"@timestamp < "2026-11-21T06:58:00+02:00""#,
            expect![[r#"@timestamp < "2026-11-21T04:58:00.000Z""#]],
        );
        check("seen >= 2026-11-21", expect![[r#"seen >= "2026-11-21T00:00:00.000Z""#]]);
    }

    #[test]
    fn free_text() {
        check("failed password", expect![[r#""failed" and "password""#]]);
        check("\"Failed password\" or sudo", expect![[r#""failed password" or "sudo""#]]);
        check("fail*root", expect!["fail*root"]);
        check("*: x", expect![[r#""x""#]]);
        check(
            "message: accepted publickey",
            expect![[r#"message: "accepted" and message: "publickey""#]],
        );
        check("message: accepted*publickey", expect!["message: accepted*publickey"]);
        check("notes and android", expect![[r#""notes" and "android""#]]);
    }

    #[test]
    fn errors_name_their_column() {
        check("a: ", expect!["column 4: expected a value"]);
        check("a: b and", expect!["column 9: expected a value"]);
        check("a: \"b", expect!["column 4: this quote is never closed"]);
        check("(a: b", expect!["column 1: this `(` is never closed"]);
        check("a: b)", expect!["column 5: this `)` closes nothing"]);
        check("a: b c: d", expect!["column 6: expected `and` or `or` before this"]);
        check("é é: 1", expect!["column 3: expected `and` or `or` before this"]);
        check(
            "and a: b",
            expect!["column 1: expected a test before this word; quote it to look for it"],
        );
        check(
            "a: {b: c}",
            expect!["column 4: write `\\{` or `\\}`: nested objects are not searched"],
        );
        check("user.*: x", expect!["column 1: a field's name cannot hold `*`: name one field"]);
        check(
            "event.duration > soon",
            expect![
                "column 18: expected a number, a duration such as 5s or a time such as 2026-11-21"
            ],
        );
        check(
            "@timestamp > 5",
            expect!["column 14: expected a time such as 2026-11-21 or \"2026-11-21T06:58:00Z\""],
        );
        check("@timestamp: soon", expect![[r#"@timestamp: "soon""#]]);
        check(
            "source.ip > 10.0.0.1",
            expect![
                "column 13: addresses have no order: use a network, such as source.ip: 10.0.0.0/8"
            ],
        );
        check("a > (1)", expect!["column 5: expected a value, not `(`"]);
        check("* > 1", expect!["column 1: `*` cannot be compared: name a field"]);
        check("a\\", expect!["column 3: expected a character after the backslash"]);
        check(
            &"(".repeat(99),
            expect!["column 23: too many parentheses or `not` within one another"],
        );
        check(&"a ".repeat(40_000), expect!["column 1: the text is over 65536 bytes"]);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in r#"[a-zé@.:*()"<>=\\ {}0-9/-]{0,40}|\PC{0,40}"#) {
            if let Ok(node) = parse(&text) {
                prop_assert_eq!(parse(&node.to_string()), Ok(node));
            }
        }

        #[test]
        fn written_and_read_again(text in expression()) {
            let node = parse(&text).unwrap();
            prop_assert_eq!(parse(&node.to_string()), Ok(node), "{}", text);
        }
    }

    fn expression() -> impl Strategy<Value = String> {
        let value = prop_oneof![
            "[a-zA-Z0-9é]{1,5}",
            r"[a-z]{0,3}\*[a-z]{0,3}",
            r#""([a-zA-Z :*()<>]|\\["\\n]){0,8}""#,
            r"[a-z]\\[ :*()<>nrt{}]\\\\",
            "[a-z]{1,3} {1,2}[b-z]{3}",
            Just("10.0.0.0/8".to_owned()),
            Just("2026-11-21".to_owned()),
            Just("-1.5".to_owned()),
        ];
        let field = prop_oneof![
            Just("source.ip".to_owned()),
            Just("message".to_owned()),
            Just("source.port".to_owned()),
            Just("user.name".to_owned()),
            Just("@timestamp".to_owned()),
            Just("bartizan.inspection.score".to_owned()),
            Just(r"odd\ name\:".to_owned()),
            Just("not".to_owned()),
            Just("*".to_owned()),
        ];
        let sign = prop_oneof![Just(">"), Just(">="), Just("<"), Just("<=")];
        let leaf = prop_oneof![
            value.clone(),
            (field, value).prop_map(|(field, value)| format!("{field}: {value}")),
            (sign.clone(), any::<i64>()).prop_map(|(sign, n)| format!("x {sign} {n}")),
            (sign, "20[0-9]{2}(-1[0-2])?")
                .prop_map(|(sign, day)| format!("@timestamp {sign} {day}")),
        ];
        leaf.prop_recursive(4, 24, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|one| format!("not ({one})")),
                prop::collection::vec(inner.clone(), 2..4)
                    .prop_map(|several| format!("({})", several.join(") and ("))),
                prop::collection::vec(inner, 2..4).prop_map(|several| several.join(" or ")),
            ]
        })
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        match parse(text) {
            Ok(node) => expect.assert_eq(&node.to_string()),
            Err(error) => expect.assert_eq(&error.to_string()),
        }
    }
}
