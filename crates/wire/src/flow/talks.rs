//! The conversations that are listened to, within a bound on their number and on their bytes.

use super::record::NONE;
use super::talk::Talk;

/// All of them.
#[derive(Debug)]
pub(super) struct Talks {
    slab: Vec<Option<Box<Talk>>>,
    free: Vec<u32>,
    len: usize,
    len_max: usize,
    bytes: usize,
    bytes_max: usize,
    /// Where the next one to go is looked for: whoever holds on to many loses as many.
    cursor: usize,
}

impl Talks {
    pub(super) fn new(len_max: usize, bytes_max: usize) -> Self {
        Self {
            slab: Vec::new(),
            free: Vec::new(),
            len: 0,
            len_max: len_max.max(1),
            bytes: 0,
            bytes_max,
            cursor: 0,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.slab.capacity() * size_of::<Option<Box<Talk>>>()
    }

    pub(super) fn is_over_budget(&self) -> bool {
        self.len > self.len_max || self.bytes > self.bytes_max
    }

    pub(super) fn put(&mut self, talk: Talk) -> u32 {
        self.len += 1;
        let talk = Some(Box::new(talk));
        let index = if let Some(index) = self.free.pop() {
            if let Some(place) = place(index).and_then(|place| self.slab.get_mut(place)) {
                *place = talk;
            }
            index
        } else {
            self.slab.push(talk);
            u32::try_from(self.slab.len() - 1).unwrap_or(NONE)
        };
        self.recount(index);
        index
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Talk> {
        self.slab.get_mut(place(index)?)?.as_deref_mut()
    }

    /// Counts anew what one keeps.
    pub(super) fn recount(&mut self, index: u32) {
        let Some(talk) = self.get_mut(index) else { return };
        let now = talk.held();
        let before = std::mem::replace(&mut talk.bytes, now);
        self.bytes = (self.bytes + now).saturating_sub(before);
    }

    pub(super) fn take(&mut self, index: u32) -> Option<Box<Talk>> {
        let talk = self.slab.get_mut(place(index)?)?.take()?;
        self.bytes = self.bytes.saturating_sub(talk.bytes);
        self.len -= 1;
        self.free.push(index);
        Some(talk)
    }

    /// Gives the flow whose conversation goes next, save one.
    pub(super) fn victim(&mut self, save: u32) -> Option<u32> {
        for _ in 0..self.slab.len() {
            self.cursor = (self.cursor + 1) % self.slab.len();
            if let Some(Some(talk)) = self.slab.get(self.cursor)
                && talk.flow != save
            {
                return Some(talk.flow);
            }
        }
        None
    }
}

fn place(index: u32) -> Option<usize> {
    usize::try_from(index).ok()
}
