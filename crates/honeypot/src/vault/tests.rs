use std::sync::Arc;

use super::*;
use crate::session::now;

fn bounds() -> Bounds {
    Bounds { transcripts_mb_max: 1, quarantine_mb_max: 1, file_mb_max: 1, ..Bounds::default() }
}

fn head(session: &str) -> TranscriptHead {
    TranscriptHead {
        session: session.to_owned(),
        kind: "tcp".to_owned(),
        name: "tcp".to_owned(),
        source: "192.0.2.1:1".to_owned(),
        destination: "192.0.2.2:2".to_owned(),
        began: now().to_string(),
    }
}

fn about() -> QuarantinedFile {
    Vault::about("x.sh", now(), ("s", "ssh", "192.0.2.1".to_owned()))
}

#[test]
fn a_transcript_is_read_as_it_was_written_and_cut_at_its_bound() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Arc::new(Vault::open(folder.path(), None, &bounds()).unwrap());
    let began = now();
    let mut writer = Writer::new(head("a1"), began, 20_014);
    writer.note(&vault, Way::In, began, b"hello").unwrap();
    writer.note(&vault, Way::Out, began, &vec![b'x'; 30_000]).unwrap();
    writer.end(&vault).unwrap();
    let transcript = vault.transcript("a1").unwrap();
    assert_eq!(transcript.parts[0].bytes, b"hello");
    assert_eq!(transcript.parts[0].way, Way::In);
    let said: usize = transcript.parts.iter().map(|part| part.bytes.len()).sum();
    assert_eq!((said, transcript.left_out), (20_005, Some(10_000)));
    assert_eq!(vault.sessions().len(), 1);
    assert!(matches!(vault.transcript("a2"), Err(VaultError::Unknown { .. })));
    // Another process that reads finds the same.
    let again = Arc::new(Vault::open(folder.path(), None, &bounds()).unwrap());
    assert_eq!(again.transcript("a1").unwrap(), transcript);
}

#[test]
fn nothing_lies_there_as_it_was_and_what_was_changed_does_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let keyring = Keyring::generate().unwrap();
    let vault = Arc::new(Vault::open(folder.path(), Some(&keyring), &bounds()).unwrap());
    let mut incoming = Incoming::new(&vault);
    incoming.push(b"#!/bin/sh\nrm -rf /\n").unwrap();
    let kept = incoming.finish(about()).unwrap();
    let path = folder.path().join("quarantine").join(format!("{}.sealed", kept.sha256));
    let mut raw = std::fs::read(&path).unwrap();
    assert!(!raw.windows(6).any(|window| window == b"rm -rf" || window == b"/bin/s"));
    let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o400);
    let contents: Vec<u8> =
        vault.contents(&kept.sha256).unwrap().flat_map(Result::unwrap).collect();
    assert_eq!(contents, b"#!/bin/sh\nrm -rf /\n");
    assert_eq!(vault.quarantined(), std::slice::from_ref(&kept));
    raw[100] ^= 1;
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, raw).unwrap();
    assert!(vault.contents(&kept.sha256).unwrap().any(|piece| piece.is_err()));
    assert!(vault.contents("../../persona").is_err());
}

#[test]
fn the_same_file_is_kept_once_and_a_long_one_cut() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Arc::new(Vault::open(folder.path(), None, &bounds()).unwrap());
    for _ in 0..3 {
        let mut incoming = Incoming::new(&vault);
        incoming.push(b"same").unwrap();
        incoming.finish(about()).unwrap();
    }
    assert_eq!(vault.quarantine_kept().files, 1);
    let mut incoming = Incoming::new(&vault);
    for _ in 0..40 {
        incoming.push(&vec![7; 32 * 1024]).unwrap();
    }
    let kept = incoming.finish(about()).unwrap();
    assert_eq!((kept.bytes, kept.left_out), (1 << 20, 8 * 32 * 1024));
    // Both are more than the quarantine keeps: the older one went.
    assert_eq!(vault.quarantine_kept().files, 1);
    assert_eq!(vault.quarantine_kept().gone, 1);
    let left = std::fs::read_dir(folder.path().join("quarantine")).unwrap().count();
    assert_eq!(left, 1);
}

#[test]
fn what_was_begun_and_never_ended_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Arc::new(Vault::open(folder.path(), None, &bounds()).unwrap());
    let mut incoming = Incoming::new(&vault);
    incoming.push(&vec![1; 100_000]).unwrap();
    let parts = || std::fs::read_dir(folder.path().join("quarantine")).unwrap().count();
    assert_eq!(parts(), 1);
    drop(incoming);
    assert_eq!(parts(), 0);
}

#[test]
fn a_small_file_is_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Arc::new(Vault::open(folder.path(), None, &bounds()).unwrap());
    assert_eq!(vault.read_whole("p").unwrap(), None);
    vault.write_whole("p", b"one").unwrap();
    vault.write_whole("p", b"two").unwrap();
    assert_eq!(vault.read_whole("p").unwrap().as_deref(), Some(&b"two"[..]));
}

fn lies_in(folder: &Path) -> u64 {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn many_that_are_written_at_once_take_no_more_than_may_lie_there() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Arc::new(Vault::open(folder.path(), None, &bounds()).unwrap());
    let mut writers: Vec<_> =
        (0..8).map(|at| Writer::new(head(&format!("w{at}")), now(), 512 << 10)).collect();
    let mut comings: Vec<_> = (0..8).map(|_| Incoming::new(&vault)).collect();
    for _ in 0..64 {
        for (at, writer) in writers.iter_mut().enumerate() {
            writer.note(&vault, Way::In, now(), &vec![7; 8 << 10]).unwrap();
            comings[at].push(&vec![u8::try_from(at).unwrap(); 8 << 10]).unwrap();
        }
    }
    let (said, left) = (folder.path().join("transcripts"), folder.path().join("quarantine"));
    assert!(lies_in(&said) <= (1 << 20) + 65_536, "{}", lies_in(&said));
    assert!(lies_in(&left) <= (1 << 20) + 65_536, "{}", lies_in(&left));
    for writer in writers {
        writer.end(&vault).unwrap();
    }
    let kept: Vec<_> = comings.into_iter().map(|coming| coming.finish(about()).unwrap()).collect();
    assert!(kept.iter().all(|kept| kept.bytes + kept.left_out == 512 << 10));
    assert!(kept.iter().map(|kept| kept.left_out).sum::<u64>() >= 3 << 20);
    // What was reserved is free again.
    let mut last = Incoming::new(&vault);
    last.push(&vec![9; 1 << 20]).unwrap();
    assert_eq!(last.finish(about()).unwrap().left_out, 0);
    assert!(lies_in(&left) <= (1 << 20) + 65_536);
}

#[test]
fn where_nothing_can_be_written_nothing_is_held_either() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Arc::new(Vault::open(folder.path(), None, &bounds()).unwrap());
    // As on a disk that is full: no file can be made.
    std::fs::remove_dir(folder.path().join("transcripts")).unwrap();
    let mut writer = Writer::new(head("a"), now(), 512 << 10);
    let faults = (0..20_000).filter(|_| writer.note(&vault, Way::In, now(), b"x").is_err()).count();
    assert_eq!(faults, 1, "it is told once");
    assert!(format!("{writer:?}").len() < 1000, "and nothing waits in memory");
    let _ = writer.end(&vault);
}

#[test]
fn words_of_one_letter_count_with_what_they_take() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Arc::new(Vault::open(folder.path(), None, &bounds()).unwrap());
    let mut writer = Writer::new(head("b"), now(), 64 << 10);
    for _ in 0..60_000 {
        writer.note(&vault, Way::In, now(), b"x").unwrap();
    }
    writer.end(&vault).unwrap();
    assert!(lies_in(&folder.path().join("transcripts")) < 80 << 10);
}
