//! Names of domains: those that people choose, and those that malware makes up.
//!
//! A family stands for the way in which names are made that several known families share; none repeats the
//! algorithm of one, so that nobody's name is asked for by accident.

use crate::dice::Dice;

/// How malware makes up names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Any letters, eight to twenty.
    Letters,
    /// Letters by a linear congruence that is seeded with the day.
    DatedLetters,
    /// A part of a hash in hexadecimal.
    HexHash,
    /// A whole hash in hexadecimal, thirty-two long.
    LongHash,
    /// Letters and figures.
    LettersAndFigures,
    /// Base 32 of random bytes.
    Base32,
    /// A consonant, a vowel, and so on, without meaning.
    Syllables,
    /// Only the letters of one half of the alphabet.
    HalfAlphabet,
    /// Short, five to seven letters.
    Short,
    /// Letters with figures at the end.
    LettersThenFigures,
    /// Each letter follows from the one before by a fixed step.
    Stepped,
    /// Two words of a list, joined.
    WordPairs,
}

/// Every family.
pub const FAMILIES: &[Family] = &[
    Family::Letters,
    Family::DatedLetters,
    Family::HexHash,
    Family::LongHash,
    Family::LettersAndFigures,
    Family::Base32,
    Family::Syllables,
    Family::HalfAlphabet,
    Family::Short,
    Family::LettersThenFigures,
    Family::Stepped,
    Family::WordPairs,
];

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const FIGURES: &[u8] = b"0123456789";
const HEX: &[u8] = b"0123456789abcdef";
const BASE32: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";
const BOTH: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const VOWELS: &[u8] = b"aeiou";
const CONSONANTS: &[u8] = b"bcdfghjklmnpqrstvwxz";
/// The day stands in for what such a family takes from the calendar.
const DAY_FACTOR: u64 = 0x5851_f42d_4c95_7f2d;

/// What words people build names of.
const WORDS: &[&str] = &[
    "able", "acorn", "alpine", "amber", "apple", "arrow", "atlas", "autumn", "bake", "bank",
    "beach", "bear", "bell", "berry", "bike", "bird", "blue", "boat", "book", "bread", "bridge",
    "bright", "brook", "build", "cake", "camp", "care", "cart", "castle", "cedar", "chess", "city",
    "clean", "clear", "clinic", "cloud", "coast", "coffee", "cook", "copper", "craft", "creek",
    "dance", "data", "dawn", "deep", "dental", "design", "desk", "direct", "dream", "drive",
    "earth", "east", "easy", "eagle", "energy", "family", "farm", "fast", "field", "film", "fire",
    "first", "fish", "flower", "food", "forest", "fox", "fresh", "friend", "garden", "gate",
    "gift", "glass", "gold", "good", "grand", "green", "group", "guide", "hand", "happy", "harbor",
    "health", "heart", "hill", "home", "honey", "horse", "hotel", "house", "ideal", "iron",
    "island", "jazz", "kids", "king", "kitchen", "lake", "land", "laser", "law", "leaf", "learn",
    "legal", "light", "lion", "local", "logic", "maple", "market", "media", "metal", "mill",
    "mind", "mobile", "money", "moon", "motor", "mountain", "music", "nature", "network", "north",
    "ocean", "office", "olive", "orange", "paper", "park", "party", "peak", "pet", "photo", "pine",
    "pixel", "planet", "play", "point", "power", "press", "print", "pure", "quick", "rain", "real",
    "red", "rent", "ridge", "river", "road", "rock", "rose", "royal", "sail", "salon", "sand",
    "school", "sea", "shop", "silver", "sky", "smart", "snow", "solar", "sound", "south", "spark",
    "sport", "spring", "star", "stone", "store", "studio", "style", "summer", "sun", "swift",
    "table", "tea", "team", "tech", "thread", "tiger", "timber", "time", "tour", "town", "trade",
    "trail", "travel", "tree", "true", "trust", "union", "urban", "valley", "view", "village",
    "vision", "voice", "walk", "water", "wave", "web", "west", "wild", "wind", "wine", "winter",
    "wise", "wolf", "wood", "word", "work", "world", "yoga", "zen",
];

/// Chances for names, the same for the same seed.
#[derive(Clone, Debug)]
pub struct Namer(Dice);

impl Namer {
    /// Gives the names of a seed.
    pub fn new(seed: u64) -> Self {
        Self(Dice::new(seed))
    }

    /// Gives the next name that a family would ask for on a day, without a top-level domain.
    pub fn generated(&mut self, family: Family, day: u64) -> String {
        let dice = &mut self.0;
        match family {
            Family::Letters => {
                let length = count(dice, 8, 20);
                dice.text(LETTERS, length)
            }
            Family::DatedLetters => dated(dice, day),
            Family::HexHash => {
                let length = count(dice, 10, 16);
                dice.text(HEX, length)
            }
            Family::LongHash => dice.text(HEX, 32),
            Family::LettersAndFigures => {
                let length = count(dice, 9, 18);
                dice.text(BOTH, length)
            }
            Family::Base32 => {
                let length = count(dice, 16, 26);
                dice.text(BASE32, length)
            }
            Family::Syllables => {
                let pairs = count(dice, 4, 7);
                (0..pairs).map(|_| dice.text(CONSONANTS, 1) + &dice.text(VOWELS, 1)).collect()
            }
            Family::HalfAlphabet => {
                let length = count(dice, 9, 16);
                dice.text(b"acegikmoqsuwy", length)
            }
            Family::Short => {
                let length = count(dice, 5, 7);
                dice.text(LETTERS, length)
            }
            Family::LettersThenFigures => {
                let (letters, figures) = (count(dice, 7, 12), count(dice, 2, 5));
                dice.text(LETTERS, letters) + &dice.text(FIGURES, figures)
            }
            Family::Stepped => stepped(dice),
            Family::WordPairs => {
                let (one, two) = (dice.pick(WORDS), dice.pick(WORDS));
                format!("{one}{two}")
            }
        }
    }

    /// Gives the next name that somebody would choose, without a top-level domain: words, brands of syllables,
    /// abbreviations, words with figures.
    pub fn chosen(&mut self) -> String {
        let dice = &mut self.0;
        let word = |dice: &mut Dice| dice.pick(WORDS);
        match dice.below(10) {
            0..=3 => format!("{}{}", word(dice), word(dice)),
            4 => format!("{}-{}", word(dice), word(dice)),
            5 => format!("the{}{}", word(dice), word(dice)),
            6 => format!("{}{}", word(dice), dice.between(1, 365)),
            7 => format!(
                "{}{}{}",
                word(dice),
                word(dice),
                dice.pick(&["group", "shop", "online", "app"])
            ),
            8 => format!("{}{}", dice.text(LETTERS, 2), word(dice)),
            _ => format!("{}{}", word(dice), dice.pick(&["ly", "ify", "er", "io", "hub", "lab"])),
        }
    }
}

fn count(dice: &mut Dice, least: u64, most: u64) -> usize {
    usize::try_from(dice.between(least, most)).unwrap_or_default()
}

/// A linear congruence whose seed is the day, restarted for each name by its number.
fn dated(dice: &mut Dice, day: u64) -> String {
    let mut state = day.wrapping_mul(DAY_FACTOR) ^ dice.next();
    let length = 12 + state % 6;
    let letter = |state: &mut u64| {
        *state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7fff_ffff;
        char::from(b'a' + u8::try_from((*state >> 16) % 25).unwrap_or_default())
    };
    (0..length).map(|_| letter(&mut state)).collect()
}

/// A letter, and each next one a step on, as the state of a small generator says.
fn stepped(dice: &mut Dice) -> String {
    let (mut at, step, length) = (dice.below(26), dice.between(3, 23), dice.between(10, 15));
    let next = |index: u64| {
        at = (at * 3 + step + index * index) % 26;
        char::from(b'a' + u8::try_from(at).unwrap_or_default())
    };
    (0..length).map(next).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_makes_names_that_a_domain_may_have() {
        for family in FAMILIES {
            let mut namer = Namer::new(3);
            let made: Vec<String> = (0..50).map(|day| namer.generated(*family, day)).collect();
            for name in &made {
                assert!((5..=63).contains(&name.len()), "{family:?}: {name}");
                assert!(
                    name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()),
                    "{name}"
                );
            }
            assert!(made.iter().collect::<std::collections::HashSet<_>>().len() > 40, "{family:?}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_names() {
        let names = |seed| {
            let mut namer = Namer::new(seed);
            (0..20).map(|_| namer.chosen()).collect::<Vec<_>>()
        };
        assert_eq!(names(1), names(1));
        assert_ne!(names(1), names(2));
    }
}
