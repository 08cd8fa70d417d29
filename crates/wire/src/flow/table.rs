//! Finds flows: a hash table of cache lines over a slab.
//!
//! A miss costs a wait for memory. For a batch the table is asked in rounds, each of which only loads
//! and depends on nothing that the others load: so the waits lie beside each other, as if the
//! processor had been told to fetch ahead.

use super::record::{Flow, Key, NONE};

/// Flows in a bucket: as many as fill a cache line.
const WAYS: usize = 8;
const BUCKETS_MIN: usize = 1024;
/// Flows in a piece of the slab, as a power of two.
const PIECE_BITS: u32 = 14;
const PIECE: usize = 1 << PIECE_BITS;
/// Flows that found both their buckets full; nobody can aim at that without knowing the seeds.
const STASH_MAX: usize = 1024;

#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Bucket {
    /// Hashes; 0 where the place is free.
    tags: [u32; WAYS],
    flows: [u32; WAYS],
}

const EMPTY: Bucket = Bucket { tags: [0; WAYS], flows: [NONE; WAYS] };

/// The flows that are kept.
#[derive(Debug)]
pub(super) struct Table {
    buckets: Vec<Bucket>,
    stash: Vec<(u32, u32)>,
    /// In pieces, so that growing moves nothing.
    slab: Vec<Vec<Flow>>,
    free: Vec<u32>,
    /// How many flows there are.
    pub(super) len: usize,
    flows_max: usize,
}

impl Table {
    pub(super) fn new(flows_max: usize) -> Self {
        let flows_max = flows_max.clamp(1, 1 << 26);
        Self {
            buckets: vec![EMPTY; BUCKETS_MIN],
            stash: Vec::new(),
            slab: Vec::new(),
            free: Vec::new(),
            len: 0,
            flows_max,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.len >= self.flows_max || self.stash.len() >= STASH_MAX
    }

    /// Counts the bytes that are taken for flows: slab, buckets and free list.
    pub(super) fn bytes(&self) -> usize {
        self.slab.iter().map(Vec::capacity).sum::<usize>() * size_of::<Flow>()
            + self.buckets.len() * size_of::<Bucket>()
            + self.free.capacity() * size_of::<u32>()
            + self.stash.capacity() * size_of::<(u32, u32)>()
    }

    /// Gives the two places where a flow of this hash may stand.
    fn places(&self, hash: u32) -> [usize; 2] {
        let mask = self.buckets.len() - 1;
        let one = usize::try_from(hash).unwrap_or(0);
        let other = usize::try_from(hash.rotate_left(16).wrapping_mul(0x9e37_79b1)).unwrap_or(1);
        [one & mask, other & mask]
    }

    /// Gives a flow that is probably the one: the first of that hash. Loads buckets only.
    pub(super) fn likely(&self, hash: u32) -> u32 {
        let [one, other] = self.places(hash);
        match self.buckets.get(one).map_or(NONE, |bucket| bucket.first(hash)) {
            NONE => self.buckets.get(other).map_or(NONE, |bucket| bucket.first(hash)),
            found => found,
        }
    }

    /// Loads what a packet will touch of a flow; the sum has no meaning but that it was loaded.
    pub(super) fn touch(&self, flow: u32) -> u64 {
        self.get(flow).map_or(0, |flow| flow.last_ns ^ flow.client.bytes)
    }

    pub(super) fn get(&self, flow: u32) -> Option<&Flow> {
        let flow = usize::try_from(flow).ok()?;
        self.slab.get(flow >> PIECE_BITS)?.get(flow % PIECE)
    }

    pub(super) fn get_mut(&mut self, flow: u32) -> Option<&mut Flow> {
        let flow = usize::try_from(flow).ok()?;
        self.slab.get_mut(flow >> PIECE_BITS)?.get_mut(flow % PIECE)
    }

    /// Finds the flow of a key; `likely` is asked first.
    pub(super) fn find(&self, key: &Key, hash: u32, likely: u32) -> Option<u32> {
        let is = |flow: u32| self.get(flow).is_some_and(|kept| kept.key == *key);
        if likely != NONE && is(likely) {
            return Some(likely);
        }
        for place in self.places(hash) {
            let bucket = self.buckets.get(place)?;
            for (tag, flow) in bucket.tags.iter().zip(&bucket.flows) {
                if *tag == hash && is(*flow) {
                    return Some(*flow);
                }
            }
        }
        let stashed = self.stash.iter().find(|(tag, flow)| *tag == hash && is(*flow));
        stashed.map(|(_, flow)| *flow)
    }

    /// Keeps a flow. Whoever calls has made sure that there is room.
    pub(super) fn insert(&mut self, flow: Flow) -> u32 {
        let hash = flow.hash;
        let index = if let Some(index) = self.free.pop() {
            if let Some(place) = self.get_mut(index) {
                *place = flow;
            }
            index
        } else {
            let full = self.slab.last().is_none_or(|piece| piece.len() == PIECE);
            if full {
                self.slab.push(Vec::with_capacity(PIECE));
            }
            if let Some(piece) = self.slab.last_mut() {
                piece.push(flow);
            }
            // Nothing is free, so all places before are taken.
            u32::try_from(self.len).unwrap_or(NONE)
        };
        self.len += 1;
        // At most three in eight places are taken, so that both buckets of a flow are rarely full.
        if self.len * 8 > self.buckets.len() * WAYS * 3 {
            self.grow();
        }
        self.place(hash, index);
        index
    }

    fn place(&mut self, hash: u32, index: u32) {
        for place in self.places(hash) {
            if self.buckets.get_mut(place).is_some_and(|bucket| bucket.put(hash, index)) {
                return;
            }
        }
        self.stash.push((hash, index));
    }

    /// Doubles the buckets; the flows stay where they are.
    fn grow(&mut self) {
        let doubled = vec![EMPTY; self.buckets.len() * 2];
        let old = std::mem::replace(&mut self.buckets, doubled);
        let stashed = std::mem::take(&mut self.stash);
        for bucket in &old {
            for (tag, flow) in bucket.tags.iter().zip(&bucket.flows) {
                if *tag != 0 {
                    self.place(*tag, *flow);
                }
            }
        }
        for (tag, flow) in stashed {
            self.place(tag, flow);
        }
    }

    /// Forgets a flow; its place goes to the next.
    pub(super) fn remove(&mut self, index: u32) -> Option<Flow> {
        let flow = *self.get(index)?;
        let mut found = false;
        for place in self.places(flow.hash) {
            if !found && let Some(bucket) = self.buckets.get_mut(place) {
                found = bucket.take(index);
            }
        }
        if !found {
            let place = self.stash.iter().position(|(_, stashed)| *stashed == index)?;
            self.stash.swap_remove(place);
        }
        self.len -= 1;
        self.free.push(index);
        // Whoever looked it up before must not find it any more.
        if let Some(gone) = self.get_mut(index) {
            gone.key = Key::default();
        }
        Some(flow)
    }
}

impl Bucket {
    fn first(&self, hash: u32) -> u32 {
        let mut mask = 0_u32;
        for (way, tag) in self.tags.iter().enumerate() {
            mask |= u32::from(*tag == hash) << way;
        }
        let way = usize::try_from(mask.trailing_zeros()).unwrap_or(WAYS);
        self.flows.get(way).copied().unwrap_or(NONE)
    }

    fn put(&mut self, hash: u32, index: u32) -> bool {
        for (tag, flow) in self.tags.iter_mut().zip(&mut self.flows) {
            if *tag == 0 {
                (*tag, *flow) = (hash, index);
                return true;
            }
        }
        false
    }

    fn take(&mut self, index: u32) -> bool {
        for (tag, flow) in self.tags.iter_mut().zip(&mut self.flows) {
            if *tag != 0 && *flow == index {
                (*tag, *flow) = (0, NONE);
                return true;
            }
        }
        false
    }
}
