//! What the API asks of the rest of the process, which it does not know.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use detect::{RuleHealth, Trial, TrialError, Wanted};
use model::{Level, Timestamp};

/// The process around the API. Its methods are quick: they read counters and snapshots.
pub trait Runtime: Send + Sync {
    /// Gives what the line has counted.
    fn counters(&self) -> Counters;
    /// Gives the rules that run at the moment.
    fn rules(&self) -> Arc<RulesView>;
    /// Loads the rules again and gives them; blocks meanwhile. An error says why it could not.
    fn reload_rules(&self) -> Result<Arc<RulesView>, String>;
    /// Gives what the console shows of one rule besides, if it runs.
    fn rule_detail(&self, id: &str) -> Option<RuleDetail>;
    /// Gives for each rule whether it could fire here and now; may take some milliseconds.
    fn rules_health(&self) -> Arc<RulesHealth>;
    /// Changes what the installation says of a rule, and loads the rules again; blocks meanwhile.
    fn override_rule(&self, id: &str, edit: &OverrideEdit) -> Result<(), OverrideError>;
    /// Makes rules ready to be run over what is stored; may take some seconds.
    fn trial(&self, wanted: &Wanted) -> Result<Trial, TrialError>;
    /// Tells whether the line takes in events.
    fn is_alive(&self) -> bool;
    /// Gives whether sample traffic plays.
    fn simulation(&self) -> Simulation;
    /// Starts or stops sample traffic; an error says why it cannot.
    fn set_simulation(&self, action: SimulationAction) -> Result<Simulation, String>;
    /// Gives the packets of a flow that are kept, as a pcap file, piece by piece, until `each` says that
    /// nobody wants more; nothing where none are kept of that flow. Blocks meanwhile.
    fn packets(
        &self,
        wanted: &PacketsWanted,
        each: &mut dyn FnMut(Vec<u8>) -> bool,
    ) -> Result<(), PacketsError>;
    /// Hears that somebody logged in, or was not let in; never waits.
    fn tell_log_in(&self, log_in: &LogIn);
}

/// Somebody who logged in to the console or its API, or tried to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogIn {
    /// When.
    pub at: Timestamp,
    /// The name, as it was typed where it was refused, cut and without control characters; may be empty.
    pub user: String,
    /// From where, if that is known.
    pub address: Option<IpAddr>,
    /// From where, in words.
    pub from: String,
    /// What the program at the other end calls itself.
    pub agent: String,
    /// Why it was refused, if it was.
    pub refused: Option<&'static str>,
    /// By what.
    pub method: Method,
    /// How often alike ones came since the last one was told.
    pub times: u64,
}

/// By what one is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// A name and a password.
    Password,
    /// The one-time link of the first start.
    SetUp,
    /// A program's token.
    Token,
}

impl Method {
    /// Gives its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::SetUp => "set_up",
            Self::Token => "token",
        }
    }
}

/// Which packets are wanted.
#[derive(Clone, Debug)]
pub struct PacketsWanted {
    /// The flow's community identifier.
    pub community_id: String,
    /// At this time or later.
    pub from: Timestamp,
    /// Up to this time.
    pub to: Timestamp,
}

/// Why there are no packets to give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketsError {
    /// The ring is off.
    #[error("no packets are kept: set capture.ring.enabled")]
    NotKept,
    /// What was asked for is no flow.
    #[error("community_id is none, such as 1:LQU9qZlK+B5F3KDmev6m5PMibrg=")]
    NoIdentifier,
    /// The ring cannot be read.
    #[error("the packets that are kept cannot be read: {0}")]
    Failed(String),
}

/// What the line has counted since it was started.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// Events since the start.
    pub events_total: u64,
    /// Events a second, over the last seconds.
    pub events_per_second: f64,
    /// Records that no format recognised.
    pub parse_unknown: u64,
    /// The inputs, in their order in the configuration.
    pub inputs: Vec<InputCounters>,
    /// When the process was started.
    pub started_at: Timestamp,
    /// Further counters for `/metrics`.
    pub metrics: Vec<Metric>,
}

/// What one input has counted.
#[derive(Clone, Debug, Default)]
pub struct InputCounters {
    /// Its name, such as `syslog_udp`.
    pub name: String,
    /// Where it listens, or what it reads.
    pub address: String,
    /// Records received.
    pub received: u64,
    /// Records dropped.
    pub dropped: u64,
    /// When the last record came.
    pub last_event: Option<Timestamp>,
}

/// One counter or gauge for `/metrics`.
#[derive(Clone, Debug, Default)]
pub struct Metric {
    /// Its name, such as `bartizan_rule_evictions_total`.
    pub name: &'static str,
    /// What it counts, in one sentence.
    pub help: &'static str,
    /// The number.
    pub value: f64,
}

/// The rules as people see them.
#[derive(Clone, Debug, Default)]
pub struct RulesView {
    /// The rules that run.
    pub items: Vec<RuleItem>,
    /// What is wrong in files that were set aside.
    pub faults: Vec<RuleFault>,
    /// When they were loaded, and what changed then.
    pub status: RulesStatus,
}

/// When the rules were loaded, and what changed then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RulesStatus {
    /// How often they were loaded since the start.
    pub loads: u64,
    /// When they were loaded last.
    pub loaded_at: Timestamp,
    /// How long that took.
    pub took: Duration,
    /// How many rules came then.
    pub added: usize,
    /// How many went.
    pub removed: usize,
    /// Of how many the file changed.
    pub changed: usize,
}

/// What those who watch are told when the rules were loaded again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RulesNews {
    /// How many rules run.
    pub rules: usize,
    /// How many faults there are.
    pub faults: usize,
    /// When they were loaded, and what changed then.
    pub status: RulesStatus,
}

impl RulesNews {
    /// Gives the news of these rules.
    pub fn of(view: &RulesView) -> Self {
        Self { rules: view.items.len(), faults: view.faults.len(), status: view.status }
    }
}

/// One rule as people see it.
#[derive(Clone, Debug, Default)]
pub struct RuleItem {
    /// Its identity.
    pub id: String,
    /// What it finds, in a few words.
    pub title: String,
    /// How bad that is.
    pub level: Level,
    /// How mature it is, in Sigma's words.
    pub status: String,
    /// ATT&CK and other tags.
    pub tags: Vec<String>,
    /// What it finds and why it matters.
    pub description: String,
    /// Where its file is.
    pub path: String,
    /// What it reads, such as `linux / sshd`.
    pub logsource: String,
    /// `rule`, or the kind of correlation.
    pub kind: String,
    /// Where to read more.
    pub references: Vec<String>,
    /// What else may look like it.
    pub false_positives: Vec<String>,
    /// Who wrote it.
    pub author: String,
    /// Under which terms.
    pub license: String,
    /// Whether it may match at all.
    pub enabled: bool,
    /// Whether it makes alerts of its own; one that serves a correlation only does not.
    pub reports: bool,
    /// The level that its file gives, where the installation set another.
    pub level_given: Option<Level>,
    /// What the installation takes out of it, in the search bar's language.
    pub exceptions: Vec<String>,
    /// Why the installation changed it.
    pub reason: String,
}

/// What is shown of one rule besides.
#[derive(Clone, Debug, Default)]
pub struct RuleDetail {
    /// The file that it came from, as it runs.
    pub text: Arc<str>,
    /// Its own examples: the records, and whether it must match them.
    pub examples: Vec<(Vec<String>, bool)>,
    /// What the installation says of it by its id.
    pub own: Option<RuleOverride>,
    /// Changes when that changes; 0 where it says nothing.
    pub version: u32,
}

/// What an installation says of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleOverride {
    /// Whether it may match.
    pub enabled: Option<bool>,
    /// How bad its findings are.
    pub level: Option<Level>,
    /// What it no longer matches.
    pub exceptions: Vec<String>,
    /// Why.
    pub reason: String,
}

/// A change of what an installation says of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverrideEdit {
    /// The version that it must be at, if that matters.
    pub expected: Option<u32>,
    /// What is said from now on; nothing takes it back.
    pub entry: Option<RuleOverride>,
}

/// Why such a change cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OverrideError {
    /// There is no such rule.
    Unknown,
    /// Somebody changed it meanwhile; it is at this version.
    Changed(u32),
    /// It cannot be understood or written.
    Unfit(String),
}

/// Whether the rules could fire here and now.
#[derive(Clone, Debug, Default)]
pub struct RulesHealth {
    /// Since when the events that pass are noted.
    pub since: Option<Timestamp>,
    /// When this was found out.
    pub at: Timestamp,
    /// Each rule by its id.
    pub items: Vec<(String, RuleHealth)>,
}

/// What is wrong in a rule's file.
#[derive(Clone, Debug, Default)]
pub struct RuleFault {
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// Whether an earlier version of the file stays in force.
    pub kept: bool,
}

/// Whether sample traffic plays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Simulation {
    /// Whether it plays now.
    pub running: bool,
    /// Records sent since it was started.
    pub sent: u64,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
}

/// What becomes of the sample traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimulationAction {
    /// It plays.
    Start,
    /// It stops.
    Stop,
}
