//! How much a name looks as if a program had made it up.
//!
//! Two models of letters stand side by side: how names go on that people registered, and how those go on
//! that malware generates. Each letter is judged by the two before it; what is kept is one table of the
//! logarithm of the ratio, in sixteenths. The sum over a name says how much likelier it is to be generated
//! (the log odds); each letter more is evidence more. Names made of whole words look like names of people, and no
//! such model can tell them: those are noticed only by how many of them do not exist.
//!
//! The shipped table was made by `cargo run --release -p bench --bin names` of registered names (the list of
//! Chromium's preloaded HTTPS names, as the package `hstspreload` 2025.1.1 of PyPI carries it) and of the
//! families of `simulate`; what it reaches on families that were left out stands in bench/RESULTS.md.

use std::borrow::Cow;
use std::sync::LazyLock;

/// Letters, figures, the hyphen, everything else, and the edge of a name.
const SYMBOLS: usize = 39;
const EDGE: usize = 38;
const CELLS: usize = SYMBOLS * SYMBOLS * SYMBOLS;
/// How fine the logarithms are kept.
const STEPS: f64 = 16.0;
/// How much a pair of letters speaks where three were seldom seen, and a single one where two were.
const BACK_OFF: f64 = 8.0;
/// How many letters of a name are looked at.
const LETTERS_MAX: usize = 63;

static SHIPPED: LazyLock<Names> =
    LazyLock::new(|| Names { table: Cow::Borrowed(include_bytes!("names/table.bin")) });

/// The model of names.
#[derive(Clone, Debug)]
pub struct Names {
    table: Cow<'static, [u8]>,
}

impl Names {
    /// Gives the model that is built in.
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    /// Learns from names of people and from generated ones, without their top-level domain.
    pub fn train<'p, 'g>(
        people: impl Iterator<Item = &'p str>,
        generated: impl Iterator<Item = &'g str>,
    ) -> Self {
        let (people, generated) = (Counts::of(people), Counts::of(generated));
        let mut table = Vec::with_capacity(CELLS);
        for first in 0..SYMBOLS {
            for second in 0..SYMBOLS {
                for third in 0..SYMBOLS {
                    let ratio = generated.likelihood(first, second, third)
                        / people.likelihood(first, second, third);
                    table.push(packed(ratio.ln()));
                }
            }
        }
        Self { table: Cow::Owned(table) }
    }

    /// Gives the table, to be kept.
    pub fn table(&self) -> &[u8] {
        &self.table
    }

    /// Gives by how much a name, without its top-level domain, is likelier generated than chosen by
    /// somebody: the logarithm of the ratio.
    pub fn odds(&self, name: &str) -> f64 {
        let mut sum = 0_i32;
        trigrams(name, |first, second, third| {
            let cell = self.table.get(index(first, second, third)).copied().unwrap_or_default();
            sum += i32::from(cell.cast_signed());
        });
        f64::from(sum) / STEPS
    }
}

/// Gives the label that somebody registered, out of a registered domain: all before its suffix.
pub(crate) fn chosen_label(registered_domain: &str) -> &str {
    registered_domain.split('.').next().unwrap_or_default()
}

/// How often one letter followed two others.
struct Counts {
    three: Vec<f64>,
    two: Vec<f64>,
    one: Vec<f64>,
}

impl Counts {
    fn of<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let mut counts = Self {
            three: vec![0.0; CELLS],
            two: vec![0.0; SYMBOLS * SYMBOLS],
            one: vec![1.0; SYMBOLS],
        };
        for name in names {
            trigrams(name, |first, second, third| {
                for (table, at) in [
                    (&mut counts.three, index(first, second, third)),
                    (&mut counts.two, index(0, second, third)),
                    (&mut counts.one, third),
                ] {
                    if let Some(count) = table.get_mut(at) {
                        *count += 1.0;
                    }
                }
            });
        }
        counts
    }

    /// Gives how likely a letter follows two others; what was seldom seen leans on shorter pasts.
    fn likelihood(&self, first: usize, second: usize, third: usize) -> f64 {
        let row = |table: &[f64], from: usize| -> f64 {
            table.get(from..from + SYMBOLS).into_iter().flatten().sum()
        };
        let at = |table: &[f64], at: usize| table.get(at).copied().unwrap_or_default();
        let one = at(&self.one, third) / self.one.iter().sum::<f64>();
        let two = (at(&self.two, index(0, second, third)) + BACK_OFF * one)
            / (row(&self.two, index(0, second, 0)) + BACK_OFF);
        (at(&self.three, index(first, second, third)) + BACK_OFF * two)
            / (row(&self.three, index(first, second, 0)) + BACK_OFF)
    }
}

fn index(first: usize, second: usize, third: usize) -> usize {
    (first * SYMBOLS + second) * SYMBOLS + third
}

/// Calls `each` with every three letters in a row, the edges among them.
fn trigrams(name: &str, mut each: impl FnMut(usize, usize, usize)) {
    let (mut first, mut second) = (EDGE, EDGE);
    for byte in name.bytes().take(LETTERS_MAX) {
        let third = symbol(byte);
        each(first, second, third);
        (first, second) = (second, third);
    }
    each(first, second, EDGE);
}

fn symbol(byte: u8) -> usize {
    match byte.to_ascii_lowercase() {
        letter @ b'a'..=b'z' => usize::from(letter - b'a'),
        figure @ b'0'..=b'9' => 26 + usize::from(figure - b'0'),
        b'-' => 36,
        _ => 37,
    }
}

/// Gives a logarithm in steps, as one byte.
#[expect(clippy::cast_possible_truncation, clippy::as_conversions, reason = "it is clamped before")]
fn packed(logarithm: f64) -> u8 {
    let steps = (logarithm * STEPS).round().clamp(-127.0, 127.0);
    (steps as i8).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_people_and_of_programs() {
        let names = Names::shipped();
        assert_eq!(names.table().len(), CELLS);
        for name in
            ["wikipedia", "openstreetmap", "bakery-schmidt", "shop24", "nytimes", "xn--mnchen-3ya"]
        {
            assert!(names.odds(name) < 2.0, "{name}: {}", names.odds(name));
        }
        for name in ["xjwqkzvbtrpl", "qgkzxxwvuhbd", "a91f03bc77e2d4", "yvtkrqhsxbnmwz"] {
            assert!(names.odds(name) > 4.0, "{name}: {}", names.odds(name));
        }
    }

    #[test]
    fn what_is_trained_on_two_kinds_tells_them_apart() {
        let names =
            Names::train(["banana", "ananas"].into_iter(), ["xqzxqz", "zqxzqx"].into_iter());
        assert!(names.odds("nanana") < 0.0 && names.odds("qzxqzx") > 0.0);
    }

    proptest! {
        #[test]
        fn any_text_has_finite_odds(name in ".{0,300}") {
            prop_assert!(Names::shipped().odds(&name).is_finite());
        }
    }
}
