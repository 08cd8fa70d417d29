//! Any syslog message: the fields of its header, whatever its text says.
//!
//! ```text
//! Nov 21 06:58:00 web1 myprog[4711]: whatever the program wrote
//! ```
//!
//! The header is read before any format is asked; this row stands for the messages of programs that
//! have no format of their own.

use crate::Format;

pub(crate) const FORMAT: Format = Format {
    id: "syslog",
    summary: "syslog messages of any other program (RFC 3164, RFC 5424)",
    programs: &[],
    recognises: |_| false,
    parse: |_, _, _| Ok(()),
};
