//! Programs that nobody has seen here: the first start of one, by this parent, in this group of machines.
//!
//! Machines that are numbered alike (`web-1`, `web-2`) make a group. A start is rare where no machine of the
//! group has started that program from that parent for thirty days, and after half an hour still no more
//! than two machines have: what is rolled out comes to many. How surprising a new program is depends on how
//! many programs of the group, or of that parent there, were ever seen once only (Good and Turing): a machine that
//! builds software starts new ones all the time, and its next is no news. A group is watched for a week before anything is said of it.

use std::collections::VecDeque;

use model::{Event, EventId, Field, Timestamp};
use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use super::{Detector, Finding, Kinds, Watcher};
use crate::keep::{self, Table, read_time, write_time};

/// The detector's row.
pub(super) const DETECTOR: Detector = Detector {
    id: "rare",
    summary: "a program that a group of machines has never started so before",
    wants: Kinds::PROCESS,
    live_only: false,
    make: || Box::new(Rare::default()),
};

/// How many programs (by group and parent) and how many groups, and parents in them, are kept.
const PROGRAMS_MAX: usize = 100_000;
const GROUPS_MAX: usize = 20_000;
/// How many starts wait for what other machines do.
const WAITING_MAX: usize = 2_000;
/// How long a group is watched, and how many starts of it must have been seen, before it is spoken of.
const BURN_IN: i64 = 7 * 86_400 * keep::SECOND;
const STARTS_MIN: u64 = 500;
/// What was not started for so long is new again.
const REMEMBERED: i64 = 30 * 86_400 * keep::SECOND;
/// How long it is waited whether others start it too, and how many others make it no news.
const WAIT: i64 = 30 * 60 * keep::SECOND;
const MACHINES: usize = 3;
/// How likely a group's next start may be of something new for a new one to be news.
const NEWS_MAX: f64 = 0.02;
/// From so many starts on a parent speaks for itself, before its group does.
const PARENT_STARTS_MIN: u64 = 50;
/// How much of a name is looked at; the rest of a longer one is cut off.
const NAME_BYTES_MAX: usize = 255;

/// One program from one parent in one group.
#[derive(Clone, Debug)]
struct Program {
    last: Timestamp,
    starts: u32,
    /// The machines that started it, by hash; nothing where there are fewer.
    machines: [u32; MACHINES],
}

impl Program {
    fn start(&mut self, at: Timestamp, host: &str) {
        self.starts = self.starts.saturating_add(1);
        self.last = self.last.max(at);
        let machine = keep::hash(host.to_ascii_lowercase().as_bytes());
        let machine = keep::mix(u128::from(machine)).max(1);
        if !self.machines.contains(&machine)
            && let Some(free) = self.machines.iter_mut().find(|machine| **machine == 0)
        {
            *free = machine;
        }
    }

    fn machines(&self) -> usize {
        self.machines.iter().filter(|machine| **machine != 0).count()
    }
}

/// What is known of a group of machines, or of one parent there.
#[derive(Clone, Debug)]
struct Group {
    first: Timestamp,
    starts: u64,
    /// How many programs were started once only.
    once: u64,
}

impl Group {
    /// Takes a start of a program that was started so often before; gives how likely it was that it would be one
    /// of a new program (Good and Turing), and how many starts there had been.
    fn start(&mut self, before: u32) -> (f64, u64) {
        let starts = self.starts;
        let likely = (keep::number(self.once) + 1.0) / (keep::number(starts) + 1.0);
        self.starts = starts.saturating_add(1);
        self.once = match before {
            0 => self.once.saturating_add(1),
            1 => self.once.saturating_sub(1),
            _ => self.once,
        };
        (likely, starts)
    }
}

/// A start that is news unless others follow.
#[derive(Clone, Debug)]
struct Waiting {
    program: u64,
    time: Timestamp,
    event: EventId,
    host: String,
    user: String,
    name: String,
    parent: String,
    likely: f64,
    starts: u64,
}

#[derive(Debug)]
struct Rare {
    programs: Table<u64, Program>,
    groups: Table<u64, Group>,
    waiting: VecDeque<Waiting>,
    dropped: u64,
}

impl Default for Rare {
    fn default() -> Self {
        Self {
            programs: Table::new(PROGRAMS_MAX),
            groups: Table::new(GROUPS_MAX),
            waiting: VecDeque::new(),
            dropped: 0,
        }
    }
}

impl Watcher for Rare {
    fn observe(&mut self, event: &Event, found: &mut Vec<Finding>) {
        self.tell(event.time, found);
        let named = |field| event.text(field).map(cut).filter(|name| !name.is_empty());
        let Some(host) = named(Field::HostName) else { return };
        let Some(name) = named(Field::ProcessName) else { return };
        let parent = named(Field::ParentName).unwrap_or_default();
        let group_key = keep::hash(group_of(&plain(host)).as_bytes());
        let key = format!("{group_key:x} {} < {}", plain(name), plain(parent));
        let key = keep::hash(key.as_bytes());
        let begin = || Program { last: Timestamp::MIN, starts: 0, machines: [0; MACHINES] };
        let program = self.programs.entry(key, begin);
        let is_new = event.time.nanos().saturating_sub(program.last.nanos()) > REMEMBERED;
        if is_new {
            *program = begin();
        }
        let before = program.starts;
        program.start(event.time, host);
        let begin = || Group { first: event.time, starts: 0, once: 0 };
        let of_parent = group_key ^ keep::hash(plain(parent).as_bytes()).rotate_left(21);
        let by_parent = self.groups.entry(of_parent, begin).start(before);
        let group = self.groups.entry(group_key, begin);
        let by_group = group.start(before);
        let (likely, starts) = if by_parent.1 >= PARENT_STARTS_MIN { by_parent } else { by_group };
        let watched = event.time.nanos().saturating_sub(group.first.nanos()) >= BURN_IN;
        if !is_new || !watched || group.starts < STARTS_MIN || likely > NEWS_MAX {
            return;
        }
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_front();
            self.dropped = self.dropped.saturating_add(1);
        }
        let user = named(Field::UserName).unwrap_or_default();
        let [host, user, name, parent] = [host, user, name, parent].map(str::to_owned);
        let (time, event) = (event.time, event.id);
        self.waiting.push_back(Waiting {
            program: key,
            time,
            event,
            host,
            user,
            name,
            parent,
            likely,
            starts,
        });
    }

    fn snapshot(&self, writer: &mut Writer) {
        self.programs.snapshot(writer, |writer, key, program| {
            writer.whole(*key);
            write_time(writer, program.last);
            writer.number(u64::from(program.starts));
            program.machines.iter().for_each(|machine| writer.number(u64::from(*machine)));
        });
        self.groups.snapshot(writer, |writer, key, group| {
            writer.whole(*key);
            write_time(writer, group.first);
            writer.number(group.starts);
            writer.number(group.once);
        });
        writer.number(self.dropped);
        writer.length(self.waiting.len());
        for one in &self.waiting {
            writer.whole(one.program);
            write_time(writer, one.time);
            writer.number(one.event.0);
            for text in [&one.host, &one.user, &one.name, &one.parent] {
                writer.text(text);
            }
            writer.whole(one.likely.to_bits());
            writer.number(one.starts);
        }
    }

    fn restore(&mut self, reader: &mut Reader<'_>) -> Result<(), SnapshotError> {
        self.programs.restore(reader, |reader| {
            let (key, last, starts) = (reader.whole()?, read_time(reader)?, small(reader)?);
            let mut machines = [0; MACHINES];
            for machine in &mut machines {
                *machine = small(reader)?;
            }
            Ok((key, Program { last, starts, machines }))
        })?;
        self.groups.restore(reader, |reader| {
            let (key, first) = (reader.whole()?, read_time(reader)?);
            Ok((key, Group { first, starts: reader.number()?, once: reader.number()? }))
        })?;
        self.dropped = reader.number()?;
        let length = reader.length()?;
        if length > WAITING_MAX {
            return Err(SnapshotError::TooLarge);
        }
        self.waiting.clear();
        for _ in 0..length {
            self.waiting.push_back(waiting(reader)?);
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        let texts =
            |one: &Waiting| one.host.len() + one.user.len() + one.name.len() + one.parent.len();
        let waiting =
            self.waiting.iter().map(|one| size_of::<Waiting>() + texts(one)).sum::<usize>();
        self.programs.values().count() * (size_of::<Program>() + 16)
            + self.groups.values().count() * (size_of::<Group>() + 16)
            + waiting
    }

    fn forgotten(&self) -> u64 {
        self.programs.forgotten() + self.groups.forgotten() + self.dropped
    }
}

impl Rare {
    /// Tells of the starts whose time to wait is over and that stayed alone.
    fn tell(&mut self, now: Timestamp, found: &mut Vec<Finding>) {
        while let Some(one) = self.waiting.front() {
            if now.nanos().saturating_sub(one.time.nanos()) < WAIT {
                return;
            }
            let Some(one) = self.waiting.pop_front() else { return };
            let begin = || Program { last: one.time, starts: 1, machines: [1, 0, 0] };
            let program = self.programs.entry(one.program, begin);
            if program.machines() < MACHINES {
                found.push(finding(&one, program));
            }
        }
    }
}

fn waiting(reader: &mut Reader<'_>) -> Read<Waiting> {
    let (program, time, event) = (reader.whole()?, read_time(reader)?, EventId(reader.number()?));
    let mut text = || reader.text().map(str::to_owned);
    let (host, user, name, parent) = (text()?, text()?, text()?, text()?);
    let likely = f64::from_bits(reader.whole()?);
    Ok(Waiting { program, time, event, host, user, name, parent, likely, starts: reader.number()? })
}

fn small(reader: &mut Reader<'_>) -> Read<u32> {
    u32::try_from(reader.number()?).map_err(|_| SnapshotError::Malformed)
}

/// Gives as much of a name as is looked at.
fn cut(name: &str) -> &str {
    name.get(..name.floor_char_boundary(NAME_BYTES_MAX)).unwrap_or_default()
}

/// Gives a name without case and with every run of figures as one sign: versions and numbers of temporary files
/// make no new program.
fn plain(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            '0'..='9' if plain.ends_with('#') => {}
            '0'..='9' => plain.push('#'),
            _ => plain.extend(letter.to_lowercase()),
        }
    }
    plain
}

/// Gives the group of a machine: its name without its number and its domain.
fn group_of(host: &str) -> &str {
    let first = host.split('.').next().unwrap_or_default();
    let group = first.trim_end_matches(['#', '-', '_']);
    if group.is_empty() { host } else { group }
}

fn finding(one: &Waiting, program: &Program) -> Finding {
    let parent = if one.parent.is_empty() { "a parent that is not told" } else { &one.parent };
    let text = format!(
        "{} was started by {parent} on {}, for the first time within 30 days in its group of machines; of {} \
         starts before, about one in {:.0} was of something new",
        one.name,
        one.host,
        one.starts,
        1.0 / one.likely
    );
    let mut also = vec![("process.name", one.name.clone())];
    if !one.parent.is_empty() {
        also.push(("process.parent.name", one.parent.clone()));
    }
    Finding {
        kind: "process",
        user: (!one.user.is_empty()).then(|| one.user.clone()),
        host: Some(one.host.clone()),
        score: 1.0 - one.likely,
        observed: keep::number(u64::from(program.starts)),
        baseline: one.likely,
        window_seconds: REMEMBERED / keep::SECOND,
        text,
        first: one.time,
        count: u64::from(program.starts.max(1)),
        fresh: u64::from(program.starts.max(1)),
        events: vec![one.event],
        also,
        ..Finding::default()
    }
}

#[cfg(test)]
mod tests {
    use model::Text;

    use super::*;

    #[test]
    fn a_name_that_is_too_long_is_looked_at_all_the_same() {
        let (mut rare, mut found) = (Rare::default(), Vec::new());
        let long = "\u{e9}".repeat(200);
        let mut start = |second: i64, names: [&str; 4]| {
            let mut event = Event::new(Text::default(), Timestamp::from_seconds(second));
            let fields = [Field::HostName, Field::ProcessName, Field::ParentName, Field::UserName];
            for (field, name) in fields.into_iter().zip(names) {
                event.set(field, name);
            }
            rare.observe(&event, &mut found);
            found.clone()
        };
        for number in 0..700 {
            assert_eq!(start(number * 1_000, [&long, "cron", &long, &long]), []);
        }
        start(700_000, [&long, &long, &long, &long]);
        let found = start(702_000, [&long, "cron", &long, &long]);
        let [one] = &found[..] else { panic!("{found:?}") };
        assert_eq!(one.host.as_deref(), Some("\u{e9}".repeat(127).as_str()));
    }
}
