//! The data base that is played: names, a few rows, and what this session changed of it.

use crate::sql::{Rows, kept};

/// Names that one session may add or take off.
const CHANGES_MAX: usize = 64;

/// A table that is there from the beginning.
struct Table {
    name: &'static str,
    columns: &'static [&'static str],
    rows: &'static [&'static [&'static str]],
}

/// What a session sees.
#[derive(Clone, Debug)]
pub(super) struct Schema {
    pub(super) version: String,
    pub(super) host_name: String,
    pub(super) system: &'static str,
    pub(super) user: String,
    pub(super) client: String,
    pub(super) current: String,
    /// The name of the data base that holds the tables.
    own: &'static str,
    made: Vec<String>,
    dropped: Vec<String>,
    /// Functions that were made out of libraries.
    pub(super) functions: Vec<String>,
}

const NAMES: [&str; 3] = ["shop", "crm", "intranet"];

const TABLES: &[Table] = &[
    Table {
        name: "customers",
        columns: &["id", "name", "email", "city", "created"],
        rows: &[
            &["1", "Adler GmbH", "office@adler.example", "Ulm", "2021-03-02 09:14:11"],
            &["2", "Brook & Sons", "info@brook.example", "Leeds", "2021-03-17 15:40:02"],
            &["3", "Costa Lda", "compras@costa.example", "Porto", "2021-06-29 11:05:37"],
            &["4", "Dahl AS", "post@dahl.example", "Bergen", "2022-01-11 08:22:49"],
        ],
    },
    Table {
        name: "orders",
        columns: &["id", "customer_id", "total", "status", "created"],
        rows: &[
            &["1001", "1", "768.80", "paid", "2024-02-01 10:20:00"],
            &["1002", "3", "129.00", "paid", "2024-02-03 16:01:12"],
            &["1003", "2", "2410.50", "open", "2024-02-09 09:47:55"],
        ],
    },
    Table {
        name: "users",
        columns: &["id", "login", "password", "role"],
        rows: &[
            &[
                "1",
                "admin",
                "$2y$10$Zm9yIGEgZGVjb3kgb25seOa1Ue9Q1Kx0tZ8mR7vYb2cN4hWdE6s3G",
                "admin",
            ],
            &["2", "sales", "$2y$10$bm90aGluZyB0byBzZWUgOeKj5lT3xPq8vB1rM6nYd7wZ2cHf4a9uS", "user"],
        ],
    },
];

impl Schema {
    /// The data base of a server of this version.
    pub(super) fn new(version: &str, host_name: &str, system: &'static str, which: u64) -> Self {
        let own = usize::try_from(which).ok().and_then(|which| NAMES.get(which)).unwrap_or(&"shop");
        Self {
            version: version.trim_start_matches("5.5.5-").to_owned(),
            host_name: host_name.to_owned(),
            system,
            user: String::new(),
            client: String::new(),
            current: String::new(),
            own,
            made: Vec::new(),
            dropped: Vec::new(),
            functions: Vec::new(),
        }
    }

    /// Somebody is in.
    pub(super) fn enter(&mut self, user: &str, database: &str, client: &str) {
        user.clone_into(&mut self.user);
        client.clone_into(&mut self.client);
        self.current = kept(database);
    }

    /// Tells whether it is MariaDB's.
    pub(super) fn is_mariadb(&self) -> bool {
        super::greeting::is_mariadb(&self.version)
    }

    /// The names of all data bases.
    pub(super) fn databases(&self) -> Vec<String> {
        let mut names = vec!["information_schema", "mysql", "performance_schema", self.own];
        if !self.is_mariadb() {
            names.push("sys");
        }
        let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        names.extend(self.made.iter().filter(|name| !name.contains('.')).cloned());
        names.retain(|name| !self.is_dropped(name));
        names.sort();
        names
    }

    /// The names of the tables of a data base; `None` where it is not there.
    pub(super) fn tables(&self, database: &str) -> Option<Vec<String>> {
        if !self.databases().iter().any(|own| own.eq_ignore_ascii_case(database)) {
            return None;
        }
        let of: Vec<&str> = match database {
            "mysql" => vec![
                "columns_priv",
                "db",
                "func",
                "general_log",
                "plugin",
                "proc",
                "slow_log",
                "user",
            ],
            "information_schema" => {
                vec!["COLUMNS", "PLUGINS", "SCHEMATA", "TABLES", "USER_PRIVILEGES"]
            }
            name if name == self.own => TABLES.iter().map(|table| table.name).collect(),
            _ => Vec::new(),
        };
        let mut names: Vec<String> = of.into_iter().map(str::to_owned).collect();
        let within = format!("{database}.");
        names.extend(
            self.made.iter().filter_map(|name| name.strip_prefix(&within)).map(str::to_owned),
        );
        names.retain(|name| !self.is_dropped(&format!("{database}.{name}")));
        Some(names)
    }

    /// The rows of a table, by its name or that with its data base before it.
    pub(super) fn rows(&self, name: &str) -> Option<Rows> {
        let whole = self.whole(name);
        let (database, table) = whole.split_once('.')?;
        let there = self.tables(database)?;
        if !there.iter().any(|own| own.eq_ignore_ascii_case(table)) {
            return None;
        }
        if database == self.own
            && let Some(own) = TABLES.iter().find(|own| own.name.eq_ignore_ascii_case(table))
        {
            return Some(Rows::of(own.columns, own.rows));
        }
        if database == "mysql" && table == "user" {
            return Some(Rows::of(
                &["Host", "User", "plugin", "authentication_string"],
                &[
                    &[
                        "localhost",
                        "root",
                        "mysql_native_password",
                        "*6BB4837EB74329105EE4568DDA7DC67ED2CA2AD9",
                    ],
                    &[
                        "%",
                        "root",
                        "mysql_native_password",
                        "*6BB4837EB74329105EE4568DDA7DC67ED2CA2AD9",
                    ],
                    &[
                        "localhost",
                        "backup",
                        "mysql_native_password",
                        "*A4B6157319038724E3560894F7F932C8886EBFCF",
                    ],
                ],
            ));
        }
        Some(Rows { columns: vec!["id".to_owned()], rows: Vec::new() })
    }

    /// A table's name with its data base before it.
    pub(super) fn whole(&self, name: &str) -> String {
        let name = name.replace(['`', '"', ' '], "");
        if name.contains('.') { name } else { format!("{}.{name}", self.current) }
    }

    /// Makes a data base or table; the latter by its whole name.
    pub(super) fn make(&mut self, name: &str) {
        let name = &kept(name);
        self.dropped.retain(|own| own != name);
        if self.made.len() < CHANGES_MAX && !self.made.iter().any(|own| own == name) {
            self.made.push(name.clone());
        }
    }

    /// Takes one off.
    pub(super) fn drop(&mut self, name: &str) {
        self.made.retain(|own| own != name);
        if self.dropped.len() < CHANGES_MAX {
            self.dropped.push(kept(name));
        }
    }

    /// Makes a function out of a library.
    pub(super) fn make_function(&mut self, name: &str) {
        if self.functions.len() < CHANGES_MAX {
            self.functions.push(kept(name).to_ascii_lowercase());
        }
    }

    fn is_dropped(&self, name: &str) -> bool {
        self.dropped.iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// The value of a variable of the server.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        let maria = self.is_mariadb();
        let found = VARIABLES.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        if let Some((_, value)) = found {
            return Some((*value).to_owned());
        }
        Some(match name.to_ascii_lowercase().as_str() {
            "version" => self.version.clone(),
            "version_comment" if maria => self.system.to_owned(),
            "version_comment" => format!("({})", self.system),
            "hostname" => self.host_name.clone(),
            "version_compile_os" => (if maria { "debian-linux-gnu" } else { "Linux" }).to_owned(),
            "plugin_dir" => "/usr/lib/mysql/plugin/".to_owned(),
            "socket" => "/run/mysqld/mysqld.sock".to_owned(),
            "tx_isolation" | "transaction_isolation" => "REPEATABLE-READ".to_owned(),
            "collation_server" | "collation_connection" | "collation_database" => {
                (if maria { "utf8mb4_general_ci" } else { "utf8mb4_0900_ai_ci" }).to_owned()
            }
            "general_log_file" => format!("/var/lib/mysql/{}.log", self.host_name),
            _ => return None,
        })
    }

    /// All variables whose names fit a pattern of `like`.
    pub(super) fn variables(&self, pattern: &str) -> Rows {
        let computed = [
            "hostname",
            "plugin_dir",
            "socket",
            "version",
            "version_comment",
            "version_compile_os",
        ];
        let mut names: Vec<&str> =
            VARIABLES.iter().map(|(name, _)| *name).chain(computed).collect();
        names.sort_unstable();
        let fits = |name: &&str| like(&pattern.to_lowercase(), name);
        let row = |name: &str| vec![Some(name.to_owned()), self.variable(name)];
        Rows {
            columns: vec!["Variable_name".to_owned(), "Value".to_owned()],
            rows: names.into_iter().filter(fits).map(row).collect(),
        }
    }
}

/// Whether a name fits a pattern with `%`; `_` and letters stand for themselves.
pub(super) fn like(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('%');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

const VARIABLES: &[(&str, &str)] = &[
    ("auto_increment_increment", "1"),
    ("autocommit", "1"),
    ("basedir", "/usr"),
    ("character_set_client", "utf8mb4"),
    ("character_set_connection", "utf8mb4"),
    ("character_set_results", "utf8mb4"),
    ("character_set_server", "utf8mb4"),
    ("datadir", "/var/lib/mysql/"),
    ("general_log", "OFF"),
    ("have_ssl", "YES"),
    ("init_connect", ""),
    ("interactive_timeout", "28800"),
    ("license", "GPL"),
    ("local_infile", "ON"),
    ("log_bin", "OFF"),
    ("lower_case_table_names", "0"),
    ("max_allowed_packet", "16777216"),
    ("net_buffer_length", "16384"),
    ("net_write_timeout", "60"),
    ("performance_schema", "OFF"),
    ("pid_file", "/run/mysqld/mysqld.pid"),
    ("port", "3306"),
    ("query_cache_size", "0"),
    ("query_cache_type", "OFF"),
    ("secure_file_priv", ""),
    ("server_id", "1"),
    ("slow_query_log", "OFF"),
    (
        "sql_mode",
        "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION",
    ),
    ("system_time_zone", "UTC"),
    ("time_zone", "SYSTEM"),
    ("tmpdir", "/tmp"),
    ("version_compile_machine", "x86_64"),
    ("wait_timeout", "28800"),
];
