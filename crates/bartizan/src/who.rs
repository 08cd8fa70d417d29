//! Who gives commands at this machine, and the record of what they changed.

use catalog::{AuditEntry, Catalog, CatalogError, Role};

use crate::clock::now;

/// What stands for an address in the audit.
const HERE: &str = "";

/// Records what a command changed of who may do what.
pub(crate) fn record(catalog: &Catalog, action: &str, detail: String) -> Result<(), CatalogError> {
    catalog.audit(&AuditEntry {
        at: now(),
        by: caller(),
        address: HERE.to_owned(),
        action: action.to_owned(),
        detail,
    })
}

/// Reads a role of the command line.
pub(crate) fn role(word: &str) -> Result<Role, String> {
    Role::parse(word).ok_or_else(|| "a role is viewer, analyst or administrator".to_owned())
}

/// Gives who runs this command, as the system knows them.
pub(crate) fn caller() -> String {
    let uid = rustix::process::getuid().as_raw();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut parts = line.split(':');
        let name = parts.next()?;
        (parts.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.map_or_else(|| format!("uid {uid}"), |name| format!("{name} (uid {uid})"))
}
