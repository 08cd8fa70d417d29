//! Reads a stream as it lies: plain, gzip, zstd, xz or bzip2, told by its first bytes.
//!
//! Streams of several members, as log rotation and `cat` make them, are read to their end. Memory is
//! bounded; how much comes out is for the caller to bound.

use std::fmt;
use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use liblzma::read::XzDecoder;

use crate::lines::length_of;

const HEAD_BYTES: u64 = 8;
/// What an xz stream may ask for.
const XZ_MEMORY_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// What a zstd stream may ask for, as a power of two: 128 MiB, which is what its own tool allows.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;
const PACKED_BUFFER_BYTES: usize = 64 * 1024;

/// How the first bytes of things begin that are no text.
const BINARY: &[(&[u8], &str)] = &[
    (b"\x30\0\0\0LfLe", "an event file of Windows before Vista"),
    (b"\xd4\xc3\xb2\xa1", "captured packets"),
    (b"\xa1\xb2\xc3\xd4", "captured packets"),
    (b"\x4d\x3c\xb2\xa1", "captured packets"),
    (b"\x0a\x0d\x0d\x0a", "captured packets"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3\0", "a database"),
    (b"LPKSHHRH", "a systemd journal"),
];

/// A stream of what was packed.
pub(super) struct Unpacked(Box<dyn Read + Send>);

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl fmt::Debug for Unpacked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unpacked")
    }
}

/// Unpacks a stream, counting into `read` what is read of it.
pub(super) fn unpack(stream: Box<dyn Read + Send>, read: &Arc<AtomicU64>) -> io::Result<Unpacked> {
    let mut stream = Counting { stream, read: Arc::clone(read) };
    let mut head = Vec::new();
    (&mut stream).take(HEAD_BYTES).read_to_end(&mut head)?;
    let kind = Kind::of(&head);
    let whole = Cursor::new(head).chain(stream);
    let buffered = |whole| BufReader::with_capacity(PACKED_BUFFER_BYTES, whole);
    Ok(Unpacked(match kind {
        Kind::Plain => Box::new(whole),
        Kind::Gzip => Box::new(MultiGzDecoder::new(buffered(whole))),
        Kind::Bzip2 => Box::new(MultiBzDecoder::new(buffered(whole))),
        Kind::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(buffered(whole))?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            Box::new(decoder)
        }
        Kind::Xz => {
            let decoder = liblzma::stream::Stream::new_stream_decoder(
                XZ_MEMORY_BYTES_MAX,
                liblzma::stream::CONCATENATED,
            )?;
            Box::new(XzDecoder::new_stream(buffered(whole), decoder))
        }
    }))
}

/// Tells what a file is that begins so, if it is no text.
pub(super) fn not_text(bytes: &[u8]) -> Option<&'static str> {
    let known = BINARY.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, what)| *what);
    let tar = || (bytes.get(257..262) == Some(b"ustar")).then_some("a tar archive");
    let mostly_nul = || {
        let start = bytes.get(..4096).unwrap_or(bytes);
        let nuls = memchr::memchr_iter(0, start).count();
        // A hole at the beginning of a log that was truncated beneath its writer is still a log.
        let hole = start.iter().take_while(|byte| **byte == 0).count();
        (nuls - hole > start.len() / 4).then_some("binary")
    };
    known.or_else(tar).or_else(mostly_nul)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

impl Kind {
    fn of(head: &[u8]) -> Self {
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31 | 0x17, ..] => Self::Bzip2,
            _ => Self::Plain,
        }
    }
}

struct Counting {
    stream: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.stream.read(buffer)?;
        self.read.fetch_add(length_of(length), Ordering::Relaxed);
        Ok(length)
    }
}
