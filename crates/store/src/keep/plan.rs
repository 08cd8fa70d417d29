//! Which segments are merged, and when.
//!
//! Segments of one day are merged, never across days, so that whole files fall out of retention. A
//! fresh segment waits until there are enough others, or it is an hour old. What comes out waits for
//! the end of its day, and is merged once more with what else is small. A merge makes at least
//! [`GROWTH`] times the largest of what goes in that was merged before; so an event is written again
//! about three times at most, whatever the rate.

use std::collections::BTreeMap;

use catalog::SegmentId;

/// What a file grows to, in bytes.
pub(crate) const FILE_BYTES: u64 = 256 << 20;
/// Files from this size on are left as they are.
const SMALL_BYTES: u64 = FILE_BYTES / 2;
/// How many fresh segments are merged without waiting.
const FRESH_MAX: usize = 16;
/// Bounds how many are merged at once; each is open and has a page of each column in memory.
pub(crate) const TOGETHER_MAX: usize = 24;
const GROWTH: u64 = 4;
const HOUR: i64 = 3_600_000_000_000;
/// How long after its end a day is over: most of what comes late has come by then.
const LATE: i64 = 2 * HOUR;
const NANOS_PER_DAY: i64 = 24 * HOUR;

/// What the plan needs to know of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) id: SegmentId,
    pub(crate) bytes: u64,
    /// How often its events were merged; 0 is fresh.
    pub(crate) level: u8,
    /// The earliest time of its events, in nanoseconds.
    pub(crate) first_time: i64,
    /// When the last of its events came in.
    pub(crate) ingested_last: i64,
}

/// Whether merges that could wait do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Haste {
    /// They wait until they pay.
    Patient,
    /// They are done now, because somebody asked for it.
    Now,
}

/// Gives the segments that are merged, each list into one file; the order within a list is that of
/// their times.
pub(crate) fn plan(pieces: &[Piece], now: i64, haste: Haste) -> Vec<Vec<SegmentId>> {
    let mut days: BTreeMap<i64, Vec<Piece>> = BTreeMap::new();
    for piece in pieces {
        days.entry(piece.first_time.div_euclid(NANOS_PER_DAY)).or_default().push(*piece);
    }
    let mut merges = Vec::new();
    for (day, mut pieces) in days {
        pieces.sort_by_key(|piece| (piece.first_time, piece.id));
        let end = day.saturating_add(1).saturating_mul(NANOS_PER_DAY);
        let is_over = now >= end.saturating_add(LATE) || haste == Haste::Now;
        merge_fresh(&mut pieces, now, is_over, &mut merges);
        if is_over {
            let growth = if haste == Haste::Now { 1 } else { GROWTH };
            merge_small(&pieces, growth, &mut merges);
        }
    }
    merges.into_iter().map(|merge| merge.into_iter().map(|piece| piece.id).collect()).collect()
}

/// Takes the fresh segments out of a day's, with those small ones that go with them.
fn merge_fresh(pieces: &mut Vec<Piece>, now: i64, is_over: bool, merges: &mut Vec<Vec<Piece>>) {
    let fresh: Vec<Piece> = pieces.iter().filter(|piece| piece.level == 0).copied().collect();
    let bytes: u64 = fresh.iter().map(|piece| piece.bytes).sum();
    let oldest = fresh.iter().map(|piece| piece.ingested_last).min();
    let is_due = fresh.len() >= FRESH_MAX
        || bytes >= FILE_BYTES
        || oldest.is_some_and(|oldest| oldest.saturating_add(HOUR) <= now || is_over);
    if !is_due {
        return;
    }
    let is_lone = fresh.len() == 1;
    pieces.retain(|piece| piece.level > 0);
    for mut run in runs(fresh) {
        let fresh_bytes: u64 = run.iter().map(|piece| piece.bytes).sum();
        let mut bytes = fresh_bytes;
        pieces.retain(|piece| {
            let fits = run.len() < TOGETHER_MAX && bytes + piece.bytes <= FILE_BYTES;
            let pays = piece.bytes.saturating_mul(GROWTH - 1) <= fresh_bytes;
            if fits && pays {
                run.push(*piece);
                bytes += piece.bytes;
            }
            !(fits && pays)
        });
        // One that is alone waits for others as long as its day lasts.
        if run.len() > 1 || is_over || !is_lone {
            run.sort_by_key(|piece| (piece.first_time, piece.id));
            merges.push(run);
        }
    }
}

/// Merges the small ones of a day that is over: as many of the smallest as together make enough more
/// than the largest of them.
fn merge_small(pieces: &[Piece], growth: u64, merges: &mut Vec<Vec<Piece>>) {
    let mut small: Vec<Piece> =
        pieces.iter().filter(|piece| piece.bytes < SMALL_BYTES).copied().collect();
    small.sort_by_key(|piece| piece.bytes);
    while let Some(largest) = small.last() {
        let bytes: u64 = small.iter().map(|piece| piece.bytes).sum();
        let enough = largest.bytes.saturating_mul(growth).min(FILE_BYTES);
        if small.len() > 1 && bytes >= enough {
            break;
        }
        small.pop();
    }
    small.sort_by_key(|piece| (piece.first_time, piece.id));
    merges.extend(runs(small).into_iter().filter(|run| {
        let largest = run.iter().map(|piece| piece.bytes).max().unwrap_or_default();
        let bytes: u64 = run.iter().map(|piece| piece.bytes).sum();
        run.len() > 1 && bytes >= largest.saturating_mul(growth).min(SMALL_BYTES)
    }));
}

/// Cuts pieces into runs that make one file each.
fn runs(pieces: Vec<Piece>) -> Vec<Vec<Piece>> {
    let mut runs: Vec<Vec<Piece>> = Vec::new();
    let mut bytes = 0;
    for piece in pieces {
        bytes += piece.bytes;
        match runs.last_mut() {
            Some(run) if bytes <= FILE_BYTES && run.len() < TOGETHER_MAX => run.push(piece),
            _ => {
                bytes = piece.bytes;
                runs.push(vec![piece]);
            }
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEGABYTE: u64 = 1 << 20;

    /// Plays some days of flushes, and gives how many bytes merges wrote for a hundred bytes that came,
    /// and how many files there are in the end.
    fn play(days: i64, flush_every: i64, flush_bytes: u64) -> (u64, u64) {
        let mut pieces: Vec<Piece> = Vec::new();
        let (mut came, mut written) = (0_u64, 0_u64);
        let mut id = 0;
        let mut now = 0;
        let end = days * NANOS_PER_DAY;
        while now < end + 4 * LATE {
            now += flush_every;
            if now < end {
                id += 1;
                came += flush_bytes;
                pieces.push(Piece {
                    id: SegmentId(id),
                    bytes: flush_bytes,
                    level: 0,
                    first_time: now - flush_every,
                    ingested_last: now,
                });
            }
            for merge in plan(&pieces, now, Haste::Patient) {
                assert!(merge.len() <= TOGETHER_MAX);
                let (gone, left): (Vec<Piece>, Vec<Piece>) =
                    pieces.iter().partition(|piece| merge.contains(&piece.id));
                assert_eq!(gone.len(), merge.len());
                id += 1;
                let bytes = gone.iter().map(|piece| piece.bytes).sum();
                written += bytes;
                pieces = left;
                pieces.push(Piece {
                    id: SegmentId(id),
                    bytes,
                    level: gone.iter().map(|piece| piece.level).max().unwrap() + 1,
                    first_time: gone.iter().map(|piece| piece.first_time).min().unwrap(),
                    ingested_last: gone.iter().map(|piece| piece.ingested_last).max().unwrap(),
                });
            }
        }
        assert_eq!(pieces.iter().map(|piece| piece.bytes).sum::<u64>(), came);
        assert!(pieces.iter().all(|piece| piece.level > 0));
        (written * 100 / came, u64::try_from(pieces.len()).unwrap())
    }

    #[test]
    fn no_byte_is_written_again_more_than_three_times() {
        let minute = HOUR / 60;
        for (every, bytes) in [
            (10 * minute, 10_000),
            (10 * minute, MEGABYTE),
            (5 * minute, 13 * MEGABYTE),
            (minute, 13 * MEGABYTE),
            (minute / 6, 13 * MEGABYTE),
            (5 * HOUR, MEGABYTE),
        ] {
            let (written, files) = play(3, every, bytes);
            let day = bytes * u64::try_from(NANOS_PER_DAY / every).unwrap();
            let fewest = day.div_ceil(FILE_BYTES) * 3;
            assert!(written <= 300, "{every} {bytes}: {written} %");
            assert!(files <= fewest * 2 + 9, "{every} {bytes}: {files} of {fewest}");
        }
    }

    #[test]
    fn asked_for() {
        let piece = |id: i64, level| Piece {
            id: SegmentId(id),
            bytes: MEGABYTE,
            level,
            first_time: id,
            ingested_last: HOUR,
        };
        let merges = |pieces: &[Piece], haste| plan(pieces, HOUR, haste).len();
        assert_eq!(merges(&[piece(1, 0)], Haste::Patient), 0);
        assert_eq!(merges(&[piece(1, 0)], Haste::Now), 1);
        assert_eq!(merges(&[piece(1, 1)], Haste::Now), 0);
        assert_eq!(merges(&[piece(1, 0), piece(2, 0)], Haste::Patient), 0);
        assert_eq!(merges(&[piece(1, 0), piece(2, 0)], Haste::Now), 1);
        assert_eq!(merges(&[piece(1, 1), piece(2, 1)], Haste::Now), 1);
    }
}
