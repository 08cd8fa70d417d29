//! The syslog header around a message, in the dialects that are seen in the wild.
//!
//! ```text
//! <34>1 2026-11-21T06:58:00.003Z web1 sshd 4711 ID47 [meta@1 seq="7"] Failed password …   RFC 5424
//! <34>Nov 21 06:58:00 web1 sshd[4711]: Failed password …                                  RFC 3164
//! Nov 21 06:58:00 web1 sshd[4711]: Failed password …                                      /var/log
//! 2026-11-21T06:58:00.123+01:00 web1 sshd[4711]: Failed password …                        rsyslog
//! ```
//!
//! A relay may have put its own header before the sender's; the innermost tells the host. Where the
//! daemon folded messages (`message repeated 5 times: [ … ]`) the inner one is the message.

mod header;
mod priority;
mod repeat;
mod rfc5424;
mod tag;

use model::{Event, Field};

use self::header::Header;
use crate::Context;

/// How many headers may stand before one message.
const HEADERS_MAX: usize = 3;

/// A record without its header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    /// Whether there was a header.
    pub(crate) headed: bool,
    /// The program as the header names it, or nothing.
    pub(crate) tag: &'a str,
    /// What is left.
    pub(crate) message: &'a str,
}

/// Reads the header of a record, if it has one, into the event.
pub(crate) fn read<'a>(text: &'a str, context: &Context<'_>, event: &mut Event) -> Frame<'a> {
    let text = text.trim_start_matches('\u{feff}');
    let mut frame = Frame { headed: false, tag: "", message: text };
    let mut relay = None;
    for _ in 0..HEADERS_MAX {
        // Past a program's name it is the program that speaks: its text is no header of ours.
        if !frame.tag.is_empty() {
            break;
        }
        let Some(header) = header::read(frame.message, context, event) else { break };
        if let Some(relay) = relay {
            event.set(Field::ObserverName, relay);
        }
        relay = header.host.or(relay);
        write(&header, event);
        frame = Frame { headed: true, tag: header.tag, message: header.message };
    }
    if frame.headed {
        frame.message = repeat::unfold(frame.message, event);
        event.set(Field::Message, frame.message);
    }
    frame
}

/// Writes a header into the event; one further in replaces what one further out said.
fn write(header: &Header<'_>, event: &mut Event) {
    if let Some(time) = header.time {
        event.time = time;
    }
    if let Some(host) = header.host {
        event.set(Field::HostHostname, host);
        event.set(Field::HostName, host);
        event.set(Field::SyslogHostname, host);
    }
    if let Some(code) = header.priority {
        priority::write(code, event);
    }
    if !header.tag.is_empty() {
        event.set(Field::SyslogAppname, header.tag);
        event.set(Field::ProcessName, tag::program(header.tag));
    }
    if !header.pid.is_empty() {
        event.set(Field::SyslogProcid, header.pid);
        if let Ok(pid) = header.pid.parse::<u32>() {
            event.set(Field::ProcessPid, pid);
        }
    }
}

/// Gives the program's bare name of a tag: `su(pam_unix)` is `su`, `/usr/sbin/cron` is `cron`.
pub(crate) fn program(tag: &str) -> &str {
    tag::program(tag)
}
