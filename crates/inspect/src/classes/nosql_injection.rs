//! NoSQL injection: operators of document databases where a name or a value belongs.

use super::shared::{find, from, word_begins};
use super::{ClassRow, Evidence, View};
use crate::Class;
use crate::parts::Kind;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::NosqlInjection,
    summary: "operators of document databases where a value belongs",
    literals: &[
        "$ne", "$gt", "$lt", "$or", "$and", "$nin", "$in", "$where", "$regex", "$exists", "$eq",
        "$func", "$expr", "db.", "||'1'", "this.", "sleep(", "new date",
    ],
    kinds: 0,
    path_kinds: 0,
    header_kinds: 0,
    deaf: &[Kind::Agent, Kind::Header],
    confirm,
};

const OPERATORS: &[&[u8]] = &[
    b"$ne",
    b"$gt",
    b"$gte",
    b"$lt",
    b"$lte",
    b"$or",
    b"$and",
    b"$nor",
    b"$nin",
    b"$in",
    b"$not",
    b"$where",
    b"$regex",
    b"$exists",
    b"$eq",
    b"$func",
    b"$expr",
    b"$elemmatch",
    b"$size",
    b"$type",
    b"$mod",
    b"$all",
    b"$jsonschema",
    b"$function",
    b"$accumulator",
];

fn confirm(view: &View<'_>) -> Option<Evidence> {
    let text = view.lower;
    for at in memchr::memchr_iter(b'$', text).take(64) {
        let length = super::shared::run(text, at + 1, |byte| byte.is_ascii_alphabetic()) + 1;
        let name = text.get(at..at + length).unwrap_or_default();
        if !OPERATORS.contains(&name) {
            continue;
        }
        let before = text.get(..at).unwrap_or_default().trim_ascii_end().last();
        let after = text.get(at + length..).unwrap_or_default().trim_ascii_start().first();
        let bracketed = before == Some(&b'[') && after == Some(&b']');
        let key = matches!(before, None | Some(b'{' | b',' | b'"' | b'\'' | b';'))
            && matches!(after, Some(b':' | b'"' | b'\''));
        let whole_name = view.kind == Kind::Name && at == 0 && length == text.len();
        if bracketed || whole_name || key {
            return Some(from(view, at, if bracketed || whole_name { 0.8 } else { 0.75 }));
        }
    }
    let shell = [
        &b"db.getcollection"[..],
        b"db.injection",
        b"db.version(",
        b"tojson(",
        b"tojsononeline(",
        b"var date=new date()",
        b"while(curdate",
        b"this.password",
        b"this.username",
    ];
    let found = shell.iter().find_map(|literal| find(text, literal));
    found.filter(|at| word_begins(text, *at)).map(|at| from(view, at, 0.75))
}
