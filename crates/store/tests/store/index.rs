//! An index only spares work: with it, without it, with a damaged one, the answers are the same.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::samples::{MIDNIGHT, Numbers, json, open};
use model::{Event, EventId, Field, Text, Timestamp, Value};
use proptest::prelude::*;
use query::{
    Case, FieldRef, Glyph, Literal, Matcher, Network, Node, Number, Placement, Predicate, Regex,
    RegexFlags, Test, TextMatcher,
};
use store::{Config, Histogram, Order, Scope, Search, Store, Top};

const WORDS: &[&str] = &[
    "straße",
    "STRASSE",
    "Kelvin\u{212a}",
    "kelvink",
    "ſecret",
    "secret",
    "ΣΊΣΥΦΟΣ",
    "σίσυφος",
    "İstanbul",
    "admin",
    "Administrator",
    "c:\\windows\\system32",
    "203.0.113.9",
    "::ffff:203.0.113.9",
    "deadbeef01",
    "日本語の記録",
    "a",
    "",
    " ",
    "x-1-y-22-z-333",
    "[\"x\"]",
    "17",
    "17.0",
    "true",
];
const FIELDS: &[&str] = &[
    "user.name",
    "source.ip",
    "host.name",
    "process.command_line",
    "message",
    "event.original",
    "http.response.status_code",
    "source.port",
    "tags",
    "bartizan.simulated",
    "app.name",
    "app.count",
    "app.tags",
    "error.message",
    "url.path",
    "related.ip",
];

fn odd_event(id: u64, numbers: &mut Numbers) -> Arc<Event> {
    let mut line = String::new();
    for _ in 0..=numbers.below(5) {
        line.push_str(numbers.one_of::<&str>(WORDS));
        line.push_str(numbers.one_of::<&str>(&[" ", "", ": ", "=", "\n", "/"]));
    }
    let time = MIDNIGHT + i64::try_from(numbers.below(7200)).unwrap() - 3600;
    let mut event = Event::new(Text::from(line.as_str()), Timestamp::from_seconds(MIDNIGHT + 4000));
    event.id = EventId(id);
    event.time = Timestamp::from_seconds(time);
    if numbers.below(3) == 0 {
        let from = line.char_indices().map(|(at, _)| at).nth(line.chars().count() / 2).unwrap_or(0);
        event.set(Field::Message, &line[from..]);
    }
    for _ in 0..numbers.below(7) {
        let name = *numbers.one_of(FIELDS);
        let text = *numbers.one_of(WORDS);
        match (name, numbers.below(4)) {
            ("message" | "event.original", _) => {}
            ("app.count", _) => event.set_path(name, i64::try_from(numbers.below(40)).unwrap()),
            ("app.tags", _) => event
                .set_path_list(name, [Value::Text(text), Value::Integer(17), Value::Float(2.5)]),
            ("app.name", 0) => event.set_path(name, Value::Json("[{\"deep\":\"secret\"}]")),
            ("app.name", 1) => event.set_path(name, 17.0),
            ("source.port" | "http.response.status_code", 0..=2) => {
                event.set_path(name, i64::try_from(numbers.below(40)).unwrap());
            }
            (_, 0) if Field::by_name(name).is_some() => {
                let field = Field::by_name(name).unwrap();
                event.push(field, text);
                event.push(field, *numbers.one_of(WORDS));
            }
            _ => event.set_path(name, text),
        }
    }
    Arc::new(event)
}

fn odd_events(count: u64, seed: u64) -> Vec<Arc<Event>> {
    let mut numbers = Numbers(seed);
    (0..count).map(|id| odd_event(id, &mut numbers)).collect()
}

fn matcher(numbers: &mut Numbers) -> TextMatcher {
    let word = *numbers.one_of(WORDS);
    let length = word.chars().count() as u64;
    let from = usize::try_from(numbers.below(length + 1) / 2).unwrap();
    let piece: String = word.chars().skip(from).take(9).collect();
    let case = *numbers.one_of(&[Case::Folded, Case::Exact]);
    let placements = [Placement::Whole, Placement::Start, Placement::End, Placement::Anywhere];
    match numbers.below(6) {
        0 => {
            let mut glyphs: Vec<Glyph> = word.chars().map(Glyph::Char).collect();
            let at = usize::try_from(numbers.below(length + 1)).unwrap();
            glyphs.insert(at, *numbers.one_of(&[Glyph::Any, Glyph::One]));
            glyphs.insert(0, Glyph::Any);
            TextMatcher::from_glyphs(case, &glyphs)
        }
        1 => {
            let flags = RegexFlags { fold_case: numbers.below(2) == 0, ..RegexFlags::default() };
            let mut escaped = String::new();
            for letter in piece.chars() {
                if letter.is_ascii_punctuation() {
                    escaped.push('\\');
                }
                escaped.push(letter);
            }
            TextMatcher::Regex(Regex::new(&format!("{escaped}.?\\b"), flags).unwrap())
        }
        2 | 3 => TextMatcher::Literal(Literal::new(Placement::Whole, case, word)),
        _ => TextMatcher::Literal(Literal::new(*numbers.one_of(&placements), case, &piece)),
    }
}

fn test(numbers: &mut Numbers) -> Node {
    if numbers.below(3) == 0 {
        return Node::Test(Test::Anywhere(matcher(numbers)));
    }
    let field = FieldRef::by_name(numbers.one_of::<&str>(FIELDS));
    let matcher = match numbers.below(6) {
        0 => Matcher::Exists,
        1 => Matcher::Number(
            query::Comparison::Equal,
            *numbers.one_of(&[Number::Integer(17), Number::Float(17.0), Number::Integer(3)]),
        ),
        2 => {
            let text =
                *numbers.one_of(&["203.0.113.9", "::ffff:203.0.113.9", "203.0.113.0/24", "::/0"]);
            Matcher::Network(Network::parse(text).unwrap())
        }
        _ => Matcher::Text(matcher(numbers)),
    };
    Node::Test(Test::Field { field, matcher })
}

fn node(numbers: &mut Numbers, depth: u64) -> Node {
    match numbers.below(4 + depth) {
        0 if depth > 0 => Node::And(vec![node(numbers, depth - 1), node(numbers, depth - 1)]),
        1 if depth > 0 => Node::Or(vec![node(numbers, depth - 1), node(numbers, depth - 1)]),
        2 if depth > 0 => Node::Not(Box::new(node(numbers, depth - 1))),
        _ => test(numbers),
    }
}

fn indexes(dir: &Path) -> Vec<PathBuf> {
    let days = std::fs::read_dir(dir.join("segments")).unwrap();
    let files = days.flat_map(|day| std::fs::read_dir(day.unwrap().path()).unwrap());
    let paths = files.map(|file| file.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|one| one == "index")).collect()
}

/// Compares what the store answers with a look at every event.
fn compare(store: &Store, all: &[Arc<Event>], predicate: &Predicate, told: &str) {
    let mut scope = Scope::of(predicate.clone());
    let mut expected: Vec<Arc<Event>> =
        all.iter().filter(|event| predicate.matches(event)).cloned().collect();
    expected.sort_by_key(|event| std::cmp::Reverse((event.time, event.id)));
    let search = Search { scope: scope.clone(), order: Order::Newest, limit: 5000, cursor: None };
    let found = store.search(&search).unwrap();
    assert_eq!(json(&found.events), json(&expected), "{told}: {predicate:?}");
    scope.from = Timestamp::from_seconds(MIDNIGHT - 3600);
    scope.to = Timestamp::from_seconds(MIDNIGHT + 3600);
    let histogram = Histogram { scope, buckets: 13 };
    let count = store.histogram(&histogram).unwrap().total();
    assert_eq!(count, expected.len() as u64, "{told}: {predicate:?}");
}

/// What is asked of a store that holds these events.
type Ask<'a> = dyn FnMut(&Store, &[Arc<Event>], &str) + 'a;

fn with_indexes(seed: u64, events: u64, ask: &mut Ask<'_>) {
    let dir = tempfile::tempdir().unwrap();
    let all = odd_events(events, seed);
    let store = open(dir.path(), Config::default());
    for part in all.chunks(all.len() / 2 + 1) {
        store.append(part, &[]).unwrap();
        store.flush().unwrap();
    }
    ask(&store, &all, "with indexes");
    store.close().unwrap();
    let files = indexes(dir.path());
    assert!(!files.is_empty());
    for (number, file) in files.iter().enumerate() {
        let mut bytes = std::fs::read(file).unwrap();
        let middle = bytes.len() / (2 + number % 3);
        bytes[middle] ^= 1;
        std::fs::write(file, &bytes).unwrap();
    }
    let store = open(dir.path(), Config::default());
    ask(&store, &all, "with damaged indexes");
    store.close().unwrap();
    for file in &files {
        std::fs::remove_file(file).unwrap();
    }
    let store = open(dir.path(), Config::default());
    ask(&store, &all, "without indexes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn same_answers_whatever_the_index(seed in 1_u64..u64::MAX / 2) {
        let mut numbers = Numbers(seed);
        let asked: Vec<Predicate> =
            (0..15).map(|_| Predicate::new(node(&mut numbers, 2))).collect();
        with_indexes(seed, 300, &mut |store, all, told| {
            for predicate in &asked {
                compare(store, all, predicate, told);
            }
        });
    }
}

#[test]
fn counts_of_values_whatever_the_index() {
    with_indexes(77, 900, &mut |store, all, told| {
        for field in FIELDS {
            let top = Top {
                scope: Scope::of(Predicate::default()),
                field: (*field).to_owned(),
                limit: 7,
            };
            let found = store.top(&top).unwrap();
            let mut counts = std::collections::BTreeMap::<String, u64>::new();
            let mut missing = 0;
            for event in all {
                match event.get_path(field) {
                    Some(value) => value
                        .each()
                        .for_each(|one| *counts.entry(one.to_string()).or_default() += 1),
                    None => missing += 1,
                }
            }
            let mut expected: Vec<(String, u64)> = counts.into_iter().collect();
            expected.sort_by(|one, next| next.1.cmp(&one.1).then_with(|| one.0.cmp(&next.0)));
            let total: u64 = expected.iter().map(|(_, count)| count).sum();
            expected.truncate(7);
            let shown: u64 = expected.iter().map(|(_, count)| count).sum();
            assert_eq!(found.values, expected, "{told} {field}");
            assert_eq!((found.missing, found.other), (missing, total - shown), "{told} {field}");
        }
    });
}

/// More values than a head keeps, the same ones in front in each segment.
#[test]
fn most_frequent_values_of_many() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Config::default());
    let mut counts = std::collections::HashMap::<String, u64>::new();
    for segment in 0..3_u64 {
        let events: Vec<Arc<Event>> = (0..9000_u64)
            .map(|number| {
                let user = if number % 3 == 0 { number / 3 % 20 } else { 100 + number % 6000 };
                let id = EventId(segment * 9000 + number);
                let mut event = Event::new(Text::from("x"), Timestamp::from_seconds(MIDNIGHT));
                event.id = id;
                event.time = Timestamp::from_seconds(MIDNIGHT + i64::try_from(number).unwrap());
                let user = format!("user-{user}");
                *counts.entry(user.clone()).or_default() += 1;
                event.set(Field::UserName, user.as_str());
                Arc::new(event)
            })
            .collect();
        store.append(&events, &[]).unwrap();
        store.flush().unwrap();
    }
    for limit in [5, 20, 300] {
        let scope = Scope::of(Predicate::default());
        let found = store.top(&Top { scope, field: "user.name".to_owned(), limit }).unwrap();
        let mut expected: Vec<(String, u64)> =
            counts.iter().map(|(user, count)| (user.clone(), *count)).collect();
        expected.sort_by(|one, next| next.1.cmp(&one.1).then_with(|| one.0.cmp(&next.0)));
        let cut: u64 = expected.iter().skip(limit).map(|(_, count)| count).sum();
        expected.truncate(limit);
        assert_eq!((found.values, found.other, found.missing), (expected, cut, 0));
    }
}
