//! Which rules can match an event at all, by the literals that they need.
//!
//! Most rules need one of a few texts in one field: `CommandLine` must hold `mimikatz`, or `Image`
//! must end with `\cmd.exe`. One automaton a field finds all such texts of all rules in one pass;
//! only rules that were called are evaluated. A rule for which no such text is known is always
//! evaluated. What is found is only a call, never a match: so letters are folded by ASCII alone, and
//! a value that holds anything else calls every rule.

use std::collections::{BTreeMap, HashMap};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use model::{Event, Field, Value};
use query::{FieldRef, Glyph, Matcher, Node, Test, TextMatcher};

/// Shorter texts are found nearly everywhere: such a rule is evaluated at once.
const NEEDLE_BYTES_MIN: usize = 3;

/// Where a text is needed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// In the record or its message.
    Anywhere,
    /// In this field.
    Field(String),
}

/// One of these texts, each in its place, is in every event that the rule matches.
type Witness = Vec<(Place, String)>;

/// All the texts that rules need, by their place.
#[derive(Debug, Default)]
pub(crate) struct Prefilter {
    anywhere: Option<Automaton>,
    known: HashMap<Field, Automaton>,
    named: HashMap<String, Automaton>,
    /// Rules without a witness.
    always: Vec<usize>,
    rules: usize,
}

#[derive(Debug)]
struct Automaton {
    needles: AhoCorasick,
    /// For each needle, the rules that it calls.
    calls: Vec<Vec<usize>>,
}

impl Prefilter {
    /// Gives the prefilter of rules, each with its place among `count` of them.
    pub(crate) fn of<'r>(count: usize, rules: impl Iterator<Item = (usize, &'r Node)>) -> Self {
        let mut prefilter = Self { rules: count, ..Self::default() };
        let mut needles: BTreeMap<Place, BTreeMap<String, Vec<usize>>> = BTreeMap::new();
        for (rule, node) in rules {
            let Some(witness) = witness(node) else {
                prefilter.always.push(rule);
                continue;
            };
            for (place, text) in witness {
                needles.entry(place).or_default().entry(text).or_default().push(rule);
            }
        }
        for (place, texts) in needles {
            match Automaton::of(&texts) {
                Some(automaton) => prefilter.add(place, automaton),
                // Too many texts for one automaton: their rules are then always evaluated.
                None => prefilter.always.extend(texts.into_values().flatten()),
            }
        }
        prefilter
    }

    fn add(&mut self, place: Place, automaton: Automaton) {
        match place {
            Place::Anywhere => self.anywhere = Some(automaton),
            Place::Field(name) => match Field::by_name(&name) {
                Some(field) => {
                    self.known.insert(field, automaton);
                }
                None => {
                    self.named.insert(name, automaton);
                }
            },
        }
    }

    /// Marks the rules that can match an event in `called`, which it clears first.
    pub(crate) fn call(&self, event: &Event, called: &mut Vec<bool>) {
        called.clear();
        called.resize(self.rules, false);
        for rule in &self.always {
            mark(called, *rule);
        }
        if let Some(automaton) = &self.anywhere {
            automaton.scan(event.original(), called);
            automaton.scan(event.text(Field::Message).unwrap_or_default(), called);
        }
        for (field, automaton) in &self.known {
            if let Some(value) = FieldRef::Known(*field).get(event) {
                automaton.scan_value(value, called);
            }
        }
        if self.named.is_empty() {
            return;
        }
        for extra in event.extras() {
            if let Some(automaton) = self.named.get(extra.name) {
                automaton.scan_value(extra.value, called);
            }
        }
    }
}

impl Automaton {
    fn of(texts: &BTreeMap<String, Vec<usize>>) -> Option<Self> {
        let needles = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .match_kind(MatchKind::Standard)
            .ascii_case_insensitive(true)
            .build(texts.keys())
            .ok()?;
        Some(Self { needles, calls: texts.values().cloned().collect() })
    }

    fn scan_value(&self, value: Value<'_>, called: &mut [bool]) {
        for element in value.each() {
            match element.as_text() {
                Some(text) => self.scan(text, called),
                None => self.scan(&element.to_string(), called),
            }
        }
    }

    fn scan(&self, text: &str, called: &mut [bool]) {
        if !text.is_ascii() {
            self.calls.iter().flatten().for_each(|rule| mark(called, *rule));
            return;
        }
        for found in self.needles.find_overlapping_iter(text) {
            let rules = self.calls.get(found.pattern().as_usize());
            rules.into_iter().flatten().for_each(|rule| mark(called, *rule));
        }
    }
}

fn mark(called: &mut [bool], rule: usize) {
    if let Some(flag) = called.get_mut(rule) {
        *flag = true;
    }
}

/// Gives texts of which one is in every event that passes, or `None` where there are none to tell.
fn witness(node: &Node) -> Option<Witness> {
    match node {
        // The part whose shortest text is longest calls least often.
        Node::And(nodes) => nodes.iter().filter_map(witness).max_by_key(|witness| {
            let shortest = witness.iter().map(|(_, text)| text.len()).min().unwrap_or(0);
            (shortest, usize::MAX - witness.len())
        }),
        Node::Or(nodes) => {
            let parts: Option<Vec<Witness>> = nodes.iter().map(witness).collect();
            parts.map(|parts| parts.concat())
        }
        Node::Test(Test::Field { field, matcher: Matcher::Text(matcher) }) => {
            let place = Place::Field(field.name().to_owned());
            needle(matcher).map(|text| vec![(place, text)])
        }
        Node::Test(Test::Anywhere(matcher)) => {
            needle(matcher).map(|text| vec![(Place::Anywhere, text)])
        }
        Node::All | Node::Not(_) | Node::Test(_) => None,
    }
}

/// Gives a text that every text which passes holds, in ASCII.
fn needle(matcher: &TextMatcher) -> Option<String> {
    let text = match matcher {
        TextMatcher::Literal(literal) => literal.text().to_owned(),
        TextMatcher::Wildcard(wildcard) => longest_run(wildcard.glyphs()),
        TextMatcher::Regex(_) => return None,
    };
    // A text with other letters can pass only in a value with other letters, and that calls all.
    (text.len() >= NEEDLE_BYTES_MIN).then_some(text)
}

fn longest_run(glyphs: &[Glyph]) -> String {
    let runs = glyphs.split(|glyph| !matches!(glyph, Glyph::Char(_)));
    let longest = runs.max_by_key(|run| run.len()).unwrap_or_default();
    longest
        .iter()
        .filter_map(|glyph| if let Glyph::Char(c) = glyph { Some(*c) } else { None })
        .collect()
}

#[cfg(test)]
mod tests {
    use model::{Text, Timestamp};
    use proptest::prelude::*;
    use query::Predicate;

    use super::*;

    proptest! {
        #[test]
        fn no_match_is_lost(
            rules in prop::collection::vec(
                r"((not )?(a|user\.name|message|\*): [abkK*é]{1,6}( and | or )){0,3}[abK*]{1,5}", 1..8),
            original in "[abkKKé]{0,10}",
            name in "[abkKKé]{0,10}",
        ) {
            let predicates: Vec<Predicate> = rules.iter().map(|rule| Predicate::parse(rule).unwrap()).collect();
            let nodes = predicates.iter().map(Predicate::node).enumerate();
            let prefilter = Prefilter::of(predicates.len(), nodes);
            let mut event = Event::new(Text::from(original.as_str()), Timestamp::default());
            event.set(Field::UserName, name.as_str());
            event.set(Field::Message, name.as_str());
            event.set_path("a", original.as_str());
            let mut called = Vec::new();
            prefilter.call(&event, &mut called);
            for (predicate, called) in predicates.iter().zip(called) {
                prop_assert!(called || !predicate.matches(&event), "{predicate}");
            }
        }
    }
}
