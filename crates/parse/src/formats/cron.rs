//! cron: which user's job ran, and who changed a table.
//!
//! ```text
//! (root) CMD (run-parts /etc/cron.hourly)
//! (ann) BEGIN EDIT (ann)
//! (bob) AUTH (crontab command not allowed)
//! ```

use model::{Event, Field};

use super::shared::Meaning;
use crate::{Context, Format, ParseError};

pub(crate) const FORMAT: Format = Format {
    id: "cron",
    summary: "cron jobs and changes of their tables",
    programs: &["CRON", "CROND", "anacron", "cron", "crond", "crontab", "cronie"],
    recognises: |_| false,
    parse,
};

fn parse(text: &str, event: &mut Event, _: &Context<'_>) -> Result<(), ParseError> {
    let (user, rest) = text
        .strip_prefix('(')
        .and_then(|inner| inner.split_once(") "))
        .ok_or(ParseError::Missing("user"))?;
    let (verb, argument) = rest.split_once('(').ok_or(ParseError::Missing("argument"))?;
    let argument = argument.strip_suffix(')').unwrap_or(argument);
    let verb = verb.trim_end();
    kind(verb).write(event);
    // The daemon speaks of itself under a name that is no user's.
    if !matches!(user, "CRON" | "*system*") {
        event.set(Field::UserName, user);
    }
    match verb {
        "CMD" => event.set(Field::ProcessCommandLine, argument),
        "LIST" | "BEGIN EDIT" | "END EDIT" | "REPLACE" | "DELETE" => {
            event.set(Field::UserTargetName, argument);
        }
        "RELOAD" => event.set(Field::FilePath, argument),
        _ => event.set(Field::EventReason, argument),
    }
    Ok(())
}

fn kind(verb: &str) -> Meaning {
    let (action, category, kind, outcome) = match verb {
        "CMD" => ("cron_command", "process", "start", ""),
        "CMDEND" => ("cron_command_ended", "process", "end", ""),
        "LIST" => ("cron_table_listed", "configuration", "access", ""),
        "BEGIN EDIT" => ("cron_table_edit_begun", "configuration", "access", ""),
        "END EDIT" => ("cron_table_edit_ended", "configuration", "access", ""),
        "REPLACE" => ("cron_table_replaced", "configuration", "change", "success"),
        "DELETE" => ("cron_table_deleted", "configuration", "deletion", "success"),
        "RELOAD" => ("cron_table_loaded", "configuration", "change", ""),
        "AUTH" => ("cron_denied", "configuration", "denied", "failure"),
        "STARTUP" => ("cron_started", "process", "start", ""),
        _ => ("cron_message", "process", "info", ""),
    };
    Meaning { action, category, kind, outcome }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn job() {
        check(
            "(root) CMD (test -x /a && (cd / && run))",
            expect![[r"
            event.action = cron_command
            event.category = process
            event.type = start
            process.command_line = test -x /a && (cd / && run)
            user.name = root
        "]],
        );
    }

    #[test]
    fn table() {
        check(
            "(ann) REPLACE (bob)",
            expect![[r"
            event.action = cron_table_replaced
            event.category = configuration
            event.outcome = success
            event.type = change
            user.name = ann
            user.target.name = bob
        "]],
        );
        check(
            "(bob) AUTH (crontab command not allowed)",
            expect![[r"
            event.action = cron_denied
            event.category = configuration
            event.outcome = failure
            event.reason = crontab command not allowed
            event.type = denied
            user.name = bob
        "]],
        );
        check(
            "(*system*) RELOAD (/etc/crontab)",
            expect![[r"
            event.action = cron_table_loaded
            event.category = configuration
            event.type = change
            file.path = /etc/crontab
        "]],
        );
    }

    #[test]
    fn no_job() {
        check("Job `cron.daily' started", expect![[r#"Missing("user")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        testing::check(&FORMAT, text, expect);
    }
}
