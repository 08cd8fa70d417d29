//! LDAP injection: a value that closes its filter and opens another (RFC 4515).

use super::shared::{find, from, prose_words, run};
use super::{ClassRow, Evidence, View};
use crate::Class;
use crate::bytes::STAR;
use crate::parts::Kind;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::LdapInjection,
    summary: "LDAP filter syntax that changes a filter",
    literals: &[")(", "objectclass", "userpassword", "*)", "(|(", "(&(", ":=", "homedirectory"],
    kinds: STAR,
    path_kinds: 0,
    header_kinds: 0,
    deaf: &[Kind::Agent],
    confirm,
};

const ATTRIBUTES: &[&[u8]] = &[
    b"cn",
    b"uid",
    b"mail",
    b"sn",
    b"ou",
    b"dn",
    b"objectclass",
    b"userpassword",
    b"password",
    b"user",
    b"givenname",
    b"homedirectory",
    b"objectcategory",
    b"samaccountname",
    b"memberof",
    b"name",
];

fn confirm(view: &View<'_>) -> Option<Evidence> {
    let text = view.lower;
    if prose_words(text, text.len()) >= 4 {
        return None;
    }
    // `userPassword:2.5.13.18:=123` compares by a rule that leaks order.
    if let Some(at) = find(text, b":=")
        && text
            .get(..at)
            .unwrap_or_default()
            .iter()
            .rev()
            .take_while(|b| b.is_ascii_digit() || **b == b'.')
            .count()
            >= 5
    {
        return Some(from(view, 0, 0.75));
    }
    for at in memchr::memchr_iter(b'(', text).take(64) {
        let closes = text.get(..at).unwrap_or_default().trim_ascii_end().ends_with(b")");
        let start =
            at + 1 + run(text, at + 1, |byte| matches!(byte, b'(' | b'|' | b'&' | b'!' | b' '));
        let length = run(text, start, |byte| byte.is_ascii_alphanumeric());
        let name = text.get(start..start + length).unwrap_or_default();
        let compares = matches!(text.get(start + length), Some(b'=' | b'~' | b'>' | b'<'));
        if compares && ATTRIBUTES.contains(&name) && (closes || start > at + 1) {
            return Some(from(view, at, 0.75));
        }
        // `)(&)` is true of everybody, `)(|)` of nobody (RFC 4526), and `)(attribute=*` asks for all.
        let operator = text.get(at + 1..start).unwrap_or_default();
        let constant = closes && !operator.is_empty() && text.get(start) == Some(&b')');
        let anything = closes && length > 1 && find(text.get(start + length..)?, b"=*)") == Some(0);
        if constant || anything {
            return Some(from(view, at, 0.65));
        }
    }
    let at = find(text, b"*)(")
        .filter(|at| opens(text, at + 3))
        .or_else(|| find(text, b"*))%00"))
        .or_else(|| find(text, b"*)|"))?;
    Some(from(view, at, 0.6))
}

/// Tells whether a filter begins at `at`: an operator, or a name that is compared.
fn opens(text: &[u8], at: usize) -> bool {
    let name = run(text, at, |byte| byte.is_ascii_alphanumeric() || byte == b'-');
    matches!(text.get(at), None | Some(b'|' | b'&' | b'!' | b'('))
        || matches!(text.get(at + name), None | Some(b'=' | b'~' | b'>' | b'<' | b':' | b')'))
}
