//! What the peers need: decoded values, and the patterns of a beginner.

use inspect::Request;
use regex::bytes::{RegexSet, RegexSetBuilder};
use serde_json::Value;

/// Gives every name and value of a request, decoded once.
pub(crate) fn values(request: &Request<'_>) -> Vec<Vec<u8>> {
    let mut values = Vec::new();
    let (path, query) = request.target.split_once('?').unwrap_or((request.target, ""));
    values.push(decoded(path.as_bytes(), false));
    pairs(query.as_bytes(), &mut values);
    let mut media = "";
    for (name, value) in request.headers {
        if name.eq_ignore_ascii_case("content-type") {
            media = value;
        }
        if name.eq_ignore_ascii_case("cookie") {
            values.extend(value.split("; ").map(|cookie| decoded(cookie.as_bytes(), false)));
        } else {
            values.push(value.as_bytes().to_vec());
        }
    }
    match serde_json::from_slice(request.body) {
        Ok(json) if media.contains("json") => strings(json, &mut values),
        _ if media.contains("urlencoded") => pairs(request.body, &mut values),
        _ if !request.body.is_empty() => values.push(request.body.to_vec()),
        _ => {}
    }
    values
}

fn pairs(text: &[u8], values: &mut Vec<Vec<u8>>) {
    for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        values.extend(pair.splitn(2, |byte| *byte == b'=').map(|half| decoded(half, true)));
    }
}

fn strings(json: Value, values: &mut Vec<Vec<u8>>) {
    match json {
        Value::String(text) => values.push(text.into_bytes()),
        Value::Array(items) => items.into_iter().for_each(|item| strings(item, values)),
        Value::Object(fields) => {
            for (name, value) in fields {
                values.push(name.into_bytes());
                strings(value, values);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn decoded(text: &[u8], form: bool) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let escape = after.first_chunk::<2>().filter(|_| *byte == b'%');
        let value =
            escape.and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
        decoded.push(value.unwrap_or(if form && *byte == b'+' { b' ' } else { *byte }));
        rest = if value.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    decoded
}

/// Gives the patterns that somebody writes in an afternoon.
pub(crate) fn naive() -> RegexSet {
    let patterns = PATTERNS.iter().map(|pattern| format!("(?-u){pattern}"));
    RegexSetBuilder::new(patterns).case_insensitive(true).build().expect("patterns of our own")
}

const PATTERNS: &[&str] = &[
    // SQL
    r"\bunion\b.{0,40}\bselect\b",
    r"\bselect\b.{1,60}\bfrom\b",
    r"\binsert\s+into\b",
    r"\bdelete\s+from\b",
    r"\bdrop\s+(table|database)\b",
    r"\bupdate\b.{1,40}\bset\b",
    r"\b(or|and)\b\s+['\x22]?\w+['\x22]?\s*=\s*['\x22]?\w+",
    r"['\x22]\s*(or|and)\b",
    r"['\x22]\s*;",
    r"['\x22]\s*--",
    r"\bsleep\s*\(",
    r"\bbenchmark\s*\(",
    r"\bwaitfor\s+delay\b",
    r"\bpg_sleep\b",
    r"\bxp_cmdshell\b",
    r"\binformation_schema\b",
    r"\border\s+by\s+\d+",
    r"\bgroup\s+by\b.+\bhaving\b",
    r"\bload_file\s*\(",
    r"\binto\s+(out|dump)file\b",
    r"\bextractvalue\s*\(",
    r"\bupdatexml\s*\(",
    r"/\*(!\d*|\*/)",
    r"--\s*$",
    r"#\s*$",
    r"@@version",
    r"\bchar\s*\(\s*\d+",
    r"\bconcat\s*\(",
    r"0x[0-9a-f]{6,}",
    // Script
    r"<script",
    r"</script",
    r"<iframe",
    r"<svg",
    r"<object",
    r"<embed",
    r"\bon\w{3,}\s*=",
    r"javascript\s*:",
    r"vbscript\s*:",
    r"\balert\s*\(",
    r"\bprompt\s*\(",
    r"\beval\s*\(",
    r"document\.cookie",
    r"<img[^>]+src",
    r"expression\s*\(",
    r"data:text/html",
    // Paths
    r"\.\./",
    r"\.\.\\",
    r"/etc/passwd",
    r"boot\.ini",
    r"win\.ini",
    r"php://",
    r"file://",
    // Commands and the rest
    r"[;|&`]\s*(cat|ls|id|whoami|uname|wget|curl|ping|nc|bash|sh|dir|type)\b",
    r"\$\(",
    r"/bin/(ba)?sh",
    r"\$\{jndi:",
    r"\{\{.*\}\}",
    r"<!entity",
    r"<\?php",
    r"[\r\n]\s*set-cookie:",
];
