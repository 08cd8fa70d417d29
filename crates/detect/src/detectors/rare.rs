//! Programs that nobody has seen here: the first start of one, by this parent, in this group of machines.
//!
//! Machines that are numbered alike (`web-1`, `web-2`) make a group. A start is new where no machine of the
//! group has started that program from that parent for thirty days, and after half an hour still no more
//! than two machines have: what is rolled out comes to many. What another group has is no news in this one. A program is known by its name without versions and
//! what was made by chance, and by the kind of folder it lies in ([`label`]).
//!
//! New is not news. People set programs up, developers build some each day, and a program may be in use for weeks before
//! it is started for the first time where it is watched. So each new program is of a kind ([`kinds`]): from what folders,
//! by which parent, whether other machines have it, whether that parent is new itself, whether its name looks made by
//! chance, and whether somebody was just setting something up. Of
//! every kind it is known how often new ones come here, and of a kind that nobody has seen, how often such come from
//! such a place by this parent ([`news`]). Only what comes so seldom that it would hardly
//! ever be told in peace is told as news; a kind that comes somewhat more often is told as such, for whoever searches,
//! and one that comes all the time not at all. What lies where only installers write is expected on a machine where one just did, or that is
//! new itself, unless somebody else than an installer starts it by a name made by chance. A group is watched for a week before anything is said of it, and in a day no more than twenty
//! are told one by one.

mod kept;
mod kinds;
mod label;
mod news;
mod words;

use std::collections::VecDeque;

use model::{Event, Field, Timestamp};
use sigma::SnapshotError;
use sigma::codec::{Reader, Writer};

use self::kept::{Group, Later, Machine, Pair, Program, Seen, Waiting, day_of, time_of, week_of};
use self::label::{Label, Place, cut, group_of, plain};
use self::news::{Kind, News, Weeks};
use self::words::finding;
use super::{Detector, Finding, Kinds, Watcher};
use crate::keep::{self, Table};

/// The detector's row.
pub(super) const DETECTOR: Detector = Detector {
    id: "rare",
    version: 3,
    summary: "a program that a group of machines has never started so before",
    wants: Kinds::PROCESS,
    live_only: false,
    make: || Box::new(Rare::default()),
};

/// How many programs are kept: by group and parent, and by themselves among all machines.
const PROGRAMS_MAX: usize = 100_000;
const NAMES_MAX: usize = 50_000;
const MACHINES_MAX: usize = 20_000;
const GROUPS_MAX: usize = 20_000;
/// How many labels are kept ready; they only spare work.
const LABELS_MAX: usize = 20_000;
/// How many starts wait for what other machines do.
const WAITING_MAX: usize = 2_000;
/// How long a group is watched, and how many starts of it must have been seen, before it is spoken of.
const BURN_IN: i64 = 7 * 86_400 * keep::SECOND;
const STARTS_MIN: u64 = 500;
/// A machine is new for so long.
const NEW_MACHINE: i64 = 7 * 86_400 * keep::SECOND;
/// What was not started for so long is new again.
const REMEMBERED: i64 = 30 * 86_400 * keep::SECOND;
/// How long it is waited whether others start it too, and how many others make it no news.
const WAIT: i64 = 30 * 60 * keep::SECOND;
const MACHINES: usize = 3;
/// For how long what an installer put in place is expected.
const INSTALLED_FOR: i64 = DAY;
/// How long after the start of what was downloaded what is new is taken for a part of it.
const SETTING_UP: i64 = 30 * 60 * keep::SECOND;
const DAY: i64 = 86_400 * keep::SECOND;
/// How many new programs of a kind may come a day on a thousand machines, where the next is to be news, and where it is
/// worth a word at all; and of a kind that nobody has seen, how many that were the first of theirs may.
const NEWS_A_DAY_MAX: f64 = 0.2;
const FIRSTS_A_DAY_MAX: f64 = 0.8;
const WORD_A_DAY_MAX: f64 = 5.0;
/// However few machines there are: so many others within five weeks are worth a word.
const WORD_OTHERS_MAX: f64 = 7.0;
/// What was told is not learned from for a day, so that an intruder who goes from machine to machine is told more than
/// once; how many of one kind are told then, and how many there may be that are not learned from yet.
const LEARNED_AFTER: i64 = DAY;
const ALIKE_MAX: usize = 3;
const LATER_MAX: usize = 500;
/// How many are told one by one in a day.
const TOLD_A_DAY_MAX: u32 = 20;

/// A program that is new, before it is waited for what others do.
struct New {
    program: u64,
    kind: Kind,
    expected: bool,
    group: u64,
    machine: u64,
    burns_in: bool,
}

#[derive(Debug)]
struct Rare {
    programs: Table<u64, Program>,
    /// Programs by themselves, wherever they run and whoever starts them.
    names: Table<u64, Seen>,
    /// Programs and their parents, when they are new in some group.
    pairs: Table<u64, Pair>,
    machines: Table<u64, Machine>,
    groups: Table<u64, Group>,
    news: News,
    waiting: VecDeque<Waiting>,
    /// What was told and is not learned from yet.
    later: VecDeque<Later>,
    dropped: u64,
    /// The day of the last word, and how many there were on it.
    told: (i64, u32),
    labels: Table<u64, Label>,
}

impl Default for Rare {
    fn default() -> Self {
        Self {
            programs: Table::new(PROGRAMS_MAX),
            names: Table::new(NAMES_MAX),
            pairs: Table::new(NAMES_MAX),
            machines: Table::new(MACHINES_MAX),
            groups: Table::new(GROUPS_MAX),
            news: News::default(),
            waiting: VecDeque::new(),
            later: VecDeque::new(),
            dropped: 0,
            told: (0, 0),
            labels: Table::new(LABELS_MAX),
        }
    }
}

impl Watcher for Rare {
    fn observe(&mut self, event: &Event, found: &mut Vec<Finding>) {
        self.tell(time_of(event), found);
        let named = |field| event.text(field).map(cut).unwrap_or_default();
        let (host, name) = (named(Field::HostName), named(Field::ProcessName));
        if host.is_empty() || name.is_empty() {
            return;
        }
        let label = self.label(name, named(Field::ProcessExecutable));
        let parent = self.label(named(Field::ParentName), named(Field::ParentExecutable));
        if let Some(new) = self.start(event, host, (&label, &parent)) {
            let [user, by] = [Field::UserName, Field::ParentName].map(named);
            let [host, user, name, parent] = [host, user, name, by].map(str::to_owned);
            let (time, event) = (time_of(event), event.id);
            let New { program, kind, expected, group, machine, burns_in } = new;
            let (place, by_itself) = (label.place, [machine, label.program]);
            let parts = Waiting {
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
            };
            self.wait(parts);
        }
    }

    fn snapshot(&self, writer: &mut Writer) {
        self.write(writer);
    }

    fn restore(&mut self, reader: &mut Reader<'_>) -> Result<(), SnapshotError> {
        self.read(reader)
    }

    fn bytes(&self) -> usize {
        let texts =
            |one: &Waiting| one.host.len() + one.user.len() + one.name.len() + one.parent.len();
        let waiting =
            self.waiting.iter().map(|one| size_of::<Waiting>() + texts(one)).sum::<usize>();
        self.programs.values().count() * (size_of::<Program>() + 16)
            + self.names.values().count() * (size_of::<Seen>() + 16)
            + self.pairs.values().count() * (size_of::<Pair>() + 16)
            + self.machines.values().count() * (size_of::<Machine>() + 16)
            + self.groups.values().count() * (size_of::<Group>() + 16)
            + self.labels.values().count() * (size_of::<Label>() + 16)
            + self.later.len() * size_of::<Later>()
            + self.news.bytes()
            + waiting
    }

    fn forgotten(&self) -> u64 {
        self.programs.forgotten()
            + self.names.forgotten()
            + self.pairs.forgotten()
            + self.machines.forgotten()
            + self.groups.forgotten()
            + self.news.forgotten()
            + self.dropped
    }
}

impl Rare {
    /// Takes a start of a program by a parent; gives what is to be waited for, where it is new.
    fn start(
        &mut self,
        event: &Event,
        host: &str,
        (label, parent): (&Label, &Label),
    ) -> Option<New> {
        let at = time_of(event);
        let (machine_key, machine) = self.machine(host, at);
        let sets_up = self.sets_up(machine_key, (label, parent));
        if sets_up && let Some(machine) = self.machines.known(machine_key) {
            machine.set_up = machine.set_up.max(at);
        }
        if (label.installs || parent.installs)
            && let Some(machine) = self.machines.known(machine_key)
        {
            machine.installed = machine.installed.max(at);
        }
        let short = keep::mix(u128::from(machine_key)).max(1);
        let names = self.names.entry(label.program, || Seen::NEVER);
        let known = at.nanos().saturating_sub(names.last.nanos()) <= REMEMBERED && !names.once;
        names.start(at, short);
        let group = self.group(&machine, at);
        let pair = label.program.rotate_left(17) ^ parent.program.rotate_left(39);
        let key = pair ^ machine.group;
        let program = self.programs.entry(key, || Program::NEVER);
        let (first, again) = program.seen.start(at, short);
        if again && std::mem::take(&mut program.counted) {
            self.news.again(program.kind, program.seen.day.div_euclid(7));
        }
        if !first || self.is_elsewhere(pair, machine.group, at) {
            return None;
        }
        let told = event.text(Field::ParentName).is_some_and(|name| !name.is_empty());
        let marks = [known, sets_up || machine.sets_up(at), label.by_chance];
        let kind = self.kind((label, told.then_some(parent)), marks, machine.group);
        let burns_in =
            at.nanos().saturating_sub(group.first.nanos()) < BURN_IN || group.starts < STARTS_MIN;
        // Of what was downloaded it is looked first whether it sets something up.
        let waits = label.place == Place::Downloaded;
        if let Some(program) = self.programs.known(key) {
            (program.kind, program.counted) = (kind, burns_in && !waits);
        }
        if burns_in && !waits {
            self.news.once(kind, week_of(at));
            return None;
        }
        let chosen = parent.installs || !label.by_chance;
        let expected = label.place.is_kept() && chosen && machine.expects(at, group.first);
        let (group, machine) = (machine.group, machine_key);
        Some(New { program: key, kind, expected, group, machine, burns_in })
    }

    /// Counts a start of a group; gives what is known of the group.
    fn group(&mut self, machine: &Machine, at: Timestamp) -> Group {
        let begin = || Group { first: at, starts: 0, machine_days: Weeks::default() };
        let group = self.groups.entry(machine.group, begin);
        if machine.day != day_of(at) {
            group.machine_days.add(week_of(at));
        }
        group.starts = group.starts.saturating_add(1);
        *group
    }

    /// Tells whether a program that is new by its parent in a group is not new in another: then it is no news, and says
    /// nothing of what is.
    fn is_elsewhere(&mut self, pair: u64, group: u64, at: Timestamp) -> bool {
        let pair = self.pairs.entry(pair, || Pair { group, last: at });
        let recent = at.nanos().saturating_sub(pair.last.nanos()) <= REMEMBERED;
        let elsewhere = recent && pair.group != group;
        *pair = Pair { group, last: pair.last.max(at) };
        elsewhere
    }

    /// Gives what a program is known by.
    fn label(&mut self, name: &str, path: &str) -> Label {
        let mut texts = [0_u8; 2 * label::TEXT_BYTES_MAX + 1];
        let both = name.bytes().chain([0]).chain(path.bytes());
        let length = name.len() + 1 + path.len();
        texts.iter_mut().zip(both).for_each(|(to, from)| *to = from);
        let key = keep::hash(texts.get(..length).unwrap_or_default());
        *self.labels.entry(key, || Label::of(name, path))
    }

    /// Gives what was known of a machine before this start, and counts its day.
    fn machine(&mut self, host: &str, at: Timestamp) -> (u64, Machine) {
        let key = keep::hash(host.to_ascii_lowercase().as_bytes());
        let machine = self.machines.entry(key, || Machine {
            group: keep::hash(group_of(&plain(host)).as_bytes()),
            first: at,
            day: i64::MIN,
            installed: Timestamp::MIN,
            set_up: Timestamp::MIN,
        });
        let before = *machine;
        if machine.day != day_of(at) {
            machine.day = day_of(at);
            self.news.machine(week_of(at));
        }
        (key, before)
    }

    fn wait(&mut self, one: Waiting) {
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_front();
            self.dropped = self.dropped.saturating_add(1);
        }
        self.waiting.push_back(one);
    }

    /// Tells of the starts whose time to wait is over and that stayed alone.
    fn tell(&mut self, now: Timestamp, found: &mut Vec<Finding>) {
        let is_over = |time: Timestamp, span| now.nanos().saturating_sub(time.nanos()) >= span;
        while let Some(one) = self.later.pop_front_if(|one| is_over(one.time, LEARNED_AFTER)) {
            self.count(&one);
        }
        while let Some(one) = self.waiting.front() {
            if !is_over(one.time, WAIT) {
                break;
            }
            let Some(one) = self.waiting.pop_front() else { break };
            let machines = self.programs.known(one.program).map_or(1, |one| one.seen.machines());
            if machines >= MACHINES {
                continue;
            }
            if one.burns_in {
                self.learn(&one);
            // What is learned later has a bound too; past it nothing is judged for the rest of the day.
            } else if self.later.len() < LATER_MAX {
                found.extend(self.judge(&one, machines));
            } else {
                self.dropped = self.dropped.saturating_add(1);
            }
        }
    }

    /// Counts a new program of the first week.
    fn learn(&mut self, one: &Waiting) {
        if let Some(program) = self.programs.known(one.program).filter(|one| one.seen.once) {
            program.counted = true;
            self.news.once(one.kind, week_of(one.time));
        }
    }

    /// Counts a new program for its kind.
    fn count(&mut self, one: &Later) {
        let week = week_of(one.time);
        self.news.alone(one.kind, week, one.first);
        // What was seen again meanwhile was not counted as seen once, and is not taken back.
        if let Some(program) = self.programs.known(one.program).filter(|one| one.seen.once) {
            program.counted = true;
            self.news.once(one.kind, week);
        }
    }

    /// Gives what is to be told of a new program.
    fn judge(&mut self, one: &Waiting, machines: usize) -> Option<Finding> {
        let days =
            self.groups.known(one.group).map_or(Weeks::default(), |group| group.machine_days);
        let rate = self.news.rate(one.kind, days, week_of(one.time));
        let day = day_of(one.time);
        if self.told.0 != day {
            self.told = (day, 0);
        }
        let later = Later {
            program: one.program,
            kind: one.kind,
            time: one.time,
            first: rate.others < 0.5,
        };
        let alike = self.later.iter().filter(|later| later.kind.of_all == one.kind.of_all).count();
        let most = if rate.others < 0.5 { FIRSTS_A_DAY_MAX } else { NEWS_A_DAY_MAX };
        let is_news = rate.a_day <= most && alike < ALIKE_MAX && !one.expected;
        if is_news {
            self.later.push_back(later);
        } else {
            self.count(&later);
        }
        let few = rate.others.max(rate.firsts) <= WORD_OTHERS_MAX;
        if rate.a_day > WORD_A_DAY_MAX && !few {
            return None;
        }
        let mut kind = "usual_kind";
        if is_news {
            self.told.1 = self.told.1.saturating_add(1);
            kind = match self.told.1 {
                ..=TOLD_A_DAY_MAX => "process",
                more if more == TOLD_A_DAY_MAX + 1 => "many",
                _ => return None,
            };
        }
        Some(finding(one, kind, machines, rate))
    }
}

#[cfg(test)]
mod tests;
