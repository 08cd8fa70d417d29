//! The words of SQL that change what a text means; every other word is a name.

use std::sync::LazyLock;

use super::vocabulary::WORDS;

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

/// Classifies a word in lower case.
pub(super) fn word(text: &[u8]) -> Word {
    let mut slot = slot(text);
    while let Some(row) = SLOTS.get(slot).copied().filter(|row| *row != EMPTY) {
        if let Some((known, word)) = WORDS.get(usize::from(row))
            && known.as_bytes() == text
        {
            return *word;
        }
        slot = (slot + 1) % SLOT_COUNT;
    }
    Word::Name
}

/// Slots of the hash table; four times the words, so that most lookups end at the first.
const SLOT_COUNT: usize = 2048;
const EMPTY: u16 = u16::MAX;

/// The row of [`WORDS`] in each slot.
static SLOTS: LazyLock<Vec<u16>> = LazyLock::new(|| {
    let mut slots = vec![EMPTY; SLOT_COUNT];
    for ((known, _), row) in WORDS.iter().zip(0_u16..) {
        let mut at = slot(known.as_bytes());
        while slots.get(at).is_some_and(|row| *row != EMPTY) {
            at = (at + 1) % SLOT_COUNT;
        }
        if let Some(place) = slots.get_mut(at) {
            *place = row;
        }
    }
    slots
});

/// Gives the slot where a word is looked for first: its first eight bytes and its length decide.
fn slot(text: &[u8]) -> usize {
    let mut head = [0; 8];
    for (place, byte) in head.iter_mut().zip(text) {
        *place = *byte;
    }
    let length = u64::try_from(text.len()).unwrap_or(0);
    let hash = (u64::from_le_bytes(head) ^ length).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    usize::try_from(hash >> 53).unwrap_or(0) % SLOT_COUNT
}
