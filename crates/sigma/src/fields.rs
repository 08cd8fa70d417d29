//! Where our events keep what Sigma's field names mean.
//!
//! A name is looked up under itself first, so flat events that use Sigma's names work as they are;
//! then, for Windows, where collectors put what an event says in names of its own
//! (`winlog.event_data.NAME`); then under the names of the Elastic Common Schema and of well-known
//! collectors, as the tables below have it. Rules that use such names themselves need no row.

mod cloud;
mod network;
mod unix;
mod web;
mod windows;

use query::FieldRef;

use crate::Logsource;

/// Sigma's names of some log sources, and where else than under themselves to look for each.
pub(crate) struct Table {
    /// Tells whether the table is for a log source.
    fits: fn(&Logsource) -> bool,
    /// In the order of the names.
    names: &'static [(&'static str, &'static [&'static str])],
}

/// Every table; the first that fits and has the name counts.
const TABLES: &[&[Table]] =
    &[windows::TABLES, web::TABLES, network::TABLES, cloud::TABLES, unix::TABLES];

/// Gives where to look for a Sigma field, the likeliest place first.
pub(crate) fn places(name: &str, logsource: &Logsource) -> Vec<FieldRef> {
    let mapped = mapped(name, logsource);
    let mut names: Vec<String> = vec![name.to_owned()];
    if is(logsource.product.as_deref(), "windows") && !windows::is_of_header(name) {
        names.push(format!("winlog.event_data.{name}"));
        // Sigma's categories are all of events whose values stand in `EventData`.
        if logsource.category.is_none() {
            names.push(format!("winlog.user_data.{name}"));
        }
    }
    names.extend(mapped.iter().map(|name| (*name).to_owned()));
    let mut places: Vec<FieldRef> = Vec::new();
    for place in names.iter().map(|name| FieldRef::by_name(name)) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

/// Gives the names that the tables have for a field.
fn mapped(name: &str, logsource: &Logsource) -> &'static [&'static str] {
    let fitting = TABLES.iter().copied().flatten().filter(|table| (table.fits)(logsource));
    let row = fitting
        .filter_map(|table| table.names.iter().find(|(sigma, _)| *sigma == name))
        .map(|(_, names)| *names)
        .next();
    row.unwrap_or_default()
}

fn is(dimension: Option<&str>, name: &str) -> bool {
    dimension.is_some_and(|dimension| dimension.eq_ignore_ascii_case(name))
}

fn is_one(dimension: Option<&str>, names: &[&str]) -> bool {
    names.iter().any(|name| is(dimension, name))
}

fn is_product(logsource: &Logsource, name: &str) -> bool {
    is(logsource.product.as_deref(), name)
}

fn is_category(logsource: &Logsource, names: &[&str]) -> bool {
    is_one(logsource.category.as_deref(), names)
}

#[cfg(test)]
mod tests;
