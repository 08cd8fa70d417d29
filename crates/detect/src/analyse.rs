//! Fields that are worked out from an event, before rules see it.

use inspect::{ATTACK_SCORE_MIN, AccessLog, Class, Finding, Request, Verdict};
use model::{Event, Field, Value};

use crate::logged::Headers;

/// Adds what inspection makes of a request, where the event is one.
pub(crate) fn inspect_request(event: &mut Event) {
    let Some(verdict) = verdict(event) else { return };
    if verdict.findings.is_empty() {
        return;
    }
    event.set(Field::InspectionScore, verdict.score);
    if !verdict.attack {
        return;
    }
    // Alone too weak, together enough: then all of them count.
    let sure = |finding: &&Finding| finding.score >= ATTACK_SCORE_MIN;
    let any_sure = verdict.findings.iter().any(|finding| sure(&finding));
    let confirmed: Vec<&Finding> =
        verdict.findings.iter().filter(|finding| !any_sure || sure(finding)).collect();
    let mut classes: Vec<&str> = Vec::new();
    for finding in &confirmed {
        if !classes.contains(&finding.class.as_str()) {
            classes.push(finding.class.as_str());
        }
    }
    event.set_list(Field::InspectionClasses, classes.into_iter().map(Value::Text));
    // A tool that names itself says less than what it sent.
    let telling = confirmed.iter().find(|finding| finding.class != Class::Scanner);
    if let Some(strongest) = telling.or(confirmed.first()) {
        event.set(Field::InspectionEvidence, strongest.evidence.as_str());
    }
}

fn verdict(event: &Event) -> Option<Verdict> {
    let target = event.text(Field::UrlOriginal)?;
    let method = event.text(Field::RequestMethod)?;
    let headers = Headers::of(event);
    let log = AccessLog { method, target, ..AccessLog::default() };
    let request = log.request(headers.as_slice());
    let body = event.text(Field::RequestBody).unwrap_or_default().as_bytes();
    Some(inspect::inspect(&Request { body, ..request }))
}
