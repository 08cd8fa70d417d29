//! The files that FTP shows: made up once for an installation, with room for what a visitor sends.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Bounds the files and folders that one visitor may add.
const ADDED_MAX: usize = 64;
/// Bounds a path.
const PATH_BYTES_MAX: usize = 512;

/// What a node holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// It is a folder.
    Folder,
    /// A file with this in it.
    Text(String),
    /// What looks like an archive of so many bytes, made of a number when it is fetched.
    Archive { seed: u64, bytes: usize },
    /// A file that went into quarantine.
    Taken,
}

/// A file or a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) content: Content,
    /// When it was changed, in seconds since 1970.
    pub(super) changed: u64,
    /// How long a file is; longer than its content where that went into quarantine.
    pub(super) bytes: u64,
    /// Whether the visitor made it.
    pub(super) added: bool,
    /// Who owns it: a number, as vsftpd tells of accounts it may not look up.
    pub(super) owner: u32,
}

/// All files by their whole path; `/` is there always.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    nodes: BTreeMap<String, Node>,
}

impl Tree {
    pub(super) fn new(changed: u64) -> Self {
        let mut tree = Self { nodes: BTreeMap::new() };
        tree.nodes.insert("/".to_owned(), folder(changed, 0));
        tree
    }

    /// Adds a file of the installation.
    pub(super) fn file(&mut self, path: &str, content: Content, changed: u64, owner: u32) {
        let bytes = match &content {
            Content::Text(text) => text.len(),
            Content::Archive { bytes, .. } => *bytes,
            Content::Folder | Content::Taken => 0,
        };
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let node = Node { content, changed, bytes, added: false, owner };
        self.nodes.insert(path.to_owned(), node);
    }

    /// Adds a folder of the installation.
    pub(super) fn folder(&mut self, path: &str, changed: u64, owner: u32) {
        self.nodes.insert(path.to_owned(), folder(changed, owner));
    }

    pub(super) fn get(&self, path: &str) -> Option<&Node> {
        self.nodes.get(path)
    }

    pub(super) fn is_folder(&self, path: &str) -> bool {
        self.get(path).is_some_and(|node| node.content == Content::Folder)
    }

    /// Adds what a visitor made; false where he made enough, or its folder is not there.
    pub(super) fn add(&mut self, path: &str, node: Node) -> bool {
        let added = self.nodes.values().filter(|node| node.added).count();
        if added >= ADDED_MAX || !self.is_folder(parent(path)) || self.is_folder(path) {
            return false;
        }
        self.nodes.insert(path.to_owned(), node);
        true
    }

    /// Takes away a file or an empty folder that the visitor made; others seem not to be his.
    pub(super) fn remove(&mut self, path: &str) -> Option<Node> {
        let is_his = self.get(path).is_some_and(|node| node.added);
        let is_empty = self.children(path).next().is_none();
        if is_his && is_empty { self.nodes.remove(path) } else { None }
    }

    /// What lies in a folder, with its name.
    pub(super) fn children<'a>(
        &'a self,
        path: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a Node)> {
        self.nodes.iter().filter_map(move |(held, node)| {
            let name = held.rsplit('/').next().filter(|name| !name.is_empty())?;
            (parent(held) == path).then_some((name, node))
        })
    }

    /// What `LIST` shows of a folder or a file.
    pub(super) fn list(&self, path: &str, now: u64) -> String {
        let mut text = String::new();
        match self.get(path) {
            Some(node) if node.content != Content::Folder => {
                line(&mut text, path.rsplit('/').next().unwrap_or(path), node, now);
            }
            _ => self.children(path).for_each(|(name, node)| line(&mut text, name, node, now)),
        }
        text
    }

    /// What `NLST` shows.
    pub(super) fn names(&self, path: &str) -> String {
        self.children(path).fold(String::new(), |text, (name, _)| text + name + "\r\n")
    }
}

impl Content {
    /// The bytes of a file; a folder has none.
    pub(super) fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Folder => None,
            Self::Text(text) => Some(text.clone().into_bytes()),
            Self::Archive { seed, bytes } => Some(archive(*seed, *bytes)),
            Self::Taken => Some(Vec::new()),
        }
    }
}

/// What looks like a compressed archive that broke off: its first bytes, then noise that stays the same.
fn archive(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    let mut state = seed;
    while bytes.len() < length {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend(state.to_be_bytes().iter().take(4));
    }
    bytes.truncate(length);
    bytes
}

fn folder(changed: u64, owner: u32) -> Node {
    Node { content: Content::Folder, changed, bytes: 4096, added: false, owner }
}

fn line(text: &mut String, name: &str, node: &Node, now: u64) {
    let (mode, links) =
        if node.content == Content::Folder { ("drwxr-xr-x", 2) } else { ("-rw-r--r--", 1) };
    let when = when(node.changed, now);
    let owner = node.owner;
    let _ =
        write!(text, "{mode}    {links} {owner:<8} {owner:<8} {:>8} {when} {name}\r\n", node.bytes);
}

/// `Mar 01 12:00`, or `Mar 01  2024` where it is long ago.
fn when(changed: u64, now: u64) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day) = super::super::shared::clock::civil(changed / 86_400);
    let month = usize::try_from(month).ok().and_then(|month| MONTHS.get(month.checked_sub(1)?));
    let month = month.copied().unwrap_or("Jan");
    if now.saturating_sub(changed) < 182 * 86_400 {
        format!("{month} {day:02} {:02}:{:02}", changed / 3600 % 24, changed / 60 % 60)
    } else {
        format!("{month} {day:02}  {year}")
    }
}

/// The folder that a path lies in.
pub(super) fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((parent, _)) => parent,
    }
}

/// The whole path that a name means in a folder; nothing where it is too long. It never leaves the root.
pub(super) fn resolve(folder: &str, name: &str) -> Option<String> {
    if name.len() + folder.len() > PATH_BYTES_MAX || name.contains('\0') {
        return None;
    }
    let whole = if name.starts_with('/') { name.to_owned() } else { format!("{folder}/{name}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    Some(format!("/{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    fn tree() -> Tree {
        let mut tree = Tree::new(1_700_000_000);
        tree.folder("/pub", 1_700_000_000, 0);
        tree.file("/pub/readme.txt", Content::Text("hello\n".to_owned()), 1_795_000_000, 1000);
        tree
    }

    #[test]
    fn a_folder_as_vsftpd_lists_it() {
        expect![[r"
            drwxr-xr-x    2 0        0            4096 Nov 14  2023 pub
        "]]
        .assert_eq(&tree().list("/", 1_795_244_280).replace('\r', ""));
        expect![[r"
            -rw-r--r--    1 1000     1000            6 Nov 18 11:06 readme.txt
        "]]
        .assert_eq(&tree().list("/pub", 1_795_244_280).replace('\r', ""));
        assert_eq!(tree().names("/pub"), "readme.txt\r\n");
    }

    #[test]
    fn a_visitor_adds_and_removes_his_own_within_bounds() {
        let mut tree = tree();
        let node = Node { added: true, ..folder(0, 0) };
        assert!(!tree.add("/none/x", node.clone()));
        assert!(!tree.add("/pub", node.clone()));
        assert_eq!(tree.remove("/pub/readme.txt"), None);
        for number in 0..ADDED_MAX {
            assert!(tree.add(&format!("/pub/{number}"), node.clone()));
        }
        assert!(!tree.add("/pub/more", node.clone()));
        assert!(tree.remove("/pub/0").is_some() && tree.add("/pub/more", node));
    }

    proptest! {
        #[test]
        fn no_name_leads_out(folder in "(/|/pub|/a/b)", name in "[a./]{0,20}") {
            let path = resolve(&folder, &name).unwrap();
            prop_assert!(path.starts_with('/'));
            prop_assert!(!path.split('/').any(|part| part == ".."));
            prop_assert!(path == "/" || !path.ends_with('/'));
        }
    }
}
