//! Cuts a stream into RELP frames.
//!
//! ```text
//! 2 syslog 27 <13>Nov 21 06:58:00 web up\n      number, command, length of the data, data, line feed
//! 3 close 0\n                                   without data there is no space before the line feed
//! ```

use std::fmt;

use crate::lines::{Line, Partial, Trim, length};

/// The longest head: nine digits, a space, a command of 32 letters, a space, nine digits.
const HEAD_BYTES_MAX: usize = 9 + 1 + 32 + 1 + 9;
const DIGITS_MAX: usize = 9;
/// What a sender offers of itself is not looked at, and need not be long.
const OFFER_BYTES_MAX: u64 = 64 * 1024;

/// What a sender wants; the number is that of the frame, to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Open(u32),
    /// A message, which has been handed on.
    Syslog(u32),
    Close(u32),
}

/// Why a connection speaks something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotRelp {
    Head,
    Command,
    Length,
    End,
    Order,
}

impl fmt::Display for NotRelp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Head => "no RELP: a frame begins with a number, a command and a length",
            Self::Command => "a RELP command other than open, syslog and close",
            Self::Length => "an offer of a length that none has",
            Self::End => "a RELP frame that does not end with its line feed",
            Self::Order => "a RELP session that does not begin with open, or opens twice",
        })
    }
}

/// One connection's bytes on their way to become frames.
#[derive(Debug)]
pub(super) struct Frames {
    state: State,
    head: Vec<u8>,
    message: Partial,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Head,
    Data { frame: Frame, left: u64 },
    End { frame: Frame },
    Broken(NotRelp),
}

impl Frames {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            state: State::Head,
            head: Vec::with_capacity(HEAD_BYTES_MAX + 1),
            message: Partial::new(bytes_max, Trim::CrNul),
        }
    }

    /// Takes bytes off `rest` until a frame has ended, and gives it; a message goes to `each`. `None`
    /// where the bytes are used up. After an error there is nothing but that error.
    pub(super) fn next(
        &mut self,
        rest: &mut &[u8],
        each: &mut impl FnMut(Line<'_>),
    ) -> Result<Option<Frame>, NotRelp> {
        while let Some((first, after)) = rest.split_first() {
            match self.state {
                State::Broken(why) => return Err(why),
                State::Head => {
                    *rest = after;
                    match self.head(*first) {
                        Ok(None) => {}
                        Ok(whole) => return Ok(whole),
                        Err(why) => {
                            self.state = State::Broken(why);
                            return Err(why);
                        }
                    }
                }
                State::Data { frame, left } => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    let (data, after) = rest.split_at(here);
                    if matches!(frame, Frame::Syslog(_)) {
                        self.message.push(data);
                    }
                    let left = left.saturating_sub(length(data));
                    self.state =
                        if left > 0 { State::Data { frame, left } } else { State::End { frame } };
                    *rest = after;
                }
                State::End { frame } => {
                    if *first != b'\n' {
                        self.state = State::Broken(NotRelp::End);
                        return Err(NotRelp::End);
                    }
                    *rest = after;
                    self.state = State::Head;
                    if matches!(frame, Frame::Syslog(_)) {
                        self.message.end(&[], each);
                    }
                    return Ok(Some(frame));
                }
            }
        }
        Ok(None)
    }

    /// Takes one byte of a head; gives the frame where it ends with it.
    fn head(&mut self, byte: u8) -> Result<Option<Frame>, NotRelp> {
        let is_last = self.head.splitn(3, |byte| *byte == b' ').nth(2).is_some();
        if !is_last || !matches!(byte, b' ' | b'\n') {
            self.head.push(byte);
            let is_plain = byte.is_ascii_alphanumeric() || byte == b' ';
            let is_whole = is_plain && self.head.len() <= HEAD_BYTES_MAX;
            return if is_whole { Ok(None) } else { Err(NotRelp::Head) };
        }
        let (frame, left) = read_head(&self.head)?;
        self.head.clear();
        match (left, byte) {
            (0, b'\n') => return Ok(Some(frame)),
            (0, _) => self.state = State::End { frame },
            (_, b'\n') => return Err(NotRelp::End),
            (left, _) => self.state = State::Data { frame, left },
        }
        Ok(None)
    }
}

fn read_head(head: &[u8]) -> Result<(Frame, u64), NotRelp> {
    let head = std::str::from_utf8(head).map_err(|_| NotRelp::Head)?;
    let mut words = head.split(' ');
    let mut word = || words.next().unwrap_or_default();
    let (number, command, left) = (word(), word(), word());
    let number = digits(number).and_then(|number| u32::try_from(number).ok());
    let (Some(number), Some(left)) = (number, digits(left)) else { return Err(NotRelp::Head) };
    let is_offer = left <= OFFER_BYTES_MAX;
    match command {
        "syslog" => Ok((Frame::Syslog(number), left)),
        "open" if is_offer => Ok((Frame::Open(number), left)),
        "close" if is_offer => Ok((Frame::Close(number), left)),
        "open" | "close" => Err(NotRelp::Length),
        _ => Err(NotRelp::Command),
    }
}

fn digits(word: &str) -> Option<u64> {
    let is_number = word.len() <= DIGITS_MAX && word.bytes().all(|byte| byte.is_ascii_digit());
    word.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_session() {
        check(
            b"1 open 14 relp_version=0\n2 syslog 5 <1>\na\n3 syslog 0\n4 syslog 0 \n5 close 0\n",
            expect![[r#"Open(1), "<1>\na", Syslog(2), Syslog(3), Syslog(4), Close(5)"#]],
        );
    }

    #[test]
    fn long_messages_are_cut() {
        check(
            format!("9 syslog 40 {}\n1 close 0\n", "x".repeat(40)).as_bytes(),
            expect![[r#""xxxxxxxxxxxxxxxx" 24 cut, Syslog(9), Close(1)"#]],
        );
    }

    #[test]
    fn what_is_not_relp() {
        let head = "no RELP: a frame begins with a number, a command and a length";
        for bytes in [
            &b"<13>Nov 21 06:58:00 web up\n"[..],
            b"GET / HTTP/1.1\r\n",
            b"x syslog 1 a\n",
            b" syslog 1 a\n",
            b"1 syslog x\n",
            b"1 syslog  \n",
            b"1234567890 syslog 1 a\n",
            b"1 syslog 1234567890 a\n",
            b"1 syslogsyslogsyslogsyslogsyslogsyslogsyslogsyslogsyslogsyslog",
        ] {
            assert_eq!(told(bytes, bytes.len()), head, "{}", bytes.escape_ascii());
        }
        check(b"1 starttls 0\n", expect!["a RELP command other than open, syslog and close"]);
        check(b"1 open 99999999 ", expect!["an offer of a length that none has"]);
        check(b"1 syslog 1 ab", expect!["a RELP frame that does not end with its line feed"]);
        check(b"1 syslog 1\n", expect!["a RELP frame that does not end with its line feed"]);
    }

    proptest! {
        #[test]
        fn however_it_is_chopped(bytes in relp_like(), piece in 1_usize..20) {
            prop_assert_eq!(told(&bytes, piece), told(&bytes, bytes.len().max(1)));
        }

        #[test]
        fn whatever_comes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            told(&bytes, 7);
        }
    }

    fn relp_like() -> impl Strategy<Value = Vec<u8>> {
        let frame = prop_oneof![
            8 => (0_u32..2_000_000, "[a-z<>\\n ]{0,30}").prop_map(|(number, text)| {
                format!("{number} syslog {} {text}\n", text.len())
            }),
            1 => (0_u32..9).prop_map(|number| format!("{number} close 0\n")),
            1 => Just("1 open 3 a=b\n".to_owned()),
            1 => "[0-9a-z \\n]{0,6}",
        ];
        prop::collection::vec(frame, 0..12).prop_map(|frames| frames.concat().into_bytes())
    }

    #[track_caller]
    fn check(bytes: &[u8], expect: Expect) {
        expect.assert_eq(&told(bytes, 3));
    }

    /// Tells what the bytes hold when they come in pieces of this length.
    fn told(bytes: &[u8], piece: usize) -> String {
        let mut frames = Frames::new(16);
        let shown = std::cell::RefCell::new(Vec::new());
        for mut rest in bytes.chunks(piece) {
            let mut each = |line: Line<'_>| {
                let text = format!("{:?}", String::from_utf8_lossy(line.bytes));
                let cut = line.truncated_bytes;
                shown.borrow_mut().push(if cut > 0 { format!("{text} {cut} cut") } else { text });
            };
            loop {
                match frames.next(&mut rest, &mut each) {
                    Ok(None) => break,
                    Ok(Some(frame)) => shown.borrow_mut().push(format!("{frame:?}")),
                    Err(why) => {
                        shown.borrow_mut().push(why.to_string());
                        return shown.into_inner().join(", ");
                    }
                }
            }
        }
        shown.into_inner().join(", ")
    }
}
