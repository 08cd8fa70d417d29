//! NoSQL injection: operators of document databases where a name or a value belongs.

use super::shared::{find, find_all, from, prose_words, run, starts_at, word_begins};
use super::{ClassRow, Evidence, View};
use crate::Class;
use crate::parts::Kind;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::NosqlInjection,
    summary: "operators of document databases where a value belongs",
    literals: &[
        "$ne", "$gt", "$lt", "$or", "$and", "$nin", "$in", "$where", "$regex", "$exists", "$eq",
        "$func", "$expr", "db.", "||'1'", "this.", "sleep(", "new date", "return", "while(",
        "while (", "var ", "load csv", "{!xml", "'})", "\"})", "$set", "$unset", "$push",
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
        b"tojson(db.",
        b"tojson(this",
        b"tojsononeline(",
        b"var date=new date()",
        b"while(curdate",
        b"this.password",
        b"this.username",
    ];
    let found = shell.iter().find_map(|literal| find(text, literal));
    let found = found.filter(|at| word_begins(text, *at)).map(|at| (at, 0.75));
    let found = found.or_else(|| Some((collection(text)?, 0.65)));
    let found = found.or_else(|| Some((script(text)?, 0.65)));
    let found = found.or_else(|| Some((graph(text)?, 0.65)));
    found.map(|(at, score)| from(view, at, score))
}

/// What a shell does to a collection.
const METHODS: &[&[u8]] = &[
    b"find(",
    b"findone(",
    b"insert(",
    b"insertone(",
    b"remove(",
    b"drop(",
    b"update(",
    b"updateone(",
    b"deletemany(",
    b"deleteone(",
    b"aggregate(",
    b"mapreduce(",
    b"save(",
];
/// Most places looked at for one sign.
const PLACES_MAX: usize = 16;

/// `db.users.find()`, `;db.dropDatabase()`: the shell's own object, in a value that has no sentence.
fn collection(text: &[u8]) -> Option<usize> {
    find_all(text, b"db.").take(PLACES_MAX).find(|at| {
        let rest = text.get(at + 3..).unwrap_or_default();
        let name = run(rest, 0, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let method = rest.get(name + 1..).unwrap_or_default();
        let whole = rest.starts_with(b"dropdatabase(") || rest.starts_with(b"shutdownserver(");
        let called = rest.get(name) == Some(&b'.') && METHODS.iter().any(|m| method.starts_with(m));
        let begins = at.checked_sub(1).and_then(|at| text.get(at));
        let begins =
            begins.is_none_or(|byte| matches!(byte, b';' | b'\'' | b'"' | b'}' | b'|' | b'&'));
        begins && (whole || called && name > 0) && prose_words(text, text.len()) < 3
    })
}

/// Words that begin a statement of JavaScript.
const STATEMENTS: &[&[u8]] =
    &[b"return", b"while", b"var ", b"let ", b"do{", b"do {", b"for", b"if", b"throw"];

/// `';return true;//`: a string is closed, a statement of JavaScript follows, and a comment or a string
/// takes care of what is left. Also `'||this.a||'`.
fn script(text: &[u8]) -> Option<usize> {
    let at = memchr::memchr2(b'\'', b'"', text)?;
    let rest = text.get(at + 1..)?;
    let quote = text.get(at)?;
    let ends = rest.ends_with(b"//") || rest.last() == Some(quote);
    let joined = [&b"||"[..], b"&&"].iter().any(|join| {
        rest.strip_prefix(*join).is_some_and(|rest| rest.trim_ascii_start().starts_with(b"this."))
    });
    let skipped = run(rest, 0, |byte| matches!(byte, b'}' | b')' | b' '));
    let statement = rest.get(skipped..)?.strip_prefix(b";").map(<[u8]>::trim_ascii_start);
    let stated = statement.is_some_and(|code| {
        STATEMENTS.iter().any(|word| {
            code.strip_prefix(*word).is_some_and(|rest| {
                !rest.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
                    || word.ends_with(b" ")
            })
        })
    });
    (ends && (joined || stated)).then_some(at)
}

/// Graph queries and searches: `'}) return n//`, `load csv from`, `{!xmlparser v=`; and an update where a
/// condition belongs: `"}, {"$set": …`.
fn graph(text: &[u8]) -> Option<usize> {
    // Where from is told in quotes, or by what was found.
    let told = |start: &usize| {
        let rest = text.get(*start..).unwrap_or_default();
        let from = find(rest, b" from").and_then(|at| rest.get(at + b" from".len()..));
        let from = from.unwrap_or_default().trim_ascii_start();
        matches!(from.first(), Some(b'\'' | b'"' | b'`' | b'$' | b'('))
            || find(from, b"://").is_some()
    };
    let loads = find(text, b"load csv from").or_else(|| find(text, b"load csv with headers from"));
    let loads = loads.filter(told);
    if let Some(at) = loads.or_else(|| find(text, b"{!xmlparser v")) {
        return Some(at);
    }
    let closed = [&b"'})"[..], b"\"})"].iter().find_map(|close| find(text, close));
    if let Some(at) = closed {
        let rest = text.get(at + 3..)?.trim_ascii_start();
        let goes_on =
            [&b"return "[..], b"match ", b"match(", b"detach ", b"with ", b"set ", b"union "];
        let words = prose_words(text, at);
        return (goes_on.iter().any(|word| rest.starts_with(word)) && words < 3).then_some(at);
    }
    let leaves = starts_at(text, 0, b"\"}") || starts_at(text, 0, b"'}");
    let updates = [&b"$set"[..], b"$unset", b"$push"].iter().any(|key| find(text, key).is_some());
    (leaves && updates).then_some(0)
}
