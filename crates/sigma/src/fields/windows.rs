//! Windows: the header that every event has, and the names by category and service.
//!
//! A value stands under its own name in `winlog.event_data`; these rows add the common names, and
//! the spellings of the security log for what Sigma knows from Sysmon.

use super::{Table, is, is_category, is_product};

pub(super) const TABLES: &[Table] = &[
    Table { fits: |source| is_product(source, "windows"), names: HEADER },
    Table {
        fits: |source| is_product(source, "windows") && is(source.service.as_deref(), "windefend"),
        names: DEFENDER,
    },
    Table {
        fits: |source| is_product(source, "windows") && is_category(source, &["process_creation"]),
        names: PROCESS_CREATION,
    },
    Table {
        fits: |source| {
            is_product(source, "windows") && is_category(source, &["network_connection"])
        },
        names: NETWORK_CONNECTION,
    },
    Table {
        fits: |source| {
            is_product(source, "windows")
                && is_category(
                    source,
                    &[
                        "registry_add",
                        "registry_delete",
                        "registry_event",
                        "registry_rename",
                        "registry_set",
                    ],
                )
        },
        names: REGISTRY,
    },
    Table {
        fits: |source| {
            is_product(source, "windows")
                && is_category(source, &["create_remote_thread", "process_access"])
        },
        names: BETWEEN_PROCESSES,
    },
    Table {
        fits: |source| is_product(source, "windows") && source.category.is_some(),
        names: OTHER_CATEGORIES,
    },
    Table { fits: |source| is_category(source, &["antivirus"]), names: ANTIVIRUS },
];

/// Tells a name that stands in an event's header, not among its values.
pub(super) fn is_of_header(name: &str) -> bool {
    HEADER.iter().any(|(header, _)| *header == name)
}

/// What stands in `System`, and what a collector adds to it. Flat events call the provider
/// `SourceName`.
const HEADER: &[(&str, &[&str])] = &[
    ("Channel", &["winlog.channel"]),
    ("Computer", &["winlog.computer_name", "host.name"]),
    ("EventID", &["event.code"]),
    ("Keywords", &["winlog.keywords"]),
    ("Level", &["event.severity"]),
    ("Message", &["message"]),
    ("Opcode", &["winlog.opcode"]),
    ("Provider_Name", &["event.provider", "SourceName"]),
    ("Task", &["winlog.task"]),
];

/// Defender writes its names with spaces.
const DEFENDER: &[(&str, &[&str])] = &[
    ("Feature_Name", &["winlog.event_data.Feature Name"]),
    ("NewValue", &["winlog.event_data.New Value"]),
    ("OldValue", &["winlog.event_data.Old Value"]),
    ("ProcessName", &["winlog.event_data.Process Name"]),
    ("SourceName", &["winlog.event_data.Source Name"]),
    ("ThreatName", &["winlog.event_data.Threat Name"]),
];

/// Scanners of all makers; of Defender's own names, the nearest.
const ANTIVIRUS: &[(&str, &[&str])] = &[
    ("Filename", &["winlog.event_data.Path", "file.path"]),
    ("Signature", &["winlog.event_data.Threat Name", "rule.name"]),
];

/// Sysmon's event 1, and 4688 of the security log.
const PROCESS_CREATION: &[(&str, &[&str])] = &[
    ("CommandLine", &["process.command_line"]),
    ("Company", &["process.pe.company"]),
    ("CurrentDirectory", &["process.working_directory"]),
    ("Description", &["process.pe.description"]),
    ("FileVersion", &["process.pe.file_version"]),
    ("Image", &["process.executable", "NewProcessName"]),
    ("IntegrityLevel", &["process.Ext.token.integrity_level_name"]),
    ("LogonId", &["winlog.event_data.SubjectLogonId", "SubjectLogonId"]),
    ("OriginalFileName", &["process.pe.original_file_name"]),
    ("ParentCommandLine", &["process.parent.command_line"]),
    ("ParentImage", &["process.parent.executable", "ParentProcessName"]),
    ("Product", &["process.pe.product"]),
    ("User", &["winlog.event_data.SubjectUserName", "SubjectUserName"]),
];

/// Sysmon's event 3, and 5156 of the security log.
const NETWORK_CONNECTION: &[(&str, &[&str])] = &[
    ("DestinationHostname", &["destination.domain"]),
    ("DestinationIp", &["destination.ip", "DestAddress"]),
    ("DestinationPort", &["destination.port", "DestPort"]),
    ("Image", &["process.executable", "Application"]),
    ("Protocol", &["network.transport"]),
    ("SourceHostname", &["source.domain"]),
    ("SourceIp", &["source.ip", "SourceAddress"]),
    ("SourcePort", &["source.port"]),
];

/// Sysmon's events 12 to 14, and 4657 of the security log, whose parts are joined when it is read.
const REGISTRY: &[(&str, &[&str])] = &[
    ("Details", &["registry.data.strings", "NewValue"]),
    ("Image", &["process.executable", "ProcessName"]),
    ("TargetObject", &["registry.path", "ObjectName"]),
];

const BETWEEN_PROCESSES: &[(&str, &[&str])] = &[("SourceImage", &["process.executable"])];

const OTHER_CATEGORIES: &[(&str, &[&str])] = &[
    ("Image", &["process.executable"]),
    ("ImageLoaded", &["file.path", "dll.path"]),
    ("Path", &["file.path"]),
    ("PipeName", &["file.name"]),
    ("QueryName", &["dns.question.name"]),
    ("ScriptBlockText", &["powershell.file.script_block_text"]),
    ("Signature", &["file.code_signature.subject_name"]),
    ("SignatureStatus", &["file.code_signature.status"]),
    ("Signed", &["file.code_signature.signed"]),
    ("TargetFilename", &["file.path"]),
];
