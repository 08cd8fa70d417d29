//! Code injection: calls in the server's own language, where a value belongs.

mod calls;
mod quoted;

use std::sync::LazyLock;

use super::shared::{Literals, find, from, prose_words};
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
        "#context",
        "currentthread",
        "__class__",
        "__subclasses__",
        "globals()",
        "denymethodexecution",
        "allowstaticmethod",
        "@{[s",
        "@{[`",
        "%x(",
        "%x{",
        "qx(",
        "<cfexe",
        "<cfscr",
        "function(",
        "'system'",
        "\"system\"",
        ")('",
        ")(\"",
        ")($",
        "print `",
        "echo `",
        "echo md5(",
        // A spreadsheet's formula.
        "=cmd",
        "cmd|",
        "mshta|",
        "powershell|",
        "|' /",
        "webservice(",
        "importxml(",
        "importdata(",
        "importfeed(",
        "hyperlink(",
        "=dde(",
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
    (b"<%@", 0.7),
    (b"<% eval", 0.9),
    (b"<%eval", 0.9),
    (b"<%execute", 0.9),
    (b"<cfexecute", 0.9),
    (b"<cfscript", 0.7),
    (b"#context[", 0.85),
    (b"denymethodexecution", 0.9),
    (b"allowstaticmethodaccess", 0.9),
    (b"getcontextclassloader(", 0.7),
    (b".__class__.__", 0.85),
    (b"__subclasses__(", 0.8),
    (b"globals()['__b", 0.75),
    (b"@{[", 0.7),
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
    (b"java.util.", 0.4),
    (b"java.io.", 0.5),
];

static SIGN_TABLE: LazyLock<Literals> =
    LazyLock::new(|| Literals::of(SIGNS.iter().map(|row| row.0)));

fn confirm(view: &View<'_>) -> Option<Evidence> {
    let text = view.lower;
    if view.kind == Kind::Document && text.starts_with(b"<?xml") {
        return None;
    }
    let sign = SIGN_TABLE
        .firsts(text)
        .filter_map(|(row, at)| SIGNS.get(row).map(|(_, score)| (*score, at)));
    let others = [
        calls::search(text),
        calls::computed(text),
        calls::callback(text),
        calls::constructed(text),
        quoted::tag(text),
        quoted::class_name(text),
        quoted::command(text),
        quoted::formula(text),
    ];
    let found = sign.chain(others.into_iter().flatten());
    let (score, at) = found.max_by(|a, b| a.0.total_cmp(&b.0))?;
    let score = if prose_words(text, at) >= 3 { score - 0.4 } else { score };
    (score > 0.0).then(|| from(view, at, score))
}

/// Tells whether any of `signs` stands in `text`.
fn holds(text: &[u8], signs: &[&[u8]]) -> bool {
    signs.iter().any(|sign| find(text, sign).is_some())
}
