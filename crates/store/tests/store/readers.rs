//! A sealed segment is read by pyarrow when it is given its key, and its copy by DuckDB as well.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use model::Field;
use seal::Keyring;
use store::{Config, Seals, Store, copy_segment, segment_key};

use crate::samples::{Kind, events, fresh};

/// A Python that has both; the variable names another one than the first on the path.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("STORE_TEST_PYTHON").unwrap_or_else(|| "python3".into());
    let mut look = Command::new(&python);
    look.args([
        "-c",
        "import duckdb, pyarrow.parquet.encryption as e; e.create_decryption_properties",
    ]);
    let has = look.stdout(Stdio::null()).stderr(Stdio::null()).status();
    has.is_ok_and(|status| status.success()).then(|| python.into())
}

fn segments(store: &Store, dir: &Path) -> Vec<PathBuf> {
    store.flush().unwrap();
    Seals::of(dir).unwrap().segments.into_iter().map(|file| file.path).collect()
}

#[test]
fn others_read_a_segment_with_its_key() {
    let Some(python) = python() else {
        println!(
            "skipped: python3 has no duckdb, or no pyarrow of version 23 or later (pip install duckdb pyarrow)"
        );
        return;
    };
    let (dir, store) = fresh(Config::default());
    // Several pages of each column, and in the copies two row groups.
    let all = events(0..70_000, 11);
    for batch in all.chunks(5000) {
        store.append(batch, &[]).unwrap();
    }
    let keyring = Kind::Sealed.keyring().unwrap();
    let paths = segments(&store, dir.path());
    assert_eq!(paths.len(), 2, "the samples lie around midnight");
    let (wrong, _) = Keyring::generate().unwrap().data_key().unwrap();
    let hex = |key: &[u8]| {
        let digits: Vec<String> = key.iter().map(|byte| format!("{byte:02x}")).collect();
        digits.concat()
    };
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers.py"));
    command.arg(hex(wrong.bytes()));
    for (number, path) in paths.iter().enumerate() {
        let copied = dir.path().join(format!("copy-{number}"));
        copy_segment(path, &copied, &keyring).unwrap();
        for file in [path, &copied] {
            command.arg(file).arg(hex(&segment_key(file, &keyring).unwrap()));
        }
    }
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success());
    let told = String::from_utf8(output.stdout).unwrap();
    let (mut rows, mut needle, mut texts) = (0, 0, Vec::new());
    for line in told.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        rows += line["rows"].as_u64().unwrap();
        needle += line["needle"].as_u64().unwrap();
        let found = line["texts"].as_array().unwrap().iter();
        texts.extend(found.map(|text| text.as_str().unwrap().to_owned()));
    }
    assert_eq!(rows, 70_000);
    let mut written: Vec<&str> = all.iter().map(|event| event.original()).collect();
    written.sort_unstable();
    texts.sort_unstable();
    assert_eq!(texts, written);
    let wanted = all.iter().filter(|event| {
        let ip = event.get(Field::SourceIp).map(|value| value.to_string());
        event.id.0 < 20_000 && ip.as_deref() == Some("203.0.113.7")
    });
    assert_eq!(needle, wanted.count() as u64);
}
