//! How many probes may be under way: a window that grows while answers come and shrinks when they stay
//! out or come late (AIMD), and a cap on packets a second.
//!
//! Whoever does not answer may not be there, or may drop what he does not want: silence alone is no
//! congestion. So what counts is the share that stays unanswered beside what stayed unanswered while
//! little was under way; the probes come in random order, so that share is the same all along. A link
//! that loses one packet in a hundred whatever is sent loses it at every rate, and is no congestion
//! either.

use std::time::Duration;

/// The window at the start, and the one that is always allowed.
const WINDOW_FIRST: u32 = 256;
const WINDOW_MIN: u32 = 32;
/// How much larger (of a thousand) the unanswered share must be than at ease to count as congestion.
const EXCESS: u32 = 60;
/// A round of fewer probes says nothing.
const ROUND_MIN: u32 = 48;
/// Packets a second where hardly anything answers and so nothing tells of congestion.
const SILENT_RATE: u32 = 10_000;
/// Answers that come this much later than the quickest have waited in queues.
const DELAY_HOLD: Duration = Duration::from_millis(25);
const DELAY_SHRINK: Duration = Duration::from_millis(150);
/// Packets that may be sent at once where the rate is capped.
const BURST: u32 = 64;

/// The pace of one scan.
#[derive(Debug)]
pub(crate) struct Pace {
    window: u32,
    ceiling: u32,
    round: Round,
    /// Of a thousand: what stays unanswered while little is under way.
    at_ease: Option<u32>,
    starts_slowly: bool,
    /// The mean time that answers wait in queues.
    queued: Duration,
    rate: Option<Bucket>,
}

/// What became of the probes of one round trip.
#[derive(Debug, Default)]
struct Round {
    /// The probe after which the round ends.
    ends_after: u64,
    answered: u32,
    unanswered: u32,
}

/// A cap on packets a second.
#[derive(Debug)]
struct Bucket {
    a_second: u32,
    /// When the next packet may go.
    next: Duration,
}

impl Pace {
    /// Gives the pace of a start: at most `ceiling` probes under way, at most so many a second.
    pub(crate) fn new(ceiling: u32, a_second: Option<u32>) -> Self {
        let ceiling = ceiling.max(1);
        let bucket = |a_second: u32| Bucket { a_second: a_second.max(1), next: Duration::ZERO };
        Self {
            window: WINDOW_FIRST.min(ceiling),
            ceiling,
            round: Round::default(),
            at_ease: None,
            starts_slowly: true,
            queued: Duration::ZERO,
            rate: a_second.map(bucket),
        }
    }

    /// Gives how many probes may be under way.
    pub(crate) fn window(&self) -> u32 {
        self.window
    }

    /// Gives how long to wait before the next packet.
    pub(crate) fn wait(&self, now: Duration) -> Duration {
        let Some(bucket) = &self.rate else { return Duration::ZERO };
        bucket.next.saturating_sub(now)
    }

    /// Notes that a packet was sent.
    pub(crate) fn sent(&mut self, now: Duration) {
        if let Some(bucket) = &mut self.rate {
            let each = Duration::from_secs(1) / bucket.a_second;
            // What was not used is not saved up beyond a small burst.
            bucket.next = bucket.next.max(now.saturating_sub(each * BURST)) + each;
        }
    }

    /// Notes an answer and, where it is known, how long it waited in queues.
    pub(crate) fn answered(&mut self, queued: Option<Duration>) {
        self.round.answered = self.round.answered.saturating_add(1);
        if let Some(queued) = queued {
            self.queued = (self.queued * 15 + queued) / 16;
        }
        if self.starts_slowly && self.queued < DELAY_HOLD {
            self.window = (self.window + 1).min(self.ceiling);
        }
    }

    /// Notes that a probe was given up for now.
    pub(crate) fn unanswered(&mut self) {
        self.round.unanswered = self.round.unanswered.saturating_add(1);
    }

    /// Notes that all up to probe `decided` have had their time; `sent` is the last one sent, `patience`
    /// how long a silent one is waited for.
    pub(crate) fn decided(&mut self, decided: u64, sent: u64, patience: Duration) {
        if decided < self.round.ends_after {
            return;
        }
        let all = self.round.answered.saturating_add(self.round.unanswered);
        if all < ROUND_MIN {
            return;
        }
        let share = self.round.unanswered.saturating_mul(1000) / all;
        let is_silent = self.round.answered < ROUND_MIN / 3;
        self.round = Round { ends_after: sent, ..Round::default() };
        let at_ease = *self.at_ease.get_or_insert(share);
        if share > at_ease.saturating_add(EXCESS) {
            self.starts_slowly = false;
            self.shrink(7);
            // If going slower does not help, it is they who do not answer.
            self.at_ease = Some(at_ease + (share - at_ease) / 8);
            return;
        }
        self.at_ease = Some(at_ease.min(share));
        if self.queued > DELAY_SHRINK {
            self.starts_slowly = false;
            self.shrink(8);
        } else if is_silent {
            let room = SILENT_RATE / 1000 * u32::try_from(patience.as_millis()).unwrap_or(1000);
            let grown = self.window.saturating_add(self.window / 2).min(room.max(WINDOW_FIRST));
            self.window = self.window.max(grown).min(self.ceiling);
        } else if self.queued < DELAY_HOLD && !self.starts_slowly {
            self.window = self.window.saturating_add((self.window / 16).max(16)).min(self.ceiling);
        }
    }

    /// Notes that the system itself had no room for a packet.
    pub(crate) fn refused(&mut self) {
        self.starts_slowly = false;
        self.shrink(9);
    }

    /// Shrinks the window to so many tenths.
    fn shrink(&mut self, tenths: u32) {
        self.window = (self.window / 10 * tenths).max(WINDOW_MIN).min(self.ceiling);
    }
}

/// How long answers of one host take.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Trip {
    least: Duration,
    mean: Duration,
    spread: Duration,
    is_known: bool,
}

/// Slack for machines that are busy, ours among them.
const SLACK: Duration = Duration::from_millis(40);

impl Trip {
    /// Notes one; gives how much longer it took than the quickest.
    pub(crate) fn took(&mut self, time: Duration) -> Duration {
        if self.is_known {
            let off = self.mean.abs_diff(time);
            self.spread = (self.spread * 3 + off) / 4;
            self.mean = (self.mean * 7 + time) / 8;
            self.least = self.least.min(time);
        } else {
            *self = Self { least: time, mean: time, spread: time / 2, is_known: true };
        }
        time.saturating_sub(self.least)
    }

    /// Gives how long to wait for an answer; `most` is the user's word.
    pub(crate) fn patience(&self, most: Duration) -> Duration {
        if self.is_known {
            (self.mean + self.spread * 4 + SLACK).min(most)
        } else {
            most.min(Duration::from_millis(500))
        }
    }

    /// Gives how much later than another sent after it an answer may come: `None` while nothing is
    /// known.
    pub(crate) fn disorder(&self) -> Option<Duration> {
        self.is_known.then(|| (self.mean / 4 + self.spread).max(Duration::from_millis(4)))
    }
}

/// How many were answered at which try: it tells how many may still be missing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Yield {
    first: u32,
    later: u32,
}

/// So few answers may be expected to be missed when a probe is given up.
const MISSED_MAX: f64 = 0.001;
/// Every probe that stays without an answer is tried so often at least: the verify pass.
const TRIES_MIN: u8 = 2;

impl Yield {
    /// Notes an answer to the try with this number.
    pub(crate) fn answered(&mut self, tries: u8) {
        let count = if tries <= 1 { &mut self.first } else { &mut self.later };
        *count = count.saturating_add(1);
    }

    /// Gives how often to try in all, `most` at most.
    pub(crate) fn tries(self, most: u8) -> u8 {
        let total = f64::from(self.first) + f64::from(self.later);
        // With nothing known not quite a tenth is taken to be lost.
        let lost = if total < 1.0 { 0.09 } else { (f64::from(self.later) + 0.5) / (total + 1.0) };
        let mut missing = total.max(1.0);
        for tries in 1..most {
            missing *= lost;
            if missing <= MISSED_MAX && tries >= TRIES_MIN {
                return tries;
            }
        }
        most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(200);

    /// A link that carries `room` probes a round and loses `lost` of a thousand besides; of the ports
    /// `silent` of a thousand never answer. Gives the windows of the rounds.
    fn rounds(room: u32, lost: u32, silent: u32, count: usize) -> Vec<u32> {
        let mut pace = Pace::new(1 << 16, None);
        let mut windows = Vec::new();
        let mut sent = 0_u64;
        for _ in 0..count {
            let window = pace.window();
            windows.push(window);
            sent += u64::from(window);
            let through = window.min(room);
            let answered = through * (1000 - lost) / 1000 * (1000 - silent) / 1000;
            (0..answered).for_each(|_| pace.answered(Some(Duration::from_millis(1))));
            (0..window - answered).for_each(|_| pace.unanswered());
            pace.decided(sent, sent, PATIENCE);
        }
        windows
    }

    #[test]
    fn the_window_finds_the_room_of_the_link() {
        for (lost, silent) in [(0, 0), (20, 0), (50, 0), (20, 500)] {
            let windows = rounds(2_000, lost, silent, 60);
            let (before, after) = windows.split_at(10);
            assert!(before.iter().any(|window| *window > 1_800), "{lost} {silent}: {windows:?}");
            let mean = after.iter().sum::<u32>() / 50;
            assert!((1_000..2_600).contains(&mean), "{lost} {silent}: {mean} {windows:?}");
        }
    }

    #[test]
    fn chance_losses_do_not_hold_it_down() {
        let windows = rounds(u32::MAX, 20, 0, 10);
        assert!(windows.last().unwrap() > &30_000, "{windows:?}");
    }

    #[test]
    fn where_nothing_answers_it_stays_polite() {
        let windows = rounds(u32::MAX, 0, 1000, 40);
        assert_eq!(windows.last(), Some(&2_000));
    }

    #[test]
    fn late_answers_shrink_it() {
        let mut pace = Pace::new(1 << 16, None);
        let before = pace.window();
        for round in 1..20_u64 {
            (0..100).for_each(|_| pace.answered(Some(Duration::from_millis(400))));
            pace.decided(round, round, PATIENCE);
        }
        assert!(pace.window() < before);
    }

    #[test]
    fn a_cap_on_the_rate_holds() {
        let mut pace = Pace::new(1 << 16, Some(100));
        let mut now = Duration::from_secs(5);
        let mut sent = 0;
        while now < Duration::from_secs(15) {
            let wait = pace.wait(now);
            if wait.is_zero() {
                pace.sent(now);
                sent += 1;
            } else {
                now += wait;
            }
        }
        assert!((990..=1_000 + BURST + 1).contains(&sent), "{sent}");
    }

    #[test]
    fn patience_follows_the_trip() {
        let mut trip = Trip::default();
        let most = Duration::from_secs(1);
        assert_eq!(trip.patience(most), Duration::from_millis(500));
        assert_eq!(trip.disorder(), None);
        (0..50).for_each(|_| {
            trip.took(Duration::from_millis(100));
        });
        assert_eq!(trip.patience(most).as_millis(), 140);
        assert_eq!(trip.took(Duration::from_millis(130)), Duration::from_millis(30));
        assert_eq!(trip.patience(Duration::from_millis(90)), Duration::from_millis(90));
    }

    #[test]
    fn tries_follow_what_was_lost() {
        let tries = |first, later, most| Yield { first, later }.tries(most);
        assert_eq!(tries(0, 0, 7), 3);
        assert_eq!(tries(10, 0, 7), 3);
        assert_eq!(tries(65_000, 0, 7), 2);
        assert_eq!(tries(64_000, 1_300, 7), 5);
        assert_eq!(tries(40_000, 20_000, 7), 7);
        assert_eq!(tries(64_000, 1_300, 1), 1);
        assert_eq!(tries(64_000, 1_300, 2), 2);
    }
}
