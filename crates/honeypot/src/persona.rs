//! Who the decoys of this installation pretend to be: one machine, made up once, shared by all.
//!
//! Everything follows from a seed that is drawn at the first start and kept sealed, with the keys, in
//! the vault; so a second look, another service and the next start all meet the same machine, and no two
//! installations meet an intruder with the same one.

mod dice;
mod keys;
mod people;
mod systems;

use std::net::IpAddr;
use std::sync::Arc;

use model::Timestamp;
use serde::{Deserialize, Serialize};

pub use keys::Keys;
pub use people::User;
pub use systems::Os;

use crate::config::{Account, Admit, PersonaConfig};
use crate::vault::{Vault, VaultError};
use dice::Dice;
use systems::System;

const FILE: &str = "persona.sealed";

/// Why there is no persona.
#[derive(Debug, thiserror::Error)]
pub enum PersonaError {
    /// It cannot be kept or read.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Its keys cannot be made or read.
    #[error("cannot make the keys of the decoys: {0}")]
    Keys(String),
    /// What is kept is not one.
    #[error("the kept persona cannot be read; remove decoys/persona.sealed to make a new one")]
    Malformed,
}

/// What is kept of a persona; the rest follows from the seed.
#[derive(Serialize, Deserialize)]
struct KeptPersona {
    seed: [u8; 32],
    born: i64,
    keys: keys::KeptKeys,
}

/// The machine that all decoys of an installation pretend to be.
#[derive(Debug)]
pub struct Persona {
    host_name: String,
    domain: String,
    system: &'static System,
    versions: std::collections::BTreeMap<String, String>,
    users: Vec<User>,
    weak: Vec<(String, String)>,
    mac: [u8; 6],
    born: Timestamp,
    dice: Dice,
    keys: Keys,
}

impl Persona {
    /// Gives the persona that the vault keeps, or makes one up and keeps it.
    pub fn open(
        vault: &Vault,
        config: &PersonaConfig,
        now: Timestamp,
    ) -> Result<Self, PersonaError> {
        let mut kept = match vault.read_whole(FILE)? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|_| PersonaError::Malformed)?,
            None => Self::invent(vault, now)?,
        };
        let dice = Dice::of(kept.seed);
        let (host_name, domain) = names(&dice, config);
        let fqdn = format!("{host_name}.{domain}");
        let born = Timestamp::from_nanos(kept.born.saturating_mul(1_000_000_000));
        if kept.keys.certify(&host_name, &fqdn, born)? {
            Self::keep(vault, &kept)?;
        }
        let keys = Keys::of(&kept.keys)?;
        Ok(Self::of(dice, born, keys, (host_name, domain), config))
    }

    fn invent(vault: &Vault, now: Timestamp) -> Result<KeptPersona, PersonaError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| PersonaError::Keys(error.to_string()))?;
        let kept = KeptPersona { seed, born: now.seconds(), keys: keys::KeptKeys::generate()? };
        Self::keep(vault, &kept)?;
        Ok(kept)
    }

    fn keep(vault: &Vault, kept: &KeptPersona) -> Result<(), PersonaError> {
        let bytes = serde_json::to_vec(kept).map_err(|_| PersonaError::Malformed)?;
        Ok(vault.write_whole(FILE, &bytes)?)
    }

    fn of(
        dice: Dice,
        born: Timestamp,
        keys: Keys,
        (host_name, domain): (String, String),
        config: &PersonaConfig,
    ) -> Self {
        let system = dice.pick("system", systems::SYSTEMS);
        // The machine was set up some months before anybody came.
        let set_up = born.minus(days(dice.between("age", 120, 700)));
        let users = people::users(&dice, system, set_up, born);
        let weak = people::weak(&dice);
        let mut mac = [0x52, 0x54, 0x00, 0, 0, 0];
        let vendor: [u8; 3] = dice.copied("vendor", VENDORS);
        for (to, from) in mac.iter_mut().zip(vendor) {
            *to = from;
        }
        for (to, from) in mac.iter_mut().skip(3).zip(dice.bytes("mac")) {
            *to = from;
        }
        let versions = config.versions.clone();
        Self { host_name, domain, system, versions, users, weak, mac, born: set_up, dice, keys }
    }

    /// Gives the machine's name, without its domain.
    pub fn host_name(&self) -> &str {
        &self.host_name
    }

    /// Gives the domain.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Gives the whole name.
    pub fn fqdn(&self) -> String {
        format!("{}.{}", self.host_name, self.domain)
    }

    /// Gives the operating system.
    pub fn os(&self) -> &'static Os {
        &self.system.os
    }

    /// Gives the version of a service, as that service tells it of itself on this system: `mysql` gives
    /// `8.0.39-0ubuntu0.20.04.1`. The keys are those of `persona/systems.rs`; one that it does not know
    /// gives an empty text.
    pub fn version(&self, service: &str) -> &str {
        let own = self.versions.get(service).map(String::as_str);
        own.or_else(|| self.system.version(service)).unwrap_or_default()
    }

    /// Gives the people who have an account, `root` first; no accounts of services.
    pub fn users(&self) -> &[User] {
        &self.users
    }

    /// Gives the address of the network card.
    pub fn mac(&self) -> [u8; 6] {
        self.mac
    }

    /// Gives when the machine was set up, which files of the system are as old as.
    pub fn set_up(&self) -> Timestamp {
        self.born
    }

    /// Gives when it started last, as seen at `now`: it runs for some weeks, then starts anew.
    pub fn booted(&self, now: Timestamp) -> Timestamp {
        let mut boot = self.born;
        for turn in 0..BOOTS_MAX {
            let next = boot.plus(days(self.dice.between(&format!("boot{turn}"), 19, 94)));
            let next = next.plus(std::time::Duration::from_secs(self.dice.between(
                &format!("boot second{turn}"),
                0,
                86_399,
            )));
            if next >= now {
                break;
            }
            boot = next;
        }
        boot
    }

    /// Gives the keys: host keys of SSH, certificate and key of TLS.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Gives a number from `least` to `most` that is always the same for the same words.
    pub fn number(&self, words: &str, least: u64, most: u64) -> u64 {
        self.dice.between(words, least, most)
    }

    /// Gives one of these, always the same for the same words.
    pub fn choice<'a, T: ?Sized>(&self, words: &str, of: &[&'a T], or: &'a T) -> &'a T {
        self.dice.index(words, of.len()).and_then(|at| of.get(at).copied()).unwrap_or(or)
    }

    /// Gives bytes that are always the same for the same words, such as a server's own id.
    pub fn bytes(&self, words: &str) -> [u8; 32] {
        self.dice.bytes(words)
    }

    /// Gives the address that the machine says it has: that at which it was reached, unless that is its
    /// loopback.
    pub fn address(&self, reached: IpAddr) -> IpAddr {
        match reached.to_canonical() {
            ip if ip.is_loopback() || ip.is_unspecified() => {
                let number = |words: &str, most| {
                    u8::try_from(self.dice.between(words, 2, most)).unwrap_or(2)
                };
                IpAddr::from([10, number("net", 60), number("subnet", 250), number("host", 250)])
            }
            ip => ip,
        }
    }

    /// Tells whether a pair opens an account, and after how many tries of a source.
    pub(crate) fn opens(
        &self,
        admit: Admit,
        accounts: &[Account],
        (user, password): (&str, &str),
    ) -> Opens {
        if accounts.iter().any(|own| own.user == user && own.password == password) {
            return Opens::AtOnce;
        }
        let is_weak = || self.weak.iter().any(|(own, word)| own == user && word == password);
        match admit {
            Admit::Any if !user.is_empty() => Opens::AtOnce,
            Admit::Weak if is_weak() => Opens::Later,
            _ => Opens::Never,
        }
    }

    /// Gives the weak passwords of a user that open, where any do.
    pub(crate) fn weak_of(&self, user: &str) -> impl Iterator<Item = &str> {
        let of = self.weak.iter().filter(move |(own, _)| own == user);
        of.map(|(_, password)| password.as_str())
    }

    /// Gives after how many tries weak pairs open for a source.
    pub(crate) fn patience(&self, source: u64) -> u32 {
        u32::try_from(self.dice.between(&format!("patience {source}"), 1, 4)).unwrap_or(1)
    }
}

/// Whether a pair opens an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opens {
    AtOnce,
    Later,
    Never,
}

/// Beginnings of the addresses of virtual network cards: KVM, VMware, Hyper-V, Xen.
const VENDORS: &[[u8; 3]] =
    &[[0x52, 0x54, 0x00], [0x00, 0x50, 0x56], [0x00, 0x15, 0x5d], [0x00, 0x16, 0x3e]];
/// Bounds the walk through the starts of the machine; some sixty years.
const BOOTS_MAX: u32 = 400;

fn days(days: u64) -> std::time::Duration {
    std::time::Duration::from_secs(days * 86_400)
}

fn names(dice: &Dice, config: &PersonaConfig) -> (String, String) {
    let host_name = config.host_name.clone().unwrap_or_else(|| people::host_name(dice));
    let domain = config.domain.clone().unwrap_or_else(|| people::domain(dice));
    (host_name, domain)
}

/// A persona that is shared.
pub(crate) type Shared = Arc<Persona>;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
