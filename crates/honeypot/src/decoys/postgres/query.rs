//! What queries are answered with: what clients ask when they connect, and what intruders ask first.

use super::data::{CHANGES_MAX, DATABASES, Data};
use super::message::Fault;
use crate::sql::{
    Cell, Rows, aliased, arguments, bare, from_hex, items, kept, literal, number, plain,
    quoted_after,
};

/// Calls within calls.
const NESTED_MAX: usize = 12;
/// Bytes of a file that are taken out of a query.
const FILE_BYTES_MAX: usize = 1 << 20;
/// Bytes of the shortest file that is taken out of a query.
const FILE_BYTES_MIN: usize = 16;

/// How a statement ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is done.
    Done(String),
    /// This was found.
    Rows(Rows, String),
    /// Rows for this table are awaited.
    CopyIn(String),
    /// It cannot be: code and words.
    Fault(&'static str, String),
}

/// The error that goes with a code.
pub(super) fn fault<'a>(code: &'a str, message: &'a str) -> Fault<'a> {
    let (file, line, routine) = match code {
        "42601" => ("scan.l", 1180, "scanner_yyerror"),
        "42P01" => ("parse_relation.c", 1381, "parserOpenTable"),
        "42703" => ("parse_relation.c", 3514, "errorMissingColumn"),
        "42883" => ("parse_func.c", 636, "ParseFuncOrColumn"),
        "57014" => ("copy.c", 629, "CopyGetData"),
        _ => ("postgres.c", 1045, "exec_simple_query"),
    };
    Fault { severity: "ERROR", code, message, file, line, routine }
}

/// Answers a statement; gives a file that it carries too.
pub(super) fn answer(data: &mut Data, sql: &str) -> (Outcome, Option<(String, Vec<u8>)>) {
    let sql = plain(sql);
    let lower = sql.to_ascii_lowercase();
    let word = lower.split([' ', '(']).next().unwrap_or_default();
    let outcome = match word {
        "select" | "values" | "table" => select(data, &sql, &lower),
        "show" => {
            Outcome::Rows(setting(data, lower.get(5..).unwrap_or_default()), "SHOW".to_owned())
        }
        "copy" => copy(&sql, &lower),
        "create" => create(data, &sql, &lower),
        "drop" => drop(data, &sql, &lower),
        "insert" => Outcome::Done("INSERT 0 1".to_owned()),
        "update" | "delete" => Outcome::Done(format!("{} 1", word.to_uppercase())),
        "alter" | "grant" | "revoke" | "truncate" | "begin" | "commit" | "rollback" | "set"
        | "do" | "load" | "discard" | "listen" | "reset" | "vacuum" | "start" | "deallocate"
        | "comment" | "close" => Outcome::Done(tag(word, &lower)),
        _ => {
            let near = sql.split(' ').next().unwrap_or_default();
            Outcome::Fault("42601", format!("syntax error at or near \"{near}\""))
        }
    };
    (outcome, file(&sql, &lower))
}

fn tag(word: &str, lower: &str) -> String {
    let second = lower.split(' ').nth(1).unwrap_or_default().to_uppercase();
    match word {
        "alter" => format!("ALTER {second}"),
        "truncate" => "TRUNCATE TABLE".to_owned(),
        "start" => "START TRANSACTION".to_owned(),
        word => word.to_uppercase(),
    }
}

/// Bytes that a statement carries to be written: large objects and such.
fn file(sql: &str, lower: &str) -> Option<(String, Vec<u8>)> {
    let writes = lower.contains("lo_from_bytea")
        || lower.contains("pg_largeobject")
        || lower.contains("lo_put");
    let digits = quoted_after(sql, "decode(").or_else(|| {
        let at = sql.find("'\\x")?;
        sql.get(at + 3..)?.split('\'').next().map(str::to_owned)
    });
    let mut bytes = from_hex(&digits.filter(|_| writes)?)?;
    bytes.truncate(FILE_BYTES_MAX);
    (bytes.len() >= FILE_BYTES_MIN).then(|| ("large object".to_owned(), bytes))
}

fn copy(sql: &str, lower: &str) -> Outcome {
    if lower.contains(" from stdin") {
        let table = sql.split([' ', '(']).nth(1).unwrap_or_default();
        return Outcome::CopyIn(bare(table).to_owned());
    }
    // A program that says nothing; a file that is empty.
    Outcome::Done("COPY 0".to_owned())
}

fn create(data: &mut Data, sql: &str, lower: &str) -> Outcome {
    let words: Vec<&str> = sql.split([' ', '(']).filter(|word| !word.is_empty()).collect();
    let at = words.iter().position(|word| word.eq_ignore_ascii_case("table"));
    if let Some(at) = at.filter(|at| *at <= 3) {
        let skip = if lower.contains(" if not exists ") { 4 } else { 1 };
        let name = kept(bare(words.get(at + skip).copied().unwrap_or_default()));
        data.dropped.retain(|own| *own != name);
        if data.made.len() < CHANGES_MAX && !data.made.contains(&name) {
            data.made.push(name);
        }
        return Outcome::Done("CREATE TABLE".to_owned());
    }
    let what = lower.trim_start_matches("create or replace ").trim_start_matches("create ");
    let what = what.split(' ').next().unwrap_or_default().to_uppercase();
    Outcome::Done(format!("CREATE {what}"))
}

fn drop(data: &mut Data, sql: &str, lower: &str) -> Outcome {
    let what = lower.split(' ').nth(1).unwrap_or_default().to_uppercase();
    let skip = if lower.contains(" if exists ") { 4 } else { 2 };
    let names = sql.split(' ').skip(skip).collect::<Vec<_>>().join(" ");
    for name in items(&names) {
        let name = kept(bare(name.split(' ').next().unwrap_or_default()));
        let there = data.tables().contains(&name);
        if what == "TABLE" && !there && skip == 2 {
            return Outcome::Fault("42P01", format!("table \"{name}\" does not exist"));
        }
        data.made.retain(|own| *own != name);
        if data.dropped.len() < CHANGES_MAX {
            data.dropped.push(name);
        }
    }
    Outcome::Done(format!("DROP {what}"))
}

fn setting(data: &Data, name: &str) -> Rows {
    let name = name.trim_matches([' ', ';']);
    let value = match name {
        "server_version" => &data.version,
        "is_superuser" | "standard_conforming_strings" | "autovacuum" => "on",
        "data_directory" => "/var/lib/postgresql/data",
        "config_file" => "/etc/postgresql/postgresql.conf",
        "port" => "5432",
        "max_connections" => "100",
        "search_path" => "\"$user\", public",
        "transaction isolation level" | "transaction_isolation" => "read committed",
        "timezone" => "Etc/UTC",
        "server_encoding" | "client_encoding" => "UTF8",
        _ => "",
    };
    Rows::one(name, value)
}

fn found(rows: Rows) -> Outcome {
    let tag = format!("SELECT {}", rows.rows.len());
    Outcome::Rows(rows, tag)
}

fn select(data: &Data, sql: &str, lower: &str) -> Outcome {
    // The lists of psql, and what tools ask of the catalog.
    if lower.contains("pg_database") {
        let row = |name: &str| {
            ["postgres", "UTF8", "en_US.UTF-8", "en_US.UTF-8", ""].into_iter().fold(
                vec![Some(name.to_owned())],
                |mut row, cell| {
                    row.push(Some(cell.to_owned()));
                    row
                },
            )
        };
        if lower.starts_with("select datname") || lower.starts_with("select d.datname from") {
            let rows = DATABASES.iter().map(|name| vec![Some((*name).to_owned())]).collect();
            return found(Rows { columns: vec!["datname".to_owned()], rows });
        }
        let columns = ["Name", "Owner", "Encoding", "Collate", "Ctype", "Access privileges"];
        let columns = columns.map(str::to_owned).to_vec();
        return found(Rows { columns, rows: DATABASES.into_iter().map(row).collect() });
    }
    if lower.contains("pg_class")
        || lower.contains("pg_tables")
        || lower.contains("information_schema.tables")
    {
        return tables(data, lower);
    }
    if lower.contains("pg_user")
        || lower.contains("pg_roles")
        || lower.contains("pg_shadow")
        || lower.contains("pg_authid")
    {
        let columns = ["rolname", "rolsuper", "rolpassword"];
        return found(Rows::of(
            &columns,
            &[&["postgres", "t", "********"], &["app", "f", "********"]],
        ));
    }
    if lower.contains(" from pg_")
        || lower.contains("pg_catalog.pg_")
        || lower.contains("information_schema.")
    {
        return found(Rows { columns: vec!["name".to_owned()], rows: Vec::new() });
    }
    let body = sql.get(7..).unwrap_or_default();
    if let Some(at) = lower.get(7..).and_then(|body| body.find(" from ")) {
        let rest = body.get(at + 6..).unwrap_or_default();
        return select_from(data, body.get(..at).unwrap_or_default(), rest);
    }
    let mut rows = Rows { columns: Vec::new(), rows: vec![Vec::new()] };
    for item in items(body) {
        let (expression, name) = aliased(item);
        match value(data, expression, NESTED_MAX) {
            Ok(cell) => {
                rows.columns.push(column(&name));
                rows.rows.iter_mut().for_each(|row| row.push(cell.clone()));
            }
            Err(fault) => return fault,
        }
    }
    found(rows)
}

/// How the server names a column without a name: by its function, or not.
fn column(name: &str) -> String {
    match name.split_once('(') {
        Some((function, _)) => bare(function).to_lowercase(),
        None if name.starts_with('\'') || number(name).is_some() => "?column?".to_owned(),
        None => bare(name).to_lowercase(),
    }
}

fn tables(data: &Data, lower: &str) -> Outcome {
    let names = data.tables();
    if lower.contains("c.relkind") {
        let row = |name: String| {
            ["public", &name, "table", "postgres"].map(|cell| Some(cell.to_owned())).to_vec()
        };
        let columns = ["Schema", "Name", "Type", "Owner"].map(str::to_owned).to_vec();
        return found(Rows { columns, rows: names.into_iter().map(row).collect() });
    }
    let of = if lower.contains("tablename") { "tablename" } else { "table_name" };
    let rows = names.into_iter().map(|name| vec![Some(name)]).collect();
    found(Rows { columns: vec![of.to_owned()], rows })
}

fn select_from(data: &Data, list: &str, rest: &str) -> Outcome {
    let name = rest.split([' ', ';', ')']).next().unwrap_or_default();
    let Some(all) = data.rows(name) else {
        if name.contains('(') {
            return found(Rows { columns: vec![column(name)], rows: Vec::new() });
        }
        return Outcome::Fault("42P01", format!("relation \"{}\" does not exist", bare(name)));
    };
    if list.to_ascii_lowercase().starts_with("count(") {
        return found(Rows::one("count", all.rows.len().to_string()));
    }
    if list.trim() == "*" {
        return found(all);
    }
    let (mut places, mut columns) = (Vec::new(), Vec::new());
    for item in items(list) {
        let (expression, name) = aliased(item);
        let wanted = bare(expression.rsplit('.').next().unwrap_or_default()).to_owned();
        let Some(place) = all.columns.iter().position(|own| *own == wanted) else {
            return Outcome::Fault("42703", format!("column \"{wanted}\" does not exist"));
        };
        places.push(place);
        columns.push(bare(&name).to_owned());
    }
    let row =
        |row: &Vec<Cell>| places.iter().map(|place| row.get(*place).cloned().flatten()).collect();
    found(Rows { columns, rows: all.rows.iter().map(row).collect() })
}

/// The value of an expression without a table.
fn value(data: &Data, expression: &str, depth: usize) -> Result<Cell, Outcome> {
    let expression = expression.split("::").next().unwrap_or_default().trim();
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Outcome::Fault("54001", "stack depth limit exceeded".to_owned()));
    };
    if let Some(text) = literal(expression) {
        return Ok(Some(text));
    }
    if let Some(number) = number(expression) {
        return Ok(Some(number));
    }
    let lower = expression.to_ascii_lowercase();
    let (name, _) = lower.split_once('(').unwrap_or((lower.as_str(), ""));
    let name = name.trim();
    let inner = arguments(expression, name);
    Ok(match (name.trim_start_matches("pg_catalog."), inner) {
        ("version", Some(_)) => Some(data.build.clone()),
        ("current_user" | "session_user" | "user", _) => Some(data.user.clone()),
        ("current_database", Some(_)) | ("current_catalog", None) => Some(data.database.clone()),
        ("current_schema", _) => Some("public".to_owned()),
        ("current_setting", Some(inner)) => {
            let name = value(data, inner, depth)?.unwrap_or_default();
            setting(data, &name).rows.into_iter().flatten().next().flatten()
        }
        ("inet_server_port", Some(_)) => Some("5432".to_owned()),
        ("pg_is_in_recovery" | "pg_try_advisory_lock", Some(_)) => Some("f".to_owned()),
        ("pg_sleep" | "set_config" | "null", _) => Some(String::new()),
        ("now" | "current_timestamp" | "localtimestamp", _) => {
            Some(format!("{}+00", crate::sql::clock()))
        }
        ("pg_backend_pid", Some(_)) => Some("20417".to_owned()),
        ("lo_from_bytea" | "lo_creat" | "lo_create" | "lo_import", Some(_)) => {
            Some("16481".to_owned())
        }
        ("lo_export" | "lo_put" | "lo_unlink", Some(_)) => Some("1".to_owned()),
        ("pg_read_file" | "pg_read_binary_file" | "pg_ls_dir", Some(inner)) => {
            let name = value(data, inner.split(',').next().unwrap_or_default(), depth)?;
            let name = name.unwrap_or_default();
            let message = format!("could not open file \"{name}\" for reading: Permission denied");
            return Err(Outcome::Fault("42501", message));
        }
        (name, Some(_)) => {
            let message = format!("function {name}(unknown) does not exist");
            return Err(Outcome::Fault("42883", message));
        }
        (name, None) => {
            return Err(Outcome::Fault("42703", format!("column \"{name}\" does not exist")));
        }
    })
}
