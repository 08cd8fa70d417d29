//! Tells a batch that is sent again from another one.

use std::fmt::Write;
use std::net::IpAddr;

use model::{BATCH_KEY, Checkpoint, Record};
use sha2::{Digest, Sha256};

/// Half a SHA-256: enough that no two batches of ten minutes meet.
const KEY_BYTES: usize = 16;

/// Gives the checkpoint by which the store knows the batch again. The records are part of it, so a
/// sender that names all its batches alike loses nothing.
pub(super) fn checkpoint(name: &str, peer: IpAddr, records: &[Record]) -> Checkpoint {
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update(u64::try_from(bytes.len()).unwrap_or_default().to_le_bytes());
        hash.update(bytes);
    };
    add(name.as_bytes());
    add(peer.to_string().as_bytes());
    for record in records {
        add(record.text.as_bytes());
    }
    let mut key = BATCH_KEY.to_owned();
    for byte in hash.finalize().iter().take(KEY_BYTES) {
        // Writing to a string cannot fail.
        let _ = write!(key, "{byte:02x}");
    }
    let at = records.first().map_or(0, |record| record.received_at.nanos());
    Checkpoint { key, position: at.to_string() }
}
