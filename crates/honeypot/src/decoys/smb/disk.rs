//! The share's files: a few that lie there, and what an intruder adds in this session.

use std::borrow::Cow;

use crate::held::Held;

/// Files and folders that one session may add.
const NODES_MAX: usize = 64;
/// Bytes that one session may write.
const BYTES_MAX: usize = 4 << 20;
/// Bytes of a path.
const PATH_BYTES_MAX: usize = 520;
/// 100 ns in a day.
const DAY: u64 = 864_000_000_000;

/// A file or folder. Its path is written with backslashes; the root's is empty.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) path: String,
    pub(super) is_folder: bool,
    pub(super) bytes: Cow<'static, [u8]>,
    pub(super) changed: u64,
    /// Written to since it was last told.
    pub(super) is_dirty: bool,
}

/// The share.
#[derive(Debug)]
pub(super) struct Disk {
    nodes: Vec<Node>,
    room: usize,
    held: Held,
}

/// Why something could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Node {
    /// The last part of the path.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('\\').next().unwrap_or_default()
    }
}

impl Disk {
    /// The share as it lies there at `now`.
    pub(super) fn new(now: u64) -> Self {
        let node = |path: &str, is_folder: bool, bytes: &'static str, days: u64| Node {
            path: path.to_owned(),
            is_folder,
            bytes: Cow::Borrowed(bytes.as_bytes()),
            changed: now.saturating_sub(days * DAY + (days * 7_919 % 600) * 600_000_000),
            is_dirty: false,
        };
        let nodes = vec![
            node("", true, "", 3),
            node("Scans", true, "", 40),
            node("Templates", true, "", 212),
            node("readme.txt", false, README, 405),
            node("phone list.csv", false, PHONES, 33),
            node("backup.ps1", false, BACKUP, 97),
            node("Scans\\invoice 2291.txt", false, INVOICE, 40),
            node("Templates\\letter.txt", false, LETTER, 212),
        ];
        Self { nodes, room: BYTES_MAX, held: Held::default() }
    }

    /// The place of what stands at a path, in whatever case.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.path.eq_ignore_ascii_case(path))
    }

    /// What stands at a place.
    pub(super) fn at(&self, place: usize) -> Option<&Node> {
        self.nodes.get(place)
    }

    /// Adds an empty file or folder.
    pub(super) fn add(&mut self, path: &str, is_folder: bool, now: u64) -> Result<usize, Full> {
        if self.nodes.len() >= NODES_MAX || path.len() > PATH_BYTES_MAX {
            return Err(Full);
        }
        self.nodes.push(Node {
            path: path.to_owned(),
            is_folder,
            bytes: Cow::Borrowed(&[]),
            changed: now,
            is_dirty: !is_folder,
        });
        Ok(self.nodes.len() - 1)
    }

    /// Tells whether the folder that a path lies in is there.
    pub(super) fn has_parent(&self, path: &str) -> bool {
        let parent = path.rsplit_once('\\').map_or("", |(parent, _)| parent);
        self.find(parent).and_then(|place| self.at(place)).is_some_and(|node| node.is_folder)
    }

    /// Writes into a file.
    pub(super) fn write(
        &mut self,
        place: usize,
        offset: u64,
        data: &[u8],
        now: u64,
    ) -> Result<(), Full> {
        let offset = usize::try_from(offset).map_err(|_| Full)?;
        let end = offset.checked_add(data.len()).ok_or(Full)?;
        self.resize(place, end, false, now)?;
        let node = self.nodes.get_mut(place).ok_or(Full)?;
        let room = node.bytes.to_mut().get_mut(offset..end).ok_or(Full)?;
        room.copy_from_slice(data);
        Ok(())
    }

    /// Cuts a file to a length, or lengthens it.
    pub(super) fn truncate(&mut self, place: usize, length: u64, now: u64) -> Result<(), Full> {
        self.resize(place, usize::try_from(length).map_err(|_| Full)?, true, now)
    }

    fn resize(
        &mut self,
        place: usize,
        length: usize,
        shortens: bool,
        now: u64,
    ) -> Result<(), Full> {
        let node = self.nodes.get_mut(place).ok_or(Full)?;
        let grows = length.saturating_sub(node.bytes.len());
        let room = self.room.checked_sub(grows).ok_or(Full)?;
        if !self.held.take(grows) {
            return Err(Full);
        }
        self.room = room;
        if grows > 0 || shortens {
            node.bytes.to_mut().resize(length, 0);
        }
        node.is_dirty = true;
        node.changed = now;
        Ok(())
    }

    /// Renames; tells whether there was no such name yet.
    pub(super) fn rename(&mut self, place: usize, path: &str) -> bool {
        if path.len() > PATH_BYTES_MAX || path.is_empty() || self.find(path).is_some() {
            return false;
        }
        let Some(node) = self.nodes.get_mut(place) else { return false };
        path.clone_into(&mut node.path);
        true
    }

    /// Takes something off: it stays in its place without a name, so that other places stay true.
    pub(super) fn remove(&mut self, place: usize) {
        if let Some(node) = self.nodes.get_mut(place) {
            "\0".clone_into(&mut node.path);
            node.bytes = Cow::Borrowed(&[]);
            node.is_dirty = false;
        }
    }

    /// What was written to a file since it was last asked for.
    pub(super) fn written(&mut self, place: usize) -> Option<(String, Vec<u8>)> {
        let node = self.nodes.get_mut(place)?;
        let is_new = std::mem::take(&mut node.is_dirty) && !node.bytes.is_empty();
        is_new.then(|| (node.path.clone(), node.bytes.to_vec()))
    }

    /// The places of all.
    pub(super) fn places(&self) -> std::ops::Range<usize> {
        0..self.nodes.len()
    }

    /// What lies in a folder and fits a pattern.
    pub(super) fn list(&self, folder: &str, pattern: &str) -> Vec<&Node> {
        let lies_in = |node: &&Node| {
            let parent = node.path.rsplit_once('\\').map_or("", |(parent, _)| parent);
            !node.path.is_empty()
                && !node.path.starts_with('\0')
                && parent.eq_ignore_ascii_case(folder)
        };
        self.nodes.iter().filter(lies_in).filter(|node| fits(pattern, node.name())).collect()
    }
}

/// Whether a name fits a pattern with `*` and `?`.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let name: Vec<char> = name.to_lowercase().chars().collect();
    let (mut at, mut of) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while of < name.len() {
        match (pattern.get(at), name.get(of)) {
            (Some('*' | '<'), _) => {
                star = Some((at, of));
                at += 1;
            }
            (Some('?' | '>' | '"'), _) => (at, of) = (at + 1, of + 1),
            (Some(wanted), Some(letter)) if wanted == letter => (at, of) = (at + 1, of + 1),
            _ => {
                let Some((star_at, star_of)) = star else { return false };
                star = Some((star_at, star_of + 1));
                (at, of) = (star_at + 1, star_of + 1);
            }
        }
    }
    pattern.iter().skip(at).all(|letter| matches!(letter, '*' | '<'))
}

const README: &str = "Shared folder of the office. Scans are kept for 90 days.\r\n\
Ask the service desk for access to the other folders.\r\n";
const PHONES: &str = "name;room;extension\r\nReception;0.01;100\r\nService desk;1.14;222\r\n\
Accounting;2.03;310\r\nPurchasing;2.07;318\r\nFacility;0.12;140\r\n";
const BACKUP: &str = "# weekly copy of the share\r\n$from = 'D:\\Shares\\Public'\r\n$to = 'E:\\Backup\\Public'\r\n\
robocopy $from $to /MIR /R:2 /W:5 /LOG:C:\\Logs\\backup.log\r\n";
const INVOICE: &str = "Invoice 2291\r\nPaper, 20 boxes        412.00\r\nToner, 4 pieces        356.80\r\n\
Total                  768.80\r\n";
const LETTER: &str = "Dear Sir or Madam,\r\n\r\n[text]\r\n\r\nYours faithfully\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_a_shell_would_have_them() {
        for (pattern, name, expected) in [
            ("*", "a.txt", true),
            ("*.TXT", "a.txt", true),
            ("a?c*", "abcdef", true),
            ("*b", "abc", false),
            ("", "a", false),
            ("**", "", true),
            ("*a*b*c", "xxaxxbxxc", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_session_writes_so_much_and_no_more() {
        let mut disk = Disk::new(DAY * 1000);
        let place = disk.add("x", false, 1).expect("room");
        assert_eq!(disk.write(place, u64::MAX, b"a", 1), Err(Full));
        assert_eq!(disk.write(place, 1 << 40, b"a", 1), Err(Full));
        disk.write(place, 4, b"ab", 1).expect("room");
        assert_eq!(disk.written(place), Some(("x".to_owned(), b"\0\0\0\0ab".to_vec())));
        assert_eq!(disk.written(place), None);
        assert!(disk.list("", "*").iter().any(|node| node.name() == "x"));
        disk.remove(place);
        assert!(disk.find("x").is_none());
        for number in 0..NODES_MAX * 2 {
            let _ = disk.add(&number.to_string(), false, 1);
        }
        assert_eq!(disk.nodes.len(), NODES_MAX);
    }
}
