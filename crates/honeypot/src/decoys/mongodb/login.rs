//! The log-in with SASL: SCRAM, whose proofs are kept as hashes, and PLAIN.

use std::cell::Cell;
use std::num::NonZeroU32;

use md5::{Digest, Md5};

use super::bson::{Document, Value};
use super::command::{fault, good};
use crate::octets::{hex, text};
use crate::scram::{self, Begun, Draw, Kind};
use crate::talk::{Gate, NAME_BYTES_MAX, Secret, Told};

/// Log-ins of one connection.
const TRIES_MAX: u8 = 32;

/// The log-ins of one connection.
pub(super) struct LogIns {
    salt: [u8; 16],
    random: [u8; 24],
    gate: Gate,
    begun: Option<Begun>,
    kind: Kind,
    /// It is done but for an empty exchange that the client wants.
    waits: bool,
    tries: u8,
}

impl LogIns {
    pub(super) fn new(salt: [u8; 16], random: [u8; 24], gate: Gate) -> Self {
        Self { salt, random, gate, begun: None, kind: Kind::Sha256, waits: false, tries: 0 }
    }

    /// Answers the beginning.
    pub(super) fn start(&mut self, body: &Document) -> (Document, Option<Told>) {
        self.tries = self.tries.saturating_add(1);
        let mechanism = body.text("mechanism").unwrap_or_default();
        let payload = payload(body);
        let skips = body.document("options").and_then(|options| options.get("skipEmptyExchange"));
        self.waits = skips != Some(&Value::Bool(true));
        let (kind, rounds) = match mechanism {
            "SCRAM-SHA-1" => (Kind::Sha1, 10_000),
            "SCRAM-SHA-256" => (Kind::Sha256, 15_000),
            "PLAIN" => return (unavailable(mechanism), plain(payload)),
            _ => return (unavailable(mechanism), None),
        };
        let random = [&self.random[..], &[self.tries]].concat();
        let nonce = scram::nonce(&Md5::digest(random));
        let user = scram::named(payload);
        let salt = Md5::digest([&self.salt[..], mechanism.as_bytes(), user.as_bytes()].concat());
        let rounds = NonZeroU32::new(rounds).unwrap_or(NonZeroU32::MIN);
        let draw = Draw { kind, salt: &salt, rounds, nonce: &nonce };
        let Some((begun, answer)) = Begun::new(payload, &draw).filter(|_| self.tries < TRIES_MAX)
        else {
            return (failed(), None);
        };
        (self.begun, self.kind) = (Some(begun), kind);
        (step(false, answer.as_bytes()), None)
    }

    /// Answers what follows.
    pub(super) fn go_on(&mut self, body: &Document, database: &str) -> (Document, Option<Told>) {
        let payload = payload(body);
        if payload.is_empty() && self.begun.is_none() && self.waits {
            self.waits = false;
            return (step(true, &[]), None);
        }
        let Some(begun) = self.begun.take() else { return (failed(), None) };
        let user = begun.user.clone();
        let Some(proof) = begun.finish(payload) else { return (failed(), None) };
        let signature = Cell::new(None);
        let gives = |password: &str| {
            let password = match self.kind {
                // The older one hashes the password before.
                Kind::Sha1 => hex(&Md5::digest(format!("{user}:mongo:{password}"))),
                Kind::Sha256 => password.to_owned(),
            };
            let signed = proof.signed_by(&password);
            let fits = signed.is_some();
            signature.set(signed);
            fits
        };
        let is_let_in = (self.gate)(&user, Secret::Answer(&gives));
        let signature = signature.into_inner().filter(|_| is_let_in);
        let told = Told::of("login")
            .outcome(signature.is_some())
            .with("user.name", user.clone())
            .with("bartizan.decoy.database", database)
            .with("bartizan.decoy.hash", proof.hash())
            .with("bartizan.decoy.hash_type", self.kind.name());
        match signature {
            Some(signature) => (step(!self.waits, format!("v={signature}").as_bytes()), Some(told)),
            None => (failed(), Some(told)),
        }
    }
}

fn payload(body: &Document) -> &[u8] {
    match body.get("payload") {
        Some(Value::Binary(bytes)) => bytes,
        Some(Value::Text(text)) => text.as_bytes(),
        _ => &[],
    }
}

fn step(done: bool, payload: &[u8]) -> Document {
    let mut out = Document::default()
        .with("conversationId", 1)
        .with("done", done)
        .with("payload", Value::Binary(payload.to_vec()));
    out.0.extend(good().0);
    out
}

fn failed() -> Document {
    fault(18, "AuthenticationFailed", "Authentication failed.")
}

fn unavailable(mechanism: &str) -> Document {
    let message = format!(
        "Received authentication for mechanism {mechanism} which is unknown or not enabled"
    );
    fault(334, "MechanismUnavailable", &message)
}

fn plain(payload: &[u8]) -> Option<Told> {
    let mut parts = payload.split(|byte| *byte == 0);
    let (_, user, password) = (parts.next()?, parts.next()?, parts.next()?);
    let told = Told::of("login").outcome(false).with("user.name", text(user, NAME_BYTES_MAX));
    Some(told.with("bartizan.decoy.password", text(password, NAME_BYTES_MAX)))
}
