//! `bartizan serve`: the whole product in one process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use api::{AppState, Live};
use arc_swap::ArcSwap;
use catalog::Catalog;
use crossbeam_channel::Sender;
use detect::Engine;
use model::Batch;
use seal::Keyring;
use store::Store;
use tokio::net::TcpListener;
use triage::Triage;

use crate::anchor::Anchors;
use crate::clock::now;
use crate::config::{self, Config};
use crate::demo::Demo;
use crate::failure::{Outcome, ending};
use crate::logins::LogIns;
use crate::output::complain;
use crate::reload::{self, Reloader};
use crate::runtime::{KeptHealth, Rate, Runtime};
use crate::{keys, memory, output};

/// Batches that wait for the line; beyond it TCP, HTTP and files wait and UDP counts a drop.
const BATCHES_WAITING_MAX: usize = 256;
/// How long the inputs may take to hand on what they have when the product stops.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// Runs the whole product in one process, until it is told to stop.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  bartizan serve
  bartizan serve --config /etc/bartizan.toml
  bartizan serve --data /tmp/look --demo
  bartizan serve --print-config > bartizan.toml

Without a configuration file: data in ./bartizan-data, console on 127.0.0.1:8440, syslog on
0.0.0.0:5514 (UDP and TCP). Each setting can be given as a variable: BARTIZAN_API_LISTEN for
api.listen.")]
pub(crate) struct Args {
    /// The configuration file (TOML)
    #[arg(long, value_name = "FILE", env = "BARTIZAN_CONFIG")]
    config: Option<PathBuf>,
    /// Where everything is kept; goes before the configuration
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Plays marked sample traffic through the real inputs
    #[arg(long)]
    demo: bool,
    /// Prints every setting with its default, and ends
    #[arg(long)]
    print_config: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Outcome> {
    if args.print_config {
        output::say(config::example()?.trim_end())?;
        return Ok(Outcome::Done);
    }
    let Some(config) = read_config(args)? else { return Ok(Outcome::Fault) };
    crate::log::begin();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the asynchronous runtime")?;
    runtime.block_on(serve(config, args.demo))
}

fn read_config(args: &Args) -> anyhow::Result<Option<Config>> {
    let variables: Vec<(String, String)> = std::env::vars().collect();
    match config::load(args.config.as_deref(), &variables)? {
        Ok(mut config) => {
            if let Some(data) = &args.data {
                config.data.clone_from(data);
            }
            Ok(Some(config))
        }
        Err(faults) => {
            for fault in &faults {
                complain(&fault.to_string());
            }
            complain(&format!("bartizan: {} in the configuration", plural(faults.len(), "fault")));
            Ok(None)
        }
    }
}

/// What is kept on disk.
struct Kept {
    catalog: Catalog,
    store: Store,
    triage: Triage,
    anchors: Option<Anchors>,
    /// What seals what is written; `None` where nothing is.
    keyring: Option<Keyring>,
}

async fn serve(config: Config, demo: bool) -> anyhow::Result<Outcome> {
    let began = Instant::now();
    complain(&format!("bartizan  {}", env!("CARGO_PKG_VERSION")));
    complain(&format!("data      {}", config.data.display()));
    let kept = open(&config)?;
    let (loader, ready) = load_rules(&config)?;
    let stop = stop_asked()?;
    let listener = bind_console(&config).await?;
    let console = listener.local_addr()?;

    let (inlet, batches) = crossbeam_channel::bounded(BATCHES_WAITING_MAX);
    let feed = Live::new();
    let databases = enrich::Databases::start(&config.enrich)?;
    let parts = parts(&config, &kept, ready.engine, &feed, databases.lookup())?;
    let engine = Arc::clone(&parts.rules);
    let line = pipeline::start(parts, batches)?;
    let reloader = Reloader::start(loader, ready.shown, engine, feed.clone())?;
    on_hang_up(reloader.handle());
    let mut sources = start_sources(&config, &kept.store, inlet.clone())?;
    start_decoys(&config, kept.keyring.clone(), &mut sources)?;
    let log_ins = Arc::new(LogIns::start(&mut sources));
    let demonstration = Arc::new(Demo::new(inlet, feed.clone()));
    let runtime = Runtime {
        line: line.counters(),
        inputs: sources.inputs(),
        rules: reloader.handle(),
        watch: line.watch(),
        health: KeptHealth::default(),
        demo: Arc::clone(&demonstration),
        started_at: now(),
        rate: Rate::default(),
        anchors: kept.anchors.as_ref().map(Anchors::counters),
        packets: config.capture.ring.kept_in(&config.data),
        log_ins: Arc::clone(&log_ins),
    };
    tell_console(console, &kept.catalog)?;
    if demo {
        demonstration.start().map_err(|message| ending(Outcome::Fault, message))?;
        complain("demo      marked sample traffic plays");
    }
    let state = AppState::new(api::Parts {
        store: kept.store.clone(),
        catalog: kept.catalog,
        triage: kept.triage,
        runtime: Arc::new(runtime),
        live: feed,
        config: api_config(&config, console, demo),
    });
    complain(&format!("ready     in {:.2} s", began.elapsed().as_secs_f64()));
    let served = api::serve(listener, state, stop).await;

    complain("stopping");
    demonstration.end();
    log_ins.end();
    let late = sources.stop(STOP_WITHIN).await;
    if !late.is_empty() {
        complain(&format!("cut off: {}", late.join(", ")));
    }
    let (store, anchors) = (kept.store, kept.anchors);
    // Waiting for threads must not hold up the runtime on which the last tasks end.
    tokio::task::spawn_blocking(move || {
        reloader.stop();
        line.join();
        let closed = store.close();
        anchors.into_iter().for_each(Anchors::finish);
        closed
    })
    .await??;
    served?;
    Ok(Outcome::Done)
}

fn api_config(config: &Config, console: SocketAddr, demo: bool) -> api::Config {
    api::Config {
        demo,
        hosts: hosts(console, &config.api.hosts),
        secure_cookies: config.api.secure_cookies,
        ..api::Config::default()
    }
}

/// Tells where the console is, and how its first administrator gets in.
fn tell_console(console: SocketAddr, catalog: &Catalog) -> anyhow::Result<()> {
    complain(&format!("console   http://{console}"));
    if let Some(path) = api::issue_setup_link(catalog, now())? {
        complain(&format!("set up    http://{console}{path}"));
        complain("          this link works once and for a day");
    }
    Ok(())
}

async fn bind_console(config: &Config) -> anyhow::Result<TcpListener> {
    let listen: SocketAddr = config.api.listen.parse().context("api.listen")?;
    TcpListener::bind(listen).await.map_err(|error| {
        let why = in_use(&error);
        ending(Outcome::Fault, format!("cannot listen on {listen} for the console: {why}"))
    })
}

fn parts(
    config: &Config,
    kept: &Kept,
    engine: Engine,
    live: &Live,
    lookup: enrich::Lookup,
) -> anyhow::Result<pipeline::Parts> {
    let checkpoint = memory::file(config);
    let remembered = memory::replay(&memory::Replay {
        checkpoint: &checkpoint,
        store: &kept.store,
        engine: &engine,
        triage: &kept.triage,
        detected_upto: kept.catalog.detected_upto()?,
        now: now(),
    })?;
    let live = live.clone();
    Ok(pipeline::Parts {
        parser: parse::Parser::new(parse::ParserConfig {
            utc_offset_seconds: config.parse.utc_offset_minutes * 60,
        }),
        lookup,
        remembered,
        checkpoint,
        rules: Arc::new(ArcSwap::from_pointee(engine)),
        store: kept.store.clone(),
        triage: kept.triage.clone(),
        outbox: Box::new(move |changes| live.publish(changes)),
    })
}

fn start_sources(
    config: &Config,
    store: &Store,
    outlet: Sender<Batch>,
) -> anyhow::Result<source::Running> {
    let start = source::Start {
        outlet,
        checkpoints: store.checkpoints(),
        runtime: tokio::runtime::Handle::current(),
        simulated: false,
    };
    let mut sources = source::start(&config.inputs, start)?;
    start_sensors(config, &mut sources, &store.checkpoints())?;
    crate::scans::start(&mut sources, config, store.clone());
    for input in sources.inputs().status() {
        let place = input.address.map(|address| address.to_string()).or(input.reads);
        complain(&format!("input     {} {}", input.name, place.unwrap_or_default()));
    }
    Ok(sources)
}

/// Starts the decoys that the configuration names, beside the inputs.
fn start_decoys(
    config: &Config,
    keyring: Option<Keyring>,
    sources: &mut source::Running,
) -> anyhow::Result<()> {
    let folder = config.decoys_folder();
    let start = honeypot::Start { folder, keyring, running: sources };
    let decoys = honeypot::start(&config.decoys, start)
        .map_err(|error| ending(Outcome::Fault, error.to_string()))?;
    for (name, address) in decoys.iter().flat_map(honeypot::Decoys::listening) {
        complain(&format!("decoy     {name} {address}"));
    }
    Ok(())
}

/// Starts what senses by itself. What it may not do here is told, and everything else runs.
fn start_sensors(
    config: &Config,
    running: &mut source::Running,
    checkpoints: &[model::Checkpoint],
) -> anyhow::Result<()> {
    let home = config.capture.home().context("capture.home")?;
    let listens = !config.capture.interfaces.is_empty() || config.netflow.enabled;
    if listens {
        let known = config.data.join("traffic.known");
        let traffic = wire::traffic::SharedTraffic::start(running, home.clone(), known);
        wire::capture::start_live(running, &config.capture, &home, &traffic, &config.data);
        wire::netflow::start(running, &config.netflow, home.clone(), traffic).map_err(|error| {
            let (listen, why) = (config.netflow.listen, error);
            ending(Outcome::Fault, format!("cannot listen on {listen} for netflow: {why}"))
        })?;
    }
    wire::capture::start_files(running, &config.capture, &home, checkpoints);
    Ok(())
}

fn open(config: &Config) -> anyhow::Result<Kept> {
    // Whatever is written from here on is for its owner alone: it holds what others logged.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    make_private(&config.data)
        .with_context(|| format!("cannot make the data folder {}", config.data.display()))?;
    store::check_folder(&config.data)?;
    let catalog = Catalog::open(&config.data.join("catalog.db"))?;
    let keyring = keys::open_or_make(config, &catalog)?;
    let bounds = config.store.bounds(keyring.clone());
    store::probe(&config.data, &bounds)?;
    let store = Store::open(&config.data, catalog.clone(), bounds)?;
    let missing = store.stats().missing;
    if missing > 0 {
        complain(&format!(
            "store     segments that are missing or cannot be opened: {missing} (bartizan doctor)"
        ));
    }
    for notice in store.notices() {
        complain(&format!("note      {notice}"));
    }
    let anchors = Anchors::start(&config.store.anchor, store.clone())?;
    let triage = Triage::open(catalog.clone());
    Ok(Kept { catalog, store, triage, anchors, keyring })
}

/// Makes the folder for its owner alone: it holds what others logged.
fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn load_rules(config: &Config) -> anyhow::Result<(reload::Loader, reload::Ready)> {
    let own = config.own_rules();
    make_private(&own).with_context(|| format!("cannot make the folder {}", own.display()))?;
    let (loader, ready) = reload::Loader::start(config.rule_sources())?;
    let view = &ready.shown.view;
    let count = view.items.len();
    match view.faults.len() {
        0 => complain(&format!("rules     {count}")),
        faults => {
            complain(&format!("rules     {count}, set aside: {faults} (bartizan rules check)"));
        }
    }
    reload::tell_faults(view);
    Ok((loader, ready))
}

/// Loads the rules again when the process is told to hang up, as services are by custom.
fn on_hang_up(rules: reload::Handle) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut hang_up) = signal(SignalKind::hangup()) else { return };
    tokio::spawn(async move {
        while hang_up.recv().await.is_some() {
            rules.ask();
        }
    });
}

/// A console that only this machine can reach answers to this machine's names alone, so that no
/// page elsewhere can point a name of its own at it; and to the names that a proxy before it uses.
fn hosts(console: SocketAddr, named: &[String]) -> api::Hosts {
    match (named, console.ip().is_loopback()) {
        ([], true) => api::Hosts::Loopback,
        ([], false) => api::Hosts::Any,
        (named, _) => api::Hosts::Named(named.to_vec()),
    }
}

/// Begins to listen for the signals that end the product, and gives what waits for one of them. From
/// now on none of them ends it at once, with events that are not in segments yet.
fn stop_asked() -> anyhow::Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).context("cannot listen for signals");
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn in_use(error: &std::io::Error) -> String {
    if error.kind() == std::io::ErrorKind::AddrInUse {
        "the address is in use; end the other process or set api.listen".to_owned()
    } else {
        error.to_string()
    }
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
