//! What the console asks of the process around it: counters, rules, sample traffic.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use api::{
    Counters, InputCounters, LogIn, Metric, OverrideEdit, OverrideError, PacketsError,
    PacketsWanted, RuleDetail, RulesHealth, RulesView, Simulation, SimulationAction,
};
use detect::{Trial, TrialError};
use model::Timestamp;
use source::{InputStatus, Inputs};
use wire::packets::Wanted;

use crate::anchor;
use crate::clock::now;
use crate::demo::Demo;
use crate::logins::LogIns;
use crate::reload;

/// Over how long the events a second are counted.
const RATE_OVER: Duration = Duration::from_secs(5);
/// How long the health of the rules stands; finding it out takes some milliseconds.
const HEALTH_FRESH_FOR: Duration = Duration::from_secs(1);
/// How many samples of the count are kept at most.
const SAMPLES_MAX: usize = 32;

/// The running process, as the console sees it.
pub(crate) struct Runtime {
    pub(crate) line: Arc<pipeline::Counters>,
    pub(crate) inputs: Inputs,
    pub(crate) rules: reload::Handle,
    pub(crate) watch: pipeline::Watch,
    pub(crate) health: KeptHealth,
    pub(crate) demo: Arc<Demo>,
    pub(crate) started_at: Timestamp,
    pub(crate) rate: Rate,
    pub(crate) anchors: Option<Arc<anchor::Counters>>,
    /// Where packets are kept, if they are.
    pub(crate) packets: Option<PathBuf>,
    pub(crate) log_ins: Arc<LogIns>,
}

/// The health of the rules as it was found out last.
#[derive(Default)]
pub(crate) struct KeptHealth(Mutex<Option<(Instant, Arc<RulesHealth>)>>);

/// How fast a count grows.
#[derive(Debug, Default)]
pub(crate) struct Rate(Mutex<VecDeque<(Instant, u64)>>);

impl Rate {
    /// Takes a sample and gives the growth a second over the last seconds.
    fn sample(&self, count: u64) -> f64 {
        let now = Instant::now();
        let mut samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = samples.back().is_none_or(|(at, _)| now.duration_since(*at) > RATE_OVER / 20);
        if is_new {
            samples.push_back((now, count));
        }
        while samples.len() > SAMPLES_MAX
            || samples.get(1).is_some_and(|(at, _)| now.duration_since(*at) > RATE_OVER)
        {
            samples.pop_front();
        }
        let Some((from, before)) = samples.front() else { return 0.0 };
        let seconds = now.duration_since(*from).as_secs_f64().max(1.0);
        let grown = u32::try_from(count.saturating_sub(*before)).unwrap_or(u32::MAX);
        f64::from(grown) / seconds
    }
}

impl api::Runtime for Runtime {
    fn counters(&self) -> Counters {
        let totals = self.line.totals();
        let sample =
            self.demo.input().into_iter().map(|input| InputStatus { name: "demo", ..input });
        let inputs = self.inputs.status().into_iter().chain(sample).map(|input| InputCounters {
            name: input.name.to_owned(),
            address: input
                .address
                .map(|address| address.to_string())
                .or(input.reads)
                .unwrap_or_default(),
            received: input.received,
            dropped: input.dropped,
            last_event: input.last_received,
        });
        let unknown = totals.formats.last().map_or(0, |format| format.events);
        Counters {
            events_total: totals.stored,
            events_per_second: self.rate.sample(totals.stored),
            parse_unknown: unknown,
            inputs: inputs.collect(),
            started_at: self.started_at,
            metrics: self.metrics(&totals),
        }
    }

    fn rules(&self) -> Arc<RulesView> {
        self.rules.view()
    }

    fn reload_rules(&self) -> Result<Arc<RulesView>, String> {
        self.rules.reload()
    }

    fn rule_detail(&self, id: &str) -> Option<RuleDetail> {
        self.rules.detail(id)
    }

    fn rules_health(&self) -> Arc<RulesHealth> {
        let mut kept = self.health.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, health)) = &*kept
            && at.elapsed() < HEALTH_FRESH_FOR
        {
            return Arc::clone(health);
        }
        let engine = self.rules.engine();
        let (health, at) = (self.watch.health(), now());
        let all = health.of_all(engine.rules(), at);
        let ids = engine.rules().rules().iter().map(|rule| rule.header.id.clone());
        let items = ids.zip(all).collect();
        let found = Arc::new(RulesHealth { since: health.since(), at, items });
        *kept = Some((Instant::now(), Arc::clone(&found)));
        found
    }

    fn override_rule(&self, id: &str, edit: &OverrideEdit) -> Result<(), OverrideError> {
        self.rules.change(id, edit)
    }

    fn trial(&self, wanted: &detect::Wanted) -> Result<Trial, TrialError> {
        self.rules.trial(wanted)
    }

    fn is_alive(&self) -> bool {
        self.watch.is_alive()
    }

    fn simulation(&self) -> Simulation {
        self.demo.state()
    }

    fn set_simulation(&self, action: SimulationAction) -> Result<Simulation, String> {
        match action {
            SimulationAction::Start => self.demo.start()?,
            SimulationAction::Stop => self.demo.stop(),
        }
        Ok(self.demo.state())
    }

    fn packets(
        &self,
        wanted: &PacketsWanted,
        each: &mut dyn FnMut(Vec<u8>) -> bool,
    ) -> Result<(), PacketsError> {
        let folder = self.packets.as_ref().ok_or(PacketsError::NotKept)?;
        let mut asked = Wanted::of(&wanted.community_id).map_err(|_| PacketsError::NoIdentifier)?;
        let nanos = |time: Timestamp| u64::try_from(time.nanos()).unwrap_or(0);
        (asked.from_ns, asked.to_ns) = (nanos(wanted.from), nanos(wanted.to));
        let given = wire::packets::give(folder, &asked, each);
        given.map_err(|error| PacketsError::Failed(error.to_string()))
    }

    fn tell_log_in(&self, log_in: &LogIn) {
        self.log_ins.tell(log_in);
    }
}

/// A counter's name, what it counts, and where its number is found.
type Row<T> = (&'static str, &'static str, fn(&T) -> u64);

/// What the line has counted, for `/metrics`.
const OF_LINE: [Row<pipeline::Totals>; 10] = [
    ("bartizan_records_total", "Records that came down the line.", |totals| totals.records),
    ("bartizan_events_stored_total", "Events made durable.", |totals| totals.stored),
    (
        "bartizan_events_rejected_total",
        "Events that could not be made durable and whose sender was told so.",
        |totals| totals.rejected,
    ),
    ("bartizan_store_retries_total", "Times that the disk refused.", |totals| totals.retries),
    ("bartizan_panics_total", "Records and events on which a format or a rule failed.", |totals| {
        totals.panics
    }),
    ("bartizan_detections_total", "Detections made.", |totals| totals.detections),
    (
        "bartizan_detections_dropped_total",
        "Detections lost because alerts could not be written.",
        |totals| totals.detections_dropped,
    ),
    (
        "bartizan_rule_groups_evicted_total",
        "Groups that correlations let go before their time was over.",
        |totals| totals.groups_evicted,
    ),
    (
        "bartizan_rule_matches_evicted_total",
        "Matches that correlations let go because their group held too many.",
        |totals| totals.matches_evicted,
    ),
    (
        "bartizan_rule_matches_late_total",
        "Matches that came too late for their correlation.",
        |totals| totals.matches_late,
    ),
];

/// What the inputs have counted together, for `/metrics`.
const OF_INPUTS: [Row<InputStatus>; 4] = [
    ("bartizan_input_truncated_total", "Records cut at the length bound.", |input| input.truncated),
    ("bartizan_input_escaped_total", "Records that held bytes that were not UTF-8.", |input| {
        input.escaped
    }),
    (
        "bartizan_input_undecoded_total",
        "Records that the input's codec could not decode, such as tokens that are not authentic.",
        |input| input.undecoded,
    ),
    ("bartizan_input_refused_total", "Connections, requests or batches refused.", |input| {
        input.refused
    }),
];

impl Runtime {
    fn metrics(&self, totals: &pipeline::Totals) -> Vec<Metric> {
        let inputs = self.inputs.status();
        let line =
            OF_LINE.iter().map(|(name, help, of)| Metric { name, help, value: lossy(of(totals)) });
        let inputs = OF_INPUTS.iter().map(|(name, help, of)| Metric {
            name,
            help,
            value: lossy(inputs.iter().map(of).sum()),
        });
        line.chain(inputs).chain(self.rule_metrics()).chain(self.anchor_metrics()).collect()
    }

    fn anchor_metrics(&self) -> Vec<Metric> {
        let Some(counters) = &self.anchors else { return Vec::new() };
        let metric = |name, help, count: &AtomicU64| {
            let value = lossy(count.load(Ordering::Relaxed));
            Metric { name, help, value }
        };
        vec![
            metric(
                "bartizan_anchors_total",
                "Anchors of the chain of digests that a target took.",
                &counters.taken,
            ),
            metric(
                "bartizan_anchor_failures_total",
                "Anchors that a target did not take.",
                &counters.failures,
            ),
            metric(
                "bartizan_anchored_link",
                "The last link of the chain that every target has taken.",
                &counters.sequence,
            ),
        ]
    }

    fn rule_metrics(&self) -> [Metric; 4] {
        let rules = self.rules.view();
        let count = |count: usize| lossy(u64::try_from(count).unwrap_or(u64::MAX));
        let metric = |name, help, value| Metric { name, help, value };
        let loaded_at = Duration::from_nanos(rules.status.loaded_at.nanos().unsigned_abs());
        [
            metric("bartizan_rules", "Rules that run.", count(rules.items.len())),
            metric("bartizan_rule_faults", "Faults in files of rules.", count(rules.faults.len())),
            metric("bartizan_rule_loads_total", "Loads of the rules.", lossy(rules.status.loads)),
            metric(
                "bartizan_rules_loaded_seconds",
                "When the rules were loaded last, as Unix time.",
                loaded_at.as_secs_f64(),
            ),
        ]
    }
}

/// Gives a count as Prometheus wants it; past 2^53 it loses its last digits.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "no lossless way exists")]
fn lossy(count: u64) -> f64 {
    count as f64
}
