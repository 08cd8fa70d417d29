//! Counting conditions as Sigma had them before it had correlations.
//!
//! ```text
//! detection:
//!     selection:
//!         EventID: 4625
//!     condition: selection | count(TargetUserName) by IpAddress > 5
//!     timeframe: 5m
//! ```
//!
//! becomes a rule for the selection, which keeps silent, and a correlation that counts it and keeps
//! the id, the title, the author and everything else. The text is cut at its lines, so that comments
//! and the author's hand stay as they are.

use crate::yaml;

/// Bounds the fields that a correlation groups by, as the engine does.
const FIELDS_MAX: usize = 8;
/// Bounds a file.
const FILE_BYTES_MAX: usize = 4 << 20;

/// Why a counting condition was not rewritten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwritten {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// Why.
    pub reason: String,
}

/// Rewrites the counting conditions of a file of Sigma rules. Gives nothing for a file without any.
pub fn rewrite(text: &str) -> Option<Result<String, Unwritten>> {
    if text.len() > FILE_BYTES_MAX || !text.contains('|') {
        return None;
    }
    let mut out = String::with_capacity(text.len() * 2);
    let mut found = false;
    for document in documents(text) {
        match document.rewritten() {
            None => document.lines.iter().for_each(|line| out.push_str(line)),
            Some(Ok(rewritten)) => {
                found = true;
                out.push_str(&rewritten);
            }
            Some(Err(unwritten)) => return Some(Err(unwritten)),
        }
    }
    found.then_some(Ok(out))
}

/// One document, as lines with their ends.
struct Document<'t> {
    /// The number of its first line.
    first: usize,
    lines: Vec<&'t str>,
}

fn documents(text: &str) -> Vec<Document<'_>> {
    let mut documents = vec![Document { first: 1, lines: Vec::new() }];
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let begins = line.trim_end() == "---";
        if let (true, Some(last)) = (begins, documents.last())
            && !last.lines.is_empty()
        {
            documents.push(Document { first: number + 1, lines: Vec::new() });
        }
        if let Some(last) = documents.last_mut() {
            last.lines.push(line);
        }
    }
    documents
}

/// `selection | count(field) by a, b > 5`, read.
#[derive(Debug, PartialEq, Eq)]
struct Aggregation<'t> {
    condition: &'t str,
    field: Option<&'t str>,
    by: Vec<&'t str>,
    operator: &'static str,
    number: u64,
}

impl Document<'_> {
    fn rewritten(&self) -> Option<Result<String, Unwritten>> {
        let blocks = self.blocks();
        let detection = blocks.iter().find(|block| block.key == "detection")?;
        let (at, value) = detection.lines.iter().enumerate().find_map(|(at, line)| {
            let value = line.trim().strip_prefix("condition:")?.trim();
            value.contains('|').then_some((at, value))
        })?;
        let line = self.first + detection.at + at;
        let column = detection.lines.get(at).and_then(|line| line.find(value)).unwrap_or(0) + 1;
        let unwritten = |reason: String| Unwritten { line, column, reason };
        Some(
            aggregation(value)
                .and_then(|aggregation| Self::pair(&blocks, &aggregation))
                .map_err(unwritten),
        )
    }

    /// Gives the silent rule and the correlation that counts it.
    fn pair(blocks: &[Block<'_>], aggregation: &Aggregation<'_>) -> Result<String, String> {
        let scalar =
            |key: &str| blocks.iter().find(|block| block.key == key).and_then(Block::scalar);
        let timespan = blocks
            .iter()
            .filter(|block| block.key == "detection")
            .flat_map(|block| block.lines.iter())
            .find_map(|line| line.trim().strip_prefix("timeframe:"))
            .map(|span| span.trim().trim_matches(['"', '\'']))
            .ok_or("it counts without a `timeframe`, and so for ever")?;
        if !is_timespan(timespan) {
            return Err(format!("`{timespan}` is no timeframe such as 5m"));
        }
        let (Some(id), Some(title)) = (scalar("id"), scalar("title")) else {
            return Err("it has no `id` and `title` on a line each".to_owned());
        };
        let base = format!("{id}_events");
        let mut out = String::from("---\n");
        yaml::pair(&mut out, 0, "title", &format!("{title} (the events that are counted)"));
        yaml::pair(&mut out, 0, "id", &base);
        for block in blocks.iter().filter(|block| {
            ["status", "author", "license", "logsource", "taxonomy"].contains(&block.key)
        }) {
            block.write(&mut out);
        }
        for block in blocks.iter().filter(|block| block.key == "detection") {
            block.write_counted(aggregation.condition, &mut out);
        }
        out.push_str("level: informational\nbartizan:\n    reports: false\n---\n");
        for block in blocks {
            let apart = ["logsource", "detection", "---"].contains(&block.key);
            if !apart {
                block.write(&mut out);
            }
        }
        write_correlation(&mut out, aggregation, &base, timespan);
        Ok(out)
    }

    /// Cuts a document at the keys of its outermost map.
    fn blocks(&self) -> Vec<Block<'_>> {
        let mut blocks: Vec<Block<'_>> = Vec::new();
        for (at, line) in self.lines.iter().enumerate() {
            let bare = line.trim_end();
            let key = match bare.split_once(':') {
                _ if bare == "---" => Some("---"),
                Some((key, _)) if !key.is_empty() && !key.starts_with([' ', '#', '-']) => Some(key),
                _ => None,
            };
            match (key, blocks.last_mut()) {
                (Some(key), _) => blocks.push(Block { key, at, lines: vec![line] }),
                (None, Some(open)) => open.lines.push(line),
                (None, None) => blocks.push(Block { key: "", at, lines: vec![line] }),
            }
        }
        blocks
    }
}

/// A key of the outermost map with all that belongs to it.
struct Block<'t> {
    key: &'t str,
    /// Where in the document it begins.
    at: usize,
    lines: Vec<&'t str>,
}

impl Block<'_> {
    fn scalar(&self) -> Option<String> {
        let (_, value) = self.lines.first()?.split_once(':')?;
        let value = value.split(" #").next()?.trim().trim_matches(['"', '\'']);
        (!value.is_empty() && !value.starts_with(['>', '|', '&', '*', '[', '{']))
            .then(|| value.to_owned())
    }

    fn write(&self, out: &mut String) {
        self.lines.iter().for_each(|line| write_line(line, out));
    }

    /// Writes the detection with its plain condition and without the time.
    fn write_counted(&self, condition: &str, out: &mut String) {
        for line in &self.lines {
            let bare = line.trim_start();
            let indent = line.get(..line.len() - bare.len()).unwrap_or_default();
            if bare.starts_with("condition:") {
                yaml::line(out, indent.len(), &format!("condition: {}", yaml::scalar(condition)));
            } else if !bare.starts_with("timeframe:") {
                write_line(line, out);
            }
        }
    }
}

fn write_line(line: &str, out: &mut String) {
    out.push_str(line.trim_end_matches(['\r', '\n']));
    out.push('\n');
}

fn write_correlation(out: &mut String, aggregation: &Aggregation<'_>, base: &str, timespan: &str) {
    let kind = if aggregation.field.is_some() { "value_count" } else { "event_count" };
    let by: Vec<String> = aggregation.by.iter().map(|field| (*field).to_owned()).collect();
    yaml::line(out, 0, "correlation:");
    yaml::line(out, 4, &format!("type: {kind}"));
    yaml::list(out, 4, "rules", &[base.to_owned()]);
    yaml::list(out, 4, "group-by", &by);
    yaml::line(out, 4, &format!("timespan: {timespan}"));
    yaml::line(out, 4, "condition:");
    if let Some(field) = aggregation.field {
        yaml::pair(out, 8, "field", field);
    }
    yaml::line(out, 8, &format!("{}: {}", aggregation.operator, aggregation.number));
}

/// Reads a condition with a count behind its bar.
fn aggregation(text: &str) -> Result<Aggregation<'_>, String> {
    if text.starts_with(['>', '|', '[', '&', '*']) {
        return Err("the condition is not on one line".to_owned());
    }
    let text = text.trim_matches(['"', '\'']);
    let (condition, counting) = text.split_once('|').unwrap_or((text, ""));
    let counting = counting.trim();
    let other = || format!("`{counting}` is no count: only `count` has a counterpart");
    let rest = counting.strip_prefix("count").ok_or_else(other)?.trim_start();
    let (field, rest) =
        rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).ok_or_else(other)?;
    let (by, comparison) = match rest.trim_start().strip_prefix("by ") {
        Some(rest) => {
            let at = rest.find(['<', '>', '=']).ok_or("the count is compared with nothing")?;
            rest.split_at(at)
        }
        None => ("", rest.trim_start()),
    };
    let by: Vec<&str> = by.split(',').map(str::trim).filter(|field| !field.is_empty()).collect();
    if by.len() > FIELDS_MAX || by.iter().any(|field| field.contains(' ')) {
        return Err(format!("it groups by other than 1 to {FIELDS_MAX} fields"));
    }
    let operators =
        [(">=", "gte"), ("<=", "lte"), ("==", "eq"), (">", "gt"), ("<", "lt"), ("=", "eq")];
    let (operator, number) = operators
        .iter()
        .find_map(|(sign, word)| Some((*word, comparison.strip_prefix(sign)?)))
        .ok_or("the count is compared with nothing")?;
    let number = number.trim().parse().map_err(|_| "the count is compared with no number")?;
    let field = Some(field.trim()).filter(|field| !field.is_empty());
    Ok(Aggregation { condition: condition.trim(), field, by, operator, number })
}

fn is_timespan(text: &str) -> bool {
    let number = text.strip_suffix(['s', 'm', 'h', 'd']);
    number.is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_count_becomes_a_correlation() {
        check(
            "title: Many failures\nid: 3b0e\n# a word\nauthor: Ann Example\nlogsource:\n    product: windows\n    \
             service: security\ndetection:\n    selection:\n        EventID: 4625 # failed\n    timeframe: 5m\n    \
             condition: selection | count(TargetUserName) by IpAddress, Computer >= 5\nlevel: medium\n",
            expect![[r"
                ---
                title: 'Many failures (the events that are counted)'
                id: '3b0e_events'
                author: Ann Example
                logsource:
                    product: windows
                    service: security
                detection:
                    selection:
                        EventID: 4625 # failed
                    condition: selection
                level: informational
                bartizan:
                    reports: false
                ---
                title: Many failures
                id: 3b0e
                # a word
                author: Ann Example
                level: medium
                correlation:
                    type: value_count
                    rules:
                        - '3b0e_events'
                    group-by:
                        - IpAddress
                        - Computer
                    timespan: 5m
                    condition:
                        field: TargetUserName
                        gte: 5
            "]],
        );
    }

    #[test]
    fn what_cannot_be_counted() {
        let rule = |condition: &str, more: &str| {
            format!("title: a\nid: b\ndetection:\n  s:\n    c: d\n  condition: {condition}\n{more}")
        };
        let span = "  timeframe: 5m\n";
        check(
            &rule("s | count() > 5", ""),
            expect![[r"
            ! 6:14 it counts without a `timeframe`, and so for ever"]],
        );
        check(
            &rule("s | max(x) by y > 5", span),
            expect![[r"
            ! 6:14 `max(x) by y > 5` is no count: only `count` has a counterpart"]],
        );
        check(
            &rule("s | count() by y", span),
            expect![[r"
            ! 6:14 the count is compared with nothing"]],
        );
        check(
            &rule("s | count() > many", span),
            expect![[r"
            ! 6:14 the count is compared with no number"]],
        );
        assert_eq!(rewrite(&rule("s", "  # a | b\n")), None);
        assert_eq!(rewrite("keywords:\n  - a | b\n"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_borne(text in r"(title: a\n|id: b\n|detection:\n|  condition: s \| count\(\) > 5\n|---\n|[a-z:| \n'#-]{0,9}){0,12}") {
            if let Some(Ok(rewritten)) = rewrite(&text) {
                prop_assert!(rewritten.contains("correlation:"));
            }
        }
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        let shown = match rewrite(text) {
            Some(Ok(text)) => text,
            Some(Err(Unwritten { line, column, reason })) => format!("! {line}:{column} {reason}"),
            None => "nothing".to_owned(),
        };
        expect.assert_eq(&shown);
    }
}
