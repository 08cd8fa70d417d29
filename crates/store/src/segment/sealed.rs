//! Sealed segments: Parquet Modular Encryption (AES-GCM-V1) with one data key a file.
//!
//! The data key seals the footer and all columns; its wrapped form stands in the file itself, as the
//! footer's key metadata. Pages are of the first version, and the additional data has no prefix, so
//! that other programs can read a file when they are given its key.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use parquet::encryption::decrypt::{FileDecryptionProperties, KeyRetriever};
use parquet::encryption::encrypt::FileEncryptionProperties;
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaDataReader;
use seal::{DataKey, Keyring, SealError};

use crate::StoreError;
use crate::error::During;

/// What a file begins and ends with whose footer is sealed.
pub(crate) const MAGIC_SEALED: [u8; 4] = *b"PARE";

const MAGIC_PLAIN: [u8; 4] = *b"PAR1";

/// The key of one segment.
pub(crate) struct Sealing {
    pub(crate) key: DataKey,
    pub(crate) wrapped: Vec<u8>,
}

impl Sealing {
    pub(crate) fn new(keyring: &Keyring) -> Result<Self, SealError> {
        let (key, wrapped) = keyring.data_key()?;
        Ok(Self { key, wrapped })
    }

    pub(crate) fn properties(&self) -> Result<Arc<FileEncryptionProperties>, ParquetError> {
        FileEncryptionProperties::builder(self.key.bytes().to_vec())
            .with_footer_key_metadata(self.wrapped.clone())
            .build()
    }
}

/// Gives what opens sealed segments and lets plain ones through.
pub(crate) fn opening(keyring: &Keyring) -> Result<Arc<FileDecryptionProperties>, ParquetError> {
    FileDecryptionProperties::with_key_retriever(Arc::new(Unwrapping(keyring.clone()))).build()
}

struct Unwrapping(Keyring);

impl KeyRetriever for Unwrapping {
    fn retrieve_key(&self, key_metadata: &[u8]) -> Result<Vec<u8>, ParquetError> {
        let key = self.0.unwrap_key(key_metadata);
        key.map(|key| key.bytes().to_vec()).map_err(|error| ParquetError::External(Box::new(error)))
    }
}

impl fmt::Debug for Unwrapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unwrapping(…)")
    }
}

/// Tells whether a file begins as a sealed one does.
pub(crate) fn is_sealed(file: &File) -> bool {
    let mut first = [0; 4];
    file.read_exact_at(&mut first, 0).is_ok() && first == MAGIC_SEALED
}

/// Tells whether a file begins as a segment does; as a sealed one, where it must be.
pub(crate) fn has_magic(path: &Path, must_be_sealed: bool) -> io::Result<bool> {
    let mut first = [0; 4];
    File::open(path)?.read_exact_at(&mut first, 0)?;
    Ok(first == MAGIC_SEALED || (first == MAGIC_PLAIN && !must_be_sealed))
}

/// Gives the wrapped data key of a sealed file; `None` of a plain one, or one without a good footer.
pub(crate) fn wrapped_key(file: &File) -> Option<Vec<u8>> {
    if !is_sealed(file) {
        return None;
    }
    let noting = Arc::new(Noting::default());
    let asking = Arc::clone(&noting);
    let opening = FileDecryptionProperties::with_key_retriever(asking).build().ok()?;
    // It ends where the key is asked for.
    let _ = ParquetMetaDataReader::new()
        .with_decryption_properties(Some(opening))
        .parse_and_finish(file);
    let mut noted = noting.0.lock().unwrap_or_else(PoisonError::into_inner);
    noted.take()
}

/// Notes which key is asked for, and gives none.
#[derive(Default)]
struct Noting(Mutex<Option<Vec<u8>>>);

impl KeyRetriever for Noting {
    fn retrieve_key(&self, key_metadata: &[u8]) -> Result<Vec<u8>, ParquetError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(key_metadata.to_vec());
        Err(ParquetError::General("no key".to_owned()))
    }
}

/// Fails where the file does not begin and end as a sealed one does: a writer that was built without
/// encryption would write plain text and say nothing.
pub(crate) fn assert_sealed(path: &Path, name: &str) -> Result<(), StoreError> {
    let ends_sealed = || {
        let file = File::open(path)?;
        let mut last = [0; 4];
        file.read_exact_at(&mut last, file.metadata()?.len().saturating_sub(4))?;
        Ok(is_sealed(&file) && last == MAGIC_SEALED)
    };
    if ends_sealed().during(|| format!("look at {}", path.display()))? {
        return Ok(());
    }
    Err(StoreError::sealed(name, "was to be sealed and came out plain; it is not kept"))
}
