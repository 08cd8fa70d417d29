//! What vsftpd answers to a command, and what is to be done on the data connection.

use super::tree::{Content, Node, Tree, resolve};

/// Bounds a command; vsftpd hangs up on longer ones too.
pub(super) const LINE_BYTES_MAX: usize = 4_096;
/// Wrong passwords after which vsftpd hangs up.
const TRIES_MAX: u32 = 3;

/// What is to be done after a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing more than the answer.
    Nothing,
    /// The answer waits for a look at who this is.
    LogIn { user: String, password: String },
    /// Open a port for data; the answer tells it.
    Passive { extended: bool },
    /// Send this, then say what stands in `done`.
    Send { data: Vec<u8>, done: &'static str },
    /// Take a file, then put it there.
    Receive { path: String },
    /// Hang up.
    Close,
}

/// An answer, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) reply: String,
    pub(super) next: Next,
    /// How it went, where the command asked for something that can fail.
    pub(super) worked: bool,
}

/// One control connection.
#[derive(Debug)]
pub(super) struct Machine {
    tree: Tree,
    folder: String,
    user: String,
    /// Whether a name was given and a password may follow.
    named: bool,
    admitted: bool,
    tries: u32,
    binary: bool,
    rename: Option<String>,
    restart: usize,
}

impl Machine {
    pub(super) fn new(tree: Tree) -> Self {
        Self {
            tree,
            folder: "/".to_owned(),
            user: String::new(),
            named: false,
            admitted: false,
            tries: 0,
            binary: false,
            rename: None,
            restart: 0,
        }
    }

    /// Whether somebody logged in without being known.
    fn is_anonymous(&self) -> bool {
        is_anonymous(&self.user)
    }

    /// Answers one line. `passive` tells whether a port for data is open; `now` is in seconds since 1970.
    pub(super) fn answer(&mut self, line: &str, passive: bool, now: u64) -> Turn {
        let (name, words) = line.split_once(' ').unwrap_or((line, ""));
        let name = name.to_ascii_uppercase();
        if let Some(turn) = self.before_login(&name, words) {
            return turn;
        }
        if !self.admitted {
            return refused("530 Please login with USER and PASS.");
        }
        match name.as_str() {
            "PASV" => next(Next::Passive { extended: false }),
            "EPSV" if words.eq_ignore_ascii_case("all") => said("200 EPSV ALL ok."),
            "EPSV" => next(Next::Passive { extended: true }),
            // A decoy never connects out, not even where it is asked to by whom it would reach.
            "PORT" => refused("500 Illegal PORT command."),
            "EPRT" => refused("500 Illegal EPRT command."),
            "LIST" | "NLST" | "RETR" | "STOR" | "STOU" | "APPE" if !passive => {
                refused("425 Use PORT or PASV first.")
            }
            "LIST" | "NLST" => self.list(&name, words, now),
            "RETR" => self.retrieve(words),
            "STOR" | "STOU" | "APPE" => self.store(&name, words, now),
            _ => self.on_files(&name, words, now),
        }
    }

    fn before_login(&mut self, name: &str, words: &str) -> Option<Turn> {
        Some(match name {
            "USER" if self.admitted => refused("530 Can't change to another user."),
            "USER" => {
                self.user = words.chars().take(256).collect();
                self.named = true;
                said("331 Please specify the password.")
            }
            "PASS" if self.admitted => said("230 Already logged in."),
            "PASS" if !self.named => refused("503 Login with USER first."),
            "PASS" => {
                self.named = false;
                let user = self.user.clone();
                next(Next::LogIn { user, password: words.to_owned() })
            }
            "QUIT" => Turn { next: Next::Close, ..said("221 Goodbye.") },
            "FEAT" => said(
                "211-Features:\r\n EPRT\r\n EPSV\r\n MDTM\r\n PASV\r\n REST STREAM\r\n SIZE\r\n TVFS\r\n211 End",
            ),
            "OPTS" if words.eq_ignore_ascii_case("utf8 on") => said("200 Always in UTF8 mode."),
            "OPTS" => refused("501 Option not understood."),
            _ => return None,
        })
    }

    /// What is said after somebody was let in or not.
    pub(super) fn logged_in(&mut self, admitted: bool) -> Turn {
        self.admitted = admitted;
        if admitted {
            return said("230 Login successful.");
        }
        self.tries += 1;
        let close = self.tries >= TRIES_MAX;
        let next = if close { Next::Close } else { Next::Nothing };
        Turn { next, ..refused("530 Login incorrect.") }
    }

    /// What is said when the port for data could not be opened.
    pub(super) fn no_port() -> Turn {
        refused("425 Failed to establish connection.")
    }

    fn on_files(&mut self, name: &str, words: &str, now: u64) -> Turn {
        let path = resolve(&self.folder, words);
        match (name, path) {
            ("SYST", _) => said("215 UNIX Type: L8"),
            ("NOOP", _) => said("200 NOOP ok."),
            ("PWD" | "XPWD", _) => said(format!(
                "257 \"{}\" is the current directory",
                self.folder.replace('"', "\"\"")
            )),
            ("TYPE", _) => match words.to_ascii_uppercase().as_str() {
                "I" | "L8" | "L 8" => {
                    self.binary = true;
                    said("200 Switching to Binary mode.")
                }
                "A" | "A N" => {
                    self.binary = false;
                    said("200 Switching to ASCII mode.")
                }
                _ => refused("500 Unrecognised TYPE command."),
            },
            ("MODE", _) if words.eq_ignore_ascii_case("s") => said("200 Mode set to S."),
            ("STRU", _) if words.eq_ignore_ascii_case("f") => said("200 Structure set to F."),
            ("CWD" | "XCWD", Some(path)) if self.tree.is_folder(&path) => {
                self.folder = path;
                said("250 Directory successfully changed.")
            }
            ("CWD" | "XCWD", _) => refused("550 Failed to change directory."),
            ("CDUP" | "XCUP", _) => {
                super::tree::parent(&self.folder).to_owned().clone_into(&mut self.folder);
                said("250 Directory successfully changed.")
            }
            ("SIZE", Some(path)) => match self.tree.get(&path) {
                Some(node) if node.content != Content::Folder => {
                    said(format!("213 {}", node.bytes))
                }
                _ => refused("550 Could not get file size."),
            },
            ("MDTM", Some(path)) => match self.tree.get(&path) {
                Some(node) => said(format!("213 {}", stamp(node.changed))),
                None => refused("550 Could not get file modification time."),
            },
            ("MKD" | "XMKD" | "RMD" | "XRMD" | "DELE", Some(path)) => self.change(name, &path, now),
            ("RNFR" | "RNTO", path) => self.rename(name, path),
            ("REST", _) => {
                self.restart = words.trim().parse().unwrap_or(0);
                said(format!("350 Restart position accepted ({}).", self.restart))
            }
            ("ALLO", _) => said("202 ALLO command ignored."),
            ("ABOR", _) => said("225 No transfer to ABOR."),
            ("STAT" | "HELP", _) => self.about(name, words, now),
            ("SITE", _) if self.is_anonymous() => refused("550 Permission denied."),
            ("SITE", _) if words.to_ascii_uppercase().starts_with("CHMOD ") => {
                said("200 SITE CHMOD command ok.")
            }
            ("SITE", _) => refused("500 Unknown SITE command."),
            ("ACCT" | "SMNT" | "REIN", _) => refused("502 Command not implemented."),
            _ => refused("500 Unknown command."),
        }
    }

    fn about(&self, name: &str, words: &str, now: u64) -> Turn {
        if name == "HELP" {
            return said(
                "214-The following commands are recognized.\r\n ABOR ACCT ALLO APPE CDUP CWD  DELE EPRT \
                 EPSV FEAT HELP LIST MDTM MKD\r\n MODE NLST NOOP OPTS PASS PASV PORT PWD  QUIT REIN REST \
                 RETR RMD  RNFR\r\n RNTO SITE SIZE SMNT STAT STOR STOU STRU SYST TYPE USER XCUP XCWD \
                 XMKD\r\n XPWD XRMD\r\n214 Help OK.",
            );
        }
        if !words.is_empty() {
            let path = resolve(&self.folder, words).unwrap_or_default();
            let list = self.tree.list(&path, now);
            return said(format!("213-Status follows:\r\n{list}213 End of status"));
        }
        said(format!(
            "211-FTP server status:\r\n     Logged in as {}\r\n     TYPE: {}\r\n     No session \
             bandwidth limit\r\n     Control connection is plain text\r\n     Data connections will be \
             plain text\r\n211 End of status",
            if self.is_anonymous() { "ftp" } else { &self.user },
            if self.binary { "BINARY" } else { "ASCII" }
        ))
    }

    fn list(&self, name: &str, words: &str, now: u64) -> Turn {
        let path = words.split(' ').rfind(|word| !word.is_empty() && !word.starts_with('-'));
        let path = resolve(&self.folder, path.unwrap_or("")).unwrap_or_default();
        let text = if name == "LIST" { self.tree.list(&path, now) } else { self.tree.names(&path) };
        Turn {
            next: Next::Send { data: text.into_bytes(), done: "226 Directory send OK." },
            ..said("150 Here comes the directory listing.")
        }
    }

    fn retrieve(&mut self, words: &str) -> Turn {
        let node = resolve(&self.folder, words).and_then(|path| self.tree.get(&path));
        let held = node.and_then(|node| Some((node.content.bytes()?, node.bytes)));
        let Some((content, bytes)) = held else {
            return refused("550 Failed to open file.");
        };
        let data = content.get(self.restart..).unwrap_or_default().to_vec();
        self.restart = 0;
        let mode = if self.binary { "BINARY" } else { "ASCII" };
        Turn {
            next: Next::Send { data, done: "226 Transfer complete." },
            ..said(format!("150 Opening {mode} mode data connection for {words} ({bytes} bytes)."))
        }
    }

    fn store(&mut self, name: &str, words: &str, now: u64) -> Turn {
        let unique = format!("STOU.{}", now % 100_000);
        let path = match name {
            "STOU" => resolve(&self.folder, &unique),
            _ if words.is_empty() => None,
            _ => resolve(&self.folder, words),
        };
        let fits = |path: &String| {
            !self.tree.is_folder(path) && self.tree.is_folder(super::tree::parent(path))
        };
        match path.filter(fits) {
            Some(path) => {
                let reply = match name {
                    "STOU" => format!("150 FILE: {unique}"),
                    _ => "150 Ok to send data.".to_owned(),
                };
                Turn { next: Next::Receive { path }, ..said(reply) }
            }
            None => refused("553 Could not create file."),
        }
    }

    /// Remembers a file that was taken, without its content: that lies in quarantine.
    pub(super) fn stored(&mut self, path: &str, bytes: u64, now: u64) {
        let node =
            Node { content: Content::Taken, changed: now, bytes, added: true, owner: self.owner() };
        // Past the bound it is taken all the same, and not shown.
        self.tree.add(path, node);
    }

    fn owner(&self) -> u32 {
        if self.is_anonymous() { 112 } else { 1000 }
    }

    fn change(&mut self, name: &str, path: &str, now: u64) -> Turn {
        match name {
            "MKD" | "XMKD" => {
                let node = Node {
                    content: Content::Folder,
                    changed: now,
                    bytes: 4096,
                    added: true,
                    owner: self.owner(),
                };
                if self.tree.get(path).is_none() && self.tree.add(path, node) {
                    said(format!("257 \"{}\" created", path.replace('"', "\"\"")))
                } else {
                    refused("550 Create directory operation failed.")
                }
            }
            "DELE" => match self.tree.remove(path) {
                Some(_) => said("250 Delete operation successful."),
                None => refused("550 Delete operation failed."),
            },
            _ => match self.tree.remove(path) {
                Some(_) => said("250 Remove directory operation successful."),
                None => refused("550 Remove directory operation failed."),
            },
        }
    }

    fn rename(&mut self, name: &str, path: Option<String>) -> Turn {
        if name == "RNFR" {
            self.rename = path.filter(|path| self.tree.get(path).is_some());
            return match &self.rename {
                Some(_) => said("350 Ready for RNTO."),
                None => refused("550 RNFR command failed."),
            };
        }
        let Some(from) = self.rename.take() else { return refused("503 RNFR required first.") };
        let Some((path, node)) = path.zip(self.tree.remove(&from)) else {
            return refused("550 Rename failed.");
        };
        if self.tree.add(&path, node.clone()) {
            return said("250 Rename successful.");
        }
        self.tree.add(&from, node);
        refused("550 Rename failed.")
    }
}

/// Whether a name is one of those that need no password.
pub(super) fn is_anonymous(user: &str) -> bool {
    user.eq_ignore_ascii_case("anonymous") || user.eq_ignore_ascii_case("ftp")
}

fn said(reply: impl Into<String>) -> Turn {
    Turn { reply: format!("{}\r\n", reply.into()), next: Next::Nothing, worked: true }
}

fn refused(reply: &str) -> Turn {
    Turn { worked: false, ..said(reply) }
}

fn next(next: Next) -> Turn {
    Turn { reply: String::new(), next, worked: true }
}

/// `20240301120000`.
fn stamp(seconds: u64) -> String {
    let (year, month, day) = super::super::shared::clock::civil(seconds / 86_400);
    let time = seconds % 86_400;
    format!("{year}{month:02}{day:02}{:02}{:02}{:02}", time / 3600, time / 60 % 60, time % 60)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn machine() -> Machine {
        let mut tree = Tree::new(1_700_000_000);
        tree.folder("/pub", 1_700_000_000, 0);
        tree.file("/pub/readme.txt", Content::Text("hello\n".to_owned()), 1_795_000_000, 1000);
        Machine::new(tree)
    }

    #[track_caller]
    fn check(lines: &[&str], expected: Expect) {
        let mut machine = machine();
        let mut told = String::new();
        for line in lines {
            let mut turn = machine.answer(line, true, 1_795_244_280);
            if let Next::LogIn { password, .. } = &turn.next {
                let admitted = machine.is_anonymous() || password == "right";
                turn = machine.logged_in(admitted);
            }
            told.push_str(&turn.reply.replace('\r', ""));
            if turn.next != Next::Nothing {
                let _ = writeln!(told, "{:?}", turn.next);
            }
        }
        expected.assert_eq(&told);
    }

    #[test]
    fn nothing_without_a_login_and_the_end_after_three() {
        let tries = ["SYST", "PASS x", "USER a", "PASS x", "USER a", "PASS x", "USER a", "PASS x"];
        check(
            &tries,
            expect![[r"
                530 Please login with USER and PASS.
                503 Login with USER first.
                331 Please specify the password.
                530 Login incorrect.
                331 Please specify the password.
                530 Login incorrect.
                331 Please specify the password.
                530 Login incorrect.
                Close
            "]],
        );
    }

    #[test]
    fn files_are_fetched_and_sent() {
        check(
            &[
                "USER anonymous",
                "PASS a@b",
                "PWD",
                "CWD pub",
                "SIZE readme.txt",
                "MDTM readme.txt",
                "TYPE I",
                "REST 2",
                "RETR readme.txt",
                "RETR none",
                "STOR ../x.php",
                "STOR /none/x",
                "PORT 127,0,0,1,1,1",
                "NLST",
                "nonsense",
            ],
            expect![[r#"
                331 Please specify the password.
                230 Login successful.
                257 "/" is the current directory
                250 Directory successfully changed.
                213 6
                213 20261118110640
                200 Switching to Binary mode.
                350 Restart position accepted (2).
                150 Opening BINARY mode data connection for readme.txt (6 bytes).
                Send { data: [108, 108, 111, 10], done: "226 Transfer complete." }
                550 Failed to open file.
                150 Ok to send data.
                Receive { path: "/x.php" }
                553 Could not create file.
                500 Illegal PORT command.
                150 Here comes the directory listing.
                Send { data: [114, 101, 97, 100, 109, 101, 46, 116, 120, 116, 13, 10], done: "226 Directory send OK." }
                500 Unknown command.
            "#]],
        );
    }

    proptest! {
        #[test]
        fn any_line_has_one_answer(lines in prop::collection::vec("(USER ftp|PASS x|(RNFR|RNTO|CWD|MKD|RMD|DELE|STOR|STAT|LIST|SITE|REST) [a-z./ -]{0,9}|.{0,20})", 1..30)) {
            let mut machine = machine();
            for line in lines {
                let mut turn = machine.answer(&line, true, 1_795_244_280);
                match &turn.next {
                    Next::LogIn { .. } => turn = machine.logged_in(true),
                    Next::Receive { path } => machine.stored(&path.clone(), 3, 1),
                    _ => {}
                }
                let passive = matches!(turn.next, Next::Passive { .. });
                prop_assert!(passive || turn.reply.ends_with("\r\n"), "{line}: {turn:?}");
                prop_assert!(machine.folder.starts_with('/'));
            }
        }
    }
}
