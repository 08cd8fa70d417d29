//! Memory that visitors may fill, counted over all connections: many sources together cannot take more
//! than one of them would be given alone.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Bounds what all connections hold of bodies, commands and keys at once.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// How many bytes are held now.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// A part of the budget; given back when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct Charge(usize);

impl Charge {
    /// Takes so much more; false where all is taken.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let before = HELD.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > BYTES_MAX {
            HELD.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.0 += bytes;
        true
    }

    /// Gives so much back.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.0);
        self.0 -= bytes;
        HELD.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        HELD.fetch_sub(self.0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_refused() {
        let mut charge = Charge::default();
        assert!(!charge.grow(BYTES_MAX + 1));
        assert!(charge.grow(100));
        charge.shrink(40);
        assert_eq!(charge.0, 60);
        charge.shrink(1_000);
        assert_eq!(charge.0, 0);
    }
}
