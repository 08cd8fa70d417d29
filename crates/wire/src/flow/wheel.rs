//! When flows are looked at again: a wheel of seconds.
//!
//! A packet does not move its flow. When a flow's second comes, it is looked at and, if it has spoken
//! since, put off: so the path of packets touches no neighbour.

use super::record::{Flow, NONE};
use super::table::Table;

/// Seconds on the wheel: longer than any time a flow is left alone.
const SLOTS: u64 = 4096;
/// Flows that are looked at for the one silent longest.
const CANDIDATES: usize = 8;

/// The wheel.
#[derive(Debug)]
pub(super) struct Wheel {
    heads: Vec<u32>,
    /// The second up to which all is done.
    second: u64,
}

impl Wheel {
    pub(super) fn new() -> Self {
        Self { heads: vec![NONE; place(SLOTS)], second: 0 }
    }

    /// Puts a flow down to be looked at in the second `due`.
    pub(super) fn put(&mut self, table: &mut Table, index: u32, due: u64) {
        let ahead = due.saturating_sub(self.second).clamp(1, SLOTS - 1);
        let slot = (self.second + ahead) % SLOTS;
        let Some(head) = self.heads.get_mut(place(slot)) else { return };
        let next = std::mem::replace(head, index);
        if let Some(after) = table.get_mut(next) {
            after.previous = index;
        }
        if let Some(flow) = table.get_mut(index) {
            flow.slot = u16::try_from(slot).unwrap_or(0);
            flow.previous = NONE;
            flow.next = next;
        }
    }

    /// Takes a flow off.
    pub(super) fn take(&mut self, table: &mut Table, flow: &Flow) {
        if let Some(after) = table.get_mut(flow.next) {
            after.previous = flow.previous;
        }
        match table.get_mut(flow.previous) {
            Some(before) => before.next = flow.next,
            None => {
                if let Some(head) = self.heads.get_mut(usize::from(flow.slot)) {
                    *head = flow.next;
                }
            }
        }
    }

    /// Sets the clock before anything was put down.
    pub(super) fn start(&mut self, second: u64) {
        self.second = second;
    }

    /// Gives the next second that is over, with the first flow of its list, which is taken off whole.
    pub(super) fn turn(&mut self, now: u64) -> Option<u32> {
        if self.second >= now {
            return None;
        }
        // Far ahead every list comes once, and that is all.
        self.second = self.second.max(now.saturating_sub(SLOTS)) + 1;
        let head = self.heads.get_mut(place(self.second % SLOTS))?;
        Some(std::mem::replace(head, NONE))
    }

    /// Gives the flow silent longest among those that are due next.
    pub(super) fn quietest(&self, table: &Table) -> Option<u32> {
        let slot = |ahead: u64| self.heads.get(place((self.second + ahead) % SLOTS));
        let head = (1..=SLOTS).filter_map(slot).find(|head| **head != NONE)?;
        let mut quietest = (*head, u64::MAX);
        let mut at = *head;
        for _ in 0..CANDIDATES {
            let Some(flow) = table.get(at) else { break };
            if flow.last_ns < quietest.1 {
                quietest = (at, flow.last_ns);
            }
            at = flow.next;
        }
        Some(quietest.0)
    }

    /// Gives the flow that is due next, however far ahead; for the end.
    pub(super) fn soonest(&mut self) -> Option<u32> {
        for _ in 0..SLOTS {
            match self.heads.get(place((self.second + 1) % SLOTS)) {
                Some(head) if *head != NONE => return Some(*head),
                _ => self.second += 1,
            }
        }
        None
    }
}

fn place(slot: u64) -> usize {
    usize::try_from(slot).unwrap_or(0)
}
