//! The parts of a hello that first packets carry, put in order.

use super::variable;
use crate::dissect::shared::bytes::Bytes;

/// Bounds what is put together of one side's hello.
pub(super) const CRYPTO_BYTES_MAX: usize = 16 * 1024;
/// Bounds the parts of one side's hello that lie apart; each fills a gap or is next to another.
const PARTS_MAX: usize = 64;
/// Bounds the frames of one packet.
const FRAMES_MAX: usize = 2048;

/// Parts of one side's handshake, which may come in any order.
#[derive(Debug, Default)]
pub(super) struct Crypto {
    pub(super) bytes: Vec<u8>,
    /// Where each of the parts begins and ends, in order and apart from each other.
    parts: Vec<(usize, usize)>,
}

impl Crypto {
    pub(super) fn add(&mut self, place: usize, data: &[u8]) -> Option<()> {
        let end = place.checked_add(data.len()).filter(|end| *end <= CRYPTO_BYTES_MAX)?;
        if self.parts.len() >= PARTS_MAX {
            return None;
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes.get_mut(place..end)?.copy_from_slice(data);
        let at = self.parts.partition_point(|(_, before)| *before < place);
        let joins = self.parts.get(at..)?.iter().take_while(|(start, _)| *start <= end).count();
        let joined = self.parts.get(at..at + joins)?;
        let start = joined.first().map_or(place, |(start, _)| place.min(*start));
        let end = joined.last().map_or(end, |(_, last)| end.max(*last));
        self.parts.splice(at..at + joins, [(start, end)]);
        Some(())
    }

    /// Gives the first message, once it is whole.
    pub(super) fn message(&self) -> Option<(u8, &[u8])> {
        let (start, end) = *self.parts.first()?;
        (start == 0).then_some(())?;
        let mut rest = Bytes::new(self.bytes.get(..end)?);
        let kind = rest.u8()?;
        Some((kind, rest.part24()?.rest()))
    }
}

/// Reads the frames that a first packet may hold (RFC 9000, section 12.4).
pub(super) fn frames_of(frames: &[u8], crypto: &mut Crypto) -> Option<()> {
    let mut rest = Bytes::new(frames);
    for _ in 0..FRAMES_MAX {
        let Some(kind) = rest.u8() else { break };
        match kind {
            0 => {
                let padding = rest.rest().iter().take_while(|byte| **byte == 0).count();
                rest.skip(padding)?;
            }
            1 => {}
            2 | 3 => {
                variable(&mut rest)?;
                variable(&mut rest)?;
                let ranges = variable(&mut rest)?;
                variable(&mut rest)?;
                for _ in 0..ranges {
                    variable(&mut rest)?;
                    variable(&mut rest)?;
                }
                if kind == 3 {
                    for _ in 0..3 {
                        variable(&mut rest)?;
                    }
                }
            }
            6 => {
                let place = usize::try_from(variable(&mut rest)?).ok()?;
                let length = usize::try_from(variable(&mut rest)?).ok()?;
                crypto.add(place, rest.take(length)?)?;
            }
            // The connection is closed, or something that does not belong here.
            _ => break,
        }
    }
    Some(())
}
