//! The terminal's side of a shell: what is typed comes back as it is shown, lines come out whole.

/// Bounds a line that is typed.
const LINE_BYTES_MAX: usize = 16 * 1024;
/// Bounds what is remembered for the arrow keys.
const REMEMBERED_MAX: usize = 100;
const REMEMBERED_BYTES_MAX: usize = 64 * 1024;

/// What the keys gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// A whole line.
    Line(String),
    /// Control and C.
    Break,
    /// Control and D on an empty line.
    End,
}

/// Edits lines as they are typed.
#[derive(Debug, Default)]
pub(crate) struct Terminal {
    line: Vec<u8>,
    escape: Vec<u8>,
    last_was_return: bool,
    remembered: Vec<Vec<u8>>,
    /// How far back the arrow keys went.
    back: usize,
}

impl Terminal {
    /// Takes one byte; adds to `echo` what is shown for it, unless it is hidden.
    pub(crate) fn key(&mut self, byte: u8, hides: bool, echo: &mut Vec<u8>) -> Option<Key> {
        let was_return = std::mem::replace(&mut self.last_was_return, byte == b'\r');
        if !self.escape.is_empty() {
            self.escaped(byte, echo);
            return None;
        }
        match byte {
            b'\n' | 0 if was_return => None,
            b'\r' | b'\n' => {
                echo.extend_from_slice(b"\r\n");
                let line = std::mem::take(&mut self.line);
                self.back = 0;
                let held: usize = self.remembered.iter().map(Vec::len).sum();
                let room = self.remembered.len() < REMEMBERED_MAX
                    && held + line.len() <= REMEMBERED_BYTES_MAX;
                if !hides && !line.is_empty() && room {
                    self.remembered.push(line.clone());
                }
                Some(Key::Line(String::from_utf8_lossy(&line).into_owned()))
            }
            0x03 => {
                self.line = Vec::new();
                echo.extend_from_slice(b"^C\r\n");
                Some(Key::Break)
            }
            0x04 if self.line.is_empty() => Some(Key::End),
            0x15 => {
                self.erase(echo, hides);
                None
            }
            0x7f | 0x08 => {
                self.back_space(hides, echo);
                None
            }
            0x1b => {
                self.escape.push(byte);
                None
            }
            0x0c => {
                echo.extend_from_slice(b"\x1b[H\x1b[2J");
                None
            }
            0x20.. if self.line.len() < LINE_BYTES_MAX => {
                self.line.push(byte);
                if !hides {
                    echo.push(byte);
                }
                None
            }
            _ => None,
        }
    }

    fn back_space(&mut self, hides: bool, echo: &mut Vec<u8>) {
        // A character of several bytes goes at once.
        while let Some(byte) = self.line.pop() {
            if byte & 0xc0 != 0x80 {
                if !hides {
                    echo.extend_from_slice(b"\x08 \x08");
                }
                break;
            }
        }
    }

    fn erase(&mut self, echo: &mut Vec<u8>, hides: bool) {
        while !self.line.is_empty() {
            self.back_space(hides, echo);
        }
    }

    fn escaped(&mut self, byte: u8, echo: &mut Vec<u8>) {
        self.escape.push(byte);
        let goes_on = match self.escape.as_slice() {
            [_, b'[' | b'O'] => true,
            [_, b'[' | b'O', .., last] => !(0x40..=0x7e).contains(last),
            _ => false,
        };
        if goes_on && self.escape.len() < 16 {
            return;
        }
        let step = match self.escape.last() {
            Some(b'A') => 1,
            Some(b'B') => -1,
            _ => 0,
        };
        self.escape = Vec::new();
        let back = self.back.saturating_add_signed(step).min(self.remembered.len());
        if step != 0 && back != self.back {
            self.erase(echo, false);
            self.back = back;
            let at = self.remembered.len() - back;
            self.line = self.remembered.get(at).cloned().unwrap_or_default();
            echo.extend_from_slice(&self.line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &[u8]) -> (Vec<Key>, String) {
        let (mut terminal, mut echo) = (Terminal::default(), Vec::new());
        let keys = text.iter().filter_map(|byte| terminal.key(*byte, false, &mut echo)).collect();
        (keys, String::from_utf8_lossy(&echo).into_owned())
    }

    #[test]
    fn what_is_typed_comes_back_and_lines_come_out() {
        let (keys, echo) = typed(b"lx\x7fs\r\nid\rwho\n\x03\x04");
        let line = |text: &str| Key::Line(text.to_owned());
        assert_eq!(keys, [line("ls"), line("id"), line("who"), Key::Break, Key::End]);
        assert_eq!(echo, "lx\x08 \x08s\r\nid\r\nwho\r\n^C\r\n");
    }

    #[test]
    fn arrows_bring_back_what_was_typed() {
        let (keys, _) = typed(b"id\rls\r\x1b[A\x1b[A\r\x1b[A\x1b[B\r");
        let line = |text: &str| Key::Line(text.to_owned());
        assert_eq!(keys, [line("id"), line("ls"), line("id"), line("")]);
    }

    #[test]
    fn endless_escapes_and_lines_are_bounded() {
        let mut terminal = Terminal::default();
        let mut echo = Vec::new();
        for byte in b"\x1b[".iter().chain([b'1'; 40].iter()) {
            terminal.key(*byte, false, &mut echo);
        }
        for _ in 0..100_000 {
            terminal.key(b'x', true, &mut echo);
        }
        assert!(terminal.line.len() <= LINE_BYTES_MAX && terminal.escape.len() <= 16);
    }
}
