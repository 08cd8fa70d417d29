//! How long events are kept, as the configuration says it.

use query::Predicate;
use serde::{Deserialize, Serialize};

/// Bounds the sets; each of them is asked of every event that may be due.
const SETS_MAX: usize = 32;
/// Longer than anybody keeps logs, and short enough to be counted in nanoseconds.
const DAYS_MAX: u32 = 36_500;
/// What is kept free where nothing is said.
const FREE_BYTES: u64 = 1 << 30;
const GIGABYTE: f64 = 1e9;

/// What is kept for how long, and how much of the disk is left alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeepConfig {
    /// For how many days events are kept after they came in; 0 for ever.
    pub days: u32,
    /// How many gigabytes (10^9 bytes) all segments may take, the oldest go first; 0 for any.
    pub gigabytes: f64,
    /// How many gigabytes of the disk stay free; by itself 1, or a twentieth of a small disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_gb: Option<f64>,
    /// What is kept for another time; the first set that an event is in counts.
    pub sets: Vec<KeepSet>,
}

/// Some events and how long they are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeepSet {
    /// Which events: a module such as `sshd`, or KQL.
    #[serde(rename = "match")]
    pub matching: String,
    /// For how many days; 0 for ever.
    #[serde(default)]
    pub days: u32,
    /// How many gigabytes they may take; 0 for any.
    #[serde(default)]
    pub gigabytes: f64,
}

/// What is wrong with a setting, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepFault {
    /// The key, such as `store.keep.sets[0].match`.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// The settings, made ready.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// The sets in their order; what is in none of them is governed by the last of `bounds`.
    pub(crate) sets: Vec<Predicate>,
    /// Of each set, and of the rest.
    pub(crate) bounds: Vec<Bounds>,
    pub(crate) bytes_max: Option<u64>,
    free_bytes: Option<u64>,
}

/// How long and how much of a set is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) name: String,
    pub(crate) days: Option<u32>,
    pub(crate) bytes_max: Option<u64>,
}

/// The name of what is in no set.
pub(crate) const REST: &str = "all others";

impl KeepConfig {
    /// Gives every fault at once; `path` is where the table stands, such as `store.keep`.
    pub fn validate(&self, path: &str) -> Vec<KeepFault> {
        self.policy(path).err().unwrap_or_default()
    }

    pub(crate) fn policy(&self, path: &str) -> Result<Policy, Vec<KeepFault>> {
        let mut faults = Vec::new();
        let mut fault = |key: &str, message: String| {
            faults.push(KeepFault { path: format!("{path}.{key}"), message });
        };
        let days = |days: u32| (days > 0).then_some(days);
        let mut check = |key: &str, days: u32, gigabytes: f64| {
            if days > DAYS_MAX {
                fault(&format!("{key}days"), format!("is at most {DAYS_MAX}"));
            }
            if !gigabytes.is_finite() || gigabytes < 0.0 {
                fault(&format!("{key}gigabytes"), "is a number from 0 on".to_owned());
            }
        };
        check("", self.days, self.gigabytes);
        for (place, set) in self.sets.iter().enumerate() {
            check(&format!("sets[{place}]."), set.days, set.gigabytes);
        }
        if self.free_gb.is_some_and(|free| !free.is_finite() || free < 0.0) {
            fault("free_gb", "is a number from 0 on".to_owned());
        }
        if self.sets.len() > SETS_MAX {
            fault("sets", format!("there are at most {SETS_MAX}"));
        }
        let (mut sets, mut bounds) = (Vec::new(), Vec::new());
        for (place, set) in self.sets.iter().enumerate() {
            match predicate_of(&set.matching) {
                Ok(predicate) => sets.push(predicate),
                Err(message) => fault(&format!("sets[{place}].match"), message),
            }
            let (name, bytes_max) = (set.matching.clone(), bytes(set.gigabytes));
            bounds.push(Bounds { name, days: days(set.days), bytes_max });
        }
        bounds.push(Bounds { name: REST.to_owned(), days: days(self.days), bytes_max: None });
        if !faults.is_empty() {
            return Err(faults);
        }
        let free_bytes = self.free_gb.map(|free| bytes(free).unwrap_or(0));
        Ok(Policy { sets, bounds, bytes_max: bytes(self.gigabytes), free_bytes })
    }
}

impl Policy {
    /// Gives how many bytes stay free on a disk of that size.
    pub(crate) fn reserve(&self, disk_bytes: u64) -> u64 {
        self.free_bytes.unwrap_or_else(|| FREE_BYTES.min(disk_bytes / 20))
    }

    /// Tells whether anything ever goes by age or by size.
    pub(crate) fn has_bounds(&self) -> bool {
        let bounded = |one: &Bounds| one.days.is_some() || one.bytes_max.is_some();
        self.bytes_max.is_some() || self.bounds.iter().any(bounded)
    }
}

/// Reads what a set is: a module, or KQL.
fn predicate_of(matching: &str) -> Result<Predicate, String> {
    let text = matching.trim();
    if text.is_empty() {
        return Err("names no events; give a module such as `sshd`, or KQL".to_owned());
    }
    let is_module = text.chars().all(|one| one.is_ascii_alphanumeric() || "_-.".contains(one));
    let kql = if is_module { format!("event.module: \"{text}\"") } else { text.to_owned() };
    Predicate::parse(&kql).map_err(|error| format!("`{text}`: {error}"))
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float becomes the nearest whole number of bytes, at most the greatest"
)]
fn bytes(gigabytes: f64) -> Option<u64> {
    (gigabytes > 0.0).then_some((gigabytes * GIGABYTE) as u64)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn nothing_said() {
        check(&KeepConfig::default(), expect!["none"]);
    }

    #[test]
    fn every_fault_at_once() {
        let set = |matching: &str, days, gigabytes| KeepSet {
            matching: matching.to_owned(),
            days,
            gigabytes,
        };
        check(
            &KeepConfig {
                days: 99_999,
                gigabytes: -1.0,
                free_gb: Some(f64::NAN),
                sets: vec![
                    set("sshd", 7, 0.0),
                    set("user.name: (", 7, 0.0),
                    set(" ", 0, f64::INFINITY),
                ],
            },
            expect![[r"
                store.keep.days: is at most 36500
                store.keep.gigabytes: is a number from 0 on
                store.keep.sets[2].gigabytes: is a number from 0 on
                store.keep.free_gb: is a number from 0 on
                store.keep.sets[1].match: `user.name: (`: column 13: expected a value
                store.keep.sets[2].match: names no events; give a module such as `sshd`, or KQL"]],
        );
    }

    #[track_caller]
    fn check(config: &KeepConfig, expect: Expect) {
        let told: Vec<String> = config
            .validate("store.keep")
            .into_iter()
            .map(|fault| format!("{}: {}", fault.path, fault.message))
            .collect();
        expect.assert_eq(&if told.is_empty() { "none".to_owned() } else { told.join("\n") });
    }
}
