//! Whether an event passes. Nothing here allocates.

use std::fmt::{self, Write};

use model::{Event, Field, Value};

use crate::compare::moment;
use crate::{FieldRef, Matcher, Node, Test, TextMatcher};

/// The longest value that is not a text itself: a small `f64` written out in full.
const RENDERED_BYTES_MAX: usize = 400;

impl Node {
    /// Tells whether an event passes.
    pub fn matches(&self, event: &Event) -> bool {
        match self {
            Self::All => true,
            Self::And(nodes) => nodes.iter().all(|node| node.matches(event)),
            Self::Or(nodes) => one_of(nodes, event),
            Self::Not(node) => !node.matches(event),
            Self::Test(test) => test.matches(event),
        }
    }
}

/// Tells whether an event passes one of them. Lists of values for one field are long in rules, so a
/// field is looked up once for as long as the tests stay with it.
fn one_of(nodes: &[Node], event: &Event) -> bool {
    let mut looked_up: Option<(&FieldRef, Option<Value<'_>>)> = None;
    nodes.iter().any(|node| {
        let Node::Test(Test::Field { field, matcher }) = node else { return node.matches(event) };
        let value = match looked_up {
            Some((last, value)) if last == field => value,
            _ => field.get(event),
        };
        looked_up = Some((field, value));
        value.is_some_and(|value| value.each().any(|element| matcher.matches(element)))
    })
}

impl Test {
    /// Tells whether an event passes.
    pub fn matches(&self, event: &Event) -> bool {
        match self {
            Self::Field { field, matcher } => field
                .get(event)
                .is_some_and(|value| value.each().any(|element| matcher.matches(element))),
            Self::Anywhere(matcher) => matches_anywhere(matcher, event),
            Self::Fields { field, placement, case, other } => {
                let (Some(texts), Some(needles)) = (field.get(event), other.get(event)) else {
                    return false;
                };
                texts.each().any(|text| {
                    needles.each().any(|needle| {
                        with_text(text, |text| {
                            with_text(needle, |needle| placement.holds(*case, text, needle))
                        })
                    })
                })
            }
        }
    }
}

fn matches_anywhere(matcher: &TextMatcher, event: &Event) -> bool {
    matcher.matches(event.original())
        || event.text(Field::Message).is_some_and(|message| matcher.matches(message))
}

impl Matcher {
    /// Tells whether one value passes; of a list, each element is a value of its own.
    pub fn matches(&self, value: Value<'_>) -> bool {
        match self {
            Self::Exists => true,
            Self::Text(matcher) => with_text(value, |text| matcher.matches(text)),
            Self::Network(network) => network.contains_value(value),
            Self::Number(comparison, number) => {
                number.order_of(value).is_some_and(|ordering| comparison.accepts(ordering))
            }
            Self::Time(comparison, bound) => {
                moment(value).is_some_and(|time| comparison.accepts(time.cmp(bound)))
            }
            Self::Part(part, number) => moment(value).is_some_and(|time| part.of(time) == *number),
        }
    }
}

/// Gives `each` the value as text.
fn with_text<R>(value: Value<'_>, each: impl FnOnce(&str) -> R) -> R {
    if let Some(text) = value.as_text() {
        return each(text);
    }
    let mut rendered = Rendered { bytes: [0; RENDERED_BYTES_MAX], length: 0 };
    // It fails on what is longer than any number, address or moment; the part that fits is compared.
    let _ = write!(rendered, "{value}");
    each(rendered.as_str())
}

/// A text on the stack.
struct Rendered {
    bytes: [u8; RENDERED_BYTES_MAX],
    length: usize,
}

impl Rendered {
    fn as_str(&self) -> &str {
        let written = self.bytes.get(..self.length).unwrap_or_default();
        str::from_utf8(written).unwrap_or_default()
    }
}

impl Write for Rendered {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        let room = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use model::{Text, Timestamp};
    use proptest::prelude::*;

    use super::*;
    use crate::{
        Case, Comparison, Number, Placement, Predicate, Regex, RegexFlags, TimePart, fold_text,
    };

    fn event() -> Event {
        let mut event = Event::new(
            Text::from("Failed PASSWORD for root\nfrom ::ffff:203.0.113.9"),
            Timestamp::parse("2026-11-21T06:58:00Z").unwrap(),
        );
        event.set(Field::Message, "second text");
        event.set(Field::UserName, "Straße");
        event.set(Field::SourceIp, "203.0.113.9");
        event.set(Field::DestinationIp, "2001:DB8::1");
        event.set(Field::ResponseStatus, 404_u16);
        event.set(Field::EventDuration, 5_000_000_000_i64);
        event.set(Field::InspectionScore, 0.75_f64);
        event.set(Field::SourcePort, "not a number");
        event.push(Field::Tags, "one");
        event.push(Field::Tags, "Two");
        event.set_path("client", "10.1.2.3");
        event.set_path("EventID", 4624_i64);
        event.set_path("size", "17");
        event.set_path("empty", "");
        event.set_path("target", "STRASSE straße");
        event.set_path("when", "2026-01-02T23:59:00Z");
        event
    }

    #[test]
    fn searches_that_find() {
        for text in [
            "",
            "failed and password",
            r#""password for ROOT""#,
            "second",
            "fail*root",
            "user.name: STRASSE or user.name: STRAẞE",
            "user.name: *ra*",
            "source.ip: 203.0.113.0/24",
            "source.ip: 203.0.*",
            "destination.ip: (10.0.0.0/8 or 2001:db8::/32)",
            r#"destination.ip: "2001:0db8:0::1""#,
            "client: 10.0.0.0/8",
            "client: 10.1.2.3",
            "http.response.status_code: 404 and http.response.status_code: 4*",
            "http.response.status_code >= 404 and not http.response.status_code > 404",
            "event.duration >= 5s and event.duration < 5001ms and event.duration: 5s",
            "bartizan.inspection.score > 0.7",
            "source.port: not*",
            "tags: two and tags: one and not tags: three",
            "tags: (one and two)",
            "EventID: 4624 and EventID > 4000",
            "size <= 17 and size: 17",
            "empty: * and empty: \"\"",
            "not missing: *",
            "@timestamp: 2026-11-21 and @timestamp > 2026-11-20",
            "when: 2026* and when < 2026-01-03",
            "message: \"COND TEX\"",
            "event.original: password",
        ] {
            assert!(Predicate::parse(text).unwrap().matches(&event()), "{text}");
        }
    }

    #[test]
    fn searches_that_do_not_find() {
        for text in [
            "failedx",
            "user.name: ra",
            "user.name: *ra",
            "source.ip: 203.0.114.0/24",
            "client: 11.0.0.0/8",
            "http.response.status_code: 40",
            "http.response.status_code > 404",
            "event.duration > 5s",
            "missing: *",
            "missing < 5",
            "user.name > 5",
            "@timestamp: 2026-11-22",
            "@timestamp > 2026-11-21",
            "tags: onetwo",
            "source.port >= 0",
            "not *",
        ] {
            assert!(!Predicate::parse(text).unwrap().matches(&event()), "{text}");
        }
    }

    #[test]
    fn what_only_rules_say() {
        let field = |name: &str, matcher| Test::Field { field: FieldRef::by_name(name), matcher };
        let regex = |pattern| {
            Matcher::Text(TextMatcher::Regex(Regex::new(pattern, RegexFlags::default()).unwrap()))
        };
        check(&field("user.name", regex("^Stra")), expect!["user.name: /^Stra/ true"]);
        check(&field("user.name", regex("^stra")), expect!["user.name: /^stra/ false"]);
        check(
            &field("http.response.status_code", regex("^40.$")),
            expect!["http.response.status_code: /^40.$/ true"],
        );
        check(&field("when", Matcher::Part(TimePart::Hour, 23)), expect!["when hour 23 true"]);
        check(
            &field("@timestamp", Matcher::Part(TimePart::Week, 47)),
            expect!["@timestamp week 47 true"],
        );
        check(&field("client", Matcher::Part(TimePart::Day, 1)), expect!["client day 1 false"]);
        check(
            &field("EventID", Matcher::Number(Comparison::Equal, Number::Float(4624.0))),
            expect!["EventID: 4624.0 true"],
        );
        check(
            &field(
                "user.name",
                Matcher::Text(TextMatcher::from_glyphs(
                    Case::Exact,
                    &[Glyph::Char('s'), Glyph::Any],
                )),
            ),
            expect!["user.name: s* (exact case) false"],
        );
    }

    #[test]
    fn two_fields() {
        let test = |placement, case| Test::Fields {
            field: FieldRef::by_name("target"),
            placement,
            case,
            other: FieldRef::by_name("user.name"),
        };
        check(
            &test(Placement::Whole, Case::Folded),
            expect!["target equals field user.name false"],
        );
        check(
            &test(Placement::Start, Case::Folded),
            expect!["target starts with field user.name false"],
        );
        check(
            &test(Placement::End, Case::Folded),
            expect!["target ends with field user.name true"],
        );
        check(
            &test(Placement::End, Case::Exact),
            expect!["target ends with field user.name (exact case) false"],
        );
        check(
            &test(Placement::Anywhere, Case::Folded),
            expect!["target contains field user.name true"],
        );
    }

    use crate::Glyph;

    #[track_caller]
    fn check(test: &Test, expect: Expect) {
        expect.assert_eq(&format!("{test} {}", test.matches(&event())));
    }

    /// The same meaning, said as plainly as it can be.
    fn naive(node: &Node, event: &Event) -> bool {
        match node {
            Node::All => true,
            Node::And(nodes) => !nodes.iter().any(|node| !naive(node, event)),
            Node::Or(nodes) => nodes.iter().filter(|node| naive(node, event)).count() > 0,
            Node::Not(node) => !naive(node, event),
            Node::Test(Test::Anywhere(matcher)) => naive_text(matcher, event.original()),
            Node::Test(Test::Field { field, matcher }) => {
                let value = event.get_path(field.name()).map(|value| value.to_string());
                match (value, matcher) {
                    (None, _) => false,
                    (Some(_), Matcher::Exists) => true,
                    (Some(text), Matcher::Text(matcher)) => naive_text(matcher, &text),
                    (Some(text), Matcher::Number(comparison, bound)) => {
                        let bound: f64 = bound.to_string().parse().unwrap();
                        text.parse::<f64>().is_ok_and(|number| match comparison {
                            Comparison::Equal => (number - bound).abs() < 0.5,
                            Comparison::Greater => number > bound,
                            Comparison::GreaterOrEqual => number >= bound,
                            Comparison::Less => number < bound,
                            Comparison::LessOrEqual => number <= bound,
                        })
                    }
                    other => panic!("not generated: {other:?}"),
                }
            }
            Node::Test(Test::Fields { .. }) => panic!("not generated"),
        }
    }

    fn naive_text(matcher: &TextMatcher, text: &str) -> bool {
        let text = fold_text(text);
        match matcher {
            TextMatcher::Literal(literal) => match literal.placement() {
                Placement::Whole => text == literal.text(),
                Placement::Start => text.starts_with(literal.text()),
                Placement::End => text.ends_with(literal.text()),
                Placement::Anywhere => text.contains(literal.text()),
            },
            TextMatcher::Wildcard(wildcard) => {
                let pattern: String = wildcard
                    .glyphs()
                    .iter()
                    .map(|glyph| match glyph {
                        Glyph::Any => ".*".to_owned(),
                        Glyph::One => ".".to_owned(),
                        Glyph::Char(c) => regex::escape(&c.to_string()),
                    })
                    .collect();
                regex::Regex::new(&format!("(?s)^(?:{pattern})$")).unwrap().is_match(&text)
            }
            TextMatcher::Regex(_) => panic!("not generated"),
        }
    }

    proptest! {
        #[test]
        fn same_as_the_plain_meaning(
            terms in prop::collection::vec((0..4_usize, "[aAé*]{1,4}", -3..3_i64, any::<bool>()), 1..6),
            name in "[aAéb]{0,4}",
            number in -3..3_i64,
            original in "[aAéb ]{0,8}",
        ) {
            let text: Vec<String> = terms.iter().map(|(kind, value, bound, negated)| {
                let not = if *negated { "not " } else { "" };
                match kind {
                    0 => format!("{not}user.name: {value} or"),
                    1 => format!("{not}n: {value} and"),
                    2 => format!("{not}n >= {bound} or {not}n < {bound} and"),
                    _ => format!("{not}{value} and"),
                }
            }).collect();
            let predicate = Predicate::parse(&format!("{} *", text.join(" "))).unwrap();
            let mut event = Event::new(Text::from(original.as_str()), Timestamp::default());
            event.set(Field::UserName, name.as_str());
            event.set_path("n", number);
            prop_assert_eq!(predicate.matches(&event), naive(predicate.node(), &event), "{}", predicate);
        }
    }
}
