//! Statements whose conditions depend on what was asked: the text, and the values that it binds.

use rusqlite::types::Value;
use rusqlite::{CachedStatement, Row, Transaction, params_from_iter};

use crate::CatalogError;

/// A statement in the making. Only words of ours enter the text; what others wrote is bound.
#[derive(Debug, Default)]
pub(crate) struct Sql {
    text: String,
    values: Vec<Value>,
}

impl Sql {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), values: Vec::new() }
    }

    /// Appends a piece of the text.
    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Appends the place of a value.
    pub(crate) fn bind(&mut self, value: impl Into<Value>) {
        self.values.push(value.into());
        self.text.push('?');
        self.text.push_str(&self.values.len().to_string());
    }

    /// Appends the places of several values, with commas between them.
    pub(crate) fn bind_all<V: Into<Value>>(&mut self, values: impl IntoIterator<Item = V>) {
        let mut separator = "";
        for value in values {
            self.push(separator);
            self.bind(value);
            separator = ", ";
        }
    }

    /// Gives how many rows it changed.
    pub(crate) fn execute(self, transaction: &Transaction<'_>) -> Result<usize, CatalogError> {
        let mut statement = self.prepare(transaction)?;
        Ok(statement.execute(params_from_iter(self.values))?)
    }

    /// Gives what `read` makes of each row that it finds.
    pub(crate) fn query<T>(
        self,
        transaction: &Transaction<'_>,
        read: impl FnMut(&Row<'_>) -> Result<T, rusqlite::Error>,
    ) -> Result<Vec<T>, CatalogError> {
        let mut statement = self.prepare(transaction)?;
        let rows = statement.query_map(params_from_iter(self.values), read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn prepare<'tx>(
        &self,
        transaction: &'tx Transaction<'_>,
    ) -> Result<CachedStatement<'tx>, CatalogError> {
        Ok(transaction.prepare_cached(&self.text)?)
    }
}

/// Narrows a count for the database, whose numbers are signed.
pub(crate) fn signed(number: u64) -> Result<i64, CatalogError> {
    i64::try_from(number).map_err(|_| CatalogError::OutOfRange("a number"))
}

/// Reads what [`signed`] wrote.
pub(crate) fn unsigned(row: &Row<'_>, column: usize) -> Result<u64, rusqlite::Error> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}
