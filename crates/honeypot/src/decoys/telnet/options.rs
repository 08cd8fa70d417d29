//! The options of Telnet (RFC 854, 855): what is negotiated is taken out of what is typed.

const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const SE: u8 = 240;
const ECHO: u8 = 1;
const GO_AHEAD: u8 = 3;
const WINDOW: u8 = 31;

/// What a BusyBox `telnetd` says first.
pub(super) const OPENING: &[u8] =
    &[IAC, DO, ECHO, IAC, DO, WINDOW, IAC, WILL, ECHO, IAC, WILL, GO_AHEAD];

/// Bounds what is remembered of what the client negotiated, and the answers to it.
const SEEN_MAX: usize = 32;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Command,
    Option(u8),
    Inside,
    InsideCommand,
}

/// Follows the negotiation, byte by byte.
#[derive(Debug, Default)]
pub(super) struct Options {
    state: State,
    seen: Vec<(u8, u8)>,
}

impl Options {
    /// Takes a byte; gives it where it is text. What is to be answered is added to `answer`.
    pub(super) fn byte(&mut self, byte: u8, answer: &mut Vec<u8>) -> Option<u8> {
        let state = std::mem::take(&mut self.state);
        match (state, byte) {
            (State::Text, IAC) => self.state = State::Command,
            (State::Text, byte) => return Some(byte),
            (State::Command, IAC) => return Some(IAC),
            (State::Command, WILL..=DONT | SB) => self.state = State::Option(byte),
            (State::Option(verb), option) => {
                if verb == SB {
                    self.state = State::Inside;
                }
                if self.seen.len() < SEEN_MAX {
                    self.seen.push((verb, option));
                    answer.extend(refusal(verb, option));
                }
            }
            (State::Inside, IAC) => self.state = State::InsideCommand,
            (State::Command, _) | (State::InsideCommand, SE) => {}
            (State::Inside | State::InsideCommand, _) => self.state = State::Inside,
        }
        None
    }

    /// Gives what the client negotiated, in its order, which tells clients apart.
    pub(super) fn seen(&self) -> String {
        let word = |(verb, option): &(u8, u8)| {
            let verb = match *verb {
                WILL => "WILL",
                WONT => "WONT",
                DO => "DO",
                DONT => "DONT",
                _ => "SB",
            };
            format!("{verb} {option}")
        };
        self.seen.iter().map(word).collect::<Vec<_>>().join(", ")
    }
}

/// Gives the refusal of what was not offered; what was offered is agreed on already.
fn refusal(verb: u8, option: u8) -> Vec<u8> {
    match (verb, option) {
        (DO, ECHO | GO_AHEAD) | (WILL, ECHO | WINDOW) | (WONT | DONT | SB, _) => Vec::new(),
        (DO, option) => vec![IAC, WONT, option],
        (_, option) => vec![IAC, DONT, option],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> (Vec<u8>, Vec<u8>, String) {
        let (mut options, mut answer) = (Options::default(), Vec::new());
        let text = bytes.iter().filter_map(|byte| options.byte(*byte, &mut answer)).collect();
        (text, answer, options.seen())
    }

    #[test]
    fn options_are_taken_out_and_answered() {
        let (text, answer, seen) =
            read(b"a\xff\xfd\x03\xff\xfb\x18b\xff\xffc\xff\xfa\x1f\xff\xff\x01\xff\xf0d");
        assert_eq!(text, b"ab\xffcd");
        assert_eq!(answer, [IAC, DONT, 0x18]);
        assert_eq!(seen, "DO 3, WILL 24, SB 31");
    }

    proptest! {
        #[test]
        fn the_answers_to_any_bytes_are_bounded(bytes: Vec<u8>) {
            let (text, answer, _) = read(&bytes);
            prop_assert!(text.len() <= bytes.len() && answer.len() <= 3 * SEEN_MAX);
        }
    }
}
