//! Senders of logs that fall silent, or shout.
//!
//! A machine that stops to send was switched off, was cut off, or had its logging stopped by somebody who
//! does not want to be seen. How long a sender may be quiet it shows itself: the longest pause of each
//! day of the last week counts, and three times as long is a silence. A sender that suddenly sends far
//! more than this hour of the week usually has is told too.
//!
//! Silence is noticed when others go on, since time comes with the events. Old files say nothing of it.

use model::{Event, Field, Timestamp};
use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use super::{Detector, Finding, Kinds, Watcher};
use crate::keep::series::BUCKET_SECONDS;
use crate::keep::watched::{Judged, Limits, Watched};
use crate::keep::{self, Table, read_time, write_time};

/// The detector's row.
pub(super) const DETECTOR: Detector = Detector {
    id: "sources",
    version: 1,
    summary: "a sender of logs that falls silent, or sends far more than usual",
    wants: Kinds::ANY,
    live_only: true,
    make: || Box::new(Sources::default()),
};

/// How many senders are kept.
const SENDERS_MAX: usize = 10_000;
/// How long the name of a sender may be that is kept.
const NAME_BYTES_MAX: usize = 255;
/// How many days with events a verdict of silence needs, and how many are remembered.
const DAYS_MIN: usize = 3;
const DAYS: usize = 7;
/// A day with fewer events says nothing of how a sender usually is.
const EVENTS_A_DAY_MIN: u32 = 24;
/// No shorter pause is a silence, in seconds.
const SILENCE_MIN: i64 = 30 * 60;
/// How many times the longest usual pause a silence lasts.
const PAUSES: i64 = 3;
/// Events within five minutes.
const LOUD: Limits =
    Limits { floor: 1_000.0, unknown: f64::INFINITY, deviations: 10.0, at_once: 10.0, lasting: 0 };
const DAY: i64 = 86_400;
/// How often all senders are looked at, in seconds of the events' time.
const LOOK_EVERY: i64 = 60;

#[derive(Debug)]
struct Sender {
    name: String,
    last: Timestamp,
    /// The longest pause of each of the last days with events, in seconds, the newest first.
    pauses: [u32; DAYS],
    days: usize,
    day: i64,
    /// How many events came on this day.
    today: u32,
    /// Whether its silence was told.
    silent: bool,
    loud: Watched,
}

impl Sender {
    fn new(name: &str, at: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            last: at,
            pauses: [0; DAYS],
            days: 0,
            day: second(at).div_euclid(DAY),
            today: 0,
            silent: false,
            loud: Watched::new(at),
        }
    }

    /// Takes an event; gives how loud it has become, where that is to be told.
    fn hear(&mut self, event: &Event) -> Option<Judged> {
        let pause = second(event.time).saturating_sub(second(self.last));
        let day = second(event.time).div_euclid(DAY);
        if day > self.day {
            if self.today >= EVENTS_A_DAY_MIN {
                self.pauses.rotate_right(1);
                self.pauses[0] = 0;
                self.days = (self.days + 1).min(DAYS);
            }
            (self.day, self.today) = (day, 0);
        }
        self.today = self.today.saturating_add(1);
        // A silence that was told is no pause to get used to.
        if !self.silent {
            self.pauses[0] = self.pauses[0].max(u32::try_from(pause.max(0)).unwrap_or(u32::MAX));
        }
        self.silent = false;
        self.last = self.last.max(event.time);
        self.loud.add(event, keep::number(event.repeat()), LOUD)
    }

    /// Gives how long it has been silent and how long its pauses usually are, where that is to be told.
    fn silence(&mut self, now: i64) -> Option<(i64, i64)> {
        if self.silent || self.days < DAYS_MIN {
            return None;
        }
        let usual = i64::from(self.pauses.iter().copied().max().unwrap_or_default());
        let quiet = now.saturating_sub(second(self.last));
        let is_silent = quiet >= SILENCE_MIN && quiet >= usual.saturating_mul(PAUSES);
        self.silent = is_silent;
        is_silent.then_some((quiet, usual))
    }

    fn snapshot(&self, writer: &mut Writer) {
        writer.text(&self.name);
        write_time(writer, self.last);
        self.pauses.iter().for_each(|pause| writer.number(u64::from(*pause)));
        writer.length(self.days);
        writer.signed(self.day);
        writer.number(u64::from(self.today));
        writer.flag(self.silent);
        self.loud.snapshot(writer);
    }

    fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        let malformed = |_| SnapshotError::Malformed;
        let mut sender = Self::new(reader.text()?, read_time(reader)?);
        for pause in &mut sender.pauses {
            *pause = u32::try_from(reader.number()?).map_err(malformed)?;
        }
        sender.days = usize::try_from(reader.number()?).map_err(malformed)?.min(DAYS);
        sender.day = reader.signed()?;
        sender.today = u32::try_from(reader.number()?).map_err(malformed)?;
        sender.silent = reader.flag()?;
        sender.loud = Watched::restore(reader)?;
        Ok(sender)
    }
}

#[derive(Debug)]
struct Sources {
    senders: Table<u64, Sender>,
    /// When all senders were looked at last, in seconds of the events' time.
    looked: i64,
}

impl Default for Sources {
    fn default() -> Self {
        Self { senders: Table::new(SENDERS_MAX), looked: i64::MIN }
    }
}

impl Watcher for Sources {
    fn observe(&mut self, event: &Event, found: &mut Vec<Finding>) {
        let now = second(event.time);
        if now >= self.looked.saturating_add(LOOK_EVERY) {
            self.looked = now;
            self.look(now, found);
        }
        let Some(name) = event.text(Field::HostName).filter(|name| name.len() <= NAME_BYTES_MAX)
        else {
            return;
        };
        let sender =
            self.senders.entry(keep::hash(name.as_bytes()), || Sender::new(name, event.time));
        if let Some(judged) = sender.hear(event) {
            found.push(loud(sender, &judged));
        }
    }

    fn snapshot(&self, writer: &mut Writer) {
        writer.signed(self.looked);
        self.senders.snapshot(writer, |writer, key, sender| {
            writer.whole(*key);
            sender.snapshot(writer);
        });
    }

    fn restore(&mut self, reader: &mut Reader<'_>) -> Result<(), SnapshotError> {
        self.looked = reader.signed()?;
        self.senders.restore(reader, |reader| Ok((reader.whole()?, Sender::restore(reader)?)))
    }

    fn bytes(&self) -> usize {
        let senders = self.senders.values();
        senders.map(|one| one.loud.bytes() + one.name.len() + size_of::<Sender>()).sum()
    }

    fn forgotten(&self) -> u64 {
        self.senders.forgotten()
    }
}

impl Sources {
    /// Looks for senders that have fallen silent.
    fn look(&mut self, now: i64, found: &mut Vec<Finding>) {
        for sender in self.senders.values_mut() {
            if let Some((quiet, usual)) = sender.silence(now) {
                found.push(silent(sender, quiet, usual));
            }
        }
        // The same events tell the same findings, in the same order.
        found.sort_by(|one, other| one.host.cmp(&other.host));
    }
}

fn silent(sender: &Sender, quiet: i64, usual: i64) -> Finding {
    let text = format!(
        "{} has sent nothing for {}; its longest pause of the days before was {}",
        sender.name,
        keep::span(quiet),
        keep::span(usual)
    );
    Finding {
        kind: "silent",
        host: Some(sender.name.clone()),
        score: 1.0,
        observed: keep::number(u64::try_from(quiet).unwrap_or_default()),
        baseline: keep::number(u64::try_from(usual).unwrap_or_default()),
        window_seconds: quiet,
        text,
        first: sender.last,
        count: 1,
        fresh: 1,
        ..Finding::default()
    }
}

fn loud(sender: &Sender, judged: &Judged) -> Finding {
    let (value, usual) = (judged.value, judged.baseline());
    let text = format!(
        "{} sent {value:.0} events within five minutes; usual at this hour are {usual:.0}",
        sender.name
    );
    Finding {
        kind: "loud",
        host: Some(sender.name.clone()),
        score: judged.score(LOUD.deviations),
        observed: value,
        baseline: usual,
        window_seconds: BUCKET_SECONDS,
        text,
        first: sender.loud.told_in,
        count: keep::whole(value),
        fresh: judged.fresh,
        events: sender.loud.evidence.events(),
        ..Finding::default()
    }
}

fn second(at: Timestamp) -> i64 {
    at.nanos().div_euclid(keep::SECOND)
}

#[cfg(test)]
mod tests {
    use model::{EventId, Text};

    use super::*;

    fn event(host: &str, second: i64) -> Event {
        let mut event = Event::new(Text::default(), Timestamp::default());
        event.id = EventId(u64::try_from(second).unwrap());
        event.time = Timestamp::from_nanos(second * keep::SECOND);
        event.set(Field::HostName, host);
        event
    }

    /// Plays some days of two senders, one of which has a pause of an hour each night; then only one.
    fn findings(days: i64, after_hours: i64) -> Vec<String> {
        let (mut sources, mut found) = (Sources::default(), Vec::new());
        for minute in 0..days * 24 * 60 {
            if minute % (24 * 60) >= 60 {
                sources.observe(&event("web", minute * 60), &mut found);
            }
            sources.observe(&event("gate", minute * 60 + 1), &mut found);
        }
        for minute in days * 24 * 60..days * 24 * 60 + after_hours * 60 {
            sources.observe(&event("gate", minute * 60 + 1), &mut found);
        }
        found.iter().map(|finding| format!("{}: {}", finding.kind, finding.text)).collect()
    }

    #[test]
    fn a_silence_is_three_times_the_longest_pause() {
        assert_eq!(findings(5, 2), Vec::<String>::new());
        expect_test::expect![[r#"
            [
                "silent: web has sent nothing for 3 h; its longest pause of the days before was 61 min",
            ]
        "#]]
        .assert_debug_eq(&findings(5, 9));
        assert_eq!(findings(3, 9), Vec::<String>::new(), "nothing is usual yet");
    }

    #[test]
    fn a_shout_is_told() {
        let (mut sources, mut found) = (Sources::default(), Vec::new());
        for minute in 0..3 * 24 * 60 {
            sources.observe(&event("web", minute * 60), &mut found);
        }
        for _ in 0..5_000 {
            sources.observe(&event("web", 3 * 86_400), &mut found);
        }
        let told: Vec<String> = found.iter().map(|finding| finding.text.clone()).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert_eq!(told[0], "web sent 1000 events within five minutes; usual at this hour are 5");
    }
}
