//! What sessions hold in memory of what was sent to them: bounded over all of them together, so that
//! many who write a little cannot take what one may.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that all sessions hold together.
const BYTES_MAX: usize = 256 << 20;

static HELD: AtomicUsize = AtomicUsize::new(0);

/// The share of one session; given back when it goes.
#[derive(Debug, Default)]
pub(crate) struct Held(usize);

impl Held {
    /// Takes so many bytes more; tells whether there was room.
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        let fits = HELD.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
            held.checked_add(bytes).filter(|held| *held <= BYTES_MAX)
        });
        if fits.is_ok() {
            self.0 = self.0.saturating_add(bytes);
        }
        fits.is_ok()
    }

    /// Gives so many bytes back.
    pub(crate) fn give(&mut self, bytes: usize) {
        let bytes = bytes.min(self.0);
        self.0 -= bytes;
        HELD.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Takes or gives back until it is so many bytes; tells whether there was room.
    pub(crate) fn set(&mut self, bytes: usize) -> bool {
        self.give(self.0.saturating_sub(bytes));
        self.take(bytes.saturating_sub(self.0))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.fetch_sub(self.0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_given_back() {
        let mut held = Held::default();
        assert!(!held.take(BYTES_MAX + 1));
        assert!(held.take(BYTES_MAX / 4));
        let mut other = Held::default();
        assert!(!other.take(BYTES_MAX));
        drop(held);
        assert!(other.take(BYTES_MAX / 4));
        other.give(BYTES_MAX);
        assert_eq!(other.0, 0);
        assert!(other.set(60) && other.set(40) && other.0 == 40);
    }
}
