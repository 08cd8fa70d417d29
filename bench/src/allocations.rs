//! An allocator that counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Passes every call on to the system's allocator and counts, each thread for itself: an atomic
/// counter would slow down just those whom it counts.
#[derive(Debug)]
pub struct Counting;

thread_local! {
    static COUNTS: Cell<Counts> = const { Cell::new(Counts { calls: 0, live_bytes: 0 }) };
}

/// What this thread has asked of the allocator.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// How often it asked for memory, or for more of it.
    pub calls: i64,
    /// How many bytes it holds.
    pub live_bytes: i64,
}

/// Gives the counts so far; subtract two of them.
pub fn counts() -> Counts {
    COUNTS.with(Cell::get)
}

fn count(calls: i64, bytes: i64) {
    // A thread that is ending has no counts any more, and nobody to read them.
    let _ = COUNTS.try_with(|cell| {
        let counts = cell.get();
        let live_bytes = counts.live_bytes + bytes;
        cell.set(Counts { calls: counts.calls + calls, live_bytes });
    });
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[allow(
    unsafe_code,
    reason = "a global allocator is an unsafe trait; each call is passed on as it came"
)]
// SAFETY: every call goes to the system's allocator with the caller's own arguments, so what the
// system's allocator guarantees holds here; counting touches no memory but a thread-local cell,
// which is constant from the start and so never allocates itself.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, signed(layout.size()));
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, -signed(layout.size()));
        // SAFETY: the caller's promise about `pointer` and `layout` is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, signed(size) - signed(layout.size()));
        // SAFETY: the caller's promise about all three is passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
