//! Template injection: an expression in template brackets that computes, calls or reaches inward.
//!
//! `{{first_name}}` is a placeholder that people type; `{{7*7}}` is a question to the server.

use std::sync::LazyLock;

use super::shared::{Literals, find, from, prose_words, run};
use super::{ClassRow, Evidence, View};
use crate::Class;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::TemplateInjection,
    summary: "a template expression that computes or reaches into the server",
    literals: &[
        "{{", "${", "#{", "<#assign", "[#assign", "*{", "%{", "@{", "{%", "#set(", "@(",
        "{$smarty", "{smarty", "{php}", "@system.",
    ],
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
    (b"%{", b"}"),
    (b"@{", b"}"),
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
    b"'system'",
    b"\"system\"",
    b"%x(",
    b"applicationscope",
    b"facescontext",
    b"pagecontext",
];
/// Signs of one engine, which nobody writes by accident.
const SIGNS: &[(&[u8], f64)] = &[
    (b"<#assign", 0.9),
    (b"[#assign", 0.9),
    (b"#set($", 0.9),
    (b"{$smarty.", 0.7),
    (b"{smarty_internal", 0.85),
    (b"{php}", 0.8),
    (b"@system.diagnostics", 0.85),
    (b"@system.io.", 0.8),
    // Closes and opens the brackets of all engines at once, to see which of them breaks.
    (b"${{<%[%", 0.9),
];
/// Objects that engines hand to a template besides the page's own.
const OBJECTS: &[&[u8]] = &[b"config", b"self", b"_self", b"settings.secret_key", b"debug"];
/// Most expressions of one kind read.
const EXPRESSIONS_MAX: usize = 16;
/// Longest expression read, in bytes.
const EXPRESSION_BYTES_MAX: usize = 1024;

static INWARD_TABLE: LazyLock<Literals> = LazyLock::new(|| Literals::of(INWARD.iter().copied()));

fn confirm(view: &View<'_>) -> Option<Evidence> {
    if let Some((at, score)) =
        SIGNS.iter().find_map(|(sign, score)| Some((find(view.lower, sign)?, *score)))
    {
        return Some(from(view, at, score));
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
            // Settings and dates are written so, too; sums are not.
            let rare = matches!(*open, b"%{" | b"@{");
            let talk = score < 0.7 && prose_words(view.lower, view.lower.len()) >= 3;
            let reckons = inside.iter().any(|byte| matches!(byte, b'*' | b'#' | b'@'));
            if talk || rare && !(reckons && inside.is_ascii()) {
                return None;
            }
            (score > 0.0).then(|| from(view, at, score))
        })
        .max_by(|a, b| a.score.total_cmp(&b.score))
}

fn expression(inside: &[u8]) -> f64 {
    let digits = inside.iter().filter(|byte| byte.is_ascii_digit()).count();
    let operators = inside.iter().filter(|byte| matches!(byte, b'*' | b'+' | b'/' | b'-')).count();
    let letters = inside.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    if INWARD_TABLE.firsts(inside).next().is_some() || begins_inward(inside.trim_ascii_start()) {
        return 0.85;
    }
    // `{{7*7}}`, `${7*'7'}`
    if digits >= 2 && operators >= 1 && letters == 0 && inside.len() <= 40 && !is_date(inside) {
        return 0.8;
    }
    let inside = inside.trim_ascii();
    if OBJECTS.contains(&inside) || includes(inside) || speaks_go(inside) { 0.6 } else { 0.0 }
}

/// `''['__cl'+'ass__']`, `()|attr(…)`: from an empty value to what it is made of.
fn begins_inward(inside: &[u8]) -> bool {
    matches!(
        inside,
        [b'\'', b'\'', b'[' | b'.' | b'|', ..]
            | [b'"', b'"', b'[' | b'.' | b'|', ..]
            | [b'(', b')', b'[' | b'.' | b'|', ..]
            | [b'[', b']', b'[' | b'.' | b'|', ..]
    )
}

/// `2024-01-01`, `01/02/2024`
fn is_date(inside: &[u8]) -> bool {
    let parts = |sign: u8| {
        let mut numbers = inside.trim_ascii().split(|byte| *byte == sign);
        numbers.by_ref().take(3).all(|part| part.iter().all(u8::is_ascii_digit) && part.len() >= 2)
            && numbers.next().is_none()
            && memchr::memchr_iter(sign, inside).count() == 2
    };
    parts(b'-') || parts(b'/')
}

/// `{% include '/etc/passwd' %}`
fn includes(inside: &[u8]) -> bool {
    let file = inside.strip_prefix(b"include ").map(<[u8]>::trim_ascii_start);
    file.is_some_and(|file| {
        matches!(file, [b'\'' | b'"', b'/', ..] | [b'\'' | b'"', b'.', b'.', ..])
    })
}

/// `{{.System "id"}}`, `{{printf "%s" .Env}}`: a method with an argument, a format.
fn speaks_go(inside: &[u8]) -> bool {
    let method = inside.strip_prefix(b".").is_some_and(|method| {
        let name = run(method, 0, |byte| byte.is_ascii_alphanumeric());
        name > 0 && method.get(name..).is_some_and(|rest| rest.starts_with(b" \""))
    });
    method || inside.starts_with(b"printf \"%")
}
