//! Path traversal and local file inclusion: a path that leaves its root, or names a file of the
//! system.
//!
//! `../` alone is no crime: pages link to their neighbours so. It takes more steps up than down, a
//! file that no page serves, or a stream wrapper.

use std::sync::LazyLock;

use super::shared::{Literals, find, from, prose_words, run, starts_at, word_begins};
use super::{ClassRow, Evidence, View};
use crate::bytes::{BACKSLASH, CONTROL};
use crate::parts::Kind;
use crate::{Class, Layer};

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
        ".hta",
        ".htp",
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
        "data:;",
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
        "/./",
        "aa..",
        "aaaaaaaaaaaaaaaa",
        "root/",
        "var/lib",
        "var/spool",
        "\\\\",
        "dev/",
        "view-source:",
        "ntuser",
        "id_rsa",
        "run/secrets",
        "..\u{2215}",
        "..\u{2216}",
        "..\u{2044}",
    ],
    kinds: CONTROL,
    path_kinds: BACKSLASH | CONTROL,
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
    b"data:;base64",
    b"ogg://",
    b"compress.zlib://",
];

/// Folders of the system whose files an application's users do not name.
const SYSTEM_FOLDERS: &[&[u8]] = &[
    b"/etc/",
    b"/proc/",
    b"/root/",
    b"/sys/",
    b"/dev/",
    b"/boot/",
    b"/var/log/",
    b"/var/lib/",
    b"/var/spool/",
    b"/var/run/",
    b"/run/secrets/",
    b"/var/mail/",
    b"c:/windows/",
    b"c:/winnt/",
    b"c:/inetpub/",
];
/// What a file on a share is called when it is meant to run.
const RUN_ENDS: &[&[u8]] =
    &[b".php", b".asp", b".aspx", b".jsp", b".dll", b".exe", b".hta", b".ps1", b".vbs", b".bat"];
/// Steps up that a value may hold before it counts as a climb.
const STEPS_MIN: usize = 2;
/// So many steps on the spot, `/./`, are there to pass a filter.
const IDLE_MIN: usize = 2;
/// From this length on, a segment of one repeated letter is there to cut the path short behind it.
const FILLER_BYTES_MIN: usize = 64;
/// Longest value in which a NUL is looked for; longer ones are files.
const NUL_BYTES_MAX: usize = 256;

fn confirm(view: &View<'_>) -> Option<Evidence> {
    let text = slashed(view.lower);
    let file = file(&text).or_else(|| file(&single(&text)?));
    let climb = climb(&text);
    let start = climb.map_or_else(|| file.unwrap_or(0), |climb| climb.start);
    // Behind a NUL nobody reads on, whatever stands there.
    let cut = view.layers.contains(&Layer::Nul);
    let prose = prose_words(&text, start) >= 2 || !cut && prose_words(&text, text.len()) >= 3;
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
    // Nobody's browser encodes a step up twice.
    if climb.is_some() && !path && percents(view) >= 2 {
        score = score.max(0.6);
    }
    if !path && in_system_folder(&text) || on_a_share(&text) {
        score = score.max(0.65);
    }
    score = score.max(odd_segments(&text));
    if prose {
        score = score.min(0.4);
    }
    if cut_by_nul(view) {
        score = score.max(0.6);
    }
    if let Some(at) = wrapper(&text) {
        let prose = prose_words(&text, at) >= 2 || path;
        score = score.max(if prose { 0.3 } else { 0.8 });
    }
    (score > 0.0).then(|| from(view, start, score))
}

fn percents(view: &View<'_>) -> usize {
    view.layers
        .iter()
        .filter(|layer| matches!(layer, Layer::Percent | Layer::PercentUnicode))
        .count()
}

/// A short text that held an encoded NUL: to libraries written in C the name ends there.
fn cut_by_nul(view: &View<'_>) -> bool {
    let encoded = view
        .layers
        .iter()
        .any(|layer| matches!(layer, Layer::Percent | Layer::PercentUnicode | Layer::Escape));
    // A program's text and an expression spell the byte out, too.
    let program = view.layers.contains(&Layer::Escape)
        && view.text.iter().any(|b| matches!(b, b' ' | b'(' | b'[' | b'"' | b'`' | b'|' | b'\\'));
    view.layers.contains(&Layer::Nul)
        && encoded
        && !program
        && matches!(view.kind, Kind::Value | Kind::Path)
        && view.text.len() <= NUL_BYTES_MAX
        && view.text.iter().all(|byte| *byte >= b' ' || byte.is_ascii_whitespace())
}

/// `/etc/anything` as a whole value.
fn in_system_folder(text: &[u8]) -> bool {
    SYSTEM_FOLDERS.iter().any(|folder| text.len() > folder.len() && text.starts_with(folder))
        && !text.contains(&b' ')
}

/// `//10.0.0.5/c$/…`, `//host/share/x.php`: a file on a share of another machine.
fn on_a_share(text: &[u8]) -> bool {
    if !text.starts_with(b"//") {
        return false;
    }
    let rest = text.get(run(text, 0, |byte| byte == b'/')..).unwrap_or_default();
    let length = run(rest, 0, |byte| byte != b'/');
    let after = rest.get(length..).unwrap_or_default();
    let numeric =
        length > 6 && rest.iter().take(length).all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let administers = [&b"/c$/"[..], b"/admin$/", b"/ipc$"].iter().any(|s| after.starts_with(s));
    let runs = after.len() > 1 && RUN_ENDS.iter().any(|end| after.ends_with(end));
    length > 0 && !rest.contains(&b' ') && (administers || numeric && runs)
}

/// Segments that a path needs only to pass a filter: steps on the spot, a filler before dots.
fn odd_segments(text: &[u8]) -> f64 {
    if text.contains(&b' ') || !matches!(text.first(), Some(b'/' | b'.')) {
        return 0.0;
    }
    let idle = text.split(|byte| *byte == b'/').filter(|segment| *segment == b".").count();
    let letter = text.get(1).copied().unwrap_or(b'/');
    let filler = letter.is_ascii_alphabetic()
        && run(text, 1, |byte| byte == letter) >= FILLER_BYTES_MIN
        && find(text, b"..").is_some();
    if idle >= IDLE_MIN || filler { 0.55 } else { 0.0 }
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
        // The strokes for division, for sets and for fractions: file systems that look for the nearest
        // character take them for slashes.
        let stroke = matches!(rest, [0xE2, 0x88, 0x95 | 0x96, ..] | [0xE2, 0x81, 0x84, ..]);
        let plain = if *byte == b'\\' || stroke { b'/' } else { *byte };
        slashed.push(spelt.unwrap_or(plain));
        let length = if spelt.is_some() { 4 } else { 3 };
        rest =
            if spelt.is_some() || stroke { rest.get(length..).unwrap_or_default() } else { after };
    }
    slashed
}

/// Gives the text with one slash where there are several; `None` where there are none such.
fn single(text: &[u8]) -> Option<Vec<u8>> {
    find(text, b"//")?;
    let mut single = text.to_vec();
    single.dedup_by(|byte, before| *byte == b'/' && *before == b'/');
    Some(single)
}

static FILE_TABLE: LazyLock<Literals> = LazyLock::new(|| Literals::of(FILES.iter().copied()));
static WRAPPER_TABLE: LazyLock<Literals> = LazyLock::new(|| Literals::of(WRAPPERS.iter().copied()));

fn file(text: &[u8]) -> Option<usize> {
    // `.environment` is no `.env`.
    let longer = |row: usize, at: usize| {
        let name = FILES.get(row).copied().unwrap_or_default();
        name == b".env" && text.get(at + name.len()).is_some_and(u8::is_ascii_alphanumeric)
    };
    FILE_TABLE.firsts(text).find(|(row, at)| !longer(*row, *at)).map(|(_, at)| at)
}

fn wrapper(text: &[u8]) -> Option<usize> {
    let bare = |at: usize| text.get(at..).is_some_and(|rest| rest == b"file://");
    WRAPPER_TABLE.firsts(text).map(|(_, at)| at).find(|at| word_begins(text, *at) && !bare(*at))
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
