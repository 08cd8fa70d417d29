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

/// Classifies the word in lower case that is the first `length` bytes of `text`.
pub(super) fn word(text: &[u8], length: usize) -> Word {
    let head = head(text, length);
    let mut slot = slot(head, length);
    while let Some(known) = SLOTS.get(slot).and_then(Option::as_ref) {
        if known.head == head
            && known.text.len() == length
            && (length <= HEAD_BYTES || text.get(..length) == Some(known.text))
        {
            return known.word;
        }
        slot = (slot + 1) % SLOT_COUNT;
    }
    Word::Name
}

/// Slots of the hash table; four times the words, so that most lookups end at the first.
const SLOT_COUNT: usize = 2048;
/// The bytes of a word that are compared at once.
const HEAD_BYTES: usize = 8;

struct Known {
    head: u64,
    text: &'static [u8],
    word: Word,
}

/// The words, each in the first slot from its own that was free.
static SLOTS: LazyLock<Vec<Option<Known>>> = LazyLock::new(|| {
    let mut slots: Vec<Option<Known>> = (0..SLOT_COUNT).map(|_| None).collect();
    for (text, word) in WORDS {
        let text = text.as_bytes();
        let head = head(text, text.len());
        let mut at = slot(head, text.len());
        while slots.get(at).is_some_and(Option::is_some) {
            at = (at + 1) % SLOT_COUNT;
        }
        if let Some(place) = slots.get_mut(at) {
            *place = Some(Known { head, text, word: *word });
        }
    }
    slots
});

/// Gives the first eight bytes of a word as a number; what is missing is zero.
fn head(text: &[u8], length: usize) -> u64 {
    if let Some(eight) = text.first_chunk::<HEAD_BYTES>() {
        let beyond = HEAD_BYTES.saturating_sub(length) * 8;
        let kept = u32::try_from(beyond).ok().and_then(|bits| u64::MAX.checked_shr(bits));
        return u64::from_le_bytes(*eight) & kept.unwrap_or(0);
    }
    let word = text.get(..length).unwrap_or(text);
    word.iter().rev().fold(0, |head, byte| head << 8 | u64::from(*byte))
}

/// Gives the slot where a word is looked for first: its first eight bytes and its length decide.
fn slot(head: u64, length: usize) -> usize {
    let length = u64::try_from(length).unwrap_or(0);
    let hash = (head ^ length).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    usize::try_from(hash >> 53).unwrap_or(0) % SLOT_COUNT
}
