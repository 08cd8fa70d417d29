//! RESP2, the protocol of Redis: arrays of bulk strings, or words on a line.
//!
//! ```text
//! *2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n          AUTH secret\r\n
//! ```

use crate::held::Held;

/// Bounds a command on a line; Redis bounds it alike.
const INLINE_BYTES_MAX: usize = 64 * 1024;
/// Bounds the words of a command; further ones are read and counted, not kept.
const WORDS_MAX: usize = 1_024;
/// Bounds what is kept of one word; the rest is read and counted.
const WORD_BYTES_MAX: usize = 64 * 1024;
/// Bounds what is kept of all words of a command.
const COMMAND_BYTES_MAX: usize = 256 * 1024;
/// What Redis itself takes for the number of words and the length of one.
const CLAIMED_WORDS_MAX: u64 = 1024 * 1024;
const CLAIMED_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// A command as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    /// Its words; the first is the name.
    pub(super) words: Vec<Vec<u8>>,
    /// How many bytes of it were read and not kept.
    pub(super) dropped_bytes: u64,
}

/// What Redis answers to bytes that are no command, before it hangs up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault(pub(super) String);

/// Where the reader stands.
#[derive(Debug, Default)]
enum Place {
    /// Before a command.
    #[default]
    Start,
    /// So many words are still to come; the next line tells the length of one.
    Length { words: u64 },
    /// Within a word: so many bytes are to come, and so many words after it.
    Word { bytes: u64, words: u64 },
    /// Before the line end that follows a word.
    End { bytes: u8, words: u64 },
}

/// Reads commands from bytes in pieces of any length.
#[derive(Debug, Default)]
pub(super) struct Reader {
    line: Vec<u8>,
    place: Place,
    command: Command,
    kept: usize,
    held: Held,
}

impl Reader {
    /// Reads from the front of `input` until a command is whole; `None` where more is needed.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Command>, Fault> {
        while !input.is_empty() {
            match self.place {
                Place::Start => {
                    let Some(line) = self.line(input, "too big inline request")? else { break };
                    if let Some(command) = self.start(&line)? {
                        return Ok(Some(command));
                    }
                }
                Place::Length { words } => {
                    let Some(line) = self.line(input, "too big bulk count string")? else { break };
                    self.place = Place::Word { bytes: length(&line)?, words: words - 1 };
                    if self.command.words.len() < WORDS_MAX {
                        self.command.words.push(Vec::new());
                    }
                }
                Place::Word { bytes, words } => self.word(input, bytes, words),
                Place::End { bytes, words } => {
                    *input = input.get(1..).unwrap_or_default();
                    self.place = match bytes {
                        2.. => Place::End { bytes: 1, words },
                        _ if words > 0 => Place::Length { words },
                        _ => return Ok(Some(self.taken())),
                    };
                }
            }
        }
        Ok(None)
    }

    fn taken(&mut self) -> Command {
        self.place = Place::Start;
        self.held.give(self.kept);
        self.kept = 0;
        std::mem::take(&mut self.command)
    }

    /// A line without its end, once it is whole.
    fn line(&mut self, input: &mut &[u8], too_long: &str) -> Result<Option<Vec<u8>>, Fault> {
        let (piece, rest, whole) = match memchr::memchr(b'\n', input) {
            Some(end) => {
                let (piece, rest) = input.split_at_checked(end).unwrap_or((input, &[]));
                (piece, rest.get(1..).unwrap_or_default(), true)
            }
            None => (*input, &[][..], false),
        };
        if self.line.len() + piece.len() > INLINE_BYTES_MAX {
            return Err(Fault(format!("Protocol error: {too_long}")));
        }
        self.line.extend_from_slice(piece);
        *input = rest;
        if !whole {
            return Ok(None);
        }
        let mut line = std::mem::take(&mut self.line);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Some(line))
    }

    fn start(&mut self, line: &[u8]) -> Result<Option<Command>, Fault> {
        let Some(count) = line.strip_prefix(b"*") else {
            let words = words(line)?;
            return Ok((!words.is_empty()).then_some(Command { words, dropped_bytes: 0 }));
        };
        let count = number(count)
            .filter(|count| *count <= i64::try_from(CLAIMED_WORDS_MAX).unwrap_or(i64::MAX))
            .ok_or_else(|| Fault("Protocol error: invalid multibulk length".to_owned()))?;
        if let Ok(words @ 1..) = u64::try_from(count) {
            self.place = Place::Length { words };
        }
        Ok(None)
    }

    fn word(&mut self, input: &mut &[u8], bytes: u64, words: u64) {
        let here = usize::try_from(bytes).unwrap_or(usize::MAX).min(input.len());
        let (piece, rest) = input.split_at_checked(here).unwrap_or((input, &[]));
        *input = rest;
        let claimed = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        let kept = self.keep(piece);
        self.command.dropped_bytes += claimed.saturating_sub(kept);
        let bytes = bytes.saturating_sub(claimed);
        self.place =
            if bytes > 0 { Place::Word { bytes, words } } else { Place::End { bytes: 2, words } };
    }

    fn keep(&mut self, piece: &[u8]) -> u64 {
        let room = COMMAND_BYTES_MAX.saturating_sub(self.kept);
        // The last place stays empty: it stands for all words past the bound.
        let full = self.command.words.len() >= WORDS_MAX;
        let Some(word) = self.command.words.last_mut().filter(|_| !full) else { return 0 };
        let room = room.min(WORD_BYTES_MAX.saturating_sub(word.len()));
        let piece = piece.get(..room).unwrap_or(piece);
        if !self.held.take(piece.len()) {
            return 0;
        }
        word.extend_from_slice(piece);
        self.kept += piece.len();
        u64::try_from(piece.len()).unwrap_or(u64::MAX)
    }
}

fn length(line: &[u8]) -> Result<u64, Fault> {
    let Some(digits) = line.strip_prefix(b"$") else {
        let found = line.first().copied().map_or('\0', char::from);
        return Err(Fault(format!("Protocol error: expected '$', got '{found}'")));
    };
    number(digits)
        .and_then(|length| u64::try_from(length).ok())
        .filter(|length| *length <= CLAIMED_BYTES_MAX)
        .ok_or_else(|| Fault("Protocol error: invalid bulk length".to_owned()))
}

fn number(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The words of a line, quotes undone as Redis does.
fn words(line: &[u8]) -> Result<Vec<Vec<u8>>, Fault> {
    let unbalanced = || Fault("Protocol error: unbalanced quotes in request".to_owned());
    let mut words = Vec::new();
    let mut rest = line.iter().copied().peekable();
    loop {
        while rest.next_if(u8::is_ascii_whitespace).is_some() {}
        if rest.peek().is_none() {
            return Ok(words);
        }
        let mut word = Vec::new();
        match rest.next_if(|byte| matches!(byte, b'"' | b'\'')) {
            Some(quote) => loop {
                match rest.next().ok_or_else(unbalanced)? {
                    byte if byte == quote => break,
                    b'\\' if quote == b'"' => {
                        word.push(match rest.next().ok_or_else(unbalanced)? {
                            b'n' => b'\n',
                            b'r' => b'\r',
                            b't' => b'\t',
                            byte => byte,
                        });
                    }
                    byte => word.push(byte),
                }
            },
            None => {
                while let Some(byte) = rest.next_if(|byte| !byte.is_ascii_whitespace()) {
                    word.push(byte);
                }
            }
        }
        if words.len() < WORDS_MAX {
            words.push(word);
        }
    }
}

/// `+text\r\n`.
pub(super) fn simple(text: &str) -> Vec<u8> {
    format!("+{text}\r\n").into_bytes()
}

/// `-text\r\n`; line ends within become spaces, as Redis does.
pub(super) fn error(text: &str) -> Vec<u8> {
    format!("-{}\r\n", text.replace(['\r', '\n'], " ")).into_bytes()
}

/// `:number\r\n`.
pub(super) fn integer(number: impl std::fmt::Display) -> Vec<u8> {
    format!(":{number}\r\n").into_bytes()
}

/// A bulk string.
pub(super) fn bulk(text: impl AsRef<[u8]>) -> Vec<u8> {
    let text = text.as_ref();
    let mut out = format!("${}\r\n", text.len()).into_bytes();
    out.extend_from_slice(text);
    out.extend_from_slice(b"\r\n");
    out
}

/// The bulk string that is not there.
pub(super) fn nothing() -> Vec<u8> {
    b"$-1\r\n".to_vec()
}

/// An array of what is already written.
pub(super) fn array(items: &[Vec<u8>]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", items.len()).into_bytes();
    for item in items {
        out.extend_from_slice(item);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8], step: usize) -> (Vec<Command>, Option<Fault>) {
        let mut reader = Reader::default();
        let mut commands = Vec::new();
        for mut piece in bytes.chunks(step.max(1)) {
            while !piece.is_empty() {
                match reader.next(&mut piece) {
                    Ok(Some(command)) => commands.push(command),
                    Ok(None) => {}
                    Err(fault) => return (commands, Some(fault)),
                }
            }
        }
        (commands, None)
    }

    fn told(bytes: &[u8]) -> Vec<Vec<String>> {
        let text = |word: &Vec<u8>| String::from_utf8_lossy(word).into_owned();
        read(bytes, 3).0.iter().map(|command| command.words.iter().map(text).collect()).collect()
    }

    #[test]
    fn commands_in_pieces_and_on_lines() {
        assert_eq!(
            told(b"*2\r\n$4\r\nAUTH\r\n$6\r\nsec\r\nt\r\nPING\r\n\r\nset k \"a b\\n\"\r\n*0\r\n*1\r\n$0\r\n\r\n"),
            [vec!["AUTH", "sec\r\nt"], vec!["PING"], vec!["set", "k", "a b\n"], vec![""]]
        );
    }

    #[test]
    fn what_is_no_command_is_answered_in_the_words_of_redis() {
        let fault = |bytes: &[u8]| read(bytes, 1000).1.map(|fault| fault.0).unwrap_or_default();
        assert_eq!(fault(b"*2\r\nAUTH\r\n"), "Protocol error: expected '$', got 'A'");
        assert_eq!(fault(b"*99999999\r\n"), "Protocol error: invalid multibulk length");
        assert_eq!(fault(b"*1\r\n$-5\r\n"), "Protocol error: invalid bulk length");
        assert_eq!(fault(b"set \"a\r\n"), "Protocol error: unbalanced quotes in request");
        assert_eq!(fault(&vec![b'a'; 70_000]), "Protocol error: too big inline request");
    }

    #[test]
    fn a_long_word_is_read_and_cut() {
        let mut bytes = b"*2\r\n$3\r\nSET\r\n$100000\r\n".to_vec();
        bytes.extend(vec![b'x'; 100_000]);
        bytes.extend(b"\r\nPING\r\n");
        let (commands, fault) = read(&bytes, 4096);
        assert_eq!(fault, None);
        assert_eq!(commands[0].words[1].len(), WORD_BYTES_MAX);
        assert_eq!(commands[0].dropped_bytes, 100_000 - 65_536);
        assert_eq!(commands[1].words, [b"PING".to_vec()]);
    }

    proptest! {
        #[test]
        fn pieces_of_any_length_give_the_same(
            words in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6),
            step in 1..20usize,
        ) {
            let bytes = array(&words.iter().map(bulk).collect::<Vec<_>>());
            let (commands, fault) = read(&bytes, step);
            prop_assert_eq!(fault, None);
            prop_assert_eq!(commands, vec![Command { words, dropped_bytes: 0 }]);
        }

        #[test]
        fn any_bytes_are_read_within_bounds(
            bytes in prop::collection::vec(prop_oneof![Just(b'*'), Just(b'$'), Just(b'\n'), Just(b'2'), any::<u8>()], 0..400),
            step in 1..50usize,
        ) {
            let whole = read(&bytes, 1000);
            prop_assert_eq!(read(&bytes, step), whole);
        }
    }
}
