//! A request as thirteen numbers.
//!
//! What an application reads is looked at, not what was sent: percent-encoding is undone on the way, byte
//! by byte; how much there was of it is a number of its own. The marks that hold a target together (`/`, `?`, `&`, `=` as they stand) are not special.

use std::sync::LazyLock;

use super::patterns::AUTOMATON;

/// How many numbers a request becomes.
pub const FEATURES: usize = 13;
/// The same with room, so that any four bits find a place.
pub const ROW: usize = 16;
/// One request as numbers: the first [`FEATURES`] are of use.
pub type Row = [f32; ROW];

/// What each number is, in the order of a [`Row`].
pub const NAMES: [&str; FEATURES] = [
    "length",
    "entropy",
    "special characters",
    "digits",
    "upper case",
    "non-printable bytes",
    "parameters",
    "longest value",
    "path depth",
    "percent signs",
    "known patterns",
    "longest run of special characters",
    "different special characters",
];

/// What each number is counted in.
pub const UNITS: [&str; FEATURES] = [
    "bytes", "bits", "share", "share", "share", "share", "", "bytes", "", "share", "", "bytes", "",
];

/// Bounds what is looked at of one request; the length alone goes on.
const BYTES_MAX: usize = 16 * 1024;

/// `(n + 1) log2 (n + 1) - n log2 n`: what one more byte of a kind that was seen `n` times adds.
static STEPS: LazyLock<[f32; 1024]> = LazyLock::new(|| {
    let whole = |n: u16| if n == 0 { 0.0 } else { f64::from(n) * f64::from(n).log2() };
    let mut steps = [0.0; 1024];
    for (step, n) in steps.iter_mut().zip(0_u16..) {
        *step = narrow(whole(n + 1) - whole(n));
    }
    steps
});

/// Gives the nearest number of half the bits.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "the rounding is wanted"
)]
pub(crate) const fn narrow(number: f64) -> f32 {
    number as f32
}

/// Gives a count as a number; past four thousand million it stays there.
pub(crate) fn count(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

/// Gives the whole part of a number that is none below zero.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates"
)]
pub(crate) const fn whole(number: f64) -> usize {
    number as usize
}

/// Gives the numbers of a request: its target as sent, and its body where that is a form or unknown.
pub fn features(target: &[u8], body: &[u8]) -> Row {
    let mut look = Look::new();
    look.text(target, true);
    if !body.is_empty() {
        look.between_texts();
        look.text(body, false);
    }
    look.row(target.len().saturating_add(body.len()))
}

struct Look {
    seen: [u16; 256],
    bytes: usize,
    raw: usize,
    /// The sum of [`STEPS`].
    entropy: f32,
    /// Four counts of sixteen bits: special, digits, capitals, odd.
    counts: u64,
    percent: usize,
    parameters: usize,
    value: usize,
    value_most: usize,
    in_value: bool,
    depth: usize,
    run: usize,
    run_most: usize,
    kinds: [u64; 2],
    patterns: u64,
    state: u16,
}

/// The counts that a byte adds to, by their places in [`Look::counts`].
const SPECIAL: u64 = 1;
const DIGIT: u64 = 1 << 16;
const UPPER: u64 = 1 << 32;
const ODD: u64 = 1 << 48;
/// Marks a byte that may hold the request together, or encode another one.
const MEANS: u64 = 1 << 15;

/// What each byte is for the counts; no count reaches [`MEANS`] in [`BYTES_MAX`] bytes.
static KINDS: LazyLock<[u64; 256]> = LazyLock::new(|| {
    std::array::from_fn(|byte| {
        let byte = u8::try_from(byte).unwrap_or_default();
        let means = if b"%+/?&=".contains(&byte) { MEANS } else { 0 };
        means | kind(byte)
    })
});

const fn kind(byte: u8) -> u64 {
    match byte {
        b'0'..=b'9' => DIGIT,
        b'A'..=b'Z' => UPPER,
        b'a'..=b'z' | b' ' | b'.' | b'-' | b'_' => 0,
        0..=31 | 127.. => ODD,
        _ => SPECIAL,
    }
}

impl Look {
    fn new() -> Self {
        Self {
            seen: [0; 256],
            bytes: 0,
            raw: 0,
            entropy: 0.0,
            counts: 0,
            percent: 0,
            parameters: 0,
            value: 0,
            value_most: 0,
            in_value: false,
            depth: 0,
            run: 0,
            run_most: 0,
            kinds: [0; 2],
            patterns: 0,
            state: 0,
        }
    }

    /// Ends what the target began.
    fn between_texts(&mut self) {
        self.end_value();
        self.run = 0;
        self.state = 0;
    }

    /// Looks at a target, which has a path first, or at a body.
    fn text(&mut self, text: &[u8], target: bool) {
        let room = BYTES_MAX.saturating_sub(self.raw);
        let text = text.get(..room).unwrap_or(text);
        self.raw += text.len();
        let (automaton, steps, kinds) = (&*AUTOMATON, &*STEPS, &*KINDS);
        let kind_of = |byte: u8| kinds.get(usize::from(byte)).copied().unwrap_or_default();
        let mut in_path = target;
        if !target && !text.is_empty() {
            self.parameters += 1;
        }
        let mut at = 0;
        while let Some(byte) = text.get(at).copied() {
            at += 1;
            let mut byte = byte;
            let mut kind = kind_of(byte);
            let mut marks = false;
            if kind & MEANS != 0 {
                (byte, marks) = self.meant(byte, text, &mut at, &mut in_path);
                kind = if marks { 0 } else { kind_of(byte) & !MEANS };
            }
            self.value += usize::from(self.in_value && !marks);
            self.byte(byte, kind, steps);
            self.state = automaton.step(self.state, byte, &mut self.patterns);
        }
    }

    /// Gives what a byte means that may mean something: the byte that it encodes, and whether it holds the
    /// request together.
    fn meant(&mut self, byte: u8, text: &[u8], at: &mut usize, in_path: &mut bool) -> (u8, bool) {
        match byte {
            b'%' => {
                self.percent += 1;
                let (byte, next) = peeled(text, *at, &mut self.percent);
                *at = next;
                return (byte, false);
            }
            b'+' if !*in_path => return (b' ', false),
            b'/' if *in_path => self.depth += 1,
            b'?' if *in_path => {
                *in_path = false;
                self.parameters += 1;
            }
            b'&' if !*in_path => {
                self.end_value();
                self.parameters += 1;
            }
            b'=' if !*in_path && !self.in_value => self.in_value = true,
            _ => return (byte, false),
        }
        (byte, true)
    }

    #[inline]
    fn byte(&mut self, byte: u8, kind: u64, steps: &[f32; 1024]) {
        self.bytes += 1;
        if let Some(seen) = self.seen.get_mut(usize::from(byte)) {
            let step = steps.get(usize::from(*seen)).copied().unwrap_or(11.4);
            self.entropy += step;
            *seen = seen.saturating_add(1);
        }
        self.counts = self.counts.wrapping_add(kind);
        let special = kind & SPECIAL;
        self.run = (self.run + 1) * usize::from(special != 0);
        self.run_most = self.run_most.max(self.run);
        if let Some(kinds) = self.kinds.get_mut(usize::from(byte >> 6 & 1)) {
            *kinds |= special << (byte & 63);
        }
    }

    fn end_value(&mut self) {
        self.value_most = self.value_most.max(self.value);
        self.value = 0;
        self.in_value = false;
    }

    fn row(&mut self, length: usize) -> Row {
        self.end_value();
        let bytes = count(self.bytes.max(1));
        let share = |part: usize| narrow(count(part) / bytes);
        let whole = |number: usize| narrow(count(number));
        let entropy = bytes.log2() - f64::from(self.entropy) / bytes;
        let kinds: u32 = self.kinds.iter().map(|kinds| kinds.count_ones()).sum();
        let kinds = usize::try_from(kinds).unwrap_or_default();
        let counted = |at: u32| usize::try_from(self.counts >> at & 0xFFFF).unwrap_or_default();
        let patterns = usize::try_from(self.patterns.count_ones()).unwrap_or_default();
        [
            whole(length),
            narrow(entropy.max(0.0)),
            share(counted(0)),
            share(counted(16)),
            share(counted(32)),
            share(counted(48)),
            whole(self.parameters),
            whole(self.value_most),
            whole(self.depth),
            narrow(count(self.percent) / count(self.raw.max(1))),
            whole(patterns),
            whole(self.run_most),
            whole(kinds),
            0.0,
            0.0,
            0.0,
        ]
    }
}

/// Undoes percent-encoding behind a percent sign, up to three layers of it (`%2527`), and the way of old
/// servers (`%u0027`); gives the byte and where to go on. Counts the layers.
fn peeled(text: &[u8], at: usize, percent: &mut usize) -> (u8, usize) {
    let mut at = at;
    if let Some(b'u' | b'U') = text.get(at)
        && let (Some(high), Some(low)) = (hex_pair(text, at + 1), hex_pair(text, at + 3))
    {
        *percent += 1;
        return (if high == 0 { low } else { high.max(128) }, at + 5);
    }
    let Some(mut byte) = hex_pair(text, at) else { return (b'%', at) };
    at += 2;
    for _ in 0..2 {
        let Some(next) = hex_pair(text, at).filter(|_| byte == b'%') else { break };
        *percent += 1;
        (byte, at) = (next, at + 2);
    }
    (byte, at)
}

/// Reads the two digits of a percent-encoded byte.
fn hex_pair(text: &[u8], at: usize) -> Option<u8> {
    let [high, low] = *text.get(at..at + 2)?.first_chunk::<2>()?;
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_usual_request() {
        check(
            "/shop/item?id=17&q=Blue+chair",
            "",
            expect!["29 4.42 .000 .069 .034 .000 2 10 2 .000 0 0 0"],
        );
    }

    #[test]
    fn an_attack_in_its_spellings() {
        check(
            "/?q=1%27%20or%201=1--",
            "",
            expect!["21 3.19 .133 .200 .000 .000 1 11 1 .143 3 1 2"],
        );
        check(
            "/?q=1%2527%2520or%25201=1--",
            "",
            expect!["27 3.19 .133 .200 .000 .000 1 11 1 .222 3 1 2"],
        );
        check("/", "a=1&b=%00%ff", expect!["13 2.95 .000 .111 .000 .222 2 2 1 .154 1 0 0"]);
    }

    proptest! {
        #[test]
        fn the_counts_are_those_of_a_naive_twin(
            target in text(), body in text(),
        ) {
            let row = features(&target, &body);
            prop_assert!(row.iter().all(|number| number.is_finite() && *number >= 0.0));
            let mut decoded = decode(&target, true);
            decoded.extend(decode(&body, false));
            let bytes = count(decoded.len().max(1));
            let mut counts = [0_usize; 256];
            for byte in &decoded {
                counts[usize::from(*byte)] += 1;
            }
            let entropy: f64 = counts
                .iter()
                .filter(|seen| **seen > 0)
                .map(|seen| -(count(*seen) / bytes) * (count(*seen) / bytes).log2())
                .sum();
            prop_assert!((f64::from(row[1]) - entropy).abs() < 1e-3, "{} {entropy}", row[1]);
            let digits = count(decoded.iter().filter(|byte| byte.is_ascii_digit()).count());
            prop_assert!((f64::from(row[3]) - digits / bytes).abs() < 1e-5);
        }
    }

    /// Bytes, often those that encodings are made of.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        let telling = prop::sample::select(b"%%%%u25270aF&=?/+'".to_vec());
        prop::collection::vec(prop_oneof![3 => telling, 1 => any::<u8>()], 0..200)
    }

    /// Undoes the percent-encoding with no state machine.
    fn decode(text: &[u8], target: bool) -> Vec<u8> {
        let path = if target {
            text.iter().position(|byte| *byte == b'?').unwrap_or(text.len())
        } else {
            0
        };
        let mut out = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let pair = text.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
            let hex = pair.filter(|pair| pair.bytes().all(|byte| byte.is_ascii_hexdigit()));
            match (text[at], hex) {
                (b'%', Some(pair)) => {
                    // What is a percent sign again was encoded twice, or three times.
                    let mut byte = u8::from_str_radix(pair, 16).unwrap();
                    at += 2;
                    for _ in 0..2 {
                        let pair = text
                            .get(at + 1..at + 3)
                            .and_then(|pair| std::str::from_utf8(pair).ok());
                        let pair =
                            pair.filter(|pair| pair.bytes().all(|byte| byte.is_ascii_hexdigit()));
                        if let (b'%', Some(pair)) = (byte, pair) {
                            byte = u8::from_str_radix(pair, 16).unwrap();
                            at += 2;
                        }
                    }
                    out.push(byte);
                }
                (b'%', _)
                    if matches!(text.get(at + 1), Some(b'u' | b'U'))
                        && unicode(text, at).is_some() =>
                {
                    out.extend(unicode(text, at));
                    at += 5;
                }
                (b'+', _) if at >= path => out.push(b' '),
                (byte, _) => out.push(byte),
            }
            at += 1;
        }
        out
    }

    fn unicode(text: &[u8], at: usize) -> Option<u8> {
        let digits = std::str::from_utf8(text.get(at + 2..at + 6)?).ok()?;
        let all = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u32::from_str_radix(digits, 16).ok().filter(|_| all)?;
        Some(if number < 256 { number.to_le_bytes()[0] } else { number.to_le_bytes()[1].max(128) })
    }

    #[track_caller]
    fn check(target: &str, body: &str, expect: Expect) {
        let row = features(target.as_bytes(), body.as_bytes());
        let shown: Vec<String> = row[..FEATURES]
            .iter()
            .zip(UNITS)
            .map(|(number, unit)| match unit {
                "share" => format!("{number:.3}").trim_start_matches('0').to_owned(),
                "bits" => format!("{number:.2}"),
                _ => format!("{number}"),
            })
            .collect();
        expect.assert_eq(&shown.join(" "));
    }
}
