//! A copy of one segment for programs that cannot read segments as they lie.
//!
//! DuckDB (to 2.0.1, whoever wrote the file) opens only the first data page of a sealed column chunk,
//! and none when a filter is pushed down: it does not count pages on for the additional data. Our
//! segments have many small pages, since searches need them. In the copy each chunk is one page; it is
//! sealed with a key of its own, and holds each record whole.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterVersion};
use seal::{Keyring, SealError};

use crate::StoreError;
use crate::error::During;
use crate::segment::{Sealing, Unpacking, assert_sealed, opening};

/// Rows of a chunk, which is one page.
const ROW_GROUP_ROWS: usize = 32 * 1024;
const BATCH_ROWS: usize = 4096;

/// Copies a segment, sealed or plain, into a new sealed file that DuckDB can read; its key is that of
/// [`crate::segment_key`].
pub fn copy_segment(from: &Path, to: &Path, keyring: &Keyring) -> Result<(), StoreError> {
    let source = File::open(from).during(|| format!("open {}", from.display()))?;
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(to);
    let file = file.during(|| format!("create {}", to.display()))?;
    let sealing = Sealing::new(keyring).map_err(|error| sealed(to, &error));
    let written = sealing.and_then(|sealing| {
        let source = reader(source, keyring).map_err(|error| damaged(from, &error))?;
        write(source, &file, &sealing).map_err(|error| damaged(from, &error))?;
        file.sync_all().during(|| format!("write {}", to.display()))?;
        assert_sealed(to, &to.display().to_string())
    });
    if written.is_err() {
        let _ = std::fs::remove_file(to);
    }
    written
}

type Source = (ParquetRecordBatchReader, Unpacking);

fn reader(source: File, keyring: &Keyring) -> Result<Source, ParquetError> {
    let options = ArrowReaderOptions::new().with_file_decryption_properties(opening(keyring)?);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(source, options)?;
    let unpacking = Unpacking::of(builder.metadata().file_metadata());
    Ok((builder.with_batch_size(BATCH_ROWS).build()?, unpacking))
}

fn write((reader, unpacking): Source, file: &File, sealing: &Sealing) -> Result<(), ParquetError> {
    let properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(ROW_GROUP_ROWS)
        .set_data_page_size_limit(usize::MAX)
        // A dictionary that grows too long would begin another page.
        .set_dictionary_page_size_limit(usize::MAX)
        .with_file_encryption_properties(sealing.properties()?)
        .build();
    let schema = arrow::array::RecordBatchReader::schema(&reader);
    let schema = unpacking.whole(RecordBatch::new_empty(schema))?.schema();
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties))?;
    for batch in reader {
        writer.write(&unpacking.whole(batch?)?)?;
    }
    writer.finish()?;
    writer.inner_mut().flush()?;
    Ok(())
}

fn sealed(path: &Path, error: &SealError) -> StoreError {
    StoreError::sealed(path.display().to_string(), error)
}

fn damaged(path: &Path, error: &ParquetError) -> StoreError {
    StoreError::damaged(path.display().to_string(), error)
}
