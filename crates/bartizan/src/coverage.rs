//! Which ATT&CK techniques rules can find here and now.
//!
//! A rule counts where it is enabled, makes detections of its own, and the events that it is for
//! arrive with the fields that it needs. What its tags say of techniques and tactics is all that is known of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sigma::RuleSet;

/// Rules that are named for a technique; all are counted.
const NAMED_MAX: usize = 30;

/// A technique, or one of its kinds, as rules are tagged with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Technique {
    /// The titles of the rules that can find it.
    pub(crate) able: Vec<String>,
    /// How many rules are loaded for it.
    pub(crate) loaded: usize,
    /// The tactics that its rules are tagged with, and how many of them are.
    tactics: BTreeMap<String, usize>,
}

impl Technique {
    /// Gives the tactics it serves. A rule with several techniques has the tactics of all of them, so
    /// those count that most rules of this one name.
    pub(crate) fn tactics(&self) -> Vec<&str> {
        let most = self.tactics.values().max().copied().unwrap_or_default();
        let often = |count: usize| count * 2 >= self.loaded || count == most;
        let tactics = self.tactics.iter().filter(|(_, count)| often(**count));
        tactics.map(|(tactic, _)| tactic.as_str()).collect()
    }
}

/// The techniques by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Coverage {
    pub(crate) techniques: BTreeMap<String, Technique>,
    /// How many rules make detections of their own.
    pub(crate) loaded: usize,
    /// How many of them can fire.
    pub(crate) able: usize,
    /// How many of those name no technique.
    pub(crate) untagged: usize,
}

impl Coverage {
    /// Counts the rules; `able` tells of each, in their order, whether it can fire.
    pub(crate) fn of(rules: &RuleSet, able: &[bool]) -> Self {
        let mut coverage = Self::default();
        let all = rules.rules().iter().zip(able.iter().copied());
        for (rule, able) in all.filter(|(rule, _)| rule.reports && rule.enabled) {
            coverage.loaded += 1;
            coverage.able += usize::from(able);
            let tags: Vec<String> = rule.header.tags.iter().filter_map(|tag| attack(tag)).collect();
            // Groups and software have numbers too.
            let is_tactic = |tag: &&String| {
                tag.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-')
            };
            let tactics: BTreeSet<String> = tags.iter().filter(is_tactic).cloned().collect();
            let techniques: BTreeSet<String> =
                tags.iter().filter_map(|tag| technique(tag)).collect();
            coverage.untagged += usize::from(able && techniques.is_empty());
            for id in techniques {
                let technique = coverage.techniques.entry(id).or_default();
                technique.loaded += 1;
                for tactic in &tactics {
                    *technique.tactics.entry(tactic.clone()).or_default() += 1;
                }
                if able {
                    technique.able.push(rule.header.title.clone());
                }
            }
        }
        coverage
    }

    /// Gives how many techniques at least one rule can find.
    pub(crate) fn covered(&self) -> usize {
        self.techniques.values().filter(|technique| !technique.able.is_empty()).count()
    }

    /// Gives a layer for the ATT&CK Navigator (format 4.5), scored by the rules able to fire.
    pub(crate) fn layer(&self, description: &str) -> Value {
        let covered = || self.techniques.iter().filter(|(_, technique)| !technique.able.is_empty());
        let most = covered().map(|(_, technique)| technique.able.len()).max().unwrap_or(1);
        let techniques: Vec<Value> = covered()
            .map(|(id, technique)| {
                json!({
                    "techniqueID": id,
                    "score": technique.able.len(),
                    "comment": named(&technique.able),
                    "enabled": true,
                    "metadata": [
                        { "name": "rules able to fire", "value": technique.able.len().to_string() },
                        { "name": "rules loaded", "value": technique.loaded.to_string() },
                    ],
                })
            })
            .collect();
        json!({
            "name": "Bartizan: rules able to fire",
            "versions": { "navigator": "5.1.0", "layer": "4.5" },
            "domain": "enterprise-attack",
            "description": description,
            "sorting": 3,
            "layout": {
                "layout": "side",
                "showID": true,
                "showName": true,
                "showAggregateScores": true,
                "countUnscored": false,
                "aggregateFunction": "sum",
                "expandedSubtechniques": "annotated",
            },
            "hideDisabled": false,
            "techniques": techniques,
            // The upper bound has to be above the lower one.
            "gradient": { "colors": ["#dbe9f6", "#08519c"], "minValue": 0, "maxValue": most.max(1) },
            "legendItems": [],
            "metadata": [
                { "name": "rules able to fire", "value": self.able.to_string() },
                { "name": "rules loaded", "value": self.loaded.to_string() },
            ],
        })
    }
}

/// Gives what stands behind `attack.`, words joined by dashes as they are today.
fn attack(tag: &str) -> Option<String> {
    let tag = tag.to_ascii_lowercase();
    tag.strip_prefix("attack.").map(|rest| rest.replace('_', "-"))
}

/// Gives the id of a technique, such as `T1110.001`.
fn technique(tag: &str) -> Option<String> {
    let rest = tag.strip_prefix('t')?;
    let (number, part) = rest.split_once('.').unwrap_or((rest, "000"));
    let digits = |text: &str, many: usize| {
        text.len() == many && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    (digits(number, 4) && digits(part, 3)).then(|| tag.to_ascii_uppercase())
}

fn named(titles: &[String]) -> String {
    let mut named = titles.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join("\n");
    if titles.len() > NAMED_MAX {
        named.extend(["\nand ", &(titles.len() - NAMED_MAX).to_string(), " more"]);
    }
    named
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use sigma::RuleFile;

    use super::*;

    const RULES: &str = "\
title: One
id: one
logsource: {product: linux, service: sshd}
tags: [attack.credential_access, attack.t1110.001, attack.T1110, cve.2026.1]
detection: {s: {a: b}, condition: s}
---
title: Two
id: two
logsource: {product: windows}
tags: [attack.execution, attack.t1059, attack.t99]
detection: {s: {a: b}, condition: s}
bartizan: {reports: true}
---
title: Both
id: both
tags: [attack.t1059.001]
correlation: {type: temporal, rules: [one, two], timespan: 1m}
---
title: Either
id: either
tags: [attack.t1078]
correlation: {type: event_count, rules: [two, one], timespan: 1m, condition: {gte: 2}}
";

    #[test]
    fn only_what_can_fire_counts() {
        let file = RuleFile {
            path: "x.yml".to_owned(),
            text: RULES.replace("id: one\n", "id: one\nbartizan: {reports: true}\n"),
        };
        let (rules, faults) = RuleSet::load(&[file]);
        assert_eq!(faults, []);
        let able = |id: &str| id == "one" || id == "either";
        let able: Vec<bool> = rules.rules().iter().map(|rule| able(&rule.header.id)).collect();
        let coverage = Coverage::of(&rules, &able);
        assert_eq!((coverage.loaded, coverage.able, coverage.covered()), (4, 2, 3));
        let layer = coverage.layer("x");
        let shown: Vec<String> = layer["techniques"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| {
                format!("{} {} {}", entry["techniqueID"], entry["score"], entry["comment"])
            })
            .collect();
        expect![[r#"
            "T1078" 1 "Either"
            "T1110" 1 "One"
            "T1110.001" 1 "One""#]]
        .assert_eq(&shown.join("\n"));
        assert_eq!(coverage.techniques["T1059"].loaded, 1);
        assert_eq!(coverage.techniques["T1110"].tactics(), ["credential-access"]);
        let everything = Coverage::of(&rules, &[true; 4]);
        assert_eq!((everything.able, everything.covered()), (4, 5));
    }
}
