//! Files and folders of them, as a user names them.

use std::fmt::Write as _;
use std::fs;
use std::io::Write;

use expect_test::{Expect, expect};
use model::Timestamp;

use super::*;

#[test]
fn a_folder_in_the_order_of_names() {
    check(
        &[("b.log", b"three\r\nfour"), ("a/deep/x.log", b"one\n\ntwo\n"), ("empty.log", b"")],
        expect![[r"
            a/deep/x.log: one
            a/deep/x.log: two
            b.log: three
            b.log: four
        "]],
    );
}

#[test]
fn columns_are_those_that_a_file_named_last() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.log"), "x\n#Fields: a b\r\ny\n#Fields: c\nz\n").unwrap();
    fs::write(folder.path().join("b.log"), "x\n").unwrap();
    let import = Import::new(&[folder.path().to_owned()], ImportConfig::default()).unwrap();
    let columns: Vec<String> = import
        .flatten()
        .map(|record| record.origin.columns.as_deref().unwrap_or("none").to_owned())
        .collect();
    assert_eq!(columns, ["none", "a b", "a b", "c", "c", "none"]);
}

#[test]
fn packed_in_every_way_with_several_members() {
    let twice = |pack: &dyn Fn(&[u8]) -> Vec<u8>| [pack(b"one\ntw"), pack(b"o\nthree\n")].concat();
    let gzip = |bytes: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    };
    let xz = |bytes: &[u8]| {
        let mut packer = liblzma::write::XzEncoder::new(Vec::new(), 1);
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    };
    let bzip2 = |bytes: &[u8]| {
        let mut packer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    };
    let zstd = |bytes: &[u8]| zstd::stream::encode_all(bytes, 1).unwrap();
    check(
        // The names do not matter: what is packed is told by its first bytes.
        &[
            ("a.gz", &twice(&gzip)),
            ("b", &twice(&zstd)),
            ("c.log", &twice(&xz)),
            ("d.bz2", &twice(&bzip2)),
        ],
        expect![[r"
            a.gz: one
            a.gz: two
            a.gz: three
            b: one
            b: two
            b: three
            c.log: one
            c.log: two
            c.log: three
            d.bz2: one
            d.bz2: two
            d.bz2: three
        "]],
    );
}

#[test]
fn what_is_before_a_fault_is_kept() {
    let mut cut = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    cut.write_all(&b"a line\n".repeat(3)).unwrap();
    let cut = cut.finish().unwrap();
    check(
        &[("a.gz", &cut[..cut.len() - 10]), ("b.log", b"next\n")],
        expect![[r"
            a.gz: a line
            a.gz: a line
            a.gz: a lin
            b.log: next
            a.gz not read to its end: incomplete deflate stream
        "]],
    );
}

#[test]
fn a_bomb_is_cut_off() {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..100 {
        bomb.write_all(&b"x".repeat(100_000)).unwrap();
    }
    check(
        &[("a.gz", &bomb.finish().unwrap())],
        expect![[r"
            a.gz: xxxxxxxxxx (+1048566)
            a.gz unpacks to more than 1000000 bytes; the rest is left out
        "]],
    );
}

#[test]
fn no_text() {
    check(
        &[
            ("a.evtx", b"ElfFile\0\0\0\0\0"),
            ("b.pcap", b"\xd4\xc3\xb2\xa1\x02\0\x04\0"),
            ("c.bin", &[1, 0, 0, 0, 2, 0, 0, 0]),
            ("d.txt", b"\xff\xfeo\0n\0e\0"),
            ("e.log", b"\xef\xbb\xbfone\n"),
        ],
        expect![[r"
            e.log: one
            a.evtx ends within its header
            b.pcap is no text, but captured packets
            c.bin is no text, but binary
            d.txt is no text, but UTF-16
        "]],
    );
}

#[test]
fn the_clock_is_that_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.log");
    fs::write(&path, "one\n").unwrap();
    let written = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    fs::File::options().write(true).open(&path).unwrap().set_modified(written).unwrap();
    let mut import = Import::new(&[path], ImportConfig::default()).unwrap();
    let record = import.next().unwrap().remove(0);
    assert_eq!(record.origin.clock, Clock::File(Timestamp::from_seconds(1_000_000)));
    assert_eq!(record.origin.input, "import");
}

#[test]
fn a_path_that_is_not_there() {
    let error =
        Import::new(&[PathBuf::from("/nowhere/a.log")], ImportConfig::default()).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(
        format!("{error}: {cause}"),
        "cannot read /nowhere/a.log: No such file or directory (os error 2)"
    );
}

#[track_caller]
fn check(files: &[(&str, &[u8])], expect: Expect) {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let config = ImportConfig {
        line_bytes_max: 10,
        batch_bytes: 8,
        unpacked_bytes_max: 1_000_000,
        ..ImportConfig::default()
    };
    let mut import = Import::new(&[folder.path().to_owned()], config).unwrap();
    let mut shown = String::new();
    let short = |path: &str| path.replace(&format!("{}/", folder.path().display()), "");
    for record in import.by_ref().flatten() {
        let path = short(record.origin.path.as_deref().unwrap());
        write!(shown, "{path}: {}", &*record.text).unwrap();
        if record.truncated_bytes > 0 {
            write!(shown, " (+{})", record.truncated_bytes).unwrap();
        }
        shown.push('\n');
    }
    for fault in import.faults() {
        writeln!(shown, "{} {}", short(fault.path.to_str().unwrap()), fault.message).unwrap();
    }
    expect.assert_eq(&shown);
    let progress = import.progress();
    assert_eq!(progress.files_done, length_of(files.len()));
    assert_eq!(progress.faults, length_of(import.faults().len()));
}
