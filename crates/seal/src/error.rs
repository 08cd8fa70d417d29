//! What can go wrong, told apart by what a caller can do about it.

/// Why something could not be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The system gave no randomness, or a bound of the cipher was passed.
    #[error("could not seal: the system gave no randomness, or the text is too long")]
    Refused,
    /// What was sealed does not open with this key: it was changed, or is another's.
    #[error("does not open with this key: it was changed, or belongs to another key")]
    Closed,
    /// A data key was wrapped with a key that is not in the keyring.
    #[error("was sealed with the key {0:08x}, which is not in this keyring")]
    Unknown(u32),
    /// The bytes are not of the shape that they should have.
    #[error("is not {0}")]
    Malformed(&'static str),
}
