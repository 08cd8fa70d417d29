//! The `correlation` part of a rule, as it is written.

use std::time::Duration;

use query::Number;

use crate::correlations::chains::Clause;
use crate::correlations::correlation::{
    Bound, Correlation, CorrelationKind, Places, Relation, hash_of_text,
};
use crate::correlations::temporal;
use crate::correlations::window::VALUES_MAX;
use crate::fault::Fault;
use crate::fields::places;
use crate::reading::yaml::{Kind, Yaml};
use crate::{Logsource, RuleIndex};

/// Bounds a correlation's timespan: what is rarer than once a year is not remembered.
const TIMESPAN_MAX: Duration = Duration::from_hours(24 * 366);
/// Bounds the fields that a correlation groups by, and those whose values it counts.
const FIELDS_MAX: usize = 8;
/// Bounds the rules that a correlation refers to.
pub(crate) const REFERENCES_MAX: usize = 64;

/// How long a group is watched, where a rule on new terms does not say, before a value is news.
const LEARN: Duration = Duration::from_hours(24);

/// A correlation whose rules are named but not found yet.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) kind: CorrelationKind,
    pub(crate) references: Vec<Yaml>,
    pub(crate) generate: bool,
    group_by: Vec<String>,
    fields: Vec<String>,
    timespan: Duration,
    bounds: Vec<Bound>,
    percentile: f64,
    learn: Duration,
    /// Of a temporal one, what joins its rules.
    condition: Option<Yaml>,
    /// Alias, then the rule's reference, then the field.
    aliases: Vec<(String, Vec<(String, String)>)>,
}

/// A rule that a correlation names, once it is found.
#[derive(Clone, Debug)]
pub(crate) struct Referred {
    pub(crate) index: RuleIndex,
    /// Its id, then its name.
    pub(crate) names: Vec<String>,
    pub(crate) logsource: Logsource,
}

impl Draft {
    pub(crate) fn parse(correlation: &Yaml, generate: bool) -> Result<Self, Fault> {
        let need = |key: &str| {
            correlation
                .get(key)
                .ok_or_else(|| Fault::at(correlation, format!("`correlation` needs `{key}`")))
        };
        let written = need("type")?;
        let kind = written.text().and_then(CorrelationKind::parse).ok_or_else(|| {
            let words = CorrelationKind::ALL.map(CorrelationKind::as_str).join(", ");
            Fault::at(written, format!("the type is one of {words}"))
        })?;
        let references = need("rules")?;
        if references.each().is_empty() || references.each().len() > REFERENCES_MAX {
            let message = format!("a correlation names 1 to {REFERENCES_MAX} rules");
            return Err(Fault::at(references, message));
        }
        let group_by = correlation.get("group-by").map(names).transpose()?.unwrap_or_default();
        let span = need("timespan")?;
        let timespan = timespan(&span.scalar().unwrap_or_default()).ok_or_else(|| {
            Fault::at(span, "a timespan is a number and s, m, h, d, w, M or y, up to 366 days")
        })?;
        let mut draft = Self {
            kind,
            references: references.each().to_vec(),
            generate,
            group_by,
            // Older texts name the field beside the condition.
            fields: correlation.get("field").map(names).transpose()?.unwrap_or_default(),
            timespan,
            bounds: Vec::new(),
            percentile: 50.0,
            learn: LEARN.min(timespan),
            condition: None,
            aliases: correlation.get("aliases").map(aliases).unwrap_or_default(),
        };
        match correlation.get("condition") {
            Some(condition) => draft.read_condition(condition)?,
            None if kind.is_temporal() => {}
            None => return Err(Fault::at(correlation, "`correlation` needs `condition`")),
        }
        Ok(draft)
    }

    fn read_condition(&mut self, condition: &Yaml) -> Result<(), Fault> {
        if self.kind.is_temporal() && condition.text().is_some() {
            self.condition = Some(condition.clone());
            return Ok(());
        }
        for (key, value) in condition.entries() {
            match key.text() {
                Some("field") if !self.kind.is_temporal() => self.fields = names(value)?,
                Some("percentile") if self.kind == CorrelationKind::ValuePercentile => {
                    self.percentile = per_cent(value)?;
                }
                Some("learn") if self.kind == CorrelationKind::NewTerms => {
                    self.learn = self.learning(value)?;
                }
                _ if self.kind == CorrelationKind::NewTerms => {
                    return Err(Fault::at(
                        key,
                        "new_terms have a `field`, and how long to `learn`",
                    ));
                }
                _ => self.bounds.push(bound(key, value, self.kind)?),
            }
        }
        let by_value = matches!(self.kind, CorrelationKind::ValueCount | CorrelationKind::NewTerms);
        if self.bounds.is_empty() && self.kind != CorrelationKind::NewTerms {
            return Err(Fault::at(
                condition,
                "a condition is made of gt, gte, lt, lte, eq and neq",
            ));
        }
        if (by_value && self.fields.is_empty())
            || (self.kind.is_numeric() && self.fields.len() != 1)
        {
            let kind = self.kind.as_str();
            return Err(Fault::at(condition, format!("the condition of a {kind} names a `field`")));
        }
        if self.kind == CorrelationKind::ValueCount
            && self.bounds.iter().any(|bound| !within(bound, VALUES_MAX))
        {
            let message =
                format!("a group keeps {VALUES_MAX} different values: this can never come true");
            return Err(Fault::at(condition, message));
        }
        if self.kind == CorrelationKind::TemporalOrdered {
            self.condition = Some(condition.clone());
        }
        Ok(())
    }

    fn learning(&self, value: &Yaml) -> Result<Duration, Fault> {
        let learn = value.scalar().and_then(|text| timespan(&text));
        learn.filter(|learn| *learn <= self.timespan).ok_or_else(|| {
            Fault::at(value, "how long to learn is a timespan, no longer than the correlation's")
        })
    }

    /// Gives the correlation once its rules are found, in the order of the references.
    pub(crate) fn finish(self, rules: &[Referred]) -> Result<Correlation, Fault> {
        let clauses = self.clauses(rules)?;
        let places = rules.iter().map(|rule| self.places(rule)).collect();
        let condition = self.condition.as_ref().and_then(Yaml::scalar);
        let ids: Vec<Option<&String>> = rules.iter().map(|rule| rule.names.first()).collect();
        let Self { kind, group_by, fields, timespan, bounds, percentile, learn, .. } = self;
        let definition = hash_of_text(&format!(
            "{kind:?} {ids:?} {places:?} {timespan:?} {bounds:?} {percentile} {learn:?} {clauses:?}"
        ));
        Ok(Correlation {
            kind,
            rules: rules.iter().map(|rule| rule.index).collect(),
            group_by,
            fields,
            timespan,
            bounds,
            percentile,
            learn,
            condition,
            clauses,
            places,
            exceptions: Vec::new(),
            definition,
        })
    }

    fn clauses(&self, rules: &[Referred]) -> Result<Vec<Clause>, Fault> {
        let ordered = self.kind == CorrelationKind::TemporalOrdered;
        match &self.condition {
            _ if !self.kind.is_temporal() => Ok(Vec::new()),
            Some(condition) if condition.text().is_some() => {
                temporal::clauses(condition, &self.references, rules, ordered)
            }
            Some(condition) => temporal::choices(condition, &self.bounds, rules.len()),
            None if self.bounds.is_empty() => {
                let with = (0..rules.len()).collect();
                Ok(vec![Clause { with, without: Vec::new(), ordered }])
            }
            // Different rules are counted.
            None => match self.bounds.iter().find(|bound| !within(bound, rules.len())) {
                Some(bound) => {
                    let message =
                        format!("{} rules are named: `{bound}` can never come true", rules.len());
                    let place = self.references.first().ok_or_else(|| Fault {
                        line: 1,
                        column: 1,
                        message: message.clone(),
                    })?;
                    Err(Fault::at(place, message))
                }
                None => Ok(Vec::new()),
            },
        }
    }

    fn places(&self, rule: &Referred) -> Places {
        let place = |group: &String| {
            let alias = self.aliases.iter().find(|(alias, _)| alias == group);
            let field = alias
                .and_then(|(_, fields)| fields.iter().find(|(name, _)| rule.names.contains(name)));
            places(field.map_or(group, |(_, field)| field), &rule.logsource)
        };
        Places {
            group_by: self.group_by.iter().map(place).collect(),
            fields: self.fields.iter().map(place).collect(),
        }
    }
}

/// Reads one name or a list of them.
fn names(yaml: &Yaml) -> Result<Vec<String>, Fault> {
    let names: Option<Vec<String>> = yaml.each().iter().map(Yaml::scalar).collect();
    names
        .filter(|names| names.len() <= FIELDS_MAX)
        .ok_or_else(|| Fault::at(yaml, format!("expected at most {FIELDS_MAX} names of fields")))
}

fn bound(key: &Yaml, value: &Yaml, kind: CorrelationKind) -> Result<Bound, Fault> {
    let relation = Relation::ALL.into_iter().find(|word| key.text() == Some(word.as_str()));
    let Some(relation) = relation else {
        return Err(Fault::at(key, "a condition is made of gt, gte, lt, lte, eq and neq"));
    };
    let number = match value.kind {
        Kind::Integer(number) if kind.is_numeric() || number >= 0 => Number::Integer(number),
        Kind::Float(number) if kind.is_numeric() => Number::Float(number),
        _ if kind.is_numeric() => return Err(Fault::at(value, "expected a number")),
        _ => return Err(Fault::at(value, "expected a whole number")),
    };
    Ok(Bound { relation, number })
}

/// Tells whether some count up to `most` satisfies a bound.
fn within(bound: &Bound, most: usize) -> bool {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    match (bound.relation, bound.number) {
        (Relation::Greater, Number::Integer(number)) => number < most,
        (Relation::GreaterOrEqual | Relation::Equal, Number::Integer(number)) => number <= most,
        _ => true,
    }
}

fn per_cent(value: &Yaml) -> Result<f64, Fault> {
    let number = value.scalar().and_then(|number| number.parse::<f64>().ok());
    number
        .filter(|number| (0.0..=100.0).contains(number))
        .ok_or_else(|| Fault::at(value, "a percentile is a number from 0 to 100"))
}

fn aliases(aliases: &Yaml) -> Vec<(String, Vec<(String, String)>)> {
    let pairs = |yaml: &Yaml| -> Vec<(String, String)> {
        yaml.entries()
            .iter()
            .filter_map(|(key, value)| Some((key.scalar()?, value.scalar()?)))
            .collect()
    };
    aliases
        .entries()
        .iter()
        .filter_map(|(key, value)| Some((key.scalar()?, pairs(value))))
        .collect()
}

/// Reads `5m`. A month and a year are those of the mean Gregorian year.
fn timespan(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let size: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        "M" => 2_629_746,
        "y" => 31_556_952,
        _ => return None,
    };
    let seconds = number.parse::<u64>().ok()?.checked_mul(size)?;
    Some(Duration::from_secs(seconds)).filter(|span| !span.is_zero() && *span <= TIMESPAN_MAX)
}
