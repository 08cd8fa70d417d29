//! Which value of which event is which common field, and what the events are.

use model::Field;

use super::Target::{Account, Address, As, Hashes, Integrity, Key, Number, Other, Path, Transport};
use super::{Provider, Target};

/// The names of one provider's events.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) provider: Provider,
    /// The events; none for all that no row above names.
    pub(super) codes: &'static [u16],
    pub(super) names: &'static [(&'static str, Target)],
}

/// What an event is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) provider: Provider,
    pub(super) code: u16,
    pub(super) action: &'static str,
    pub(super) category: &'static str,
    pub(super) kind: &'static str,
    pub(super) outcome: &'static str,
}

const fn row(
    provider: Provider,
    codes: &'static [u16],
    names: &'static [(&'static str, Target)],
) -> Row {
    Row { provider, codes, names }
}

const EXECUTABLE: Target = Path(Field::ProcessExecutable, Field::ProcessName);
const PARENT: Target = Path(Field::ParentExecutable, Field::ParentName);
const FILE: Target = Path(Field::FilePath, Field::FileName);

/// The first row that fits counts.
pub(super) const MAPPINGS: &[Row] = &[
    row(Provider::Sysmon, &[8, 10], SYSMON_BETWEEN),
    row(Provider::Sysmon, &[6, 7, 15, 23, 26, 27, 28, 29], SYSMON_FILES),
    row(Provider::Sysmon, &[], SYSMON),
    row(Provider::Security, &[4688], CREATED),
    row(Provider::Security, &[4689], ENDED),
    row(Provider::Security, &[4624, 4625, 4634, 4647, 4778, 4779, 4800, 4801], LOGIN),
    row(Provider::Security, &[4768, 4769, 4770, 4771, 4772, 4776], TICKET),
    row(Provider::Security, &[4648], EXPLICIT),
    row(Provider::Security, &[4657], REGISTRY),
    row(Provider::Security, &[4656, 4658, 4660, 4663, 4670], OBJECT),
    row(Provider::Security, &[4697], SERVICE),
    row(
        Provider::Security,
        &[4727, 4728, 4729, 4730, 4731, 4732, 4733, 4734, 4735, 4737, 4754, 4755, 4756, 4757, 4758],
        GROUP,
    ),
    row(Provider::Security, &[5140, 5142, 5143, 5144, 5145], SHARE),
    row(Provider::Security, &[5152, 5154, 5155, 5156, 5157, 5158, 5159], CONNECTION),
    row(Provider::Security, &[], ACCOUNT),
    row(
        Provider::EventLog,
        &[],
        &[
            ("SubjectUserName", As(Field::UserName)),
            ("SubjectDomainName", As(Field::UserDomain)),
            ("SubjectUserSid", As(Field::UserId)),
        ],
    ),
    row(
        Provider::ServiceControl,
        &[],
        &[
            ("ServiceName", As(Field::ServiceName)),
            ("ImagePath", As(Field::ProcessCommandLine)),
            ("AccountName", Other("service.account")),
        ],
    ),
    row(Provider::PowerShell, &[], &[("Path", FILE)]),
    row(
        Provider::LocalSessions,
        &[],
        &[
            ("User", Account),
            ("Address", Address(Field::SourceIp)),
            ("SessionID", As(Field::SessionId)),
        ],
    ),
];

const SYSMON: &[(&str, Target)] = &[
    ("CommandLine", As(Field::ProcessCommandLine)),
    ("CurrentDirectory", As(Field::ProcessWorkingDirectory)),
    ("DestinationHostname", As(Field::DestinationDomain)),
    ("DestinationIp", Address(Field::DestinationIp)),
    ("DestinationPort", Number(Field::DestinationPort)),
    ("Details", Other("registry.data.strings")),
    ("Hashes", Hashes("process.hash")),
    ("Image", EXECUTABLE),
    ("ParentCommandLine", As(Field::ParentCommandLine)),
    ("ParentImage", PARENT),
    ("ParentProcessGuid", Other("process.parent.entity_id")),
    ("ParentProcessId", Number(Field::ParentPid)),
    ("PipeName", As(Field::FileName)),
    ("ProcessGuid", Other("process.entity_id")),
    ("ProcessId", Number(Field::ProcessPid)),
    ("Protocol", Transport),
    ("QueryName", As(Field::DnsQuestionName)),
    ("SourceHostname", As(Field::SourceDomain)),
    ("SourceIp", Address(Field::SourceIp)),
    ("SourcePort", Number(Field::SourcePort)),
    ("TargetFilename", FILE),
    ("TargetObject", Key),
    ("User", Account),
];

const SYSMON_BETWEEN: &[(&str, Target)] = &[
    ("SourceImage", EXECUTABLE),
    ("SourceProcessGuid", Other("process.entity_id")),
    ("SourceProcessGUID", Other("process.entity_id")),
    ("SourceProcessId", Number(Field::ProcessPid)),
    ("SourceThreadId", Number(Field::ProcessThreadId)),
    ("SourceUser", Account),
];

const SYSMON_FILES: &[(&str, Target)] = &[
    ("Hash", Hashes("file.hash")),
    ("Hashes", Hashes("file.hash")),
    ("Image", EXECUTABLE),
    ("ImageLoaded", FILE),
    ("ProcessGuid", Other("process.entity_id")),
    ("ProcessId", Number(Field::ProcessPid)),
    ("TargetFilename", FILE),
    ("User", Account),
];

const CREATED: &[(&str, Target)] = &[
    ("CommandLine", As(Field::ProcessCommandLine)),
    ("MandatoryLabel", Integrity),
    ("NewProcessId", Number(Field::ProcessPid)),
    ("NewProcessName", EXECUTABLE),
    ("ParentProcessName", PARENT),
    ("ProcessId", Number(Field::ParentPid)),
    ("SubjectDomainName", As(Field::UserDomain)),
    ("SubjectUserName", As(Field::UserName)),
    ("SubjectUserSid", As(Field::UserId)),
];

const ENDED: &[(&str, Target)] = &[
    ("ProcessId", Number(Field::ProcessPid)),
    ("ProcessName", EXECUTABLE),
    ("Status", Number(Field::ProcessExitCode)),
    ("SubjectDomainName", As(Field::UserDomain)),
    ("SubjectUserName", As(Field::UserName)),
    ("SubjectUserSid", As(Field::UserId)),
];

const LOGIN: &[(&str, Target)] = &[
    ("AccountDomain", As(Field::UserDomain)),
    ("AccountName", As(Field::UserName)),
    ("ClientAddress", Address(Field::SourceIp)),
    ("ClientName", As(Field::SourceDomain)),
    ("IpAddress", Address(Field::SourceIp)),
    ("IpPort", Number(Field::SourcePort)),
    ("ProcessId", Number(Field::ProcessPid)),
    ("ProcessName", EXECUTABLE),
    ("TargetDomainName", As(Field::UserDomain)),
    ("TargetLogonId", As(Field::SessionId)),
    ("TargetUserName", As(Field::UserName)),
    ("TargetUserSid", As(Field::UserId)),
    ("WorkstationName", As(Field::SourceDomain)),
];

const TICKET: &[(&str, Target)] = &[
    ("IpAddress", Address(Field::SourceIp)),
    ("IpPort", Number(Field::SourcePort)),
    ("ServiceName", As(Field::ServiceName)),
    ("TargetDomainName", As(Field::UserDomain)),
    ("TargetSid", As(Field::UserId)),
    ("TargetUserName", As(Field::UserName)),
    ("Workstation", As(Field::SourceDomain)),
];

const EXPLICIT: &[(&str, Target)] = &[
    ("IpAddress", Address(Field::SourceIp)),
    ("IpPort", Number(Field::SourcePort)),
    ("ProcessId", Number(Field::ProcessPid)),
    ("ProcessName", EXECUTABLE),
    ("SubjectDomainName", As(Field::UserDomain)),
    ("SubjectUserName", As(Field::UserName)),
    ("SubjectUserSid", As(Field::UserId)),
    ("TargetServerName", As(Field::DestinationDomain)),
    ("TargetUserName", As(Field::UserEffectiveName)),
];

const REGISTRY: &[(&str, Target)] = &[
    ("NewValue", Other("registry.data.strings")),
    ("ObjectName", Key),
    ("ObjectValueName", Other("registry.value")),
    ("ProcessId", Number(Field::ProcessPid)),
    ("ProcessName", EXECUTABLE),
    ("SubjectDomainName", As(Field::UserDomain)),
    ("SubjectUserName", As(Field::UserName)),
    ("SubjectUserSid", As(Field::UserId)),
];

const OBJECT: &[(&str, Target)] = &[
    ("ObjectName", FILE),
    ("ProcessId", Number(Field::ProcessPid)),
    ("ProcessName", EXECUTABLE),
    ("SubjectDomainName", As(Field::UserDomain)),
    ("SubjectUserName", As(Field::UserName)),
    ("SubjectUserSid", As(Field::UserId)),
];

const SERVICE: &[(&str, Target)] = &[
    ("ServiceFileName", As(Field::ProcessCommandLine)),
    ("ServiceName", As(Field::ServiceName)),
    ("SubjectDomainName", As(Field::UserDomain)),
    ("SubjectUserName", As(Field::UserName)),
    ("SubjectUserSid", As(Field::UserId)),
];

const GROUP: &[(&str, Target)] = &[
    ("MemberName", As(Field::UserTargetName)),
    ("MemberSid", Other("user.target.id")),
    ("SubjectDomainName", As(Field::UserDomain)),
    ("SubjectUserName", As(Field::UserName)),
    ("SubjectUserSid", As(Field::UserId)),
    ("TargetSid", As(Field::GroupId)),
    ("TargetUserName", As(Field::GroupName)),
];

const SHARE: &[(&str, Target)] = &[
    ("IpAddress", Address(Field::SourceIp)),
    ("IpPort", Number(Field::SourcePort)),
    ("RelativeTargetName", FILE),
    ("SubjectDomainName", As(Field::UserDomain)),
    ("SubjectUserName", As(Field::UserName)),
    ("SubjectUserSid", As(Field::UserId)),
];

const CONNECTION: &[(&str, Target)] = &[
    ("Application", EXECUTABLE),
    ("DestAddress", Address(Field::DestinationIp)),
    ("DestPort", Number(Field::DestinationPort)),
    ("ProcessID", Number(Field::ProcessPid)),
    ("ProcessId", Number(Field::ProcessPid)),
    ("Protocol", Transport),
    ("SourceAddress", Address(Field::SourceIp)),
    ("SourcePort", Number(Field::SourcePort)),
];

const ACCOUNT: &[(&str, Target)] = &[
    ("IpAddress", Address(Field::SourceIp)),
    ("IpPort", Number(Field::SourcePort)),
    ("ProcessName", EXECUTABLE),
    ("SubjectDomainName", As(Field::UserDomain)),
    ("SubjectUserName", As(Field::UserName)),
    ("SubjectUserSid", As(Field::UserId)),
    ("TargetSid", Other("user.target.id")),
    ("TargetUserName", As(Field::UserTargetName)),
];

macro_rules! kinds {
    ($($provider:ident $code:literal $action:literal $category:literal $kind:literal $outcome:literal)*) => {
        /// What the usual events are, in the words of the Elastic Common Schema.
        pub(super) const KINDS: &[Kind] = &[ $( Kind {
            provider: Provider::$provider,
            code: $code,
            action: $action,
            category: $category,
            kind: $kind,
            outcome: $outcome,
        }, )* ];
    };
}

kinds! {
    Sysmon 1 "process_created" "process" "start" ""
    Sysmon 2 "file_time_changed" "file" "change" ""
    Sysmon 3 "network_connection" "network" "connection" ""
    Sysmon 5 "process_ended" "process" "end" ""
    Sysmon 6 "driver_loaded" "driver" "start" ""
    Sysmon 7 "image_loaded" "library" "start" ""
    Sysmon 8 "remote_thread_created" "process" "change" ""
    Sysmon 9 "disk_read_raw" "process" "access" ""
    Sysmon 10 "process_accessed" "process" "access" ""
    Sysmon 11 "file_created" "file" "creation" ""
    Sysmon 12 "registry_key_changed" "registry" "change" ""
    Sysmon 13 "registry_value_set" "registry" "change" ""
    Sysmon 14 "registry_key_renamed" "registry" "change" ""
    Sysmon 15 "file_stream_created" "file" "creation" ""
    Sysmon 17 "pipe_created" "file" "creation" ""
    Sysmon 18 "pipe_connected" "file" "access" ""
    Sysmon 22 "dns_query" "network" "protocol" ""
    Sysmon 23 "file_deleted" "file" "deletion" ""
    Sysmon 25 "process_tampered" "process" "change" ""
    Sysmon 26 "file_deleted" "file" "deletion" ""
    Sysmon 29 "executable_created" "file" "creation" ""
    Security 4624 "windows_login" "authentication" "start" "success"
    Security 4625 "windows_login" "authentication" "start" "failure"
    Security 4634 "windows_logout" "authentication" "end" "success"
    Security 4647 "windows_logout" "authentication" "end" "success"
    Security 4648 "windows_login_as_another" "authentication" "start" "success"
    Security 4657 "registry_value_set" "registry" "change" "success"
    Security 4663 "object_accessed" "file" "access" "success"
    Security 4672 "privileges_given" "iam" "admin" "success"
    Security 4688 "process_created" "process" "start" "success"
    Security 4689 "process_ended" "process" "end" "success"
    Security 4697 "service_installed" "configuration" "creation" "success"
    Security 4698 "task_created" "configuration" "creation" "success"
    Security 4699 "task_deleted" "configuration" "deletion" "success"
    Security 4702 "task_changed" "configuration" "change" "success"
    Security 4719 "audit_policy_changed" "configuration" "change" "success"
    Security 4720 "user_created" "iam" "creation" "success"
    Security 4722 "user_enabled" "iam" "change" "success"
    Security 4723 "password_changed" "iam" "change" "success"
    Security 4724 "password_reset" "iam" "change" "success"
    Security 4725 "user_disabled" "iam" "change" "success"
    Security 4726 "user_deleted" "iam" "deletion" "success"
    Security 4728 "group_member_added" "iam" "change" "success"
    Security 4732 "group_member_added" "iam" "change" "success"
    Security 4738 "user_changed" "iam" "change" "success"
    Security 4740 "user_locked_out" "iam" "change" "success"
    Security 4756 "group_member_added" "iam" "change" "success"
    Security 4768 "ticket_granting_ticket_asked" "authentication" "start" ""
    Security 4769 "service_ticket_asked" "authentication" "start" ""
    Security 4771 "pre_authentication" "authentication" "start" "failure"
    Security 4776 "credentials_checked" "authentication" "start" ""
    Security 5140 "share_accessed" "network" "access" "success"
    Security 5145 "share_object_checked" "network" "access" ""
    Security 5156 "network_connection" "network" "connection" "success"
    Security 5157 "network_connection" "network" "denied" "failure"
    EventLog 104 "log_cleared" "configuration" "deletion" "success"
    EventLog 1102 "log_cleared" "configuration" "deletion" "success"
    ServiceControl 7045 "service_installed" "configuration" "creation" "success"
    PowerShell 4103 "command_run" "process" "info" ""
    PowerShell 4104 "script_block_run" "process" "info" ""
    LocalSessions 21 "session_opened" "session" "start" "success"
    LocalSessions 23 "session_closed" "session" "end" "success"
    LocalSessions 24 "session_disconnected" "session" "end" "success"
    LocalSessions 25 "session_reconnected" "session" "start" "success"
}
