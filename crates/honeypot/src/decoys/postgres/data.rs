//! The data base that is played: names, a few rows, and what this session changed of it.

use super::message;
use crate::sql::{Rows, bare};

/// Tables that one session may add or take off.
pub(super) const CHANGES_MAX: usize = 64;

/// The data base that is played, as one session sees it.
#[derive(Clone, Debug)]
pub(super) struct Data {
    pub(super) version: String,
    pub(super) build: String,
    pub(super) user: String,
    pub(super) database: String,
    pub(super) made: Vec<String>,
    pub(super) dropped: Vec<String>,
}

/// The names of all data bases.
pub(super) const DATABASES: [&str; 4] = ["billing", "postgres", "template0", "template1"];
/// A table: its name, columns and rows.
type Table = (&'static str, &'static [&'static str], &'static [&'static [&'static str]]);

const TABLES: [Table; 2] = [
    (
        "accounts",
        &["id", "login", "password_hash", "created"],
        &[
            &["1", "admin", "pbkdf2_sha256$260000$Xo1b$8mWn0Jr2dQpK", "2022-05-11 08:31:02+00"],
            &["2", "finance", "pbkdf2_sha256$260000$Qz7c$u3LsPv9aTeRf", "2022-05-11 08:40:17+00"],
        ],
    ),
    (
        "invoices",
        &["id", "customer", "total", "paid"],
        &[&["2291", "Adler GmbH", "768.80", "t"], &["2292", "Dahl AS", "1290.00", "f"]],
    ),
];

impl Data {
    /// The data base of a server of this version, such as `13.16 (Debian 13.16-0+deb11u1)`.
    pub(super) fn new(version: &str, system: &str, gcc: &str) -> Self {
        let system = if system.starts_with("Debian") { "Debian" } else { system };
        let number = gcc.split(['(', ')']).nth(1).unwrap_or_default();
        let number = number.strip_prefix(system).unwrap_or(number).trim();
        let short = number.split(['-', ' ']).next().unwrap_or_default();
        let build = format!(
            "PostgreSQL {version} on x86_64-pc-linux-gnu, compiled by gcc ({system} {number}) {short}, 64-bit"
        );
        Self {
            version: version.to_owned(),
            build,
            user: String::new(),
            database: String::new(),
            made: Vec::new(),
            dropped: Vec::new(),
        }
    }

    /// The first number of the version.
    pub(super) fn major(&self) -> u32 {
        self.version.split(['.', ' ']).next().and_then(|major| major.parse().ok()).unwrap_or(13)
    }

    /// Somebody is in.
    pub(super) fn enter(&mut self, user: &str, database: &str) {
        user.clone_into(&mut self.user);
        database.clone_into(&mut self.database);
    }

    /// What the server tells who is in.
    pub(super) fn welcome(&self, out: &mut Vec<u8>, random: &[u8]) {
        message::authentication(out, 0, &[]);
        for (name, value) in [
            ("application_name", ""),
            ("client_encoding", "UTF8"),
            ("DateStyle", "ISO, MDY"),
            ("integer_datetimes", "on"),
            ("IntervalStyle", "postgres"),
            ("is_superuser", "on"),
            ("server_encoding", "UTF8"),
            ("server_version", &self.version),
            ("session_authorization", &self.user),
            ("standard_conforming_strings", "on"),
            ("TimeZone", "Etc/UTC"),
        ] {
            message::setting(out, name, value);
        }
        let mut key = vec![0, 0];
        key.extend(random.iter().rev().take(6));
        message::put(out, b'K', &key);
        message::ready(out);
    }

    /// The names of its tables.
    pub(super) fn tables(&self) -> Vec<String> {
        let mut names: Vec<String> = TABLES.iter().map(|(name, ..)| (*name).to_owned()).collect();
        names.extend(self.made.iter().cloned());
        names.retain(|name| !self.dropped.contains(name));
        names
    }

    /// The rows of a table.
    pub(super) fn rows(&self, name: &str) -> Option<Rows> {
        let name = bare(name.rsplit('.').next().unwrap_or_default());
        if !self.tables().iter().any(|own| own == name) {
            return None;
        }
        let found = TABLES.iter().find(|(own, ..)| *own == name);
        let empty = Rows { columns: vec!["cmd_output".to_owned()], rows: Vec::new() };
        Some(found.map_or(empty, |(_, columns, rows)| Rows::of(columns, rows)))
    }
}
