//! What is kept of programs, machines and groups of machines.

use model::{Event, EventId, Timestamp};
use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use super::label::{Place, cut};
use super::news::{Kind, Weeks};
use super::{
    DAY, INSTALLED_FOR, LATER_MAX, MACHINES, NEW_MACHINE, REMEMBERED, Rare, SETTING_UP, WAITING_MAX,
};
use crate::keep::{read_time, write_time};

/// A program on machines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) last: Timestamp,
    /// The day on which it was seen first; only on that and one machine as long as `once` says so.
    pub(super) day: i64,
    pub(super) once: bool,
    /// The machines that started it, by hash; nothing where there are fewer.
    pub(super) machines: [u32; MACHINES],
}

impl Seen {
    pub(super) const NEVER: Self =
        Self { last: Timestamp::MIN, day: 0, once: true, machines: [0; MACHINES] };

    /// Takes a start; tells whether it is a first one, and whether it is the one after which the program was not seen
    /// once only any more.
    pub(super) fn start(&mut self, at: Timestamp, machine: u32) -> (bool, bool) {
        let first = at.nanos().saturating_sub(self.last.nanos()) > REMEMBERED;
        if first {
            *self = Self { day: day_of(at), ..Self::NEVER };
        }
        self.last = self.last.max(at);
        if !self.machines.contains(&machine)
            && let Some(free) = self.machines.iter_mut().find(|machine| **machine == 0)
        {
            *free = machine;
        }
        let again = self.once && (self.machines() > 1 || day_of(at) != self.day);
        self.once &= !again;
        (first, again)
    }

    pub(super) fn machines(&self) -> usize {
        self.machines.iter().filter(|machine| **machine != 0).count()
    }

    pub(super) fn snapshot(&self, writer: &mut Writer) {
        write_time(writer, self.last);
        writer.signed(self.day);
        writer.flag(self.once);
        self.machines.iter().for_each(|machine| writer.number(u64::from(*machine)));
    }

    pub(super) fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        let (last, day, once) = (read_time(reader)?, reader.signed()?, reader.flag()?);
        Ok(Self { last, day, once, machines: [small(reader)?, small(reader)?, small(reader)?] })
    }
}

/// A program from a parent in a group, and of what kind it was when it was new.
#[derive(Clone, Copy, Debug)]
pub(super) struct Program {
    pub(super) seen: Seen,
    pub(super) kind: Kind,
    /// Whether it is counted as seen once.
    pub(super) counted: bool,
}

impl Program {
    pub(super) const NEVER: Self =
        Self { seen: Seen::NEVER, kind: Kind { of_all: 0, of_group: 0, rough: 0 }, counted: false };
}

/// In which group a program was new from a parent last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) group: u64,
    pub(super) last: Timestamp,
}

/// A new program that is counted for its kind later.
#[derive(Clone, Copy, Debug)]
pub(super) struct Later {
    pub(super) program: u64,
    pub(super) kind: Kind,
    pub(super) time: Timestamp,
    /// Whether it was the first of its kind.
    pub(super) first: bool,
}

/// What is known of a group of machines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub(super) first: Timestamp,
    pub(super) starts: u64,
    pub(super) machine_days: Weeks,
}

/// What is known of one machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    pub(super) group: u64,
    pub(super) first: Timestamp,
    pub(super) day: i64,
    /// When something was last installed.
    pub(super) installed: Timestamp,
    /// When somebody last set something up that was downloaded.
    pub(super) set_up: Timestamp,
}

impl Machine {
    /// Tells whether somebody has just set something up: what is new then came with it.
    pub(super) fn sets_up(&self, at: Timestamp) -> bool {
        at.nanos().saturating_sub(self.set_up.nanos()) <= SETTING_UP
    }

    /// Tells whether new programs are expected on it: something was just installed, or it came to its group lately.
    pub(super) fn expects(&self, at: Timestamp, group_since: Timestamp) -> bool {
        let since = |time: Timestamp| at.nanos().saturating_sub(time.nanos());
        let came = self.first.nanos().saturating_sub(group_since.nanos()) > DAY;
        since(self.installed) <= INSTALLED_FOR || (came && since(self.first) < NEW_MACHINE)
    }
}

/// A start that is new unless others follow.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) program: u64,
    pub(super) kind: Kind,
    /// Whether something was just installed on the machine, or it is new itself, and the program lies where only
    /// installers write.
    pub(super) expected: bool,
    pub(super) group: u64,
    /// The machine, and the program by itself, to know it again where it starts others.
    pub(super) by_itself: [u64; 2],
    /// Whether it came in the first week of its group: it is counted then, and not spoken of.
    pub(super) burns_in: bool,
    pub(super) place: Place,
    pub(super) time: Timestamp,
    pub(super) event: EventId,
    pub(super) host: String,
    pub(super) user: String,
    pub(super) name: String,
    pub(super) parent: String,
}

impl Rare {
    /// Appends what is remembered.
    pub(super) fn write(&self, writer: &mut Writer) {
        self.programs.snapshot(writer, |writer, key, program| {
            writer.whole(*key);
            program.seen.snapshot(writer);
            program.kind.snapshot(writer);
            writer.flag(program.counted);
        });
        self.names.snapshot(writer, |writer, key, seen| {
            writer.whole(*key);
            seen.snapshot(writer);
        });
        self.pairs.snapshot(writer, |writer, key, pair| {
            writer.whole(*key);
            writer.whole(pair.group);
            write_time(writer, pair.last);
        });
        self.machines.snapshot(writer, |writer, key, machine| {
            writer.whole(*key);
            writer.whole(machine.group);
            write_time(writer, machine.first);
            writer.signed(machine.day);
            write_time(writer, machine.installed);
            write_time(writer, machine.set_up);
        });
        self.groups.snapshot(writer, |writer, key, group| {
            writer.whole(*key);
            write_time(writer, group.first);
            writer.number(group.starts);
            group.machine_days.snapshot(writer);
        });
        self.news.snapshot(writer);
        writer.number(self.dropped);
        writer.signed(self.told.0);
        writer.number(u64::from(self.told.1));
        writer.length(self.waiting.len());
        self.waiting.iter().for_each(|one| one.snapshot(writer));
        writer.length(self.later.len());
        for one in &self.later {
            writer.whole(one.program);
            one.kind.snapshot(writer);
            write_time(writer, one.time);
            writer.flag(one.first);
        }
    }

    /// Takes up what [`Rare::write`] wrote.
    pub(super) fn read(&mut self, reader: &mut Reader<'_>) -> Read<()> {
        self.programs.restore(reader, |reader| {
            let (key, seen) = (reader.whole()?, Seen::restore(reader)?);
            Ok((key, Program { seen, kind: Kind::restore(reader)?, counted: reader.flag()? }))
        })?;
        self.names.restore(reader, |reader| Ok((reader.whole()?, Seen::restore(reader)?)))?;
        self.pairs.restore(reader, |reader| {
            let (key, group) = (reader.whole()?, reader.whole()?);
            Ok((key, Pair { group, last: read_time(reader)? }))
        })?;
        self.machines.restore(reader, |reader| {
            let (key, group) = (reader.whole()?, reader.whole()?);
            let (first, day) = (read_time(reader)?, reader.signed()?);
            let (installed, set_up) = (read_time(reader)?, read_time(reader)?);
            Ok((key, Machine { group, first, day, installed, set_up }))
        })?;
        self.groups.restore(reader, |reader| {
            let (key, first, starts) = (reader.whole()?, read_time(reader)?, reader.number()?);
            Ok((key, Group { first, starts, machine_days: Weeks::restore(reader)? }))
        })?;
        self.news.restore(reader)?;
        self.dropped = reader.number()?;
        self.told = (reader.signed()?, small(reader)?);
        let length = reader.length()?;
        if length > WAITING_MAX {
            return Err(SnapshotError::TooLarge);
        }
        self.waiting.clear();
        for _ in 0..length {
            self.waiting.push_back(Waiting::restore(reader)?);
        }
        let length = reader.length()?;
        if length > LATER_MAX {
            return Err(SnapshotError::TooLarge);
        }
        self.later.clear();
        for _ in 0..length {
            let (program, kind) = (reader.whole()?, Kind::restore(reader)?);
            let time = read_time(reader)?;
            self.later.push_back(Later { program, kind, time, first: reader.flag()? });
        }
        Ok(())
    }
}

impl Waiting {
    pub(super) fn snapshot(&self, writer: &mut Writer) {
        writer.whole(self.program);
        self.kind.snapshot(writer);
        writer.flag(self.expected);
        writer.whole(self.group);
        self.by_itself.iter().for_each(|part| writer.whole(*part));
        writer.flag(self.burns_in);
        writer.number(u64::from(self.place.number()));
        write_time(writer, self.time);
        writer.number(self.event.0);
        for text in [&self.host, &self.user, &self.name, &self.parent] {
            writer.text(text);
        }
    }

    pub(super) fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        let (program, kind) = (reader.whole()?, Kind::restore(reader)?);
        let (expected, group) = (reader.flag()?, reader.whole()?);
        let (by_itself, burns_in) = ([reader.whole()?, reader.whole()?], reader.flag()?);
        let place = Place::of_number(reader.number()?).ok_or(SnapshotError::Malformed)?;
        let (time, event) = (read_time(reader)?, EventId(reader.number()?));
        let mut text = || reader.text().map(|text| cut(text).to_owned());
        let (host, user, name, parent) = (text()?, text()?, text()?, text()?);
        Ok(Self {
            program,
            kind,
            expected,
            group,
            by_itself,
            burns_in,
            place,
            time,
            event,
            host,
            user,
            name,
            parent,
        })
    }
}

pub(super) fn small(reader: &mut Reader<'_>) -> Read<u32> {
    u32::try_from(reader.number()?).map_err(|_| SnapshotError::Malformed)
}

/// Gives when a program was started: not after the record of it came, whatever time its writer gave it. What
/// waits, waits in order, so that one record dated years ahead would hold up all that come after it.
pub(super) fn time_of(event: &Event) -> Timestamp {
    event.time.min(event.ingested)
}

pub(super) fn day_of(at: Timestamp) -> i64 {
    at.nanos().div_euclid(DAY)
}

pub(super) fn week_of(at: Timestamp) -> i64 {
    day_of(at).div_euclid(7)
}
