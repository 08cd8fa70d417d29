//! What several protocols are read with.

pub(crate) mod ber;
pub(crate) mod bytes;
pub(crate) mod certificate;
pub(crate) mod fingerprint;
pub(crate) mod hello;
pub(crate) mod lines;
pub(crate) mod ntlm;
#[cfg(test)]
pub(crate) mod testing;
