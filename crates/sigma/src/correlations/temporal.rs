//! The condition of a temporal correlation: rule names joined by `and`, `or` and `not`.

use crate::correlations::chains::Clause;
use crate::correlations::correlation::{Bound, Relation};
use crate::correlations::draft::Referred;
use crate::fault::Fault;
use crate::reading::yaml::Yaml;
use query::Number;

/// Bounds the ways in which a condition can come true.
const CLAUSES_MAX: usize = 64;
/// Bounds how deep a condition nests.
const DEPTH_MAX: usize = 16;

/// The rules that must have matched and those that must not, as bits by their places.
type Way = (u64, u64);

/// Gives the ways in which a condition in words comes true.
pub(crate) fn clauses(
    condition: &Yaml,
    references: &[Yaml],
    rules: &[Referred],
    ordered: bool,
) -> Result<Vec<Clause>, Fault> {
    let text = condition.text().unwrap_or_default();
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let mut parser =
        Parser { words: spaced.split_whitespace().collect(), at: 0, depth: 0, references, rules };
    let read = parser.any_of(false).and_then(|ways| match parser.words.get(parser.at) {
        Some(word) => Err(format!("expected `and` or `or` before `{word}`")),
        None => Ok(ways),
    });
    let ways = read.map_err(|message| Fault::at(condition, message))?;
    if ways.is_empty() {
        return Err(Fault::at(condition, "this condition can never come true"));
    }
    if ways.iter().any(|(with, _)| *with == 0) {
        let message =
            "this condition comes true by silence alone: it must ask for a rule that matched";
        return Err(Fault::at(condition, message));
    }
    let places = |bits: u64| (0..rules.len()).filter(|place| bits >> place & 1 == 1).collect();
    let clause = |(with, without)| Clause { with: places(with), without: places(without), ordered };
    Ok(ways.into_iter().map(clause).collect())
}

/// Gives the ways in which so many of the rules match in their order.
pub(crate) fn choices(
    condition: &Yaml,
    bounds: &[Bound],
    rules: usize,
) -> Result<Vec<Clause>, Fault> {
    let wanted = match bounds {
        [Bound { relation: Relation::GreaterOrEqual, number: Number::Integer(number) }] => *number,
        [Bound { relation: Relation::Greater, number: Number::Integer(number) }] => number + 1,
        _ => {
            return Err(Fault::at(
                condition,
                "rules in their order are counted by gt or gte alone",
            ));
        }
    };
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX).max(1);
    let mut chosen: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..wanted.min(rules + 1) {
        chosen = chosen
            .iter()
            .flat_map(|before| {
                let from = before.last().map_or(0, |last| last + 1);
                (from..rules).map(|next| before.iter().copied().chain([next]).collect())
            })
            .take(CLAUSES_MAX + 1)
            .collect();
        if chosen.len() > CLAUSES_MAX {
            let message =
                format!("there are more than {CLAUSES_MAX} ways to choose {wanted} rules");
            return Err(Fault::at(condition, message));
        }
    }
    if chosen.is_empty() {
        return Err(Fault::at(condition, format!("there are {rules} rules: never so many match")));
    }
    let clause = |with| Clause { with, without: Vec::new(), ordered: true };
    Ok(chosen.into_iter().map(clause).collect())
}

struct Parser<'c> {
    words: Vec<&'c str>,
    at: usize,
    depth: usize,
    references: &'c [Yaml],
    rules: &'c [Referred],
}

type Parsed = Result<Vec<Way>, String>;

impl Parser<'_> {
    fn take(&mut self, word: &str) -> bool {
        let found = self.words.get(self.at).is_some_and(|next| next.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    /// Reads what `or` joins; under a negation that is what `and` joins, each negated.
    fn any_of(&mut self, negated: bool) -> Parsed {
        let mut ways = self.all_of(negated)?;
        while self.take("or") {
            let more = self.all_of(negated)?;
            ways = if negated { both(&ways, &more)? } else { either(ways, more)? };
        }
        Ok(ways)
    }

    fn all_of(&mut self, negated: bool) -> Parsed {
        let mut ways = self.one(negated)?;
        while self.take("and") {
            let more = self.one(negated)?;
            ways = if negated { either(ways, more)? } else { both(&ways, &more)? };
        }
        Ok(ways)
    }

    fn one(&mut self, negated: bool) -> Parsed {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("too many parentheses or `not` within one another".to_owned());
        }
        let ways = if self.take("not") {
            self.one(!negated)?
        } else if self.take("(") {
            let ways = self.any_of(negated)?;
            if !self.take(")") {
                return Err("expected `)`".to_owned());
            }
            ways
        } else {
            self.rule(negated)?
        };
        self.depth -= 1;
        Ok(ways)
    }

    fn rule(&mut self, negated: bool) -> Parsed {
        let Some(word) = self.words.get(self.at) else {
            return Err("expected the name of a rule".to_owned());
        };
        let written = |reference: &Yaml| reference.scalar().as_deref() == Some(*word);
        let named = |rule: &Referred| rule.names.iter().any(|name| name == word);
        let place = self.references.iter().position(written);
        let Some(place) = place.or_else(|| self.rules.iter().position(named)) else {
            return Err(format!("`{word}` is none of the correlation's rules"));
        };
        self.at += 1;
        let bit = 1_u64 << place;
        Ok(vec![if negated { (0, bit) } else { (bit, 0) }])
    }
}

fn either(mut ways: Vec<Way>, more: Vec<Way>) -> Parsed {
    ways.extend(more);
    bounded(ways)
}

/// Gives the ways in which both come true, without those that contradict themselves.
fn both(ways: &[Way], others: &[Way]) -> Parsed {
    let joined = ways.iter().flat_map(|(with, without)| {
        others.iter().map(move |(more, less)| (with | more, without | less))
    });
    bounded(joined.filter(|(with, without)| with & without == 0).collect())
}

fn bounded(mut ways: Vec<Way>) -> Parsed {
    ways.sort_unstable();
    ways.dedup();
    if ways.len() > CLAUSES_MAX {
        return Err(format!("there are more than {CLAUSES_MAX} ways in which this can come true"));
    }
    Ok(ways)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::{RuleIndex, reading::yaml};

    #[test]
    fn ways() {
        check("a and b", expect!["a b"]);
        check("a AND (b or c)", expect!["a b | a c"]);
        check("a and not (b or not c)", expect!["a c -b"]);
        check("a or b or c", expect!["a | b | c"]);
        check("a and not a or b", expect!["b"]);
        check("id-b", expect!["b"]);
    }

    #[test]
    fn faults() {
        check("", expect!["1:1 expected the name of a rule"]);
        check("a b", expect!["1:1 expected `and` or `or` before `b`"]);
        check("(a", expect!["1:1 expected `)`"]);
        check("d", expect!["1:1 `d` is none of the correlation's rules"]);
        check("a and not a", expect!["1:1 this condition can never come true"]);
        check(
            "not a",
            expect![
                "1:1 this condition comes true by silence alone: it must ask for a rule that matched"
            ],
        );
        check(&"(".repeat(99), expect!["1:1 too many parentheses or `not` within one another"]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        let (documents, _) = yaml::parse("[a, b, c]");
        let names = ["a", "b", "c"];
        let rules = names.map(|name| Referred {
            index: RuleIndex(0),
            names: vec![format!("id-{name}"), name.to_owned()],
            logsource: crate::Logsource::default(),
        });
        let condition = Yaml { line: 1, column: 1, kind: yaml::Kind::Text(text.to_owned()) };
        let said = match clauses(&condition, documents[0].each(), &rules, false) {
            Ok(clauses) => {
                let way = |clause: &Clause| {
                    let with = clause.with.iter().map(|place| names[*place].to_owned());
                    let without = clause.without.iter().map(|place| format!("-{}", names[*place]));
                    with.chain(without).collect::<Vec<_>>().join(" ")
                };
                clauses.iter().map(way).collect::<Vec<_>>().join(" | ")
            }
            Err(fault) => format!("{}:{} {}", fault.line, fault.column, fault.message),
        };
        expect.assert_eq(&said);
    }
}
