//! Which rule builds on which, and what comes of it: a rule's parents are asked with it, and the
//! rules that build on it take its place where they match, as there the most special rule speaks.

mod parents;

use std::collections::HashMap;
use std::sync::Arc;

use super::conditions;
use super::fields::Kind;
use super::rule::Rule;
use super::xml::Fault;
use crate::detection::{Node, TESTS_MAX, Unwritable};

/// Bounds how many rules stand one upon another, and so the stack that following them takes.
const DEPTH_MAX: usize = 64;
/// Bounds the rules of level 0 that are left out of their siblings.
const SILENT_MAX: usize = 100;
/// Bounds what is said of one rule.
const NOTES_MAX: usize = 20;
/// Bounds the parents that are asked for the kind of records that a rule looks at.
const KINDS_MAX: usize = 8;

/// The rules of all files and how they hang together.
pub(crate) struct Chain<'r> {
    pub(crate) rules: &'r [Rule],
    by_id: HashMap<u32, usize>,
    links: Vec<Link>,
    children: Vec<Vec<usize>>,
    /// Of the children, those of level 0 on which nothing builds.
    silent: Vec<Vec<usize>>,
    /// The file whose rules stand in for Wazuh's own.
    stock: Option<usize>,
}

#[derive(Clone, Default)]
struct Link {
    state: State,
    parents: Vec<usize>,
    kind: Option<Kind>,
    kind_is_known: bool,
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
    pub(crate) fn of(rules: &'r [Rule], stock: Option<usize>) -> Self {
        let by_id = rules.iter().enumerate().map(|(place, rule)| (rule.id, place)).collect();
        let none = vec![Vec::new(); rules.len()];
        let links = vec![Link::default(); rules.len()];
        let mut chain = Self { rules, by_id, links, children: none.clone(), silent: none, stock };
        for (place, rule) in rules.iter().enumerate() {
            chain.find_parents(place, rule);
        }
        chain.find_silent();
        for (place, rule) in rules.iter().enumerate() {
            chain.find_own(place, rule);
        }
        for place in 0..rules.len() {
            chain.settle(place, 0);
        }
        chain
    }

    fn find_parents(&mut self, place: usize, rule: &Rule) {
        let mut notes = Vec::new();
        let found = match &rule.foreign {
            Some(foreign) => Err(foreign.clone()),
            None => self.parents(place, rule, &mut notes),
        };
        if let (Ok(parents), false) = (&found, rule.counts()) {
            for parent in parents {
                if let Some(list) = self.children.get_mut(*parent) {
                    list.push(place);
                }
            }
        }
        let Some(link) = self.links.get_mut(place) else { return };
        link.notes = notes;
        match found {
            Ok(parents) => link.parents = parents,
            Err(fault) => link.fault = Some(fault),
        }
    }

    fn find_silent(&mut self) {
        let keeps_silent = |place: &usize| {
            let is_leaf = self.children.get(*place).is_some_and(Vec::is_empty);
            is_leaf && self.rules.get(*place).is_some_and(|rule| rule.level == 0 && !rule.noalert)
        };
        let of = |children: &Vec<usize>| {
            children.iter().copied().filter(keeps_silent).take(SILENT_MAX + 1).collect()
        };
        self.silent = self.children.iter().map(of).collect();
    }

    fn find_own(&mut self, place: usize, rule: &Rule) {
        let kind = self.find_kind(place, 0);
        let Some(link) = self.links.get_mut(place) else { return };
        if link.fault.is_none() {
            match conditions::own(rule, kind) {
                Ok(own) => link.own = Some(own),
                Err(fault) => link.fault = Some(fault),
            }
        }
    }

    /// Gives what kind of records a rule looks at: as it says, or as all that it builds on do.
    fn find_kind(&mut self, place: usize, depth: usize) -> Option<Kind> {
        let rule = self.rules.get(place)?;
        let link = self.links.get_mut(place)?;
        if link.kind_is_known || depth > DEPTH_MAX {
            return link.kind;
        }
        link.kind_is_known = true;
        // A rule of many parents has them of one group; the first few tell of which kind it is.
        let parents: Vec<usize> = link.parents.iter().copied().take(KINDS_MAX).collect();
        let kind = if let Ok(Some(origin)) = conditions::origin(rule) {
            Some(origin.kind)
        } else {
            let mut kinds = Vec::new();
            for parent in parents {
                kinds.push(self.find_kind(parent, depth + 1));
            }
            let first = kinds.first().copied().flatten();
            first.filter(|_| kinds.iter().all(|kind| *kind == first))
        };
        self.links.get_mut(place)?.kind = kind;
        kind
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
        let (mut claims, mut size) = (Vec::new(), full.size());
        for child in self.children.get(place).into_iter().flatten() {
            match self.claim(*child, 0) {
                Some(claim) => {
                    size += claim.size();
                    if size > TESTS_MAX {
                        notes.push(
                            "the rules that build on it are too many to be left out".to_owned(),
                        );
                        return Ok((full.clone(), notes));
                    }
                    claims.push(claim);
                }
                None => notes.extend(self.rules.get(*child).map(|child| {
                    format!("rule {}, which builds on it, is not left out of it", child.id)
                })),
            }
        }
        notes.truncate(NOTES_MAX);
        Ok((Node::all([full.clone(), Node::not(Node::any(claims))]), notes))
    }

    /// Gives when a child takes its parent's place, or `None` where that cannot be said.
    fn claim(&self, place: usize, depth: usize) -> Option<Node> {
        let (rule, own) = (self.rules.get(place)?, self.own(place)?);
        if depth > DEPTH_MAX || rule.foreign.is_some() || own.size() > TESTS_MAX {
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
        let joined = self.join(place, rule, depth);
        let Some(link) = self.links.get_mut(place) else { return };
        link.state = State::Done;
        match joined {
            Ok(full) => link.full = Some(full),
            Err(fault) => link.fault = Some(fault),
        }
    }

    /// Joins what a rule asks with what it builds on.
    fn join(&mut self, place: usize, rule: &Rule, depth: usize) -> Result<Arc<Node>, Fault> {
        if depth > DEPTH_MAX {
            return Err(rule.fault(format!("over {DEPTH_MAX} rules build one upon another")));
        }
        let (own, parents) = match self.links.get(place) {
            Some(Link { fault: Some(fault), .. }) => return Err(fault.clone()),
            Some(Link { own: Some(own), parents, .. }) => (own.clone(), parents.clone()),
            _ => return Err(rule.fault("it builds on itself")),
        };
        for parent in &parents {
            self.settle(*parent, depth + 1);
        }
        let mut notes = Vec::new();
        let bases = self.bases(place, rule, &parents, own.size(), &mut notes)?;
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
        if let Some(link) = self.links.get_mut(place) {
            link.notes.append(&mut notes);
        }
        Ok(Arc::new(Node::all([base, own])))
    }

    /// Gives what each parent asks, without what is kept silent before this rule's turn.
    fn bases(
        &self,
        place: usize,
        rule: &Rule,
        parents: &[usize],
        size: usize,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Node>, Fault> {
        let (mut bases, mut size) = (Vec::new(), size);
        for parent in parents {
            let id = self.rules.get(*parent).map_or(0, |parent| parent.id);
            match self.links.get(*parent) {
                Some(Link { state: State::Done, full: Some(full), .. }) => {
                    let silent = self.silent_siblings(place, *parent, parents, notes);
                    size += full.size() + silent.size();
                    if size > TESTS_MAX {
                        return Err(rule.fault(Unwritable::TooLarge.to_string()));
                    }
                    bases.push(Node::all([(**full).clone(), Node::not(silent)]));
                }
                Some(Link { state: State::Done, .. }) => {
                    notes.push(format!("rule {id}, on which it builds, is not translated"));
                }
                _ => return Err(rule.fault(format!("it and rule {id} build on each other"))),
            }
        }
        Ok(bases)
    }

    /// Gives the events that a parent's child of level 0 takes, and nobody hears of: there such rules
    /// are asked before their siblings.
    fn silent_siblings(
        &self,
        place: usize,
        parent: usize,
        parents: &[usize],
        notes: &mut Vec<String>,
    ) -> Node {
        let mut silent = Vec::new();
        let siblings = self.silent.get(parent).map_or(&[][..], Vec::as_slice);
        if siblings.len() > SILENT_MAX {
            notes.push(format!("over {SILENT_MAX} rules of level 0 are not left out of it"));
            return Node::Never;
        }
        for sibling in siblings.iter().filter(|sibling| **sibling != place) {
            if parents.contains(sibling) {
                continue;
            }
            match self.own(*sibling) {
                Some(own) => silent.push(own.clone()),
                None => notes.extend(self.rules.get(*sibling).map(|rule| {
                    format!("what rule {} keeps silent is not left out of it", rule.id)
                })),
            }
        }
        Node::any(silent)
    }
}
