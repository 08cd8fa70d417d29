//! XML external entities: a document that tells its reader to fetch.

use super::shared::{find, from, more_than};
use super::{ClassRow, Evidence, View};
use crate::Class;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::XmlExternalEntity,
    summary: "XML that declares external entities",
    literals: &["<!entity", "<!doctype", "xi:include", "<xsl:"],
    kinds: 0,
    path_kinds: 0,
    header_kinds: 0,
    deaf: &[],
    confirm,
};

fn confirm(view: &View<'_>) -> Option<Evidence> {
    let text = view.lower;
    if let Some(at) = find(text, b"<xi:include") {
        return Some(from(view, at, 0.75));
    }
    // A style sheet that reads files, or asks what reads it.
    if let Some(at) = find(text, b"<xsl:")
        && [&b"document('"[..], b"document(\"", b"unparsed-text(", b"system-property("]
            .iter()
            .any(|call| find(text, call).is_some())
    {
        return Some(from(view, at, 0.7));
    }
    if let Some(at) = find(text, b"<!entity") {
        let rest = text.get(at..).unwrap_or_default();
        let external = find(rest, b"system").is_some() || find(rest, b"public").is_some();
        // Entities made of entities: the billion laughs.
        let nested = more_than(rest, b'&', 4);
        return Some(from(
            view,
            at,
            if external {
                0.95
            } else if nested {
                0.8
            } else {
                0.5
            },
        ));
    }
    let at = find(text, b"<!doctype")?;
    let rest = text.get(at..).unwrap_or_default();
    let declaration = rest.get(..memchr::memchr(b'>', rest).unwrap_or(rest.len()))?;
    let system = find(declaration, b" system ").is_some() && find(declaration, b"://").is_some();
    let public = find(declaration, b" public ").is_some();
    let address = find(declaration, b"://").and_then(|colon| declaration.get(colon + 3..));
    // The known doctypes live at names; a number is somebody's machine.
    let number = address.is_some_and(|host| host.first().is_some_and(u8::is_ascii_digit));
    (system || public && number).then(|| from(view, at, 0.8))
}
