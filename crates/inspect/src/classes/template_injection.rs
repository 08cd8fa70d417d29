//! Template injection: an expression in template brackets that computes, calls or reaches inward.
//!
//! `{{first_name}}` is a placeholder that people type; `{{7*7}}` is a question to the server.

use std::sync::LazyLock;

use super::shared::{Literals, find, from};
use super::{ClassRow, Evidence, View};
use crate::Class;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::TemplateInjection,
    summary: "a template expression that computes or reaches into the server",
    literals: &["{{", "${", "#{", "<#assign", "*{", "{%", "#set(", "@(", "${{", "[[${"],
    kinds: 0,
    path_kinds: 0,
    header_kinds: 0,
    deaf: &[],
    confirm,
};

const BRACKETS: &[(&[u8], &[u8])] = &[
    (b"{{", b"}}"),
    (b"${", b"}"),
    (b"#{", b"}"),
    (b"*{", b"}"),
    (b"{%", b"%}"),
    (b"@(", b")"),
    (b"<%=", b"%>"),
];
/// What reaches into the server.
const INWARD: &[&[u8]] = &[
    b"__class__",
    b"__mro__",
    b"__globals__",
    b"__subclasses__",
    b"__init__",
    b"__builtins__",
    b"self.",
    b"config.",
    b"request.",
    b"constructor",
    b".getclass",
    b"runtime",
    b"t(java",
    b"system(",
    b"exec(",
    b"proc_open",
    b"popen",
    b"eval(",
    b"print(",
    b"lipsum",
    b"cycler",
    b"joiner",
    b"#rt",
    b"#_",
    b"@java",
    b"attr(",
    b"range(",
    b"import ",
    b"dump(",
    b"file.open",
    b"new java",
    b"phpinfo",
    b"|filter",
    b"|map",
    b"_self",
    b"?new(",
    b"freemarker",
    b"class.forname",
    b"@runtime",
    b"process.main",
    b"global.process",
    b"self.env",
    b"getenv",
    b"file_get",
    b"include(",
];
/// Most expressions of one kind read.
const EXPRESSIONS_MAX: usize = 16;
/// Longest expression read, in bytes.
const EXPRESSION_BYTES_MAX: usize = 1024;

static INWARD_TABLE: LazyLock<Literals> = LazyLock::new(|| Literals::of(INWARD.iter().copied()));

fn confirm(view: &View<'_>) -> Option<Evidence> {
    if let Some(at) = find(view.lower, b"<#assign").or_else(|| find(view.lower, b"#set($")) {
        return Some(from(view, at, 0.9));
    }
    BRACKETS
        .iter()
        .flat_map(|brackets| {
            let places = memchr::memmem::find_iter(view.lower, brackets.0).take(EXPRESSIONS_MAX);
            places.map(move |at| (at, brackets))
        })
        .filter_map(|(at, (open, close))| {
            let inside = view.lower.get(at + open.len()..)?;
            let inside = inside.get(..EXPRESSION_BYTES_MAX).unwrap_or(inside);
            let inside =
                find(inside, close).map_or(inside, |end| inside.get(..end).unwrap_or(inside));
            let score = expression(inside);
            (score > 0.0).then(|| from(view, at, score))
        })
        .max_by(|a, b| a.score.total_cmp(&b.score))
}

fn expression(inside: &[u8]) -> f64 {
    let digits = inside.iter().filter(|byte| byte.is_ascii_digit()).count();
    let operators = inside.iter().filter(|byte| matches!(byte, b'*' | b'+' | b'/' | b'-')).count();
    let letters = inside.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    if INWARD_TABLE.firsts(inside).next().is_some() {
        return 0.85;
    }
    // `{{7*7}}`, `${7*'7'}`
    if digits >= 2 && operators >= 1 && letters == 0 && inside.len() <= 40 {
        return 0.8;
    }
    0.0
}
