//! One event in, the detections that follow out.

mod entities;

use std::sync::Arc;

use model::{Detection, EntityKind, Event, Field, Value};
use sigma::codec::{Reader, Writer};
use sigma::{Fired, MemoryCounters, MemoryUse, Rule, RuleIndex, RuleSet, Scratch, SnapshotError};

use self::entities::{Groups, entity, entity_in};
use crate::analyse;
use crate::detectors::{Detectors, Finding};
use crate::indicators::{Indicators, Watched};
use crate::models::{self, Model, Sites};

pub use sigma::EVIDENCE_MAX;

/// The rules, compiled; immutable, to be shared and swapped as a whole.
#[derive(Debug, Default)]
pub struct Engine {
    rules: RuleSet,
    model: Arc<Model>,
}

/// What the engine remembers between events; it outlives a change of the rules.
#[derive(Debug, Default)]
pub struct Memory {
    correlations: sigma::Memory,
    detectors: Detectors,
    indicators: Watched,
    /// What is usual at each site.
    sites: Sites,
    sites_begun_anew: bool,
    /// What was shown of both last.
    shown: Indicators,
    /// What rules on findings need, apart from what the events themselves do.
    scratch_of_findings: Scratch,
    /// Kept between events so that the usual event allocates nothing.
    scratch: Scratch,
    matched: Vec<RuleIndex>,
    fired: Vec<Fired>,
    /// The correlations among those that the last event made fire.
    hits: Vec<RuleIndex>,
}

/// What was forgotten for want of room or of time.
pub type Counters = MemoryCounters;

impl Memory {
    /// Gives a memory that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives a memory for old events, played again: without the detectors that watch the present.
    pub fn of_old_events() -> Self {
        Self {
            detectors: Detectors::of_old_events(),
            sites: Sites::of_old_events(),
            ..Self::default()
        }
    }

    /// Gives the addresses that are known to be up to no good, and what is usual at each site.
    pub fn indicators(&self) -> Indicators {
        let mut all = self.indicators.all();
        all.renew_usual(self.sites.usual());
        all
    }

    /// Gives what is usual at each site, to be taught by itself.
    #[cfg(test)]
    pub(crate) fn sites(&mut self) -> &mut Sites {
        &mut self.sites
    }

    /// Gives the same, if enough of it changed since it was asked for last.
    pub fn renewed_indicators(&mut self) -> Option<Indicators> {
        let addresses = self.indicators.renewed();
        let usual = self.sites.renewed();
        if addresses.is_none() && usual.is_none() {
            return None;
        }
        if let Some(addresses) = addresses {
            self.shown.renew_addresses(addresses);
        }
        if let Some(usual) = usual {
            self.shown.renew_usual(usual);
        }
        Some(self.shown.clone())
    }

    /// Gives what the correlations have forgotten so far; a site that was let go, and whatever a detector let go for want
    /// of room, counts as a group.
    pub fn counters(&self) -> Counters {
        let mut counters = self.correlations.counters();
        let others = self.sites.forgotten().saturating_add(self.detectors.forgotten());
        counters.groups_evicted = counters.groups_evicted.saturating_add(others);
        counters
    }

    /// Gives how many entities the detectors have forgotten so far.
    pub fn forgotten_by_detectors(&self) -> u64 {
        self.detectors.forgotten()
    }

    /// Gives what of a snapshot could not be taken up when this memory was restored, by name: detectors by their
    /// ids, and `models` for what was usual at each site. They learn again.
    pub fn begun_anew(&self) -> Vec<&'static str> {
        let models = self.sites_begun_anew.then_some("models");
        self.detectors.begun_anew().iter().copied().chain(models).collect()
    }

    /// Gives about how many bytes each detector takes, by its id.
    pub fn bytes_of_detectors(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.detectors.bytes_of_each()
    }

    /// Gives what each correlation takes and has let go, in the order of their ids.
    pub fn uses(&self) -> Vec<MemoryUse> {
        self.correlations.uses()
    }

    /// Gives about how many bytes the correlations and the detectors take.
    pub fn bytes(&self) -> usize {
        self.correlations.bytes() + self.detectors.bytes() + self.sites.bytes()
    }

    /// Lets go of what no rule of an engine can use any more, and counts it; done when the rules
    /// change. What its rules can use stays.
    pub fn adopt(&mut self, engine: &Engine) {
        self.correlations.adopt(&engine.rules);
    }

    /// Gives the rules that the last event matched, and the correlations that it made fire, those that
    /// report nothing among them.
    pub fn hits(&self) -> impl Iterator<Item = RuleIndex> {
        self.matched.iter().chain(&self.hits).copied()
    }

    /// Gives how often a rule was evaluated since its rule set is in force.
    pub fn evaluations(&self, rule: RuleIndex) -> u64 {
        self.scratch.evaluations(rule)
    }

    /// Gives what is remembered as bytes, to be kept between two runs; the same memory gives the same
    /// bytes.
    pub fn snapshot(&self) -> Vec<u8> {
        let correlations = self.correlations.snapshot();
        let mut writer = Writer::default();
        writer.length(correlations.len());
        writer.raw(&correlations);
        self.indicators.snapshot(&mut writer);
        // Apart, so that what is no longer understood of the one is no loss of the other.
        let mut sites = Writer::default();
        self.sites.snapshot(&mut sites);
        let sites = sites.finish();
        writer.length(sites.len());
        writer.raw(&sites);
        self.detectors.snapshot(&mut writer);
        writer.finish()
    }

    /// Gives the memory that a snapshot was made of. What a detector of another version remembered is left
    /// out: it learns again, and [`Memory::begun_anew`] tells which.
    pub fn restore(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut reader = Reader::new(bytes);
        let length = reader.length()?;
        let correlations = sigma::Memory::restore(reader.raw(length)?)?;
        let indicators = Watched::restore(&mut reader)?;
        let length = reader.length()?;
        let mut kept = Reader::new(reader.raw(length)?);
        let sites = Sites::restore(&mut kept);
        let sites_begun_anew = sites.is_err();
        let sites = sites.unwrap_or_default();
        let detectors = Detectors::restore(&mut reader);
        let mut memory = Self {
            correlations,
            detectors,
            indicators,
            sites,
            sites_begun_anew,
            ..Self::default()
        };
        memory.shown = memory.indicators();
        Ok(memory)
    }
}

impl Engine {
    /// Gives the engine that runs these rules.
    pub fn new(rules: RuleSet) -> Self {
        Self { rules, model: Model::shipped() }
    }

    /// Gives the same engine with another model of requests.
    #[must_use]
    pub fn with_model(self, model: Arc<Model>) -> Self {
        Self { model, ..self }
    }

    /// Gives the model of requests.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Gives the rules.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// Adds the fields that rules decide on and that no format can read; done once, before the event
    /// is shared.
    pub fn analyse(&self, event: &mut Event, indicators: &Indicators) {
        analyse::inspect_request(event, indicators.usual());
        models::mark(event, &self.model, indicators.usual());
        indicators.mark(event);
    }

    /// Appends the detections that follow from one event.
    ///
    /// A rule on single events gives one detection each time it matches. A correlation gives one
    /// when its condition becomes true, and again while it stays true: each time the count has
    /// doubled, and once a timespan. Each carries the count of its own window, so of two detections
    /// of one burst the later holds the earlier.
    pub fn observe(&self, event: &Event, memory: &mut Memory, found: &mut Vec<Detection>) {
        self.examine(event, memory, found);
        let matched = std::mem::take(&mut memory.matched);
        self.follow(event, &matched, memory, found);
        memory.matched = matched;
    }

    /// The first half of [`Engine::observe`], which needs no event but this one: appends the
    /// detections of rules on single events. Old events may so be examined on all cores, each with
    /// a memory of its own.
    pub fn examine(&self, event: &Event, memory: &mut Memory, found: &mut Vec<Detection>) {
        let Memory { scratch, matched, .. } = memory;
        matched.clear();
        self.rules.matches_with(event, scratch, matched);
        for rule in matched.iter().filter_map(|index| self.rules.rule(*index)) {
            if rule.reports {
                found.push(self.of_event(rule, event));
            }
        }
    }

    /// Tells whether the second half has something to do with an old event, whichever rules matched it.
    pub fn is_watched(event: &Event) -> bool {
        Detectors::wants_old(event)
    }

    /// Gives the rules that the event examined last matched and that some correlation counts.
    pub fn followed<'m>(&'m self, memory: &'m Memory) -> impl Iterator<Item = RuleIndex> + 'm {
        memory.matched.iter().copied().filter(|rule| self.rules.is_followed(*rule))
    }

    /// The second half of [`Engine::observe`], which needs the events in the order of time and one
    /// memory for all: appends the detections of correlations, now that these rules matched, and those of
    /// what the detectors find.
    pub fn follow(
        &self,
        event: &Event,
        matched: &[RuleIndex],
        memory: &mut Memory,
        found: &mut Vec<Detection>,
    ) {
        let Memory {
            correlations,
            detectors,
            indicators,
            sites,
            scratch_of_findings,
            fired,
            hits,
            ..
        } = memory;
        indicators.observe(event);
        sites.observe(event, &self.model);
        hits.clear();
        let mut correlate = |event: &Event, matched: &[RuleIndex], found: &mut Vec<Detection>| {
            fired.clear();
            self.rules.correlate(event, matched, correlations, fired);
            for firing in fired.drain(..) {
                hits.push(firing.rule);
                if let Some(rule) = self.rules.rule(firing.rule).filter(|rule| rule.reports) {
                    found.push(self.of_correlation(rule, event, firing));
                }
            }
        };
        correlate(event, matched, found);
        let mut of_findings = Vec::new();
        detectors.observe(event, |event, finding| {
            let mut matched = Vec::new();
            self.rules.matches_with(event, scratch_of_findings, &mut matched);
            for rule in matched.iter().filter_map(|index| self.rules.rule(*index)) {
                if rule.reports {
                    found.push(self.of_finding(rule, event, finding));
                }
            }
            correlate(event, &matched, found);
            of_findings.append(&mut matched);
        });
        hits.append(&mut of_findings);
    }

    /// Tells whether a rule fires on these events, played in order to an engine that has seen
    /// nothing; also of a rule that reports nothing itself. This is how a rule's examples are tried.
    pub fn fires(&self, rule: RuleIndex, events: &mut [Event]) -> bool {
        let mut memory = Memory::new();
        let mut found = Vec::new();
        events.iter_mut().any(|event| {
            self.analyse(event, &memory.indicators());
            self.observe(event, &mut memory, &mut found);
            found.clear();
            memory.hits().any(|hit| hit == rule)
        })
    }

    fn of_event(&self, rule: &Rule, event: &Event) -> Detection {
        let count = event.repeat();
        Detection {
            rule: rule.header.clone(),
            time: event.time,
            first: event.time,
            entity: entity(event),
            source_ip: event.ip(Field::SourceIp),
            count,
            fresh: count,
            summary: self.rules.summary(rule, event, count),
            events: vec![event.id],
            simulated: event.get(Field::Simulated) == Some(Value::Flag(true)),
        }
    }

    fn of_finding(&self, rule: &Rule, event: &Event, finding: &Finding) -> Detection {
        let of_user = || entity_in(event, Field::UserName, EntityKind::User);
        Detection {
            entity: if finding.of_user { of_user() } else { entity(event) },
            first: finding.first.min(event.time),
            count: finding.count,
            fresh: finding.fresh,
            summary: self.rules.summary(rule, event, finding.count),
            events: finding.events.clone(),
            ..self.of_event(rule, event)
        }
    }

    fn of_correlation(&self, rule: &Rule, event: &Event, firing: Fired) -> Detection {
        let groups = Groups::of(rule);
        Detection {
            rule: rule.header.clone(),
            time: event.time,
            first: firing.first.min(event.time),
            entity: groups.entity(event).or_else(|| entity(event)),
            source_ip: event.ip(Field::SourceIp).filter(|_| groups.one_address()),
            count: firing.count,
            fresh: firing.fresh,
            summary: self.rules.summary_of(rule, event, &firing),
            events: firing.events,
            simulated: firing.simulated,
        }
    }
}
