//! Real event files, where they are present, whole and damaged in every way.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::{Import, ImportConfig};

/// Gives some event files of the corpora, or tells why the test is skipped.
fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/corpora/evtx/sigma-regression/rules/windows/builtin");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "evtx") {
                found.push(path);
            }
        }
    }
    found.sort();
    if found.is_empty() {
        println!("skipped: {} is not there", root.display());
    }
    found
}

/// Gives the records of a file with these bytes, and what could not be read of it.
fn read(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.evtx");
    fs::write(&path, bytes).unwrap();
    let mut import = Import::new(&[path], ImportConfig::default()).unwrap();
    let records: Vec<String> =
        import.by_ref().flatten().map(|record| record.text.to_string()).collect();
    let faults = import.faults().iter().map(|fault| fault.message.clone()).collect();
    assert_eq!(import.progress().faults, u64::try_from(import.faults().len()).unwrap());
    (records, faults)
}

#[test]
fn records_are_the_xml_of_events() {
    let Some(path) = files().into_iter().next() else { return };
    let (records, faults) = read(&fs::read(path).unwrap());
    assert!(faults.is_empty(), "{faults:?}");
    assert!(!records.is_empty());
    for record in records {
        assert!(record.starts_with("<Event xmlns=") && record.ends_with("</Event>"), "{record}");
    }
}

#[test]
fn a_file_that_was_cut_off_gives_what_is_there() {
    let Some(path) = files().into_iter().next() else { return };
    let bytes = fs::read(path).unwrap();
    let (whole, _) = read(&bytes);
    let (cut, faults) = read(&bytes[..bytes.len() - 100]);
    assert_eq!(cut, whole);
    assert_eq!(faults, ["chunk 0: the file ends within it"]);
    assert_eq!(read(&bytes[..4000]).1, ["ends within its header"]);
    assert_eq!(read(&bytes[..4096]), (Vec::new(), Vec::new()));
}

#[test]
fn a_chunk_that_is_none_does_not_cost_its_neighbours() {
    let Some(path) = files().into_iter().next() else { return };
    let bytes = fs::read(path).unwrap();
    let (header, chunk) = bytes.split_at(4096);
    let mut broken = chunk[..65536].to_vec();
    broken[0] = b'X';
    let empty = vec![0; 65536];
    let whole = read(&bytes).0;
    let (records, faults) =
        read(&[header, broken.as_slice(), empty.as_slice(), &chunk[..65536]].concat());
    assert_eq!(records, whole);
    assert_eq!(faults, ["chunk 0: does not begin as a chunk"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn flipped_bytes_are_survived(
        file: prop::sample::Index,
        flips in prop::collection::vec((0_usize..20_000, any::<u8>()), 1..40),
    ) {
        let files = files();
        if files.is_empty() {
            return Ok(());
        }
        let mut bytes = fs::read(file.get(&files)).unwrap();
        // Most of a file is empty: the flips fall on what is written.
        let start = 4096 + 8;
        for (at, value) in flips {
            if let Some(byte) = bytes.get_mut(start + at) {
                *byte = value;
            }
        }
        let _ = read(&bytes);
    }
}
