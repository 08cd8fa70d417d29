//! Peels encodings off a text, round by round, until nothing changes.
//!
//! Each round undoes one layer of every encoding it sees; at most [`ROUNDS_MAX`] rounds. How deep
//! it had to go is a sign by itself: nobody's browser encodes a quote three times.

mod base64;
mod entity;
mod escape;
mod percent;
mod utf8;

pub(crate) use base64::beginning as base64_beginning;

use crate::Layer;
use crate::bytes::{self, AMPERSAND, BACKSLASH, CONTROL, HIGH, PERCENT, PLUS};
use crate::parts::{Coding, Part};

/// Most rounds of decoding.
pub(crate) const ROUNDS_MAX: u32 = 4;

/// One layer of a part.
#[derive(Debug)]
pub(crate) struct Peeled<'a> {
    pub text: &'a [u8],
    pub kinds: u32,
    /// How many rounds led here; the first, which the application itself does, is round 1.
    pub depth: u32,
    pub layers: &'a [Layer],
}

impl<'a> Peeled<'a> {
    /// The text as it came.
    pub(crate) fn bare(text: &'a [u8], kinds: u32) -> Self {
        Self { text, kinds, depth: 0, layers: &[] }
    }
}

/// Tells from the characters alone whether peeling could change anything.
pub(crate) fn may_be_encoded(part: &Part<'_>, kinds: u32) -> bool {
    let mut signs = PERCENT | BACKSLASH | HIGH;
    if part.coding == Coding::Form {
        signs |= PLUS;
    }
    kinds & signs != 0
        || (kinds & AMPERSAND != 0 && entity::present(part.text))
        || (kinds & CONTROL != 0 && part.text.contains(&0))
        || base64::plausible(part, part.text, kinds)
}

/// Shows each further layer of `part` to `visit`, outermost first; gives how many there were.
pub(crate) fn each_layer(
    part: &Part<'_>,
    kinds: u32,
    peeling: &mut Peeling,
    visit: &mut dyn FnMut(&Peeled<'_>),
) -> u32 {
    peeling.begin(part.text, kinds);
    for round in 1..=ROUNDS_MAX {
        let known = peeling.layers.len();
        let coding = if round == 1 { part.coding } else { Coding::Plain };
        let part = Part { coding, ..*part };
        peeling.peel_once(coding);
        if base64::decode(&part, &peeling.text, peeling.kinds, &mut peeling.next) {
            // What reads as base64 may be meant as it stands.
            let fresh = peeling.layers.len() > known;
            if fresh || round == 1 {
                visit(&peeling.seen(u32::from(fresh) * round));
            }
            peeling.take(Layer::Base64);
        }
        if peeling.layers.len() == known {
            return round - 1;
        }
        visit(&peeling.seen(round));
    }
    ROUNDS_MAX
}

/// A text on its way to the plain one; kept from one part to the next for its memory.
#[derive(Debug, Default)]
pub(crate) struct Peeling {
    text: Vec<u8>,
    /// What a decoder makes of it.
    next: Vec<u8>,
    kinds: u32,
    layers: Vec<Layer>,
}

impl Peeling {
    fn begin(&mut self, text: &[u8], kinds: u32) {
        self.text.clear();
        self.text.extend_from_slice(text);
        self.kinds = kinds;
        self.layers.clear();
    }

    fn seen(&self, depth: u32) -> Peeled<'_> {
        Peeled { text: &self.text, kinds: self.kinds, depth, layers: &self.layers }
    }

    /// Undoes one layer of each encoding that is there, but for base64.
    fn peel_once(&mut self, coding: Coding) {
        if self.kinds & (PERCENT | PLUS) != 0
            && let Some(layer) = percent::decode(&self.text, coding, &mut self.next)
        {
            self.take(layer);
        }
        if self.kinds & BACKSLASH != 0 && escape::decode(&self.text, coding, &mut self.next) {
            self.take(Layer::Escape);
        }
        if self.kinds & AMPERSAND != 0 && entity::decode(&self.text, &mut self.next) {
            self.take(Layer::Entity);
        }
        if self.kinds & HIGH != 0 && utf8::decode(&self.text, &mut self.next) {
            self.take(Layer::Utf8);
        }
        if self.kinds & CONTROL != 0 && utf8::without_nul(&self.text, &mut self.next) {
            self.take(Layer::Nul);
        }
    }

    /// Goes on with what the decoder of `layer` made.
    fn take(&mut self, layer: Layer) {
        std::mem::swap(&mut self.text, &mut self.next);
        self.kinds = bytes::kinds_of(&self.text);
        // Who listens to control characters hears of the one that is gone, too.
        self.kinds |= if layer == Layer::Nul { CONTROL } else { 0 };
        self.layers.push(layer);
    }
}

/// Reads exactly `N` hexadecimal digits at the start of `text`.
fn hex<const N: usize>(text: &[u8]) -> Option<u32> {
    text.get(..N)?
        .iter()
        .try_fold(0, |value, byte| char::from(*byte).to_digit(16).map(|digit| value << 4 | digit))
}

/// Appends a code point as UTF-8; a single byte's worth as that byte, so that two escapes of one
/// byte each may spell one character.
fn push_char(value: u32, text: &mut Vec<u8>) {
    if let Ok(byte) = u8::try_from(value) {
        text.push(byte);
    } else if let Some(character) = char::from_u32(value) {
        text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::parts::{Kind, PlaceRef};

    #[test]
    fn percent_three_times() {
        check(
            "%252527",
            Coding::Form,
            expect![[r"
            %2527 [percent]
            %27 [percent percent]
            ' [percent percent percent]
        "]],
        );
    }

    #[test]
    fn plus_is_a_space_only_once() {
        check(
            "a%2Bb+c",
            Coding::Form,
            expect![[r"
            a+b c [percent]
        "]],
        );
    }

    #[test]
    fn percent_that_encodes_nothing() {
        check("50% off, 7%zz", Coding::Form, expect![""]);
    }

    #[test]
    fn unicode_escapes_of_two_kinds() {
        check(
            "%u0027\\u003c\\x3e\\u{41}",
            Coding::Plain,
            expect![[r"
            '<>A [percent_unicode escape]
        "]],
        );
    }

    #[test]
    fn overlong_and_full_width() {
        check(
            "%c0%a7 %e0%80%a7 %ef%bc%9c",
            Coding::Form,
            expect![[r"
            ' ' < [percent utf8]
        "]],
        );
    }

    #[test]
    fn entity_inside_base64() {
        check(
            "Jmx0O2ltZyBzcmM9eCZndDs=",
            Coding::Plain,
            expect![[r"
            Jmx0O2ltZyBzcmM9eCZndDs= []
            &lt;img src=x&gt; [base64]
            <img src=x> [base64 entity]
        "]],
        );
    }

    #[test]
    fn word_that_is_also_base64() {
        check("presentations", Coding::Plain, expect![""]);
    }

    #[test]
    fn nul_in_the_middle() {
        check(
            "scr%00ipt",
            Coding::Form,
            expect![[r"
            script [percent nul]
        "]],
        );
    }

    #[track_caller]
    fn check(text: &str, coding: Coding, expect: Expect) {
        let part = Part { place: PlaceRef::Body, kind: Kind::Value, coding, text: text.as_bytes() };
        let mut shown = String::new();
        let kinds = bytes::kinds_of(part.text);
        each_layer(&part, kinds, &mut Peeling::default(), &mut |peeled| {
            let text = String::from_utf8_lossy(peeled.text);
            let layers: Vec<&str> = peeled.layers.iter().map(|layer| layer.as_str()).collect();
            shown += &[text.as_ref(), " [", &layers.join(" "), "]\n"].concat();
        });
        expect.assert_eq(&shown);
    }
}
