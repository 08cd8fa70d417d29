//! Rules that look back: so many of those events, within that time, of the same source.
//!
//! A rule fires with the event that makes it `frequency` of them (in OSSEC, two more). Where the last
//! event is to be another one than those that are counted, they are counted first, and the last one
//! has to follow.

use super::Counting;
use super::chain::Chain;
use super::fields;
use super::rule::{Group, Rule};
use super::xml::Fault;
use crate::detection::Node;

/// How long a rule looks back that does not say it, as Wazuh has it.
const TIMEFRAME_SECONDS: u32 = 360;
/// How often, where nothing is said: one before, and then this one.
const FREQUENCY: u32 = 2;
/// Bounds the rules that a correlation names, as the engine does.
const COUNTED_MAX: usize = 64;
/// Bounds the fields that a correlation groups by, as the engine does.
const FIELDS_MAX: usize = 8;

/// A rule that looks back, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Composite {
    /// The rules whose matches count.
    pub(crate) counted: Vec<usize>,
    /// What the last event must be, where it is another.
    pub(crate) last: Option<Node>,
    /// How many events there must be, the last one among them.
    pub(crate) count: u32,
    pub(crate) seconds: u32,
    /// Fields whose values are the same in all of them.
    pub(crate) same: Vec<String>,
    /// A field whose value is another in each.
    pub(crate) different: Option<String>,
}

/// Reads a rule that looks back; `is_there` tells which rules can be counted.
pub(crate) fn read(
    chain: &Chain<'_>,
    place: usize,
    counting: Counting,
    is_there: &dyn Fn(usize) -> bool,
) -> Result<Composite, Fault> {
    let Some(rule) = chain.rule(place) else {
        return Err(Fault { line: 1, column: 1, reason: "there is no such rule".to_owned() });
    };
    if let Some(foreign) = &rule.foreign {
        return Err(foreign.clone());
    }
    let counted = counted(chain, place, rule, is_there)?;
    let (same, different) = comparisons(chain, place, rule, &counted)?;
    let last = last(chain, place, rule)?;
    if last.is_some() && different.is_some() {
        return Err(rule.fault("different values before another event: Sigma cannot say it"));
    }
    let frequency = rule.frequency.unwrap_or(FREQUENCY).max(1);
    let count = match counting {
        Counting::Ossec if rule.frequency.is_some() => frequency + 2,
        Counting::Wazuh | Counting::Ossec => frequency,
    };
    let seconds = rule.timeframe.unwrap_or(TIMEFRAME_SECONDS).max(1);
    Ok(Composite { counted, last, count, seconds, same, different })
}

fn counted(
    chain: &Chain<'_>,
    place: usize,
    rule: &Rule,
    is_there: &dyn Fn(usize) -> bool,
) -> Result<Vec<usize>, Fault> {
    let mut counted = Vec::new();
    for id in &rule.relation.matched_sids {
        let Some(found) = chain.place(*id) else {
            return Err(rule.fault(format!("it counts rule {id}, which is not in these files")));
        };
        if chain.rule(found).is_some_and(|found| found.level == 0 || found.noalert) {
            let reason =
                format!("it counts rule {id}, which raises no alert: there is nothing to count");
            return Err(rule.fault(reason));
        }
        if !is_there(found) {
            return Err(rule.fault(format!("it counts rule {id}, which is not translated")));
        }
        counted.push(found);
    }
    if let Some(group) = &rule.relation.matched_groups {
        let group_meant = Group::parse(group);
        let meant = |other: &Rule| other.is_of(&group_meant) && other.level > 0 && !other.noalert;
        counted.extend(chain.members(place, meant).into_iter().filter(|place| is_there(*place)));
        if counted.is_empty() {
            let reason = format!("it counts the group `{group}`, of which no rule is translated");
            return Err(rule.fault(reason));
        }
    }
    counted.sort_unstable();
    counted.dedup();
    if counted.len() > COUNTED_MAX {
        return Err(rule.fault(format!("it counts over {COUNTED_MAX} rules")));
    }
    Ok(counted)
}

/// Gives the fields that must be the same, and the one that must differ.
fn comparisons(
    chain: &Chain<'_>,
    place: usize,
    rule: &Rule,
    counted: &[usize],
) -> Result<(Vec<String>, Option<String>), Fault> {
    let counted_kind = || counted.iter().find_map(|place| chain.kind(*place));
    let kind = chain.kind(place).or_else(counted_kind);
    let (mut same, mut different) = (Vec::new(), None);
    for option in &rule.comparisons {
        let Some(compared) = fields::compared(&option.name, &option.text, kind) else { continue };
        let (field, differs) = compared.map_err(|reason| option.fault(reason))?;
        if differs {
            if different.replace(field).is_some() {
                return Err(
                    option.fault("two fields are to differ: Sigma counts the values of one")
                );
            }
        } else if !same.contains(&field) {
            same.push(field);
        }
    }
    if same.len() > FIELDS_MAX {
        return Err(rule.fault(format!("over {FIELDS_MAX} fields are to be the same")));
    }
    Ok((same, different))
}

/// Gives what the last event must be, unless it is one of those that are counted.
fn last(chain: &Chain<'_>, place: usize, rule: &Rule) -> Result<Option<Node>, Fault> {
    let relation = &rule.relation;
    let asks_nothing = chain.own(place).is_some_and(|own| *own == Node::Always);
    let bare = relation.sids.is_empty() && relation.groups.is_none() && relation.level.is_none();
    let same_rules = relation.sids == relation.matched_sids
        && relation.groups == relation.matched_groups
        && relation.level.is_none();
    if asks_nothing && (bare || same_rules) {
        return Ok(None);
    }
    let full = chain.full(place)?;
    if *full == Node::Always {
        return Err(rule
            .fault("it follows counting rules, and asks more of the event: Sigma cannot say it"));
    }
    Ok(Some(full.clone()))
}
