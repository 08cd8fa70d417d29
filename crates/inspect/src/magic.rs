//! What a file is by its first bytes, whatever its name and its sender say.

/// A sort of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Magic {
    /// A picture in pixels.
    Image,
    /// Sound or film.
    Media,
    /// A PDF document.
    Pdf,
    /// ZIP and what is built on it: office documents, Java archives.
    Zip,
    /// Another compressed file.
    Packed,
    /// A program of the machine: Windows, Linux, macOS, Java bytecode.
    Program,
}

const MAGICS: &[(&[u8], Magic)] = &[
    (b"\xff\xd8\xff", Magic::Image),
    (b"\x89PNG\r\n\x1a\n", Magic::Image),
    (b"GIF87a", Magic::Image),
    (b"GIF89a", Magic::Image),
    (b"BM", Magic::Image),
    (b"II*\0", Magic::Image),
    (b"MM\0*", Magic::Image),
    (b"\0\0\x01\0", Magic::Image),
    (b"ID3", Magic::Media),
    (b"OggS", Magic::Media),
    (b"fLaC", Magic::Media),
    (b"\x1a\x45\xdf\xa3", Magic::Media),
    (b"%PDF-", Magic::Pdf),
    (b"PK\x03\x04", Magic::Zip),
    (b"\x1f\x8b", Magic::Packed),
    (b"BZh", Magic::Packed),
    (b"\xfd7zXZ\0", Magic::Packed),
    (b"7z\xbc\xaf\x27\x1c", Magic::Packed),
    (b"Rar!\x1a\x07", Magic::Packed),
    (b"\x28\xb5\x2f\xfd", Magic::Packed),
    (b"\x7fELF", Magic::Program),
    (b"\xca\xfe\xba\xbe", Magic::Program),
    (b"\xcf\xfa\xed\xfe", Magic::Program),
];

/// The smallest header of a bitmap and of a Windows program: two letters alone begin many texts.
const HEADER_BYTES_MIN: usize = 26;

/// Tells what `content` is; `None` for text and for what is not known.
pub(crate) fn of(content: &[u8]) -> Option<Magic> {
    let known = MAGICS.iter().find(|(magic, _)| content.starts_with(magic));
    match known {
        // The sizes in a bitmap's header are small numbers in four bytes each.
        Some((b"BM", magic)) => {
            let plain = content.get(..HEADER_BYTES_MIN).is_some_and(|head| head.contains(&0));
            plain.then_some(*magic)
        }
        Some((_, magic)) => Some(*magic),
        None => boxed(content),
    }
}

/// Formats whose first bytes are a size.
fn boxed(content: &[u8]) -> Option<Magic> {
    if content.starts_with(b"MZ") {
        let head = content.get(..HEADER_BYTES_MIN)?;
        return head.contains(&0).then_some(Magic::Program);
    }
    match (content.get(..4)?, content.get(4..8)?, content.get(8..12)?) {
        (b"RIFF", _, b"WEBP") | (_, b"ftyp", b"avif" | b"heic" | b"mif1") => Some(Magic::Image),
        (b"RIFF", _, b"WAVE" | b"AVI ") | (_, b"ftyp", _) => Some(Magic::Media),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_texts_that_begin_alike() {
        for (content, magic) in [
            (&b"GIF89a,\0,\0"[..], Some(Magic::Image)),
            (b"BMW and Audi, a comparison of two makers", None),
            (b"BM\x36\x30\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x10\0\0\0\x10\0\0\0", Some(Magic::Image)),
            (b"MZ is no reason for a header, only a word", None),
            (b"\0\0\0\x20ftypavif\0\0\0\0", Some(Magic::Image)),
            (b"RIFF\x24\0\0\0WAVEfmt ", Some(Magic::Media)),
            (b"%PDF-1.7", Some(Magic::Pdf)),
            (b"<?xml version=\"1.0\"?>", None),
            (b"", None),
        ] {
            assert_eq!(of(content), magic, "{}", content.escape_ascii());
        }
    }
}
