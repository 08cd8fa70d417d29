//! `CONFIG`: the settings that an intruder reads and turns, his own and gone with his connection.

use std::collections::BTreeMap;

use super::keys::fits;
use super::machine::cut;
use super::resp::{array, bulk, error, simple};

/// Bounds what a setting may hold.
const SETTING_BYTES_MAX: usize = 1_024;
/// Bounds the patterns of one `CONFIG GET`.
const PATTERNS_MAX: usize = 32;

/// The settings that intruders ask for, as Debian ships them.
const SETTINGS: &[(&str, &str)] = &[
    ("appendfilename", "appendonly.aof"),
    ("appendonly", "no"),
    ("bind", "0.0.0.0 -::"),
    ("daemonize", "no"),
    ("databases", "16"),
    ("dbfilename", "dump.rdb"),
    ("dir", "/var/lib/redis"),
    ("logfile", "/var/log/redis/redis-server.log"),
    ("loglevel", "notice"),
    ("masterauth", ""),
    ("maxclients", "10000"),
    ("maxmemory", "0"),
    ("maxmemory-policy", "noeviction"),
    ("pidfile", "/run/redis/redis-server.pid"),
    ("protected-mode", "no"),
    ("rdbcompression", "yes"),
    ("replica-read-only", "yes"),
    ("save", "3600 1 300 100 60 10000"),
    ("slave-read-only", "yes"),
    ("stop-writes-on-bgsave-error", "yes"),
    ("supervised", "systemd"),
    ("tcp-keepalive", "300"),
    ("timeout", "0"),
];

/// The folders into which a dump may be led.
const FOLDERS: &[&str] = &[
    "/",
    "/etc",
    "/etc/cron.d",
    "/etc/redis",
    "/home",
    "/opt",
    "/root",
    "/root/.ssh",
    "/tmp",
    "/var",
    "/var/lib/redis",
    "/var/spool/cron",
    "/var/spool/cron/crontabs",
    "/var/tmp",
    "/var/www",
    "/var/www/html",
];

fn exists(folder: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    FOLDERS.contains(&if folder.is_empty() { "/" } else { folder })
}

/// The settings as they stand.
#[derive(Debug)]
pub(super) struct Settings(BTreeMap<&'static str, String>);

impl Default for Settings {
    fn default() -> Self {
        Self(SETTINGS.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
    }
}

impl Settings {
    /// What stands in a setting.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// What `CONFIG` answers.
    pub(super) fn command(&mut self, words: &[String]) -> Vec<u8> {
        let what = words.get(1).map(|word| word.to_ascii_lowercase()).unwrap_or_default();
        match what.as_str() {
            "get" => {
                let wanted: Vec<String> = words
                    .iter()
                    .skip(2)
                    .take(PATTERNS_MAX)
                    .map(|name| name.to_ascii_lowercase())
                    .collect();
                let mut rows = Vec::new();
                for (name, value) in &self.0 {
                    if wanted.iter().any(|wanted| fits(wanted.as_bytes(), name.as_bytes())) {
                        rows.extend([bulk(name), bulk(value)]);
                    }
                }
                array(&rows)
            }
            "set" => self.configure(words.get(2..).unwrap_or_default()),
            "rewrite" | "resetstat" => simple("OK"),
            _ => error(&format!(
                "ERR Unknown subcommand or wrong number of arguments for '{}'. Try CONFIG HELP.",
                cut(words.get(1).map_or("", String::as_str))
            )),
        }
    }

    fn configure(&mut self, pairs: &[String]) -> Vec<u8> {
        for pair in pairs.chunks(2) {
            let [name, value] = pair else {
                return error(
                    "ERR Unknown subcommand or wrong number of arguments for 'SET'. Try CONFIG HELP.",
                );
            };
            let lower = name.to_ascii_lowercase();
            let Some(held) = self.0.get_mut(lower.as_str()) else {
                return error(&format!("ERR Unsupported CONFIG parameter: {}", cut(name)));
            };
            let refused = match lower.as_str() {
                "dir" if !exists(value) => {
                    Some("ERR Changing directory: No such file or directory")
                }
                "dbfilename" if value.contains('/') => {
                    Some("ERR dbfilename can't be a path, just a filename")
                }
                _ if value.len() > SETTING_BYTES_MAX => Some("ERR Invalid argument for CONFIG SET"),
                _ => None,
            };
            if let Some(reason) = refused {
                return error(reason);
            }
            value.clone_into(held);
        }
        simple("OK")
    }
}
