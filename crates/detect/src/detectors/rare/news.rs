//! How often something new of a kind comes here, which says whether the next of that kind is news.

use sigma::SnapshotError;
use sigma::codec::{Read, Reader, Writer};

use crate::keep::{self, Table};

/// How many weeks are counted, the one that goes on among them.
const WEEKS: usize = 5;
/// How many kinds are kept, by group of machines.
const KINDS_MAX: usize = 40_000;
/// A group speaks for itself as much as all others do for it once so many days of its machines were seen.
const OTHERS_WEIGHT: f64 = 300.0;

/// A count by weeks, the newest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Weeks {
    newest: i64,
    counts: [u32; WEEKS],
}

impl Weeks {
    fn advance(&mut self, week: i64) {
        let gone = week.saturating_sub(self.newest);
        if gone <= 0 {
            return;
        }
        let gone = usize::try_from(gone).unwrap_or(WEEKS).min(WEEKS);
        self.counts.rotate_right(gone);
        self.counts.iter_mut().take(gone).for_each(|count| *count = 0);
        self.newest = week;
    }

    fn at(&mut self, week: i64) -> Option<&mut u32> {
        let back = usize::try_from(self.newest.saturating_sub(week)).ok()?;
        self.counts.get_mut(back)
    }

    /// Counts one of a week; of one before the newest it is counted there.
    pub(super) fn add(&mut self, week: i64) {
        let behind = self.newest.saturating_sub(week);
        if self.counts == [0; WEEKS] || usize::try_from(behind).is_ok_and(|weeks| weeks >= WEEKS) {
            // Nothing was counted, or by a clock that was far ahead.
            *self = Self { newest: week, ..Self::default() };
        }
        self.advance(week);
        if let Some(count) = self.at(week) {
            *count = count.saturating_add(1);
        }
    }

    /// Takes one of a week back.
    pub(super) fn take_back(&mut self, week: i64) {
        if let Some(count) = self.at(week) {
            *count = count.saturating_sub(1);
        }
    }

    /// Gives how many there were up to a week.
    pub(super) fn sum(mut self, week: i64) -> f64 {
        self.advance(week);
        self.counts.iter().map(|count| f64::from(*count)).sum()
    }

    pub(super) fn snapshot(&self, writer: &mut Writer) {
        writer.signed(self.newest);
        self.counts.iter().for_each(|count| writer.number(u64::from(*count)));
    }

    pub(super) fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        let mut weeks = Self { newest: reader.signed()?, ..Self::default() };
        for count in &mut weeks.counts {
            *count = u32::try_from(reader.number()?).map_err(|_| SnapshotError::Malformed)?;
        }
        Ok(weeks)
    }
}

/// How often new programs of each kind came, in each group and among all machines.
///
/// Two counts speak for what will come. What was seen on one machine on one day only stands for what is not seen yet
/// (Good and Turing): as many programs as were seen once in some weeks, about as many new ones will come in as many. And
/// what was new and stayed alone for a while, whatever became of it then, will come so again.
#[derive(Debug)]
pub(super) struct News {
    /// By kind, and by kind and group.
    counts: Table<u64, Counts>,
    machine_days: Weeks,
}

/// What of a kind is counted.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    once: Weeks,
    alone: Weeks,
}

impl Default for News {
    fn default() -> Self {
        Self { counts: Table::new(KINDS_MAX), machine_days: Weeks::default() }
    }
}

/// A kind of news: by what it is, by what it is in its group, and by what is left of it without the folders themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) of_all: u64,
    pub(super) of_group: u64,
    pub(super) rough: u64,
}

/// How often new programs of a kind come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    /// How many a day on a thousand machines.
    pub(super) a_day: f64,
    /// How many others came within five weeks, on all machines.
    pub(super) others: f64,
    /// How many others came by this parent from such a place that were the first of their kind.
    pub(super) firsts: f64,
}

impl News {
    /// Counts a machine that is there on a day.
    pub(super) fn machine(&mut self, week: i64) {
        self.machine_days.add(week);
    }

    /// Counts a program that was seen once.
    pub(super) fn once(&mut self, kind: Kind, week: i64) {
        for key in [kind.of_all, kind.of_group] {
            self.counts.entry(key, Counts::default).once.add(week);
        }
    }

    /// Counts a new program that stayed alone, and whether it was the first of its kind.
    pub(super) fn alone(&mut self, kind: Kind, week: i64, first: bool) {
        let rough = first.then_some(kind.rough);
        for key in [kind.of_all, kind.of_group].into_iter().chain(rough) {
            self.counts.entry(key, Counts::default).alone.add(week);
        }
    }

    /// Takes one back: it was seen again.
    pub(super) fn again(&mut self, kind: Kind, week: i64) {
        for key in [kind.of_all, kind.of_group] {
            if let Some(counts) = self.counts.known(key) {
                counts.once.take_back(week);
            }
        }
    }

    /// Gives how often new programs of a kind come in a group; one that is judged is not counted.
    pub(super) fn rate(&mut self, kind: Kind, machine_days: Weeks, week: i64) -> Rate {
        let mut of = |key| {
            let counts = self.counts.known(key).copied().unwrap_or_default();
            counts.once.sum(week).max(counts.alone.sum(week))
        };
        let (all, group) = (of(kind.of_all), of(kind.of_group));
        let all_days = self.machine_days.sum(week).max(1.0);
        if all < 0.5 {
            // Of a kind that nobody has seen: how often such come.
            let firsts = of(kind.rough);
            return Rate { a_day: 1_000.0 * firsts / all_days, others: 0.0, firsts };
        }
        let of_all = all / all_days;
        let days = machine_days.sum(week);
        let a_day = 1_000.0 * (group + OTHERS_WEIGHT * of_all) / (days + OTHERS_WEIGHT);
        Rate { a_day, others: all, firsts: 0.0 }
    }

    pub(super) fn snapshot(&self, writer: &mut Writer) {
        self.machine_days.snapshot(writer);
        self.counts.snapshot(writer, |writer, key, counts| {
            writer.whole(*key);
            counts.once.snapshot(writer);
            counts.alone.snapshot(writer);
        });
    }

    pub(super) fn restore(&mut self, reader: &mut Reader<'_>) -> Read<()> {
        self.machine_days = Weeks::restore(reader)?;
        self.counts.restore(reader, |reader| {
            let (key, once) = (reader.whole()?, Weeks::restore(reader)?);
            Ok((key, Counts { once, alone: Weeks::restore(reader)? }))
        })
    }

    pub(super) fn bytes(&self) -> usize {
        self.counts.values().count() * (size_of::<Counts>() + 16)
    }

    pub(super) fn forgotten(&self) -> u64 {
        self.counts.forgotten()
    }
}

impl Kind {
    /// Gives a kind by what speaks for or against it and the number of its place, by its folders and its parent, in a
    /// group.
    pub(super) fn of(marks: [u8; 2], (area, parent): (u64, u64), group: u64) -> Self {
        let mut all = [0_u8; 18];
        let parts = marks.into_iter().chain(parent.to_le_bytes()).chain(area.to_le_bytes());
        all.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        let (rough, _) = all.split_at(marks.len() + size_of::<u64>());
        // Apart from the others by the length of what is hashed.
        Self { of_all: 0, of_group: group, rough: keep::hash(rough) }.with(keep::hash(&all))
    }

    /// Gives the kind of a program like this that set something up.
    pub(super) fn that_sets_up(self) -> Self {
        const SETS_UP: u64 = 0x5e75_0b5e_7500_b5e7;
        let group = self.of_group ^ self.of_all.rotate_left(29);
        Self { of_all: 0, of_group: group, rough: self.rough ^ SETS_UP }.with(self.of_all ^ SETS_UP)
    }

    fn with(self, of_all: u64) -> Self {
        Self { of_all, of_group: of_all.rotate_left(29) ^ self.of_group, rough: self.rough }
    }

    pub(super) fn snapshot(self, writer: &mut Writer) {
        for part in [self.of_all, self.of_group, self.rough] {
            writer.whole(part);
        }
    }

    pub(super) fn restore(reader: &mut Reader<'_>) -> Read<Self> {
        Ok(Self { of_all: reader.whole()?, of_group: reader.whole()?, rough: reader.whole()? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a list of all that was added and taken back, which nobody forgets.
        #[test]
        fn weeks_count_as_a_list_does(steps in proptest::collection::vec((0_i64..12, any::<bool>()), 0..60)) {
            let (mut weeks, mut list) = (Weeks::default(), Vec::<i64>::new());
            let mut newest = 0;
            for (week, add) in steps {
                // At most four weeks late.
                let week = week.max(newest - 4);
                newest = week.max(newest);
                if add {
                    weeks.add(week);
                    weeks.advance(newest);
                    list.push(week);
                } else if let Some(at) = list.iter().position(|one| *one == week) {
                    weeks.take_back(week);
                    list.remove(at);
                }
                list.retain(|one| newest - one < 5);
                let counted = f64::from(u32::try_from(list.len()).unwrap());
                prop_assert!((weeks.sum(newest) - counted).abs() < 0.5);
            }
        }
    }
}
