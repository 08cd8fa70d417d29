//! Which rule builds on which, and what comes of it: a rule's parents are asked with it, and the
//! rules that build on it take its place where they match, as there the most special rule speaks.

use std::collections::HashMap;
use std::sync::Arc;

use super::conditions;
use super::fields::Kind;
use super::rule::{Group, Rule};
use super::xml::Fault;
use crate::detection::{Node, TESTS_MAX, Unwritable};

/// Bounds how many rules stand one upon another, and so the stack that following them takes.
const DEPTH_MAX: usize = 64;
/// Bounds the rules that a group or a level stands for.
const MEMBERS_MAX: usize = 500;

/// The rules of all files and how they hang together.
pub(crate) struct Chain<'r> {
    pub(crate) rules: &'r [Rule],
    by_id: HashMap<u32, usize>,
    links: Vec<Link>,
    children: Vec<Vec<usize>>,
}

#[derive(Clone, Default)]
struct Link {
    state: State,
    kind: Option<Kind>,
    /// What the rule itself asks.
    own: Option<Node>,
    /// What it asks with all that it builds on.
    full: Option<Arc<Node>>,
    fault: Option<Fault>,
    /// What is less than asked for, and said.
    notes: Vec<String>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    New,
    Open,
    Done,
}

impl<'r> Chain<'r> {
    pub(crate) fn of(rules: &'r [Rule]) -> Self {
        let by_id = rules.iter().enumerate().map(|(place, rule)| (rule.id, place)).collect();
        let links = vec![Link::default(); rules.len()];
        let children = vec![Vec::new(); rules.len()];
        let mut chain = Self { rules, by_id, links, children };
        for place in 0..rules.len() {
            chain.settle(place, 0);
        }
        chain
    }

    pub(crate) fn place(&self, id: u32) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn rule(&self, place: usize) -> Option<&'r Rule> {
        self.rules.get(place)
    }

    pub(crate) fn kind(&self, place: usize) -> Option<Kind> {
        self.links.get(place)?.kind
    }

    pub(crate) fn notes(&self, place: usize) -> &[String] {
        self.links.get(place).map_or(&[], |link| &link.notes)
    }

    /// Gives what a rule itself asks.
    pub(crate) fn own(&self, place: usize) -> Option<&Node> {
        self.links.get(place)?.own.as_ref()
    }

    /// Gives what a rule asks with all that it builds on, or why that cannot be said.
    pub(crate) fn full(&self, place: usize) -> Result<&Node, Fault> {
        match self.links.get(place) {
            Some(Link { full: Some(node), .. }) => Ok(node),
            Some(Link { fault: Some(fault), .. }) => Err(fault.clone()),
            _ => Err(Fault { line: 1, column: 1, reason: "it builds on itself".to_owned() }),
        }
    }

    /// Gives when a rule speaks: where it holds and none that builds on it does.
    pub(crate) fn speaks(&self, place: usize) -> Result<(Node, Vec<String>), Fault> {
        let full = self.full(place)?;
        let mut notes = self.notes(place).to_vec();
        let mut claims = Vec::new();
        for child in self.children.get(place).into_iter().flatten() {
            match self.claim(*child, 0) {
                Some(claim) => claims.push(claim),
                None => notes.extend(self.rules.get(*child).map(|child| {
                    format!("rule {}, which builds on it, is not left out of it", child.id)
                })),
            }
        }
        if full.size() + claims.iter().map(Node::size).sum::<usize>() > TESTS_MAX {
            notes.push("the rules that build on it are too many to be left out of it".to_owned());
            return Ok((full.clone(), notes));
        }
        Ok((Node::all([full.clone(), Node::not(Node::any(claims))]), notes))
    }

    /// Gives when a child takes its parent's place, or `None` where that cannot be said.
    fn claim(&self, place: usize, depth: usize) -> Option<Node> {
        let (rule, own) = (self.rules.get(place)?, self.own(place)?);
        if depth > DEPTH_MAX
            || rule.foreign.is_some()
            || own.size() > TESTS_MAX
            || !tells_itself(own)
        {
            return None;
        }
        if !rule.noalert {
            return Some(own.clone());
        }
        let children = self.children.get(place)?.iter();
        let inner: Option<Vec<Node>> =
            children.map(|child| self.claim(*child, depth + 1)).collect();
        Some(Node::all([own.clone(), Node::any(inner?)]))
    }

    fn settle(&mut self, place: usize, depth: usize) {
        let Some(rule) = self.rules.get(place) else { return };
        if self.links.get(place).is_none_or(|link| link.state != State::New) {
            return;
        }
        if let Some(link) = self.links.get_mut(place) {
            link.state = State::Open;
        }
        let mut link = self
            .link(place, rule, depth)
            .unwrap_or_else(|fault| Link { fault: Some(fault), ..Link::default() });
        link.state = State::Done;
        if let Some(kept) = self.links.get_mut(place) {
            *kept = link;
        }
    }

    fn link(&mut self, place: usize, rule: &Rule, depth: usize) -> Result<Link, Fault> {
        if depth > DEPTH_MAX {
            return Err(rule.fault(format!("over {DEPTH_MAX} rules build one upon another")));
        }
        if let Some(foreign) = &rule.foreign {
            return Err(foreign.clone());
        }
        let mut notes = Vec::new();
        let parents = self.parents(place, rule, &mut notes)?;
        for parent in &parents {
            self.settle(*parent, depth + 1);
        }
        let mut bases = Vec::new();
        let mut size = 0;
        for parent in &parents {
            let id = self.rules.get(*parent).map_or(0, |parent| parent.id);
            match self.links.get(*parent) {
                Some(Link { state: State::Done, full: Some(full), .. }) => {
                    size += full.size();
                    if size > TESTS_MAX {
                        return Err(rule.fault(Unwritable::TooLarge.to_string()));
                    }
                    bases.push((**full).clone());
                }
                Some(Link { state: State::Done, .. }) => {
                    notes.push(format!("rule {id}, on which it builds, is not translated"));
                }
                _ => return Err(rule.fault(format!("it and rule {id} build on each other"))),
            }
        }
        let base = match (parents.as_slice(), bases.is_empty()) {
            ([], _) => Node::Always,
            ([only], true) => {
                let id = self.rules.get(*only).map_or(0, |parent| parent.id);
                return Err(rule.fault(format!("it builds on rule {id}, which is not translated")));
            }
            (_, true) => {
                return Err(rule.fault("none of the rules on which it builds is translated"));
            }
            _ => Node::any(bases),
        };
        let kind = match conditions::origin(rule)? {
            Some(origin) => Some(origin.kind),
            None => self.common_kind(&parents),
        };
        let own = conditions::own(rule, kind)?;
        let full = Node::all([base, own.clone()]);
        if full.size() > TESTS_MAX {
            return Err(rule.fault(Unwritable::TooLarge.to_string()));
        }
        if !rule.counts() {
            for parent in &parents {
                self.children.get_mut(*parent).into_iter().for_each(|list| list.push(place));
            }
        }
        let (own, full) = (Some(own), Some(Arc::new(full)));
        Ok(Link { kind, own, full, notes, ..Link::default() })
    }

    fn common_kind(&self, parents: &[usize]) -> Option<Kind> {
        let mut kinds = parents.iter().map(|parent| self.kind(*parent));
        let first = kinds.next()??;
        kinds.all(|kind| kind == Some(first)).then_some(first)
    }

    /// Gives the rules one of which an event must have matched before this one is asked.
    fn parents(
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
                Some(parent) => parents.push(*parent),
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

    /// Gives the rules before a place that are meant.
    pub(crate) fn members(&self, place: usize, meant: impl Fn(&Rule) -> bool) -> Vec<usize> {
        let before = self.rules.iter().take(place).enumerate();
        before.filter(|(_, rule)| meant(rule)).map(|(place, _)| place).collect()
    }
}

/// Tells whether a node says all that it means without the rule's logsource.
fn tells_itself(node: &Node) -> bool {
    match node {
        Node::Source(_, test) => test.is_some(),
        Node::All(nodes) | Node::Any(nodes) => nodes.iter().all(|node| tells_itself(node)),
        Node::Not(inner) => tells_itself(inner),
        Node::Always | Node::Never | Node::Test(_) => true,
    }
}
