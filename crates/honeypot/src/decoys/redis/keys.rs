//! The keys that an intruder sets, and the settings that he turns: his own, within bounds, and gone with
//! his connection.

use std::collections::BTreeMap;

use crate::held::Held;

/// Bounds the keys of one connection; past it, Redis says that its memory is used up.
const KEYS_MAX: usize = 128;
/// Bounds the bytes of one connection's keys and values together.
const BYTES_MAX: usize = 256 * 1024;
/// Bounds a pattern of keys, and the keys that it is compared with: both together make the work.
const PATTERN_BYTES_MAX: usize = 128;

/// Keys and their values.
#[derive(Debug, Default)]
pub(super) struct Keys {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    bytes: usize,
    held: Held,
}

/// No room is left.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Keys {
    pub(super) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.values.get(key).map(Vec::as_slice)
    }

    pub(super) fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), Full> {
        let had = self.values.get(key).map_or(0, |value| key.len() + value.len());
        let bytes = self.bytes - had + key.len() + value.len();
        if bytes > BYTES_MAX || (had == 0 && self.values.len() >= KEYS_MAX) {
            return Err(Full);
        }
        if !self.held.take(bytes.saturating_sub(self.bytes)) {
            return Err(Full);
        }
        self.held.give(self.bytes.saturating_sub(bytes));
        self.values.insert(key.to_vec(), value.to_vec());
        self.bytes = bytes;
        Ok(())
    }

    pub(super) fn remove(&mut self, key: &[u8]) -> bool {
        let Some(value) = self.values.remove(key) else { return false };
        self.bytes -= key.len() + value.len();
        self.held.give(key.len() + value.len());
        true
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The keys that a pattern asks for.
    pub(super) fn matching(&self, pattern: &[u8]) -> impl Iterator<Item = &Vec<u8>> {
        self.values.keys().filter(move |key| fits(pattern, key))
    }

    /// Pairs, for telling what would have been written to disk.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&Vec<u8>, &Vec<u8>)> {
        self.values.iter()
    }
}

/// `*` and `?` as Redis reads them. A pattern is walked once for each star and place, so its length is
/// bounded by [`PATTERN_BYTES_MAX`], and so is the text: longer ones fit nothing but a star.
pub(super) fn fits(pattern: &[u8], text: &[u8]) -> bool {
    if pattern == b"*" {
        return true;
    }
    if pattern.len() > PATTERN_BYTES_MAX || text.len() > PATTERN_BYTES_MAX {
        return false;
    }
    let (mut at, mut place) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while place < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                back = Some((at, place));
                at += 1;
            }
            Some(mark) if *mark == b'?' || text.get(place) == Some(mark) => {
                at += 1;
                place += 1;
            }
            _ => {
                let Some((star, from)) = back else { return false };
                back = Some((star, from + 1));
                at = star + 1;
                place = from + 1;
            }
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|mark| *mark == b'*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_have_bounds() {
        let mut keys = Keys::default();
        for number in 0..KEYS_MAX {
            keys.set(number.to_string().as_bytes(), b"x").unwrap();
        }
        assert_eq!(keys.set(b"more", b""), Err(Full));
        assert_eq!(keys.set(b"1", b"again"), Ok(()));
        assert_eq!(keys.set(b"1", &vec![0; BYTES_MAX]), Err(Full));
        assert!(keys.remove(b"1") && !keys.remove(b"1"));
        assert_eq!(keys.set(b"more", b""), Ok(()));
    }

    #[test]
    fn patterns_of_keys() {
        for (pattern, text, fit) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abb", false),
            ("?b", "ab", true),
            ("*a*a", "aaa", true),
            ("x", "", false),
        ] {
            assert_eq!(fits(pattern.as_bytes(), text.as_bytes()), fit, "{pattern} {text}");
        }
    }

    /// The same, by trying every length.
    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, rest) => rest.is_none(),
            (Some((b'*', more)), _) => (0..=text.len()).any(|cut| naive(more, &text[cut..])),
            (Some((b'?', more)), Some((_, rest))) => naive(more, rest),
            (Some((mark, more)), Some((first, rest))) => mark == first && naive(more, rest),
            (Some(_), None) => false,
        }
    }

    proptest! {
        #[test]
        fn patterns_as_the_naive_twin_reads_them(pattern in "[ab*?]{0,6}", text in "[ab]{0,8}") {
            let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
            prop_assert_eq!(fits(pattern, text), naive(pattern, text));
        }

        #[test]
        fn the_bytes_are_those_of_the_pairs(steps in prop::collection::vec((0..9u8, prop::option::of(0..400usize)), 0..60)) {
            let mut keys = Keys::default();
            for (key, value) in steps {
                match value {
                    Some(length) => drop(keys.set(&[key], &vec![0; length])),
                    None => drop(keys.remove(&[key])),
                }
                let bytes: usize = keys.pairs().map(|(key, value)| key.len() + value.len()).sum();
                prop_assert_eq!(keys.bytes, bytes);
                prop_assert_eq!(format!("{:?}", keys.held), format!("Held({bytes})"));
            }
        }
    }
}
