//! Correlation rules: several events within a time (Sigma correlation rules, version 2.1).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use model::{Event, Value};
use query::{FieldRef, Number, Predicate};

use crate::RuleIndex;
use crate::correlations::chains::Clause;
use crate::correlations::tally::Measured;

/// What a correlation counts, measures or waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CorrelationKind {
    /// How many events there are.
    EventCount,
    /// How many different values a field has.
    ValueCount,
    /// What the numbers in a field sum up to.
    ValueSum,
    /// What the numbers in a field are on average.
    ValueAvg,
    /// The number in a field that so many per cent do not exceed.
    ValuePercentile,
    /// The number in a field that half of them do not exceed.
    ValueMedian,
    /// A value that a field of the group has not shown before; our own addition to the specification.
    NewTerms,
    /// The rules matched, in any order.
    Temporal,
    /// The rules matched, in the order in which they are named.
    TemporalOrdered,
}

impl CorrelationKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::EventCount,
        Self::ValueCount,
        Self::ValueSum,
        Self::ValueAvg,
        Self::ValuePercentile,
        Self::ValueMedian,
        Self::NewTerms,
        Self::Temporal,
        Self::TemporalOrdered,
    ];

    /// Gives the kind's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EventCount => "event_count",
            Self::ValueCount => "value_count",
            Self::ValueSum => "value_sum",
            Self::ValueAvg => "value_avg",
            Self::ValuePercentile => "value_percentile",
            Self::ValueMedian => "value_median",
            Self::NewTerms => "new_terms",
            Self::Temporal => "temporal",
            Self::TemporalOrdered => "temporal_ordered",
        }
    }

    /// Reads the kind's word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Tells whether it waits for several rules, rather than counting or measuring what they match.
    pub fn is_temporal(self) -> bool {
        matches!(self, Self::Temporal | Self::TemporalOrdered)
    }

    /// Tells whether it takes numbers out of the events.
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::ValueSum | Self::ValueAvg | Self::ValuePercentile | Self::ValueMedian)
    }
}

/// How a measure must stand to a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// Above it.
    Greater,
    /// Above it, or the same.
    GreaterOrEqual,
    /// Below it.
    Less,
    /// Below it, or the same.
    LessOrEqual,
    /// The same.
    Equal,
    /// Not the same.
    NotEqual,
}

impl Relation {
    /// Every relation.
    pub const ALL: [Self; 6] = [
        Self::Greater,
        Self::GreaterOrEqual,
        Self::Less,
        Self::LessOrEqual,
        Self::Equal,
        Self::NotEqual,
    ];

    /// Gives the relation's word in a rule.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Greater => "gt",
            Self::GreaterOrEqual => "gte",
            Self::Less => "lt",
            Self::LessOrEqual => "lte",
            Self::Equal => "eq",
            Self::NotEqual => "neq",
        }
    }

    /// Tells whether a measure that stands so to the number satisfies the relation.
    pub fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
        }
    }
}

/// How a measure must stand to a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// How.
    pub relation: Relation,
    /// The number; a whole one where something is counted.
    pub number: Number,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.relation.as_str(), self.number)
    }
}

/// A correlation, compiled.
#[derive(Clone, Debug, PartialEq)]
pub struct Correlation {
    /// What it counts, measures or waits for.
    pub kind: CorrelationKind,
    /// The rules whose matches it looks at, in the order in which it names them.
    pub rules: Vec<RuleIndex>,
    /// The fields whose values tell one group from another.
    pub group_by: Vec<String>,
    /// The fields whose values are counted or measured.
    pub fields: Vec<String>,
    /// The longest time between the first and the last event.
    pub timespan: Duration,
    /// What the measure must be; all of them hold.
    pub bounds: Vec<Bound>,
    /// Of a percentile, how many per cent.
    pub percentile: f64,
    /// Of new terms, how long a group must be known before one of its values is news.
    pub learn: Duration,
    /// What must have matched, in words, where the rules are joined by a condition.
    pub condition: Option<String>,
    /// Of a temporal correlation, the ways in which it can come true; none where rules are counted.
    pub(crate) clauses: Vec<Clause>,
    /// For each rule in [`Correlation::rules`], where its events keep what is asked of them.
    pub(crate) places: Vec<Places>,
    /// Events that are not counted.
    pub(crate) exceptions: Vec<Predicate>,
    /// Tells this definition from another one: what is remembered is of use to the same one only.
    pub(crate) definition: u64,
}

/// Where the events of one rule keep the fields of a correlation, the likeliest place first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Places {
    pub(crate) group_by: Vec<Vec<FieldRef>>,
    pub(crate) fields: Vec<Vec<FieldRef>>,
}

/// Gives what an event holds in the first of the places where it holds anything.
pub(crate) fn value_at<'e>(places: &[FieldRef], event: &'e Event) -> Option<Value<'e>> {
    places.iter().find_map(|place| place.get(event))
}

/// What is kept of the matches of a group so that the condition can be decided at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// How many happenings.
    Weight,
    /// How many different values.
    Distinct,
    /// The sum, and how many numbers made it.
    Sum,
    /// The numbers in their order.
    Order,
    /// When each rule matched last.
    Chains,
}

impl Correlation {
    pub(crate) fn measure(&self) -> Measure {
        match self.kind {
            CorrelationKind::EventCount => Measure::Weight,
            CorrelationKind::ValueCount => Measure::Distinct,
            CorrelationKind::ValueSum | CorrelationKind::ValueAvg => Measure::Sum,
            CorrelationKind::ValuePercentile | CorrelationKind::ValueMedian => Measure::Order,
            _ if self.clauses.is_empty() => Measure::Distinct,
            _ => Measure::Chains,
        }
    }

    /// Tells whether a measure satisfies the condition.
    pub(crate) fn accepts(&self, measured: Measured) -> bool {
        self.bounds.iter().all(|bound| {
            measured.order_to(bound.number).is_some_and(|order| bound.relation.accepts(order))
        })
    }

    /// Tells whether some count up to `most` could satisfy the condition.
    pub(crate) fn in_reach(&self, most: u64) -> bool {
        let most = Measured::Count(most);
        self.bounds.iter().all(|bound| match bound.relation {
            Relation::Greater => most.order_to(bound.number) == Some(Ordering::Greater),
            Relation::GreaterOrEqual | Relation::Equal => {
                most.order_to(bound.number).is_some_and(Ordering::is_ge)
            }
            Relation::Less | Relation::LessOrEqual | Relation::NotEqual => true,
        })
    }

    /// Tells whether its events are grouped by a field of the schema, under whatever name.
    pub fn groups_by(&self, field: model::Field) -> bool {
        let known = FieldRef::Known(field);
        let grouped = |places: &Places| places.group_by.iter().any(|group| group.contains(&known));
        !self.places.is_empty() && self.places.iter().all(grouped)
    }
}

/// Gives a hash that is the same in every run.
pub(crate) fn hash_of_text(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
