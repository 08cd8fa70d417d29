//! Protocols of text lines: what has come is taken line by line.

/// What a reader of lines says to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next line is wanted.
    Line,
    /// Nothing after this line is for this reader.
    Stop,
}

/// How far [`each`] got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    /// The bytes of whole lines.
    pub(crate) taken: u64,
    /// The reader said [`Next::Stop`].
    pub(crate) stopped: bool,
}

/// Shows each whole line without its end; a line without one is left for the next time.
pub(crate) fn each(bytes: &[u8], mut read: impl FnMut(&[u8]) -> Next) -> Read {
    let mut taken = 0_usize;
    loop {
        let rest = bytes.get(taken..).unwrap_or_default();
        let Some(end) = memchr::memchr(b'\n', rest) else {
            return Read { taken: count(taken), stopped: false };
        };
        let line = rest.get(..end).unwrap_or_default();
        taken += end + 1;
        match read(line.strip_suffix(b"\r").unwrap_or(line)) {
            Next::Line => {}
            Next::Stop => return Read { taken: count(taken), stopped: true },
        }
    }
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// Gives the first word in capitals, where it is one of letters and short, and what follows it.
pub(crate) fn command(line: &[u8]) -> Option<(String, &[u8])> {
    let end = memchr::memchr(b' ', line).unwrap_or(line.len());
    let (word, rest) = line.split_at_checked(end)?;
    let plain = (1..=16).contains(&word.len()) && word.iter().all(u8::is_ascii_alphanumeric);
    let word = plain.then(|| String::from_utf8_lossy(word).to_ascii_uppercase())?;
    Some((word, rest.trim_ascii()))
}

/// Gives the code of an answer, and whether it is the last line of one (RFC 5321, RFC 959).
pub(crate) fn reply(line: &[u8]) -> Option<(u16, bool)> {
    let digits = line.get(..3)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let code = digits.iter().fold(0, |sum: u16, digit| sum * 10 + u16::from(digit - b'0'));
    match line.get(3) {
        None | Some(b' ') => Some((code, true)),
        Some(b'-') => Some((code, false)),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_lines_only() {
        let mut seen = Vec::new();
        let read = each(b"one\r\ntwo\nthr", |line| {
            seen.push(line.to_vec());
            Next::Line
        });
        assert_eq!((read.taken, seen), (9, vec![b"one".to_vec(), b"two".to_vec()]));
        let read = each(b"one\ntwo\n", |_| Next::Stop);
        assert_eq!(read, Read { taken: 4, stopped: true });
    }

    #[test]
    fn words_and_codes() {
        assert_eq!(command(b"user ann "), Some(("USER".into(), &b"ann"[..])));
        assert_eq!(command(b"\xff\xfd ann"), None);
        assert_eq!(reply(b"220-hello"), Some((220, false)));
        assert_eq!(reply(b"220"), Some((220, true)));
        assert_eq!(reply(b"220x"), None);
        assert_eq!(reply(b"2x0 "), None);
    }
}
