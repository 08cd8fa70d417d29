//! Correlation rules: several events within a time (Sigma correlation rules, version 2.1).

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use query::{Comparison, FieldRef, Predicate};

use crate::RuleIndex;
use crate::fault::Fault;
use crate::yaml::{Kind, Yaml};

/// Bounds a correlation's timespan.
const TIMESPAN_MAX: Duration = Duration::from_hours(24 * 31);
/// Bounds the fields that a correlation groups by.
const GROUP_FIELDS_MAX: usize = 8;
/// Bounds the rules that a correlation refers to.
const REFERENCES_MAX: usize = 64;

/// What a correlation counts or waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum CorrelationKind {
    /// How many events there are.
    EventCount,
    /// How many different values a field has.
    ValueCount(FieldRef),
    /// Each of the rules matched.
    Temporal,
    /// Each of the rules matched, in the order in which they are named.
    TemporalOrdered,
}

impl CorrelationKind {
    /// Gives the kind's word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::EventCount => "event_count",
            Self::ValueCount(_) => "value_count",
            Self::Temporal => "temporal",
            Self::TemporalOrdered => "temporal_ordered",
        }
    }
}

/// How the count must stand to a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// How.
    pub comparison: Comparison,
    /// The number.
    pub number: u64,
}

/// A correlation, compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct Correlation {
    /// What it counts or waits for.
    pub kind: CorrelationKind,
    /// The rules whose matches it looks at, in the order in which it names them.
    pub rules: Vec<RuleIndex>,
    /// The fields whose values tell one group from another.
    pub group_by: Vec<String>,
    /// The longest time between the first and the last event.
    pub timespan: Duration,
    /// What the count must be; all of them hold.
    pub bounds: Vec<Bound>,
    /// For each rule in [`Correlation::rules`], where the fields of `group_by` are found.
    pub(crate) group_fields: Vec<Vec<FieldRef>>,
    /// Events that are not counted.
    pub(crate) exceptions: Vec<Predicate>,
    /// Tells this definition from another one: what is remembered is of use to the same one only.
    pub(crate) definition: u64,
}

/// A correlation whose rules are named but not found yet.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) kind: CorrelationKind,
    pub(crate) references: Vec<Yaml>,
    pub(crate) generate: bool,
    group_by: Vec<String>,
    timespan: Duration,
    bounds: Vec<Bound>,
    /// Alias, then the rule's reference, then the field.
    aliases: Vec<(String, Vec<(String, String)>)>,
}

impl Draft {
    pub(crate) fn parse(correlation: &Yaml, generate: bool) -> Result<Self, Fault> {
        let need = |key: &str| {
            correlation
                .get(key)
                .ok_or_else(|| Fault::at(correlation, format!("`correlation` needs `{key}`")))
        };
        let condition = correlation.get("condition");
        let kind = match need("type")?.text() {
            Some("event_count") => CorrelationKind::EventCount,
            Some("value_count") => CorrelationKind::ValueCount(counted_field(need("condition")?)?),
            Some("temporal") => CorrelationKind::Temporal,
            Some("temporal_ordered") => CorrelationKind::TemporalOrdered,
            _ => {
                return Err(Fault::at(
                    need("type")?,
                    "the type is event_count, value_count, temporal or temporal_ordered",
                ));
            }
        };
        let counts = matches!(kind, CorrelationKind::EventCount | CorrelationKind::ValueCount(_));
        let references = need("rules")?;
        if references.each().is_empty() || references.each().len() > REFERENCES_MAX {
            return Err(Fault::at(
                references,
                format!("a correlation names 1 to {REFERENCES_MAX} rules"),
            ));
        }
        let group_by: Vec<String> = correlation
            .get("group-by")
            .map(|fields| fields.each().iter().filter_map(Yaml::scalar).collect())
            .unwrap_or_default();
        if group_by.len() > GROUP_FIELDS_MAX {
            return Err(Fault::at(correlation, format!("at most {GROUP_FIELDS_MAX} fields group")));
        }
        let span = need("timespan")?;
        let timespan = timespan(&span.scalar().unwrap_or_default()).ok_or_else(|| {
            Fault::at(span, "a timespan is a number and s, m, h, d or w, up to 31 days")
        })?;
        let bounds = match condition {
            Some(condition) if counts => bounds(condition)?,
            None if counts => {
                return Err(Fault::at(correlation, "`correlation` needs `condition`"));
            }
            _ => Vec::new(),
        };
        let aliases = correlation.get("aliases").map(aliases).unwrap_or_default();
        let references = references.each().to_vec();
        Ok(Self { kind, references, generate, group_by, timespan, bounds, aliases })
    }

    /// Gives the correlation once its rules are found, in the order of the references.
    pub(crate) fn finish(self, rules: Vec<RuleIndex>, names: &[Vec<String>]) -> Correlation {
        let field = |group: &String, names: &Vec<String>| {
            let alias = self.aliases.iter().find(|(alias, _)| alias == group);
            let field =
                alias.and_then(|(_, fields)| fields.iter().find(|(rule, _)| names.contains(rule)));
            FieldRef::by_name(field.map_or(group, |(_, field)| field))
        };
        let group_fields: Vec<Vec<FieldRef>> = names
            .iter()
            .map(|names| self.group_by.iter().map(|group| field(group, names)).collect())
            .collect();
        let Self { kind, group_by, timespan, bounds, .. } = self;
        let ids: Vec<Option<&String>> = names.iter().map(|names| names.first()).collect();
        let definition = hash_of_text(&format!(
            "{kind:?} {ids:?} {group_by:?} {group_fields:?} {timespan:?} {bounds:?}"
        ));
        let exceptions = Vec::new();
        Correlation {
            kind,
            rules,
            group_by,
            timespan,
            bounds,
            group_fields,
            exceptions,
            definition,
        }
    }
}

impl Correlation {
    /// Tells whether a count satisfies the condition.
    pub(crate) fn accepts(&self, count: u64) -> bool {
        self.bounds.iter().all(|bound| bound.comparison.accepts(count.cmp(&bound.number)))
    }
}

fn counted_field(condition: &Yaml) -> Result<FieldRef, Fault> {
    match condition.get("field").and_then(Yaml::scalar) {
        Some(field) => Ok(FieldRef::by_name(&field)),
        None => Err(Fault::at(condition, "the condition of a value_count names one `field`")),
    }
}

fn bounds(condition: &Yaml) -> Result<Vec<Bound>, Fault> {
    let mut bounds = Vec::new();
    for (key, value) in condition.entries() {
        let comparison = match key.text() {
            Some("field") => continue,
            Some("gt") => Comparison::Greater,
            Some("gte") => Comparison::GreaterOrEqual,
            Some("lt") => Comparison::Less,
            Some("lte") => Comparison::LessOrEqual,
            Some("eq") => Comparison::Equal,
            _ => return Err(Fault::at(key, "a condition is made of gt, gte, lt, lte and eq")),
        };
        let number = match value.kind {
            Kind::Integer(number) => u64::try_from(number).ok(),
            _ => None,
        };
        let Some(number) = number else { return Err(Fault::at(value, "expected a whole number")) };
        bounds.push(Bound { comparison, number });
    }
    if bounds.is_empty() {
        return Err(Fault::at(condition, "a condition is made of gt, gte, lt, lte and eq"));
    }
    Ok(bounds)
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

/// Gives a hash that is the same in every run.
pub(crate) fn hash_of_text(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Reads `5m`.
fn timespan(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let size: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return None,
    };
    let seconds = number.parse::<u64>().ok()?.checked_mul(size)?;
    Some(Duration::from_secs(seconds)).filter(|span| !span.is_zero() && *span <= TIMESPAN_MAX)
}
