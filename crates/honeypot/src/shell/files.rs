//! The files of a session: the machine's own, shared by all, and what this session changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Timestamp;

use super::tree::Tree;
use crate::held::Held;

/// Bounds what one session may change, in files and in bytes.
const CHANGES_MAX: usize = 512;
const CHANGED_BYTES_MAX: usize = 2 << 20;
/// Bounds how many links one path may pass.
const LINKS_MAX: u32 = 16;
const PATH_BYTES_MAX: usize = 1024;

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A folder.
    Folder,
    /// A file with these bytes.
    Bytes(Arc<[u8]>),
    /// A program of so many bytes, which are made up when they are read.
    Program(u64),
    /// A link.
    Link(String),
    /// A device.
    Device,
    /// Something that changes with time, named by its path.
    Live,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) content: Content,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) at: Timestamp,
}

impl Node {
    pub(crate) fn size(&self) -> u64 {
        match &self.content {
            Content::Folder => 4096,
            Content::Bytes(bytes) => u64::try_from(bytes.len()).unwrap_or_default(),
            Content::Program(size) => *size,
            Content::Link(to) => u64::try_from(to.len()).unwrap_or_default(),
            Content::Device | Content::Live => 0,
        }
    }

    pub(crate) fn is_folder(&self) -> bool {
        self.content == Content::Folder
    }

    /// Tells whether a user may do what the bit says: 4 read, 2 write, 1 enter or run.
    pub(crate) fn lets(&self, uid: u32, bit: u32) -> bool {
        uid == 0
            || (self.mode
                >> if self.uid == uid {
                    6
                } else if self.gid == uid {
                    3
                } else {
                    0
                })
                & bit
                != 0
    }
}

/// Why something cannot be done with a file, as programs tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("No such file or directory")]
    Absent,
    #[error("Permission denied")]
    Denied,
    #[error("Is a directory")]
    Folder,
    #[error("Not a directory")]
    NoFolder,
    #[error("File exists")]
    Exists,
    #[error("Directory not empty")]
    Full,
    #[error("No space left on device")]
    NoSpace,
}

/// The files of a session.
#[derive(Debug)]
pub(crate) struct Files {
    tree: Arc<Tree>,
    changes: BTreeMap<String, Option<Node>>,
    bytes: usize,
    /// How long files were when they were told that grow piece by piece.
    told: BTreeMap<String, usize>,
    held: Held,
    now: Timestamp,
}

impl Files {
    pub(crate) fn new(tree: Arc<Tree>, now: Timestamp) -> Self {
        Self {
            tree,
            changes: BTreeMap::new(),
            bytes: 0,
            told: BTreeMap::new(),
            held: Held::default(),
            now,
        }
    }

    pub(crate) fn at(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Gives whoever logs in a folder.
    pub(crate) fn log_in(&mut self, _user: &str, uid: u32, home: &str, made: Timestamp) {
        if self.node(home).is_none() {
            let content = Content::Folder;
            let node = Node { content, mode: 0o755, uid, gid: uid, at: made };
            self.changes.insert(home.to_owned(), Some(node));
        }
    }

    fn node(&self, path: &str) -> Option<&Node> {
        match self.changes.get(path) {
            Some(change) => change.as_ref(),
            None => self.tree.get(path),
        }
    }

    /// Gives the whole path without `.`, `..` and links; the last name's own link is kept where
    /// `follow` is [`Follow::Parents`].
    pub(crate) fn resolve(&self, cwd: &str, path: &str, follow: Follow) -> String {
        let mut todo: Vec<String> = Vec::new();
        let mut push = |text: &str| {
            todo.extend(text.split('/').rev().filter(|name| !name.is_empty()).map(str::to_owned));
        };
        push(path.get(..path.floor_char_boundary(PATH_BYTES_MAX)).unwrap_or_default());
        if !path.starts_with('/') {
            push(cwd);
        }
        let (mut whole, mut links) = (String::new(), 0);
        while let Some(name) = todo.pop() {
            match name.as_str() {
                "." => {}
                ".." => whole.truncate(whole.rfind('/').unwrap_or(0)),
                name => {
                    let parent = whole.len();
                    whole.push('/');
                    whole.push_str(name);
                    let is_last = todo.is_empty();
                    let keeps = is_last && follow == Follow::Parents;
                    let link = self.node(&whole).and_then(|node| match &node.content {
                        Content::Link(to) if !keeps && links < LINKS_MAX => Some(to.clone()),
                        _ => None,
                    });
                    if let Some(to) = link {
                        links += 1;
                        whole.truncate(if to.starts_with('/') { 0 } else { parent });
                        let names = to.split('/').rev().filter(|name| !name.is_empty());
                        todo.extend(names.map(str::to_owned));
                    }
                }
            }
        }
        if whole.is_empty() { "/".to_owned() } else { whole }
    }

    /// Gives a file by its whole path.
    pub(crate) fn get(&self, path: &str) -> Option<&Node> {
        self.node(path)
    }

    /// Tells whether a user may look into every folder on the way.
    pub(crate) fn reachable(&self, path: &str, uid: u32) -> bool {
        path.match_indices('/').skip(1).all(|(at, _)| {
            let above = path.get(..at).and_then(|above| self.node(above));
            above.is_none_or(|node| node.lets(uid, 1))
        })
    }

    /// Gives what lies in a folder, by name.
    pub(crate) fn list(&self, folder: &str) -> Vec<(String, Node)> {
        let prefix = if folder == "/" { "/".to_owned() } else { format!("{folder}/") };
        let mut found = BTreeMap::new();
        let own = |path: &str| {
            let name = path.strip_prefix(&prefix)?;
            (!name.is_empty() && !name.contains('/')).then(|| name.to_owned())
        };
        for (path, node) in self.tree.below(&prefix) {
            if let Some(name) = own(path) {
                found.insert(name, Some(node.clone()));
            }
        }
        let changed = self.changes.range(prefix.clone()..);
        for (path, node) in changed.take_while(|(path, _)| path.starts_with(&prefix)) {
            if let Some(name) = own(path) {
                found.insert(name, node.clone());
            }
        }
        found.into_iter().filter_map(|(name, node)| Some((name, node?))).collect()
    }

    fn change(&mut self, path: &str, node: Option<Node>) -> Result<(), Refusal> {
        let size = |node: Option<&Node>| match node.map(|node| &node.content) {
            Some(Content::Bytes(bytes)) => bytes.len(),
            _ => 0,
        };
        let before = size(self.changes.get(path).and_then(Option::as_ref));
        let bytes = self.bytes.saturating_sub(before).saturating_add(size(node.as_ref()));
        let is_new = !self.changes.contains_key(path);
        if bytes > CHANGED_BYTES_MAX || (is_new && self.changes.len() >= CHANGES_MAX) {
            return Err(Refusal::NoSpace);
        }
        if !self.held.set(bytes) {
            return Err(Refusal::NoSpace);
        }
        self.bytes = bytes;
        self.changes.insert(path.to_owned(), node);
        Ok(())
    }

    /// Tells whether a file is twice as long as when it was told last.
    pub(super) fn doubled(&self, path: &str, bytes: usize) -> bool {
        self.told.get(path).is_none_or(|told| bytes >= told.saturating_mul(2))
    }

    /// Tells whether a file is longer than when it was told.
    pub(super) fn grew(&self, path: &str, bytes: usize) -> bool {
        self.told.get(path).is_some_and(|told| bytes > *told)
    }

    /// Remembers that a file was told.
    pub(super) fn told(&mut self, path: &str, bytes: usize) {
        if self.told.len() < CHANGES_MAX || self.told.contains_key(path) {
            self.told.insert(path.to_owned(), bytes);
        }
    }

    fn may_change(&self, path: &str, uid: u32) -> Result<(), Refusal> {
        let parent = parent(path);
        let above = self.node(parent).ok_or(Refusal::Absent)?;
        if !above.is_folder() {
            return Err(Refusal::NoFolder);
        }
        let is_proc = path.starts_with("/proc/") || path.starts_with("/sys/");
        if is_proc || !self.reachable(path, uid) || !above.lets(uid, 2) {
            return Err(Refusal::Denied);
        }
        Ok(())
    }

    /// Writes a whole file.
    pub(crate) fn write(&mut self, path: &str, bytes: Vec<u8>, uid: u32) -> Result<(), Refusal> {
        let old = self.node(path).cloned();
        match &old {
            Some(node) if node.is_folder() => return Err(Refusal::Folder),
            Some(node) if node.content == Content::Device => return Ok(()),
            Some(node) if !node.lets(uid, 2) => return Err(Refusal::Denied),
            Some(_) if self.reachable(path, uid) => {}
            _ => self.may_change(path, uid)?,
        }
        let content = Content::Bytes(bytes.into());
        let node = match old {
            Some(node) => Node { content, at: self.now, ..node },
            None => Node { content, mode: 0o644, uid, gid: uid, at: self.now },
        };
        self.change(path, Some(node))
    }

    /// Makes a folder.
    pub(crate) fn make_folder(&mut self, path: &str, uid: u32) -> Result<(), Refusal> {
        if self.node(path).is_some() {
            return Err(Refusal::Exists);
        }
        self.may_change(path, uid)?;
        let content = Content::Folder;
        let node = Node { content, mode: 0o755, uid, gid: uid, at: self.now };
        self.change(path, Some(node))
    }

    /// Takes a file away, or a folder; one that is not empty only where `how` says so.
    pub(crate) fn remove(&mut self, path: &str, uid: u32, how: Remove) -> Result<(), Refusal> {
        let node = self.node(path).ok_or(Refusal::Absent)?;
        if node.is_folder() && how == Remove::File {
            return Err(Refusal::Folder);
        }
        self.may_change(path, uid)?;
        let inside = self.list(path);
        if !inside.is_empty() && how == Remove::EmptyFolder {
            return Err(Refusal::Full);
        }
        // What lies below a folder that is gone cannot be reached: listing goes by folders.
        for (name, _) in inside {
            self.change(&format!("{path}/{name}"), None)?;
        }
        self.change(path, None)
    }

    /// Changes the mode.
    pub(crate) fn set_mode(&mut self, path: &str, mode: u32, uid: u32) -> Result<(), Refusal> {
        let node = self.node(path).ok_or(Refusal::Absent)?;
        if uid != 0 && node.uid != uid {
            return Err(Refusal::Denied);
        }
        let node = Node { mode, ..node.clone() };
        self.change(path, Some(node))
    }

    /// Puts a copy of a file elsewhere.
    pub(crate) fn copy(&mut self, from: &str, to: &str, uid: u32) -> Result<(), Refusal> {
        let node = self.node(from).ok_or(Refusal::Absent)?.clone();
        if !node.lets(uid, 4) {
            return Err(Refusal::Denied);
        }
        self.may_change(to, uid)?;
        self.change(to, Some(Node { uid, gid: uid, at: self.now, ..node }))
    }
}

/// Whether the last name's own link is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follow {
    All,
    Parents,
}

/// How much is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remove {
    File,
    EmptyFolder,
    All,
}

/// Gives the folder that a whole path lies in.
pub(crate) fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(at) => path.get(..at).unwrap_or("/"),
    }
}
