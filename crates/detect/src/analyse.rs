//! Fields that are worked out from an event, before rules see it.

use inspect::{ATTACK_SCORE_MIN, Answer, Class, Finding, Outcome, Request, Verdict};
use model::{Event, Field, Value};

use crate::logged::Headers;
use crate::models::{self, Beside, Usual};

/// What sensors keep of a body whose size was not told beforehand.
const SENSOR_BODY_BYTES_MAX: usize = 8 * 1024;

/// Adds what inspection makes of a request, where the event is one; what the page usually answers tells
/// what became of an attack.
pub(crate) fn inspect_request(event: &mut Event, usual: &Usual) {
    let Some(verdict) = inspected(event) else { return };
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
        event.set(Field::InspectionGrade, strongest.grade.as_str());
        event.set_made(Field::InspectionPlace, |place| *place += &strongest.place.to_string());
        let layers = strongest.layers.iter().map(|layer| Value::Text(layer.as_str()));
        event.set_list(Field::InspectionLayers, layers);
    }
    let unseen = verdict.not_observable.iter().map(|class| Value::Text(class.as_str()));
    event.set_list(Field::InspectionNotObservable, unseen);
    judge_answer(event, &verdict, usual);
}

/// Adds how an attack was answered, and beside what that is judged.
fn judge_answer(event: &mut Event, verdict: &Verdict, usual: &Usual) {
    let [bytes, milliseconds] = usual.beside(event, models::answer(event));
    let judged = verdict.judge(&Answer {
        // Where a page has answers of many sizes, none of them says anything.
        usual_bytes: bytes.filter(|beside| beside.is_unusual).map(|beside| beside.usual),
        usual_milliseconds: milliseconds.map(|beside| beside.usual),
        is_slow: milliseconds.is_some_and(|beside| beside.is_unusual && beside.is_above()),
        ..answered(event)
    });
    event.set(Field::InspectionOutcome, judged.outcome.as_str());
    event.set(Field::InspectionAdjustedScore, judged.score);
    let telling: Option<(Beside, &str)> = match judged.outcome {
        Outcome::UnusualSize => bytes.map(|beside| (beside, "bytes")),
        Outcome::Delayed => milliseconds.map(|beside| (beside, "ms")),
        _ => None,
    };
    let Some((beside, unit)) = telling else { return };
    event.set_extra("bartizan.inspection.answer", &*beside.told(unit));
    for (name, number) in [
        ("bartizan.inspection.answer_observed", beside.observed),
        ("bartizan.inspection.answer_baseline", beside.usual),
    ] {
        event.set_extra(name, i64::try_from(number).unwrap_or(i64::MAX));
    }
}

/// Gives what an event itself tells of the answer to its request.
pub fn answered(event: &Event) -> Answer {
    let told = models::answer(event);
    let status = event.integer(Field::ResponseStatus);
    Answer {
        status: status.and_then(|status| u16::try_from(status).ok()),
        bytes: told.bytes,
        milliseconds: told.milliseconds,
        ..Answer::default()
    }
}

/// Gives what inspection says of the request that an event holds; nothing where it holds none.
pub fn inspected(event: &Event) -> Option<Verdict> {
    let method = event.text(Field::RequestMethod)?;
    // Some senders tell the path and the query, and not the whole.
    let joined;
    let target = match event.text(Field::UrlOriginal) {
        Some(target) => target,
        None => match (event.text(Field::UrlPath)?, event.text(Field::UrlQuery)) {
            (path, None | Some("" | "-")) => path,
            (path, Some(query)) => {
                joined = [path, "?", query].concat();
                &joined
            }
        },
    };
    let body = event.text(Field::RequestBody).unwrap_or_default();
    let version = event.text(Field::HttpVersion).unwrap_or_default();
    let Some(told) = event.get(Field::RequestHeaders) else {
        let headers = Headers::of(event);
        let (headers, body) = (headers.as_slice(), body.as_bytes());
        let request = Request { method, target, version, headers, body, whole: false };
        return Some(inspect::inspect(&request));
    };
    let lines: Vec<&str> = told.each().filter_map(Value::as_text).collect();
    let headers: Vec<(&str, &str)> =
        lines.iter().filter_map(|line| line.split_once(": ")).collect();
    let body = as_sent(body);
    let sent = event.integer(Field::RequestBodyBytes).and_then(|bytes| usize::try_from(bytes).ok());
    let read = sent.map_or(body.len() < SENSOR_BODY_BYTES_MAX, |sent| sent <= body.len());
    // A line without a colon stands for headers that were left out.
    let whole = read && lines.len() == headers.len();
    let (headers, body) = (headers.as_slice(), body.as_slice());
    Some(inspect::inspect(&Request { method, target, version, headers, body, whole }))
}

/// Gives a body as it was sent: sensors write bytes that are no UTF-8 as `\xHH`.
fn as_sent(body: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((before, after)) = rest.split_once("\\x") {
        bytes.extend_from_slice(before.as_bytes());
        let byte = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        // What is ASCII stands as itself, so that such an escape is the sender's own.
        if let Some(byte) = byte.filter(|byte| !byte.is_ascii()) {
            bytes.push(byte);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.extend_from_slice(b"\\x");
            rest = after;
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use model::Timestamp;

    use super::*;

    #[test]
    fn a_logged_attack_and_its_answer() {
        check(
            |event| {
                event.set(Field::RequestMethod, "GET");
                event.set(Field::UrlOriginal, "/item?id=1%2527%20or%20sleep(5)--");
                event.set(Field::ResponseStatus, 200_i64);
                event.set(Field::EventDuration, 5_100_000_000_i64);
            },
            expect![[r#"
                bartizan.inspection.adjusted_score: Float(1.0)
                bartizan.inspection.classes: Text("sql_injection")
                bartizan.inspection.evidence: Text("or sleep(5)--")
                bartizan.inspection.grade: Text("breaks_out")
                bartizan.inspection.layers: List([Text("percent"), Text("percent")])
                bartizan.inspection.not_observable: List([Text("cross_site_request_forgery"), Text("malicious_upload"), Text("request_smuggling"), Text("session_fixation")])
                bartizan.inspection.outcome: Text("delayed")
                bartizan.inspection.place: Text("query id")
                bartizan.inspection.score: Float(0.94)
            "#]],
        );
    }

    #[test]
    fn a_whole_request_of_a_sensor() {
        let headers = [
            "Host: shop.example",
            "Origin: https://evil.test",
            "Cookie: session=",
            "Content-Type: multipart/form-data; boundary=b",
        ];
        let body = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.png\"\r\n\r\n\\x89PNG\r\n\x1a\n <?= `$_GET[0]` ?>\r\n--b--";
        let whole = |event: &mut Event, bytes: usize| {
            event.set(Field::RequestMethod, "POST");
            event.set(Field::UrlOriginal, "/up");
            event.set_list(Field::RequestHeaders, headers.into_iter().map(Value::Text));
            event.set(Field::RequestBody, body);
            event.set(Field::RequestBodyBytes, i64::try_from(bytes).unwrap());
            event.set(Field::ResponseStatus, 404_i64);
        };
        check(
            |event| whole(event, body.len() - 3),
            expect![[r#"
            bartizan.inspection.adjusted_score: Float(0.8)
            bartizan.inspection.classes: List([Text("malicious_upload"), Text("cross_site_request_forgery")])
            bartizan.inspection.evidence: Text("a.png: a web shell (PHP)")
            bartizan.inspection.grade: Text("request")
            bartizan.inspection.outcome: Text("refused")
            bartizan.inspection.place: Text("body f")
            bartizan.inspection.score: Float(0.95)
        "#]],
        );
        // Cut off: what is missing could be what clears it.
        check(
            |event| whole(event, body.len()),
            expect![[r#"
            bartizan.inspection.adjusted_score: Float(0.8)
            bartizan.inspection.classes: Text("malicious_upload")
            bartizan.inspection.evidence: Text("a.png: a web shell (PHP)")
            bartizan.inspection.grade: Text("request")
            bartizan.inspection.not_observable: List([Text("cross_site_request_forgery"), Text("request_smuggling")])
            bartizan.inspection.outcome: Text("refused")
            bartizan.inspection.place: Text("body f")
            bartizan.inspection.score: Float(0.95)
        "#]],
        );
    }

    #[test]
    fn bodies_as_they_were_sent() {
        assert_eq!(as_sent("\\x89PNG\\x41\\xzz\\x"), b"\x89PNG\\x41\\xzz\\x");
        assert_eq!(as_sent("plain"), b"plain");
    }

    #[test]
    fn an_honest_request_gains_nothing() {
        check(
            |event| {
                event.set(Field::RequestMethod, "GET");
                event.set(Field::UrlOriginal, "/item?id=1");
                event.set(Field::ResponseStatus, 500_i64);
            },
            expect![""],
        );
    }

    #[track_caller]
    fn check(fill: impl FnOnce(&mut Event), expect: Expect) {
        let mut event = Event::new("".into(), Timestamp::default());
        fill(&mut event);
        inspect_request(&mut event, &Usual::default());
        let lines = event
            .known()
            .filter(|(field, _)| field.name().starts_with("bartizan.inspection"))
            .map(|(field, value)| format!("{}: {value:?}\n", field.name()));
        expect.assert_eq(&lines.collect::<String>());
    }
}
