//! What became of an attack, as far as the answer tells.

use std::time::Duration;

use crate::Verdict;
use crate::engine::{ATTACK_SCORE_MIN, rounded};

/// What is known of the answer to a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: Option<u16>,
    /// Its size in bytes.
    pub bytes: Option<u64>,
    /// How long it took, in milliseconds.
    pub milliseconds: Option<u64>,
    /// The size that answers of this page usually have, where the caller knows it.
    pub usual_bytes: Option<u64>,
    /// How long they usually take, in milliseconds, where the caller knows it.
    pub usual_milliseconds: Option<u64>,
    /// Whether this one took longer than answers of this page do, where the caller knows that.
    pub is_slow: bool,
}

/// How an attack was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Nothing is known of the answer.
    Unknown,
    /// The server would not: it denied, or had nothing there.
    Refused,
    /// The server answered as it answers everybody.
    Served,
    /// The server failed over it.
    Failed,
    /// The answer has a size that the page's answers do not have.
    UnusualSize,
    /// The answer took as long as the request told it to, or longer than pages take.
    Delayed,
}

impl Outcome {
    /// Gives the name used in events, rules and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Refused => "refused",
            Self::Served => "served",
            Self::Failed => "failed",
            Self::UnusualSize => "unusual_size",
            Self::Delayed => "delayed",
        }
    }

    /// What it adds to the score of an attack, or takes from it.
    fn weight(self) -> f64 {
        match self {
            Self::Unknown | Self::Served => 0.0,
            Self::Refused => -0.15,
            Self::Failed | Self::UnusualSize => 0.1,
            Self::Delayed => 0.15,
        }
    }
}

/// A verdict in the light of the answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// How the request was answered.
    pub outcome: Outcome,
    /// The verdict's score, raised or lowered by the outcome. An attack stays one: this never falls
    /// below [`ATTACK_SCORE_MIN`] where the verdict was not below it.
    pub score: f64,
}

/// Longer than any page takes that was not told to wait.
const DELAY_MS_MIN: u64 = 10_000;
/// The same where the caller knows how long this page takes.
const SLOW_MS_MIN: u64 = 3_000;
/// The shortest wait that a request asks for and that is told from a slow page.
const ASKED_MS_MIN: u64 = 2_000;
/// The longest that is believed.
const ASKED_SECONDS_MAX: f64 = 600.0;
/// An answer so many times larger or smaller than usual is another page.
const SIZE_FACTOR: u64 = 4;
/// Below this difference the factor says nothing.
const SIZE_BYTES_MIN: u64 = 2_048;

impl Verdict {
    /// Judges how the request was answered, and what that says of the attack.
    pub fn judge(&self, answer: &Answer) -> Judged {
        let outcome = self.outcome(answer);
        if !self.attack {
            return Judged { outcome, score: self.score };
        }
        let score = rounded(self.score + outcome.weight()).clamp(ATTACK_SCORE_MIN, 1.0);
        Judged { outcome, score }
    }

    fn outcome(&self, answer: &Answer) -> Outcome {
        let Some(status) = answer.status else { return Outcome::Unknown };
        if answer.milliseconds.is_some_and(|taken| taken >= self.delay_ms(answer)) {
            return Outcome::Delayed;
        }
        match status {
            500.. => Outcome::Failed,
            400..500 => Outcome::Refused,
            200..300 if unusual(answer) => Outcome::UnusualSize,
            _ => Outcome::Served,
        }
    }

    /// How long the answer must take to show that the attack works: as long as it asks for, on top of
    /// what the page takes by itself.
    fn delay_ms(&self, answer: &Answer) -> u64 {
        let asked = self.findings.iter().filter_map(|finding| asked_ms(&finding.evidence)).min();
        let unasked = if answer.is_slow { SLOW_MS_MIN } else { DELAY_MS_MIN };
        let usual = answer.usual_milliseconds.unwrap_or_default();
        asked.map_or(unasked, |asked| asked.saturating_add(usual))
    }
}

fn unusual(answer: &Answer) -> bool {
    let (Some(bytes), Some(usual)) = (answer.bytes, answer.usual_bytes) else { return false };
    let factor = bytes / SIZE_FACTOR > usual || usual / SIZE_FACTOR > bytes;
    factor && bytes.abs_diff(usual) >= SIZE_BYTES_MIN
}

/// Reads the wait that a text asks for: `sleep(5)`, `sleep 5`, `pg_sleep(5)`, `waitfor delay
/// '0:0:5'`, `ping -c 5`.
fn asked_ms(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let after = |word: &str| text.split_once(word).map(|(_, rest)| rest);
    let seconds = if let Some(rest) = after("sleep") {
        number(rest.trim_start_matches([' ', '(', '+', '\'', '"']))?
    } else if let Some(rest) = after("delay") {
        let clock = rest.trim_start_matches([' ', '+', '\'', '"']);
        let clock = clock.split(['\'', '"']).next()?;
        let mut seconds = 0.0;
        for field in clock.split(':').take(3) {
            seconds = seconds * 60.0 + number(field)?;
        }
        seconds
    } else {
        let rest = after("ping -c").or_else(|| after("ping -n"))?;
        // The first of them goes out at once.
        number(rest.trim_start())? - 1.0
    };
    let asked = Duration::try_from_secs_f64(seconds.min(ASKED_SECONDS_MAX)).ok()?.as_millis();
    let asked = u64::try_from(asked).ok()?;
    (asked >= ASKED_MS_MIN).then_some(asked)
}

fn number(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AccessLog, inspect_access_log};

    #[test]
    fn waits_that_texts_ask_for() {
        for (text, asked) in [
            ("1' and sleep(5)-- ", Some(5_000)),
            ("1; select pg_sleep(10.5)", Some(10_500)),
            ("; sleep 7", Some(7_000)),
            ("'; WAITFOR DELAY '0:1:30'--", Some(90_000)),
            ("| ping -c 6 127.0.0.1", Some(5_000)),
            ("sleep(1)", None),
            ("sleep(99999999999999999999)", Some(600_000)),
            ("sleep tight", None),
            ("delay 'none'", None),
        ] {
            assert_eq!(asked_ms(text), asked, "{text}");
        }
    }

    #[test]
    fn answers_weigh_and_never_silence() {
        let answer = |status, bytes, milliseconds| Answer {
            status: Some(status),
            bytes: Some(bytes),
            milliseconds: Some(milliseconds),
            usual_bytes: Some(20_000),
            ..Answer::default()
        };
        let attack = "/item?id=1%20and%20sleep(5)";
        for (answer, outcome) in [
            (answer(200, 20_100, 80), Outcome::Served),
            (answer(302, 0, 80), Outcome::Served),
            (answer(200, 20_100, 5_020), Outcome::Delayed),
            (answer(504, 200, 30_000), Outcome::Delayed),
            (answer(500, 20_100, 80), Outcome::Failed),
            (answer(404, 300, 80), Outcome::Refused),
            (answer(200, 900_000, 80), Outcome::UnusualSize),
            (answer(200, 400, 80), Outcome::UnusualSize),
            (Answer::default(), Outcome::Unknown),
        ] {
            let verdict = verdict(attack);
            let judged = verdict.judge(&answer);
            assert_eq!(judged.outcome, outcome, "{answer:?}");
            assert!(verdict.attack && judged.score >= ATTACK_SCORE_MIN, "{judged:?}");
            let moved = judged.score.partial_cmp(&verdict.score);
            assert_eq!(moved, outcome.weight().partial_cmp(&0.0), "{judged:?}");
        }
        let clean = verdict("/item?id=1").judge(&answer(500, 1, 60_000));
        assert_eq!(clean, Judged { outcome: Outcome::Delayed, score: 0.0 });
    }

    #[test]
    fn what_a_page_takes_by_itself_is_no_wait() {
        let asked = verdict("/item?id=1%20and%20sleep(5)");
        let unasked = verdict("/item?id=1%27%20union%20select%20password%20from%20users--");
        let answer = |milliseconds, usual, is_slow| Answer {
            status: Some(200),
            milliseconds: Some(milliseconds),
            usual_milliseconds: usual,
            is_slow,
            ..Answer::default()
        };
        for (verdict, answer, outcome) in [
            (&asked, answer(6_000, None, false), Outcome::Delayed),
            (&asked, answer(6_000, Some(5_500), false), Outcome::Served),
            (&asked, answer(10_600, Some(5_500), false), Outcome::Delayed),
            (&unasked, answer(4_000, Some(60), true), Outcome::Delayed),
            (&unasked, answer(4_000, Some(60), false), Outcome::Served),
            (&unasked, answer(900, Some(6), true), Outcome::Served),
        ] {
            assert_eq!(verdict.judge(&answer).outcome, outcome, "{answer:?}");
        }
    }

    fn verdict(target: &str) -> Verdict {
        inspect_access_log(&AccessLog { method: "GET", target, ..AccessLog::default() })
    }
}
