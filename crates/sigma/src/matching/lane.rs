//! The rules that are for an event, by its labels.

use crate::compile::places::{Place, PlaceId};
use crate::compile::sources::SourceId;
use crate::compile::{Compiled, usize_of};
use crate::logsource::{LabelNames, Labels};

/// Bounds the lanes that are kept: labels come from senders, who may make up any number of them.
const LANES_MAX: usize = 64;
/// Bounds the length of labels that are kept; longer ones are no log source's name.
const LABEL_BYTES_MAX: usize = 64;

/// The rules whose logsource fits some labels.
#[derive(Debug, Default)]
pub(super) struct Lane {
    labels: LabelNames,
    /// A bit for each logsource.
    sources: Vec<u64>,
    /// A bit for each place.
    places: Vec<u64>,
    /// The places of keywords in the record.
    pub(super) records: Vec<PlaceId>,
    /// The places of keywords in the message.
    pub(super) messages: Vec<PlaceId>,
    /// The rules to try without being called.
    pub(super) always: Vec<u32>,
}

impl Lane {
    fn of(labels: &Labels<'_>, compiled: &Compiled) -> Self {
        let mut lane = Self { labels: labels.names(), ..Self::default() };
        for (id, source) in (0..).zip(&compiled.sources.list) {
            if source.logsource.fits_labels(labels) {
                set(&mut lane.sources, id);
                source.places.iter().for_each(|place| lane.add(*place, compiled));
                lane.always.extend_from_slice(&source.always);
            }
        }
        lane
    }

    fn add(&mut self, place: PlaceId, compiled: &Compiled) {
        match compiled.places.get(place) {
            Some(Place::Record(_)) => self.records.push(place),
            Some(Place::Message(_)) => self.messages.push(place),
            _ => set(&mut self.places, place),
        }
    }

    /// Tells whether no rule is for such an event.
    pub(super) fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Tells whether the rules of a logsource are for such an event.
    #[inline]
    pub(super) fn fits(&self, source: SourceId) -> bool {
        is_set(&self.sources, source)
    }

    /// Tells whether some rule looks at a place.
    #[inline]
    pub(super) fn looks_at(&self, place: PlaceId) -> bool {
        is_set(&self.places, place)
    }
}

fn set(bits: &mut Vec<u64>, index: u32) {
    let word = usize_of(index / 64);
    if bits.len() <= word {
        bits.resize(word + 1, 0);
    }
    if let Some(word) = bits.get_mut(word) {
        *word |= 1 << (index % 64);
    }
}

#[inline]
fn is_set(bits: &[u64], index: u32) -> bool {
    bits.get(usize_of(index / 64)).is_some_and(|word| word >> (index % 64) & 1 != 0)
}

/// The lanes that came up lately.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: Vec<Lane>,
    /// The lane to give up next, where there is no room.
    oldest: usize,
    /// The lane of labels that are not kept.
    odd: Lane,
}

impl Lanes {
    /// Gives the lane of some labels.
    pub(super) fn of(&mut self, labels: &Labels<'_>, compiled: &Compiled) -> &Lane {
        let kept = self.lanes.iter().position(|lane| lane.labels.are(labels));
        let at = match kept {
            Some(at) => at,
            None if labels.length() > LABEL_BYTES_MAX => {
                self.odd = Lane::of(labels, compiled);
                return &self.odd;
            }
            None if self.lanes.len() < LANES_MAX => {
                self.lanes.push(Lane::of(labels, compiled));
                self.lanes.len() - 1
            }
            None => {
                let at = self.oldest;
                self.oldest = (at + 1) % LANES_MAX;
                if let Some(lane) = self.lanes.get_mut(at) {
                    *lane = Lane::of(labels, compiled);
                }
                at
            }
        };
        self.lanes.get(at).unwrap_or(&self.odd)
    }
}
