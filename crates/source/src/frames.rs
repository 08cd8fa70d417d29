//! Syslog over TCP, cut into frames (RFC 6587).
//!
//! Two framings are in use, and one connection may mix them, so each frame is looked at anew:
//!
//! ```text
//! 27 <13>Nov 21 06:58:00 web up\n     octet counting: the length, a space, the message
//! <13>Nov 21 06:58:00 web up\n        a line feed ends the message
//! ```
//!
//! A frame is octet-counted if it begins with a length, a space and `<`. Once a connection has sent one
//! such frame, the `<` is no longer asked for.

use crate::lines::{Line, Partial, Trim, length, split_line};

/// Longer lengths are no lengths.
const LENGTH_DIGITS_MAX: usize = 8;

/// Cuts one connection's bytes into frames.
#[derive(Debug)]
pub(crate) struct Framer {
    state: State,
    partial: Partial,
    /// The first bytes of a frame whose framing is not yet clear.
    head: Vec<u8>,
    octets_seen: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Start,
    Line,
    Octets { left: u64 },
}

/// What the first bytes of a frame say.
enum Framing {
    Unclear,
    Line,
    Octets { length: u64, header: usize },
}

impl Framer {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            state: State::Start,
            partial: Partial::new(bytes_max, Trim::CrNul),
            head: Vec::with_capacity(LENGTH_DIGITS_MAX + 2),
            octets_seen: false,
        }
    }

    /// Takes the next bytes, and hands on each frame that they end.
    pub(crate) fn feed(&mut self, bytes: &[u8], each: &mut impl FnMut(Line<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = match self.state {
                State::Start => self.start(rest, each),
                State::Line => self.line(rest, each),
                State::Octets { left } => self.octets(left, rest, each),
            };
        }
    }

    /// Hands on what is left of a connection that has ended: half a frame is a record too.
    pub(crate) fn finish(&mut self, each: &mut impl FnMut(Line<'_>)) {
        self.partial.push(&std::mem::take(&mut self.head));
        self.partial.end(&[], each);
        self.state = State::Start;
    }

    fn start<'a>(&mut self, bytes: &'a [u8], each: &mut impl FnMut(Line<'_>)) -> &'a [u8] {
        let Some((first, rest)) = bytes.split_first() else { return bytes };
        if self.head.is_empty() {
            // What some senders put after a counted frame, and NULs that end a frame for others.
            if matches!(first, b'\n' | 0) {
                return rest;
            }
            // Nearly every frame: nothing to look ahead for, and nothing to copy.
            if !first.is_ascii_digit() {
                self.state = State::Line;
                return self.line(bytes, each);
            }
        }
        self.head.push(*first);
        match framing(&self.head, self.octets_seen) {
            Framing::Unclear => rest,
            Framing::Line => {
                // The byte just taken may itself be the line feed.
                self.head.pop();
                self.partial.push(&std::mem::take(&mut self.head));
                self.state = State::Line;
                bytes
            }
            Framing::Octets { length: octets, header } => {
                let begun = self.head.get(header..).unwrap_or_default().to_vec();
                self.head.clear();
                self.partial.push(&begun);
                self.octets_seen = true;
                self.state = State::Octets { left: octets.saturating_sub(length(&begun)) };
                self.octets(octets.saturating_sub(length(&begun)), rest, each)
            }
        }
    }

    fn line<'a>(&mut self, bytes: &'a [u8], each: &mut impl FnMut(Line<'_>)) -> &'a [u8] {
        let Some((line, rest)) = split_line(bytes) else {
            self.partial.push(bytes);
            return &[];
        };
        self.partial.end(line, each);
        self.state = State::Start;
        rest
    }

    fn octets<'a>(
        &mut self,
        left: u64,
        bytes: &'a [u8],
        each: &mut impl FnMut(Line<'_>),
    ) -> &'a [u8] {
        let whole = usize::try_from(left).ok().and_then(|left| bytes.split_at_checked(left));
        let Some((frame, rest)) = whole else {
            self.partial.push(bytes);
            self.state = State::Octets { left: left.saturating_sub(length(bytes)) };
            return &[];
        };
        self.partial.end(frame.strip_suffix(b"\n").unwrap_or(frame), each);
        self.state = State::Start;
        rest
    }
}

/// Reads the framing from the first bytes, as far as they go.
fn framing(head: &[u8], octets_seen: bool) -> Framing {
    let digits = head.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if head.first() == Some(&b'0') || digits > LENGTH_DIGITS_MAX {
        return Framing::Line;
    }
    let after = head.get(digits..).unwrap_or_default();
    let octets = Framing::Octets { length: number(head), header: digits + 1 };
    match after {
        [b' '] if octets_seen => octets,
        [b' ', b'<'] => octets,
        [] | [b' '] => Framing::Unclear,
        _ => Framing::Line,
    }
}

/// Reads the digits at the beginning; they are few.
fn number(head: &[u8]) -> u64 {
    head.iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines() {
        check(b"<13>one\n<13>two\r\n<13>three\0\n", expect!["<13>one|<13>two|<13>three"]);
    }

    #[test]
    fn counted_octets() {
        check(b"7 <13>one8 <13>t\nwo\n9 <13>three", expect!["<13>one|<13>t\nwo|<13>three"]);
    }

    #[test]
    fn both_in_one_connection() {
        check(
            b"7 <13>one<13>two\n9 <13>three\n<13>four",
            expect!["<13>one|<13>two|<13>three|<13>four"],
        );
    }

    #[test]
    fn lines_that_begin_with_a_number() {
        check(
            b"2026-11-21 up\n12 monkeys\n7\n123456789 <x\n0 <x\n",
            expect!["2026-11-21 up|12 monkeys|7|123456789 <x|0 <x"],
        );
    }

    #[test]
    fn counted_text_without_a_priority() {
        check(b"7 <13>one3 two5 three", expect!["<13>one|two|three"]);
    }

    #[test]
    fn half_a_frame_at_the_end() {
        check(b"<13>one\n<13>tw", expect!["<13>one|<13>tw"]);
        check(b"90 <13>one", expect!["<13>one"]);
        check(b"12", expect!["12"]);
    }

    #[test]
    fn too_long() {
        check(
            b"30 <13>123456789012345678901234567 <13>one",
            expect!["<13>1234567890123456(+10)|<13>one"],
        );
        check(b"<13>1234567890123456789\n", expect!["<13>1234567890123456(+3)"]);
    }

    #[track_caller]
    fn check(stream: &[u8], expect: Expect) {
        let shown: Vec<String> = frames(&[stream], 20)
            .into_iter()
            .map(|(bytes, truncated)| {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if truncated == 0 { text } else { format!("{text}(+{truncated})") }
            })
            .collect();
        expect.assert_eq(&shown.join("|"));
    }

    fn frames(chunks: &[&[u8]], bytes_max: usize) -> Vec<(Vec<u8>, u64)> {
        let mut found = Vec::new();
        let mut each = |line: Line<'_>| found.push((line.bytes.to_vec(), line.truncated_bytes));
        let mut framer = Framer::new(bytes_max);
        for chunk in chunks {
            framer.feed(chunk, &mut each);
        }
        framer.finish(&mut each);
        found
    }

    /// The twin: it has the whole stream in its hands, and takes frame after frame off its front.
    fn naive(stream: &[u8], bytes_max: usize) -> Vec<(Vec<u8>, u64)> {
        let mut found = Vec::new();
        let mut rest = stream;
        let mut octets_seen = false;
        while let Some(first) = rest.first() {
            if matches!(first, b'\n' | 0) {
                rest = &rest[1..];
                continue;
            }
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let counted = (1..=LENGTH_DIGITS_MAX).contains(&digits)
                && *first != b'0'
                && rest.get(digits) == Some(&b' ')
                && (octets_seen || rest.get(digits + 1) == Some(&b'<'));
            let mut frame;
            if counted {
                octets_seen = true;
                let length: usize = std::str::from_utf8(&rest[..digits]).unwrap().parse().unwrap();
                let body = &rest[digits + 1..];
                frame = &body[..length.min(body.len())];
                rest = &body[frame.len()..];
                if frame.len() == length {
                    frame = frame.strip_suffix(b"\n").unwrap_or(frame);
                }
            } else {
                let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                frame = &rest[..end];
                rest = rest.get(end + 1..).unwrap_or_default();
            }
            let total = frame.len();
            while total <= bytes_max + 1 && matches!(frame, [.., b'\r' | 0]) {
                frame = &frame[..frame.len() - 1];
            }
            let kept = &frame[..frame.len().min(bytes_max)];
            if !kept.is_empty() {
                found.push((kept.to_vec(), length(frame) - length(kept)));
            }
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn any_chopping_gives_the_same_frames(
            pieces in prop::collection::vec(prop_oneof![
                Just(b"\n".to_vec()), Just(b"\r\n".to_vec()), Just(b"\0".to_vec()),
                Just(b"5 <1>ab".to_vec()), Just(b"12 <1".to_vec()), Just(b"<1>x".to_vec()),
                Just(b"3 ".to_vec()), Just(b"07 <".to_vec()), Just(b"123456789 <a".to_vec()),
                prop::collection::vec(prop::sample::select(b"1 <a\n\r\0".to_vec()), 0..5),
            ], 0..16),
            bytes_max in 1_usize..6,
        ) {
            let chunks: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(frames(&chunks, bytes_max), naive(&chunks.concat(), bytes_max));
        }
    }
}
