//! The configuration: one TOML file over the defaults, environment variables over both.
//!
//! Each crate owns the settings that it reads; here they are put together and nothing else.

mod load;

use std::path::PathBuf;
use std::time::Duration;

use seal::Keyring;
use serde::{Deserialize, Serialize};

use crate::anchor;
use crate::rules::Shipped;
use crate::rules::Sources;

pub(crate) use load::{example, load};

/// All settings, with their defaults.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Where everything is kept.
    pub(crate) data: PathBuf,
    pub(crate) api: Api,
    pub(crate) inputs: source::Config,
    pub(crate) parse: Parse,
    pub(crate) enrich: enrich::Config,
    pub(crate) rules: Rules,
    pub(crate) store: Store,
    pub(crate) decoys: honeypot::Config,
    pub(crate) capture: wire::capture::CaptureConfig,
    pub(crate) netflow: wire::netflow::NetflowConfig,
    pub(crate) scan: wire::scan::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("bartizan-data"),
            api: Api::default(),
            inputs: source::Config::default(),
            parse: Parse::default(),
            enrich: enrich::Config::default(),
            rules: Rules::default(),
            store: Store::default(),
            decoys: honeypot::Config::default(),
            capture: wire::capture::CaptureConfig::default(),
            netflow: wire::netflow::NetflowConfig::default(),
            scan: wire::scan::Config::default(),
        }
    }
}

/// The console and the programming interface.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Api {
    /// The address to listen on.
    pub(crate) listen: String,
    /// The host names under which a proxy shows the console, besides this machine's own.
    pub(crate) hosts: Vec<String>,
    /// Whether a proxy before it speaks TLS, so that cookies are for TLS only.
    pub(crate) secure_cookies: bool,
}

impl Default for Api {
    fn default() -> Self {
        Self { listen: "127.0.0.1:8440".to_owned(), hosts: Vec::new(), secure_cookies: false }
    }
}

/// How records are read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Parse {
    /// How far the clocks of senders that name no zone are ahead of UTC, in minutes.
    pub(crate) utc_offset_minutes: i32,
}

/// Which rules run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Rules {
    /// Whether the rules that come with the product run.
    pub(crate) shipped: bool,
    /// Folders with further Sigma rules, besides `rules` in the data folder; all are watched.
    pub(crate) folders: Vec<PathBuf>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { shipped: true, folders: Vec::new() }
    }
}

/// How events are kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Store {
    /// How many events wait in memory (durable in the log) before they are written as a segment.
    pub(crate) generation_events_max: u64,
    /// How many minutes they wait at most.
    pub(crate) generation_minutes_max: u64,
    /// How much memory all SQL queries together may take, in megabytes.
    pub(crate) sql_memory_mb_max: usize,
    /// Whether what is written is sealed.
    pub(crate) encryption: Encryption,
    /// Where the key comes from that seals it.
    pub(crate) key: Key,
    /// For how long and how much is kept.
    pub(crate) keep: store::KeepConfig,
    /// Where the end of the chain of digests is kept besides.
    pub(crate) anchor: anchor::Settings,
}

/// Whether what is written is sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encryption {
    /// It is.
    #[default]
    On,
    /// It is not; what was sealed before stays so, and is read.
    Off,
}

/// Where the master key comes from: one of these, or else `master.key` in the data folder.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Key {
    /// A file that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
    /// An environment variable that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) env: Option<String>,
    /// An environment variable that holds a passphrase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) passphrase_env: Option<String>,
    /// A command that prints it, word by word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) command: Option<Vec<String>>,
}

impl Key {
    /// Gives how many places are named.
    fn places(&self) -> usize {
        let Self { file, env, passphrase_env, command } = self;
        let named = [file.is_some(), env.is_some(), passphrase_env.is_some(), command.is_some()];
        named.into_iter().filter(|named| *named).count()
    }
}

impl Default for Store {
    fn default() -> Self {
        let defaults = store::Config::default();
        Self {
            generation_events_max: defaults.generation_events_max,
            generation_minutes_max: defaults.generation_age_max.as_secs() / 60,
            sql_memory_mb_max: defaults.sql_memory_bytes_max >> 20,
            encryption: Encryption::On,
            key: Key::default(),
            keep: store::KeepConfig::default(),
            anchor: anchor::Settings::default(),
        }
    }
}

impl Store {
    /// Gives the bounds as the store takes them, with the keys of [`crate::keys`].
    pub(crate) fn bounds(&self, keyring: Option<Keyring>) -> store::Config {
        store::Config {
            generation_events_max: self.generation_events_max,
            generation_age_max: Duration::from_secs(self.generation_minutes_max.saturating_mul(60)),
            sql_memory_bytes_max: self.sql_memory_mb_max.saturating_mul(1 << 20),
            keyring,
            write_plain: self.encryption == Encryption::Off,
            keep: self.keep.clone(),
            ..store::Config::default()
        }
    }
}

impl Config {
    /// Gives the folder below the data in which the user's own rules lie.
    pub(crate) fn own_rules(&self) -> PathBuf {
        self.data.join("rules")
    }

    /// Gives the folder below the data in which the decoys keep what they hold.
    pub(crate) fn decoys_folder(&self) -> PathBuf {
        self.data.join("decoys")
    }

    /// Gives where the rules come from: those shipped, those of the folders, the user's own.
    pub(crate) fn rule_sources(&self) -> Sources {
        let shipped = if self.rules.shipped { Shipped::With } else { Shipped::Without };
        let own = self.own_rules();
        let folders = self.rules.folders.iter().cloned().chain(own.is_dir().then_some(own));
        let overrides = self.own_rules().join(crate::overrides::FILE);
        let model = crate::model_file::of(self);
        Sources { shipped, folders: folders.collect(), overrides, model }
    }

    /// Gives what is wrong with the values, each with its path in the file.
    fn faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        if self.api.listen.parse::<std::net::SocketAddr>().is_err() {
            let text = &self.api.listen;
            let message = format!("`{text}` is not an address with a port, such as 127.0.0.1:8440");
            faults.push(("api.listen".to_owned(), message));
        }
        if self.parse.utc_offset_minutes.abs() > 14 * 60 {
            let message = "is at most 840 minutes (14 hours) either way".to_owned();
            faults.push(("parse.utc_offset_minutes".to_owned(), message));
        }
        if self.store.generation_events_max == 0 || self.store.generation_minutes_max == 0 {
            let message = "must be at least 1".to_owned();
            faults.push(("store.generation_events_max".to_owned(), message));
        }
        let kept = self.store.keep.validate("store.keep").into_iter();
        faults.extend(kept.map(|fault| (fault.path, fault.message)));
        if self.store.key.places() > 1 {
            let message = "name one of file, env, passphrase_env and command".to_owned();
            faults.push(("store.key".to_owned(), message));
        }
        if self.store.key.command.as_ref().is_some_and(|words| words.iter().all(String::is_empty)) {
            let message = "must name a program".to_owned();
            faults.push(("store.key.command".to_owned(), message));
        }
        faults.extend(self.store.anchor.faults());
        let tables = self.enrich.faults().into_iter();
        faults.extend(tables.map(|(key, message)| (format!("enrich.{key}"), message)));
        for (index, folder) in self.rules.folders.iter().enumerate() {
            if !folder.is_dir() {
                let message = format!("`{}` is not a folder", folder.display());
                faults.push((format!("rules.folders[{index}]"), message));
            }
        }
        let inputs = self.inputs.validate("inputs").into_iter();
        faults.extend(inputs.map(|fault| (fault.path, fault.message)));
        let decoys = self.decoys.validate("decoys").into_iter();
        faults.extend(decoys.map(|fault| (fault.path, fault.message)));
        let sensors =
            self.capture.validate("capture").into_iter().chain(self.netflow.validate("netflow"));
        faults.extend(sensors.map(|fault| (fault.path, fault.message)));
        let scans = self.scan.validate("scan").into_iter();
        faults.extend(scans.map(|fault| (fault.path, fault.message)));
        faults
    }
}
