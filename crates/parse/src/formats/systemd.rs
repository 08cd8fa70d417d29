//! systemd: units started, stopped and failed.
//!
//! ```text
//! Started nginx.service - A high performance web server.
//! Stopped Session 12 of User ann.
//! nginx.service: Main process exited, code=exited, status=1/FAILURE
//! ```

use model::{Event, Field};

use super::shared::Meaning;
use crate::{Context, Format, ParseError};

pub(crate) const FORMAT: Format = Format {
    id: "systemd",
    summary: "units started, stopped and failed by systemd",
    programs: &["systemd"],
    recognises: |_| false,
    parse,
};

/// How a line begins: the action, the type, the outcome.
const VERBS: &[(&str, &str, &str, &str)] = &[
    ("Started ", "unit_started", "start", "success"),
    ("Starting ", "unit_starting", "start", ""),
    ("Finished ", "unit_finished", "end", "success"),
    ("Stopped ", "unit_stopped", "end", "success"),
    ("Stopping ", "unit_stopping", "end", ""),
    ("Reloaded ", "unit_reloaded", "change", "success"),
    ("Reloading ", "unit_reloading", "change", ""),
    ("Failed to start ", "unit_started", "start", "failure"),
    ("Listening on ", "socket_opened", "start", "success"),
    ("Mounted ", "unit_mounted", "start", "success"),
    ("Unmounted ", "unit_unmounted", "end", "success"),
    ("Created slice ", "slice_created", "start", "success"),
    ("Removed slice ", "slice_removed", "end", "success"),
    ("Reached target ", "target_reached", "info", "success"),
];

fn parse(text: &str, event: &mut Event, _: &Context<'_>) -> Result<(), ParseError> {
    let verb = VERBS.iter().find_map(|(verb, action, kind, outcome)| {
        let kind = Meaning { action, category: "process", kind, outcome };
        Some((kind, text.strip_prefix(verb)?))
    });
    match verb {
        Some((kind, unit)) => {
            kind.write(event);
            let unit = unit.trim_end_matches('.');
            let unit = unit.split_once(" - ").map_or(unit, |(name, _)| name);
            event.set(Field::ServiceName, unit);
            if let Some((_, user)) = unit.rsplit_once(" of User ") {
                event.set(Field::UserName, user);
            }
            Ok(())
        }
        None => of_unit(text, event).ok_or(ParseError::Missing("unit")),
    }
}

/// `nginx.service: Main process exited, code=exited, status=1/FAILURE`.
fn of_unit(text: &str, event: &mut Event) -> Option<()> {
    let (unit, said) = text.split_once(": ")?;
    (!unit.contains(' ') && unit.contains('.')).then_some(())?;
    let (action, kind, outcome) = if said.contains("exited, code=") {
        if let Some((_, status)) = said.rsplit_once("status=")
            && let Some((code, _)) = status.split_once('/')
        {
            event.set(Field::ProcessExitCode, code);
        }
        ("unit_process_exited", "end", "")
    } else if said.starts_with("Failed with result") {
        ("unit_failed", "end", "failure")
    } else if said.starts_with("Succeeded") || said.starts_with("Deactivated successfully") {
        ("unit_stopped", "end", "success")
    } else {
        ("unit_message", "info", "")
    };
    Meaning { action, category: "process", kind, outcome }.write(event);
    event.set(Field::ServiceName, unit);
    event.set(Field::EventReason, said);
    Some(())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn units() {
        check(
            "Started nginx.service - A web server.",
            expect![[r"
            event.action = unit_started
            event.category = process
            event.outcome = success
            event.type = start
            service.name = nginx.service
        "]],
        );
        check(
            "Failed to start A web server.",
            expect![[r"
            event.action = unit_started
            event.category = process
            event.outcome = failure
            event.type = start
            service.name = A web server
        "]],
        );
        check(
            "Stopped Session 12 of User ann.",
            expect![[r"
            event.action = unit_stopped
            event.category = process
            event.outcome = success
            event.type = end
            service.name = Session 12 of User ann
            user.name = ann
        "]],
        );
    }

    #[test]
    fn process_that_failed() {
        check(
            "nginx.service: Main process exited, code=exited, status=1/FAILURE",
            expect![[r"
            event.action = unit_process_exited
            event.category = process
            event.reason = Main process exited, code=exited, status=1/FAILURE
            event.type = end
            process.exit_code = 1
            service.name = nginx.service
        "]],
        );
        check(
            "nginx.service: Failed with result 'exit-code'.",
            expect![[r"
            event.action = unit_failed
            event.category = process
            event.outcome = failure
            event.reason = Failed with result 'exit-code'.
            event.type = end
            service.name = nginx.service
        "]],
        );
    }

    #[test]
    fn no_unit() {
        check("Time has been changed", expect![[r#"Missing("unit")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        testing::check(&FORMAT, text, expect);
    }
}
