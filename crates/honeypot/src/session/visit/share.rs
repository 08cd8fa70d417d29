//! What a visitor and his source may take, and by what his TLS is known.

use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fingerprint::{Carrier, ClientHello};

use super::{NAME_BYTES_MAX, Visit};
use crate::admission::{Admissions, SourceKey};
use crate::session::{End, Fields};
use crate::text::shown;

/// What may be kept of a session's files beyond what it sent: a fake shell makes large ones of few words,
/// which must not drive out of the quarantine what others left.
const MADE_BYTES_MAX: u64 = 4 << 20;

impl Visit {
    /// Counts what was received other than by the session's own reading, such as on a second
    /// connection; fails at the bound.
    pub fn received(&self, bytes: usize) -> Result<(), End> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let before = self.0.bytes_in.fetch_add(bytes, Ordering::Relaxed);
        let bytes_max = self.bounds().session_mb_max.saturating_mul(1 << 20);
        let goes_on = self.admissions().sent(self.source(), bytes);
        if before.saturating_add(bytes) > bytes_max || !goes_on { Err(End::Bytes) } else { Ok(()) }
    }

    pub(super) fn source(&self) -> SourceKey {
        SourceKey::of(self.0.peer.ip())
    }

    pub(super) fn admissions(&self) -> MutexGuard<'_, Admissions> {
        self.0.house.admissions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts work that was done for this visitor's source; gives how long it is to wait for more.
    pub(crate) fn worked(&self, took: Duration) -> Duration {
        self.admissions().worked(self.source(), took, Instant::now())
    }

    /// Waits for this source's turn of an expensive beginning.
    pub(crate) async fn turn(&self) {
        let wait = self.admissions().begins(self.source(), Instant::now());
        tokio::time::sleep(wait).await;
    }

    /// Takes the record with which a client begins TLS: what identifies it stands in every event from
    /// here on, by the names that captured traffic has too.
    pub(crate) fn met(&self, record: &[u8]) {
        let Some(hello) = ClientHello::of_record(record) else { return };
        let mut fields = Fields::new()
            .with("tls.client.ja3", hello.ja3())
            .with("tls.client.ja4", hello.ja4(Carrier::Tcp))
            .with("tls.client.version_highest", fingerprint::version_name(hello.version_highest()));
        if let Some(name) = &hello.server_name {
            fields.set("tls.client.server_name", shown(name, NAME_BYTES_MAX));
        }
        if !hello.protocols.is_empty() {
            let protocols = hello.protocols.iter().map(|name| shown(name, NAME_BYTES_MAX));
            fields.set("tls.client.next_protocols", protocols.collect::<Vec<_>>());
        }
        // A client begins TLS once; a second beginning says nothing new.
        let _ = self.0.tls.set(Box::new(fields));
    }

    /// Gives how many of so many bytes of a file may be kept, and counts them.
    pub(in crate::session) fn may_keep(&self, bytes: usize) -> usize {
        let mut noted = self.0.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let room = self.bytes_in().saturating_add(MADE_BYTES_MAX).saturating_sub(noted.kept);
        let kept = bytes.min(usize::try_from(room).unwrap_or(usize::MAX));
        noted.kept = noted.kept.saturating_add(u64::try_from(kept).unwrap_or(u64::MAX));
        kept
    }
}
