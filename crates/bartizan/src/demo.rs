//! Sample traffic, played through a real input of its own: a syslog listener on loopback whose
//! records are all marked as sample traffic, and nobody else's.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use api::{Live, Simulation};
use crossbeam_channel::Sender;
use model::{Batch, Timestamp};
use simulate::{Control, Framing, Generator, Plan, Reach, Target};
use source::{InputStatus, Inputs, Running};
use tokio::runtime::Handle;

use crate::clock::now;

/// Samples a second: enough that the counters move, few enough to be read.
const RATE: u32 = 6;
/// After this long it ends by itself.
const LASTS: Duration = Duration::from_mins(10);
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// Plays and stops sample traffic.
pub(crate) struct Demo {
    live: Live,
    runtime: Handle,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    /// Nothing once the product stops: the line ends when the last sender is gone.
    inlet: Option<Sender<Batch>>,
    player: Option<Player>,
}

struct Player {
    inputs: Inputs,
    told: Arc<Told>,
    until: Timestamp,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Told {
    stop: AtomicBool,
    sent: AtomicU64,
    ended: AtomicBool,
}

impl Demo {
    /// Must be called within the runtime on which the listener is to run.
    pub(crate) fn new(inlet: Sender<Batch>, live: Live) -> Self {
        let inside = Inside { inlet: Some(inlet), player: None };
        Self { live, runtime: Handle::current(), inside: Mutex::new(inside) }
    }

    /// Starts to play; does nothing where it plays already.
    pub(crate) fn start(self: &Arc<Self>) -> Result<(), String> {
        let mut inside = self.inside();
        if inside.player.as_ref().is_some_and(|player| !player.is_over()) {
            return Ok(());
        }
        let inlet = inside.inlet.clone().ok_or("the product is stopping")?;
        let sources = self.listen(inlet)?;
        let inputs = sources.inputs();
        let address = inputs.status().first().and_then(|input| input.address);
        let address = address.ok_or("the listener for sample traffic has no address")?;
        let told = Arc::new(Told::default());
        let demo = Arc::clone(self);
        let for_thread = Arc::clone(&told);
        let thread = std::thread::Builder::new()
            .name("demo".to_owned())
            .spawn(move || demo.play(address, sources, &for_thread))
            .map_err(|error| error.to_string())?;
        inside.player = Some(Player { inputs, told, until: now().plus(LASTS), thread });
        drop(inside);
        self.live.publish_simulation(self.state());
        Ok(())
    }

    /// Stops to play, soon.
    pub(crate) fn stop(&self) {
        if let Some(player) = &self.inside().player {
            player.told.stop.store(true, Ordering::Relaxed);
        }
    }

    /// Stops for good, and waits for the end.
    pub(crate) fn end(&self) {
        self.stop();
        let mut inside = self.inside();
        inside.inlet = None;
        let player = inside.player.take();
        drop(inside);
        if player.is_some_and(|player| player.thread.join().is_err()) {
            tracing::error!("the sample traffic ended by a defect");
        }
    }

    pub(crate) fn state(&self) -> Simulation {
        let inside = self.inside();
        let Some(player) = &inside.player else { return Simulation::default() };
        let running = !player.is_over();
        Simulation {
            running,
            sent: player.told.sent.load(Ordering::Relaxed),
            until: running.then_some(player.until),
        }
    }

    /// Gives how the listener for sample traffic stands, where it plays.
    pub(crate) fn input(&self) -> Option<InputStatus> {
        let inside = self.inside();
        let player = inside.player.as_ref().filter(|player| !player.is_over())?;
        player.inputs.status().into_iter().next()
    }

    fn listen(&self, outlet: Sender<Batch>) -> Result<Running, String> {
        let mut config = source::Config::silent();
        config.syslog_tcp.enabled = true;
        config.syslog_tcp.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let start = source::Start {
            outlet,
            checkpoints: Vec::new(),
            runtime: self.runtime.clone(),
            simulated: true,
        };
        source::start(&config, start).map_err(|error| error.to_string())
    }

    fn play(&self, address: SocketAddr, sources: Running, told: &Told) {
        let moment = now();
        let generator = Generator::new(simulate::Config {
            seed: 1,
            start: moment,
            step: Duration::from_secs(1) / RATE,
            ..simulate::Config::default()
        });
        let plan = Plan {
            target: Target::SyslogTcp(address.to_string(), Framing::Octets),
            rate: Some(RATE),
            count: None,
            duration: Some(LASTS),
            reach: Reach::Near,
        };
        let mut progress = |sent: &simulate::Sent| told.sent.store(sent.samples, Ordering::Relaxed);
        let mut control = Control { stop: &told.stop, progress: &mut progress };
        if let Err(error) = simulate::send(generator, &plan, &mut control) {
            tracing::warn!(%error, "the sample traffic ended early");
        }
        self.runtime.block_on(sources.stop(STOP_WITHIN));
        told.ended.store(true, Ordering::Relaxed);
        self.live.publish_simulation(Simulation {
            running: false,
            sent: told.sent.load(Ordering::Relaxed),
            until: None,
        });
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Player {
    fn is_over(&self) -> bool {
        self.told.ended.load(Ordering::Relaxed)
    }
}
