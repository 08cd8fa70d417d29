//! What lies in the data base, and what a session changed of it.

use super::bson::{Document, Value};

/// Names that a session may add or take off, and documents that it may add.
const CHANGES_MAX: usize = 64;
/// Bytes of the documents that a session may add.
const BYTES_MAX: usize = 64 << 10;

const NAMES: [&str; 3] = ["customers", "inventory", "webapp"];

/// What a session sees.
#[derive(Clone, Debug)]
pub(super) struct Data {
    own: &'static str,
    dropped: Vec<String>,
    added: Vec<(String, Document)>,
    bytes: usize,
}

impl Data {
    /// The data base of this persona.
    pub(super) fn new(which: u64) -> Self {
        let own =
            usize::try_from(which).ok().and_then(|which| NAMES.get(which)).unwrap_or(&"webapp");
        Self { own, dropped: Vec::new(), added: Vec::new(), bytes: 0 }
    }

    /// The names of all data bases.
    pub(super) fn databases(&self) -> Vec<String> {
        let mut names: Vec<String> =
            ["admin", "config", "local", self.own].map(str::to_owned).to_vec();
        for (whole, _) in &self.added {
            let name = whole.split('.').next().unwrap_or_default();
            if !names.iter().any(|own| own == name) {
                names.push(name.to_owned());
            }
        }
        names.retain(|name| !self.is_dropped(name));
        names.sort();
        names
    }

    /// The names of the collections of a data base.
    pub(super) fn collections(&self, database: &str) -> Vec<String> {
        let own: &[&str] = match database {
            "admin" => &["system.version"],
            "local" => &["startup_log"],
            "config" => &["system.sessions"],
            name if name == self.own && !self.is_dropped(name) => {
                &["accounts", "orders", "sessions"]
            }
            _ => &[],
        };
        let mut names: Vec<String> = own.iter().map(|name| (*name).to_owned()).collect();
        for (whole, _) in &self.added {
            if let Some((_, name)) = whole.split_once('.').filter(|(own, _)| *own == database)
                && !names.iter().any(|own| own == name)
            {
                names.push(name.to_owned());
            }
        }
        names.retain(|name| !self.is_dropped(&format!("{database}.{name}")));
        names
    }

    /// The documents of a collection, by its whole name.
    pub(super) fn documents(&self, whole: &str) -> Vec<Document> {
        let (database, name) = whole.split_once('.').unwrap_or_default();
        let there = database == self.own && !self.is_dropped(database) && !self.is_dropped(whole);
        let mut found = if there { own(name) } else { Vec::new() };
        found.extend(
            self.added.iter().filter(|(own, _)| own == whole).map(|(_, document)| document.clone()),
        );
        found
    }

    /// Adds a document.
    pub(super) fn add(&mut self, whole: &str, document: Document) {
        let bytes = document.bytes().len() + whole.len();
        if self.added.len() >= CHANGES_MAX || self.bytes + bytes > BYTES_MAX {
            return;
        }
        let database = whole.split('.').next().unwrap_or_default();
        if self.is_dropped(database) {
            // It comes back, but only with what is added.
            let names = ["accounts", "orders", "sessions"];
            self.dropped.retain(|own| own != database);
            if database == self.own {
                self.dropped.extend(names.iter().map(|name| format!("{database}.{name}")));
            }
        }
        self.bytes += bytes;
        self.dropped.retain(|own| own != whole);
        self.added.push((whole.to_owned(), document));
    }

    /// Takes off a data base, or a collection by its whole name; tells whether it was there.
    pub(super) fn drop(&mut self, name: &str) -> bool {
        let (database, collection) = name.split_once('.').unwrap_or((name, ""));
        let there = if collection.is_empty() {
            self.databases().iter().any(|own| own == database)
        } else {
            self.collections(database).iter().any(|own| own == collection)
        };
        let within = format!("{name}.");
        self.added.retain(|(own, _)| own != name && !own.starts_with(&within));
        if there && self.dropped.len() < CHANGES_MAX {
            self.dropped.push(name.to_owned());
        }
        there
    }

    fn is_dropped(&self, name: &str) -> bool {
        self.dropped.iter().any(|own| own == name)
    }
}

fn id(number: u8) -> Value {
    Value::Id([0x5f, 0x3a, 0x91, 0x0c, 0x7e, 0x21, 0xb4, 0x00, 0x1d, 0x66, 0x0a, number])
}

fn own(name: &str) -> Vec<Document> {
    let account = |number: u8, email: &str, hash: &str| {
        Document::default()
            .with("_id", id(number))
            .with("email", email)
            .with("password", hash)
            .with("active", true)
    };
    let order = |number: u8, item: &str, total: f64| {
        Document::default().with("_id", id(number)).with("item", item).with("total", total)
    };
    match name {
        "accounts" => vec![
            account(
                1,
                "office@adler.example",
                "$2b$10$bXkgZGVjb3kgaXMgaGVyZeWc2mJ0s8LpQ4rVn1xYtHbKd6uEoZfGa",
            ),
            account(
                2,
                "info@brook.example",
                "$2b$10$bm90aGluZyB0byBmaW5kIO8yTz5hNc1WqXk3vRj9sLpMb7dYeUaIg",
            ),
            account(
                3,
                "post@dahl.example",
                "$2b$10$anVzdCBhIGRlY295IGhlcmUuKf6rQm2xWv8tJz0nLsPbYc4hGdEiO",
            ),
        ],
        "orders" => {
            vec![order(11, "paper", 412.0), order(12, "toner", 356.8), order(13, "labels", 48.2)]
        }
        _ => Vec::new(),
    }
}
