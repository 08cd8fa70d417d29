//! On which rules a rule builds.

use super::Chain;
use crate::wazuh::rule::{Group, Rule};
use crate::wazuh::xml::Fault;

/// Bounds the rules that a group or a level stands for.
const MEMBERS_MAX: usize = 500;

impl Chain<'_> {
    /// Gives the rules one of which an event must have matched before this one is asked.
    pub(super) fn parents(
        &self,
        place: usize,
        rule: &Rule,
        notes: &mut Vec<String>,
    ) -> Result<Vec<usize>, Fault> {
        let relation = &rule.relation;
        let bare =
            relation.sids.is_empty() && relation.groups.is_none() && relation.level.is_none();
        let (sids, groups) = if bare {
            // One that only looks back is asked where what it counts matches.
            (&relation.matched_sids, &relation.matched_groups)
        } else {
            (&relation.sids, &relation.groups)
        };
        let mut parents = Vec::new();
        let mut missing = Vec::new();
        for id in sids {
            match self.by_id.get(id) {
                Some(parent) => {
                    notes.extend(self.stand_in(*parent));
                    parents.push(*parent);
                }
                None => missing.push(id.to_string()),
            }
        }
        if let Some(group) = groups {
            let meant = Group::parse(group);
            parents.extend(self.members(place, |other| other.is_of(&meant)));
            if parents.is_empty() && missing.is_empty() {
                return Err(rule.fault(format!("no rule before it is of the group `{group}`")));
            }
        }
        if let Some(level) = relation.level {
            parents.extend(self.members(place, |other| other.level >= level));
        }
        if !missing.is_empty() {
            let list = missing.join(", ");
            if parents.is_empty() {
                return Err(
                    rule.fault(format!("it builds on rule {list}, which is not in these files"))
                );
            }
            notes.push(format!("rule {list}, on which it builds, is not in these files"));
        }
        let counts = |parent: &usize| self.rules.get(*parent).is_some_and(Rule::counts);
        let all = parents.len();
        let first_counting =
            parents.iter().find(|parent| counts(parent)).and_then(|parent| self.rules.get(*parent));
        if let (Some(counting), false) = (first_counting, bare) {
            notes
                .push(format!("rule {}, on which it builds, counts, and is left out", counting.id));
        }
        parents.retain(|parent| !counts(parent));
        parents.sort_unstable();
        parents.dedup();
        if parents.is_empty() && all > 0 {
            if bare {
                return Ok(parents);
            }
            let id = first_counting.map_or(0, |rule| rule.id);
            return Err(rule.fault(format!("it builds on rule {id}, which counts events before")));
        }
        if parents.len() > MEMBERS_MAX {
            return Err(rule.fault(format!("it builds on over {MEMBERS_MAX} rules")));
        }
        Ok(parents)
    }

    /// Gives the rules before a place that are meant; one more than there may be at most.
    pub(crate) fn members(&self, place: usize, meant: impl Fn(&Rule) -> bool) -> Vec<usize> {
        let before = self.rules.iter().take(place).enumerate();
        before
            .filter(|(_, rule)| meant(rule))
            .map(|(place, _)| place)
            .take(MEMBERS_MAX + 1)
            .collect()
    }

    /// Tells of a rule that only stands in for the one that is meant.
    pub(in crate::wazuh) fn stand_in(&self, place: usize) -> Option<String> {
        let rule = self.rules.get(place).filter(|rule| self.stock == Some(rule.file))?;
        let id = rule.id;
        Some(format!("rule {id} of Wazuh's is not in these files, and stands in by its meaning"))
    }
}
