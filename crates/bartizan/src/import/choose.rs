//! Which of the files run beside the rules that are there already.

use std::collections::{BTreeMap, HashSet};

use sigma::{RuleFault, RuleFile, RuleSet};

/// How the loader names a rule whose author has given it up.
const GIVEN_UP: &str = "its status is ";
/// How the loader names a rule whose id is taken.
const TAKEN: &str = "another rule has the id ";

/// What was chosen.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    /// The files of which at least one rule runs, by where they go.
    pub(crate) files: BTreeMap<String, String>,
    /// How many rules run, those that only serve correlations among them.
    pub(crate) rules: usize,
    /// Rules whose id is taken by another one: by that of the file in `of`, where it is known.
    pub(crate) duplicates: Vec<Duplicate>,
    /// How many rules their authors have deprecated or called unsupported.
    pub(crate) given_up: usize,
    /// What does not run, and why.
    pub(crate) faults: Vec<RuleFault>,
}

/// A rule whose id is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Duplicate {
    pub(crate) fault: RuleFault,
    /// The file of the rule that has the id.
    pub(crate) of: String,
}

/// A file with where it goes; its path is what people are told.
pub(crate) struct Candidate {
    pub(crate) file: RuleFile,
    pub(crate) to: String,
}

/// Chooses; `present` are the rules that are there already, which come first.
pub(crate) fn choose(present: Vec<RuleFile>, candidates: Vec<Candidate>) -> Chosen {
    let ours: HashSet<String> =
        candidates.iter().map(|candidate| candidate.file.path.clone()).collect();
    let mut files = present;
    files.extend(candidates.iter().map(|candidate| candidate.file.clone()));
    let (set, faults) = RuleSet::load(&files);
    drop(files);
    let mut chosen = Chosen::default();
    let mut running: HashSet<&str> = HashSet::new();
    let mut of_id: BTreeMap<&str, &str> = BTreeMap::new();
    for rule in set.rules() {
        of_id.insert(&rule.header.id, &rule.path);
        if ours.contains(&rule.path) {
            chosen.rules += 1;
            running.insert(&rule.path);
        }
    }
    for fault in faults.into_iter().filter(|fault| ours.contains(&fault.path)) {
        if fault.message.starts_with(GIVEN_UP) {
            chosen.given_up += 1;
        } else if let Some(id) = fault.message.strip_prefix(TAKEN) {
            let of = of_id.get(id).map_or_else(String::new, |path| (*path).to_owned());
            chosen.duplicates.push(Duplicate { fault, of });
        } else {
            chosen.faults.push(fault);
        }
    }
    for Candidate { file, to } in candidates {
        if running.contains(file.path.as_str()) {
            chosen.files.insert(to, file.text);
        }
    }
    chosen
}
