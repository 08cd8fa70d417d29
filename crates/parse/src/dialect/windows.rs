//! Windows' security log as JSON, flat (`EventID`, `TargetUserName`) or nested as winlogbeat has it
//! (`winlog.event_data.TargetUserName`): who, from where, on which machine, and what it was.
//!
//! The same events as XML get the same fields from their own format.

use model::{Event, Field, Value};

use super::{Dialect, copy, fill, said};

pub(super) const DIALECTS: &[Dialect] = &[
    Dialect {
        dataset: "windows.security",
        needs: &["EventID", "TargetUserName"],
        fields: &[],
        finish: |event| security(event, &FLAT),
    },
    Dialect {
        dataset: "windows.security",
        needs: &["winlog.event_data.TargetUserName"],
        fields: &[],
        finish: |event| security(event, &NESTED),
    },
    Dialect {
        dataset: "windows.security",
        needs: &["EventID", "ShareName", "SubjectUserName"],
        fields: &[],
        finish: |event| security(event, &FLAT),
    },
    Dialect {
        dataset: "windows.security",
        needs: &["winlog.event_data.ShareName"],
        fields: &[],
        finish: |event| security(event, &NESTED),
    },
    Dialect {
        dataset: "",
        needs: &["EventID", "Channel", "Computer"],
        fields: &[],
        finish: machine,
    },
    Dialect {
        dataset: "",
        needs: &["EventID", "Channel", "Hostname"],
        fields: &[],
        finish: machine,
    },
];

/// Other events that are told of by machine: a log cleared, secrets of the domain asked for, a
/// service or a task made, the audit policy changed.
const OF_MACHINES: &[i64] = &[104, 1102, 4662, 4697, 4698, 4719, 7045];

/// Where the values stand.
struct Names {
    computer: &'static [&'static str],
    address: &'static [&'static str],
    target: &'static [&'static str],
    target_sid: &'static str,
    subject: &'static [&'static str],
    member: &'static [&'static str],
    member_sid: &'static str,
    service: &'static [&'static str],
}

const FLAT: Names = Names {
    computer: &["Computer", "Hostname", "ComputerName"],
    address: &["IpAddress"],
    target: &["TargetUserName"],
    target_sid: "TargetSid",
    subject: &["SubjectUserName"],
    member: &["MemberName"],
    member_sid: "MemberSid",
    service: &["ServiceName"],
};

const NESTED: Names = Names {
    computer: &["winlog.computer_name"],
    address: &["winlog.event_data.IpAddress"],
    target: &["winlog.event_data.TargetUserName"],
    target_sid: "winlog.event_data.TargetSid",
    subject: &["winlog.event_data.SubjectUserName"],
    member: &["winlog.event_data.MemberName"],
    member_sid: "winlog.event_data.MemberSid",
    service: &["winlog.event_data.ServiceName"],
};

/// Whose name the target of an event is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    /// Who logs in.
    User,
    /// Who is acted upon.
    Account,
    /// As whom somebody acts.
    Effective,
    /// The group to which somebody is added.
    Group,
    /// Nobody's.
    None,
}

/// What the events are: the number, the action, the category, the type, the outcome.
const KINDS: &[(&str, &str, &str, &str, &str, Target)] = &[
    ("4624", "windows_login", "authentication", "start", "success", Target::User),
    ("4625", "windows_login", "authentication", "start", "failure", Target::User),
    ("4634", "windows_logout", "authentication", "end", "success", Target::User),
    ("4648", "windows_login_as_another", "authentication", "start", "success", Target::Effective),
    ("4720", "user_created", "iam", "creation", "success", Target::Account),
    ("4724", "password_reset", "iam", "change", "success", Target::Account),
    ("4726", "user_deleted", "iam", "deletion", "success", Target::Account),
    ("4728", "group_member_added", "iam", "change", "success", Target::Group),
    ("4732", "group_member_added", "iam", "change", "success", Target::Group),
    ("4740", "user_locked_out", "iam", "change", "success", Target::Account),
    ("4756", "group_member_added", "iam", "change", "success", Target::Group),
    ("4768", "ticket_granting_ticket_asked", "authentication", "start", "", Target::User),
    ("4769", "service_ticket_asked", "authentication", "start", "", Target::User),
    ("4771", "pre_authentication", "authentication", "start", "failure", Target::User),
    ("4776", "credentials_checked", "authentication", "start", "", Target::User),
    ("5140", "share_accessed", "network", "access", "success", Target::None),
    ("5145", "share_object_checked", "network", "access", "", Target::None),
];

fn security(event: &mut Event, names: &Names) {
    copy(event, Field::HostName, names.computer);
    let code = said(event, "EventID").or_else(|| said(event, "winlog.event_id"));
    let code = code.or_else(|| event.text(Field::EventCode).map(ToOwned::to_owned));
    let row = code.and_then(|code| KINDS.iter().find(|row| row.0 == code));
    let Some((_, action, category, kind, outcome, target)) = row else { return };
    fill(event, Field::EventAction, action);
    fill(event, Field::EventCategory, category);
    fill(event, Field::EventType, kind);
    if !outcome.is_empty() {
        fill(event, Field::EventOutcome, outcome);
    }
    let sid = if *target == Target::Group { names.member_sid } else { names.target_sid };
    let (name, other) = match target {
        Target::User => (Field::UserName, None),
        Target::Account => (Field::UserTargetName, Some(Field::UserName)),
        Target::Effective => (Field::UserEffectiveName, Some(Field::UserName)),
        Target::Group => (Field::GroupName, Some(Field::UserName)),
        Target::None => (Field::UserName, Some(Field::UserName)),
    };
    if *target != Target::None {
        set(event, name, names.target);
    }
    if let Some(subject) = other {
        set(event, subject, names.subject);
    }
    if *target == Target::Group {
        set(event, Field::UserTargetName, names.member);
    }
    if matches!(target, Target::Account | Target::Group)
        && let Some(sid) = said(event, sid)
    {
        event.set_extra("user.target.id", sid.as_str());
    }
    set(event, Field::SourceIp, names.address);
    set(event, Field::ServiceName, names.service);
}

/// Writes the machine of the rarer events; the many others keep it under their own name.
fn machine(event: &mut Event) {
    if let Some(Value::Integer(code)) = event.get_extra("EventID")
        && OF_MACHINES.contains(&code)
    {
        copy(event, Field::HostName, FLAT.computer);
        set(event, Field::UserName, FLAT.subject);
    }
}

/// Sets a field that is not set yet.
fn set(event: &mut Event, field: Field, names: &[&str]) {
    if event.get(field).is_none() {
        copy(event, field, names);
    }
}
