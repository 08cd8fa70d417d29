use std::os::unix::fs::PermissionsExt as _;

use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::source::Typed;

const NOW: &str = "2026-11-21T07:00:00Z";

fn key(byte: u8) -> Secret {
    Secret::Key(Box::new(MasterKey::from_bytes([byte; 32]).unwrap()))
}

fn phrase(text: &str) -> Secret {
    Secret::Passphrase(Typed(Zeroizing::new(text.to_owned())))
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keyring.json");
    (folder, path)
}

fn first(keyring: &Keyring) -> [u8; 32] {
    *keyring.keys().next().unwrap().1.bytes()
}

#[test]
fn opens_with_its_master_key_alone() {
    let (_folder, path) = folder();
    assert!(KeyringFile::read(&path).unwrap().is_none());
    let made = KeyringFile::create(&path, &key(7), NOW).unwrap();
    let read = KeyringFile::read(&path).unwrap().unwrap();
    assert_eq!(first(&read.open(&key(7)).unwrap()), first(&made));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let told = |error: KeyringError| error.to_string().replace(path.to_str().unwrap(), "FILE");
    expect!["FILE opens with the master key 5d04800b, and the one that was given is f3cf69e1"]
        .assert_eq(&told(read.open(&key(8)).unwrap_err()));
    expect!["FILE does not open with this passphrase: it asks for the master key 5d04800b"]
        .assert_eq(&told(read.open(&phrase("correct horse battery")).unwrap_err()));
    expect!["FILE is there already, and a keyring is never written over by another"]
        .assert_eq(&told(KeyringFile::create(&path, &key(8), NOW).unwrap_err()));
}

#[test]
fn opens_with_its_passphrase() {
    let (_folder, path) = folder();
    let made = KeyringFile::create(&path, &phrase("correct horse battery"), NOW).unwrap();
    let read = KeyringFile::read(&path).unwrap().unwrap();
    assert_eq!(first(&read.open(&phrase("correct horse battery")).unwrap()), first(&made));
    assert!(read.open(&phrase("correct horse batterz")).is_err());
    assert!(read.open(&key(7)).is_err());
}

#[test]
fn opens_at_every_step_of_a_rotation() {
    let (_folder, path) = folder();
    let made = KeyringFile::create(&path, &key(7), NOW).unwrap();
    let (_, wrapped) = made.data_key().unwrap();
    let read = || KeyringFile::read(&path).unwrap().unwrap();
    let opens =
        |secret: &Secret| read().open(secret).is_ok_and(|ring| ring.unwrap_key(&wrapped).is_ok());
    let begun = read().begin_rotation(&key(7), &key(8), "2026-12-21T07:00:00Z").unwrap();
    assert!(opens(&key(7)) && opens(&key(8)));
    // Cut off here and begun anew with another key: the half-made one opens nothing any more.
    let begun_anew = begun.begin_rotation(&key(7), &key(9), "2026-12-22T07:00:00Z").unwrap();
    assert!(opens(&key(7)) && !opens(&key(8)) && opens(&key(9)));
    assert!(begun_anew.finish_rotation(&key(8)).is_err());
    assert!(opens(&key(7)) && opens(&key(9)));
    let done = begun_anew.finish_rotation(&key(9)).unwrap();
    assert!(!opens(&key(7)) && opens(&key(9)));
    let dates: Vec<_> = done.keys().iter().map(|key| (key.id, key.created.as_str())).collect();
    assert_eq!(dates, [(1, NOW), (2, "2026-12-21T07:00:00Z"), (3, "2026-12-22T07:00:00Z")]);
    let (_, by_new) = read().open(&key(9)).unwrap().data_key().unwrap();
    assert_eq!(made.unwrap_key(&by_new).unwrap_err(), SealError::Unknown(3));
}

#[test]
fn a_stop_while_it_is_written_leaves_the_old_one() {
    let (_folder, path) = folder();
    KeyringFile::create(&path, &key(7), NOW).unwrap();
    std::fs::write(path.with_extension("json.new"), "{\"version\":1,\"ke").unwrap();
    let read = KeyringFile::read(&path).unwrap().unwrap();
    read.begin_rotation(&key(7), &key(8), NOW).unwrap().finish_rotation(&key(8)).unwrap();
    assert!(!path.with_extension("json.new").exists());
}

#[test]
fn every_byte_counts() {
    let (_folder, path) = folder();
    KeyringFile::create(&path, &key(7), NOW).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let made = KeyringFile::parse(&path, &whole).unwrap().open(&key(7)).unwrap();
    for place in 0..whole.len() {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        let opened = KeyringFile::parse(&path, &changed).and_then(|file| file.open(&key(7)));
        // The dates for people may change; the keys may not.
        assert!(opened.is_err() || first(&opened.unwrap()) == first(&made), "changed at {place}");
    }
    let newer = String::from_utf8(whole).unwrap().replace("\"version\": 1", "\"version\": 2");
    let error = KeyringFile::parse(Path::new("FILE"), newer.as_bytes()).unwrap_err();
    expect!["FILE has version 2, and this program knows up to 1: run the newer one"]
        .assert_eq(&error.to_string());
}

proptest! {
    #[test]
    fn any_bytes(bytes: Vec<u8>, salt: String, sealed: String, memory_kib in 0..64_u32, passes: u32) {
        let path = Path::new("keyring.json");
        assert!(KeyringFile::parse(path, &bytes).is_err());
        let text = serde_json::json!({"version": 1, "keys": [], "masters": [
            {"id": "x", "argon2id": {"salt": salt, "memory_kib": memory_kib, "passes": passes}, "sealed": sealed},
            {"id": "5d04800b", "sealed": sealed},
        ]});
        let file = KeyringFile::parse(path, text.to_string().as_bytes()).unwrap();
        assert!(file.open(&phrase("correct horse battery")).is_err());
        assert!(file.open(&key(7)).is_err());
    }
}
