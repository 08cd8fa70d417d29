//! Reading and compiling the rules: what is in the files, what counts of it, what changed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use api::{OverrideEdit, OverrideError, RulesView};
use detect::Engine;
use detect::models::Model;
use sigma::{Options, Override, Overrides, RuleFault, RuleFile, RuleSet};

use crate::clock::now;
use crate::model_file;
use crate::overrides;
use crate::rules::{self, Sources};

/// The rules as they were loaded, ready to run.
pub(crate) struct Ready {
    pub(crate) engine: Engine,
    pub(crate) shown: Shown,
}

/// What others are shown of the rules.
pub(crate) struct Shown {
    pub(crate) view: Arc<RulesView>,
    /// The text of each file, and which rule is of which.
    pub(super) files: Arc<HashMap<String, Arc<str>>>,
    /// The text of the file of overrides.
    pub(super) overrides: Arc<str>,
}

/// What is known of the files below the folders without reading them.
pub(super) type Look = BTreeMap<PathBuf, Stamp>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    length: u64,
    changed: Option<SystemTime>,
    /// A file that was renamed over another may be as long and as old.
    inode: u64,
}

/// The rules and how they were read; lives on the thread of the [`Reloader`](super::Reloader).
pub(crate) struct Loader {
    pub(super) sources: Sources,
    /// The texts of the files whose rules run, by their paths.
    running: Arc<HashMap<String, Arc<str>>>,
    /// The text of the file of overrides that counts.
    overrides: Arc<str>,
    /// Each rule's file and its text, to tell what changed.
    rules: HashMap<String, Arc<str>>,
    /// The model of requests in force.
    model: Arc<Model>,
    pub(super) seen: Look,
    loads: u64,
}

impl Loader {
    /// Reads and compiles the rules for the first time; folders that cannot be read are an error.
    pub(crate) fn start(sources: Sources) -> anyhow::Result<(Self, Ready)> {
        let mut loader = Self {
            sources,
            running: Arc::default(),
            overrides: Arc::from(""),
            rules: HashMap::new(),
            model: Model::shipped(),
            seen: Look::new(),
            loads: 0,
        };
        let ready = loader.load()?;
        Ok((loader, ready))
    }

    /// Reads and compiles the rules.
    pub(super) fn load(&mut self) -> anyhow::Result<Ready> {
        let began = Instant::now();
        let seen = look(&self.sources)?;
        let (mut files, mut faults) = rules::read(self.sources.shipped, &self.sources.folders)?;
        let (overrides, options, more) = self.overrides();
        let mut kept: HashSet<String> = more.iter().map(|fault| fault.path.clone()).collect();
        faults.extend(more);
        let (mut set, more) = RuleSet::load_with(&files, &options);
        faults.extend(more);
        self.model = self.read_model(&mut faults);
        let replaced = self.keep_earlier(&mut files, &faults);
        if !replaced.is_empty() {
            // What is told are the faults of the files as they are now.
            set = RuleSet::load_with(&files, &options).0;
            kept.extend(replaced);
        }
        let (rules, running) = inventory(&set, files);
        let changed = |(id, text): &(&String, &Arc<str>)| {
            self.rules.get(*id).is_some_and(|earlier| earlier != *text)
        };
        self.loads += 1;
        let status = api::RulesStatus {
            loads: self.loads,
            loaded_at: now(),
            took: began.elapsed(),
            added: rules.keys().filter(|id| !self.rules.contains_key(*id)).count(),
            removed: self.rules.keys().filter(|id| !rules.contains_key(*id)).count(),
            changed: rules.iter().filter(changed).count(),
        };
        (self.rules, self.running, self.seen) = (rules, Arc::new(running), seen);
        self.overrides = overrides;
        let engine = Engine::new(set).with_model(Arc::clone(&self.model));
        let view = Arc::new(RulesView { status, ..rules::view(&engine, &faults, &kept) });
        let (files, overrides) = (Arc::clone(&self.running), Arc::clone(&self.overrides));
        Ok(Ready { engine, shown: Shown { view, files, overrides } })
    }

    /// Reads the model of requests. Where the file has a fault, the one in force stays so, and the fault is
    /// told.
    fn read_model(&self, faults: &mut Vec<RuleFault>) -> Arc<Model> {
        match model_file::read(&self.sources.model) {
            Ok(Some(model)) => Arc::new(model),
            Ok(None) => Model::shipped(),
            Err(message) => {
                let path = self.sources.model.display().to_string();
                let message = format!("{message}; the model of requests before it stays in force");
                faults.push(RuleFault { path, line: 1, column: 1, message });
                Arc::clone(&self.model)
            }
        }
    }

    /// Reads the overrides. Where the file has a fault, what counted before counts on: else rules that
    /// were switched off would run again.
    fn overrides(&self) -> (Arc<str>, Options, Vec<RuleFault>) {
        let shown = self.sources.overrides.display().to_string();
        let options = |overrides| Options { overrides, ..Options::default() };
        match overrides::read(&self.sources.overrides) {
            Ok(text) => {
                let (read, faults) = Overrides::parse(&shown, &text);
                if faults.is_empty() || self.loads == 0 {
                    return (Arc::from(text), options(read), faults);
                }
                let earlier = Overrides::parse(&shown, &self.overrides).0;
                (Arc::clone(&self.overrides), options(earlier), faults)
            }
            Err(message) => {
                let earlier = Overrides::parse(&shown, &self.overrides).0;
                let fault = RuleFault { path: shown, line: 1, column: 1, message };
                (Arc::clone(&self.overrides), options(earlier), vec![fault])
            }
        }
    }

    /// Changes the file of overrides.
    pub(super) fn change(&self, rule: &str, edit: &OverrideEdit) -> Result<(), OverrideError> {
        let text = overrides::read(&self.sources.overrides).map_err(OverrideError::Unfit)?;
        let version = overrides::version(&text, rule);
        if edit.expected.is_some_and(|expected| expected != version) {
            return Err(OverrideError::Changed(version));
        }
        let entry = edit.entry.clone().map(|entry| Override {
            enabled: entry.enabled,
            level: entry.level,
            exceptions: entry.exceptions,
            reason: entry.reason,
        });
        let new = overrides::edit(&text, rule, entry.as_ref()).map_err(OverrideError::Unfit)?;
        overrides::write(&self.sources.overrides, &new).map_err(|error| {
            let file = self.sources.overrides.display();
            OverrideError::Unfit(format!("cannot write {file}: {error}"))
        })
    }

    /// Puts the earlier text of each file in its place that ran and now has a fault; gives those
    /// files.
    fn keep_earlier(&self, files: &mut Vec<RuleFile>, faults: &[RuleFault]) -> HashSet<String> {
        let paths: HashSet<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
        let mut kept = HashSet::new();
        for path in paths {
            let Some(earlier) = self.running.get(path) else { continue };
            let text = earlier.to_string();
            match files.iter_mut().find(|file| file.path == path) {
                // The fault lies elsewhere: a rule of another file that this one names is gone.
                Some(file) if file.text == text => continue,
                Some(file) => file.text = text,
                None => files.push(RuleFile { path: path.to_owned(), text }),
            }
            kept.insert(path.to_owned());
        }
        kept
    }
}

/// Gives the text of the file of each rule, and the files that hold rules.
fn inventory(
    set: &RuleSet,
    files: Vec<RuleFile>,
) -> (HashMap<String, Arc<str>>, HashMap<String, Arc<str>>) {
    let texts: HashMap<String, Arc<str>> =
        files.into_iter().map(|file| (file.path, Arc::from(file.text))).collect();
    let (mut rules, mut running) = (HashMap::new(), HashMap::new());
    for rule in set.rules() {
        if let Some(text) = texts.get(&rule.path) {
            rules.insert(rule.header.id.clone(), Arc::clone(text));
            running.insert(rule.path.clone(), Arc::clone(text));
        }
    }
    (rules, running)
}

pub(super) fn look(sources: &Sources) -> anyhow::Result<Look> {
    use std::os::unix::fs::MetadataExt as _;
    let stamp = |path: PathBuf| {
        let metadata = fs::metadata(&path).ok()?;
        let (length, inode) = (metadata.len(), metadata.ino());
        Some((path, Stamp { length, changed: metadata.modified().ok(), inode }))
    };
    let others = [sources.overrides.clone(), sources.model.clone()];
    let files = rules::list(&sources.folders)?.into_iter().chain(others);
    Ok(files.filter_map(stamp).collect())
}
