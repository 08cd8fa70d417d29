//! Attacks and honest values made from grammars, not lists: what a payload list holds, inspection may
//! have been tuned on; what is made here, nobody has seen before.

pub(crate) mod attack;
pub(crate) mod benign;
pub(crate) mod evade;

/// A small generator of numbers, the same on every machine.
pub(crate) struct Dice(u64);

impl Dice {
    /// Starts at `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Gives a number below `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        // SplitMix64, by Sebastiano Vigna, in the public domain.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let word = word ^ (word >> 31);
        usize::try_from(word % u64::try_from(sides.max(1)).expect("small")).expect("small")
    }

    /// Gives one of `choices`.
    pub(crate) fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.roll(choices.len())]
    }

    /// Gives a number as text.
    pub(crate) fn number(&mut self) -> String {
        let digits = 1 + self.roll(5);
        (10_usize.pow(u32::try_from(digits).expect("small") - 1)
            + self.roll(9 * 10_usize.pow(u32::try_from(digits).expect("small") - 1)))
        .to_string()
    }

    /// Gives a word of letters that means nothing.
    pub(crate) fn word(&mut self) -> String {
        let length = 3 + self.roll(6);
        (0..length)
            .map(|at| {
                if at % 2 == 0 {
                    self.pick(&["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v"])
                } else {
                    self.pick(&["a", "e", "i", "o", "u"])
                }
            })
            .collect()
    }
}
