//! SCP in its old form: files that come go into quarantine, files that are asked for are made up.
//!
//! ```text
//! C0644 1234 name\n  … 1234 bytes … \0        each answered with \0
//! ```

use crate::session::{Fields, Upload, Visit};
use crate::shell::{Follow, Shell};

/// Bounds a line of the protocol.
const LINE_BYTES_MAX: usize = 2048;
/// How much of a file the shell shows afterwards.
const SHOWN_BYTES_MAX: usize = 256 * 1024;

/// A transfer.
pub(super) struct Scp {
    visit: Visit,
    shell: Shell,
    place: String,
    state: State,
}

enum State {
    /// A line is read.
    Line(Vec<u8>),
    /// A file is read, of which so many bytes are missing.
    File { missing: u64, upload: Option<Box<Upload>>, name: String, shown: Vec<u8> },
    /// What is sent when the peer is ready, last first.
    Sending(Vec<Vec<u8>>),
}

impl Scp {
    /// Gives the transfer that a command asks for, and what is said first.
    pub(super) fn of(text: &str, visit: Visit, mut shell: Shell) -> Option<(Self, Vec<u8>)> {
        let mut words = text.split_whitespace();
        let is_scp = words.next()?.rsplit('/').next() == Some("scp");
        let options: Vec<&str> = words.clone().filter(|word| word.starts_with('-')).collect();
        let place =
            words.rfind(|word| !word.starts_with('-'))?.trim_matches(['\'', '"']).to_owned();
        let has = |letter| options.iter().any(|option| option.contains(letter));
        if !is_scp {
            return None;
        }
        if has('t') {
            return Some((Self { visit, shell, place, state: State::Line(Vec::new()) }, vec![0]));
        }
        if !has('f') {
            return None;
        }
        let bytes = shell.bytes_of(&place);
        let steps = match bytes {
            Some(mut bytes) => {
                let name = place.rsplit('/').next().unwrap_or(&place);
                let head = format!("C0644 {} {name}\n", bytes.len()).into_bytes();
                bytes.push(0);
                vec![bytes, head]
            }
            None => vec![format!("\x01scp: {place}: No such file or directory\n").into_bytes()],
        };
        Some((Self { visit, shell, place, state: State::Sending(steps) }, Vec::new()))
    }

    /// Takes what came; gives the answer, and the status where it ends.
    pub(super) async fn data(&mut self, mut data: &[u8]) -> (Vec<u8>, Option<u8>) {
        let mut answer = Vec::new();
        while !data.is_empty() {
            match &mut self.state {
                State::Sending(steps) => {
                    // Each byte that comes says that the peer is ready.
                    data = &[];
                    match steps.pop() {
                        Some(step) => answer.extend_from_slice(&step),
                        None => return (answer, Some(0)),
                    }
                }
                State::Line(line) => {
                    let end = memchr::memchr(b'\n', data);
                    let taken = end.map_or(data.len(), |end| end + 1);
                    let (piece, rest) = data.split_at(taken);
                    data = rest;
                    line.extend_from_slice(piece);
                    if line.len() > LINE_BYTES_MAX {
                        return (b"\x02scp: protocol error\n".to_vec(), Some(1));
                    }
                    if end.is_some() {
                        let line = std::mem::take(line);
                        answer.extend_from_slice(&self.line(&line));
                    }
                }
                State::File { missing, upload, shown, .. } => {
                    let taken = usize::try_from(*missing).unwrap_or(usize::MAX).min(data.len());
                    let (piece, rest) = data.split_at(taken);
                    data = rest;
                    *missing -= u64::try_from(taken).unwrap_or_default();
                    if let Some(upload) = upload {
                        upload.push(piece);
                    }
                    let room = SHOWN_BYTES_MAX.saturating_sub(shown.len());
                    shown.extend_from_slice(piece.get(..room).unwrap_or(piece));
                    // The file's end is marked with a zero.
                    if *missing == 0 && !data.is_empty() {
                        data = data.get(1..).unwrap_or_default();
                        self.file_ended().await;
                        answer.push(0);
                    }
                }
            }
        }
        (answer, None)
    }

    fn line(&mut self, line: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(line).trim_end().to_owned();
        match text.bytes().next() {
            Some(b'C') => {
                let mut words = text.splitn(3, ' ');
                let size = words.nth(1).and_then(|size| size.parse().ok());
                let name = words.next().map(str::to_owned);
                let (Some(missing), Some(name)) = (size, name) else {
                    return b"\x01scp: protocol error: bad mode\n".to_vec();
                };
                let upload = self.visit.begin_upload(name.as_bytes()).map(Box::new);
                self.state = State::File { missing, upload, name, shown: Vec::new() };
                vec![0]
            }
            Some(b'T' | b'D' | b'E') => vec![0],
            _ => b"\x01scp: protocol error\n".to_vec(),
        }
    }

    async fn file_ended(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Line(Vec::new()));
        let State::File { upload, name, shown, .. } = state else { return };
        if let Some(upload) = upload {
            upload.finish(Fields::new().with("bartizan.decoy.method", "scp")).await;
        }
        let (home, uid) = (self.shell.home().to_owned(), self.shell.uid());
        let files = self.shell.files_mut();
        let place = files.resolve(&home, &self.place, Follow::All);
        let is_folder = files.get(&place).is_some_and(crate::shell::Node::is_folder);
        let place = if is_folder { format!("{place}/{name}") } else { place };
        let _ = files.write(&place, shown, uid);
    }

    /// The peer is gone; gives the status.
    pub(super) async fn left(mut self) -> u8 {
        if matches!(self.state, State::File { .. }) {
            self.file_ended().await;
        }
        0
    }
}
