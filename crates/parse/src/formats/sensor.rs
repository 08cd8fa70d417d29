//! What the sensors of this product write: events in the Elastic Common Schema, as nested JSON.
//!
//! ```text
//! {"@timestamp":"2026-11-21T06:58:00Z","event":{"module":"decoy","action":"login"},"source":{"ip":"203.0.113.9"}}
//! ```
//!
//! Packets, decoys and scans are read where they happen, so their records come whole, `event.module`
//! and the fields under `bartizan.` among them. No record is recognised as such: it is one only where
//! its input says so, since whoever could write one could pass for a sensor.

use model::{Event, Field};

use crate::object::{self, Whose};
use crate::{Context, Format, ParseError, dns};

/// The format's row.
pub(crate) const FORMAT: Format = Format {
    id: "sensor",
    summary: "events of this product's own sensors",
    programs: &[],
    recognises: |_| false,
    parse,
};

fn parse(text: &str, event: &mut Event, _: &Context<'_>) -> Result<(), ParseError> {
    object::read(text, event, Whose::Ours)?;
    // A question seen on the wire is counted by the same domain as one from a name server's log.
    if let Some(name) = event.text(Field::DnsQuestionName).map(str::to_owned) {
        dns::registered_domain(event, &name);
    }
    event.get(Field::EventModule).map(|_| ()).ok_or(ParseError::Missing("module"))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn a_sensor_names_itself_and_sets_what_is_ours() {
        testing::check(
            &FORMAT,
            r#"{"@timestamp":"2026-11-21T06:58:00Z","event":{"module":"decoy","action":"login"},"bartizan":{"repeat":3,"decoy":{"session":"a\u0031"}},"a":["b","c"]}"#,
            expect![[r"
                @timestamp = 2026-11-21T06:58:00.000Z
                bartizan.repeat = 3
                event.action = login
                event.module = decoy
                bartizan.decoy.session = a1
                a = b, c
            "]],
        );
        assert!(testing::read(&FORMAT, r#"{"event":{"action":"login"}}"#).is_err());
    }

    #[test]
    fn a_question_is_counted_by_who_registered_its_domain() {
        testing::check(
            &FORMAT,
            r#"{"event":{"module":"flow"},"dns":{"question":{"name":"a.b.Example.org"}}}"#,
            expect![[r"
                dns.question.name = a.b.Example.org
                event.module = flow
                dns.question.registered_domain = example.org
            "]],
        );
    }
}
