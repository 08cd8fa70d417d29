//! Server-side includes: `<!--#exec cmd="…"-->`.

use super::shared::{find, from, starts_at};
use super::{ClassRow, Evidence, View};
use crate::Class;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::ServerSideInclude,
    summary: "a server-side include directive",
    literals: &["<!--#", "<!--\"#", "<esi:"],
    kinds: 0,
    path_kinds: 0,
    header_kinds: 0,
    deaf: &[],
    confirm,
};

const DIRECTIVES: &[&[u8]] =
    &[b"exec", b"include", b"echo", b"printenv", b"config", b"fsize", b"flastmod", b"set", b"if"];

fn confirm(view: &View<'_>) -> Option<Evidence> {
    if let Some(at) = find(view.lower, b"<esi:include") {
        return Some(from(view, at, 0.9));
    }
    let at = find(view.lower, b"<!--#").or_else(|| find(view.lower, b"<!--\"#"))?;
    let hash = at + memchr::memchr(b'#', view.lower.get(at..)?)?;
    let known = DIRECTIVES.iter().any(|directive| starts_at(view.lower, hash + 1, directive));
    known.then(|| from(view, at, 0.9))
}
