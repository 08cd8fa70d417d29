//! Starts the decoys, and holds what they share.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use seal::Keyring;
use source::{Running, Sensor};

use crate::admission::Admissions;
use crate::config::{Config, ServiceConfig};
use crate::decoys::{DECOYS, Decoy};
use crate::listener;
use crate::persona::{Persona, PersonaError, Shared};
use crate::session::now;
use crate::shell::Tree;
use crate::vault::{Vault, VaultError};

/// Connections that wait to be accepted, in the system.
const BACKLOG: i32 = 1024;

/// What the decoys are started with.
#[derive(Debug)]
pub struct Start<'a> {
    /// Where what they keep lies; it is made.
    pub folder: PathBuf,
    /// What seals it; without one they make a key of their own.
    pub keyring: Option<Keyring>,
    /// Beside which inputs they run.
    pub running: &'a mut Running,
}

/// Why the decoys could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address is taken or may not be used.
    #[error("the decoy {name} cannot listen on {address}: {error}; set listen of this service")]
    Listen {
        /// The decoy's name.
        name: String,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// There is no decoy of that kind.
    #[error("there is no decoy `{0}`")]
    Unknown(String),
    /// What they keep cannot be kept.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// They cannot pretend to be anybody.
    #[error(transparent)]
    Persona(#[from] PersonaError),
}

/// What all decoys share.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) config: Config,
    pub(crate) persona: Shared,
    pub(crate) vault: Arc<Vault>,
    pub(crate) admissions: Mutex<Admissions>,
    /// The files of the fake shell.
    pub(crate) tree: OnceLock<Arc<Tree>>,
}

/// One decoy that listens.
pub(crate) struct Service {
    pub(crate) decoy: &'static Decoy,
    pub(crate) name: String,
    pub(crate) config: ServiceConfig,
    pub(crate) sensor: Sensor,
    /// What SSH is set up with.
    pub(crate) ssh: OnceLock<Arc<russh::server::Config>>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The decoys that run; they end with the inputs beside which they were started.
#[derive(Debug)]
pub struct Decoys {
    persona: Shared,
    vault: Arc<Vault>,
    listening: Vec<(String, SocketAddr)>,
}

impl Decoys {
    /// Gives the name of each decoy and where it listens, with the port that the system chose.
    pub fn listening(&self) -> &[(String, SocketAddr)] {
        &self.listening
    }

    /// Gives who they pretend to be.
    pub fn persona(&self) -> &Persona {
        &self.persona
    }

    /// Gives what they keep.
    pub fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }
}

/// Starts every decoy that the configuration names; `None` where it names none. They run on a thread of
/// their own, so that a flood of them slows nothing else down. If one cannot listen, none is started.
pub fn start(config: &Config, start: Start<'_>) -> Result<Option<Decoys>, StartError> {
    if config.services.is_empty() {
        return Ok(None);
    }
    let vault = Arc::new(Vault::open(&start.folder, start.keyring.as_ref(), &config.bounds)?);
    let persona = Arc::new(Persona::open(&vault, &config.persona, now())?);
    listener::raise_descriptors(config.bounds.connections_max);
    let mut bound = Vec::new();
    for service in &config.services {
        bound.push(bind(service)?);
    }
    let house = Arc::new(House {
        config: config.clone(),
        persona: Arc::clone(&persona),
        vault: Arc::clone(&vault),
        admissions: Mutex::new(Admissions::new(config.bounds.clone())),
        tree: OnceLock::new(),
    });
    let (mut doors, mut listening) = (Vec::new(), Vec::new());
    for Bound { decoy, name, config, socket, address } in bound {
        let sensor = start.running.sensor("decoy", format!("{address} ({}: {name})", decoy.id));
        listening.push((name.clone(), address));
        let service = Arc::new(Service { decoy, name, config, sensor, ssh: OnceLock::new() });
        doors.push(listener::Door { service, socket });
    }
    if let Some(first) = doors.first().map(|door| door.service.sensor.clone()) {
        let sensor = first.clone();
        start.running.run_blocking(&sensor, move || listener::run(&house, doors, &first));
    }
    Ok(Some(Decoys { persona, vault, listening }))
}

struct Bound {
    decoy: &'static Decoy,
    name: String,
    config: ServiceConfig,
    socket: std::net::TcpListener,
    address: SocketAddr,
}

fn bind(config: &ServiceConfig) -> Result<Bound, StartError> {
    let decoy = DECOYS.iter().find(|decoy| decoy.id == config.kind);
    let decoy = decoy.ok_or_else(|| StartError::Unknown(config.kind.clone()))?;
    let name = config.name.clone().unwrap_or_else(|| decoy.id.to_owned());
    let address =
        config.listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::UNSPECIFIED, decoy.port)));
    let socket = listen(address).and_then(|socket| Ok((socket.local_addr()?, socket)));
    let (address, socket) =
        socket.map_err(|error| StartError::Listen { name: name.clone(), address, error })?;
    Ok(Bound { decoy, name, config: config.clone(), socket, address })
}

fn listen(address: SocketAddr) -> std::io::Result<std::net::TcpListener> {
    use socket2::{Domain, Protocol, Socket, Type};
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
