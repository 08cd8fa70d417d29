//! The table of formats: to add one, write its file and add its row.

mod access;
mod accounts;
mod apache_error;
mod auditd;
mod aws_alb;
mod cef;
mod charon;
mod cisco_asa;
mod cloudfront;
mod cron;
mod dnsmasq;
mod dovecot;
mod envoy;
mod filterlog;
mod haproxy;
mod json;
mod key_value;
mod leef;
mod logind;
mod mariadb_audit;
mod mysql;
mod named;
mod netfilter;
mod nginx_error;
mod openvpn;
mod palo_alto;
mod pam;
mod postfix;
mod postgresql;
mod proftpd;
mod proxy_manager;
mod pure_ftpd;
mod redis;
mod samba;
mod sensor;
mod shared;
mod squid;
mod sshd;
mod su;
mod sudo;
mod syslog;
mod systemd;
mod unbound;
mod vsftpd;
mod w3c;
mod windows;
mod windows_dns;

pub(crate) use pam::{FORMAT as PAM, wrote as written_by_pam};
pub(crate) use sensor::FORMAT as SENSOR;
pub(crate) use syslog::FORMAT as SYSLOG;

use crate::{Context, Format};

/// Gives what reads a line that is no syslog message, whatever a client made it look like: behind the date
/// that begins it a client's words could pass for the name of a program.
pub(crate) fn unframed(line: &str, context: &Context<'_>) -> Option<Format> {
    if !context.columns.is_empty() {
        // What stands behind the first column is the log's; further on a client may write the other.
        let separator = line.bytes().find(|byte| matches!(byte, b' ' | b'\t'));
        return Some(if separator == Some(b'\t') { cloudfront::FORMAT } else { w3c::FORMAT });
    }
    (w3c::FORMAT.recognises)(line).then_some(w3c::FORMAT)
}

/// Gives what reads a text whose beginning alone says what it is. Such are asked before those that look
/// for a phrase: in a request a client may write the phrases of any other log.
pub(crate) fn anchored(text: &str) -> Option<Format> {
    let candidates: &[Format] = match text.bytes().next()? {
        b'{' => &[json::FORMAT],
        b'[' => &[envoy::FORMAT],
        b'0'..=b'9' => &[
            w3c::FORMAT,
            cloudfront::FORMAT,
            squid::FORMAT,
            haproxy::FORMAT,
            aws_alb::FORMAT,
            access::ANCHORED,
        ],
        b'g' | b'h' | b'w' => &[aws_alb::FORMAT, access::ANCHORED],
        b'<' => &[],
        _ => &[access::ANCHORED],
    };
    candidates.iter().find(|format| (format.recognises)(text)).copied()
}

/// Every format, in the order in which they are tried.
pub const FORMATS: &[Format] = &[
    sshd::FORMAT,
    pam::FORMAT,
    sudo::FORMAT,
    su::FORMAT,
    cron::FORMAT,
    accounts::FORMAT,
    logind::FORMAT,
    systemd::FORMAT,
    charon::FORMAT,
    dovecot::FORMAT,
    filterlog::FORMAT,
    named::FORMAT,
    dnsmasq::FORMAT,
    unbound::FORMAT,
    postfix::FORMAT,
    openvpn::FORMAT,
    proftpd::FORMAT,
    pure_ftpd::FORMAT,
    samba::FORMAT,
    vsftpd::FORMAT,
    auditd::FORMAT,
    netfilter::FORMAT,
    cisco_asa::FORMAT,
    palo_alto::FORMAT,
    windows::FORMAT,
    json::FORMAT,
    cef::FORMAT,
    leef::FORMAT,
    haproxy::FORMAT,
    envoy::FORMAT,
    squid::FORMAT,
    w3c::FORMAT,
    cloudfront::FORMAT,
    aws_alb::FORMAT,
    windows_dns::FORMAT,
    proxy_manager::FORMAT,
    access::FORMAT,
    nginx_error::FORMAT,
    apache_error::FORMAT,
    mysql::FORMAT,
    mariadb_audit::FORMAT,
    postgresql::FORMAT,
    redis::FORMAT,
    key_value::FORMAT,
    syslog::FORMAT,
];
