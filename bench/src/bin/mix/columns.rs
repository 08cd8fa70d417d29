//! What each column of a segment costs.

use std::collections::BTreeMap;
use std::fs::File;

use anyhow::{Context as _, Result};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};

/// Prints bytes an event for each column of all files together, the dearest first.
pub(crate) fn tell(files: &[&str]) -> Result<()> {
    let mut columns: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    let (mut rows, mut whole) = (0, 0);
    for path in files {
        let file = File::open(path).with_context(|| (*path).to_owned())?;
        whole += file.metadata()?.len();
        let reader = SerializedFileReader::new(file).with_context(|| (*path).to_owned())?;
        let metadata = reader.metadata();
        rows += metadata.file_metadata().num_rows();
        for column in metadata.row_groups().iter().flat_map(RowGroupMetaData::columns) {
            let entry = columns.entry(column.column_path().string()).or_default();
            entry.0 += column.compressed_size();
            entry.1 += column.uncompressed_size();
        }
    }
    let mean = |bytes: i64| bytes as f64 / rows.max(1) as f64;
    let mut sorted: Vec<_> = columns.into_iter().collect();
    sorted.sort_by_key(|(_, (packed, _))| -packed);
    println!("| column | bytes/event | unpacked |\n|---|---|---|");
    let mut sum = 0;
    for (name, (packed, plain)) in sorted {
        sum += packed;
        println!("| {name} | {:.2} | {:.2} |", mean(packed), mean(plain));
    }
    println!("| columns together | {:.2} | |", mean(sum));
    println!("| files | {:.2} | |", whole as f64 / rows.max(1) as f64);
    Ok(())
}
