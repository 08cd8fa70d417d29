//! Rules run over what has passed, before they are in force or after: the same rules, the same
//! engine, a memory of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use model::{Detection, Event, Timestamp, write_json_string};
use sigma::{Options, Overrides, RuleFault, RuleFile, RuleIndex, RuleKind, RuleSet};

use crate::{Engine, Memory};

/// Bounds the days whose hits are counted apart.
const DAYS_MAX: usize = 4_000;
const DAY_NANOS: i64 = 86_400 * 1_000_000_000;

/// Which rules to try.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// All that are enabled.
    All,
    /// The one of this id or name, even if it is switched off.
    Rule(String),
    /// All of this file, which goes before a file with the same rules.
    File(RuleFile),
}

/// Some rules, and what they made of the events that they were shown.
#[derive(Debug)]
pub struct Trial {
    engine: Engine,
    wanted: BTreeSet<RuleIndex>,
    memory: Memory,
    events: u64,
    hits: u64,
    days: BTreeMap<i64, u64>,
}

/// Why rules cannot be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrialError {
    /// There is no rule of that id or name.
    Unknown(String),
    /// The rules that were given cannot be read.
    Faulty(Vec<RuleFault>),
}

impl Trial {
    /// Gives a trial of some of these rules, with what an installation changes of them.
    pub fn of(files: Vec<RuleFile>, overrides: &str, wanted: &Wanted) -> Result<Self, TrialError> {
        let mut files = files;
        if let Wanted::File(file) = wanted {
            files.insert(0, file.clone());
        }
        let changed = |more: &str| {
            let text = format!("{overrides}\n---\n{more}");
            Options { overrides: Overrides::parse("overrides", &text).0, ..Options::default() }
        };
        let (all, faults) = RuleSet::load_with(&files, &changed(""));
        let chosen = match wanted {
            Wanted::All => {
                let everything = (0..all.rules().len()).map(RuleIndex).collect();
                return Ok(Self::start(all, everything));
            }
            Wanted::Rule(name) => named(&all, name)?,
            Wanted::File(file) => of_file(&all, &file.path, faults)?,
        };
        let needed = with_parts(&all, &chosen);
        let id = |index: &RuleIndex| all.rule(*index).map(|rule| rule.header.id.clone());
        let path = |index: &RuleIndex| all.rule(*index).map(|rule| rule.path.clone());
        let paths: BTreeSet<String> = needed.iter().filter_map(path).collect();
        files.retain(|file| paths.contains(&file.path));
        // Of what else is in the same files nothing runs.
        let mut only = String::from("- {rule: '*', enabled: false}\n");
        for id in needed.iter().filter_map(id) {
            only.push_str("- {rule: ");
            write_json_string(&id, &mut only);
            // Writing to a String cannot fail.
            let _ = writeln!(only, ", enabled: true}}");
        }
        let (rules, _) = RuleSet::load_with(&files, &changed(&only));
        let chosen: BTreeSet<String> = chosen.iter().filter_map(id).collect();
        let wanted = rules.rules().iter().enumerate();
        let wanted = wanted.filter(|(_, rule)| chosen.contains(&rule.header.id));
        let wanted = wanted.map(|(index, _)| RuleIndex(index)).collect();
        Ok(Self::start(rules, wanted))
    }

    fn start(rules: RuleSet, wanted: BTreeSet<RuleIndex>) -> Self {
        Self {
            engine: Engine::new(rules),
            wanted,
            memory: Memory::of_old_events(),
            events: 0,
            hits: 0,
            days: BTreeMap::new(),
        }
    }

    /// Shows the next event to the rules; appends what they detect. Events come in the order of their
    /// time.
    pub fn observe(&mut self, event: &Event, found: &mut Vec<Detection>) {
        self.events += 1;
        self.engine.observe(event, &mut self.memory, found);
        let hits = self.memory.hits().filter(|rule| self.wanted.contains(rule)).count();
        if hits == 0 {
            return;
        }
        let hits = u64::try_from(hits).unwrap_or(u64::MAX);
        self.hits = self.hits.saturating_add(hits);
        let day = event.time.nanos().div_euclid(DAY_NANOS);
        if self.days.len() < DAYS_MAX || self.days.contains_key(&day) {
            *self.days.entry(day).or_default() += hits;
        }
    }

    /// Gives the titles of the rules that are tried.
    pub fn titles(&self) -> impl Iterator<Item = &str> {
        let rules = self.wanted.iter().filter_map(|index| self.engine.rules().rule(*index));
        rules.map(|rule| rule.header.title.as_str())
    }

    /// Tells whether one of them reports what it finds; rules that only serve a correlation do not.
    pub fn reports(&self) -> bool {
        let mut rules = self.wanted.iter().filter_map(|index| self.engine.rules().rule(*index));
        rules.any(|rule| rule.reports)
    }

    /// Gives how many events were shown.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Gives how often the rules matched, and correlations fired.
    pub fn hits(&self) -> u64 {
        self.hits
    }

    /// Gives the hits of each day that had any, by its beginning in UTC.
    pub fn days(&self) -> impl Iterator<Item = (Timestamp, u64)> {
        let begin = |day: i64| Timestamp::from_nanos(day.saturating_mul(DAY_NANOS));
        self.days.iter().map(move |(day, hits)| (begin(*day), *hits))
    }
}

fn named(rules: &RuleSet, name: &str) -> Result<BTreeSet<RuleIndex>, TrialError> {
    let mut all = rules.rules().iter();
    let is_it = |rule: &sigma::Rule| rule.header.id == name || rule.name.as_deref() == Some(name);
    let place = all.position(is_it).ok_or_else(|| TrialError::Unknown(name.to_owned()))?;
    Ok(BTreeSet::from([RuleIndex(place)]))
}

fn of_file(
    rules: &RuleSet,
    path: &str,
    faults: Vec<RuleFault>,
) -> Result<BTreeSet<RuleIndex>, TrialError> {
    let all = rules.rules().iter().enumerate();
    let chosen: BTreeSet<RuleIndex> =
        all.filter(|(_, rule)| rule.path == path).map(|(place, _)| RuleIndex(place)).collect();
    let faults: Vec<RuleFault> = faults.into_iter().filter(|fault| fault.path == path).collect();
    if chosen.is_empty() || !faults.is_empty() {
        return Err(TrialError::Faulty(faults));
    }
    Ok(chosen)
}

/// Adds the rules that the correlations among them name.
fn with_parts(rules: &RuleSet, chosen: &BTreeSet<RuleIndex>) -> BTreeSet<RuleIndex> {
    let mut needed = BTreeSet::new();
    let mut open: Vec<RuleIndex> = chosen.iter().copied().collect();
    while let Some(index) = open.pop() {
        if !needed.insert(index) {
            continue;
        }
        if let Some(RuleKind::Correlation(correlation)) = rules.rule(index).map(|rule| &rule.kind) {
            open.extend(&correlation.rules);
        }
    }
    needed
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use model::{Field, Text};

    use super::*;

    const FILE: &str = "
{id: failed, title: failed, logsource: {service: sshd}, detection: {s: {event.outcome: failure}, condition: s}}
---
{id: many, title: many, correlation: {type: event_count, rules: [failed], timespan: 1h, group-by: [user.name], condition: {gte: 3}}}
---
{id: any, title: any, logsource: {service: sshd}, detection: {s: {user.name: '*'}, condition: s}}
";

    #[test]
    fn one_rule_alone() {
        check("", Wanted::Rule("any".to_owned()), expect!["any: 5 hits, 5 reported, days 3 2"]);
        check("", Wanted::Rule("many".to_owned()), expect!["many: 1 hits, 1 reported, days 1"]);
        check(
            "",
            Wanted::Rule("failed".to_owned()),
            expect!["failed: 5 hits, 0 reported, days 3 2"],
        );
        check("", Wanted::Rule("none".to_owned()), expect![[r#"Unknown("none")"#]]);
    }

    #[test]
    fn what_an_installation_changed() {
        let off = "- {rule: any, enabled: false, exceptions: ['user.name: root']}";
        check(off, Wanted::Rule("any".to_owned()), expect!["any: 0 hits, 0 reported, days "]);
        check(off, Wanted::All, expect!["failed any many: 6 hits, 1 reported, days 4 2"]);
    }

    #[test]
    fn a_file_that_is_not_in_force_yet() {
        let file =
            |text: &str| Wanted::File(RuleFile { path: "new".to_owned(), text: text.to_owned() });
        let few = "{id: few, title: few, correlation: {type: event_count, rules: [failed], \
            timespan: 1h, group-by: [user.name], condition: {gte: 2}}}";
        check("", file(few), expect!["few: 2 hits, 2 reported, days 1 1"]);
        check(
            "",
            file("title: x"),
            expect![[
                r#"Faulty([RuleFault { path: "new", line: 1, column: 1, message: "a rule has a `detection`, a `correlation` or a `filter`" }])"#
            ]],
        );
    }

    /// Shows five failed log-ins to the rules, three on one day and two on the next.
    #[track_caller]
    fn check(overrides: &str, wanted: Wanted, expect: Expect) {
        let files = vec![RuleFile { path: "file".to_owned(), text: FILE.to_owned() }];
        let mut trial = match Trial::of(files, overrides, &wanted) {
            Ok(trial) => trial,
            Err(error) => return expect.assert_eq(&format!("{error:?}")),
        };
        let mut found = Vec::new();
        for seconds in [10, 20, 30, 86_410, 86_420] {
            let mut event = Event::new(Text::from("x"), Timestamp::from_seconds(seconds));
            event.set(Field::EventModule, "sshd");
            event.set(Field::EventOutcome, "failure");
            event.set(Field::UserName, "root");
            trial.observe(&event, &mut found);
        }
        let titles: Vec<&str> = trial.titles().collect();
        let days: Vec<String> = trial.days().map(|(_, hits)| hits.to_string()).collect();
        assert_eq!(trial.events(), 5);
        expect.assert_eq(&format!(
            "{}: {} hits, {} reported, days {}",
            titles.join(" "),
            trial.hits(),
            found.len(),
            days.join(" ")
        ));
    }
}
