//! What queries are answered with: what clients ask when they connect, and what intruders ask first.

use md5::{Digest, Md5};

use super::schema::{Schema, like};
use crate::sql::{
    Cell, Rows, aliased, arguments, bare, from_hex, items, literal, number, plain, quoted_after,
};

/// Bytes of a file that a query writes.
const FILE_BYTES_MAX: usize = 1 << 20;

/// Calls within calls.
const NESTED_MAX: usize = 12;

/// A query.
pub(super) struct Asked<'a> {
    pub(super) sql: &'a str,
}

/// How a query ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// So many rows were changed.
    Done(u64),
    /// This was found.
    Rows(Rows),
    /// It cannot be: number, state and words.
    Fault(u16, &'static str, String),
}

/// A file that a query would have written: its path and what it holds.
type Written = Option<(String, Vec<u8>)>;

/// Answers a query.
pub(super) fn answer(schema: &mut Schema, asked: &Asked<'_>, number: u32) -> (Outcome, Written) {
    let sql = plain(asked.sql);
    let lower = sql.to_ascii_lowercase();
    let word = lower.split([' ', '(']).next().unwrap_or_default();
    if lower.is_empty() {
        return (Outcome::Fault(1065, "42000", "Query was empty".to_owned()), None);
    }
    if let Some(file) = written(&sql, &lower) {
        return (Outcome::Done(1), Some(file));
    }
    let outcome = match word {
        "select" => select(schema, &sql, number),
        "show" => show(schema, &sql, &lower),
        "describe" | "desc" => describe(schema, sql.split(' ').nth(1).unwrap_or_default()),
        "use" => enter(schema, sql.split(' ').nth(1).unwrap_or_default()),
        "create" => create(schema, &sql, &lower),
        "drop" => drop(schema, &sql, &lower),
        "insert" | "update" | "delete" | "replace" => Outcome::Done(1),
        "set" | "begin" | "start" | "commit" | "rollback" | "flush" | "grant" | "alter"
        | "lock" | "unlock" | "truncate" | "revoke" | "rename" | "analyze" | "optimize"
        | "kill" => Outcome::Done(0),
        _ => syntax(schema, &sql),
    };
    (outcome, None)
}

fn syntax(schema: &Schema, sql: &str) -> Outcome {
    let server = if schema.is_mariadb() { "MariaDB" } else { "MySQL" };
    let near: String = sql.chars().take(80).collect();
    let message = format!(
        "You have an error in your SQL syntax; check the manual that corresponds to your {server} \
         server version for the right syntax to use near '{near}' at line 1"
    );
    Outcome::Fault(1064, "42000", message)
}

/// What `into dumpfile` and `into outfile` would write.
fn written(sql: &str, lower: &str) -> Written {
    let path =
        quoted_after(sql, " into dumpfile ").or_else(|| quoted_after(sql, " into outfile "))?;
    let end = lower.find(" into ")?;
    let begin = lower.find("select ")? + 7;
    let mut bytes = Vec::new();
    for item in items(sql.get(begin..end)?) {
        let item = item.trim();
        let hex = item.strip_prefix("0x").or_else(|| item.strip_prefix("0X")).map(str::to_owned);
        let hex = hex.or_else(|| item.strip_prefix(['x', 'X']).and_then(literal));
        let hex = hex.or_else(|| arguments(item, "unhex").and_then(literal));
        match hex.as_deref().and_then(from_hex) {
            Some(part) => bytes.extend(part),
            None => bytes.extend(literal(item).unwrap_or_else(|| item.to_owned()).into_bytes()),
        }
    }
    bytes.truncate(FILE_BYTES_MAX);
    Some((path, bytes))
}

fn enter(schema: &mut Schema, name: &str) -> Outcome {
    let name = bare(name);
    if schema.tables(name).is_none() {
        return Outcome::Fault(1049, "42000", format!("Unknown database '{name}'"));
    }
    name.clone_into(&mut schema.current);
    Outcome::Done(0)
}

fn create(schema: &mut Schema, sql: &str, lower: &str) -> Outcome {
    let words: Vec<&str> = sql.split([' ', '(']).filter(|word| !word.is_empty()).collect();
    let skip = if lower.contains(" if not exists ") { 3 } else { 0 };
    let name = |at: usize| bare(words.get(at + skip).copied().unwrap_or_default());
    match lower.split(' ').nth(1) {
        Some("database" | "schema") => {
            schema.make(name(2));
            Outcome::Done(1)
        }
        Some("table") => {
            let whole = schema.whole(name(2));
            schema.make(&whole);
            Outcome::Done(0)
        }
        Some("function" | "aggregate") if lower.contains(" soname ") => {
            let at = if lower.contains("aggregate") { 3 } else { 2 };
            schema.make_function(name(at));
            Outcome::Done(0)
        }
        _ => Outcome::Done(0),
    }
}

fn drop(schema: &mut Schema, sql: &str, lower: &str) -> Outcome {
    let skip = if lower.contains(" if exists ") { 4 } else { 2 };
    let names = sql.split(' ').skip(skip).collect::<Vec<_>>().join(" ");
    for name in items(&names) {
        match lower.split(' ').nth(1) {
            Some("database" | "schema") => schema.drop(bare(name)),
            Some("table") => {
                let whole = schema.whole(name);
                schema.drop(&whole);
            }
            _ => {}
        }
    }
    Outcome::Done(0)
}

fn show(schema: &Schema, sql: &str, lower: &str) -> Outcome {
    let list = |column: &str, names: Vec<String>| {
        let rows = names.into_iter().map(|name| vec![Some(name)]).collect();
        Outcome::Rows(Rows { columns: vec![column.to_owned()], rows })
    };
    let pattern = || quoted_after(sql, " like ").unwrap_or_else(|| "%".to_owned());
    let words: Vec<&str> = lower.split(' ').collect();
    let what = words.iter().skip(1).find(|word| !matches!(**word, "full" | "global" | "session"));
    match what.copied().unwrap_or_default() {
        "databases" | "schemas" => {
            let pattern = pattern();
            list(
                "Database",
                schema.databases().into_iter().filter(|name| like(&pattern, name)).collect(),
            )
        }
        "tables" => {
            let from = words.iter().position(|word| matches!(*word, "from" | "in"));
            let from = from
                .and_then(|at| sql.split(' ').nth(at + 1))
                .map_or(schema.current.as_str(), bare);
            if from.is_empty() {
                return Outcome::Fault(1046, "3D000", "No database selected".to_owned());
            }
            match schema.tables(from) {
                Some(names) => list(&format!("Tables_in_{from}"), names),
                None => Outcome::Fault(1049, "42000", format!("Unknown database '{from}'")),
            }
        }
        "variables" => Outcome::Rows(schema.variables(&pattern())),
        "status" => Outcome::Rows(Rows::of(
            &["Variable_name", "Value"],
            &[&["Threads_connected", "3"], &["Uptime", "2184377"], &["Questions", "918446"]],
        )),
        "columns" | "fields" => describe(schema, sql.split(' ').next_back().unwrap_or_default()),
        "grants" => {
            let grant =
                format!("GRANT ALL PRIVILEGES ON *.* TO `{}`@`%` WITH GRANT OPTION", schema.user);
            Outcome::Rows(Rows::one(&format!("Grants for {}@%", schema.user), grant))
        }
        "processlist" => Outcome::Rows(Rows::of(
            &["Id", "User", "Host", "db", "Command", "Time", "State", "Info"],
            &[&[
                "5",
                "event_scheduler",
                "localhost",
                "",
                "Daemon",
                "2184377",
                "Waiting on empty queue",
                "",
            ]],
        )),
        "engines" => Outcome::Rows(Rows::of(
            &["Engine", "Support", "Comment"],
            &[
                &[
                    "InnoDB",
                    "DEFAULT",
                    "Supports transactions, row-level locking, and foreign keys",
                ],
                &["MyISAM", "YES", "MyISAM storage engine"],
            ],
        )),
        "create" => Outcome::Fault(
            1142,
            "42000",
            format!("SHOW VIEW command denied to user '{}'", schema.user),
        ),
        _ => Outcome::Rows(Rows { columns: vec!["Name".to_owned()], rows: Vec::new() }),
    }
}

fn describe(schema: &Schema, name: &str) -> Outcome {
    let Some(rows) = schema.rows(name) else { return no_table(schema, name) };
    let row = |(at, column): (usize, &String)| {
        let kind = if at == 0 { "int(11)" } else { "varchar(190)" };
        let key = if at == 0 { "PRI" } else { "" };
        [column.as_str(), kind, "NO", key, "", ""].map(|cell| Some(cell.to_owned())).to_vec()
    };
    Outcome::Rows(Rows {
        columns: ["Field", "Type", "Null", "Key", "Default", "Extra"].map(str::to_owned).to_vec(),
        rows: rows.columns.iter().enumerate().map(row).collect(),
    })
}

fn no_table(schema: &Schema, name: &str) -> Outcome {
    let whole = schema.whole(name);
    if whole.starts_with('.') {
        return Outcome::Fault(1046, "3D000", "No database selected".to_owned());
    }
    Outcome::Fault(1146, "42S02", format!("Table '{whole}' doesn't exist"))
}

fn select(schema: &Schema, sql: &str, number: u32) -> Outcome {
    let body = sql.get(7..).unwrap_or_default();
    let lower = body.to_ascii_lowercase();
    if let Some(at) = lower.find(" from ") {
        let list = body.get(..at).unwrap_or_default();
        let rest = body.get(at + 6..).unwrap_or_default();
        return select_from(schema, list, rest);
    }
    let list = lower.rfind(" limit ").and_then(|at| body.get(..at)).unwrap_or(body);
    let mut rows = Rows { columns: Vec::new(), rows: vec![Vec::new()] };
    for item in items(list) {
        let (expression, name) = aliased(item);
        match value(schema, expression, number, NESTED_MAX) {
            Ok(cell) => {
                rows.columns.push(name);
                rows.rows.iter_mut().for_each(|row| row.push(cell.clone()));
            }
            Err(outcome) => return outcome,
        }
    }
    Outcome::Rows(rows)
}

fn select_from(schema: &Schema, list: &str, rest: &str) -> Outcome {
    let name = rest.split([' ', ';', ')']).next().unwrap_or_default();
    let lower = name.to_ascii_lowercase().replace('`', "");
    let column = |column: &str, names: Vec<String>| {
        let rows = names.into_iter().map(|name| vec![Some(name)]).collect();
        Outcome::Rows(Rows { columns: vec![column.to_owned()], rows })
    };
    match lower.as_str() {
        "information_schema.schemata" => return column("SCHEMA_NAME", schema.databases()),
        "information_schema.tables" => return tables(schema, list),
        "dual" => return select(schema, &format!("select {list}"), 0),
        name if name.starts_with("information_schema.") => return column("Name", Vec::new()),
        _ => {}
    }
    let Some(found) = schema.rows(name) else { return no_table(schema, name) };
    if list.to_ascii_lowercase().starts_with("count(") {
        return Outcome::Rows(Rows::one(list, found.rows.len().to_string()));
    }
    if list.trim() == "*" {
        return Outcome::Rows(found);
    }
    chosen(&found, list)
}

fn tables(schema: &Schema, list: &str) -> Outcome {
    let mut all = Rows {
        columns: vec!["TABLE_SCHEMA".to_owned(), "TABLE_NAME".to_owned()],
        rows: Vec::new(),
    };
    for database in schema.databases() {
        for table in schema.tables(&database).unwrap_or_default() {
            all.rows.push(vec![Some(database.clone()), Some(table)]);
        }
    }
    if list.trim() == "*" { Outcome::Rows(all) } else { chosen(&all, list) }
}

/// The columns that a list names.
fn chosen(found: &Rows, list: &str) -> Outcome {
    let mut places = Vec::new();
    let mut columns = Vec::new();
    for item in items(list) {
        let (expression, name) = aliased(item);
        let wanted = bare(expression.rsplit('.').next().unwrap_or_default());
        let place = found.columns.iter().position(|column| column.eq_ignore_ascii_case(wanted));
        let Some(place) = place else {
            let message = format!("Unknown column '{}' in 'field list'", bare(expression));
            return Outcome::Fault(1054, "42S22", message);
        };
        places.push(place);
        columns.push(bare(&name).to_owned());
    }
    let row =
        |row: &Vec<Cell>| places.iter().map(|place| row.get(*place).cloned().flatten()).collect();
    Outcome::Rows(Rows { columns, rows: found.rows.iter().map(row).collect() })
}

/// The value of an expression without a table.
fn value(
    schema: &Schema,
    expression: &str,
    connection: u32,
    depth: usize,
) -> Result<Cell, Outcome> {
    let expression = expression.trim();
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Outcome::Fault(1436, "HY000", "Thread stack overrun".to_owned()));
    };
    let lower = expression.to_ascii_lowercase();
    if let Some(text) = literal(expression) {
        return Ok(Some(text));
    }
    if let Some(number) = number(expression) {
        return Ok(Some(number));
    }
    if let Some(name) = lower.strip_prefix("@@") {
        let name = name.trim_start_matches("global.").trim_start_matches("session.");
        let unknown = || Outcome::Fault(1193, "HY000", format!("Unknown system variable '{name}'"));
        return schema.variable(name).map(Some).ok_or_else(unknown);
    }
    let (name, _) = lower.split_once('(').unwrap_or((lower.as_str(), ""));
    let name = name.trim();
    let inner = arguments(expression, name);
    let text = |inner: &str| value(schema, inner, connection, depth).map(Option::unwrap_or_default);
    Ok(match (name, inner) {
        ("null", None) | ("load_file", Some(_)) => None,
        ("version", Some(_)) => schema.variable("version"),
        ("user" | "session_user" | "system_user", Some(_)) => {
            Some(format!("{}@{}", schema.user, schema.client))
        }
        ("current_user", _) => Some(format!("{}@%", schema.user)),
        ("database" | "schema", Some(_)) => {
            Some(schema.current.clone()).filter(|name| !name.is_empty())
        }
        ("connection_id", Some(_)) => Some(connection.to_string()),
        ("sleep" | "benchmark", Some(_)) => Some("0".to_owned()),
        ("md5", Some(inner)) => Some(crate::octets::hex(&Md5::digest(text(inner)?))),
        ("concat", Some(inner)) => {
            let mut all = String::new();
            for item in items(inner) {
                all.push_str(&text(item)?);
            }
            Some(all)
        }
        ("unhex", Some(inner)) => {
            from_hex(&text(inner)?).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        }
        ("now" | "sysdate" | "current_timestamp", _) => Some(crate::sql::clock()),
        (_, Some(_)) if schema.functions.iter().any(|own| own == name) => Some("0".to_owned()),
        (_, Some(_)) => {
            let message = format!("FUNCTION {}.{name} does not exist", schema.current);
            return Err(Outcome::Fault(1305, "42000", message));
        }
        _ => {
            let Some(bytes) = lower.strip_prefix("0x").and_then(from_hex) else {
                let message = format!("Unknown column '{expression}' in 'field list'");
                return Err(Outcome::Fault(1054, "42S22", message));
            };
            Some(String::from_utf8_lossy(&bytes).into_owned())
        }
    })
}
