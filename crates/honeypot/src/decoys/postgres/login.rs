//! The log-in: in the clear within TLS, as a server that asks a directory has it; otherwise with MD5
//! (until version 13) or SCRAM.

use std::cell::Cell;
use std::num::NonZeroU32;

use md5::{Digest, Md5};

use super::message;
use crate::octets::{Octets, hex, size, text};
use crate::scram::{self, Begun, Draw, Kind};
use crate::talk::{NAME_BYTES_MAX, Secret, Told};

const ROUNDS: u32 = 4096;

/// What is asked for.
#[derive(Debug)]
enum Method {
    Clear,
    Md5([u8; 4]),
    Scram(String),
    ScramBegun(Begun),
}

/// One log-in.
#[derive(Debug)]
pub(super) struct LogIn {
    pub(super) user: String,
    pub(super) database: String,
    client: String,
    method: Option<Method>,
}

/// How far it has come.
pub(super) enum Step {
    /// The client is to answer this.
    More(Vec<u8>),
    /// It is decided.
    Done { out: Vec<u8>, told: Told },
}

impl LogIn {
    /// Begins one; gives what is asked.
    pub(super) fn begin(
        user: String,
        database: String,
        client: String,
        is_tls: bool,
        is_new: bool,
        random: &[u8],
    ) -> (Self, Vec<u8>) {
        let mut octets = Octets::new(random);
        let salt: [u8; 4] = octets.array().unwrap_or_default();
        let mut out = Vec::new();
        let method = if is_tls {
            message::authentication(&mut out, 3, &[]);
            Method::Clear
        } else if is_new {
            message::authentication(&mut out, 10, b"SCRAM-SHA-256\0\0");
            Method::Scram(scram::nonce(octets.take(18).unwrap_or_default()))
        } else {
            message::authentication(&mut out, 5, &salt);
            Method::Md5(salt)
        };
        (Self { user, database, client, method: Some(method) }, out)
    }

    /// Takes the client's answer.
    pub(super) fn take(
        &mut self,
        body: &[u8],
        own_salt: &[u8],
        gate: &(dyn Fn(&str, Secret<'_>) -> bool + Send),
    ) -> Step {
        let told = self.told();
        match self.method.take() {
            Some(Method::Clear) => {
                let password = text(body.strip_suffix(b"\0").unwrap_or(body), NAME_BYTES_MAX);
                let is_in = gate(&self.user, Secret::Plain(&password));
                done(is_in, Vec::new(), told.with("bartizan.decoy.password", password))
            }
            Some(Method::Md5(salt)) => {
                let given = text(body.strip_suffix(b"\0").unwrap_or(body), NAME_BYTES_MAX);
                let user = self.user.clone();
                let is_in =
                    gate(&self.user, Secret::Answer(&|own| md5_is_of(own, &user, salt, &given)));
                let hash = md5_hash(&self.user, salt, &given);
                let told = told.with("bartizan.decoy.hash", hash);
                done(is_in, Vec::new(), told.with("bartizan.decoy.hash_type", "postgres-md5"))
            }
            Some(Method::Scram(nonce)) => self.scram_begin(body, &nonce, own_salt, told),
            Some(Method::ScramBegun(begun)) => self.scram_end(body, begun, gate, told),
            None => done(false, Vec::new(), told),
        }
    }

    fn told(&self) -> Told {
        Told::of("login")
            .with("user.name", self.user.clone())
            .with("bartizan.decoy.database", self.database.clone())
            .with("bartizan.decoy.client", self.client.clone())
    }

    fn scram_begin(&mut self, body: &[u8], nonce: &str, own_salt: &[u8], told: Told) -> Step {
        let mut octets = Octets::new(body);
        let first = octets.until_zero().and_then(|_mechanism| {
            let count = size(octets.u32_be()?);
            octets.take(count)
        });
        // A role's salt is its own and stays.
        let salt: Vec<u8> = Md5::digest([own_salt, self.user.as_bytes()].concat()).to_vec();
        let draw = Draw {
            kind: Kind::Sha256,
            salt: &salt,
            rounds: NonZeroU32::new(ROUNDS).unwrap_or(NonZeroU32::MIN),
            nonce,
        };
        match first.and_then(|first| Begun::new(first, &draw)) {
            Some((begun, answer)) => {
                self.method = Some(Method::ScramBegun(begun));
                let mut out = Vec::new();
                message::authentication(&mut out, 11, answer.as_bytes());
                Step::More(out)
            }
            None => done(false, Vec::new(), told),
        }
    }

    fn scram_end(
        &self,
        body: &[u8],
        begun: Begun,
        gate: &(dyn Fn(&str, Secret<'_>) -> bool + Send),
        told: Told,
    ) -> Step {
        let Some(proof) = begun.finish(body) else { return done(false, Vec::new(), told) };
        let signature = Cell::new(None);
        let gives = |password: &str| {
            let signed = proof.signed_by(password);
            let fits = signed.is_some();
            signature.set(signed);
            fits
        };
        let is_let_in = gate(&self.user, Secret::Answer(&gives));
        let mut out = Vec::new();
        // Who is let in with whatever password cannot be given the signature that the client awaits.
        let signature = signature.into_inner().filter(|_| is_let_in);
        if let Some(signature) = &signature {
            message::authentication(&mut out, 12, format!("v={signature}").as_bytes());
        }
        let told = told.with("bartizan.decoy.hash", proof.hash());
        done(signature.is_some(), out, told.with("bartizan.decoy.hash_type", Kind::Sha256.name()))
    }
}

fn done(is_in: bool, out: Vec<u8>, told: Told) -> Step {
    Step::Done { out, told: told.outcome(is_in) }
}

fn md5_answer(password: &str, user: &str, salt: [u8; 4]) -> String {
    let inner = hex(&Md5::digest(format!("{password}{user}")));
    format!("md5{}", hex(&Md5::digest([inner.as_bytes(), &salt].concat())))
}

fn md5_is_of(password: &str, user: &str, salt: [u8; 4], given: &str) -> bool {
    md5_answer(password, user, salt) == given
}

/// The hash as hashcat (mode 11100) and john (postgres) read it.
fn md5_hash(user: &str, salt: [u8; 4], given: &str) -> String {
    format!("$postgres${user}*{}*{}", hex(&salt), given.strip_prefix("md5").unwrap_or(given))
}
