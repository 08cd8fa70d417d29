//! What a client gives away in the clear before it encrypts, and the fingerprints that are made of it:
//! JA3, JA3S and JA4 of TLS and QUIC, HASSH of SSH.
//!
//! ```
//! let record = [22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3];
//! // Cut off within its random: no hello.
//! assert!(fingerprint::ClientHello::of_record(&record).is_none());
//! ```
//!
//! Pure: it reads bytes that somebody else caught. What captured traffic and decoys say of a client is
//! made here, so that the two agree.

mod bytes;
mod digest;
mod hassh;
mod hello;

pub use bytes::Bytes;
pub use digest::md5;
pub use hassh::hassh;
pub use hello::{
    CLIENT_HELLO, Carrier, ClientHello, SERVER_HELLO, ServerHello, is_grease, version_name,
};
