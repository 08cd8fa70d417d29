//! XPath injection: a value that leaves its string or predicate and changes the expression.
//!
//! A whole XPath is what tools send on purpose; it convicts only where it leaves the quote or the
//! bracket that was to hold it, goes on with a connective, and uses a word that XPath has and SQL
//! has not: an axis, a path, a function over nodes.

use super::shared::{find, find_all, from, prose_words, run, word_begins};
use super::{ClassRow, Evidence, View};
use crate::Class;
use crate::parts::Kind;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::XpathInjection,
    summary: "XPath that changes the expression it stands in",
    literals: &[
        "::",
        "//",
        "text()",
        "node()",
        "name()",
        "name(",
        "position()",
        "last()",
        "string-length(",
        "count(/",
        "count(",
        "starts-with(",
        "substring(",
        "normalize-space(",
        "doc(",
        "|/",
        "| /",
        "]|",
        "] |",
        "/*",
    ],
    kinds: 0,
    path_kinds: 0,
    header_kinds: 0,
    deaf: &[Kind::Path, Kind::Name, Kind::Header, Kind::Agent, Kind::Document],
    confirm,
};

/// The axes (XPath 1.0, section 2.2).
const AXES: &[&[u8]] = &[
    b"child",
    b"parent",
    b"self",
    b"ancestor",
    b"ancestor-or-self",
    b"descendant",
    b"descendant-or-self",
    b"following",
    b"following-sibling",
    b"preceding",
    b"preceding-sibling",
    b"attribute",
    b"namespace",
];
/// Functions and tests over nodes, with the bracket that opens them.
const NODES: &[&[u8]] = &[
    b"text()",
    b"node()",
    b"comment()",
    b"processing-instruction()",
    b"position()",
    b"last()",
    b"name()",
    b"local-name(",
    b"namespace-uri(",
    b"normalize-space(",
    b"string-length(",
    b"starts-with(",
    b"substring-before(",
    b"substring-after(",
    b"name(/",
    b"name(.",
    b"name(parent",
    b"name(child",
    b"count(/",
    b"count(parent",
    b"count(child",
    b"count(..",
    b"string(/",
    b"contains(.",
    b"contains(*",
    b"contains(text",
    b"substring(/",
    b"doc(",
    b"document(",
];
/// Longest text behind a break that is read, in bytes.
const EXPRESSION_BYTES_MAX: usize = 1_024;
/// Most quotes and brackets tried.
const BREAKS_MAX: usize = 32;

fn confirm(view: &View<'_>) -> Option<Evidence> {
    let text = view.lower;
    let breaks = text
        .iter()
        .enumerate()
        .filter(|(_, byte)| matches!(byte, b'\'' | b'"' | b']' | b')'))
        .take(BREAKS_MAX);
    for (at, _) in breaks {
        let rest = text.get(at + 1..).unwrap_or_default();
        if opened(text, at) || prose_words(text, at) >= 4 {
            continue;
        }
        if let Some(score) = goes_on(rest) {
            return Some(from(view, at, score));
        }
    }
    // A number needs no quote to be left.
    let digits = run(text, 0, |byte| byte.is_ascii_digit() || byte == b' ');
    if digits > 0
        && let Some(score) = goes_on(text.get(digits..).unwrap_or_default())
    {
        return Some(from(view, 0, score));
    }
    // Whole: a hint for whoever knows what the parameter is for.
    let path = text.starts_with(b"//") || text.starts_with(b"/*[");
    (path && node_word(text).is_some()).then(|| from(view, 0, 0.3))
}

/// Tells whether the bracket or quote at `at` closes what the value itself opened.
fn opened(text: &[u8], at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let count = |byte: u8| memchr::memchr_iter(byte, before).count();
    match text.get(at) {
        Some(b']') => count(b'[') > count(b']'),
        Some(b')') => count(b'(') > count(b')'),
        Some(quote) => count(*quote) % 2 == 1,
        None => true,
    }
}

/// Scores what follows a break: further brackets, a connective, and a word of XPath behind it.
fn goes_on(rest: &[u8]) -> Option<f64> {
    let closers = run(rest, 0, |byte| matches!(byte, b' ' | b']' | b')' | b'\'' | b'"' | b'\t'));
    let rest = rest.get(closers..)?;
    let rest = rest.get(..EXPRESSION_BYTES_MAX).unwrap_or(rest);
    let connective = [&b"or"[..], b"and", b"|"].into_iter().find(|word| rest.starts_with(word))?;
    let rest = rest.get(connective.len()..)?;
    if connective == b"|" {
        // A second path joined to the first. `||` is another language's.
        let path = rest.trim_ascii_start();
        let step =
            |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || *byte == b'*');
        let any = path.strip_prefix(b"//").is_some_and(|rest| step(rest.first()));
        return (any || path.starts_with(b"/*") || path.starts_with(b"/.")).then_some(0.75);
    }
    let spaced = matches!(rest.first(), Some(b' ' | b'\t' | b'\n' | b'\r' | b'(' | b'\'' | b'"'));
    spaced.then(|| node_word(rest).map(|_| 0.8)).flatten()
}

/// Gives where a word stands that XPath has and SQL has not.
fn node_word(text: &[u8]) -> Option<usize> {
    let function =
        NODES.iter().find_map(|name| find(text, name).filter(|at| word_begins(text, *at)));
    let axis = find_all(text, b"::").take(BREAKS_MAX).find_map(|at| {
        let name = text.get(..at)?.iter().rev();
        let name = name.take_while(|byte| byte.is_ascii_lowercase() || **byte == b'-').count();
        let known = AXES.contains(&text.get(at - name..at)?);
        // A cast (`::text`) has no axis before it; a namespace (`std::child`) has no step behind.
        let step = text.get(at + 2).is_some_and(|byte| byte.is_ascii_lowercase() || *byte == b'*');
        (known && step).then_some(at - name)
    });
    let path = find_all(text, b"//").take(BREAKS_MAX).find(|at| {
        let own = at.checked_sub(1).and_then(|before| text.get(before)) != Some(&b':');
        let step = text.get(at + 2).is_some_and(|byte| byte.is_ascii_lowercase() || *byte == b'*');
        let name = run(text, at + 2, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'*' | b'_' | b'-')
        });
        // Without a predicate or a further step it is a comment of a program.
        own && step && matches!(text.get(at + 2 + name), Some(b'[' | b'/' | b'='))
    });
    function.or(axis).or(path)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{quiet, request, said};
    use super::*;

    const CLASS: Class = Class::XpathInjection;

    #[test]
    fn expressions_changed() {
        for value in [
            "x' or name()='username' or 'x'='y",
            "' or count(parent::*[position()=1])=0 or 'a'='b",
            "'] | //user/*[contains(*,'",
            "admin' or starts-with(//user[1]/password,'a') or '1'='2",
            "\" or string-length(name(/*[1]))=4 or \"a\"=\"b",
            "1 or count(/child::node())=1",
            "' and substring(//user[1]/name,1,1)='a",
            "x')] | //*[('a'='a",
            "' or following-sibling::node()/text()='a",
        ] {
            said(CLASS, &request("POST", "/find", &[], format!("name={}", encoded(value))));
        }
    }

    #[test]
    fn lookalikes() {
        for value in [
            "//div[@class='price']/a/text()",
            "O'Brien or name() of the firm",
            "std::vector or std::child",
            "' or 1=1 -- ",
            "SELECT count(*) FROM t",
            "contains(Name,'ab''c') and Price gt 98",
            "see 'the text()' node or not",
            "https://www.example.org//a/b",
            "f(x) | g(y)",
            "it's 5 // roughly, or count(ed)",
            "created_at::date",
            "[a] | [b]",
            "6' | /shop",
            "Home (main) | /about",
            "' or count(*) > 4 or 'a'='a",
        ] {
            quiet(CLASS, &request("POST", "/find", &[], format!("name={}", encoded(value))));
        }
    }

    fn encoded(value: &str) -> String {
        value.bytes().flat_map(|byte| format!("%{byte:02x}").into_bytes()).map(char::from).collect()
    }
}
