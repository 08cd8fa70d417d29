//! Pieces of text that attacks hold more often than others do, all looked for at once (Aho and Corasick
//! 1975), in a table of words of sixteen bits that the nearest cache holds.

use std::collections::VecDeque;
use std::sync::LazyLock;

/// Pieces of text that attacks hold more often than others do; a hint, never a verdict.
const PATTERNS: &[&str] = &[
    "select",
    "union",
    "insert into",
    " or ",
    "' or",
    "\"or",
    "')",
    "\")",
    "'=",
    "--",
    "/*",
    "*/",
    "@@",
    "sleep",
    "concat",
    "char(",
    "like ",
    "having ",
    "where ",
    "case when",
    "0x",
    "<script",
    "javascript:",
    "alert",
    " on",
    "onerror",
    "onload",
    "<img",
    "src=",
    "../",
    "..\\",
    "/..",
    "etc/passwd",
    "boot.ini",
    "win.ini",
    "/bin/",
    "/usr/",
    "cmd",
    "|",
    "; ",
    "`",
    "$(",
    "${",
    "jndi",
    "<!",
    "<?",
    "{{",
    "exec",
    "\r\n",
    "\0",
    "');",
    "$ne",
    "set-cookie",
    "||",
    "&&",
    "' and",
    "\" and",
    "\u{fffd}/",
    " = ",
    "%u",
    "%2",
    "<svg",
    "<a ",
    "\t",
];

/// The table of [`PATTERNS`].
pub(crate) static AUTOMATON: LazyLock<Automaton> = LazyLock::new(|| Automaton::of(PATTERNS));

/// Marks a state in which something was found.
const FOUND: u16 = 1 << 15;

/// The table: where each state goes from on each kind of byte.
#[derive(Debug)]
pub(crate) struct Automaton {
    /// The kind of each byte; those in no pattern are one, and capitals are as small letters.
    kinds: [u8; 256],
    width: usize,
    /// The next states, as their places in here, with [`FOUND`].
    next: Vec<u16>,
    /// Of each state which patterns end there, a bit for each.
    ends: Vec<u64>,
}

impl Automaton {
    fn of(patterns: &[&str]) -> Self {
        let mut kinds = [0_u8; 256];
        let mut width = 1_usize;
        for byte in patterns.iter().flat_map(|pattern| pattern.bytes()) {
            let other = byte.to_ascii_uppercase();
            if kinds.get(usize::from(byte)) == Some(&0) {
                for spelling in [byte, other] {
                    if let Some(kind) = kinds.get_mut(usize::from(spelling)) {
                        *kind = u8::try_from(width).unwrap_or_default();
                    }
                }
                width += 1;
            }
        }
        let mut made = Self { kinds, width, next: vec![0; width], ends: vec![0] };
        for (pattern, bit) in patterns.iter().zip(0_u32..) {
            made.grow(pattern.as_bytes(), 1_u64.checked_shl(bit).unwrap_or_default());
        }
        made.complete();
        made
    }

    fn go(&self, state: usize, kind: usize) -> usize {
        let next = self.next.get(state * self.width + kind).copied().unwrap_or_default();
        usize::from(next & !FOUND) / self.width
    }

    fn set(&mut self, state: usize, kind: usize, next: usize) {
        if let Some(place) = self.next.get_mut(state * self.width + kind) {
            *place = u16::try_from(next * self.width).unwrap_or_default();
        }
    }

    /// Adds a pattern to the tree.
    fn grow(&mut self, pattern: &[u8], bit: u64) {
        let mut state = 0;
        for byte in pattern {
            let kind = self.kinds.get(usize::from(*byte)).copied().map_or(0, usize::from);
            let known = self.go(state, kind);
            state = if known == 0 {
                let new = self.ends.len();
                self.ends.push(0);
                self.next.resize(self.next.len() + self.width, 0);
                self.set(state, kind, new);
                new
            } else {
                known
            };
        }
        if let Some(ends) = self.ends.get_mut(state) {
            *ends |= bit;
        }
    }

    /// Lets every state go on where its longest ending would, state by state from the root.
    fn complete(&mut self) {
        let mut endings = vec![0_usize; self.ends.len()];
        let mut waiting = VecDeque::from([0_usize]);
        while let Some(state) = waiting.pop_front() {
            let ending = endings.get(state).copied().unwrap_or_default();
            let more = self.ends.get(ending).copied().unwrap_or_default();
            if let Some(ends) = self.ends.get_mut(state) {
                *ends |= more;
            }
            for kind in 0..self.width {
                let next = self.go(state, kind);
                let other = if state == 0 { 0 } else { self.go(ending, kind) };
                if next == 0 {
                    self.set(state, kind, other);
                } else {
                    if let Some(place) = endings.get_mut(next) {
                        *place = other;
                    }
                    waiting.push_back(next);
                }
            }
        }
        for place in &mut self.next {
            let state = usize::from(*place) / self.width;
            if self.ends.get(state).is_some_and(|ends| *ends != 0) {
                *place |= FOUND;
            }
        }
    }

    /// Gives the state behind a byte; the first is zero. `found` gets the bits of what ends there.
    #[inline]
    pub(crate) fn step(&self, state: u16, byte: u8, found: &mut u64) -> u16 {
        let kind = self.kinds.get(usize::from(byte)).copied().unwrap_or_default();
        let next = self.next.get(usize::from(state) + usize::from(kind)).copied();
        let next = next.unwrap_or_default();
        if next & FOUND == 0 {
            return next;
        }
        let state = next & !FOUND;
        *found |= self.ends.get(usize::from(state) / self.width).copied().unwrap_or_default();
        state
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(automaton: &Automaton, text: &[u8]) -> u64 {
        let (mut state, mut bits) = (0, 0);
        for byte in text {
            state = automaton.step(state, *byte, &mut bits);
        }
        bits
    }

    fn naive(patterns: &[&str], text: &[u8]) -> u64 {
        let text = text.to_ascii_lowercase();
        let holds =
            |pattern: &&str| text.windows(pattern.len()).any(|window| window == pattern.as_bytes());
        let bits = patterns.iter().zip(0..).filter(|(pattern, _)| holds(pattern));
        bits.fold(0, |bits, (_, bit)| bits | 1 << bit)
    }

    #[test]
    fn every_pattern_has_a_bit_and_every_state_a_place() {
        assert!(PATTERNS.len() <= 64);
        assert!(
            PATTERNS.iter().all(|pattern| !pattern.bytes().any(|byte| byte.is_ascii_uppercase()))
        );
        assert!(AUTOMATON.next.len() < usize::from(FOUND), "{}", AUTOMATON.next.len());
    }

    proptest! {
        #[test]
        fn finds_what_a_naive_search_finds(
            pieces in prop::collection::vec(
                prop_oneof![prop::sample::select(PATTERNS.to_vec()).prop_map(str::to_owned), ".{0,3}"],
                0..8,
            ),
            cut in any::<prop::sample::Index>(),
            upper in any::<bool>(),
        ) {
            let mut text = pieces.concat().into_bytes();
            if upper {
                text.make_ascii_uppercase();
            }
            text.drain(..cut.index(text.len() + 1) / 2);
            prop_assert_eq!(found(&AUTOMATON, &text), naive(PATTERNS, &text));
        }

        #[test]
        fn short_patterns_that_overlap(
            patterns in prop::collection::vec("[ab]{1,4}", 1..8), text in "[abc]{0,30}",
        ) {
            let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
            let automaton = Automaton::of(&patterns);
            prop_assert_eq!(found(&automaton, text.as_bytes()), naive(&patterns, text.as_bytes()));
        }
    }
}
