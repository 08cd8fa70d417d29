//! Zstandard, one frame at a time, with one decompressor a thread.

use std::cell::RefCell;
use std::io;

/// Gives the text of a frame that is said to be so long.
pub(crate) fn unzip(frame: &[u8], length: usize) -> io::Result<Vec<u8>> {
    thread_local! {
        static ZSTD: RefCell<Option<zstd::bulk::Decompressor<'static>>> =
            const { RefCell::new(None) };
    }
    ZSTD.with_borrow_mut(|zstd| {
        let zstd = match zstd {
            Some(zstd) => zstd,
            None => zstd.insert(zstd::bulk::Decompressor::new()?),
        };
        zstd.decompress(frame, length)
    })
}

/// Gives how long the text of a frame is, where the frame says so.
pub(crate) fn length_of(frame: &[u8]) -> Option<usize> {
    let length = zstd::zstd_safe::get_frame_content_size(frame).ok().flatten()?;
    usize::try_from(length).ok()
}
