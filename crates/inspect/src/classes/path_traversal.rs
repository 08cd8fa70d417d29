//! Path traversal and local file inclusion: a path that leaves its root, or names a file of the
//! system.
//!
//! `../` alone is no crime: pages link to their neighbours so. It takes more steps up than down, a
//! file that no page serves, or a stream wrapper.

use super::shared::{find, from, prose_words, starts_at, word_begins};
use super::{ClassRow, Evidence, View};
use crate::Class;
use crate::bytes::BACKSLASH;
use crate::parts::Kind;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::PathTraversal,
    summary: "a path that leaves its root, or names a file of the system",
    literals: &[
        "../",
        "..\\",
        "/..",
        "\\..",
        "..;",
        "etc/",
        "passwd",
        "boot.ini",
        "win.ini",
        "web-inf",
        "proc/",
        ".ht",
        "system32",
        "winnt",
        ".ssh",
        ".git/",
        ".env",
        "php:",
        "file:",
        "expect:",
        "zip:",
        "phar:",
        "glob:",
        "data://",
        "var/log",
        "web.config",
        "system.ini",
        "c:/",
        "c:\\",
        "windows/",
        "windows\\",
        "0x2e",
        "0x2f",
        "0x5c",
        "inetpub",
        "global.asa",
        "/...",
        "ntuser",
        "id_rsa",
    ],
    kinds: 0,
    path_kinds: BACKSLASH,
    header_kinds: 0,
    deaf: &[Kind::Agent],
    confirm,
};

/// Files that a page has no business with, slashes forward.
const FILES: &[&[u8]] = &[
    b"etc/passwd",
    b"etc/shadow",
    b"etc/group",
    b"etc/hosts",
    b"etc/issue",
    b"etc/motd",
    b"etc/fstab",
    b"etc/sudoers",
    b"etc/crontab",
    b"etc/ssh",
    b"etc/apache",
    b"etc/nginx",
    b"etc/mysql",
    b"etc/httpd",
    b"etc/resolv.conf",
    b"etc/environment",
    b"boot.ini",
    b"win.ini",
    b"system.ini",
    b"web-inf",
    b"meta-inf/",
    b"proc/self",
    b"proc/version",
    b"proc/cpuinfo",
    b"proc/cmdline",
    b".htaccess",
    b".htpasswd",
    b"system32/",
    b"winnt/",
    b".ssh/",
    b"id_rsa",
    b".git/",
    b".svn/entries",
    b".env",
    b"var/log/",
    b"web.config",
    b"ntuser.dat",
    b"autoexec.bat",
    b".bash_history",
    b"php.ini",
    b"my.cnf",
    b"global.asa",
    b"inetpub",
    b"apache/logs",
    b"windows/win",
    b"windows/repair",
    b"wp-config.php",
    b".aws/credentials",
    b"etc/php",
    b"etc/init",
    b"etc/rc",
    b"etc/security",
    b"etc/default",
    b"usr/local/",
    b"windows/system",
];

const WRAPPERS: &[&[u8]] = &[
    b"php://",
    b"file:/",
    b"expect://",
    b"zip://",
    b"phar://",
    b"glob://",
    b"data://text",
    b"ogg://",
    b"compress.zlib://",
];

/// Steps up that a value may hold before it counts as a climb.
const STEPS_MIN: usize = 2;

fn confirm(view: &View<'_>) -> Option<Evidence> {
    let text = slashed(view.lower);
    let file = file(&text);
    let climb = climb(&text);
    let start = climb.map_or_else(|| file.unwrap_or(0), |climb| climb.start);
    let prose = prose_words(&text, start) >= 2;
    let path = view.kind == Kind::Path;
    let mut score: f64 = match (climb, file) {
        (Some(_), Some(_)) => 0.95,
        (Some(climb), None) if path && climb.below_root > 0 => 0.85,
        (Some(climb), None) if climb.below_root >= STEPS_MIN => 0.75,
        (Some(_), None) if text.starts_with(b"/..") || text.starts_with(b"//..") => 0.6,
        (None, Some(at)) if path => named_by_path(&text, at),
        (None, Some(at)) if absolute(&text, at) => 0.75,
        (Some(_), None) | (None, Some(_)) => 0.3,
        (None, None) => 0.0,
    };
    if prose {
        score = score.min(0.4);
    }
    if let Some(at) = wrapper(&text) {
        let prose = prose_words(&text, at) >= 2 || path;
        score = score.max(if prose { 0.3 } else { 0.8 });
    }
    if text.starts_with(b"//") && find(&text, b"/c$/").is_some() {
        score = score.max(0.7);
    }
    (score > 0.0).then(|| from(view, start, score))
}

/// Turns every spelling of the two separators into `/`.
fn slashed(text: &[u8]) -> Vec<u8> {
    let mut slashed = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let spelt = match rest {
            [b'0', b'x', b'2', b'e', ..] => Some(b'.'),
            [b'0', b'x', b'2', b'f', ..] | [b'0', b'x', b'5', b'c', ..] => Some(b'/'),
            _ => None,
        };
        slashed.push(spelt.unwrap_or(if *byte == b'\\' { b'/' } else { *byte }));
        rest = if spelt.is_some() { rest.get(4..).unwrap_or_default() } else { after };
    }
    slashed
}

fn file(text: &[u8]) -> Option<usize> {
    FILES.iter().find_map(|file| find(text, file))
}

fn wrapper(text: &[u8]) -> Option<usize> {
    WRAPPERS.iter().find_map(|wrapper| find(text, wrapper).filter(|at| word_begins(text, *at)))
}

/// A sensitive name that is the path itself, asked of the web server.
fn named_by_path(text: &[u8], at: usize) -> f64 {
    let dotted = text.get(at) == Some(&b'.')
        || starts_at(text, at, b"web-inf")
        || starts_at(text, at, b"wp-config");
    if dotted && at > 0 || at <= 1 { 0.6 } else { 0.3 }
}

/// Tells whether the value is an absolute path, or nothing but one.
fn absolute(text: &[u8], file: usize) -> bool {
    let before = text.get(..file).unwrap_or_default();
    let drive = matches!(before, [_, b':', ..]);
    (matches!(text.first(), Some(b'/' | b'.'))
        || drive
        || before.is_empty()
        || before.ends_with(b"/"))
        && !before.contains(&b' ')
}

#[derive(Clone, Copy)]
struct Climb {
    start: usize,
    /// How far above its first segment the path gets.
    below_root: usize,
}

/// Follows the segments of the path in `text`; `None` when there is no step up.
fn climb(text: &[u8]) -> Option<Climb> {
    let (mut depth, mut below, mut steps) = (0_usize, 0_usize, 0_usize);
    let mut start = 0;
    let mut offset = 0;
    for segment in text.split(|byte| *byte == b'/') {
        let name = segment.trim_ascii();
        // `..;`, `....` and a `..` glued to what went before all reach some server as a step up.
        let up = name == b".."
            || name == b"..;"
            || name == b"...."
            || name == b"..."
            || name.ends_with(b"=..")
            || name.ends_with(b"..") && name.len() <= 4
            || name.starts_with(b"..{")
            || name.len() > 4 && name.iter().take(5).all(|byte| *byte == b'.');
        if up {
            if steps == 0 {
                start = offset;
            }
            steps += 1;
            if depth == 0 { below += 1 } else { depth -= 1 }
        } else if !name.is_empty() && name != b"." && name != b"%" {
            depth += 1;
        }
        offset += segment.len() + 1;
    }
    (steps > 0).then_some(Climb { start, below_root: below })
}
