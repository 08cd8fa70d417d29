//! From what passed to a verdict on each rule.

use std::collections::HashMap;

use model::{Timestamp, Value};
use query::{FieldRef, Node, Test};
use sigma::{CorrelationKind, Labels, Logsource, Rule, RuleIndex, RuleKind, RuleSet};

use super::names::NameId;
use super::{Health, SILENT_AFTER, Shape, TELLING, Work};

/// What every event has, and does not list.
const ALWAYS: [&str; 4] = ["@timestamp", "event.id", "event.ingested", "event.original"];

/// Whether a rule could fire here and now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Its log source arrives with the fields that it asks for.
    Able,
    /// Its log source arrives, but not with the fields that it asks for.
    Blind,
    /// Its log source does not arrive.
    #[default]
    Silent,
    /// It is switched off.
    Disabled,
}

impl Verdict {
    /// Gives the verdict's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Able => "able",
            Self::Blind => "blind",
            Self::Silent => "silent",
            Self::Disabled => "disabled",
        }
    }
}

/// What is known of one rule's chances.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleHealth {
    /// Whether it could fire here and now.
    pub verdict: Verdict,
    /// When an event of its log source came last.
    pub source_last: Option<Timestamp>,
    /// How many events of its log source come in an hour.
    pub source_per_hour: u64,
    /// The fields it asks for that its log source never had.
    pub missing: Vec<String>,
    /// When an event of its log source came last that had all the fields it needs.
    pub could: Option<Timestamp>,
    /// When it matched last; of a correlation, when it fired last.
    pub fired: Option<Timestamp>,
    /// How often it did.
    pub hits: u64,
    /// How often it was evaluated.
    pub evaluations: u64,
    /// Which part of all evaluations that is, from 0 to 1.
    pub share: f64,
}

impl Health {
    /// Gives the health of every rule, in their order.
    pub fn of_all(&self, rules: &RuleSet, now: Timestamp) -> Vec<RuleHealth> {
        let mut asked = Asked { health: self, now, fitting: HashMap::new() };
        let total: u64 = self.rules.values().map(|work| work.evaluated + work.evaluating).sum();
        let mut done: Vec<Option<RuleHealth>> = vec![None; rules.rules().len()];
        for index in 0..rules.rules().len() {
            asked.of(rules, index, &mut done);
        }
        let mut all: Vec<RuleHealth> = done.into_iter().map(Option::unwrap_or_default).collect();
        for (health, rule) in all.iter_mut().zip(rules.rules()) {
            let work = self.rules.get(&rule.header.id).copied().unwrap_or_default();
            let Work { hits, last, evaluated, evaluating } = work;
            health.evaluations = evaluated + evaluating;
            health.share = share(health.evaluations, total);
            (health.fired, health.hits) = (last, hits);
            if !rule.enabled {
                health.verdict = Verdict::Disabled;
            }
        }
        all
    }
}

/// One question for the health of all rules, and what was found on the way.
struct Asked<'h> {
    health: &'h Health,
    now: Timestamp,
    /// For each log source of a rule, those of the events that it fits, and how well.
    fitting: HashMap<Logsource, Vec<(usize, Fit)>>,
}

/// How well the labels of events fit what a rule names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// They name all of it.
    Wholly,
    /// They name some of it, and of the rest nothing is known.
    Partly,
    /// Nothing is known of them.
    Perhaps,
}

impl Asked<'_> {
    /// Finds the health of a rule, and before it that of the rules it names.
    fn of(&mut self, rules: &RuleSet, index: usize, done: &mut Vec<Option<RuleHealth>>) {
        let Some(rule) = rules.rule(RuleIndex(index)) else { return };
        if done.get(index).is_none_or(Option::is_some) {
            return;
        }
        let health = match &rule.kind {
            RuleKind::Event(predicate) => self.of_event_rule(rule, predicate.node()),
            RuleKind::Correlation(correlation) => {
                for part in &correlation.rules {
                    // No rule follows from itself, so this ends.
                    self.of(rules, part.0, done);
                }
                let parts: Vec<&RuleHealth> = correlation
                    .rules
                    .iter()
                    .filter_map(|part| done.get(part.0)?.as_ref())
                    .collect();
                let whole = matches!(
                    correlation.kind,
                    CorrelationKind::Temporal | CorrelationKind::TemporalOrdered
                );
                if whole { all_of(&parts) } else { any_of(&parts) }
            }
        };
        if let Some(place) = done.get_mut(index) {
            *place = Some(health);
        }
    }

    fn of_event_rule(&mut self, rule: &Rule, node: &Node) -> RuleHealth {
        let fitting = self.fitting(&rule.logsource);
        let needs_fields = !fields_of(node).is_empty();
        let mut found = RuleHealth::default();
        for (place, fit) in &fitting {
            let Some(source) = self.health.sources.get(*place) else { continue };
            let could = self
                .health
                .shapes
                .iter()
                .filter(|shape| shape.source == *place && self.could(node, shape))
                .map(|shape| shape.last)
                .max();
            // Events of which nothing is known count only where they have what the rule asks for.
            let could = could.filter(|_| *fit != Fit::Perhaps || needs_fields);
            if *fit == Fit::Wholly || could.is_some() {
                found.source_last = found.source_last.max(Some(source.last));
                found.source_per_hour += source.hours.per_hour(self.now);
            }
            found.could = found.could.max(could);
        }
        let wholly = fitting.iter().filter(|(_, fit)| *fit == Fit::Wholly).map(|(place, _)| *place);
        let wholly: Vec<usize> = wholly.collect();
        found.missing = self.missing(rule, node, &wholly);
        found.verdict = if self.is_fresh(found.could) {
            Verdict::Able
        } else if self.is_fresh(found.source_last) {
            Verdict::Blind
        } else {
            Verdict::Silent
        };
        found
    }

    fn is_fresh(&self, time: Option<Timestamp>) -> bool {
        time.is_some_and(|time| self.now.since(time) < SILENT_AFTER)
    }

    fn fitting(&mut self, logsource: &Logsource) -> Vec<(usize, Fit)> {
        if let Some(known) = self.fitting.get(logsource) {
            return known.clone();
        }
        let found: Vec<(usize, Fit)> = self
            .health
            .sources
            .iter()
            .enumerate()
            .filter_map(|(place, source)| {
                let labels = source.labels.each_ref().map(Option::as_deref);
                Some((place, fit(logsource, &Labels::of_words(labels))?))
            })
            .collect();
        self.fitting.insert(logsource.clone(), found.clone());
        found
    }

    /// Tells whether an event of a shape could pass a test, whatever its values are.
    fn could(&self, node: &Node, shape: &Shape) -> bool {
        match node {
            // What an event lacks passes a negation.
            Node::All | Node::Not(_) | Node::Test(Test::Anywhere(_)) => true,
            Node::And(nodes) => nodes.iter().all(|node| self.could(node, shape)),
            Node::Or(nodes) => nodes.iter().any(|node| self.could(node, shape)),
            Node::Test(Test::Field { field, matcher }) => match told(shape, field) {
                Some(value) => matcher.matches(Value::Text(value)),
                None => self.has(shape, field),
            },
            Node::Test(Test::Fields { field, other, .. }) => {
                self.has(shape, field) && self.has(shape, other)
            }
        }
    }

    fn has(&self, shape: &Shape, field: &FieldRef) -> bool {
        let id = self.health.names.id(field.name());
        ALWAYS.contains(&field.name())
            || id.is_some_and(|id| shape.fields.binary_search(&id).is_ok())
    }

    /// Gives the fields that a rule asks for and no event of these sources ever had, by the names
    /// that the rule gives them.
    fn missing(&self, rule: &Rule, node: &Node, sources: &[usize]) -> Vec<String> {
        let seen: Vec<NameId> = {
            let shapes = self.health.shapes.iter();
            let here = shapes.filter(|shape| sources.contains(&shape.source));
            let mut seen: Vec<NameId> = here.flat_map(|shape| shape.fields.clone()).collect();
            seen.sort_unstable();
            seen.dedup();
            seen
        };
        if seen.is_empty() {
            return Vec::new();
        }
        let is_seen = |field: &FieldRef| {
            let id = self.health.names.id(field.name());
            ALWAYS.contains(&field.name()) || id.is_some_and(|id| seen.binary_search(&id).is_ok())
        };
        let fields = fields_of(node);
        // A name of Sigma's stands for several places; one of them is enough, and the name is told.
        let places = |field: &&FieldRef| rule.logsource.places(field.name());
        let is_place_of_another = |field: &&FieldRef| {
            fields.iter().any(|other| {
                other != field && places(other).iter().skip(1).any(|place| place == *field)
            })
        };
        let missing = fields
            .iter()
            .filter(|field| !is_place_of_another(field) && !places(field).iter().any(is_seen))
            .map(|field| field.name().to_owned());
        missing.collect()
    }
}

/// Gives what the events of a shape all hold in a field, where that is known.
fn told<'s>(shape: &'s Shape, field: &FieldRef) -> Option<&'s str> {
    let place = TELLING.iter().position(|telling| FieldRef::Known(*telling) == *field)?;
    shape.told.get(place)?.as_deref()
}

/// Gives how well labels fit what a rule names; `None` where the rule is not for such events.
fn fit(logsource: &Logsource, labels: &Labels<'_>) -> Option<Fit> {
    if !logsource.fits_labels(labels) {
        return None;
    }
    let wanted = [&logsource.product, &logsource.category, &logsource.service];
    // It fits, so a name that is known is the name that is wanted.
    let known = labels.words().map(|word| word.is_some_and(|word| !word.is_empty()));
    let named = wanted.iter().zip(known).filter(|(wanted, known)| wanted.is_some() && *known);
    let wanted = wanted.iter().filter(|wanted| wanted.is_some()).count();
    Some(match named.count() {
        named if named == wanted => Fit::Wholly,
        0 => Fit::Perhaps,
        _ => Fit::Partly,
    })
}

/// Gives the fields of the tests that must or may hold, each once, in the order of the rule.
fn fields_of(node: &Node) -> Vec<&FieldRef> {
    let mut found = Vec::new();
    collect(node, &mut found);
    found
}

fn collect<'n>(node: &'n Node, found: &mut Vec<&'n FieldRef>) {
    let mut add = |field: &'n FieldRef| {
        if !found.contains(&field) {
            found.push(field);
        }
    };
    match node {
        Node::All | Node::Not(_) | Node::Test(Test::Anywhere(_)) => {}
        Node::And(nodes) | Node::Or(nodes) => {
            for node in nodes {
                collect(node, found);
            }
        }
        Node::Test(Test::Field { field, .. }) => add(field),
        Node::Test(Test::Fields { field, other, .. }) => {
            add(field);
            add(other);
        }
    }
}

/// Gives the health of what needs one of its parts.
fn any_of(parts: &[&RuleHealth]) -> RuleHealth {
    let best = parts.iter().min_by_key(|part| part.verdict);
    RuleHealth {
        verdict: best.map_or(Verdict::Silent, |part| part.verdict),
        missing: best.map(|part| part.missing.clone()).unwrap_or_default(),
        source_last: parts.iter().map(|part| part.source_last).max().flatten(),
        source_per_hour: parts.iter().map(|part| part.source_per_hour).max().unwrap_or(0),
        could: parts.iter().map(|part| part.could).max().flatten(),
        ..RuleHealth::default()
    }
}

/// Gives the health of what needs all of its parts.
fn all_of(parts: &[&RuleHealth]) -> RuleHealth {
    let worst = parts.iter().max_by_key(|part| part.verdict);
    let mut missing: Vec<String> = parts.iter().flat_map(|part| part.missing.clone()).collect();
    missing.dedup();
    RuleHealth {
        verdict: worst.map_or(Verdict::Silent, |part| part.verdict),
        missing,
        source_last: parts.iter().map(|part| part.source_last).min().flatten(),
        source_per_hour: parts.iter().map(|part| part.source_per_hour).min().unwrap_or(0),
        could: parts.iter().map(|part| part.could).min().flatten(),
        ..RuleHealth::default()
    }
}

/// Gives a part of a whole; past 2^53 it loses its last digits.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "no lossless way exists")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
