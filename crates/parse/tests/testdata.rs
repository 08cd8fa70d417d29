//! Every line of `testdata/FORMAT/*.log`, read, against the `*.expected` beside it.
//! `UPDATE_EXPECT=1` writes the expected files anew.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{Field, Origin, Record, Text, Timestamp};
use parse::{FORMATS, Parser, ParserConfig};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// Gives what is read from each line of a file, received live at 2026-11-21T07:00:00Z.
fn read(path: &Path) -> String {
    let received_at = Timestamp::parse("2026-11-21T07:00:00Z").unwrap();
    let parser = Parser::new(ParserConfig::default());
    let origin = Arc::new(Origin::default());
    let mut told = String::new();
    for line in fs::read_to_string(path).unwrap().lines() {
        let event = parser.parse(Record {
            text: Text::from(line),
            received_at,
            origin: Arc::clone(&origin),
            truncated_bytes: 0,
            escaped_bytes: 0,
        });
        assert_eq!(event.original(), line);
        writeln!(told, "{line}\n{event}").unwrap();
    }
    told
}

#[test]
fn samples_are_read_as_expected() {
    let mut wrong = Vec::new();
    for format in fs::read_dir(folder()).unwrap() {
        for file in fs::read_dir(format.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "log") {
                continue;
            }
            let told = read(&path);
            let expected = path.with_extension("expected");
            if std::env::var_os("UPDATE_EXPECT").is_some() {
                fs::write(&expected, told).unwrap();
            } else if fs::read_to_string(&expected).unwrap_or_default() != told {
                wrong.push(path);
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "not as expected: {wrong:?}; see the difference with UPDATE_EXPECT=1"
    );
}

#[test]
fn every_format_has_samples_that_it_reads() {
    let missing: Vec<&str> = FORMATS
        .iter()
        .map(|format| format.id)
        .filter(|id| {
            let Ok(files) = fs::read_dir(folder().join(id)) else { return true };
            let own = format!("event.module = {id}\n");
            !files.filter_map(Result::ok).any(|file| {
                let path = file.path();
                path.extension().is_some_and(|extension| extension == "log")
                    && read(&path).contains(&own)
            })
        })
        .collect();
    assert!(missing.is_empty(), "no samples: {missing:?}");
}

#[test]
fn the_row_of_a_format_is_unique() {
    for (index, format) in FORMATS.iter().enumerate() {
        assert!(FORMATS[index + 1..].iter().all(|other| other.id != format.id), "{}", format.id);
        assert_ne!(format.id, "unknown", "that word means that no format recognised the record");
    }
    assert_eq!(Field::EventModule.name(), "event.module");
}
