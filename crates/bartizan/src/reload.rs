//! Hot reload: the folders of rules are watched, and what changed there is compiled aside and put in
//! force between two batches.
//!
//! The folders are looked at now and then instead of asking the kernel for notices: that also works
//! on network drives, with folders that are swapped as a whole, and with editors that write beside and
//! rename. A change counts once two looks in a row agree, so nobody reads a file that is being
//! written. A file that ran and now has a fault does not take its rules away: its earlier version
//! stays in force, and the fault is told.

mod loader;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use api::{Live, OverrideEdit, OverrideError, RuleDetail, RuleOverride, RulesView};
use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use detect::{Engine, Trial, TrialError, Wanted};
use sigma::{Overrides, RuleFile};

use self::loader::{Look, look};
use crate::output::complain;
use crate::overrides;

pub(crate) use self::loader::{Loader, Ready, Shown};

/// The shortest pause between two looks at the folders.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A look may take this part of the time: of very large folders, the pause grows.
const LOOK_SHARE: u32 = 50;
/// The longest pause: a look also takes long where the machine is busy.
const LOOK_EVERY_AT_LEAST: Duration = Duration::from_secs(5);
/// Requests to load the rules again that may wait.
const ASKED_MAX: usize = 8;
/// How long somebody who asked waits for the answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// Watches the rules on a thread of its own.
pub(crate) struct Reloader {
    handle: Handle,
    thread: JoinHandle<()>,
}

/// Asks for the rules, and for another load of them; clones are cheap.
#[derive(Clone)]
pub(crate) struct Handle {
    shown: Arc<ArcSwap<Shown>>,
    engine: Arc<ArcSwap<Engine>>,
    asked: Sender<Asked>,
}

enum Asked {
    Load(Sender<()>),
    Change { rule: String, edit: OverrideEdit, told: Sender<Result<(), OverrideError>> },
    Stop,
}

impl Reloader {
    /// Begins to watch.
    pub(crate) fn start(
        loader: Loader,
        shown: Shown,
        engine: Arc<ArcSwap<Engine>>,
        live: Live,
    ) -> io::Result<Self> {
        let shown = Arc::new(ArcSwap::from_pointee(shown));
        let (asked, asking) = bounded(ASKED_MAX);
        let handle = Handle { shown: Arc::clone(&shown), engine: Arc::clone(&engine), asked };
        let watcher = Watcher { loader, engine, shown, live, retired: Vec::new() };
        let thread =
            thread::Builder::new().name("rules".to_owned()).spawn(move || watcher.run(&asking))?;
        Ok(Self { handle, thread })
    }

    /// Gives what others may ask of it.
    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Ends the watch, and waits for its end.
    pub(crate) fn stop(self) {
        // A thread that is gone has nothing left to be told.
        let _ = self.handle.asked.send(Asked::Stop);
        if self.thread.join().is_err() {
            tracing::error!("the watch over the rules ended by a defect");
        }
    }
}

impl Handle {
    /// Gives the rules that run at the moment.
    pub(crate) fn view(&self) -> Arc<RulesView> {
        Arc::clone(&self.shown.load().view)
    }

    /// Gives the engine that is in force.
    pub(crate) fn engine(&self) -> Arc<Engine> {
        self.engine.load_full()
    }

    /// Gives what is shown of one rule besides.
    pub(crate) fn detail(&self, id: &str) -> Option<RuleDetail> {
        let (shown, engine) = (self.shown.load_full(), self.engine());
        let rule = engine.rules().rules().iter().find(|rule| rule.header.id == id)?;
        let (overrides, _) = Overrides::parse(overrides::FILE, &shown.overrides);
        let own = overrides.entry(id).map(|entry| RuleOverride {
            enabled: entry.enabled,
            level: entry.level,
            exceptions: entry.exceptions,
            reason: entry.reason,
        });
        let examples = rule.examples.iter();
        Some(RuleDetail {
            text: shown.files.get(&rule.path).cloned().unwrap_or_default(),
            examples: examples
                .map(|example| (example.lines().collect(), example.matches))
                .collect(),
            own,
            version: overrides::version(&shown.overrides, id),
        })
    }

    /// Makes rules ready to be run over what is stored.
    pub(crate) fn trial(&self, wanted: &Wanted) -> Result<Trial, TrialError> {
        let shown = self.shown.load_full();
        let mut files: Vec<RuleFile> = shown
            .files
            .iter()
            .map(|(path, text)| RuleFile { path: path.clone(), text: text.to_string() })
            .collect();
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Trial::of(files, &shown.overrides, wanted)
    }

    /// Changes what is said of a rule, and loads the rules again.
    pub(crate) fn change(&self, rule: &str, edit: &OverrideEdit) -> Result<(), OverrideError> {
        let (told, done) = bounded(1);
        let asked = Asked::Change { rule: rule.to_owned(), edit: edit.clone(), told };
        let busy = || OverrideError::Unfit("the rules are being loaded; try again".to_owned());
        self.asked.try_send(asked).map_err(|_| busy())?;
        done.recv_timeout(ANSWER_WITHIN).map_err(|_| busy())?
    }

    /// Asks for another load without waiting for it.
    pub(crate) fn ask(&self) {
        let (told, _) = bounded(1);
        // Where several wait already, the last of them serves this one as well.
        let _ = self.asked.try_send(Asked::Load(told));
    }

    /// Loads the rules again, and gives them.
    pub(crate) fn reload(&self) -> Result<Arc<RulesView>, String> {
        let (told, done) = bounded(1);
        self.asked
            .try_send(Asked::Load(told))
            .map_err(|_| "the rules are being loaded already".to_owned())?;
        match done.recv_timeout(ANSWER_WITHIN) {
            Ok(()) => Ok(self.view()),
            Err(RecvTimeoutError::Timeout) => Err("the rules are still being loaded".to_owned()),
            Err(RecvTimeoutError::Disconnected) => Err("the product is stopping".to_owned()),
        }
    }
}

struct Watcher {
    loader: Loader,
    engine: Arc<ArcSwap<Engine>>,
    shown: Arc<ArcSwap<Shown>>,
    live: Live,
    /// Engines that were in force; each is let go here, since that takes a while, once the line has
    /// let it go.
    retired: Vec<Arc<Engine>>,
}

impl Watcher {
    fn run(mut self, asking: &Receiver<Asked>) {
        // A change that the last look found, and the next must confirm.
        let mut pending: Option<Look> = None;
        let mut pause = LOOK_EVERY;
        loop {
            match asking.recv_timeout(pause) {
                Ok(Asked::Load(told)) => {
                    self.reload();
                    pending = None;
                    // Whoever asked may have left.
                    let _ = told.send(());
                }
                Ok(Asked::Change { rule, edit, told }) => {
                    let changed = self.loader.change(&rule, &edit);
                    if changed.is_ok() {
                        self.reload();
                        pending = None;
                    }
                    let _ = told.send(changed);
                }
                Ok(Asked::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    let began = Instant::now();
                    match look(&self.loader.sources) {
                        Ok(seen) if seen == self.loader.seen => pending = None,
                        Ok(seen) if pending.as_ref() == Some(&seen) => {
                            self.reload();
                            pending = None;
                        }
                        Ok(seen) => pending = Some(seen),
                        Err(error) => self.unreadable(&error),
                    }
                    let share = began.elapsed().saturating_mul(LOOK_SHARE);
                    // What was found changed is looked at again soon.
                    pause = match pending {
                        Some(_) => LOOK_EVERY,
                        None => share.clamp(LOOK_EVERY, LOOK_EVERY_AT_LEAST),
                    };
                }
            }
            self.retired.retain(|engine| Arc::strong_count(engine) > 1);
        }
    }

    /// Loads the rules and puts them in force; where that fails, those that run stay.
    fn reload(&mut self) {
        let loader = &mut self.loader;
        // A defect of ours in one rule's reading must not end the watch over all of them.
        match catch_unwind(AssertUnwindSafe(|| loader.load())) {
            Ok(Ok(ready)) => self.put_in_force(ready),
            Ok(Err(error)) => self.unreadable(&error),
            Err(_) => self.unreadable(&anyhow::anyhow!("reading the rules ended by a defect")),
        }
    }

    fn put_in_force(&mut self, ready: Ready) {
        let Ready { engine, shown } = ready;
        let news = api::RulesNews::of(&shown.view);
        tell(&shown.view);
        self.retired.push(self.engine.swap(Arc::new(engine)));
        self.shown.store(Arc::new(shown));
        // Whoever hears of it may ask at once.
        self.live.publish_rules(news);
    }

    /// The folders cannot be read: the rules that run stay, and a fault says why they are old.
    fn unreadable(&self, error: &anyhow::Error) {
        let message = format!("{error:#}; the rules that ran before stay in force");
        let known = self.shown.load_full();
        if known.view.faults.iter().any(|fault| fault.message == message) {
            return;
        }
        let mut view = RulesView::clone(&known.view);
        view.faults.retain(|fault| !fault.path.is_empty());
        let fault = api::RuleFault { message: message.clone(), ..api::RuleFault::default() };
        view.faults.insert(0, fault);
        complain(&format!("rules     {message}"));
        let news = api::RulesNews::of(&view);
        let (files, overrides) = (Arc::clone(&known.files), Arc::clone(&known.overrides));
        self.shown.store(Arc::new(Shown { view: Arc::new(view), files, overrides }));
        self.live.publish_rules(news);
    }
}

/// Tells of a reload on standard error.
fn tell(view: &RulesView) {
    let api::RulesStatus { added, removed, changed, took, .. } = &view.status;
    complain(&format!(
        "reloaded  {} rules in {:.2} s: {added} added, {changed} changed, {removed} removed; set aside: {}",
        view.items.len(),
        took.as_secs_f64(),
        view.faults.len(),
    ));
    tell_faults(view);
}

/// Tells what was set aside, and where.
pub(crate) fn tell_faults(view: &RulesView) {
    for fault in &view.faults {
        let api::RuleFault { path, line, column, message, .. } = fault;
        let rest =
            if fault.kept { " (the earlier version of this file stays in force)" } else { "" };
        complain(&format!("          {path}:{line}:{column}: {message}{rest}"));
    }
}
