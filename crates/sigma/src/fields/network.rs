//! Firewalls, name servers, flows, and what Zeek writes.

use super::{Table, is_category, is_one, is_product};

pub(super) const TABLES: &[Table] = &[
    Table { fits: |source| is_category(source, &["firewall"]), names: FIREWALL },
    Table { fits: |source| is_category(source, &["dns"]), names: DNS },
    Table { fits: |source| is_product(source, "zeek"), names: ZEEK },
    Table {
        fits: |source| is_one(source.service.as_deref(), &["netflow"]),
        names: &[("dst_port", &["destination.port"]), ("src_port", &["source.port"])],
    },
    Table { fits: |source| is_product(source, "fortigate"), names: FORTIGATE },
];

const FIREWALL: &[(&str, &[&str])] = &[
    ("action", &["event.action"]),
    ("dst_ip", &["destination.ip"]),
    ("dst_port", &["destination.port"]),
    ("src_ip", &["source.ip"]),
    ("src_port", &["source.port"]),
];

const DNS: &[(&str, &[&str])] = &[
    ("answer", &["dns.answers.data"]),
    ("query", &["dns.question.name"]),
    ("record_type", &["dns.question.type"]),
];

/// Zeek's own names stand first; these are for the events of collectors that translate them.
const ZEEK: &[(&str, &[&str])] = &[
    ("answers", &["dns.answers.data"]),
    ("c-uri", &["uri", "url.original"]),
    ("c-useragent", &["user_agent", "user_agent.original"]),
    ("certificate.serial", &["x509.serial_number"]),
    ("cipher", &["zeek.kerberos.cipher"]),
    ("client_header_names", &["zeek.http.client_header_names"]),
    ("endpoint", &["zeek.dce_rpc.endpoint"]),
    ("host", &["url.domain"]),
    ("id.orig_h", &["source.ip"]),
    ("id.orig_p", &["source.port"]),
    ("id.resp_h", &["destination.ip"]),
    ("id.resp_p", &["destination.port"]),
    ("method", &["http.request.method"]),
    ("name", &["file.name", "zeek.smb_files.name"]),
    ("operation", &["zeek.dce_rpc.operation"]),
    ("path", &["file.path", "zeek.smb_files.path"]),
    ("qtype_name", &["dns.question.type"]),
    ("query", &["dns.question.name"]),
    ("request_body_len", &["http.request.body.bytes"]),
    ("request_type", &["zeek.kerberos.request_type"]),
    ("resp_mime_types", &["http.response.mime_type"]),
    ("service", &["zeek.kerberos.service"]),
    ("status_code", &["http.response.status_code"]),
    ("uri", &["url.original"]),
    ("user_agent", &["user_agent.original"]),
];

const FORTIGATE: &[(&str, &[&str])] = &[
    ("action", &["fortinet.firewall.action", "event.action"]),
    ("cfgpath", &["fortinet.firewall.cfgpath"]),
];
