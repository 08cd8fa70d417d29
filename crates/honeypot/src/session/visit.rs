//! What is known of one connection, and how what happens in it is told.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use fingerprint::{Carrier, ClientHello};
use model::Timestamp;
use serde_json::{Value, json};
use source::Sensor;

use super::{End, Fields, Upload};
use crate::admission::{Admissions, SourceKey};
use crate::config::{Bounds, ServiceConfig};
use crate::decoys::Serve;
use crate::house::{House, Service};
use crate::persona::{Opens, Persona};
use crate::shell::{Tree, grow};
use crate::text::shown;
use crate::vault::{Incoming, QuarantinedFile, TranscriptHead, Way, Writer};

/// Bounds the events of one session; what comes after is counted in the last one.
const EVENTS_MAX: u32 = 2000;
const COMMAND_BYTES_MAX: usize = 4096;
const NAME_BYTES_MAX: usize = 512;
/// What may be kept of a session's files beyond what it sent: a fake shell makes large ones of few words,
/// which must not drive out of the quarantine what others left.
const MADE_BYTES_MAX: u64 = 4 << 20;
/// Bounds the files of one session.
const UPLOADS_MAX: u32 = 64;

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As the intruder wished.
    Success,
    /// Not so.
    Failure,
}

impl Outcome {
    /// Gives the word of ECS.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

struct Noted {
    events: u32,
    untold: u64,
    uploads: u32,
    commands: u32,
    /// Bytes of files that went into quarantine.
    kept: u64,
    transcript: Option<Box<Writer>>,
}

struct Inner {
    house: Arc<House>,
    service: Arc<Service>,
    peer: SocketAddr,
    local: SocketAddr,
    session: String,
    began: Timestamp,
    quiet: bool,
    bytes_in: AtomicU64,
    /// By what a client of TLS is known.
    tls: OnceLock<Box<Fields>>,
    noted: Mutex<Noted>,
}

/// What is known of one connection; cheap to clone, so that tasks beside can tell too.
#[derive(Clone)]
pub struct Visit(Arc<Inner>);

impl fmt::Debug for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visit").field("session", &self.0.session).finish_non_exhaustive()
    }
}

impl Visit {
    pub(crate) fn new(
        house: Arc<House>,
        service: Arc<Service>,
        (peer, local): (SocketAddr, SocketAddr),
    ) -> Self {
        let names = [service.decoy.id, service.name.as_str()];
        let quiet = house.config.allow.iter().any(|a| a.covers(peer.ip(), local.port(), names));
        let noted =
            Noted { events: 0, untold: 0, uploads: 0, commands: 0, kept: 0, transcript: None };
        Self(Arc::new(Inner {
            house,
            service,
            peer,
            local,
            session: crate::vault::session_id(),
            began: now(),
            quiet,
            bytes_in: AtomicU64::new(0),
            tls: OnceLock::new(),
            noted: Mutex::new(noted),
        }))
    }

    /// Gives who came.
    pub fn peer(&self) -> SocketAddr {
        self.0.peer
    }

    /// Gives where to.
    pub fn local(&self) -> SocketAddr {
        self.0.local
    }

    /// Gives the session's id.
    pub fn id(&self) -> &str {
        &self.0.session
    }

    /// Gives when it began.
    pub fn began(&self) -> Timestamp {
        self.0.began
    }

    /// Gives who the decoy pretends to be.
    pub fn persona(&self) -> &Persona {
        &self.0.house.persona
    }

    /// Gives the service as configured, with the banner that may be set.
    pub fn service(&self) -> &ServiceConfig {
        &self.0.service.config
    }

    pub(crate) fn bounds(&self) -> &Bounds {
        &self.0.house.config.bounds
    }

    /// Gives how much the intruder sent.
    pub fn bytes_in(&self) -> u64 {
        self.0.bytes_in.load(Ordering::Relaxed)
    }

    /// Counts what was received other than by the session's own reading, such as on a second
    /// connection; fails at the bound.
    pub fn received(&self, bytes: usize) -> Result<(), End> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let before = self.0.bytes_in.fetch_add(bytes, Ordering::Relaxed);
        let bytes_max = self.bounds().session_mb_max.saturating_mul(1 << 20);
        let goes_on = self.admissions().sent(self.source(), bytes);
        if before.saturating_add(bytes) > bytes_max || !goes_on { Err(End::Bytes) } else { Ok(()) }
    }

    fn source(&self) -> SourceKey {
        SourceKey::of(self.0.peer.ip())
    }

    fn admissions(&self) -> MutexGuard<'_, Admissions> {
        self.0.house.admissions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts work that was done for this visitor's source; gives how long it is to wait for more.
    pub(crate) fn worked(&self, took: Duration) -> Duration {
        self.admissions().worked(self.source(), took, Instant::now())
    }

    /// Waits for this source's turn of an expensive beginning.
    pub(crate) async fn turn(&self) {
        let wait = self.admissions().begins(self.source(), Instant::now());
        tokio::time::sleep(wait).await;
    }

    /// Keeps something in the transcript other than by the session's own reading and writing.
    pub fn note(&self, way: Way, bytes: &[u8]) {
        if self.0.quiet || bytes.is_empty() {
            return;
        }
        let mut noted = self.0.noted.lock().unwrap_or_else(PoisonError::into_inner);
        // Greetings alone are no transcript: it begins with the intruder's first words, and what was
        // written before is small and in the event.
        if noted.transcript.is_none() && way == Way::Out {
            return;
        }
        let bytes_max = self.bounds().transcript_kb_max.saturating_mul(1024);
        let head = || self.head();
        let writer = noted
            .transcript
            .get_or_insert_with(|| Box::new(Writer::new(head(), self.0.began, bytes_max)));
        if let Err(error) = writer.note(&self.0.house.vault, way, now(), bytes) {
            self.0.service.sensor.fault(&error.to_string());
        }
    }

    fn head(&self) -> TranscriptHead {
        TranscriptHead {
            session: self.0.session.clone(),
            kind: self.0.service.decoy.id.to_owned(),
            name: self.0.service.name.clone(),
            source: self.0.peer.to_string(),
            destination: self.0.local.to_string(),
            began: self.0.began.to_string(),
        }
    }

    /// Waits as a real service does that has to think, some time between the two.
    pub async fn think(&self, least_ms: u64, most_ms: u64) {
        let mut byte = [0];
        // Without randomness it takes the least time.
        let _ = getrandom::fill(&mut byte);
        let more = most_ms.saturating_sub(least_ms).saturating_mul(u64::from(byte[0])) / 255;
        tokio::time::sleep(Duration::from_millis(least_ms.saturating_add(more))).await;
    }

    /// Tells that something happened: `action` (`connection`, `request`, `query`, …) becomes
    /// `event.action` in the words that all decoys share (`decoy_connection`, `decoy_request`, …),
    /// `fields` what is known of it. Addresses, ports, the session and the decoy are added.
    pub async fn tell(&self, action: &str, fields: Fields) {
        if self.0.quiet {
            return;
        }
        {
            let mut noted = self.0.noted.lock().unwrap_or_else(PoisonError::into_inner);
            if noted.events >= EVENTS_MAX && action != "disconnect" {
                noted.untold += 1;
                return;
            }
            noted.events += 1;
        }
        let line = self.event(action, fields).to_string();
        // At the end of the line there is nobody left to tell.
        let _ = self.0.service.sensor.send(vec![line]).await;
    }

    fn event(&self, action: &str, fields: Fields) -> Value {
        let decoy = self.0.service.decoy;
        let base = json!({
            "@timestamp": now().to_string(),
            "event": {
                "module": "decoy",
                "dataset": format!("decoy.{}", decoy.id),
                "kind": "event",
                "category": ["network", "intrusion_detection"],
                "action": format!("decoy_{action}"),
            },
            "source": { "ip": self.0.peer.ip().to_canonical().to_string(), "port": self.0.peer.port() },
            "destination": { "ip": self.0.local.ip().to_canonical().to_string(), "port": self.0.local.port() },
            "network": { "transport": "tcp", "protocol": decoy.id },
            "observer": { "name": self.0.service.name },
            "session": { "id": self.0.session },
            "bartizan": { "decoy": { "name": self.0.service.name } },
        });
        let base = match self.0.tls.get() {
            Some(tls) => Fields::clone(tls).over(base),
            None => base,
        };
        fields.over(base)
    }

    /// Takes the record with which a client begins TLS: what identifies it stands in every event from
    /// here on, by the names that captured traffic has too.
    pub(crate) fn met(&self, record: &[u8]) {
        let Some(hello) = ClientHello::of_record(record) else { return };
        let mut fields = Fields::new()
            .with("tls.client.ja3", hello.ja3())
            .with("tls.client.ja4", hello.ja4(Carrier::Tcp))
            .with("tls.client.version_highest", fingerprint::version_name(hello.version_highest()));
        if let Some(name) = &hello.server_name {
            fields.set("tls.client.server_name", shown(name, NAME_BYTES_MAX));
        }
        if !hello.protocols.is_empty() {
            let protocols = hello.protocols.iter().map(|name| shown(name, NAME_BYTES_MAX));
            fields.set("tls.client.next_protocols", protocols.collect::<Vec<_>>());
        }
        // A client begins TLS once; a second beginning says nothing new.
        let _ = self.0.tls.set(Box::new(fields));
    }

    /// Tells of a log-in that was tried: the user, and the password as `bartizan.decoy.password`. A
    /// digest or a key goes into `fields` (`bartizan.decoy.hash`) with `password` left out.
    pub async fn credentials(
        &self,
        user: &[u8],
        password: Option<&[u8]>,
        outcome: Outcome,
        fields: Fields,
    ) {
        let mut fields = fields
            .with("user.name", shown(user, NAME_BYTES_MAX))
            .with("event.outcome", outcome.as_str());
        if let Some(password) = password {
            fields.set("bartizan.decoy.password", shown(password, NAME_BYTES_MAX));
        }
        self.tell("login", fields).await;
    }

    /// Tells of a command or a query, as it was typed.
    pub async fn command(&self, text: &[u8], fields: Fields) {
        {
            let mut noted = self.0.noted.lock().unwrap_or_else(PoisonError::into_inner);
            noted.commands = noted.commands.saturating_add(1);
        }
        let fields = fields.with("process.command_line", shown(text, COMMAND_BYTES_MAX));
        self.tell("command", fields).await;
    }

    /// Takes a whole file into quarantine and tells of it.
    pub async fn upload(&self, name: &[u8], bytes: &[u8]) -> Option<QuarantinedFile> {
        let mut upload = self.begin_upload(name)?;
        upload.push(bytes);
        upload.finish(Fields::new()).await
    }

    /// Begins to take a file that comes in pieces; `None` where the session left too many, or where it
    /// is not told of.
    pub fn begin_upload(&self, name: &[u8]) -> Option<Upload> {
        if self.0.quiet {
            return None;
        }
        {
            let mut noted = self.0.noted.lock().unwrap_or_else(PoisonError::into_inner);
            if noted.uploads >= UPLOADS_MAX {
                return None;
            }
            noted.uploads += 1;
        }
        let incoming = Incoming::new(&self.0.house.vault);
        Some(Upload {
            visit: self.clone(),
            name: shown(name, NAME_BYTES_MAX),
            incoming: Some(incoming),
        })
    }

    /// Gives how many of so many bytes of a file may be kept, and counts them.
    pub(super) fn may_keep(&self, bytes: usize) -> usize {
        let mut noted = self.0.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let room = self.bytes_in().saturating_add(MADE_BYTES_MAX).saturating_sub(noted.kept);
        let kept = bytes.min(usize::try_from(room).unwrap_or(usize::MAX));
        noted.kept = noted.kept.saturating_add(u64::try_from(kept).unwrap_or(u64::MAX));
        kept
    }

    /// Decides whether a user is let in with a password: an account of the configuration at once, a weak
    /// one of this installation after some tries of this source. What was decided for a source stays.
    pub fn admits(&self, user: &[u8], password: &[u8]) -> bool {
        let house = &self.0.house;
        let (Ok(user), Ok(password)) = (str::from_utf8(user), str::from_utf8(password)) else {
            return false;
        };
        let pair = format!("pair {} {user} {password}", user.len());
        let pair = house.persona.number(&pair, 0, u64::MAX - 1);
        let key = self.source();
        let mut sources = self.admissions();
        let tries = sources.tried(key);
        let opens =
            house.persona.opens(house.config.admit, &house.config.accounts, (user, password));
        match opens {
            Opens::AtOnce => true,
            Opens::Never => false,
            Opens::Later => sources.decided(key, pair).unwrap_or_else(|| {
                let admitted = tries > house.persona.patience(key.number());
                sources.decide(key, pair, admitted);
                admitted
            }),
        }
    }

    /// Tells of the beginning.
    pub(crate) async fn connected(&self) {
        self.tell("connection", Fields::new()).await;
    }

    /// Tells of the end and closes the transcript.
    pub(crate) async fn ended(&self, end: &str) {
        let (untold, commands, transcript) = {
            let mut noted = self.0.noted.lock().unwrap_or_else(PoisonError::into_inner);
            (noted.untold, noted.commands, noted.transcript.take())
        };
        let has_transcript = transcript.is_some();
        if let Some(Err(error)) = transcript.map(|writer| writer.end(&self.0.house.vault)) {
            self.0.service.sensor.fault(&error.to_string());
        }
        let nanos = i64::try_from(now().since(self.0.began).as_nanos()).unwrap_or(i64::MAX);
        let mut fields = Fields::new()
            .with("event.start", self.0.began.to_string())
            .with("event.duration", nanos)
            .with("event.reason", end)
            .with("bartizan.decoy.bytes_in", self.bytes_in())
            .with("bartizan.decoy.transcript", has_transcript);
        if commands > 0 {
            fields.set("bartizan.decoy.commands", commands);
        }
        if untold > 0 {
            fields.set("bartizan.decoy.untold", untold);
        }
        self.tell("disconnect", fields).await;
    }

    pub(crate) fn house(&self) -> &House {
        &self.0.house
    }

    /// Gives the kind of decoy.
    pub(crate) fn kind(&self) -> &'static str {
        self.0.service.decoy.id
    }

    pub(crate) fn sensor(&self) -> &Sensor {
        &self.0.service.sensor
    }

    /// Gives the files of the machine, made up when they are first asked for.
    pub(crate) fn tree(&self) -> &Arc<Tree> {
        let house = &self.0.house;
        house.tree.get_or_init(|| Arc::new(grow(&house.persona)))
    }

    /// Gives what SSH is set up with on this service, made when it is first asked for.
    pub(crate) fn service_cache(
        &self,
        make: impl FnOnce() -> Arc<russh::server::Config>,
    ) -> Arc<russh::server::Config> {
        Arc::clone(self.0.service.ssh.get_or_init(make))
    }

    pub(crate) fn serve(&self) -> Serve {
        self.0.service.decoy.serve
    }
}

/// Gives the current time.
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanos = since.ok().and_then(|since| i64::try_from(since.as_nanos()).ok());
    Timestamp::from_nanos(nanos.unwrap_or_default())
}
