//! Times of the day: `6 pm - 8:30 am`, `22:00-05:59`, `!8-17`.

use crate::detection::{Node, Value};

const MINUTES_OF_DAY: u32 = 24 * 60;

/// Gives the test of a time of the day, both ends within it.
pub(crate) fn hours(text: &str) -> Result<Node, String> {
    let fault = || format!("`{text}` is no time of the day such as 6 pm - 8:30 am");
    let (negated, range) = match text.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (from, to) = range.split_once('-').ok_or_else(fault)?;
    let from = minutes(from).ok_or_else(fault)?;
    let to = minutes(to).ok_or_else(fault)?;
    let node = if from <= to {
        between(from, to)
    } else {
        Node::any([between(from, MINUTES_OF_DAY - 1), between(0, to)])
    };
    Ok(if negated { Node::not(node) } else { node })
}

/// Reads `8`, `8:30`, `8 am`, `12:15pm`.
fn minutes(text: &str) -> Option<u32> {
    let text = text.trim().to_ascii_lowercase();
    let (text, half) = match text.strip_suffix("am") {
        Some(rest) => (rest, Some(0)),
        None => match text.strip_suffix("pm") {
            Some(rest) => (rest, Some(12)),
            None => (text.as_str(), None),
        },
    };
    let (hour, minute) = text.trim().split_once(':').unwrap_or((text.trim(), "0"));
    let (hour, minute): (u32, u32) = (hour.trim().parse().ok()?, minute.trim().parse().ok()?);
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
        None => hour,
    };
    // Midnight may be written as the day's end.
    let total = if (hour, minute) == (24, 0) { MINUTES_OF_DAY - 1 } else { hour * 60 + minute };
    (minute < 60 && total < MINUTES_OF_DAY).then_some(total)
}

/// Gives the test of the minutes `from..=to` of a day.
fn between(from: u32, to: u32) -> Node {
    let (first, last) = (from / 60, to / 60);
    let part = |hour: u32, minutes: std::ops::RangeInclusive<u32>| {
        let test =
            |unit: &str, values: Vec<Value>| Node::test(format!("@timestamp|{unit}"), values);
        let whole = minutes == (0..=59);
        Node::all(std::iter::once(test("hour", vec![Value::Number(hour.into())])).chain(
            (!whole).then(|| {
                test("minute", minutes.map(|minute| Value::Number(minute.into())).collect())
            }),
        ))
    };
    if first == last {
        return part(first, from % 60..=to % 60);
    }
    // Whole hours in one test, the broken ones at either end for themselves.
    let start = if from.is_multiple_of(60) { first } else { first + 1 };
    let end = if to % 60 == 59 { last + 1 } else { last };
    let middle: Vec<Value> = (start..end).map(|hour| Value::Number(hour.into())).collect();
    Node::any(
        (!from.is_multiple_of(60))
            .then(|| part(first, from % 60..=59))
            .into_iter()
            .chain((!middle.is_empty()).then(|| Node::test("@timestamp|hour", middle)))
            .chain((to % 60 != 59).then(|| part(last, 0..=to % 60))),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_as_they_are_written() {
        for (text, from, to) in [
            ("6 pm - 8:30 am", 18 * 60, 8 * 60 + 30),
            ("22:00-05:59", 22 * 60, 5 * 60 + 59),
            ("12 am - 12 pm", 0, 12 * 60),
            ("8-17", 8 * 60, 17 * 60),
        ] {
            let (first, second) = text.split_once('-').unwrap();
            assert_eq!((minutes(first), minutes(second)), (Some(from), Some(to)), "{text}");
        }
        for wrong in ["", "8", "25-26", "13 pm - 2 pm", "8:61-9", "a-b"] {
            assert!(hours(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        /// The tests hold in just the minutes that are meant.
        #[test]
        fn every_minute_of_the_day(from in 0..MINUTES_OF_DAY, to in 0..MINUTES_OF_DAY) {
            let written =
                format!("{}:{:02} - {}:{:02}", from / 60, from % 60, to / 60, to % 60);
            let node = hours(&written).unwrap();
            for minute in 0..MINUTES_OF_DAY {
                let meant = if from <= to {
                    (from..=to).contains(&minute)
                } else {
                    minute >= from || minute <= to
                };
                prop_assert_eq!(holds(&node, minute), meant, "{} at {}", written, minute);
            }
        }
    }

    fn holds(node: &Node, now: u32) -> bool {
        match node {
            Node::Test(test) => {
                let part = if test.key.ends_with("hour") { now / 60 } else { now % 60 };
                test.values.contains(&Value::Number(part.into()))
            }
            Node::All(nodes) => nodes.iter().all(|node| holds(node, now)),
            Node::Any(nodes) => nodes.iter().any(|node| holds(node, now)),
            Node::Not(inner) => !holds(inner, now),
            _ => false,
        }
    }
}
