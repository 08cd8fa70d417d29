//! SSH: looks like the OpenSSH of the persona's system, with a shell behind it that runs nothing.
//!
//! The greeting is written at once and the rest waits for the client's own, so that ten thousand who only
//! look cost little. What the library offers is put in the order in which OpenSSH sends it; the two kinds
//! of `umac` are missing from it, as on a machine where they were switched off.

mod bridge;
mod guest;
mod hello;
mod room;
mod scp;
mod sftp;

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use russh::keys::{Algorithm, EcdsaCurve, HashAlg};
use russh::server::Config;
use russh::{MethodKind, MethodSet, Preferred, SshId, cipher, compression, kex, mac};

use super::Decoy;
use crate::session::{End, Fields, Pipe, Session, Visit};
use bridge::{Bridge, Leash};
use guest::Guest;
use hello::Hello;

pub(crate) const DECOY: Decoy = Decoy {
    id: "ssh",
    port: 2222,
    summary: "OpenSSH with a shell, SFTP and SCP",
    serve: |session| serve(session).boxed(),
};

/// Bounds the client's greeting, as OpenSSH does.
const GREETING_BYTES_MAX: usize = 8192;
/// How often a log-in may be tried on one connection, as OpenSSH has it.
const TRIES_MAX: usize = 6;
/// How long a log-in may take, as OpenSSH has it.
const GRACE: Duration = Duration::from_mins(2);

async fn serve(session: &mut Session) -> Result<(), End> {
    let banner = banner(session);
    session.set_idle(GRACE);
    session.write(format!("{banner}\r\n").as_bytes()).await?;
    loop {
        let pending = session.pending();
        if let Some(end) = memchr::memchr(b'\n', pending) {
            let line = pending.get(..end).unwrap_or_default().to_vec();
            if line.starts_with(b"SSH-2.0-") || line.starts_with(b"SSH-1.99-") {
                break;
            }
            let fields = Fields::new()
                .with_bytes("bartizan.decoy.first", &line)
                .with("bartizan.decoy.banner_sent", banner);
            session.tell("request", fields).await;
            session.write(b"Invalid SSH identification string.\r\n").await?;
            return Ok(());
        }
        if pending.len() >= GREETING_BYTES_MAX {
            return Err(End::Protocol);
        }
        session.fill().await?;
    }
    session.visit().turn().await;
    let config = session.visit().service_cache(|| Arc::new(config(session, &banner)));
    // A conversation's state is large; who only looks does not pay for it.
    converse(session, banner, config).boxed().await
}

fn banner(session: &Session) -> String {
    match &session.service().banner {
        Some(banner) => banner.clone(),
        None => format!("SSH-2.0-{}", session.persona().version("ssh")),
    }
}

async fn converse(session: &mut Session, banner: String, config: Arc<Config>) -> Result<(), End> {
    let (pipe, before) = session.take();
    let Pipe::Plain(stream) = pipe else { return Err(End::Protocol) };
    let hello = Arc::new(Mutex::new(Hello::new(banner)));
    let leash = Leash::new();
    let visit = session.visit().clone();
    let greeting = config.server_id_length();
    let bridge =
        Bridge::new(stream, before, greeting, (visit.clone(), Arc::clone(&hello), leash.held()));
    let guest = Guest::new(visit.clone(), Arc::clone(&hello));
    let conversation = async {
        match russh::server::run_stream(Arc::clone(&config), bridge, guest).await {
            Ok(running) => running.await,
            Err(error) => Err(error),
        }
    };
    // Who is not in by then is cut off by the leash, whatever he says meanwhile.
    let ended = tokio::select! {
        ended = conversation => Some(ended),
        () = outside_too_long(&hello) => None,
    };
    tell_hello(&visit, &hello).await;
    let Some(ended) = ended else { return Err(End::Time) };
    match ended {
        Ok(()) => Ok(()),
        Err(russh::Error::InactivityTimeout) => Err(End::Idle),
        Err(_) => Err(End::Closed),
    }
}

/// Waits until a log-in has taken too long; for ever, where somebody is in by then.
async fn outside_too_long(hello: &Mutex<Hello>) {
    tokio::time::sleep(GRACE).await;
    let is_in = hello.lock().unwrap_or_else(PoisonError::into_inner).is_in();
    if is_in {
        std::future::pending::<()>().await;
    }
}

/// Tells once what the client said of itself.
async fn tell_hello(visit: &Visit, hello: &Mutex<Hello>) {
    let fields = hello.lock().unwrap_or_else(PoisonError::into_inner).untold();
    if let Some(fields) = fields {
        visit.tell("handshake", fields).await;
    }
}

trait GreetingLength {
    fn server_id_length(&self) -> usize;
}

impl GreetingLength for Config {
    /// Gives how many bytes the library writes first, which were written already.
    fn server_id_length(&self) -> usize {
        match &self.server_id {
            SshId::Standard(text) => text.len() + 2,
            SshId::Raw(text) => text.len(),
        }
    }
}

/// Gives what OpenSSH 8 offers, in its order.
fn config(session: &Session, banner: &str) -> Config {
    let mut methods = MethodSet::empty();
    for method in [MethodKind::PublicKey, MethodKind::Password, MethodKind::KeyboardInteractive] {
        methods.push(method);
    }
    let ecdsa = Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 };
    let rsa = |hash| Algorithm::Rsa { hash };
    let preferred = Preferred {
        kex: Cow::Borrowed(KEX),
        key: Cow::Owned(vec![
            rsa(Some(HashAlg::Sha512)),
            rsa(Some(HashAlg::Sha256)),
            rsa(None),
            ecdsa,
            Algorithm::Ed25519,
        ]),
        host_key_certificates: Cow::Borrowed(&[]),
        cipher: Cow::Borrowed(CIPHERS),
        mac: Cow::Borrowed(MACS),
        compression: Cow::Borrowed(&[compression::NONE, compression::ZLIB_LEGACY]),
    };
    Config {
        server_id: SshId::Standard(Cow::Owned(banner.to_owned())),
        methods,
        // The guest waits by itself, and not for the same time each time.
        auth_rejection_time: Duration::ZERO,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: session.persona().keys().host_keys().to_vec(),
        preferred,
        max_auth_attempts: TRIES_MAX,
        inactivity_timeout: Some(Duration::from_secs(session.visit().bounds().idle_seconds_max)),
        nodelay: true,
        ..Config::default()
    }
}

const KEX: &[kex::Name] = &[
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
    kex::DH_GEX_SHA256,
    kex::DH_G16_SHA512,
    kex::DH_G18_SHA512,
    kex::DH_G14_SHA256,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
];

const CIPHERS: &[cipher::Name] = &[
    cipher::CHACHA20_POLY1305,
    cipher::AES_128_CTR,
    cipher::AES_192_CTR,
    cipher::AES_256_CTR,
    cipher::AES_128_GCM,
    cipher::AES_256_GCM,
];

const MACS: &[mac::Name] = &[
    mac::HMAC_SHA256_ETM,
    mac::HMAC_SHA512_ETM,
    mac::HMAC_SHA1_ETM,
    mac::HMAC_SHA256,
    mac::HMAC_SHA512,
    mac::HMAC_SHA1,
];

#[cfg(test)]
mod tests;
