//! Files of the log that somebody changed, or made up.

use std::path::PathBuf;

use model::{Checkpoint, EventId, Text, Timestamp};
use proptest::prelude::*;
use seal::Keyring;
use tempfile::TempDir;

use super::*;
use crate::StoreError;

/// Two files of ten records each; the checkpoint of a record tells which it is.
struct Logs {
    dir: TempDir,
    keyring: Option<Keyring>,
    /// Where the records of the first file begin, and where the last one ends.
    bounds: Vec<usize>,
}

fn logs(keyring: Option<Keyring>) -> Logs {
    let dir = tempfile::tempdir().unwrap();
    let mut bounds = Vec::new();
    let mut writer = Writer::begin(dir.path(), 1, 0, keyring.clone());
    for file in 1..=2_u64 {
        for number in 0..10 {
            let position = format!("{file}-{number}");
            let mut event = model::Event::new(Text::from("canary in a line"), Timestamp::default());
            event.id = EventId(number);
            let checkpoint = Checkpoint { key: "tail".to_owned(), position };
            let frame = Frame::of_batch(&[event.into()], &[checkpoint]).unwrap();
            writer.append(&mut [frame]).unwrap();
            bounds.push(std::fs::read(path_of(dir.path(), file)).unwrap().len());
        }
        writer.rotate(0);
    }
    bounds.truncate(10);
    let record = bounds[1] - bounds[0];
    bounds.insert(0, bounds[0] - record);
    Logs { dir, keyring, bounds }
}

impl Logs {
    fn path(&self, file: u64) -> PathBuf {
        path_of(self.dir.path(), file)
    }

    fn record(&self, file: u64, number: usize) -> Vec<u8> {
        let bytes = std::fs::read(self.path(file)).unwrap();
        bytes[self.bounds[number]..self.bounds[number + 1]].to_vec()
    }

    /// Changes the first file, and tells what is read from it.
    fn told(&self, change: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut bytes = std::fs::read(self.path(1)).unwrap();
        change(&mut bytes);
        std::fs::write(self.path(1), bytes).unwrap();
        let read = read(&self.path(1), self.keyring.as_ref()).unwrap();
        let positions = read.contents.iter().flat_map(|content| &content.checkpoints);
        let positions: Vec<&str> = positions.map(|one| one.position.as_str()).collect();
        let damage = match read.damage {
            Damage::None => "whole",
            Damage::Tail(_) => "torn",
            Damage::Middle => "damaged",
        };
        format!("{damage}: {}", positions.join(" "))
    }
}

fn sealed() -> Logs {
    logs(Some(Keyring::generate().unwrap()))
}

#[test]
fn read_as_written() {
    for logs in [sealed(), logs(None)] {
        let told = logs.told(|_| {});
        assert_eq!(told, "whole: 1-0 1-1 1-2 1-3 1-4 1-5 1-6 1-7 1-8 1-9");
        let bytes = std::fs::read(logs.path(1)).unwrap();
        let shows = bytes.windows(6).any(|window| window == b"canary");
        assert_eq!(shows, logs.keyring.is_none());
    }
}

#[test]
fn two_records_changed_places() {
    let logs = sealed();
    let (third, fourth) = (logs.record(1, 3), logs.record(1, 4));
    let at = logs.bounds[3]..logs.bounds[5];
    let told = logs.told(|bytes| bytes[at].copy_from_slice(&[fourth, third].concat()));
    assert_eq!(told, "damaged: 1-0 1-1 1-2 1-4 1-5 1-6 1-7 1-8 1-9");
}

#[test]
fn a_record_stands_there_twice() {
    let logs = sealed();
    let again = logs.record(1, 3);
    let told = logs.told(|bytes| bytes.extend_from_slice(&again));
    assert_eq!(told, "torn: 1-0 1-1 1-2 1-3 1-4 1-5 1-6 1-7 1-8 1-9");
}

#[test]
fn a_record_of_another_file_has_no_good_check_and_would_not_open() {
    // Even with the check made to fit: the header, and with it the key and the salt, of the second
    // file under the first one's number.
    let logs = sealed();
    let other = std::fs::read(logs.path(2)).unwrap();
    assert_eq!(logs.told(|bytes| *bytes = other), "torn: ");
}

#[test]
fn a_header_that_was_changed_opens_nothing() {
    // The next free identity, and the CRC that anybody can make.
    let logs = sealed();
    let end = logs.bounds[0];
    let told = logs.told(|bytes| {
        bytes[20] ^= 1;
        let crc = crc32fast::hash(&bytes[..end - 4]);
        bytes[end - 4..end].copy_from_slice(&crc.to_le_bytes());
    });
    assert_eq!(told, "torn: ");
}

#[test]
fn another_key_is_an_error_and_no_damage() {
    let logs = sealed();
    for keyring in [None, Some(Keyring::generate().unwrap())] {
        let error = read(&logs.path(1), keyring.as_ref()).unwrap_err();
        assert!(matches!(error, StoreError::Sealed { .. }), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_behind_a_header(
        tail in prop::collection::vec(any::<u8>(), 0..400), keep in 0..300_usize, is_sealed: bool,
    ) {
        let keyring = is_sealed.then(|| Keyring::generate().unwrap());
        let logs = logs(keyring);
        logs.told(|bytes| {
            bytes.truncate(logs.bounds[0] + keep);
            bytes.extend_from_slice(&tail);
        });
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400), begins_well: bool) {
        let dir = tempfile::tempdir().unwrap();
        let path = path_of(dir.path(), 1);
        let magic: &[u8] = if begins_well { b"BARTIWAL\x02\0\0\0\x01\0\0\0" } else { b"" };
        std::fs::write(&path, [magic, &bytes].concat()).unwrap();
        let _ = read(&path, Some(&Keyring::generate().unwrap()));
    }
}
