//! Files as writers and rotators treat them; every line must come exactly once.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use model::{Checkpoint, Clock, Refusal};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::sources::testing::Line;

/// A folder with a log in it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn append(&self, name: &str, text: &str) {
        let path = self.path(name);
        let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn rename(&self, old: &str, new: &str) {
        fs::rename(self.path(old), self.path(new)).unwrap();
    }

    fn copy_and_truncate(&self, old: &str, new: &str) {
        fs::copy(self.path(old), self.path(new)).unwrap();
        fs::OpenOptions::new().write(true).open(self.path(old)).unwrap().set_len(0).unwrap();
    }

    fn watch(&self, pattern: &str) -> Line {
        self.resume(pattern, Vec::new())
    }

    fn resume(&self, pattern: &str, checkpoints: Vec<Checkpoint>) -> Line {
        self.configure(pattern, checkpoints, |_| ())
    }

    fn configure(
        &self,
        pattern: &str,
        checkpoints: Vec<Checkpoint>,
        change: impl FnOnce(&mut FileConfig),
    ) -> Line {
        let path = self.path(pattern).to_str().unwrap().to_owned();
        let mut file = FileConfig { paths: vec![path], poll_ms: 10, ..FileConfig::default() };
        change(&mut file);
        Line::resume(100, checkpoints, |config| config.file = vec![file])
    }
}

#[test]
fn lines_as_they_are_written() {
    let folder = Folder::new();
    let line = folder.watch("a.log");
    folder.append("a.log", "one\r\ntwo\n\nhal");
    assert_eq!(line.texts(2), ["one", "two"]);
    folder.append("a.log", "f\n");
    assert_eq!(line.texts(1), ["half"]);
    line.until(|status| status.received == 3, "file");
    assert_eq!(line.stop().0, [""; 0]);
}

#[test]
fn old_lines_keep_their_own_time() {
    let folder = Folder::new();
    folder.append("a.log", "old\n");
    let line = folder.watch("a.log");
    let old = line.records(1).remove(0);
    assert!(matches!(old.origin.clock, Clock::File(_)));
    folder.append("a.log", "new\n");
    let new = line.records(1).remove(0);
    assert_eq!(new.origin.clock, Clock::Live);
    assert_eq!(new.origin.path.as_deref(), folder.path("a.log").to_str());
    line.stop();
}

#[test]
fn columns_are_those_named_last_also_after_a_restart() {
    let columns = |line: &Line| {
        let records = line.records(1);
        records[0].origin.columns.as_deref().map(str::to_owned).unwrap_or_default()
    };
    let folder = Folder::new();
    folder.append("a.log", "#Fields: date one\n");
    let line = folder.watch("a.log");
    assert_eq!(columns(&line), "date one");
    folder.append("a.log", "x\n");
    assert_eq!(columns(&line), "date one");
    folder.append("a.log", "#Fields: date two\n");
    assert_eq!(columns(&line), "date two");
    let (_, checkpoints) = line.stop();

    folder.append("a.log", "y\n");
    let line = folder.resume("a.log", checkpoints);
    assert_eq!(columns(&line), "date two");
    // The writer begins anew, and says nothing of columns.
    fs::write(folder.path("a.log"), "z\n").unwrap();
    assert_eq!(columns(&line), "");
    line.stop();
}

#[test]
fn from_the_end_only_at_the_first_start() {
    let folder = Folder::new();
    folder.append("a.log", "old\nhalf an old");
    let at_end = |checkpoints| folder.configure("*.log", checkpoints, |file| file.from = From::End);
    let line = at_end(Vec::new());
    line.until(|status| status.open == 1, "file");
    folder.append("a.log", " line\nnew\n");
    assert_eq!(line.texts(2), ["half an old line", "new"]);
    let (_, checkpoints) = line.stop();

    folder.append("a.log", "while away\n");
    folder.append("b.log", "new file\n");
    let line = at_end(checkpoints);
    assert_eq!(line.texts(2), ["while away", "new file"]);
    line.stop();
}

#[test]
fn renamed_then_created_anew() {
    let folder = Folder::new();
    let line = folder.watch("a.log");
    folder.append("a.log", "one\n");
    assert_eq!(line.texts(1), ["one"]);
    folder.append("a.log", "two\n");
    folder.rename("a.log", "a.log.1");
    // The writer has the old file open still, and puts a last half line there.
    folder.append("a.log.1", "three\nfour");
    folder.append("a.log", "five\n");
    let mut texts = line.texts(4);
    texts.sort();
    assert_eq!(texts, ["five", "four", "three", "two"]);
    line.stop();
}

#[test]
fn renamed_while_we_were_away() {
    let folder = Folder::new();
    let line = folder.watch("a.log");
    folder.append("a.log", "one\n");
    assert_eq!(line.texts(1), ["one"]);
    let (_, checkpoints) = line.stop();
    folder.append("a.log", "two\n");
    folder.rename("a.log", "a.log.1");
    folder.append("a.log", "three\n");
    let line = folder.resume("a.log", checkpoints);
    let mut texts = line.texts(2);
    texts.sort();
    assert_eq!(texts, ["three", "two"]);
    line.stop();
}

#[test]
fn copied_and_truncated() {
    for pattern in ["a.log", "a*"] {
        let folder = Folder::new();
        let line = folder.watch(pattern);
        folder.append("a.log", "one\n");
        assert_eq!(line.texts(1), ["one"]);
        folder.append("a.log", "two\n");
        folder.copy_and_truncate("a.log", "a.log.1");
        folder.append("a.log", "three is longer than what was there before\n");
        let mut texts = line.texts(2);
        texts.sort();
        assert_eq!(texts, ["three is longer than what was there before", "two"]);
        assert_eq!(line.stop().0, [""; 0]);
    }
}

#[test]
fn a_copy_beside_the_log_is_not_read_again() {
    let folder = Folder::new();
    let line = folder.watch("a*");
    folder.append("a.log", "one\n");
    assert_eq!(line.texts(1), ["one"]);
    fs::copy(folder.path("a.log"), folder.path("a.log.bak")).unwrap();
    folder.append("a.log", "two\n");
    folder.append("another.log", "three\n");
    let mut texts = line.texts(2);
    texts.sort();
    assert_eq!(texts, ["three", "two"]);
    assert_eq!(line.stop().0, [""; 0]);
}

#[test]
fn deleted_and_created_anew_with_the_same_inode() {
    let folder = Folder::new();
    let line = folder.watch("a.log");
    folder.append("a.log", "one\n");
    assert_eq!(line.texts(1), ["one"]);
    let (_, checkpoints) = line.stop();
    // Truncated and rewritten: the same inode, other content, and longer.
    fs::write(folder.path("a.log"), "another one\n").unwrap();
    let line = folder.resume("a.log", checkpoints);
    assert_eq!(line.texts(1), ["another one"]);
    fs::remove_file(folder.path("a.log")).unwrap();
    line.until(|status| status.open == 0, "file");
    folder.append("a.log", "one more\n");
    assert_eq!(line.texts(1), ["one more"]);
    line.stop();
}

#[test]
fn a_refused_batch_comes_again() {
    let folder = Folder::new();
    folder.append("a.log", "one\ntwo\n");
    let line = folder.watch("a.log");
    line.answers.lock().unwrap().extend([Refusal::Busy, Refusal::Failed("disk full".to_owned())]);
    assert_eq!(line.texts(2), ["one", "two"]);
    line.until(|it| it.refused == 2 && it.fault.as_deref() == Some("disk full"), "file");
    assert_eq!(line.stop().0, [""; 0]);
}

#[test]
fn links_compressed_files_and_folders() {
    let folder = Folder::new();
    folder.append("real.txt", "one\n");
    folder.append("b.log.gz", "packed\n");
    folder.append("c.log.tmp", "left out\n");
    fs::create_dir(folder.path("d.log")).unwrap();
    std::os::unix::fs::symlink(folder.path("real.txt"), folder.path("a.log")).unwrap();
    std::os::unix::fs::symlink(folder.path("real.txt"), folder.path("e.log")).unwrap();
    std::os::unix::fs::symlink(folder.path("nowhere"), folder.path("f.log")).unwrap();
    let exclude = vec![folder.path("*.tmp").to_str().unwrap().to_owned()];
    let line = folder.configure("*.log*", Vec::new(), |file| file.exclude = exclude);
    assert_eq!(line.texts(1), ["one"]);
    line.until(|status| status.open == 1 && status.errors == 0, "file");
    assert_eq!(line.stop().0, [""; 0]);
}

#[test]
fn told_once_and_tried_again() {
    let folder = Folder::new();
    // A link that leads to itself cannot be read by anybody, not even by root.
    std::os::unix::fs::symlink(folder.path("a.log"), folder.path("a.log")).unwrap();
    let line = folder.configure("a.log", Vec::new(), |_| ());
    line.until(|status| status.errors == 1, "file");
    fs::remove_file(folder.path("a.log")).unwrap();
    folder.append("a.log", "one\n");
    assert_eq!(line.texts(1), ["one"]);
    assert_eq!(line.status("file").errors, 1);
    line.stop();
}

#[test]
fn long_lines_are_cut_and_counted() {
    let folder = Folder::new();
    folder.append("a.log", &"y".repeat(10_000_000));
    folder.append("a.log", "\nnext\n");
    let line = folder.watch("a.log");
    let records = line.records(2);
    assert_eq!(records[0].text.len(), LINE_BYTES_DEFAULT);
    assert_eq!(
        records[0].truncated_bytes,
        10_000_000 - crate::lines::length_of(LINE_BYTES_DEFAULT)
    );
    assert_eq!(&*records[1].text, "next");
    line.stop();
}

#[test]
fn what_a_checkpoint_looks_like() {
    let folder = Folder::new();
    folder.append("a.log", "one\ntw");
    let line = folder.watch("a.log");
    assert_eq!(line.texts(1), ["one"]);
    let (_, checkpoints) = line.stop();
    let shown = checkpoints[0].position.replace(folder.0.path().to_str().unwrap(), "FOLDER");
    check(
        &shown,
        expect![[
            r#"{"path":"FOLDER/a.log","offset":4,"head_bytes":6,"head":"336ff02070e0f71955de12ced2112ba4"}"#
        ]],
    );
}

#[track_caller]
fn check(shown: &str, expect: Expect) {
    expect.assert_eq(shown);
}

/// What happens to a log.
#[derive(Clone, Debug)]
enum Happening {
    Lines(usize),
    HalfLine,
    Rename,
    CopyAndTruncate,
    Restart,
    /// The line refuses so many batches.
    Refuse(usize),
    /// Some lines are waited for.
    CatchUp,
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let one = prop_oneof![
        4 => (1_usize..40).prop_map(Happening::Lines),
        1 => Just(Happening::HalfLine),
        2 => Just(Happening::Rename),
        2 => Just(Happening::CopyAndTruncate),
        2 => Just(Happening::Restart),
        1 => (1_usize..3).prop_map(Happening::Refuse),
        2 => Just(Happening::CatchUp),
    ];
    prop::collection::vec(one, 1..24)
}

/// Writes numbered lines through all that happens, and gives how many, and what came.
fn live_through(happenings: &[Happening]) -> (usize, Vec<String>) {
    let folder = Folder::new();
    let mut line = folder.watch("a.log*");
    let (mut written, mut came) = (0, Vec::new());
    let mut rotated = 0;
    for happening in happenings {
        match happening {
            Happening::Lines(count) => {
                for _ in 0..*count {
                    folder.append("a.log", &format!("line {written}\n"));
                    written += 1;
                }
            }
            Happening::HalfLine => {
                folder.append("a.log", &format!("line {written}"));
                line.take();
                folder.append("a.log", "\n");
                written += 1;
            }
            Happening::Rename if Path::exists(&folder.path("a.log")) => {
                rotated += 1;
                folder.rename("a.log", &format!("a.log.{rotated}"));
            }
            Happening::CopyAndTruncate if Path::exists(&folder.path("a.log")) => {
                rotated += 1;
                folder.copy_and_truncate("a.log", &format!("a.log.{rotated}"));
            }
            Happening::Restart => {
                let (texts, checkpoints) = line.stop();
                came.extend(texts);
                line = folder.resume("a.log*", checkpoints);
            }
            Happening::Refuse(count) => {
                line.answers.lock().unwrap().extend(std::iter::repeat_n(Refusal::Busy, *count));
            }
            Happening::CatchUp => came.extend(line.texts(written - came.len())),
            Happening::Rename | Happening::CopyAndTruncate => {}
        }
    }
    line.answers.lock().unwrap().clear();
    came.extend(line.texts(written - came.len()));
    came.extend(line.stop().0);
    (written, came)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    #[test]
    fn every_line_exactly_once(happenings in happenings()) {
        let (written, mut came) = live_through(&happenings);
        let mut all: Vec<String> = (0..written).map(|number| format!("line {number}")).collect();
        all.sort();
        came.sort();
        prop_assert_eq!(came, all);
    }
}
