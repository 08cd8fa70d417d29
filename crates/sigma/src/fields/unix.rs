//! Linux and macOS: what Sysmon's names are in common names, and the audit log's own.
//!
//! The audit log's names (`type`, `a0`, `comm`, `exe`, `key`, `name`) stand in an event as the record
//! has them.

use super::{Table, is, is_product};

pub(super) const TABLES: &[Table] = &[
    Table {
        fits: |source| is_product(source, "linux") && is(source.service.as_deref(), "auditd"),
        names: AUDITD,
    },
    Table { fits: |source| !is_product(source, "windows"), names: EVERYWHERE },
];

const AUDITD: &[(&str, &[&str])] = &[
    ("SYSCALL", &["syscall"]),
    ("comm", &["process.name"]),
    ("exe", &["process.executable"]),
    ("name", &["file.path"]),
    ("type", &["auditd.message_type"]),
];

const EVERYWHERE: &[(&str, &[&str])] = &[
    ("CommandLine", &["process.command_line"]),
    ("CurrentDirectory", &["process.working_directory"]),
    ("DestinationHostname", &["destination.domain"]),
    ("DestinationIp", &["destination.ip"]),
    ("DestinationPort", &["destination.port"]),
    ("Image", &["process.executable"]),
    ("Initiated", &["winlog.event_data.Initiated"]),
    ("LogonId", &["winlog.event_data.LogonId", "session.id"]),
    ("OriginalFileName", &["process.pe.original_file_name"]),
    ("ParentCommandLine", &["process.parent.command_line"]),
    ("ParentImage", &["process.parent.executable"]),
    ("ParentProcessId", &["process.parent.pid"]),
    ("ProcessId", &["process.pid"]),
    ("QueryName", &["dns.question.name"]),
    ("SourceIp", &["source.ip"]),
    ("SourcePort", &["source.port"]),
    ("TargetFilename", &["file.path"]),
    ("USER", &["user.effective.name"]),
    ("User", &["user.name"]),
    ("dst_ip", &["destination.ip"]),
    ("dst_port", &["destination.port"]),
    ("query", &["dns.question.name"]),
    ("src_ip", &["source.ip"]),
    ("src_port", &["source.port"]),
];
