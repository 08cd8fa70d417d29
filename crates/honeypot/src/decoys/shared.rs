//! What several decoys speak.

pub(crate) mod clock;
pub(crate) mod http1;
#[cfg(test)]
pub(crate) mod testing;
