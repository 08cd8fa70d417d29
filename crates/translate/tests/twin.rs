//! Translated patterns beside a naive reading of the same patterns: they hold for the same records.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use model::{Clock, Event, Origin, Record, Text, Timestamp};
use parse::{Parser, ParserConfig};
use proptest::prelude::*;
use sigma::{RuleFile, RuleSet};
use translate::SourceFile;
use translate::wazuh::{Options, translate};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn os_match(pattern in r"!?(\^?[ab*?.\\ ]{1,3}\$?\|){0,2}\^?[ab*?.\\ ]{1,3}\$?", record in "[abAB*?.\\\\ ]{1,8}x") {
        let record = format!("x{record}");
        // A backslash before the end tag makes that a part of the text.
        prop_assume!(!pattern.ends_with('\\'));
        let Some(found) = matches("match", &pattern, &record) else { return Ok(()) };
        prop_assert_eq!(found, naive_match(&pattern, &record), "{:?} in {:?}", pattern, record);
    }

    #[test]
    fn os_regex(pattern in r"\^?(a|b|\.|-|\\d\+|\\w\*|\\S|\\\.|\\p|\\W\+|\\s\*| ){1,5}\$?(\|(a|\\d|b)\$?)?", record in "[abAB1. _-]{1,8}") {
        let Some(found) = matches("regex", &pattern, &record) else { return Ok(()) };
        prop_assert_eq!(found, naive_regex(&pattern, &record), "{:?} in {:?}", pattern, record);
    }

    /// Whatever stands in a rule, what comes out is read as it is meant.
    #[test]
    fn no_text_breaks_out(text in r#"[a-z'":#{}\[\]&*!|>%@`,\\é\t\u{7}\u{85}\u{2028} -]{1,30}"#) {
        prop_assume!(!text.ends_with('\\'));
        let xml = format!(
            "<group name=\"{0}\"><rule id=\"1\" level=\"3\"><match>a{0}</match><description>a{0}</description></rule></group>",
            escaped(&text)
        );
        let (rules, translated) = loaded(&xml);
        prop_assert_eq!(rules.rules().len(), translated);
        for rule in rules.rules() {
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(words(&rule.header.title), words(&format!("a{text}")));
        }
    }
}

/// Tells whether a rule with this one pattern is for a record; nothing where there is no such rule.
fn matches(option: &str, pattern: &str, record: &str) -> Option<bool> {
    let pattern = escaped(pattern);
    let (rules, _) =
        loaded(&format!("<rule id=\"1\" level=\"3\"><{option}>{pattern}</{option}></rule>"));
    if rules.rules().is_empty() {
        return None;
    }
    let mut found = Vec::new();
    rules.matches(&event(record), &mut found);
    Some(!found.is_empty())
}

fn loaded(xml: &str) -> (RuleSet, usize) {
    let file = SourceFile { path: "x.xml".to_owned(), text: xml.to_owned() };
    let translation = translate(&[file], &[], &Options::default());
    let files: Vec<RuleFile> = translation
        .files
        .iter()
        .map(|file| RuleFile { path: file.source.clone(), text: file.text.clone() })
        .collect();
    let (rules, faults) = RuleSet::load(&files);
    assert!(faults.is_empty(), "{faults:?} in {files:?}");
    (rules, translation.translated)
}

fn event(record: &str) -> Event {
    let received_at = Timestamp::parse("2026-11-21T10:00:00Z").unwrap();
    let origin = Arc::new(Origin { clock: Clock::File(received_at), ..Origin::default() });
    Parser::new(ParserConfig::default()).parse(Record {
        text: Text::from(record),
        received_at,
        origin,
        truncated_bytes: 0,
        escaped_bytes: 0,
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn naive_match(pattern: &str, record: &str) -> bool {
    let (negated, pattern) = match pattern.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let record = record.to_ascii_lowercase();
    let found = pattern.to_ascii_lowercase().split('|').any(|part| {
        let (start, part) = (part.starts_with('^'), part.strip_prefix('^').unwrap_or(part));
        let (end, part) = (part.ends_with('$'), part.strip_suffix('$').unwrap_or(part));
        match (start, end) {
            (true, true) => record == part,
            (true, false) => record.starts_with(part),
            (false, true) => record.ends_with(part),
            (false, false) => record.contains(part),
        }
    });
    found != negated
}

fn naive_regex(pattern: &str, record: &str) -> bool {
    let record: Vec<char> = record.to_ascii_lowercase().chars().collect();
    pattern.split('|').any(|part| {
        let whole: Vec<char> = part.to_ascii_lowercase().chars().collect();
        // Upper-case classes are told by the pattern as it was written.
        let written: Vec<char> = part.chars().collect();
        match whole.split_first() {
            Some(('^', _)) => here(written.split_first().unwrap().1, &record),
            _ => (0..=record.len()).any(|at| here(&written, record.split_at(at).1)),
        }
    })
}

fn here(pattern: &[char], text: &[char]) -> bool {
    match pattern {
        [] => true,
        ['$'] => text.is_empty(),
        ['\\', class, '+', rest @ ..] => runs(*class, text).skip(1).any(|left| here(rest, left)),
        ['\\', class, '*', rest @ ..] => runs(*class, text).any(|left| here(rest, left)),
        ['\\', class, rest @ ..] => match text {
            [first, left @ ..] => is_of(*class, *first) && here(rest, left),
            [] => false,
        },
        [plain, rest @ ..] => match text {
            [first, left @ ..] => plain.to_ascii_lowercase() == *first && here(rest, left),
            [] => false,
        },
    }
}

/// Gives what is left of a text after none, one, two … characters of a class.
fn runs(class: char, text: &[char]) -> impl Iterator<Item = &[char]> {
    let most = text.iter().take_while(|letter| is_of(class, **letter)).count();
    (0..=most).map(|many| text.split_at(many).1)
}

fn is_of(class: char, letter: char) -> bool {
    let is_word = letter.is_ascii_alphanumeric() || "-@_".contains(letter);
    match class {
        'w' => is_word,
        'W' => !is_word,
        'd' => letter.is_ascii_digit(),
        's' => letter == ' ',
        'S' => letter != ' ',
        'p' => "()*+,-.:;<=>?[]!\"'#$%&|{}".contains(letter),
        '.' => true,
        _ => false,
    }
}
