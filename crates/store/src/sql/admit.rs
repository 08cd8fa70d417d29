//! What a query may be, and what is said of one that may not.

use datafusion::sql::sqlparser::ast::Statement;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::StoreError;

pub(super) fn wrong(message: String) -> StoreError {
    StoreError::Sql { message, place: None }
}

pub(super) fn at(message: String, line: u64, column: u64) -> StoreError {
    StoreError::Sql { message, place: Some((line, column)) }
}

/// Takes the place out of a message of the parser's, which ends with ` at Line: 1, Column: 8`.
pub(super) fn placed(message: &str) -> StoreError {
    let message = message.trim_start_matches("sql parser error: ");
    let place = || {
        let (before, place) = message.rsplit_once(" at Line: ")?;
        let (line, column) = place.split_once(", Column: ")?;
        Some((before, line.trim().parse().ok()?, column.trim().parse().ok()?))
    };
    match place() {
        Some((before, line, column)) => at(before.to_owned(), line, column),
        None => wrong(message.to_owned()),
    }
}

/// Refuses what begins as a writing statement, whether or not the parser would know the rest of it.
pub(super) fn admit_first(tokens: &[TokenWithSpan]) -> Result<(), StoreError> {
    let first = tokens.iter().find(|token| !matches!(token.token, Token::Whitespace(_)));
    match first.map(|first| &first.token) {
        Some(Token::Word(word)) if word.keyword != Keyword::NoKeyword => match word.keyword {
            Keyword::SELECT
            | Keyword::WITH
            | Keyword::VALUES
            | Keyword::EXPLAIN
            | Keyword::DESCRIBE
            | Keyword::DESC
            | Keyword::SHOW => Ok(()),
            _ => Err(read_only(&word.value)),
        },
        _ => Ok(()),
    }
}

fn read_only(word: &str) -> StoreError {
    let word = word.to_uppercase();
    wrong(format!("the store is read-only: {word} is not allowed, only SELECT is"))
}

/// Lets statements through that only read.
pub(super) fn admit(statement: &Statement) -> Result<(), StoreError> {
    match statement {
        // Over one table nobody needs it, and it ends when it likes.
        Statement::Query(query) if query.with.as_ref().is_some_and(|with| with.recursive) => {
            Err(wrong("WITH RECURSIVE is not allowed".to_owned()))
        }
        Statement::Query(_)
        | Statement::ExplainTable { .. }
        | Statement::ShowTables { .. }
        | Statement::ShowColumns { .. }
        | Statement::ShowFunctions { .. } => Ok(()),
        Statement::Explain { statement, .. } => admit(statement),
        other => {
            let text = other.to_string();
            Err(read_only(text.split_whitespace().next().unwrap_or_default()))
        }
    }
}
