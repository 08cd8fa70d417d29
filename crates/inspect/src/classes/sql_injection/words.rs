//! The words of SQL that change what a text means; every other word is a name.

use std::sync::LazyLock;

use super::vocabulary::WORDS;
use crate::words::Words;

/// What a word is to the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// A table, a column, an alias, or plain English.
    Name,
    Select,
    Union,
    From,
    /// `and`, `or`, `xor`, `div`, `mod`: joins two operands.
    Logic,
    /// `like`, `in`, `between`, `is`: compares.
    Compare,
    Not,
    /// `null`, `true`, `false`, `current_user`.
    Literal,
    /// `where`, `having`, `on`: a condition follows.
    Condition,
    /// `order`, `group`, `limit`, `into`, `procedure`: a clause begins.
    Clause,
    By,
    /// `all`, `distinct`, `distinctrow`, `top`.
    Modifier,
    /// `insert`, `drop`, `exec`, …: a statement begins.
    Statement,
    Case,
    /// `then`, `when`, `else`, `end`, `as`, `asc`, `desc`, `binary`, …
    Filler,
    /// A function that attacks need and applications do not take from users.
    HotFunction,
    /// A function of everyday SQL.
    Function,
    /// A table or a schema of the server itself.
    Catalog,
}

/// Classifies the word in lower case that is the first `length` bytes of `text`.
pub(super) fn word(text: &[u8], length: usize) -> Word {
    TABLE.get(text, length).unwrap_or(Word::Name)
}

static TABLE: LazyLock<Words<Word>> = LazyLock::new(|| Words::of(WORDS));
