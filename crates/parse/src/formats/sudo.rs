//! sudo: who ran what as whom, and who was refused.
//!
//! ```text
//!    ann : TTY=pts/0 ; PWD=/home/ann ; USER=root ; COMMAND=/usr/bin/cat /etc/shadow
//!    bob : user NOT in sudoers ; TTY=pts/1 ; PWD=/home/bob ; USER=root ; COMMAND=/usr/bin/id
//! ```

use model::{Event, Field};

use super::shared::Meaning;
use crate::{Context, Format, ParseError};

pub(crate) const FORMAT: Format = Format {
    id: "sudo",
    summary: "sudo commands",
    programs: &["sudo"],
    recognises: |text| text.get(..200).unwrap_or(text).contains(" ; COMMAND="),
    parse,
};

const RUN: Meaning =
    Meaning { action: "sudo_command", category: "process", kind: "start", outcome: "success" };
const DENIED: Meaning = Meaning {
    action: "sudo_denied",
    category: "authentication",
    kind: "denied",
    outcome: "failure",
};

fn parse(text: &str, event: &mut Event, _: &Context<'_>) -> Result<(), ParseError> {
    let (user, mut rest) =
        text.trim_start().split_once(" : ").ok_or(ParseError::Missing("user"))?;
    if user.contains(' ') {
        return Err(ParseError::Invalid("user"));
    }
    let mut reason = None;
    let mut read = 0_u8;
    loop {
        // The command comes last and may hold anything.
        if let Some(command) = rest.strip_prefix("COMMAND=") {
            write_command(command, event);
            read += 1;
            break;
        }
        let (part, after) = rest.split_once(" ; ").unwrap_or((rest, ""));
        match part.split_once('=').and_then(|(name, value)| Some((field(name)?, value))) {
            Some((field, value)) => {
                event.set(field, value);
                read = read.saturating_add(1);
            }
            // What stands before the pairs tells why it was refused.
            None if reason.is_none() && read == 0 => reason = Some(part),
            None => {}
        }
        if after.is_empty() {
            break;
        }
        rest = after;
    }
    if read == 0 {
        return Err(ParseError::Missing("command"));
    }
    event.set(Field::UserName, user);
    match reason {
        None => RUN.write(event),
        Some(reason) => {
            DENIED.write(event);
            event.set(Field::EventReason, reason.trim());
        }
    }
    Ok(())
}

fn field(name: &str) -> Option<Field> {
    Some(match name {
        "TTY" => Field::ProcessTty,
        "PWD" => Field::ProcessWorkingDirectory,
        "USER" => Field::UserEffectiveName,
        "GROUP" => Field::GroupName,
        "TSID" => Field::SessionId,
        _ => return None,
    })
}

fn write_command(command: &str, event: &mut Event) {
    event.set(Field::ProcessCommandLine, command);
    let executable = command.split(' ').next().unwrap_or_default();
    if executable.starts_with('/') {
        event.set(Field::ProcessExecutable, executable);
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn command() {
        check(
            "     ann : TTY=pts/0 ; PWD=/home/ann ; USER=root ; COMMAND=/usr/bin/sh -c 'a ; USER=bob'",
            expect![[r"
                event.action = sudo_command
                event.category = process
                event.outcome = success
                event.type = start
                process.command_line = /usr/bin/sh -c 'a ; USER=bob'
                process.executable = /usr/bin/sh
                process.tty = pts/0
                process.working_directory = /home/ann
                user.effective.name = root
                user.name = ann
            "]],
        );
    }

    #[test]
    fn refused() {
        check(
            "bob : user NOT in sudoers ; TTY=pts/1 ; PWD=/home/bob ; USER=root ; COMMAND=/usr/bin/id",
            expect![[r"
                event.action = sudo_denied
                event.category = authentication
                event.outcome = failure
                event.reason = user NOT in sudoers
                event.type = denied
                process.command_line = /usr/bin/id
                process.executable = /usr/bin/id
                process.tty = pts/1
                process.working_directory = /home/bob
                user.effective.name = root
                user.name = bob
            "]],
        );
        check(
            "bob : 3 incorrect password attempts ; TTY=pts/1 ; PWD=/ ; USER=root ; COMMAND=list",
            expect![[r"
                event.action = sudo_denied
                event.category = authentication
                event.outcome = failure
                event.reason = 3 incorrect password attempts
                event.type = denied
                process.command_line = list
                process.tty = pts/1
                process.working_directory = /
                user.effective.name = root
                user.name = bob
            "]],
        );
    }

    #[test]
    fn no_command() {
        check("unable to resolve host web1", expect![[r#"Missing("user")"#]]);
        check("ann : something else", expect![[r#"Missing("command")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        testing::check(&FORMAT, text, expect);
    }
}
