//! Files that a stop left behind, put right at the next start.
//!
//! A file that was never finished is deleted. So is one whose events all stand elsewhere, in listed
//! segments or in the log: what a merge or a flush wrote and did not come to list. A file with events
//! that are nowhere else is set aside: with an older catalog it is the only copy.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use catalog::{SegmentId, SegmentRow};
use model::{Field, Timestamp};

use super::graveyard::{Readers, delete};
use crate::StoreError;
use crate::error::During;
use crate::folder::set_aside;
use crate::index::remove_strays;
use crate::live::{Counters, Shared};
use crate::search::{Block, Place};
use crate::segment::{Column, PART, Segment, SegmentStats};

/// Puts right what lies in the folder of the segments; the log was read already.
pub(crate) fn clear(shared: &Shared) -> Result<(), StoreError> {
    let mut listed: HashSet<PathBuf> =
        shared.catalog.segments()?.into_iter().map(|row| shared.dir.join(row.file)).collect();
    // Segments that went out before the stop, and were not put back since.
    let (back, gone): (Vec<String>, Vec<String>) = shared
        .catalog
        .gone_files()?
        .into_iter()
        .partition(|file| listed.contains(&shared.dir.join(file)));
    shared.catalog.forget_gone_files(&back)?;
    for file in gone {
        shared.graveyard.bury(file, 0);
    }
    shared.graveyard.sweep(Readers::Wait)?;
    let waiting = shared.catalog.gone_files()?;
    listed.extend(waiting.into_iter().map(|file| shared.dir.join(file)));
    let mut number = 0;
    for path in files(&shared.dir.join("segments"))? {
        let is = |extension: &str| path.extension().is_some_and(|found| found == extension);
        if is(PART) {
            std::fs::remove_file(&path).during(|| format!("delete {}", path.display()))?;
        } else if is("parquet") && !listed.contains(&path) {
            number += 1;
            clear_one(shared, &path, SegmentId(-number))?;
        }
    }
    remove_strays(&shared.dir, &listed)
}

/// Lists the files in the folders of the days; a folder that is empty is removed.
fn files(root: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let what = || format!("list {}", root.display());
    let mut files = Vec::new();
    for day in std::fs::read_dir(root).during(what)? {
        let day = day.during(what)?.path();
        if !day.is_dir() || std::fs::remove_dir(&day).is_ok() {
            continue;
        }
        for file in std::fs::read_dir(&day).during(what)? {
            files.push(file.during(what)?.path());
        }
    }
    files.sort();
    Ok(files)
}

fn clear_one(shared: &Shared, path: &Path, id: SegmentId) -> Result<(), StoreError> {
    if is_elsewhere(shared, path, id).unwrap_or(false) {
        tracing::info!(file = %path.display(), "a file that was written and never listed was deleted; its events are elsewhere");
        return delete(path);
    }
    set_aside(&shared.dir, path)?;
    tracing::warn!(file = %path.display(), "a segment that the catalog does not list was set aside in quarantine");
    Counters::add(&shared.counters.orphans, 1);
    Ok(())
}

/// Tells whether every event of the file also stands in a listed segment or in the log.
fn is_elsewhere(shared: &Shared, path: &Path, id: SegmentId) -> Result<bool, StoreError> {
    let file = path.strip_prefix(&shared.dir).unwrap_or(path).display().to_string();
    let mut ids = ids_of(shared, &unlisted(shared, file, id)?)?;
    ids.sort_unstable();
    let (Some(first), Some(last)) = (ids.first().copied(), ids.last().copied()) else {
        return Ok(false);
    };
    let mut found = vec![false; ids.len()];
    let mut note = |id: u64| {
        if let Ok(place) = ids.binary_search(&id)
            && let Some(found) = found.get_mut(place)
        {
            *found = true;
        }
    };
    let snapshot = shared.pin();
    for chunk in &snapshot.memory {
        if chunk.last_id >= first && chunk.first_id <= last {
            chunk.events.iter().for_each(|event| note(event.id.0));
        }
    }
    for segment in snapshot.segments.iter() {
        if segment.row.last_id >= first && segment.row.first_id <= last {
            ids_of(shared, segment)?.into_iter().for_each(&mut note);
        }
    }
    Ok(!found.contains(&false))
}

/// Gives a segment of which nothing is known but its file.
fn unlisted(shared: &Shared, file: String, id: SegmentId) -> Result<Segment, StoreError> {
    let mut stats = SegmentStats::default();
    stats.columns.insert(Field::EventId.name().to_owned(), None);
    let row = SegmentRow {
        id,
        file,
        events: 0,
        bytes: 0,
        first_id: 0,
        last_id: 0,
        first_time: Timestamp::MIN,
        last_time: Timestamp::MAX,
        digest: [0; 32],
        index_bytes: 0,
        index_digest: [0; 32],
        stats: serde_json::to_string(&stats)
            .map_err(|error| StoreError::Internal(error.to_string()))?,
    };
    Segment::of(&shared.dir, row, None)
}

fn ids_of(shared: &Shared, segment: &Segment) -> Result<Vec<u64>, StoreError> {
    let column = Column::Known(Field::EventId);
    let mut ids = Vec::new();
    let footer = segment.footer(&shared.footers)?;
    for (group, group_rows) in footer.group_rows().into_iter().enumerate() {
        let place = Place { group, group_rows, rows: 0..group_rows };
        let mut block = Block::at(segment, &shared.footers, place);
        block.load(column)?;
        let values = block.values(column).ok_or_else(|| segment.damaged("it has no identities"))?;
        ids.extend((0..group_rows).filter_map(|row| values.id(row)));
    }
    Ok(ids)
}
