//! Changes of users and groups by the shadow tools (`useradd`, `usermod`, `passwd`, `gpasswd`, …).
//!
//! ```text
//! new user: name=bob, UID=1001, GID=1001, home=/home/bob, shell=/bin/bash, from=/dev/pts/0
//! add 'bob' to group 'sudo'
//! password for 'bob' changed by 'root'
//! ```

use model::{Event, Field};

use super::shared::Meaning;
use crate::{Context, Format, ParseError};

pub(crate) const FORMAT: Format = Format {
    id: "accounts",
    summary: "users and groups changed (useradd, usermod, passwd, …)",
    programs: &[
        "chage",
        "chfn",
        "chgpasswd",
        "chpasswd",
        "chsh",
        "gpasswd",
        "groupadd",
        "groupdel",
        "groupmod",
        "grpck",
        "newusers",
        "passwd",
        "pwck",
        "useradd",
        "userdel",
        "usermod",
    ],
    recognises: |text| text.starts_with("new user: name=") || text.starts_with("new group: name="),
    parse,
};

fn parse(text: &str, event: &mut Event, _: &Context<'_>) -> Result<(), ParseError> {
    let (action, kind) = added(text, event)
        .or_else(|| quoted(text, event))
        .or_else(|| plain(text, event))
        .ok_or(ParseError::Missing("change of an account"))?;
    let outcome = if text.starts_with("failed") { "failure" } else { "success" };
    Meaning { action, category: "iam", kind, outcome }.write(event);
    Ok(())
}

type Said = (&'static str, &'static str);

/// `new user: name=bob, UID=1001, …`, `new group: name=bob, GID=1001` and the like.
fn added(text: &str, event: &mut Event) -> Option<Said> {
    let (what, rest) = text.split_once(": ").or_else(|| text.split_once(" - "))?;
    let said = match what {
        "new user" | "new account added" => ("user_added", "creation"),
        "new group" | "group added to /etc/group" | "group added to /etc/gshadow" => {
            ("group_added", "creation")
        }
        "group changed in /etc/group" | "group changed in /etc/gshadow" => {
            ("group_changed", "change")
        }
        _ => return None,
    };
    let of_user = said.0 == "user_added";
    for pair in rest.split(", ") {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let value = value.trim_matches('\'');
        let field = match (name, of_user) {
            ("name" | "account", true) => Field::UserTargetName,
            ("name" | "group", _) => Field::GroupName,
            ("UID" | "uid", true) => Field::UserId,
            ("GID" | "gid", _) => Field::GroupId,
            ("home", true) => Field::UserHome,
            ("shell", true) => Field::UserShell,
            ("from", _) => Field::ProcessTty,
            ("by", _) => Field::UserName,
            _ => continue,
        };
        event.set(field, value);
    }
    Some(said)
}

/// Lines that quote their names: `add 'bob' to group 'sudo'`.
fn quoted(text: &str, event: &mut Event) -> Option<Said> {
    let mut parts = text.split('\'');
    let (before, first) = (parts.next()?, parts.next()?);
    let (between, second) = (parts.next()?, parts.next().unwrap_or_default());
    // What follows the second name; a third one (`shell from 'a' to 'b'`) comes behind it.
    parts.next();
    let said = match (before, between) {
        ("add ", " to group " | " to shadow group ") => {
            event.set(Field::GroupName, second);
            ("group_member_added", "change")
        }
        ("delete ", " from group " | " from shadow group ") => {
            event.set(Field::GroupName, second);
            ("group_member_removed", "change")
        }
        ("delete user " | "remove user ", _) => ("user_deleted", "deletion"),
        ("failed adding user ", _) => ("user_added", "creation"),
        ("lock user ", _) => ("user_locked", "change"),
        ("unlock user ", _) => ("user_unlocked", "change"),
        ("password for ", " changed by ") => {
            event.set(Field::UserName, second);
            ("password_changed", "change")
        }
        ("change user name ", _) => ("user_renamed", "change"),
        ("change user " | "changed user ", what) => {
            if what.starts_with(" shell to ") {
                event.set(Field::UserShell, second);
            } else if what.starts_with(" shell from ") {
                event.set(Field::UserShell, parts.next().unwrap_or_default());
            }
            let password = what.trim_start().starts_with("password");
            if password { ("password_changed", "change") } else { ("user_changed", "change") }
        }
        ("group " | "removed group " | "removed shadow group " | "remove group ", _)
            if before != "group " || between.starts_with(" removed") =>
        {
            event.set(Field::GroupName, first);
            return Some(("group_deleted", "deletion"));
        }
        _ => return None,
    };
    event.set(Field::UserTargetName, first);
    Some(said)
}

/// Lines without quotes.
fn plain(text: &str, event: &mut Event) -> Option<Said> {
    if let Some(user) = text.strip_prefix("password changed for ") {
        event.set(Field::UserTargetName, user.split(',').next()?);
        return Some(("password_changed", "change"));
    }
    if let Some(user) = text.strip_prefix("changed password expiry for ") {
        event.set(Field::UserTargetName, user);
        return Some(("password_expiry_changed", "change"));
    }
    // `user bob added by root to group sudo`, `user bob removed by root from group sudo`
    let (user, rest) = text.strip_prefix("user ")?.split_once(' ')?;
    let (verb, rest) = rest.split_once(" by ")?;
    let (by, rest) = rest.split_once(' ')?;
    let (_, group) =
        rest.split_once(" group ").or_else(|| Some(("", rest.strip_prefix("group ")?)))?;
    event.set(Field::UserTargetName, user);
    event.set(Field::UserName, by);
    event.set(Field::GroupName, group);
    match verb {
        "added" => Some(("group_member_added", "change")),
        "removed" => Some(("group_member_removed", "change")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::shared::testing;
    use super::*;

    #[test]
    fn user_added() {
        check(
            "new user: name=bob, UID=1001, GID=1001, home=/home/bob, shell=/bin/bash, from=/dev/pts/0",
            expect![[r"
                event.action = user_added
                event.category = iam
                event.outcome = success
                event.type = creation
                group.id = 1001
                process.tty = /dev/pts/0
                user.home = /home/bob
                user.id = 1001
                user.shell = /bin/bash
                user.target.name = bob
            "]],
        );
    }

    #[test]
    fn groups() {
        check(
            "new group: name=ops, GID=1002",
            expect![[r"
            event.action = group_added
            event.category = iam
            event.outcome = success
            event.type = creation
            group.id = 1002
            group.name = ops
        "]],
        );
        check(
            "add 'bob' to group 'sudo'",
            expect![[r"
            event.action = group_member_added
            event.category = iam
            event.outcome = success
            event.type = change
            group.name = sudo
            user.target.name = bob
        "]],
        );
        check(
            "user bob added by root to group sudo",
            expect![[r"
            event.action = group_member_added
            event.category = iam
            event.outcome = success
            event.type = change
            group.name = sudo
            user.name = root
            user.target.name = bob
        "]],
        );
        check(
            "group 'ops' removed",
            expect![[r"
            event.action = group_deleted
            event.category = iam
            event.outcome = success
            event.type = deletion
            group.name = ops
        "]],
        );
    }

    #[test]
    fn changes() {
        check(
            "password for 'bob' changed by 'root'",
            expect![[r"
            event.action = password_changed
            event.category = iam
            event.outcome = success
            event.type = change
            user.name = root
            user.target.name = bob
        "]],
        );
        check(
            "change user 'bob' shell from '/bin/sh' to '/bin/bash'",
            expect![[r"
            event.action = user_changed
            event.category = iam
            event.outcome = success
            event.type = change
            user.shell = /bin/bash
            user.target.name = bob
        "]],
        );
        check(
            "delete user 'bob'",
            expect![[r"
            event.action = user_deleted
            event.category = iam
            event.outcome = success
            event.type = deletion
            user.target.name = bob
        "]],
        );
        check(
            "lock user 'bob' password",
            expect![[r"
            event.action = user_locked
            event.category = iam
            event.outcome = success
            event.type = change
            user.target.name = bob
        "]],
        );
    }

    #[test]
    fn no_change() {
        check("new entries are not welcome", expect![[r#"Missing("change of an account")"#]]);
    }

    #[track_caller]
    fn check(text: &str, expect: Expect) {
        testing::check(&FORMAT, text, expect);
    }
}
