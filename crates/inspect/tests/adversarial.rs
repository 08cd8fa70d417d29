//! Attacks that no list holds, and honest values as wide: made from grammars, measured, and held.
//!
//! `INSPECT_SHOW=sql union` prints what of that grammar was judged wrongly.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measuring test: it prints its table"
)]

mod grammar;

use grammar::evade::{EVASIONS, Evasion};
use grammar::{Dice, attack, benign};
use inspect::{Class, Request, Verdict, inspect};

/// Values made of each grammar.
const MADE: usize = 400;
/// Of the attacks of one grammar, at least so many of a hundred are found.
const FOUND_PERCENT_MIN: usize = 97;
/// Deepest nesting of encodings that is undone.
const LAYERS_MAX: u32 = 4;

#[test]
fn attacks_are_found() {
    let mut weak = Vec::new();
    for (name, class, make) in attack::GRAMMARS {
        let mut dice = Dice::new(7);
        let mut found = 0;
        for _ in 0..MADE {
            let payload = make(&mut dice);
            let verdict = query(&payload);
            if verdict.attack {
                found += 1;
            } else {
                show(name, &payload, &verdict);
            }
        }
        println!("{name:18} {class:28} {found} of {MADE}");
        if found * 100 < MADE * FOUND_PERCENT_MIN {
            weak.push(format!("{name}: {found} of {MADE}"));
        }
    }
    assert!(weak.is_empty(), "{weak:?}");
}

#[test]
fn honest_values_are_silent() {
    let mut alarms = Vec::new();
    for (name, make) in benign::GRAMMARS {
        let mut dice = Dice::new(11);
        let mut raised = 0;
        for _ in 0..MADE {
            let value = make(&mut dice);
            for verdict in [query(&value), form(&value), json(&value)] {
                if verdict.attack {
                    raised += 1;
                    show(name, &value, &verdict);
                    alarms.push(format!("{name}: {value:?} {:?}", verdict.findings));
                }
            }
        }
        println!("{name:18} {raised} false of {}", MADE * 3);
    }
    assert!(alarms.is_empty(), "{} alarms, {:#?}", alarms.len(), &alarms[..alarms.len().min(5)]);
}

#[test]
fn evasions_of_what_is_found_are_found() {
    let mut missed = Vec::new();
    for (name, class, make) in attack::GRAMMARS {
        let mut dice = Dice::new(13);
        for _ in 0..MADE / 20 {
            let payload = make(&mut dice);
            if !query(&payload).attack {
                continue;
            }
            for outer in EVASIONS {
                for inner in EVASIONS {
                    if nest(inner, outer, *class, &payload) {
                        let hidden = (outer.rewrite)(&(inner.rewrite)(&payload));
                        let verdict = query(&hidden);
                        if !verdict.attack {
                            show("evasion", &hidden, &verdict);
                            missed.push(format!(
                                "{name}, {} in {}: {payload:?}",
                                inner.name, outer.name
                            ));
                        }
                    }
                }
            }
        }
    }
    let mut kinds: Vec<&str> = missed.iter().filter_map(|line| line.split(':').next()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert!(
        missed.is_empty(),
        "{} missed, {:#?} {kinds:#?}",
        missed.len(),
        &missed[..missed.len().min(20)]
    );
}

/// Tells whether the pair makes sense: rewriting of letters first, then encodings, not too deep.
fn nest(inner: &Evasion, outer: &Evasion, class: Class, payload: &str) -> bool {
    // A NUL inside of a reference, or spelt as one, is no NUL and no reference to anybody.
    let nul = |name: &str| matches!(name, "inner nul" | "entities");
    if nul(inner.name) && nul(outer.name) {
        return false;
    }
    let first = (inner.suits)(class, payload);
    let written = (inner.rewrite)(payload);
    // The query string itself is one layer.
    first
        && (outer.suits)(class, &written)
        && inner.layers + outer.layers < LAYERS_MAX
        && (outer.layers > 0 || inner.layers == 0)
}

fn query(value: &str) -> Verdict {
    let target = format!("/item?id={}", percent(value));
    inspect(&Request {
        method: "GET",
        target: &target,
        version: "HTTP/1.1",
        headers: &[],
        body: b"",
        whole: true,
    })
}

fn form(value: &str) -> Verdict {
    let body = format!("a=1&text={}&send=ok", percent(value));
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    inspect(&Request {
        method: "POST",
        target: "/post",
        version: "HTTP/1.1",
        headers: &headers,
        body: body.as_bytes(),
        whole: true,
    })
}

fn json(value: &str) -> Verdict {
    let body = serde_json::json!({ "id": 17, "text": value }).to_string();
    let headers = [("Content-Type", "application/json")];
    inspect(&Request {
        method: "POST",
        target: "/api",
        version: "HTTP/1.1",
        headers: &headers,
        body: body.as_bytes(),
        whole: true,
    })
}

fn show(name: &str, value: &str, verdict: &Verdict) {
    if std::env::var("INSPECT_SHOW").is_ok_and(|wanted| wanted == name) {
        println!("WRONG {name} {value:?} {:?}", verdict.findings);
    }
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
