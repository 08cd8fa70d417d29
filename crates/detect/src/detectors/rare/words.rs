//! What is said of a new program.

use super::super::Finding;
use super::kept::Waiting;
use super::news::Rate;
use super::{REMEMBERED, TOLD_A_DAY_MAX};
use crate::keep;

/// Gives the finding.
pub(super) fn finding(one: &Waiting, kind: &'static str, machines: usize, rate: Rate) -> Finding {
    let parent = if one.parent.is_empty() { "a parent that is not told" } else { &one.parent };
    let usual = match rate.others {
        ..0.5 if rate.firsts < 0.5 => {
            "no other new program of this kind came anywhere within five weeks".to_owned()
        }
        ..0.5 => format!(
            "no other new program of this kind came anywhere within five weeks, but {:.0} by this parent from folders that were as new",
            rate.firsts
        ),
        others => format!(
            "{others:.0} other new programs of this kind came within five weeks, {:.1} a day per thousand machines",
            rate.a_day
        ),
    };
    let more = if kind == "many" {
        format!(
            "; more than {TOLD_A_DAY_MAX} such were told on this day, and the rest is not told one by one"
        )
    } else {
        String::new()
    };
    let text = format!(
        "{}{} was started by {parent} on {}, which no machine of its group has done within 30 days, and within half \
         an hour {} did; {usual}{more}",
        one.name,
        one.place.words(),
        one.host,
        if machines > 1 { "one other" } else { "no other" },
    );
    let mut also = vec![("process.name", one.name.clone())];
    if !one.parent.is_empty() {
        also.push(("process.parent.name", one.parent.clone()));
    }
    Finding {
        kind,
        user: (!one.user.is_empty()).then(|| one.user.clone()),
        host: Some(one.host.clone()),
        score: 1.0 / (1.0 + rate.a_day),
        observed: keep::number(u64::try_from(machines).unwrap_or_default()),
        baseline: rate.a_day,
        window_seconds: REMEMBERED / keep::SECOND,
        text,
        first: one.time,
        count: 1,
        fresh: 1,
        events: vec![one.event],
        also,
        ..Finding::default()
    }
}
