//! Reads what can be read of a segment, around what cannot, and makes its entry for the catalog from
//! the file alone.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use catalog::{SegmentId, SegmentRow};
use model::{Event, Timestamp};
use sha2::{Digest as _, Sha256};

use super::build::{Table, batch_of};
use super::cache::Cache;
use super::decode::Decoder;
use super::layout::Column;
use super::look::Look;
use super::read::{Segment, Texts, Wanted, selection};
use super::stats::SegmentStats;
use super::write::{SegmentWriter, WriteOptions};
use crate::error::During;
use crate::secret::hide;
use crate::{Config, StoreError};

/// As many as a page holds: what lies around a damaged page is saved.
const BLOCK_ROWS: usize = 4096;
const READ_BYTES: usize = 256 << 10;
const ZSTD_LEVEL: i32 = 3;

/// What could be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Salvaged {
    /// Rows that were read.
    pub(crate) rows: u64,
    /// Rows that were not.
    pub(crate) lost: u64,
    /// Why not.
    pub(crate) reason: Option<String>,
}

/// Gives the events of a file block by block, and goes on behind those that cannot be read.
pub(crate) fn salvage(
    dir: &Path,
    file: &str,
    look: &Look,
    config: &Config,
    each: &mut dyn FnMut(Vec<Arc<Event>>) -> Result<(), StoreError>,
) -> Result<Salvaged, StoreError> {
    let cache = Cache::new(config.keyring.clone());
    let segment = Segment::of(dir, bare(file, look)?, config.keyring.as_ref())?;
    let mut salvaged = Salvaged::default();
    for (group, rows) in look.groups.iter().enumerate() {
        for start in (0..*rows).step_by(BLOCK_ROWS) {
            let range = start..start.saturating_add(BLOCK_ROWS).min(*rows);
            let count = u64::try_from(range.len()).unwrap_or_default();
            let wanted = Wanted {
                columns: &look.columns,
                texts: Texts::Plain,
                group,
                rows: selection([range], *rows),
                batch_rows: BLOCK_ROWS,
            };
            match block(&segment, &cache, wanted) {
                Ok(events) => {
                    salvaged.rows += u64::try_from(events.len()).unwrap_or_default();
                    each(events)?;
                }
                Err(error) => {
                    salvaged.lost += count;
                    salvaged.reason.get_or_insert_with(|| error.to_string());
                }
            }
        }
    }
    Ok(salvaged)
}

fn block(
    segment: &Segment,
    cache: &Cache,
    wanted: Wanted<'_>,
) -> Result<Vec<Arc<Event>>, StoreError> {
    let mut events = Vec::with_capacity(wanted.batch_rows);
    for batch in segment.rows(cache, wanted)? {
        let batch = batch.map_err(|error| segment.damaged(error))?;
        let decoder = Decoder::of(&batch);
        events.extend((0..batch.num_rows()).map(|row| Arc::new(decoder.event(row))));
    }
    Ok(events)
}

/// Gives the row of a file of which nothing is known.
fn bare(file: &str, look: &Look) -> Result<SegmentRow, StoreError> {
    let stats = SegmentStats { line: named(look), ..SegmentStats::default() };
    let stats = serde_json::to_string(&stats);
    Ok(SegmentRow {
        id: SegmentId::default(),
        file: file.to_owned(),
        events: 0,
        bytes: 0,
        first_id: 0,
        last_id: 0,
        first_time: Timestamp::default(),
        last_time: Timestamp::default(),
        digest: [0; 32],
        index_bytes: 0,
        index_digest: [0; 32],
        stats: stats.map_err(|error| StoreError::Internal(error.to_string()))?,
    })
}

/// Gives the columns that records may be put together from: which ones is not told by the file.
fn named(look: &Look) -> BTreeSet<String> {
    look.columns.iter().map(|column| column.name().to_owned()).collect()
}

/// Gathers what the catalog keeps of events, piece by piece.
#[derive(Clone, Debug)]
pub(crate) struct Gathered(SegmentStats);

impl Gathered {
    pub(crate) fn new() -> Self {
        Self(SegmentStats { extra_whole: true, ..SegmentStats::default() })
    }

    pub(crate) fn add(&mut self, events: &[Arc<Event>]) {
        self.0.absorb(SegmentStats::of_events(events, 0));
    }

    /// Gives the row of a whole file, made from the file alone.
    pub(crate) fn row(
        mut self,
        dir: &Path,
        file: &str,
        look: &Look,
        config: &Config,
    ) -> Result<SegmentRow, StoreError> {
        let (digest, bytes) = digest_of(&dir.join(file))?;
        self.0.add_columns(&look.columns, &look.metadata);
        self.0.line = named(look);
        let stats = serde_json::to_string(&self.0);
        let stats = stats.map_err(|error| StoreError::Internal(error.to_string()))?;
        Ok(SegmentRow {
            events: look.events,
            bytes,
            first_id: look.first_id,
            last_id: look.last_id,
            first_time: look.first_time,
            last_time: look.last_time,
            digest,
            stats: hide(config.sealing(), file, stats)?,
            ..bare(file, look)?
        })
    }
}

/// Gives digest and length of a file.
pub(crate) fn digest_of(path: &Path) -> Result<([u8; 32], u64), StoreError> {
    let what = || format!("read {}", path.display());
    let mut file = File::open(path).during(what)?;
    let (mut hash, mut length) = (Sha256::new(), 0);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = file.read(&mut buffer).during(what)?;
        if read == 0 {
            return Ok((hash.finalize().into(), length));
        }
        hash.update(buffer.get(..read).unwrap_or_default());
        length += u64::try_from(read).unwrap_or_default();
    }
}

/// Writes events that were saved as a segment of their own.
pub(crate) struct Rewriter {
    table: Table,
    writer: SegmentWriter,
    gathered: Gathered,
}

impl Rewriter {
    pub(crate) fn create(
        dir: &Path,
        file: String,
        columns: &[Column],
        config: &Config,
    ) -> Result<Self, StoreError> {
        let table = Table::new(columns.to_vec());
        let options = WriteOptions { zstd_level: ZSTD_LEVEL, keyring: config.sealing() };
        let writer = SegmentWriter::create(dir, file, &table, options)?;
        Ok(Self { table, writer, gathered: Gathered::new() })
    }

    pub(crate) fn add(&mut self, events: &[Arc<Event>]) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        let batch = batch_of(&self.table, events);
        let batch = batch.map_err(|error| StoreError::Internal(error.to_string()))?;
        self.gathered.add(events);
        self.writer.write(&batch)
    }

    pub(crate) fn finish(self) -> Result<SegmentRow, StoreError> {
        self.writer.finish(self.gathered.0)
    }
}
