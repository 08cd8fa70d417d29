//! Values that a group has not shown before: a user's first log-in from an address, a host's first
//! use of a program.
//!
//! Sigma has no word for this; `new_terms` is Elastic's. Among a correlation's groups lie two kinds:
//! the group itself, which tells since when it is known, and each of its values with when it was seen
//! last. A value is news when the group has been known for as long as the rule wants to learn, and
//! the value was not seen within the timespan before.

use model::Timestamp;

use crate::correlations::correlation::Correlation;
use crate::correlations::entry::Entry;
use crate::correlations::found::Match;
use crate::correlations::groups::GroupKey;
use crate::correlations::memory::State;
use crate::correlations::window::Window;
use crate::{Fired, RuleIndex};

impl State {
    /// Takes in a value of the group of the first key, itself known by the second, and gives the firing, if
    /// the value is news.
    pub(crate) fn new_term(
        &mut self,
        (group, term): (GroupKey, GroupKey),
        value: u64,
        correlation: &Correlation,
        found: Match<'_>,
    ) -> Option<Fired> {
        let entry = Entry { evidence: None, ..Entry::of(found, value, correlation) };
        let (time, simulated) = (entry.time, entry.simulated);
        let known = self.window(group, |window, _| Some(window.see(entry.clone())))?;
        let seen = self.window(term, |window, _| Some(window.see(entry)))?;
        let (since, _) = known?;
        let learned = time.since(since) >= correlation.learn;
        let remembered = seen.is_some_and(|(_, last)| time.since(last) <= correlation.timespan);
        (learned && !remembered && time >= since).then(|| Fired {
            rule: RuleIndex::default(),
            count: 1,
            fresh: 1,
            value: None,
            first: time,
            events: vec![found.event.id],
            simulated,
        })
    }
}

impl Window {
    /// Keeps of all matches the first and the last, and gives when those before this one were.
    fn see(&mut self, entry: Entry) -> Option<(Timestamp, Timestamp)> {
        let before = self.entries.front().zip(self.entries.back());
        let before = before.map(|(first, last)| (first.time, last.time));
        match before {
            Some((first, _)) if entry.time < first => {
                self.entries.pop_front();
                self.entries.push_front(entry);
            }
            Some((_, last)) if entry.time >= last => {
                self.entries.truncate(1);
                self.entries.push_back(entry);
            }
            Some(_) => {}
            None => self.entries.push_back(entry),
        }
        before
    }
}
