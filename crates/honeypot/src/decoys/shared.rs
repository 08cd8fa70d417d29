//! What several decoys speak.

pub(crate) mod clock;
pub(crate) mod conversation;
pub(crate) mod http1;
#[cfg(test)]
pub(crate) mod testing;

/// How long pieces are, from the first byte, and what is cut into them.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz_pieces(bytes: &[u8]) -> (usize, &[u8]) {
    let (first, rest) = bytes.split_first().unwrap_or((&0, &[]));
    (usize::from(*first) + 1, rest)
}
