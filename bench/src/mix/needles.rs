//! What is planted: each value stands in so many events, evenly spread over all of them, however
//! many there are.

/// A source address that is otherwise never drawn.
pub const ADDRESS: &str = "198.51.100.77";
/// In how many events it stands.
pub const ADDRESS_HITS: u64 = 137;
/// An address that stands nowhere.
pub const ABSENT: &str = "198.51.100.78";
/// A word that stands in no other record.
pub const WORD: &str = "quixotic";
/// In how many records it stands.
pub const WORD_HITS: u64 = 42;
/// A word of some six of a hundred records.
pub const COMMON: &str = "invalid";
/// An unknown field that only these events have.
pub const EXTRA: &str = "change.ticket";
/// What it holds in those that are asked for.
pub const EXTRA_VALUE: &str = "CHG0031337";
/// In how many events it holds that.
pub const EXTRA_HITS: u64 = 18;

/// What is planted in one event.
#[derive(Clone, Copy, Debug)]
pub struct Planted {
    /// The address.
    pub address: bool,
    /// The word.
    pub word: bool,
    /// The unknown field.
    pub extra: bool,
}

/// Gives what is planted in the event of that number, of so many in all.
pub fn of(number: u64, total: u64) -> Planted {
    Planted {
        address: is_planted(number, total, ADDRESS_HITS, 0),
        word: is_planted(number, total, WORD_HITS, 1),
        extra: is_planted(number, total, EXTRA_HITS, 2),
    }
}

/// Tells whether the event is the one in the middle of its share, moved so that no two needles of
/// different kinds fall on the same one.
fn is_planted(number: u64, total: u64, hits: u64, shift: u64) -> bool {
    if total < hits * 8 {
        return false;
    }
    let share = number * hits / total;
    let middle = (2 * share + 1) * total / (2 * hits);
    number == middle + shift
}
