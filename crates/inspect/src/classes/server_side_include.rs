//! Server-side includes: `<!--#exec cmd="…"-->`.

use super::shared::{find, from, run, starts_at};
use super::{ClassRow, Evidence, View};
use crate::Class;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::ServerSideInclude,
    summary: "a server-side include directive",
    literals: &["<!--#", "<!--\"#", "<esi:", "<!--esi"],
    kinds: 0,
    path_kinds: 0,
    header_kinds: 0,
    deaf: &[],
    confirm,
};

const DIRECTIVES: &[&[u8]] =
    &[b"exec", b"include", b"echo", b"printenv", b"config", b"fsize", b"flastmod", b"set", b"if"];

/// Tags of the language in which caches put pages together (ESI).
const EDGE_TAGS: &[&[u8]] =
    &[b"include", b"inline", b"vars", b"debug", b"remove", b"assign", b"eval", b"foreach", b"try"];

fn confirm(view: &View<'_>) -> Option<Evidence> {
    let text = view.lower;
    let edge = find(text, b"<esi:")
        .filter(|at| EDGE_TAGS.iter().any(|tag| starts_at(text, at + 5, tag)))
        .or_else(|| find(text, b"<!--esi "));
    if let Some(at) = edge {
        return Some(from(view, at, 0.9));
    }
    let at = find(text, b"<!--#").or_else(|| find(text, b"<!--\"#"))?;
    let hash = at + memchr::memchr(b'#', text.get(at..)?)?;
    // Spaces in front of the directive are let pass by some readers.
    let name = hash + 1 + run(text, hash + 1, |byte| byte == b' ');
    let known = DIRECTIVES.iter().any(|directive| starts_at(text, name, directive));
    let glued = name == hash + 1;
    let closed = || find(text, b"=").is_some() && find(text, b"-->").is_some();
    (known && (glued || closed())).then(|| from(view, at, 0.9))
}
