//! Keys, and what they seal on disk: AES-256-GCM (NIST SP 800-38D) under data keys that are wrapped
//! by the keys of a keyring, which in turn a master key seals.
//!
//! ```text
//! master key ── seals ──▶ keyring (a few keys, one a rotation) ── wraps ──▶ data keys, one a file
//! ```
//!
//! A file carries its own wrapped data key, so it needs nothing but the keyring to be read. A new
//! master key seals the keyring anew and no file is written again.

mod data_key;
mod derive;
mod error;
mod fernet;
mod keyring;
mod master;
mod ring_file;
mod source;
mod text;

pub use data_key::{DataKey, OVERHEAD_BYTES};
pub use error::SealError;
pub use fernet::{FERNET_KEYS_MAX, Fernet, FernetFault, FernetKeysFault, fernet_token_bytes};
pub use keyring::{KeyId, Keyring, WRAPPED_BYTES, wrapped_by};
pub use master::{MasterId, MasterKey};
pub use ring_file::{KeyringError, KeyringFile, StoredKey};
pub use source::{Secret, Source, SourceError, Typed};
pub use text::is_sealed_text;
