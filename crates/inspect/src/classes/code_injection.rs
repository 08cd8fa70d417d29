//! Code injection: calls in the server's own language, where a value belongs.

use std::sync::LazyLock;

use super::shared::{Literals, from, more_than, prose_words, run, word_begins};
use super::{ClassRow, Evidence, View};
use crate::Class;
use crate::parts::Kind;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::CodeInjection,
    summary: "code of the server's own language: PHP, Java, JavaScript, Ruby, Python",
    literals: &[
        "<?",
        "!!python",
        "!!javax",
        "<%",
        "system(",
        "exec(",
        "passthru",
        "phpinfo",
        "eval(",
        "assert(",
        "base64_decode",
        "proc_open",
        "popen",
        "file_get_contents",
        "fopen",
        "preg_replace",
        "create_function",
        "call_user_func",
        "java.lang",
        "runtime",
        "processbuilder",
        "child_process",
        "require(",
        "__import__",
        "subprocess",
        "classloader",
        "global_",
        "globals",
        "_server[",
        "_get[",
        "_post[",
        "_request[",
        "allow_url_include",
        "auto_prepend",
        "ev al",
        "process.",
        "print(",
        "move_uploaded",
        "gopher",
        "unserialize",
        "#_memberaccess",
        "ognl",
        "server.scripttimeout",
        "auto_append",
        "include(",
        "die(",
        "exit(",
    ],
    kinds: 0,
    path_kinds: 0,
    header_kinds: 0,
    deaf: &[],
    confirm,
};

/// Texts that stand in no value by accident.
const SIGNS: &[(&[u8], f64)] = &[
    (b"<?php", 0.85),
    (b"<?=", 0.8),
    (b"<? ", 0.6),
    (b"<%@", 0.7),
    (b"<%=", 0.6),
    (b"<% eval", 0.9),
    (b"java.lang.runtime", 0.9),
    (b"java.lang.process", 0.9),
    (b"getruntime(", 0.9),
    (b"processbuilder(", 0.85),
    (b"classloader.", 0.75),
    (b"class.module.classloader", 0.95),
    (b"#_memberaccess", 0.95),
    (b"@java.lang", 0.95),
    (b"ognlcontext", 0.9),
    (b"opensymphony", 0.7),
    (b"child_process", 0.85),
    (b"process.mainmodule", 0.9),
    (b"process.env", 0.55),
    (b"__import__('", 0.85),
    (b"__import__(\"", 0.85),
    (b"subprocess.popen", 0.8),
    (b"allow_url_include", 0.9),
    (b"auto_prepend_file", 0.9),
    (b"auto_append_file", 0.9),
    (b"server.scripttimeout", 0.85),
    (b"!!python/object", 0.9),
    (b"!!javax.script", 0.9),
    (b"$_server[", 0.6),
    (b"$_get[", 0.7),
    (b"$_post[", 0.7),
    (b"$_request[", 0.7),
    (b"globals[", 0.6),
    (b"java.lang.", 0.55),
    (b"java.util.", 0.4),
    (b"java.io.", 0.5),
];
/// Functions that run what they are given.
const CALLS: &[&[u8]] = &[
    b"system",
    b"exec",
    b"shell_exec",
    b"passthru",
    b"eval",
    b"assert",
    b"base64_decode",
    b"proc_open",
    b"popen",
    b"file_get_contents",
    b"file_put_contents",
    b"fopen",
    b"preg_replace",
    b"create_function",
    b"call_user_func",
    b"call_user_func_array",
    b"pcntl_exec",
    b"phpinfo",
    b"phpversion",
    b"print",
    b"die",
    b"exit",
    b"include",
    b"require",
    b"unserialize",
    b"readfile",
    b"move_uploaded_file",
    b"os.system",
];

static SIGN_TABLE: LazyLock<Literals> =
    LazyLock::new(|| Literals::of(SIGNS.iter().map(|row| row.0)));
static CALL_TABLE: LazyLock<Literals> = LazyLock::new(|| Literals::of(CALLS.iter().copied()));

fn confirm(view: &View<'_>) -> Option<Evidence> {
    if view.kind == Kind::Document && view.lower.starts_with(b"<?xml") {
        return None;
    }
    let sign = SIGN_TABLE
        .firsts(view.lower)
        .filter_map(|(row, at)| SIGNS.get(row).map(|(_, score)| (*score, at)));
    let call =
        CALL_TABLE.firsts(view.lower).filter_map(|(row, at)| call(view.lower, CALLS.get(row)?, at));
    let (score, at) = sign.chain(call).max_by(|a, b| a.0.total_cmp(&b.0))?;
    let score = if prose_words(view.lower, at) >= 3 { score - 0.4 } else { score };
    (score > 0.0).then(|| from(view, at, score))
}

/// `name('…')` or `name($…)` that begins the value or follows code; prose brackets words.
fn call(text: &[u8], name: &[u8], at: usize) -> Option<(f64, usize)> {
    let open = at + name.len() + run(text, at + name.len(), |byte| byte == b' ');
    if text.get(open) != Some(&b'(') || !word_begins(text, at) {
        return None;
    }
    let inside = text.get(open + 1).copied().unwrap_or(b')');
    let glued = at == 0
        || text.get(at - 1).is_some_and(|byte| {
            matches!(
                byte,
                b';' | b'{' | b'(' | b'@' | b'"' | b'\'' | b'.' | b'&' | b'|' | b'}' | b' ' | b'='
            )
        });
    let unarmed = matches!(name, b"print" | b"die" | b"exit" | b"include" | b"require" | b"assert");
    let argument =
        matches!(inside, b'\'' | b'"' | b'$' | b'`' | b'/' | b'\\') || inside.is_ascii_digit();
    let closed = inside == b')' && matches!(name, b"phpinfo" | b"phpversion");
    let nested = more_than(text, b'(', 1);
    match (glued, argument || closed, nested) {
        (true, true, _) => Some((if unarmed { 0.55 } else { 0.8 }, at)),
        (true, false, true) if !unarmed => Some((0.6, at)),
        // `';exit(md5('x'));//`: a statement of its own, between two others.
        (true, false, true) if at > 0 && text.get(at - 1) != Some(&b' ') => Some((0.55, at)),
        _ => None,
    }
}
