//! SCRAM (RFC 5802, RFC 7677), the server's half: the salt is ours, the proof is kept, and whether a
//! password gives it can be tried offline.
//!
//! ```text
//! n,,n=user,r=c ▶   ◀ r=cs,s=salt,i=4096   c=biws,r=cs,p=proof ▶   ◀ v=signature
//! ```

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2};

use crate::octets::text;
use crate::talk::NAME_BYTES_MAX;

/// Bounds the passwords whose salted form is remembered.
const SALTED_MAX: usize = 256;
/// Bytes of a message.
const MESSAGE_BYTES_MAX: usize = 2048;

/// The hash that all is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Sha1,
    Sha256,
}

/// A log-in that has begun.
#[derive(Debug)]
pub(crate) struct Begun {
    kind: Kind,
    /// The user that the client names here.
    pub(crate) user: String,
    salt: Vec<u8>,
    rounds: NonZeroU32,
    nonce: String,
    /// The first messages, as both sides sign them.
    said: String,
}

/// What the client proves at the end.
#[derive(Debug)]
pub(crate) struct Proof {
    kind: Kind,
    salt: Vec<u8>,
    rounds: NonZeroU32,
    said: String,
    proof: Vec<u8>,
}

/// What is drawn for an answer.
pub(crate) struct Draw<'a> {
    pub(crate) kind: Kind,
    pub(crate) salt: &'a [u8],
    pub(crate) rounds: NonZeroU32,
    /// The server's part of the nonce, printable.
    pub(crate) nonce: &'a str,
}

impl Kind {
    /// As mechanisms are called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SCRAM-SHA-1",
            Self::Sha256 => "SCRAM-SHA-256",
        }
    }

    fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), data).as_ref().to_vec()
    }

    fn digest(self, data: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
        };
        digest::digest(algorithm, data).as_ref().to_vec()
    }

    fn salted(self, password: &str, salt: &[u8], rounds: NonZeroU32) -> Vec<u8> {
        let (algorithm, length) = match self {
            Self::Sha1 => (pbkdf2::PBKDF2_HMAC_SHA1, 20),
            Self::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
        };
        let key = (self, salt.to_vec(), rounds, password.to_owned());
        if let Some(known) = lock(&SALTED).get(&key) {
            return known.clone();
        }
        let mut out = vec![0; length];
        pbkdf2::derive(algorithm, rounds, salt, password.as_bytes(), &mut out);
        let mut salted = lock(&SALTED);
        if salted.len() >= SALTED_MAX {
            salted.clear();
        }
        salted.insert(key, out.clone());
        out
    }
}

/// What passwords of the house's own accounts come to. It takes thousands of rounds to find, which a
/// client could otherwise ask for again and again with a few bytes.
static SALTED: LazyLock<Mutex<HashMap<Salted, Vec<u8>>>> = LazyLock::new(Mutex::default);
/// Hash, salt, rounds and password.
type Salted = (Kind, Vec<u8>, NonZeroU32, String);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the user that a client's first message names: the salt is made of that alone, so that no client
/// draws a new one with what else it says.
pub(crate) fn named(message: &[u8]) -> String {
    let message = String::from_utf8_lossy(message.get(..MESSAGE_BYTES_MAX).unwrap_or(message));
    let bare = message.splitn(3, ',').nth(2).unwrap_or_default();
    attribute(bare, "n=").unwrap_or_default().to_owned()
}

impl Begun {
    /// Takes the client's first message; gives the answer with it.
    pub(crate) fn new(message: &[u8], draw: &Draw<'_>) -> Option<(Self, String)> {
        let message =
            std::str::from_utf8(message.get(..MESSAGE_BYTES_MAX).unwrap_or(message)).ok()?;
        // What stands before the second comma is of channels: none, or not used.
        let bare = message.splitn(3, ',').nth(2)?;
        let user =
            attribute(bare, "n=").unwrap_or_default().replace("=2C", ",").replace("=3D", "=");
        let nonce = format!("{}{}", attribute(bare, "r=")?, draw.nonce);
        let answer = format!("r={nonce},s={},i={}", STANDARD.encode(draw.salt), draw.rounds);
        let begun = Self {
            kind: draw.kind,
            user: text(user.as_bytes(), NAME_BYTES_MAX),
            salt: draw.salt.to_vec(),
            rounds: draw.rounds,
            said: format!("{bare},{answer}"),
            nonce,
        };
        Some((begun, answer))
    }

    /// Takes the client's last message.
    pub(crate) fn finish(self, message: &[u8]) -> Option<Proof> {
        let message =
            std::str::from_utf8(message.get(..MESSAGE_BYTES_MAX).unwrap_or(message)).ok()?;
        let (without_proof, proof) = message.rsplit_once(",p=")?;
        if attribute(without_proof, "r=")? != self.nonce {
            return None;
        }
        let proof = STANDARD.decode(proof.trim_end_matches('\0')).ok()?;
        let said = format!("{},{without_proof}", self.said);
        Some(Proof { kind: self.kind, salt: self.salt, rounds: self.rounds, said, proof })
    }
}

impl Proof {
    /// The server's own signature, if this password gave the proof.
    pub(crate) fn signed_by(&self, password: &str) -> Option<String> {
        let salted = self.kind.salted(password, &self.salt, self.rounds);
        let client = self.kind.hmac(&salted, b"Client Key");
        let signature = self.kind.hmac(&self.kind.digest(&client), self.said.as_bytes());
        let fits = self.proof.len() == client.len()
            && self
                .proof
                .iter()
                .zip(client.iter().zip(&signature))
                .all(|(own, (a, b))| *own == a ^ b);
        let server = self.kind.hmac(&salted, b"Server Key");
        fits.then(|| STANDARD.encode(self.kind.hmac(&server, self.said.as_bytes())))
    }

    /// All that is needed to try passwords: name, rounds, salt, what was signed, proof.
    pub(crate) fn hash(&self) -> String {
        let (salt, said, proof) = (&self.salt, &self.said, &self.proof);
        format!(
            "{}${}:{}${}:{}",
            self.kind.name(),
            self.rounds,
            STANDARD.encode(salt),
            STANDARD.encode(said),
            STANDARD.encode(proof)
        )
    }
}

fn attribute<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    message.split(',').find_map(|part| part.strip_prefix(name))
}

/// Random bytes as letters that a nonce may have.
pub(crate) fn nonce(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn draw(kind: Kind, salt: &'static str) -> (Vec<u8>, Kind) {
        (STANDARD.decode(salt).unwrap(), kind)
    }

    #[test]
    fn example_of_the_standard() {
        // RFC 7677, section 3.
        let (salt, kind) = draw(Kind::Sha256, "W22ZaJ0SNY7soEsUEjb6gQ==");
        let draw = Draw {
            kind,
            salt: &salt,
            rounds: NonZeroU32::new(4096).unwrap(),
            nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        };
        let (begun, answer) = Begun::new(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO", &draw).unwrap();
        assert_eq!(
            answer,
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        );
        assert_eq!(begun.user, "user");
        let last = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
            p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        let proof = begun.finish(last).unwrap();
        assert_eq!(
            proof.signed_by("pencil").as_deref(),
            Some("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
        );
        assert_eq!(proof.signed_by("pencils"), None);
        assert!(proof.hash().starts_with("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"));
    }

    #[test]
    fn example_of_the_older_standard() {
        // RFC 5802, section 5.
        let (salt, kind) = draw(Kind::Sha1, "QSXCR+Q6sek8bf92");
        let rounds = NonZeroU32::new(4096).unwrap();
        let draw = Draw { kind, salt: &salt, rounds, nonce: "3rfcNHYJY1ZVvWVs7j" };
        let (begun, _) = Begun::new(b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", &draw).unwrap();
        let last =
            b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=";
        let proof = begun.finish(last).unwrap();
        assert_eq!(proof.signed_by("pencil").as_deref(), Some("rmF9pqV8S7suAoZWja4dJRkFsKQ="));
    }

    proptest! {
        #[test]
        fn any_messages(
            first in proptest::collection::vec(any::<u8>(), 0..80),
            last in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let draw = Draw {
                kind: Kind::Sha1,
                salt: b"abcd",
                rounds: NonZeroU32::MIN,
                nonce: "x",
            };
            let mut message = b"n,,n=a,r=b".to_vec();
            message.extend(&first);
            for message in [&first, &message] {
                if let Some((begun, _)) = Begun::new(message, &draw) {
                    let mut end = format!("c=biws,r={},p=", begun.nonce).into_bytes();
                    end.extend(&last);
                    if let Some(proof) = begun.finish(&end) {
                        let _ = (proof.signed_by("a"), proof.hash());
                    }
                }
            }
        }
    }
}
